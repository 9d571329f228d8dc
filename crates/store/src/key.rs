//! Keys, values and the ranges of keys that reads and read sets speak of.

use std::cmp::Ordering;
use std::rc::Rc;

/// A key: bytes, ordered as bytes are.
pub type Key = Rc<[u8]>;

/// A value: bytes that the store never looks into.
pub type Value = Rc<[u8]>;

/// Keys that begin with this byte, or a greater one, are kept apart from the others: in a frame of their own in a log entry, and
/// in blocks of their own. So of a key here and one there, whatever is damaged in one place, one is left.
pub const APART: u8 = 0x80;

/// Which end of a range a scan begins at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the smallest key on.
    #[default]
    Forward,
    /// From the greatest key on.
    Backward,
}

/// The keys from `from` (with it) up to `until` (without it).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRange {
    /// The first key that may be in it.
    pub from: Vec<u8>,
    /// The first key that is not in it any more; `None` is "to the end".
    pub until: Option<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Every key from this one on.
    #[must_use]
    pub fn from(from: &[u8]) -> Self {
        Self { from: from.to_vec(), until: None }
    }

    /// The keys from `from` up to, and without, `until`.
    #[must_use]
    pub fn between(from: &[u8], until: &[u8]) -> Self {
        Self { from: from.to_vec(), until: Some(until.to_vec()) }
    }

    /// The keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { from: prefix.to_vec(), until: after_prefix(prefix) }
    }

    /// Those of its keys that are greater than `key`.
    #[must_use]
    pub fn after(&self, key: &[u8]) -> Self {
        Self { from: successor(key), until: self.until.clone() }
    }

    /// Whether `key` is in it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.from.as_slice() && self.until.as_deref().is_none_or(|until| key < until)
    }

    /// Whether no key can be in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.until.as_deref().is_some_and(|until| until <= self.from.as_slice())
    }
}

/// The least key that is greater than every key that begins with `prefix`.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The least key that is greater than `key`.
pub(crate) fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// How many bytes two keys have in common at their beginning. They are looked at eight at a time: WebAssembly compares bytes one by one.
pub(crate) fn shared(one: &[u8], two: &[u8]) -> usize {
    let mut at = 0;
    while let (Some(left), Some(right)) = (one[at..].first_chunk(), two[at..].first_chunk()) {
        let differing = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
        if differing != 0 {
            return at + differing.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + one[at..].iter().zip(&two[at..]).take_while(|(left, right)| left == right).count()
}

/// The order of two keys.
pub(crate) fn compare(one: &[u8], two: &[u8]) -> Ordering {
    let at = shared(one, two);
    one.get(at).cmp(&two.get(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_ordered_as_slices_are(one in prop::collection::vec(0..3_u8, 0..30), two in prop::collection::vec(0..3_u8, 0..30)) {
            for (one, two) in [(&one, &two), (&[&*one, &two].concat(), &[&*one, &[2]].concat()), (&one, &one)] {
                prop_assert_eq!(compare(one, two), one.cmp(two));
                let same = one.iter().zip(two).take_while(|(one, two)| one == two).count();
                prop_assert_eq!(shared(one, two), same);
            }
        }
    }

    #[test]
    fn a_prefix_ends_before_the_next_prefix() {
        let range = KeyRange::prefix(&[1, 0xff]);
        assert!(range.contains(&[1, 0xff]));
        assert!(range.contains(&[1, 0xff, 0xff, 0xff]));
        assert!(!range.contains(&[2]));
        assert!(KeyRange::prefix(&[0xff]).until.is_none());
        assert!(KeyRange::prefix(&[]).contains(b"x"));
        assert!(KeyRange::between(b"b", b"b").is_empty());
    }
}

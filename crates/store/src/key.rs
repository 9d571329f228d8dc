//! Keys, values and the ranges of keys that reads and read sets speak of.

use std::ops::Bound;
use std::rc::Rc;

/// A key: bytes, ordered as bytes are.
pub type Key = Rc<[u8]>;

/// A value: bytes that the store never looks into.
pub type Value = Rc<[u8]>;

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

    /// Whether `key` is in it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.from.as_slice() && self.until.as_deref().is_none_or(|until| key < until)
    }

    /// As an ordered map wants it. Of an empty range it may be one that the map refuses.
    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (Bound::Included(&self.from), self.until.as_deref().map_or(Bound::Unbounded, Bound::Excluded))
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

#[cfg(test)]
mod tests {
    use super::*;

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

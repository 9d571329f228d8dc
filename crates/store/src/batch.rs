//! Writes that are not in the log yet, by key; those made since a mark can be taken back.
//!
//! ```text
//!   writes   key value key value …            one buffer, in the order of their coming
//!   latest   hash ──► the last write of a key, which alone counts
//!   runs     positions by key, the newest run last; made when somebody walks: most batches only grow and are asked for keys
//! ```

mod latest;
mod sorting;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use crate::encoding::Records;
use crate::filter::KeyHash;
use crate::key::{KeyRange, compare};
use latest::Latest;
use sorting::sort_by_key;

/// Positions of writes, by their keys, each once.
pub(crate) type Sorted = Rc<Vec<u32>>;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    /// Not in key order, and of one key there may be several.
    writes: Records,
    latest: Latest,
    runs: RefCell<Runs>,
    mark: usize,
}

#[derive(Clone, Debug, Default)]
struct Runs {
    /// How many of the writes are in them.
    covered: usize,
    /// Oldest first; each more than twice as long as the next.
    sorted: Vec<Sorted>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Keys and values, those written over included.
    pub(crate) fn bytes(&self) -> usize {
        self.writes.bytes()
    }

    /// [`Self::roll_back`] goes back to here.
    pub(crate) fn set_mark(&mut self) {
        self.mark = self.writes.len();
    }

    /// Takes back what was written since the mark.
    pub(crate) fn roll_back(&mut self) {
        if self.writes.len() > self.mark {
            self.writes.truncate(self.mark);
            self.latest.begin_again(self.mark, &self.writes);
            self.runs.take();
        }
    }

    pub(crate) fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.writes.push(key, value);
        self.latest.add(KeyHash::of(key), &self.writes);
    }

    pub(crate) fn contains_key(&self, key: &[u8]) -> bool {
        self.latest.find(key, KeyHash::of(key), &self.writes).is_some()
    }

    /// `None` if the key, whose hash it is, is not here, `Some(None)` if it is deleted here.
    pub(crate) fn find(&self, key: &[u8], hash: KeyHash) -> Option<Option<&[u8]>> {
        self.latest.find(key, hash, &self.writes).map(|position| self.writes.record(position).1)
    }

    /// The write at a position.
    pub(crate) fn record(&self, position: u32) -> (&[u8], Option<&[u8]>) {
        self.writes.record(position as usize)
    }

    /// The writes in a range, as runs with the first and the last index of each: newest run first, which hides the others.
    pub(crate) fn range(&self, range: &KeyRange) -> Vec<(Sorted, (usize, usize))> {
        let mut runs = self.runs.borrow_mut();
        self.bring_up_to_date(&mut runs);
        let mut found = Vec::new();
        for sorted in runs.sorted.iter().rev() {
            let before = |end: &[u8]| sorted.partition_point(|position| compare(self.record(*position).0, end).is_lt());
            let first = before(&range.from);
            let end = range.until.as_deref().map_or(sorted.len(), before);
            if first < end {
                found.push((sorted.clone(), (first, end - 1)));
            }
        }
        found
    }

    /// In key order, as the log takes them.
    pub(crate) fn to_records(&self) -> Records {
        let mut records = Records::with_capacity(self.writes.len(), self.writes.bytes());
        for position in self.sorted(0) {
            let (key, value) = self.record(position);
            records.push(key, value);
        }
        records
    }

    /// The writes from `first` on that count, by key.
    fn sorted(&self, first: usize) -> Vec<u32> {
        sort_by_key(self.latest.of(first, &self.writes), &self.writes)
    }

    fn bring_up_to_date(&self, runs: &mut Runs) {
        if runs.covered == self.writes.len() {
            return;
        }
        runs.sorted.push(Rc::new(self.sorted(runs.covered)));
        runs.covered = self.writes.len();
        while let [.., older, newer] = runs.sorted.as_slice() {
            if older.len() > 2 * newer.len() {
                return;
            }
            let joined = Rc::new(self.joined(older, newer));
            runs.sorted.truncate(runs.sorted.len() - 2);
            runs.sorted.push(joined);
        }
    }

    /// Both as one; of equal keys the newer.
    fn joined(&self, mut older: &[u32], mut newer: &[u32]) -> Vec<u32> {
        let mut joined = Vec::with_capacity(older.len() + newer.len());
        while let ([old, old_rest @ ..], [new, new_rest @ ..]) = (older, newer) {
            let order = compare(self.record(*old).0, self.record(*new).0);
            joined.push(if order == Ordering::Less { *old } else { *new });
            if order != Ordering::Greater {
                older = old_rest;
            }
            if order != Ordering::Less {
                newer = new_rest;
            }
        }
        joined.extend_from_slice(older);
        joined.extend_from_slice(newer);
        joined
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn writes() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
        prop::collection::vec((0..9_u8, any::<Option<u8>>()), 0..12)
    }

    /// What a walk over the runs shows: of equal keys that of the newest.
    fn walked(batch: &Batch, range: &KeyRange) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        let mut shown = BTreeMap::new();
        for (run, (first, last)) in batch.range(range).into_iter().rev() {
            let of_run: Vec<_> = run[first..=last].iter().map(|position| batch.record(*position)).collect();
            assert!(of_run.is_sorted_by(|(one, _), (two, _)| one < two));
            shown.extend(of_run.into_iter().map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))));
        }
        shown
    }

    proptest! {
        #[test]
        fn what_is_taken_back_was_never_there(
            parts in prop::collection::vec((writes(), any::<bool>(), any::<bool>()), 0..9),
            from in 0..9_u8,
        ) {
            let mut batch = Batch::new();
            let mut kept = BTreeMap::new();
            for (writes, is_walked, stays) in parts {
                batch.set_mark();
                for (key, value) in &writes {
                    batch.put(&[*key], value.as_ref().map(std::slice::from_ref));
                    if is_walked {
                        prop_assert!(walked(&batch, &KeyRange::all()).contains_key(&[*key][..]));
                    }
                }
                match stays {
                    true => kept.extend(writes),
                    false => batch.roll_back(),
                }
                let expected: Records = kept.iter().map(|(key, value)| ([*key], value.map(|value| [value]))).collect();
                prop_assert_eq!(batch.to_records(), expected);
                for key in 0..9 {
                    let found = batch.find(&[key], KeyHash::of(&[key])).map(|value| value.map(|value| value[0]));
                    prop_assert_eq!(found, kept.get(&key).copied());
                }
                let range = KeyRange::between(&[from], &[from + 4]);
                let expected: BTreeMap<_, _> =
                    kept.range(from..from + 4).map(|(key, value)| (vec![*key], value.map(|value| vec![value]))).collect();
                prop_assert_eq!(walked(&batch, &range), expected);
            }
        }
    }

    #[test]
    fn walks_between_writes_leave_few_runs() {
        let mut batch = Batch::new();
        for n in 0..1_000_u32 {
            batch.put(&n.wrapping_mul(0x9E37_79B1).to_be_bytes(), None);
            assert!(batch.range(&KeyRange::all()).len() <= 10);
        }
    }
}

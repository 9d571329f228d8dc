//! What memory holds of the log: a few sorted segments that never change, so that whoever folds shares them.
//!
//! ```text
//!   commit ──► segment of its own ──► joined with the one before it while that is no larger, up to a limit
//!              oldest …………………………………………………… newest
//!              └── frozen: a fold has them ──┘   joined among themselves no more, dropped whole once they are in blocks
//! ```
//!
//! A segment covers log entries without a gap. One that is folded in part stays whole until all of it is: its words are
//! never older than those in blocks.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::disk::LogSeq;
use crate::encoding::Records;
use crate::filter::{Filter, KeyHash};
use crate::key::{KeyRange, compare};

/// Segments are not joined beyond this: it bounds the longest join, and with the log's size their number.
const SEGMENT_BYTES_MAX: usize = 1 << 20;

/// What an entry takes besides its records, roughly.
const ENTRY_BYTES: usize = 64;

/// The last word on each key in some entries that follow one another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Segment {
    pub records: Rc<Records>,
    first: LogSeq,
    last: LogSeq,
    /// How long after `first` each record was written; empty where it is one entry.
    ages: Rc<Vec<u32>>,
    filter: Rc<Filter>,
    /// What its entries take in the log, roughly: more than is left of them here.
    logged: usize,
}

impl Segment {
    /// One entry.
    pub(crate) fn of(seq: LogSeq, records: Rc<Records>) -> Self {
        let logged = bytes_of(&records);
        Self::new(records, seq, seq, Vec::new(), logged)
    }

    fn new(records: Rc<Records>, first: LogSeq, last: LogSeq, ages: Vec<u32>, logged: usize) -> Self {
        let mut filter = Filter::new(records.len());
        records.iter().for_each(|(key, _)| filter.add(KeyHash::of(key)));
        Self { records, first, last, ages: Rc::new(ages), filter: Rc::new(filter), logged }
    }

    /// `None` if the key, whose hash it is, is not here; `Some(None)` if it is deleted here.
    pub(crate) fn find(&self, key: &[u8], hash: KeyHash) -> Option<Option<&[u8]>> {
        if self.filter.may_hold(hash) { self.records.find(key) } else { None }
    }

    /// What it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        bytes_of(&self.records)
    }

    fn seq(&self, index: usize) -> LogSeq {
        LogSeq(self.first.0 + self.ages.get(index).copied().map_or(0, u64::from))
    }

    /// Both as one; of equal keys that of `newer`.
    fn join(older: &Self, newer: &Self) -> Self {
        let (old, new) = (&older.records, &newer.records);
        let mut records = Records::with_capacity(old.len() + new.len(), old.bytes() + new.bytes());
        let mut ages = Vec::with_capacity(old.len() + new.len());
        let (mut at_old, mut at_new) = (0, 0);
        while at_old < old.len() || at_new < new.len() {
            let order = match (at_old < old.len(), at_new < new.len()) {
                (true, true) => compare(old.key(at_old), new.key(at_new)),
                (true, false) => Ordering::Less,
                (false, _) => Ordering::Greater,
            };
            let from_old = order == Ordering::Less;
            let (source, index) = if from_old { (older, at_old) } else { (newer, at_new) };
            let (key, value) = source.records.record(index);
            at_old += usize::from(order != Ordering::Greater);
            at_new += usize::from(!from_old);
            records.push(key, value);
            ages.push(u32::try_from(source.seq(index).0 - older.first.0).expect("memory never holds so many entries"));
        }
        Self::new(Rc::new(records), older.first, newer.last, ages, older.logged + newer.logged)
    }
}

fn bytes_of(records: &Records) -> usize {
    ENTRY_BYTES + records.bytes()
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Memory {
    /// Oldest first.
    segments: Vec<Segment>,
    /// A fold has what is up to here.
    frozen: LogSeq,
}

impl Memory {
    /// Takes the entry at `seq`, which follows the last one taken.
    pub(crate) fn push(&mut self, seq: LogSeq, records: Rc<Records>) {
        self.segments.push(Segment::of(seq, records));
        while let [.., older, newer] = self.segments.as_slice() {
            let (before, after) = (older.bytes(), newer.bytes());
            if older.first <= self.frozen || before > 2 * after || before + after > SEGMENT_BYTES_MAX {
                return;
            }
            let both = Segment::join(older, newer);
            self.segments.truncate(self.segments.len() - 2);
            self.segments.push(both);
        }
    }

    /// All of it as it is now, shared.
    pub(crate) fn freeze(&mut self) -> Vec<Segment> {
        self.frozen = self.segments.last().map_or(self.frozen, |segment| segment.last);
        self.segments.clone()
    }

    /// Lets go of what is in blocks.
    pub(crate) fn drop_through(&mut self, folded: LogSeq) {
        self.segments.retain(|segment| segment.last > folded);
    }

    /// What its entries take in the log, roughly, also those whose every key was written again.
    pub(crate) fn logged(&self) -> usize {
        self.segments.iter().map(|segment| segment.logged).sum()
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether an entry after `seq` wrote a key of `range`.
    pub(crate) fn has_changed(&self, range: &KeyRange, seq: LogSeq) -> bool {
        self.segments.iter().filter(|segment| segment.last > seq).any(|segment| {
            let inside = segment.records.inside(&range.from, range.until.as_deref());
            inside.is_some_and(|(first, last)| (first..=last).any(|index| segment.seq(index) > seq))
        })
    }

    /// How many records of a range there are, those hidden by newer ones included.
    pub(crate) fn count_in(&self, range: &KeyRange) -> usize {
        let inside = |segment: &Segment| segment.records.inside(&range.from, range.until.as_deref());
        self.segments.iter().filter_map(inside).map(|(first, last)| last - first + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The newest word on each key.
    fn content(memory: &Memory) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        let records = memory.segments().iter().flat_map(|segment| segment.records.iter());
        records.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect()
    }

    proptest! {
        #[test]
        fn joining_loses_nothing_and_changes_are_told_exactly(
            entries in prop::collection::vec(prop::collection::btree_map(0..30_u8, any::<Option<u8>>(), 1..5), 1..80),
            frozen_at in 0..80_u64,
        ) {
            let mut memory = Memory::default();
            let (mut model, mut written) = (BTreeMap::new(), BTreeMap::new());
            let mut frozen = (0, BTreeMap::new(), Vec::new());
            for (entry, seq) in entries.iter().zip(1..) {
                let records: Records = entry.iter().map(|(key, value)| ([*key], value.map(|value| [value]))).collect();
                memory.push(LogSeq(seq), Rc::new(records));
                for (key, value) in entry {
                    model.insert(vec![*key], value.map(|value| vec![value]));
                    written.insert(*key, seq);
                }
                prop_assert_eq!(&content(&memory), &model);
                if seq == frozen_at {
                    frozen = (seq, model.clone(), memory.freeze());
                }
            }
            let last = entries.len() as u64;
            for after in 0..=last {
                for (key, seq) in &written {
                    let only = KeyRange::prefix(&[*key]);
                    prop_assert_eq!(memory.has_changed(&only, LogSeq(after)), *seq > after, "{} after {}", key, after);
                }
            }
            prop_assert!(memory.segments().len() <= 20, "{} segments", memory.segments().len());
            let shared = Memory { segments: frozen.2, ..Memory::default() };
            prop_assert_eq!(content(&shared), frozen.1, "what a fold has stays as it was");
            memory.drop_through(LogSeq(frozen.0));
            prop_assert!(memory.segments().iter().all(|segment| segment.first > LogSeq(frozen.0)), "whole segments go");
            memory.drop_through(LogSeq(last));
            prop_assert_eq!(memory.logged(), 0);
        }
    }

    #[test]
    fn large_entries_are_not_copied() {
        let mut memory = Memory::default();
        let large: Vec<Rc<Records>> =
            (0..10_u8).map(|n| Rc::new([([n], Some(vec![n; SEGMENT_BYTES_MAX]))].into_iter().collect())).collect();
        for (records, seq) in large.iter().zip(1..) {
            memory.push(LogSeq(seq), records.clone());
        }
        let shared = memory.freeze();
        assert!(shared.iter().zip(&large).all(|(segment, entry)| Rc::ptr_eq(&segment.records, entry)));
        assert_eq!(shared.len(), large.len());
    }
}

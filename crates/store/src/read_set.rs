//! What a transaction has read, so that its commit can tell whether that still holds.

use crate::batch::Batch;
use crate::disk::LogSeq;
use crate::error::ReadConflict;
use crate::key::{KeyRange, successor};
use crate::tables::Tables;

/// Keys and ranges that were read, and up to which log position they are known to be unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    at: Option<LogSeq>,
    /// Sorted; a key is the range that holds it alone.
    ranges: Vec<KeyRange>,
}

impl ReadSet {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was read yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Takes a key out: whoever reads it does not depend on what it holds.
    pub fn forget(&mut self, key: &[u8]) {
        if let Ok(position) = self.ranges.binary_search(&only(key)) {
            self.ranges.remove(position);
        }
    }

    pub(crate) fn add_key(&mut self, key: &[u8]) {
        self.add_range(only(key));
    }

    pub(crate) fn add_range(&mut self, range: KeyRange) {
        if let Err(position) = self.ranges.binary_search(&range) {
            self.ranges.insert(position, range);
        }
    }

    /// Takes in what was read at `at`, after everything here was checked up to there.
    pub(crate) fn extend(&mut self, other: Self, at: LogSeq) {
        other.ranges.into_iter().for_each(|range| self.add_range(range));
        self.at = Some(at);
    }

    /// Whether nothing of it has changed in `tables`, nor in what is `planned`.
    ///
    /// When the changes since were folded away, it counts as changed: a transaction is run again rather than trusted.
    pub(crate) fn check(&self, tables: &Tables, planned: Option<&Batch>) -> Result<(), ReadConflict> {
        let Some(at) = self.at.filter(|_| !self.is_empty()) else {
            return Ok(());
        };
        let in_batch = |batch: &Batch| self.meets(|range| !batch.range(range).is_empty());
        if planned.is_some_and(in_batch) {
            return Err(ReadConflict);
        }
        if tables.tail() == at {
            return Ok(());
        }
        let changed = !tables.remembers(at) || self.meets(|range| tables.memory.has_changed(range, at));
        if changed { Err(ReadConflict) } else { Ok(()) }
    }

    fn meets(&self, is_written: impl Fn(&KeyRange) -> bool) -> bool {
        self.ranges.iter().filter(|range| !range.is_empty()).any(is_written)
    }
}

fn only(key: &[u8]) -> KeyRange {
    KeyRange { from: key.to_vec(), until: Some(successor(key)) }
}

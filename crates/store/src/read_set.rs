//! What a transaction has read, so that its commit can tell whether that still holds.

use std::collections::BTreeSet;

use crate::disk::LogSeq;
use crate::draft::Batch;
use crate::error::ReadConflict;
use crate::key::KeyRange;
use crate::tables::Tables;

/// Keys and ranges that were read, and up to which log position they are known to be unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    at: Option<LogSeq>,
    keys: BTreeSet<Vec<u8>>,
    ranges: BTreeSet<KeyRange>,
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
        self.keys.is_empty() && self.ranges.is_empty()
    }

    /// Takes a key out: whoever reads it does not depend on what it holds.
    pub fn forget(&mut self, key: &[u8]) {
        self.keys.remove(key);
    }

    pub(crate) fn add_key(&mut self, key: &[u8]) {
        if !self.keys.contains(key) {
            self.keys.insert(key.to_vec());
        }
    }

    pub(crate) fn add_range(&mut self, range: KeyRange) {
        self.ranges.insert(range);
    }

    /// Takes in what was read at `at`, after everything here was checked up to there.
    pub(crate) fn extend(&mut self, other: Self, at: LogSeq) {
        self.keys.extend(other.keys);
        self.ranges.extend(other.ranges);
        self.at = Some(at);
    }

    /// Whether nothing of it has changed in `tables`, nor in `overlay`.
    ///
    /// When the changes since were folded away, it counts as changed: a transaction is run again rather than trusted.
    pub(crate) fn check(&self, tables: &Tables, overlay: Option<&Batch>) -> Result<(), ReadConflict> {
        let Some(at) = self.at.filter(|_| !self.is_empty()) else {
            return Ok(());
        };
        if overlay.is_some_and(|overlay| self.touches(overlay)) {
            return Err(ReadConflict);
        }
        if tables.tail() == at {
            return Ok(());
        }
        if !tables.remembers(at) || self.changed_since(tables, at) { Err(ReadConflict) } else { Ok(()) }
    }

    fn changed_since(&self, tables: &Tables, at: LogSeq) -> bool {
        let later = |key: &Vec<u8>| tables.memory.get(key.as_slice()).is_some_and(|slot| slot.seq > at);
        let later_in = |range: &KeyRange| {
            !range.is_empty() && tables.memory.range::<[u8], _>(range.bounds()).any(|(_, slot)| slot.seq > at)
        };
        self.keys.iter().any(later) || self.ranges.iter().any(later_in)
    }

    fn touches(&self, overlay: &Batch) -> bool {
        let touched = |range: &KeyRange| !range.is_empty() && overlay.range::<[u8], _>(range.bounds()).next().is_some();
        self.keys.iter().any(|key| overlay.contains_key(key.as_slice())) || self.ranges.iter().any(touched)
    }
}

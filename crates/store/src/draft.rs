//! A batch being planned: reads see what is committed, what was planned before into the same batch, and its own writes.

use std::cell::RefCell;

use crate::batch::Batch;
use crate::blocks::BlockSet;
use crate::error::ReadConflict;
use crate::key::{Direction, KeyRange, Value};
use crate::layers::{Blocks, Layers};
use crate::missing::Missing;
use crate::read_set::ReadSet;
use crate::tables::Tables;
use crate::view::{self, Moment, Read, Show};

/// What [`Read::blocks`] takes for a block in memory.
const BLOCK_RECORDS: usize = 256;

/// What a plan reads from and writes to. All of its writes are committed, or none.
pub struct Draft<'a> {
    tables: &'a Tables,
    blocks: &'a dyn Blocks,
    batch: Batch,
    record: Option<&'a RefCell<ReadSet>>,
    goes_on: bool,
}

impl<'a> Draft<'a> {
    /// Plans into `batch`, over what is in it.
    pub(crate) fn new(tables: &'a Tables, blocks: &'a dyn Blocks, batch: Batch) -> Self {
        Self { tables, blocks, batch, record: None, goes_on: false }
    }

    /// The same, adding to `record` what is read from below its own writes.
    pub(crate) fn recording(self, record: &'a RefCell<ReadSet>) -> Self {
        Self { record: Some(record), ..self }
    }

    /// The same, of a plan that asked for a turn.
    pub(crate) fn going_on(self, goes_on: bool) -> Self {
        Self { goes_on, ..self }
    }

    /// Whether all that this plan wrote before it asked for a turn ([`Missing::turn`]) is still here, and nothing has changed
    /// since. If not, it begins from the start.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Gives `key` a value.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.set(key, Some(value));
    }

    /// Takes `key` away, if it is there.
    pub fn delete(&mut self, key: &[u8]) {
        self.set(key, None);
    }

    /// Gives `key` a value, or takes it away.
    pub fn set(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.batch.put(key, value);
    }

    /// Checks that what a transaction has read still holds, in the store and in the batches planned before this one. To be
    /// asked before the first write.
    ///
    /// # Errors
    /// [`ReadConflict`]: begin the transaction again.
    pub fn validate(&self, set: &ReadSet) -> Result<(), ReadConflict> {
        set.check(self.tables, Some(&self.batch))
    }

    pub(crate) fn into_batch(self) -> Batch {
        self.batch
    }

    fn layers(&self) -> Layers<'_> {
        Layers {
            batch: Some(&self.batch),
            memory: self.tables.memory.segments(),
            runs: &self.tables.manifest.runs,
            blocks: self.blocks,
        }
    }
}

impl Tables {
    /// Reads over these tables and `blocks`.
    #[must_use]
    pub fn view<'a>(&'a self, blocks: &'a BlockSet) -> impl Read + 'a {
        Draft::new(self, blocks, Batch::new())
    }
}

impl Read for Draft<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Missing> {
        if let Some(set) = self.record
            && !self.batch.contains_key(key)
        {
            set.borrow_mut().add_key(key);
        }
        self.layers().find(key)
    }

    fn visit(&self, range: &KeyRange, direction: Direction, show: &mut Show<'_>) -> Result<(), Missing> {
        view::visit_recorded(&self.layers(), self.record, range, direction, show)
    }

    fn moment(&self) -> Moment {
        Moment { tail: self.tables.tail(), generation: self.tables.generation() }
    }

    fn blocks(&self, range: &KeyRange) -> usize {
        let stored: usize = self.tables.manifest.runs.iter().map(|run| run.begin_in(range)).sum();
        stored + self.tables.memory.count_in(range) / BLOCK_RECORDS
    }
}

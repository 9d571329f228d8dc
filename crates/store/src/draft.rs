//! A batch being planned: reads see what is committed, what the group planned before, and its own writes.

use std::cell::RefCell;

use crate::blocks::BlockSet;
use crate::error::ReadConflict;
use crate::key::{Direction, Key, KeyRange, Value};
use crate::layers::{Blocks, Layers};
use crate::memtable::{Batch, Slot};
use crate::missing::Missing;
use crate::read_set::ReadSet;
use crate::tables::Tables;
use crate::view::{self, Read, Show};

/// What a plan reads from and writes to. All of its writes are committed, or none.
pub struct Draft<'a> {
    tables: &'a Tables,
    blocks: &'a dyn Blocks,
    overlay: Option<&'a Batch>,
    own: Batch,
    record: Option<&'a RefCell<ReadSet>>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(tables: &'a Tables, blocks: &'a dyn Blocks, overlay: Option<&'a Batch>) -> Self {
        Self { tables, blocks, overlay, own: Batch::new(), record: None }
    }

    /// The same, adding to `record` what is read from below its own writes.
    pub(crate) fn recording(self, record: &'a RefCell<ReadSet>) -> Self {
        Self { record: Some(record), ..self }
    }

    /// Gives `key` a value.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.own.insert(Key::from(key), Slot::unlogged(Some(Value::from(value))));
    }

    /// Takes `key` away, if it is there.
    pub fn delete(&mut self, key: &[u8]) {
        self.own.insert(Key::from(key), Slot::unlogged(None));
    }

    /// Checks that what a transaction has read still holds, in the store and in the batches planned before this one.
    ///
    /// # Errors
    /// [`ReadConflict`]: begin the transaction again.
    pub fn validate(&self, set: &ReadSet) -> Result<(), ReadConflict> {
        set.check(self.tables, self.overlay)
    }

    pub(crate) fn into_batch(self) -> Batch {
        self.own
    }

    fn layers(&self) -> Layers<'_> {
        Layers {
            maps: [Some(&self.own), self.overlay, Some(&self.tables.memory)],
            ..view::layers(self.tables, self.blocks)
        }
    }
}

impl Tables {
    /// Reads over these tables and `blocks`.
    #[must_use]
    pub fn view<'a>(&'a self, blocks: &'a BlockSet) -> impl Read + 'a {
        Draft::new(self, blocks, None)
    }
}

impl Read for Draft<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Missing> {
        if let Some(set) = self.record
            && !self.own.contains_key(key)
        {
            set.borrow_mut().add_key(key);
        }
        self.layers().find(key)
    }

    fn visit(&self, range: &KeyRange, direction: Direction, show: &mut Show<'_>) -> Result<(), Missing> {
        view::visit_recorded(&self.layers(), self.record, range, direction, show)
    }

    fn blocks(&self, range: &KeyRange) -> usize {
        let manifest = &self.tables.manifest;
        manifest.level0.begin_in(range) + manifest.base.begin_in(range)
    }
}

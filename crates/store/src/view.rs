//! Synchronous reads over one moment of the store.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::blocks::BlockSet;
use crate::cache::Cache;
use crate::disk::{BlockId, Generation, LogSeq};
use crate::encoding::Records;
use crate::key::{Direction, Key, KeyRange, Value, successor};
use crate::layers::{Blocks, Layers};
use crate::missing::Missing;
use crate::read_set::ReadSet;

/// Is shown a record, key and value, and says whether to go on.
pub type Show<'v> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'v;

/// A moment of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The last log entry that reads show.
    pub tail: LogSeq,
    /// The manifest in use: with another, reads show the same, and plans may be others.
    pub generation: Generation,
}

/// What can be read now, without waiting.
pub trait Read {
    /// The value of `key`.
    ///
    /// # Errors
    /// [`Missing`] when it lies in a block that is not in memory.
    fn get(&self, key: &[u8]) -> Result<Option<Value>, Missing>;

    /// Shows the records of `range` one by one until told to stop.
    ///
    /// # Errors
    /// [`Missing`] when a block is not in memory. Records may have been shown before: forget them, all come again.
    fn visit(&self, range: &KeyRange, direction: Direction, show: &mut Show<'_>) -> Result<(), Missing>;

    /// How many blocks begin inside `range`, each with some 256 records or more: an estimate for a planner, which costs nothing.
    /// As many records in memory count as one.
    fn blocks(&self, _range: &KeyRange) -> usize {
        0
    }

    /// Which moment of the store is read: at another, anything may be different.
    fn moment(&self) -> Moment {
        Moment::default()
    }

    /// The first `limit` records of `range`.
    ///
    /// # Errors
    /// [`Missing`] when a block is not in memory.
    fn scan(&self, range: &KeyRange, direction: Direction, limit: usize) -> Result<Vec<(Key, Value)>, Missing> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        self.visit(range, direction, &mut |key, value| {
            found.push((Key::from(key), Value::from(value)));
            if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }
}

/// The blocks in memory for one operation.
pub(crate) struct Resident<'a> {
    pub cache: &'a RefCell<Cache>,
    pub pins: &'a BlockSet,
    pub read_ahead: usize,
}

impl Blocks for Resident<'_> {
    fn block(&self, id: &BlockId) -> Option<Rc<Records>> {
        self.pins.block(id).or_else(|| self.cache.borrow().block(id))
    }

    fn read_ahead(&self) -> usize {
        self.read_ahead
    }
}

/// Walks `layers` without tombstones.
pub(crate) fn visit(
    layers: &Layers<'_>,
    range: &KeyRange,
    direction: Direction,
    show: &mut Show<'_>,
) -> Result<(), Missing> {
    layers.walk(range, direction, &mut |key, value| value.map_or(ControlFlow::Continue(()), |value| show(key, value)))
}

/// The same, adding to `record` the part of the range that was seen.
pub(crate) fn visit_recorded(
    layers: &Layers<'_>,
    record: Option<&RefCell<ReadSet>>,
    range: &KeyRange,
    direction: Direction,
    show: &mut Show<'_>,
) -> Result<(), Missing> {
    let Some(set) = record else {
        return visit(layers, range, direction, show);
    };
    let mut stopped: Option<Vec<u8>> = None;
    visit(layers, range, direction, &mut |key, value| {
        let flow = show(key, value);
        if flow.is_break() {
            stopped = Some(key.to_vec());
        }
        flow
    })?;
    set.borrow_mut().add_range(walked(range, direction, stopped.as_deref()));
    Ok(())
}

/// The part of `range` that a walk saw which stopped at `stopped`.
fn walked(range: &KeyRange, direction: Direction, stopped: Option<&[u8]>) -> KeyRange {
    match (stopped, direction) {
        (None, _) => range.clone(),
        (Some(last), Direction::Forward) => KeyRange { from: range.from.clone(), until: Some(successor(last)) },
        (Some(last), Direction::Backward) => KeyRange { from: last.to_vec(), until: range.until.clone() },
    }
}

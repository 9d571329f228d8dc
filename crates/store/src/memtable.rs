//! What was written since the last fold, in memory.

use std::collections::BTreeMap;

use crate::disk::LogSeq;
use crate::key::{Key, Value};

/// The last word on a key since the last fold; no value is a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    pub seq: LogSeq,
    pub value: Option<Value>,
}

impl Slot {
    /// One that has no position in the log yet.
    pub(crate) fn unlogged(value: Option<Value>) -> Self {
        Self { seq: LogSeq::default(), value }
    }
}

pub(crate) type Memory = BTreeMap<Key, Slot>;

/// Writes by key, not in the log yet.
pub(crate) type Batch = Memory;

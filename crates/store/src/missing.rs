//! What a read lacks.

use std::fmt;

use crate::disk::BlockId;

/// The blocks that a read needs and that are not in memory. Pass it up: the driver reads them and runs the whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::box_collection)] // one word wide, for it stands in the result of every read
pub struct Missing(Box<Vec<BlockId>>);

impl Missing {
    pub(crate) fn new(ids: Vec<BlockId>) -> Self {
        Self(Box::new(ids))
    }

    /// No block, but a turn for whatever else runs on the thread: a long read says so between its parts, and goes on when it is
    /// run again.
    #[must_use]
    pub fn turn() -> Self {
        Self::new(Vec::new())
    }

    /// Whether it is that.
    #[must_use]
    pub fn is_turn(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, taken out.
    pub(crate) fn into_blocks(self) -> Vec<BlockId> {
        *self.0
    }

    /// Both: one run of the driver reads what two reads lack.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for id in *other.0 {
            if !self.0.contains(&id) {
                self.0.push(id);
            }
        }
        self
    }

    /// Their names.
    #[must_use]
    pub fn blocks(&self) -> &[BlockId] {
        &self.0
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} blocks are not in memory", self.0.len())
    }
}

impl std::error::Error for Missing {}

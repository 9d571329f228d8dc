//! What a read lacks.

use std::fmt;

use crate::disk::BlockId;

/// The blocks that a read needs and that are not in memory. Pass it up: the driver reads them and runs the whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub(crate) Vec<BlockId>);

impl Missing {
    /// Both: one run of the driver reads what two reads lack.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for id in other.0 {
            if !self.0.contains(&id) {
                self.0.push(id);
            }
        }
        self
    }
}

impl Missing {
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

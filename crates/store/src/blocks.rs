//! Blocks held by whoever works with them, whatever the cache does.

use std::rc::Rc;

use crate::disk::BlockId;
use crate::encoding::{Records, read_block};
use crate::error::StoreError;
use crate::layers::Blocks;
use crate::sorted::SortedMap;

/// Decoded blocks by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BlockSet(SortedMap<BlockId, Rc<Records>>);

/// How many blocks a walk over a set asks for at once.
const READ_AHEAD: usize = 8;

impl BlockSet {
    /// Takes a block as it was read from the disk.
    ///
    /// # Errors
    /// Damage in the block, or a newer format.
    pub fn take(&mut self, id: BlockId, frame: &[u8]) -> Result<(), StoreError> {
        self.insert(id, Rc::new(read_block(&id, frame)?));
        Ok(())
    }

    pub(crate) fn insert(&mut self, id: BlockId, block: Rc<Records>) {
        self.0.insert(id, block);
    }

    pub(crate) fn remove(&mut self, id: &BlockId) -> Option<Rc<Records>> {
        self.0.remove(id)
    }
}

impl Blocks for BlockSet {
    fn block(&self, id: &BlockId) -> Option<Rc<Records>> {
        self.0.get(id).cloned()
    }

    fn read_ahead(&self) -> usize {
        READ_AHEAD
    }
}

//! The blocks kept in memory between reads: least recently used first out, bounded by bytes.

use std::cell::Cell;
use std::rc::Rc;

use crate::disk::BlockId;
use crate::encoding::Records;
use crate::sorted::SortedMap;

/// See the module.
#[derive(Debug)]
pub(crate) struct Cache {
    blocks: SortedMap<BlockId, (Rc<Records>, Cell<u64>)>,
    bytes: usize,
    limit: usize,
    clock: Cell<u64>,
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Self {
        Self { blocks: SortedMap::new(), bytes: 0, limit, clock: Cell::new(0) }
    }

    pub(crate) fn block(&self, id: &BlockId) -> Option<Rc<Records>> {
        let (block, used) = self.blocks.get(id)?;
        used.set(self.tick());
        Some(block.clone())
    }

    pub(crate) fn insert(&mut self, id: BlockId, block: Rc<Records>) {
        self.bytes += block.bytes();
        let used = Cell::new(self.tick());
        if let Some((old, _)) = self.blocks.insert(id, (block, used)) {
            self.bytes -= old.bytes();
        }
        if self.bytes > self.limit {
            self.evict();
        }
    }

    /// Whether there is room for so many bytes, without putting anything else out.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.bytes + bytes <= self.limit
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    /// Makes room for more than one block at once, so that a full cache does not look for the oldest at every block.
    fn evict(&mut self) {
        let goal = self.limit - self.limit / 8;
        while self.bytes > goal {
            let oldest = self.blocks.iter().min_by_key(|(_, (_, used))| used.get());
            let Some(oldest) = oldest.map(|(id, _)| *id) else { return };
            if let Some((block, _)) = self.blocks.remove(&oldest) {
                self.bytes -= block.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_within_its_limit_and_keeps_what_was_used_last() {
        let block = |n: u8| Rc::new([([n], Some([0; 100]))].into_iter().collect::<Records>());
        let mut cache = Cache::new(1_000);
        for n in 0..50_u8 {
            cache.insert(BlockId(n.into()), block(n));
            assert!(cache.bytes() <= 1_000 && cache.bytes() >= 100 * usize::from(n.min(7)));
            assert!(n == 0 || cache.block(&BlockId(0)).is_some());
        }
        assert!(cache.block(&BlockId(1)).is_none());
    }
}

//! [`MemoryDisk`]: what a browser's storage does, in memory.

use std::cell::RefCell;
use std::rc::Rc;

use async_trait::async_trait;

use crate::disk::{BlockId, Disk, DiskError, Durability, Generation, Loaded, LogSeq, Since, StoredManifest};
use crate::sorted::SortedMap;

/// What is stored; it outlives the handles.
#[derive(Clone, Debug, Default)]
pub(super) struct Storage {
    pub(super) log: SortedMap<LogSeq, Vec<u8>>,
    /// The key generator: never gives a key twice, whatever is deleted.
    last_key: LogSeq,
    pub(super) blocks: SortedMap<BlockId, Vec<u8>>,
    pub(super) manifest: Option<StoredManifest>,
}

/// A disk in memory. Clones share what is stored.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(pub(super) Rc<RefCell<Storage>>);

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Storage {
    pub(super) fn bytes(&self) -> usize {
        let log: usize = self.log.values().map(Vec::len).sum();
        let blocks: usize = self.blocks.values().map(Vec::len).sum();
        log + blocks + self.manifest.as_ref().map_or(0, |stored| stored.bytes.len())
    }

    fn generation(&self) -> Generation {
        self.manifest.as_ref().map_or(Generation::default(), |stored| stored.generation)
    }

    fn load(&self, since: Since) -> Loaded {
        let folded = self.manifest.as_ref().map_or(LogSeq::default(), |stored| stored.folded);
        let begin = since.seq.max(folded);
        let mut entries = Vec::new();
        for (seq, bytes) in self.log.iter().filter(|(seq, _)| **seq >= begin) {
            entries.push((*seq, bytes.clone()));
        }
        Loaded { manifest: self.manifest.clone().filter(|stored| stored.generation != since.generation), entries }
    }

    fn append(&mut self, seq: LogSeq, entry: &[u8]) -> Result<(), DiskError> {
        if self.last_key.next() != seq {
            return Err(DiskError::Stale);
        }
        self.last_key = seq;
        self.log.insert(seq, entry.to_vec());
        Ok(())
    }

    fn publish(
        &mut self,
        manifest: &StoredManifest,
        drop_log_through: LogSeq,
        kept: Option<&[u8]>,
    ) -> Result<(), DiskError> {
        if self.generation().0 + 1 != manifest.generation.0 {
            return Err(DiskError::Stale);
        }
        let is_new = kept.is_some() && manifest.folded > drop_log_through;
        if is_new && manifest.folded <= self.last_key {
            return Err(DiskError::Stale);
        }
        self.manifest = Some(manifest.clone());
        self.log.retain(|seq, _| *seq > drop_log_through);
        if let Some(kept) = kept {
            self.log.insert(manifest.folded, kept.to_vec());
            self.last_key = self.last_key.max(manifest.folded);
        }
        Ok(())
    }
}

#[async_trait(?Send)]
impl Disk for MemoryDisk {
    async fn load(&self, since: Since) -> Result<Loaded, DiskError> {
        Ok(self.0.borrow().load(since))
    }

    async fn append(&self, seq: LogSeq, entry: &[u8], _durability: Durability) -> Result<(), DiskError> {
        self.0.borrow_mut().append(seq, entry)
    }

    async fn read_blocks(&self, ids: &[BlockId]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        let storage = self.0.borrow();
        Ok(ids.iter().map(|id| storage.blocks.get(id).cloned()).collect())
    }

    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)], _durability: Durability) -> Result<(), DiskError> {
        let mut storage = self.0.borrow_mut();
        for (id, bytes) in blocks {
            storage.blocks.insert(*id, bytes.clone());
        }
        Ok(())
    }

    async fn publish(
        &self,
        manifest: &StoredManifest,
        drop_log_through: LogSeq,
        kept: Option<&[u8]>,
        _durability: Durability,
    ) -> Result<(), DiskError> {
        self.0.borrow_mut().publish(manifest, drop_log_through, kept)
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>, DiskError> {
        Ok(self.0.borrow().blocks.keys().copied().collect())
    }

    async fn drop_blocks(&self, ids: &[BlockId], _durability: Durability) -> Result<(), DiskError> {
        self.0.borrow_mut().blocks.retain(|id, _| !ids.contains(id));
        Ok(())
    }
}

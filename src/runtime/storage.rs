//! Where a database lies: IndexedDB, or memory when the app asked for it.

use holm_store::{BlockId, Disk, DiskError, Durability, Loaded, LogSeq, MemoryDisk, Since, StoredManifest};

use crate::indexeddb::IndexedDbDisk;

/// A disk of either kind, so that the engine is compiled once.
#[derive(Clone)]
pub enum Storage {
    /// Survives a reload.
    IndexedDb(IndexedDbDisk),
    /// Does not.
    Memory(MemoryDisk),
}

macro_rules! either {
    ($self:ident, $disk:ident => $call:expr) => {
        match $self {
            Storage::IndexedDb($disk) => $call.await,
            Storage::Memory($disk) => $call.await,
        }
    };
}

impl Disk for Storage {
    async fn load(&self, since: Since) -> Result<Loaded, DiskError> {
        either!(self, disk => disk.load(since))
    }

    async fn append(&self, seq: LogSeq, entry: &[u8], durability: Durability) -> Result<(), DiskError> {
        either!(self, disk => disk.append(seq, entry, durability))
    }

    async fn read_blocks(&self, ids: &[BlockId]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        either!(self, disk => disk.read_blocks(ids))
    }

    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)]) -> Result<(), DiskError> {
        either!(self, disk => disk.write_blocks(blocks))
    }

    async fn publish(&self, manifest: &StoredManifest, drop_log_through: LogSeq) -> Result<(), DiskError> {
        either!(self, disk => disk.publish(manifest, drop_log_through))
    }

    async fn drop_blocks(&self, ids: &[BlockId]) -> Result<(), DiskError> {
        either!(self, disk => disk.drop_blocks(ids))
    }
}

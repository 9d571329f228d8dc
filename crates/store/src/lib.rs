//! An ordered map from byte keys to byte values, with atomic batches, over a [`Disk`] of six operations.

mod disk;
mod locks;

pub use disk::{BlockId, Disk, DiskError, Durability, Generation, Loaded, LogSeq, Since, StoredManifest};
pub use locks::{LockName, Locks};

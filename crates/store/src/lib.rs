//! An ordered map from byte keys to byte values, with atomic batches, over a [`Disk`] of seven operations.
//!
//! A [`Database`] is one handle on a store that others may share. Writes are planned over a [`Draft`] and committed by
//! one log entry; reads never wait for themselves: what is not in memory is [`Missing`], and the
//! driver reads it and runs them again. The pieces that decide are plain machines without IO, in [`machine`].

mod append;
mod batch;
mod blocks;
mod cache;
pub mod conformance;
mod database;
mod disk;
mod draft;
mod encoding;
mod error;
mod fence;
mod filter;
mod fold;
mod key;
mod layers;
mod locks;
mod memory;
mod memtable;
mod missing;
mod pace;
mod random;
mod read_set;
mod salvage;
mod signal;
mod sorted;
mod tables;
mod view;

pub use database::{Applied, Change, Database, Look, Observer, Options, Origin, SEED_BYTES, Turn};
pub use disk::{BlockId, Disk, DiskError, Durability, Generation, Loaded, LogSeq, Since, StoredManifest, Why};
pub use draft::Draft;
pub use encoding::Records;
pub use error::{CommitError, Damage, Halt, Place, PlanError, ReadConflict, ReadError, StoreError, Trouble};
pub use fence::Fence;
pub use fold::FoldOutcome;
pub use key::{APART, Direction, Key, KeyRange, Value};
pub use locks::{HeldLock, LockName, Locks};
pub use memory::{Fault, FaultRates, FaultyDisk, MemoryDisk, MemoryLocks, Operation};
pub use missing::Missing;
pub use pace::{Pace, Unhurried};
pub use random::Random;
pub use read_set::ReadSet;
pub use salvage::{Salvage, SalvagedPart};
pub use signal::Signal;
pub use sorted::SortedMap;
pub use view::{Moment, Read, Show};

/// The machines that decide, for whoever drives them: [`Database`], and the search over their every interleaving.
pub mod machine {
    pub use crate::append::{Append, AppendOutcome, AppendRequest, AppendStep};
    pub use crate::blocks::BlockSet;
    pub use crate::encoding::EntryId;
    pub use crate::fold::{Fold, FoldAnswer, FoldOutcome, FoldRequest, FoldStep};
    pub use crate::tables::{Absorbed, Event, Tables};
}

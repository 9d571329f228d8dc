//! What a disk must do for the store: seven operations, each exactly one transaction.

use std::fmt;
use std::rc::Rc;

use async_trait::async_trait;

/// Position of an entry in the log, from 1. 0 is "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogSeq(pub u64);

impl LogSeq {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// How often the manifest was published. 0 is "never".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// The name of a block: its writer's random 64 bits, that writer's fold and the block's number in it, 32 bits each, so
/// that two writers never collide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u128);

/// When the browser may call a transaction complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// After the bytes went to the operating system.
    #[default]
    Relaxed,
    /// After they went to the medium.
    Strict,
}

/// What the caller of [`Disk::load`] knows already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Since {
    /// The last log entry it applied.
    pub seq: LogSeq,
    /// The manifest it uses.
    pub generation: Generation,
}

/// The manifest as the disk keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StoredManifest {
    /// Set by the disk: one more at each publish.
    pub generation: Generation,
    /// Every log entry up to here is in the blocks that `bytes` names.
    pub folded: LogSeq,
    /// The store's own encoding.
    pub bytes: Vec<u8>,
}

/// What [`Disk::load`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Loaded {
    /// The manifest, if its generation is another than the caller's.
    pub manifest: Option<StoredManifest>,
    /// The log in order, from `max(since.seq, folded)` on and **with** that entry where it is still there (its id tells whether this is the same log).
    pub entries: Vec<(LogSeq, Vec<u8>)>,
}

/// A failure in words. One word wide and shared by its copies, for it stands in the result of every operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Why(Rc<String>);

impl From<String> for Why {
    fn from(words: String) -> Self {
        Self(Rc::new(words))
    }
}

impl From<&str> for Why {
    fn from(words: &str) -> Self {
        Self::from(words.to_owned())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a disk operation failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DiskError {
    /// Somebody else was first: the key or the generation moved. Nothing was written.
    Stale,
    /// The quota is reached. Nothing was written.
    Full(Why),
    /// The transaction aborted. Nothing was written.
    Aborted(Why),
    /// The connection was lost, or timed out: written whole or not at all, and nobody knows which.
    Unknown(Why),
    /// There is no storage here, or it will not open.
    Unavailable(Why),
    /// Another tab holds the storage; it did not answer in time. Nothing was written.
    Blocked(Why),
    /// The store is of a shape that only newer code knows.
    Newer(Why),
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Self::Stale => return f.write_str("somebody else wrote first"),
            Self::Full(why) => ("the quota is reached", why),
            Self::Aborted(why) => ("the transaction aborted", why),
            Self::Unknown(why) => ("the outcome is unknown", why),
            Self::Unavailable(why) => ("no storage", why),
            Self::Blocked(why) => ("the storage is blocked", why),
            Self::Newer(why) => ("the storage is newer than this code", why),
        };
        write!(f, "{what}: {why}")
    }
}

impl std::error::Error for DiskError {}

/// A place that keeps a log, blocks and one manifest.
///
/// Each method is **exactly one** transaction: it happens whole or not at all, in one order for all who share the
/// disk. Whoever resolves `Ok` promises that the transaction is complete.
#[async_trait(?Send)] // every driver is single-threaded
pub trait Disk {
    /// Reads the manifest (if the caller lacks it) and the log's tail.
    async fn load(&self, since: Since) -> Result<Loaded, DiskError>;

    /// Adds `entry` to the log if its position comes out as `seq`.
    ///
    /// # Errors
    /// [`DiskError::Stale`] when the log is longer (or shorter) than the caller believes.
    async fn append(&self, seq: LogSeq, entry: &[u8], durability: Durability) -> Result<(), DiskError>;

    /// Reads blocks, in the order asked; `None` for one that is not there any more.
    async fn read_blocks(&self, ids: &[BlockId]) -> Result<Vec<Option<Vec<u8>>>, DiskError>;

    /// Writes new blocks. Nobody sees them before a manifest names them.
    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)], durability: Durability) -> Result<(), DiskError>;

    /// Puts `manifest` in the place of the one of generation `manifest.generation - 1`, drops log entries up to
    /// `drop_log_through`, and adds `kept`, if any, at `manifest.folded`, from which the log goes on.
    ///
    /// # Errors
    /// [`DiskError::Stale`] when the stored generation is another, or when there is an entry where one is to be added.
    async fn publish(
        &self,
        manifest: &StoredManifest,
        drop_log_through: LogSeq,
        kept: Option<&[u8]>,
        durability: Durability,
    ) -> Result<(), DiskError>;

    /// Names every block that is stored, in order.
    async fn list_blocks(&self) -> Result<Vec<BlockId>, DiskError>;

    /// Removes blocks that no manifest names any more.
    async fn drop_blocks(&self, ids: &[BlockId], durability: Durability) -> Result<(), DiskError>;
}

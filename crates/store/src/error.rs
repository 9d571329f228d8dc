//! What can go wrong, and for whom.

use std::fmt;
use std::rc::Rc;

use crate::disk::{BlockId, DiskError, LogSeq, Why};
use crate::fence::Fence;
use crate::missing::Missing;

/// Which stored thing is damaged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// One entry of the log.
    Entry(LogSeq),
    /// One block.
    Block(BlockId),
    /// The manifest.
    Manifest,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(seq) => write!(f, "log entry {}", seq.0),
            // Its writer, that one's fold, and its number there.
            Self::Block(id) => write!(f, "block {}.{}.{}", (id.0 >> 64) as u64, (id.0 >> 32) as u32, id.0 as u32),
            Self::Manifest => f.write_str("the manifest"),
        }
    }
}

/// Stored bytes that are not what was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Damage {
    /// Where.
    pub place: Place,
    /// What is wrong there, and what is lost by it.
    pub what: String,
}

impl Damage {
    pub(crate) fn new(place: Place, what: impl Into<String>) -> Self {
        Self { place, what: what.into() }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Why the store could not do what was asked. One word wide, for it stands in the results of all that the drivers await.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(Rc<Trouble>);

/// What a [`StoreError`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The disk failed; nothing was written.
    Disk(DiskError),
    /// Stored bytes are damaged; [`crate::Salvage`] reads what is readable.
    Corrupt(Box<Damage>),
    /// The storage under this handle is not the one it opened: cleared, recreated or rolled back. Open again.
    Replaced,
    /// A newer engine or schema uses the store. This handle writes no more.
    NewerVersion(Fence),
    /// The disk failed in the middle of the commit, and it cannot be found out whether it is there.
    Unknown(Why),
    /// The operation needs more bytes at once than the named limit.
    TooLarge {
        /// What it needs.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The handle was closed.
    Closed,
}

impl StoreError {
    /// What it says.
    #[must_use]
    pub fn trouble(&self) -> &Trouble {
        &self.0
    }
}

impl From<Trouble> for StoreError {
    #[cold]
    fn from(trouble: Trouble) -> Self {
        Self(Rc::new(trouble))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Corrupt(damage) => write!(f, "stored bytes are damaged: {damage}"),
            Self::Replaced => f.write_str("the storage was cleared, recreated or rolled back; open it again"),
            Self::NewerVersion(fence) => {
                write!(f, "the store is used by a newer version ({fence})")
            }
            Self::Unknown(why) => write!(f, "it is unknown whether the write is stored: {why}"),
            Self::TooLarge { bytes, limit } => {
                write!(f, "{bytes} bytes are more than the {limit} allowed at once")
            }
            Self::Closed => f.write_str("the store is closed"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Unknown(why) => Trouble::Unknown(why),
            other => Trouble::Disk(other),
        }
        .into()
    }
}

impl From<Damage> for StoreError {
    fn from(damage: Damage) -> Self {
        Trouble::Corrupt(Box::new(damage)).into()
    }
}

/// Why a plan gave no batch. One word wide, for it stands in the results of all that a plan is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError<E>(Box<Halt<E>>);

/// What a [`PlanError`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt<E> {
    /// It needs blocks that are not in memory; it is run again when they are.
    Missing(Missing),
    /// It refuses; nothing of it is written.
    Failed(E),
}

impl<E> PlanError<E> {
    /// A plan that refuses.
    #[must_use]
    pub fn failed(error: E) -> Self {
        Self(Box::new(Halt::Failed(error)))
    }

    /// What it says.
    pub fn halt(&mut self) -> &mut Halt<E> {
        &mut self.0
    }

    /// What it says, taken out.
    #[must_use]
    pub fn into_halt(self) -> Halt<E> {
        *self.0
    }
}

impl<E> From<Missing> for PlanError<E> {
    fn from(missing: Missing) -> Self {
        Self(Box::new(Halt::Missing(missing)))
    }
}

/// Why a commit did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError<E> {
    /// The plan refused.
    Plan(E),
    /// The store failed.
    Store(StoreError),
}

impl<E: fmt::Display> fmt::Display for CommitError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

/// What was read has changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadConflict;

/// Why a recorded read gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// What the read set holds has changed: begin the transaction again.
    Conflict(ReadConflict),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

//! Locks shared by all who share a disk (Web Locks in a browser).

use std::any::Any;

use async_trait::async_trait;

/// What a lock is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockName {
    /// Taken by a writer that lost to others too often; nobody needs it to write.
    Write,
    /// Held by the one who folds the log into blocks.
    Checkpoint,
    /// Held by the one who talks to the server.
    Sync,
}

/// A held lock: dropping it gives it back.
pub type HeldLock = Box<dyn Any>;

/// Gives locks by name. A lock is given back when what was returned is dropped, or when its holder dies.
#[async_trait(?Send)] // every driver is single-threaded
pub trait Locks {
    /// Waits for the lock.
    async fn lock(&self, name: LockName) -> HeldLock;

    /// Takes the lock if nobody holds it.
    async fn try_lock(&self, name: LockName) -> Option<HeldLock>;
}

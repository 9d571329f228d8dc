//! [`FaultyDisk`]: a disk in memory that does wrong what a browser's storage can do wrong. No product needs it.

use std::cell::{Cell, RefCell};
use std::future::{self, Future};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use async_trait::async_trait;

use crate::disk::{BlockId, Disk, DiskError, Durability, Loaded, LogSeq, Since, StoredManifest};
use crate::error::Place;
use crate::memory::disk::{MemoryDisk, Storage};
use crate::memory::faults::{Fault, FaultRates, Faults, Operation};
use crate::random::Random;

/// A handle on a disk in memory, with faults of its own. [`FaultyDisk::reopen`] is another handle on the same storage.
#[derive(Clone, Default)]
pub struct FaultyDisk {
    disk: MemoryDisk,
    faults: Rc<RefCell<Faults>>,
    dead: Rc<Cell<bool>>,
    quota: Rc<Cell<Option<usize>>>,
    kept: Rc<RefCell<Vec<(Operation, Durability)>>>,
}

impl FaultyDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another handle on the same storage, alive and without faults: another tab, or this one started again.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self { disk: self.disk.clone(), quota: Rc::clone(&self.quota), ..Self::default() }
    }

    /// A disk of its own with the same content.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let (storage, quota) = (self.disk.0.borrow().clone(), self.quota.get());
        let disk = MemoryDisk(Rc::new(RefCell::new(storage)));
        Self { disk, quota: Rc::new(Cell::new(quota)), ..Self::default() }
    }

    /// Lays `fault` on the operation that comes `from_now` operations later; 0 is the next.
    pub fn inject(&self, from_now: u64, fault: Fault) {
        self.faults.borrow_mut().plan(from_now, fault);
    }

    /// Lays `fault` on the next `operation` that has none yet.
    pub fn inject_next(&self, operation: Operation, fault: Fault) {
        self.faults.borrow_mut().plan_next(operation, fault);
    }

    /// Draws faults for every operation from here on.
    pub fn draw_faults(&self, random: Random, rates: FaultRates) {
        self.faults.borrow_mut().draw_from(random, rates);
    }

    /// Takes all faults off this handle. A handle that crashed stays dead.
    pub fn clear_faults(&self) {
        self.faults.borrow_mut().clear();
    }

    /// Lets the storage hold at most so many bytes from here on, for every handle.
    pub fn limit_bytes(&self, quota: Option<usize>) {
        self.quota.set(quota);
    }

    /// Kills this handle: no call of it answers any more.
    pub fn crash(&self) {
        self.dead.set(true);
    }

    /// Whether this handle died.
    #[must_use]
    pub fn is_crashed(&self) -> bool {
        self.dead.get()
    }

    /// How many operations this handle was asked for.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.faults.borrow().done()
    }

    /// How what this handle wrote by such operations was to be kept.
    #[must_use]
    pub fn kept(&self, by: Operation) -> Vec<Durability> {
        self.kept.borrow().iter().filter(|(operation, _)| *operation == by).map(|(_, durability)| *durability).collect()
    }

    /// How many bytes are stored.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.disk.0.borrow().bytes()
    }

    /// Everything that is stored, by place.
    #[must_use]
    pub fn places(&self) -> Vec<(Place, usize)> {
        let storage = self.disk.0.borrow();
        let log = storage.log.iter().map(|(seq, bytes)| (Place::Entry(*seq), bytes.len()));
        let blocks = storage.blocks.iter().map(|(id, bytes)| (Place::Block(*id), bytes.len()));
        let manifest = storage.manifest.iter().map(|stored| (Place::Manifest, stored.bytes.len()));
        log.chain(blocks).chain(manifest).collect()
    }

    /// Flips all bits of the byte `at` of what is stored at `place`; nothing happens if it is not there.
    pub fn damage(&self, place: &Place, at: usize) {
        let mut storage = self.disk.0.borrow_mut();
        let bytes = match place {
            Place::Entry(seq) => storage.log.find_mut(seq),
            Place::Block(id) => storage.blocks.find_mut(id),
            Place::Manifest => storage.manifest.as_mut().map(|stored| &mut stored.bytes),
        };
        if let Some(byte) = bytes.and_then(|bytes| bytes.get_mut(at)) {
            *byte ^= 0xff;
        }
    }

    /// Takes away what is stored at `place`.
    pub fn lose(&self, place: &Place) {
        let mut storage = self.disk.0.borrow_mut();
        match place {
            Place::Entry(seq) => drop(storage.log.remove(seq)),
            Place::Block(id) => drop(storage.blocks.remove(id)),
            Place::Manifest => storage.manifest = None,
        }
    }

    /// Takes everything away, as a user who clears the site's data.
    pub fn clear(&self) {
        *self.disk.0.borrow_mut() = Storage::default();
        self.quota.set(None);
    }

    /// Runs one operation, or what its fault makes of it.
    async fn run<R>(
        &self,
        operation: Operation,
        act: impl Future<Output = Result<R, DiskError>>,
    ) -> Result<R, DiskError> {
        let after = self.before(operation).await?;
        let result = act.await;
        match after {
            After::Answer => result,
            // An operation that would have failed for certain is not made uncertain by being applied.
            After::Silence => result.and_then(|_| Err(DiskError::Unknown("injected".into()))),
            After::Death => {
                self.dead.set(true);
                future::pending().await
            }
        }
    }

    /// Writes `bytes` more; what the quota does not allow is taken back.
    async fn within_quota(
        &self,
        bytes: usize,
        write: impl Future<Output = Result<(), DiskError>>,
    ) -> Result<(), DiskError> {
        let Some(quota) = self.quota.get() else { return write.await };
        let before = self.disk.0.borrow().clone();
        write.await?;
        if before.bytes() + bytes > quota {
            self.disk.0.replace(before);
            return Err(DiskError::Full(format!("{quota} bytes").into()));
        }
        Ok(())
    }

    /// What a fault does before the operation takes effect; an error when it never does.
    async fn before(&self, operation: Operation) -> Result<After, DiskError> {
        if self.dead.get() {
            return future::pending().await;
        }
        let fault = self.faults.borrow_mut().next(operation);
        match fault {
            None => Ok(After::Answer),
            Some(Fault::Abort) => Err(DiskError::Aborted("injected".into())),
            Some(Fault::Full | Fault::Stale) if !operation.writes() => Err(DiskError::Aborted("injected".into())),
            Some(Fault::Full) => Err(DiskError::Full("injected".into())),
            Some(Fault::Stale) => Err(DiskError::Stale),
            Some(Fault::Unavailable) => Err(DiskError::Unavailable("injected".into())),
            Some(Fault::UnknownLost) => Err(DiskError::Unknown("injected".into())),
            Some(Fault::UnknownApplied) => Ok(After::Silence),
            Some(Fault::CrashBefore) => {
                self.dead.set(true);
                future::pending().await
            }
            Some(Fault::CrashAfter) => Ok(After::Death),
            Some(Fault::Slow(turns)) => {
                Turns(turns).await;
                if self.dead.get() {
                    return future::pending().await;
                }
                Ok(After::Answer)
            }
        }
    }
}

/// What becomes of an operation once it took effect.
enum After {
    Answer,
    Silence,
    Death,
}

#[async_trait(?Send)]
impl Disk for FaultyDisk {
    async fn load(&self, since: Since) -> Result<Loaded, DiskError> {
        self.run(Operation::Load, self.disk.load(since)).await
    }

    async fn append(&self, seq: LogSeq, entry: &[u8], durability: Durability) -> Result<(), DiskError> {
        self.kept.borrow_mut().push((Operation::Append, durability));
        let write = self.disk.append(seq, entry, durability);
        self.run(Operation::Append, self.within_quota(entry.len(), write)).await
    }

    async fn read_blocks(&self, ids: &[BlockId]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        self.run(Operation::ReadBlocks, self.disk.read_blocks(ids)).await
    }

    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)], durability: Durability) -> Result<(), DiskError> {
        self.kept.borrow_mut().push((Operation::WriteBlocks, durability));
        let bytes = blocks.iter().map(|(_, bytes)| bytes.len()).sum();
        let write = self.disk.write_blocks(blocks, durability);
        self.run(Operation::WriteBlocks, self.within_quota(bytes, write)).await
    }

    async fn publish(
        &self,
        manifest: &StoredManifest,
        drop_log_through: LogSeq,
        kept: Option<&[u8]>,
        durability: Durability,
    ) -> Result<(), DiskError> {
        self.kept.borrow_mut().push((Operation::Publish, durability));
        let freed = self.disk.0.borrow().manifest.as_ref().map_or(0, |stored| stored.bytes.len());
        let bytes = manifest.bytes.len().saturating_sub(freed);
        let write = self.disk.publish(manifest, drop_log_through, kept, durability);
        self.run(Operation::Publish, self.within_quota(bytes, write)).await
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>, DiskError> {
        self.run(Operation::ListBlocks, self.disk.list_blocks()).await
    }

    async fn drop_blocks(&self, ids: &[BlockId], durability: Durability) -> Result<(), DiskError> {
        self.kept.borrow_mut().push((Operation::DropBlocks, durability));
        self.run(Operation::DropBlocks, self.disk.drop_blocks(ids, durability)).await
    }
}

/// Lets others have so many turns.
struct Turns(u32);

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

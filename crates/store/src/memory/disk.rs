//! [`MemoryDisk`]: what a browser's storage does, in memory, and what it can do wrong.

use std::cell::{Cell, RefCell};
use std::future::{self, Future};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::disk::{BlockId, Disk, DiskError, Durability, Generation, Loaded, LogSeq, Since, StoredManifest};
use crate::error::Place;
use crate::memory::faults::{Fault, FaultRates, Faults, Operation};
use crate::sorted::SortedMap;

/// What is stored; it outlives the handles.
#[derive(Clone, Debug, Default)]
struct Storage {
    log: SortedMap<LogSeq, Vec<u8>>,
    /// The key generator: never gives a key twice, whatever is deleted.
    last_key: LogSeq,
    blocks: SortedMap<BlockId, Vec<u8>>,
    manifest: Option<StoredManifest>,
    quota: Option<usize>,
}

/// A disk in memory. Clones are one handle; [`MemoryDisk::reopen`] is another handle on the same storage.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    storage: Rc<RefCell<Storage>>,
    faults: Rc<RefCell<Faults>>,
    dead: Rc<Cell<bool>>,
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another handle on the same storage, alive and without faults: another tab, or this one started again.
    #[must_use]
    pub fn reopen(&self) -> Self {
        Self { storage: self.storage.clone(), ..Self::default() }
    }

    /// A disk of its own with the same content.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { storage: Rc::new(RefCell::new(self.storage.borrow().clone())), ..Self::default() }
    }

    /// Lays `fault` on the operation that comes `from_now` operations later; 0 is the next.
    pub fn inject(&self, from_now: u64, fault: Fault) {
        self.faults.borrow_mut().plan(from_now, fault);
    }

    /// Lays `fault` on the next `operation` that has none yet.
    pub fn inject_next(&self, operation: Operation, fault: Fault) {
        self.faults.borrow_mut().plan_next(operation, fault);
    }

    /// Draws faults for every operation from here on; the same seed draws the same.
    pub fn draw_faults(&self, seed: [u8; 32], rates: FaultRates) {
        self.faults.borrow_mut().draw_from(seed, rates);
    }

    /// Takes all faults off this handle. A handle that crashed stays dead.
    pub fn clear_faults(&self) {
        self.faults.borrow_mut().clear();
    }

    /// Lets the storage hold at most so many bytes from here on, for every handle.
    pub fn limit_bytes(&self, quota: Option<usize>) {
        self.storage.borrow_mut().quota = quota;
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

    /// How many bytes are stored.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.storage.borrow().bytes()
    }

    /// Everything that is stored, by place.
    #[must_use]
    pub fn places(&self) -> Vec<(Place, usize)> {
        let storage = self.storage.borrow();
        let log = storage.log.iter().map(|(seq, bytes)| (Place::Entry(*seq), bytes.len()));
        let blocks = storage.blocks.iter().map(|(id, bytes)| (Place::Block(id.clone()), bytes.len()));
        let manifest = storage.manifest.iter().map(|stored| (Place::Manifest, stored.bytes.len()));
        log.chain(blocks).chain(manifest).collect()
    }

    /// Flips all bits of the byte `at` of what is stored at `place`; nothing happens if it is not there.
    pub fn damage(&self, place: &Place, at: usize) {
        let mut storage = self.storage.borrow_mut();
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
        let mut storage = self.storage.borrow_mut();
        match place {
            Place::Entry(seq) => drop(storage.log.remove(seq)),
            Place::Block(id) => drop(storage.blocks.remove(id)),
            Place::Manifest => storage.manifest = None,
        }
    }

    /// Takes everything away, as a user who clears the site's data.
    pub fn clear(&self) {
        *self.storage.borrow_mut() = Storage::default();
    }

    /// Runs one operation, or what its fault makes of it.
    async fn run<R>(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut Storage) -> Result<R, DiskError>,
    ) -> Result<R, DiskError> {
        let after = self.before(operation).await?;
        let result = act(&mut self.storage.borrow_mut());
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

impl Storage {
    fn bytes(&self) -> usize {
        let log: usize = self.log.values().map(Vec::len).sum();
        let blocks: usize = self.blocks.values().map(Vec::len).sum();
        log + blocks + self.manifest.as_ref().map_or(0, |stored| stored.bytes.len())
    }

    fn room_for(&self, bytes: usize) -> Result<(), DiskError> {
        match self.quota {
            Some(quota) if self.bytes() + bytes > quota => Err(DiskError::Full(format!("{quota} bytes"))),
            _ => Ok(()),
        }
    }

    fn generation(&self) -> Generation {
        self.manifest.as_ref().map_or(Generation::default(), |stored| stored.generation)
    }

    fn load(&self, since: Since) -> Loaded {
        let folded = self.manifest.as_ref().map_or(LogSeq::default(), |stored| stored.folded);
        let begin = since.seq.max(folded);
        let entries = self.log.iter().filter(|(seq, _)| **seq >= begin);
        let entries = entries.map(|(seq, bytes)| (*seq, bytes.clone())).collect();
        Loaded { manifest: self.manifest.clone().filter(|stored| stored.generation != since.generation), entries }
    }

    fn append(&mut self, seq: LogSeq, entry: &[u8]) -> Result<(), DiskError> {
        if self.last_key.next() != seq {
            return Err(DiskError::Stale);
        }
        self.room_for(entry.len())?;
        self.last_key = seq;
        self.log.insert(seq, entry.to_vec());
        Ok(())
    }

    fn write_blocks(&mut self, blocks: &[(BlockId, Vec<u8>)]) -> Result<(), DiskError> {
        self.room_for(blocks.iter().map(|(_, bytes)| bytes.len()).sum())?;
        for (id, bytes) in blocks {
            self.blocks.insert(id.clone(), bytes.clone());
        }
        Ok(())
    }

    fn publish(&mut self, manifest: &StoredManifest, drop_log_through: LogSeq) -> Result<(), DiskError> {
        if self.generation().0 + 1 != manifest.generation.0 {
            return Err(DiskError::Stale);
        }
        let freed: usize = self.manifest.as_ref().map_or(0, |stored| stored.bytes.len());
        self.room_for(manifest.bytes.len().saturating_sub(freed))?;
        self.manifest = Some(manifest.clone());
        self.log.retain(|seq, _| *seq > drop_log_through);
        Ok(())
    }
}

impl Disk for MemoryDisk {
    async fn load(&self, since: Since) -> Result<Loaded, DiskError> {
        self.run(Operation::Load, |storage| Ok(storage.load(since))).await
    }

    async fn append(&self, seq: LogSeq, entry: &[u8], _durability: Durability) -> Result<(), DiskError> {
        self.run(Operation::Append, |storage| storage.append(seq, entry)).await
    }

    async fn read_blocks(&self, ids: &[BlockId]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        self.run(Operation::ReadBlocks, |storage| Ok(ids.iter().map(|id| storage.blocks.get(id).cloned()).collect()))
            .await
    }

    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)]) -> Result<(), DiskError> {
        self.run(Operation::WriteBlocks, |storage| storage.write_blocks(blocks)).await
    }

    async fn publish(&self, manifest: &StoredManifest, drop_log_through: LogSeq) -> Result<(), DiskError> {
        self.run(Operation::Publish, |storage| storage.publish(manifest, drop_log_through)).await
    }

    async fn drop_blocks(&self, ids: &[BlockId]) -> Result<(), DiskError> {
        self.run(Operation::DropBlocks, |storage| {
            storage.blocks.retain(|id, _| !ids.contains(id));
            Ok(())
        })
        .await
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

//! The one asynchronous driver: it sequences a disk, and decides nothing that a machine does not decide.
//!
//! ```text
//!   commit() ──► jobs ──► drive(): plan all that wait, one after another ──► one entry ──► append ──► observers ──► jobs
//!                                  ▲                                                        │ stale
//!                                  └────────────────────────────────────────────────────────┘
//!   read()   ──► view over the tables; what is missing is read and the whole is run again
//!   drive()  ──► beside the commits: folds the log into blocks when it has grown
//! ```
//!
//! Invariant: nothing of the store is borrowed while a callback, a plan's owner or a disk runs, except that plans and
//! reads see the tables, which only this module changes.

mod commits;
mod folding;
mod job;
mod observers;
mod reading;
mod turn;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use crate::cache::Cache;
use crate::disk::{Disk, DiskError, Durability, Loaded, LogSeq, Since};
use crate::draft::Draft;
use crate::encoding::EntryId;
use crate::error::{CommitError, PlanError, StoreError, Trouble};
use crate::fence::Fence;
use crate::locks::Locks;
use crate::pace::{Pace, Unhurried};
use crate::signal::Signal;
use crate::tables::{Event, Tables};
use job::{Job, PlannedJob};
use observers::Observers;
pub use observers::{Applied, Change, Observer, Origin};
pub use reading::Look;
pub use turn::Turn;
use turn::Turns;

/// How a handle works.
#[derive(Clone)]
pub struct Options {
    /// What this code writes; a store beyond it is refused.
    pub fence: Fence,
    /// How what no caller waits for is kept, at least: a fold takes the place of what was saved before.
    pub durability: Durability,
    /// How many bytes of blocks are kept in memory between reads.
    pub cache_bytes: usize,
    /// How large the log may grow before it is folded into blocks. A group of commits of more goes into several entries, and a single
    /// commit of more into blocks at once.
    pub fold_bytes: usize,
    /// How long a fold, or an opening, may work without a pause.
    pub pace: Rc<dyn Pace>,
}

impl Default for Options {
    /// 32 MiB of blocks hold a collection of some 100,000 records. A log of 4 MiB: with 1 MiB half as much again is written,
    /// and an append of one stays below some 50 ms.
    fn default() -> Self {
        Self {
            fence: Fence::default(),
            durability: Durability::default(),
            cache_bytes: 32 << 20,
            fold_bytes: 4 << 20,
            pace: Rc::new(Unhurried),
        }
    }
}

/// Random bytes that name a new store (16) and a handle (8).
pub const SEED_BYTES: usize = 24;

/// How often an operation of the disk that changes nothing is asked again when its answer was lost.
const LOAD_TRIES_MAX: u32 = 3;

/// A handle on a store. Clones are the same handle.
#[derive(Clone)]
pub struct Database {
    inner: Rc<Inner>,
}

struct Inner {
    disk: Rc<dyn Disk>,
    locks: Rc<dyn Locks>,
    options: Options,
    writer: u64,
    last_number: Cell<u64>,
    tables: RefCell<Tables>,
    cache: RefCell<Cache>,
    jobs: RefCell<Vec<Box<dyn Job>>>,
    /// Why no commit is taken any more.
    halted: RefCell<Option<StoreError>>,
    closing: Cell<bool>,
    driven: Cell<bool>,
    ended: Signal,
    to_commit: Signal,
    to_fold: Signal,
    turns: Turns,
    /// A fold failed: not again before the log is larger than this.
    fold_above: Cell<usize>,
    /// Whether a fold of this handle has dropped what crashed folds left behind.
    swept: Cell<bool>,
    observers: Observers,
}

impl Database {
    /// Opens the store, or makes it if nothing is there.
    ///
    /// `seed` must be random: the store, and the entries and blocks of this handle, are named by it.
    ///
    /// # Errors
    /// A store of a newer version, which is left as it is; damage in the manifest or the log; what the disk says.
    pub async fn open(
        disk: Rc<dyn Disk>,
        locks: Rc<dyn Locks>,
        options: Options,
        seed: [u8; SEED_BYTES],
    ) -> Result<Self, StoreError> {
        let (writer, database) = (u64::from_le_bytes(part(&seed, 0)), part(&seed, 8));
        let tables = open_tables(&*disk, &options, database).await?;
        let inner = Inner {
            disk,
            locks,
            writer,
            last_number: Cell::new(0),
            tables: RefCell::new(tables),
            cache: RefCell::new(Cache::new(options.cache_bytes)),
            options,
            jobs: RefCell::default(),
            halted: RefCell::default(),
            closing: Cell::new(false),
            driven: Cell::new(false),
            ended: Signal::default(),
            to_commit: Signal::default(),
            to_fold: Signal::default(),
            turns: Turns::default(),
            fold_above: Cell::new(0),
            swept: Cell::new(false),
            observers: Observers::default(),
        };
        Ok(Self { inner: Rc::new(inner) })
    }

    /// Commits and folds until [`Self::close`]. The owner runs it once, beside everything else; a second call returns.
    pub async fn drive(&self) {
        if self.inner.driven.replace(true) {
            return;
        }
        let _end = DriveEnd(&self.inner);
        futures_util::future::join(self.inner.run_commits(), self.inner.run_folds()).await;
    }

    /// Plans a batch over what is committed and makes it durable: whole, or not at all.
    ///
    /// `plan` is run again when it missed blocks or others wrote first, so it must change nothing but its draft. A plan
    /// that writes nothing needs no disk.
    ///
    /// # Errors
    /// What the plan refused with, or what the store failed with. After [`Trouble::Unknown`] the batch is there whole or
    /// not at all; after any other it is not there.
    pub fn commit<R: 'static, E: 'static>(
        &self,
        durability: Durability,
        plan: impl FnMut(&mut Draft<'_>) -> Result<R, PlanError<E>> + 'static,
    ) -> impl Future<Output = Result<R, CommitError<E>>> {
        self.run(durability, false, plan)
    }

    /// The same, ahead of all others while our [`Turn`] insists.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn commit_in_turn<R: 'static, E: 'static>(
        &self,
        durability: Durability,
        plan: impl FnMut(&mut Draft<'_>) -> Result<R, PlanError<E>> + 'static,
    ) -> impl Future<Output = Result<R, CommitError<E>>> {
        self.run(durability, true, plan)
    }

    async fn run<R: 'static, E: 'static>(
        &self,
        durability: Durability,
        in_turn: bool,
        plan: impl FnMut(&mut Draft<'_>) -> Result<R, PlanError<E>> + 'static,
    ) -> Result<R, CommitError<E>> {
        self.inner.check_open().map_err(CommitError::Store)?;
        let (job, answer) = PlannedJob::new(durability, in_turn, plan);
        self.inner.jobs.borrow_mut().push(Box::new(job));
        self.inner.to_commit.notify();
        answer.await.unwrap_or_else(|_| Err(CommitError::Store(Trouble::Closed.into())))
    }

    /// Takes in what others committed.
    ///
    /// # Errors
    /// What the disk says, and everything that ends this handle: damage, another storage, a newer version.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.inner.check_open()?;
        self.inner.load().await
    }

    /// Takes the owner's word that the storage under this handle was deleted: every later call fails with
    /// [`Trouble::Replaced`], and observers are told that everything may have changed.
    pub fn replaced(&self) {
        self.inner.note(&Trouble::Replaced.into());
    }

    /// The last log entry that reads show.
    #[must_use]
    pub fn tail(&self) -> LogSeq {
        self.inner.tables.borrow().tail()
    }

    /// The random name that the store got when it was made.
    #[must_use]
    pub fn database_id(&self) -> [u8; 16] {
        self.inner.tables.borrow().database_id()
    }

    /// The highest fence seen, ours included.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.inner.tables.borrow().fence()
    }

    /// Tells `callback` of every entry as it is applied, before the commits in it resolve.
    pub fn observe(&self, callback: impl Fn(&Applied<'_>) + 'static) -> Observer {
        self.inner.observers.add(Rc::new(callback))
    }

    /// Finishes the commits that wait, then ends [`Self::drive`]. Every later call fails with [`Trouble::Closed`].
    pub async fn close(&self) {
        self.inner.closing.set(true);
        self.inner.to_commit.notify();
        self.inner.to_fold.notify();
        let seen = self.inner.ended.count();
        if self.inner.driven.get() {
            self.inner.ended.after(seen).await;
        } else {
            self.inner.fail_waiting(&Trouble::Closed.into());
        }
    }
}

/// Marks the end of [`Database::drive`], also when its future is dropped.
struct DriveEnd<'a>(&'a Inner);

impl Drop for DriveEnd<'_> {
    fn drop(&mut self) {
        self.0.driven.set(false);
        self.0.ended.notify();
    }
}

impl Inner {
    fn check_open(&self) -> Result<(), StoreError> {
        if self.closing.get() { Err(Trouble::Closed.into()) } else { Ok(()) }
    }

    fn next_id(&self) -> EntryId {
        self.last_number.set(self.last_number.get() + 1);
        EntryId { writer: self.writer, number: self.last_number.get() }
    }

    fn tell(&self, events: &[Event]) {
        self.observers.tell(self.writer, events);
    }

    /// After these no commit of this handle can be right, and after [`Trouble::Replaced`] no read either.
    fn note(&self, error: &StoreError) {
        let replaced = matches!(error.trouble(), Trouble::Replaced);
        if !replaced && !matches!(error.trouble(), Trouble::NewerVersion(_)) || self.check_there().is_err() {
            return;
        }
        self.halted.replace(Some(error.clone()));
        if replaced {
            let (seq, id) = (self.tables.borrow().tail(), self.tables.borrow().tail_id());
            self.tell(&[Event { seq, id, ops: None }]);
        }
    }

    fn check_there(&self) -> Result<(), StoreError> {
        match &*self.halted.borrow() {
            Some(error) if *error.trouble() == Trouble::Replaced => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn fail_waiting(&self, error: &StoreError) {
        let waiting = std::mem::take(&mut *self.jobs.borrow_mut());
        for job in waiting {
            job.resolve(Err(error.clone()));
        }
    }
}

impl Inner {
    fn load(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let since = self.tables.borrow().since();
            let loaded = load(&*self.disk, since).await?;
            let absorbed = self.tables.borrow_mut().absorb(since, loaded);
            self.tell(&absorbed.events);
            self.ask_for_fold();
            match absorbed.failure {
                None => Ok(()),
                Some(failure) => {
                    self.note(&failure);
                    Err(failure)
                }
            }
        })
    }
}

/// Asks a disk for something that changes nothing, again when the answer was lost.
async fn ask_again<'a, R>(ask: impl Fn() -> LocalBoxFuture<'a, Result<R, DiskError>>) -> Result<R, StoreError> {
    let mut tries = 1;
    loop {
        match ask().await {
            Err(DiskError::Unknown(_)) if tries < LOAD_TRIES_MAX => tries += 1,
            answer => return answer.map_err(|error| Trouble::Disk(error).into()),
        }
    }
}

fn load(disk: &dyn Disk, since: Since) -> impl Future<Output = Result<Loaded, StoreError>> {
    ask_again(move || disk.load(since))
}

async fn open_tables(disk: &dyn Disk, options: &Options, database: [u8; 16]) -> Result<Tables, StoreError> {
    let mut tries = 1;
    loop {
        let mut loaded = load(disk, Since::default()).await?;
        options.pace.begin();
        let mut later = std::mem::take(&mut loaded.entries).into_iter();
        loaded.entries.extend(later.by_ref().take(2));
        let mut tables = Tables::open(loaded, options.fence, database)?;
        for (seq, frame) in later {
            if options.pace.is_spent() {
                options.pace.turn().await;
                options.pace.begin();
            }
            tables.follow(seq, &frame)?;
        }
        if tables.generation().0 > 0 {
            return Ok(tables);
        }
        let answer = disk.publish(&tables.first_manifest(), LogSeq::default(), None, options.durability).await;
        match answer {
            // Loaded once more, so that there is one way in: whoever was first made the store.
            Ok(()) => {}
            Err(DiskError::Stale | DiskError::Unknown(_)) if tries < LOAD_TRIES_MAX => tries += 1,
            Err(error) => return Err(Trouble::Disk(error).into()),
        }
    }
}

/// Bytes of a seed from a place on.
fn part<const N: usize>(seed: &[u8; SEED_BYTES], from: usize) -> [u8; N] {
    std::array::from_fn(|n| seed[from + n])
}

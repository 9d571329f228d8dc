//! Reads: run over memory, read what was missing, run again.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};

use crate::blocks::BlockSet;
use crate::database::{Database, Inner, ask_again};
use crate::disk::{BlockId, Generation};
use crate::draft::Draft;
use crate::encoding::Block;
use crate::error::{Damage, Place, ReadError, StoreError};
use crate::locks::LockName;
use crate::memtable::Batch;
use crate::missing::Missing;
use crate::read_set::ReadSet;
use crate::tables::Tables;
use crate::view::{Resident, View};

/// How much one operation may hold in memory: a scan of more must go page by page.
pub(super) const PINNED_BYTES_MAX: usize = 64 << 20;

/// How often a reader starts again because its blocks were dropped, before it keeps folders away.
const RESTARTS_MAX: u32 = 3;

/// Blocks named in the first miss of an operation; each further miss names twice as many, to the limit.
const READ_AHEAD_FIRST: usize = 4;
const READ_AHEAD_MAX: usize = 64;

/// What one operation holds.
#[derive(Default)]
pub(super) struct Held {
    pub pins: BlockSet,
    bytes: usize,
    misses: u32,
}

impl Held {
    pub(super) fn read_ahead(&self) -> usize {
        (READ_AHEAD_FIRST << self.misses.min(8)).min(READ_AHEAD_MAX)
    }
}

/// Whether missing blocks could be read.
enum Fetched {
    Here,
    /// One is not there any more: the manifest has moved.
    Dropped(BlockId),
}

impl Database {
    /// Runs `f` over what is committed, again whenever it missed blocks. Each run sees one moment of the store.
    ///
    /// # Errors
    /// What the disk says, damage in a block that was needed, [`StoreError::TooLarge`].
    pub async fn read<R>(&self, mut f: impl FnMut(&View<'_>) -> Result<R, Missing>) -> Result<R, StoreError> {
        let mut found = None;
        let mut run = |tables: &Tables, blocks: &Resident<'_>| {
            found = Some(f(&View::new(tables, blocks, None)).map_err(Interrupted::Missing)?);
            Ok(())
        };
        match self.inner.run_read(&mut run).await {
            Ok(()) => Ok(found.expect(RAN)),
            Err(ReadError::Store(error)) => Err(error),
            Err(ReadError::Conflict(_)) => unreachable!("nothing was recorded that could conflict"),
        }
    }

    /// Runs `f` like [`Self::read`] and adds what it read to `set`, after checking that what is there still holds: all
    /// reads into one set see one moment of the store.
    ///
    /// # Errors
    /// [`ReadError::Conflict`] when something in the set has changed, else as [`Self::read`].
    pub async fn read_into<R>(
        &self,
        set: &RefCell<ReadSet>,
        mut f: impl FnMut(&View<'_>) -> Result<R, Missing>,
    ) -> Result<R, ReadError> {
        let mut found = None;
        let mut run = |tables: &Tables, blocks: &Resident<'_>, record: &RefCell<ReadSet>| {
            found = Some(f(&View::new(tables, blocks, Some(record)))?);
            Ok(())
        };
        self.inner.run_recorded(set, &mut run).await?;
        Ok(found.expect(RAN))
    }

    /// Runs `f` like [`Self::read_into`] over a draft whose writes it sees and nobody else ever does.
    ///
    /// # Errors
    /// As [`Self::read_into`].
    pub async fn rehearse<R>(
        &self,
        set: &RefCell<ReadSet>,
        mut f: impl FnMut(&mut Draft<'_>) -> Result<R, Missing>,
    ) -> Result<R, ReadError> {
        let nothing = Batch::new();
        let mut found = None;
        let mut run = |tables: &Tables, blocks: &Resident<'_>, record: &RefCell<ReadSet>| {
            found = Some(f(&mut Draft::new(tables, blocks, &nothing).recording(record))?);
            Ok(())
        };
        self.inner.run_recorded(set, &mut run).await?;
        Ok(found.expect(RAN))
    }
}

const RAN: &str = "a read that succeeds has run";

/// One run of a read; what it finds it keeps for its caller, so that this module is compiled once for all results.
type Run<'r> = dyn FnMut(&Tables, &Resident<'_>) -> Result<(), Interrupted> + 'r;

/// The same, noting what it reads.
type RecordedRun<'r> = dyn FnMut(&Tables, &Resident<'_>, &RefCell<ReadSet>) -> Result<(), Missing> + 'r;

/// Why a run gave nothing.
enum Interrupted {
    Missing(Missing),
    Failed(ReadError),
}

impl Inner {
    async fn run_recorded(&self, set: &RefCell<ReadSet>, run: &mut RecordedRun<'_>) -> Result<(), ReadError> {
        let mut run = |tables: &Tables, blocks: &Resident<'_>| {
            set.borrow().check(tables, None).map_err(|conflict| Interrupted::Failed(ReadError::Conflict(conflict)))?;
            let record = RefCell::new(ReadSet::new());
            run(tables, blocks, &record).map_err(Interrupted::Missing)?;
            set.borrow_mut().extend(record.into_inner(), tables.tail());
            Ok(())
        };
        self.run_read(&mut run).await
    }

    fn run_once(&self, held: &Held, run: &mut Run<'_>) -> Result<(), Interrupted> {
        let blocks = Resident { cache: &self.cache, pins: &held.pins, read_ahead: held.read_ahead() };
        run(&self.tables.borrow(), &blocks)
    }

    async fn run_read(&self, run: &mut Run<'_>) -> Result<(), ReadError> {
        self.check_open()?;
        let mut held = Held::default();
        let mut restarts = 0;
        let mut lock = pin!(self.locks.lock(LockName::Checkpoint));
        let mut locked = None;
        loop {
            let missing = match self.run_once(&held, run) {
                Ok(()) => return Ok(()),
                Err(Interrupted::Failed(error)) => return Err(error),
                Err(Interrupted::Missing(missing)) => missing,
            };
            let waits_for_lock = restarts >= RESTARTS_MAX && locked.is_none();
            let dropped = if waits_for_lock {
                // A folder that is frozen with the lock drops nothing, so nobody waits for it: whichever comes first.
                let fetch = pin!(self.fetch(&mut held, missing));
                match select(fetch, lock.as_mut()).await {
                    Either::Left((fetched, _)) => fetched?,
                    Either::Right((granted, fetch)) => {
                        locked = Some(granted);
                        fetch.await?
                    }
                }
            } else {
                self.fetch(&mut held, missing).await?
            };
            if dropped {
                restarts += 1;
                held = Held::default();
            }
        }
    }

    /// Reads `missing` into `held`; whether one was dropped, in which case the newer manifest is loaded.
    pub(super) async fn fetch(&self, held: &mut Held, missing: Missing) -> Result<bool, StoreError> {
        let generation = self.tables.borrow().generation();
        match self.fetch_blocks(held, missing.0).await? {
            Fetched::Here => Ok(false),
            Fetched::Dropped(id) => {
                self.reload_after(generation, id).await?;
                Ok(true)
            }
        }
    }

    async fn fetch_blocks(&self, held: &mut Held, ids: Vec<BlockId>) -> Result<Fetched, StoreError> {
        held.misses += 1;
        let found = ask_again(async || self.disk.read_blocks(&ids).await).await.map_err(StoreError::Disk)?;
        for (id, frame) in ids.into_iter().zip(found) {
            let Some(frame) = frame else {
                return Ok(Fetched::Dropped(id));
            };
            let block = Rc::new(Block::decode(&id, frame)?);
            held.bytes += block.bytes();
            self.cache.borrow_mut().insert(id.clone(), block.clone());
            held.pins.insert(id, block);
        }
        if held.bytes > PINNED_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: held.bytes, limit: PINNED_BYTES_MAX });
        }
        Ok(Fetched::Here)
    }

    /// A block of the manifest in use is gone: either the manifest is old, or the block is lost.
    async fn reload_after(&self, generation: Generation, id: BlockId) -> Result<(), StoreError> {
        if self.tables.borrow().generation() == generation {
            self.load().await?;
        }
        if self.tables.borrow().generation() == generation {
            return Err(Damage::new(Place::Block(id), "it is not there; its records are lost").into());
        }
        Ok(())
    }
}

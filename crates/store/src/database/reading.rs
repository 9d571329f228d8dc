//! Reads: run over memory, read what was missing, run again.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::{FutureExt, LocalBoxFuture};

use crate::batch::Batch;
use crate::blocks::BlockSet;
use crate::database::{Database, Inner, ask_again};
use crate::disk::{BlockId, Generation};
use crate::draft::Draft;
use crate::encoding::read_block;
use crate::error::{Damage, Place, ReadConflict, ReadError, StoreError, Trouble};
use crate::locks::LockName;
use crate::missing::Missing;
use crate::read_set::ReadSet;
use crate::view::{Read, Resident};

/// How much one operation may hold in memory: a scan of more must go page by page.
pub(super) const PINNED_BYTES_MAX: usize = 64 << 20;

/// How often a reader starts again because its blocks were dropped, before it keeps folders away.
const RESTARTS_MAX: u32 = 3;

/// Blocks named in the first miss of an operation; each further miss names four times as many, to the limit of 8 MB at once.
/// Since the operation begins again after each, 64 took twice as long over an index of 135,000 entries.
const READ_AHEAD_FIRST: usize = 4;
const READ_AHEAD_MAX: usize = 256;

/// What one operation holds.
#[derive(Default)]
pub(super) struct Held {
    pub pins: BlockSet,
    bytes: usize,
    misses: u32,
}

impl Held {
    pub(super) fn read_ahead(&self) -> usize {
        (READ_AHEAD_FIRST << (2 * self.misses).min(8)).min(READ_AHEAD_MAX)
    }
}

/// A read. What it finds it keeps for its caller, so that the driver is compiled once for all results; what it writes
/// it alone sees.
pub type Look<'l> = dyn FnMut(&mut Draft<'_>) -> Result<(), Missing> + 'l;

impl Database {
    /// Runs `f` over what is committed, again whenever it missed blocks. Each run sees one moment of the store.
    ///
    /// # Errors
    /// What the disk says, damage in a block that was needed, [`Trouble::TooLarge`].
    pub async fn read<R>(&self, mut f: impl FnMut(&dyn Read) -> Result<R, Missing>) -> Result<R, StoreError> {
        let mut found = None;
        let mut look = |draft: &mut Draft<'_>| {
            found = Some(f(draft)?);
            Ok(())
        };
        match self.look(None, &mut look).await {
            Ok(()) => Ok(found.expect(RAN)),
            Err(ReadError::Store(error)) => Err(error),
            Err(ReadError::Conflict(_)) => unreachable!("nothing was recorded that could conflict"),
        }
    }

    /// Runs `f` over a draft whose writes it sees and nobody else ever does, and adds what it read to `set`, after
    /// checking that what is there still holds: all reads into one set see one moment of the store.
    ///
    /// # Errors
    /// [`ReadError::Conflict`] when something in the set has changed, else as [`Self::read`].
    pub async fn rehearse<R>(
        &self,
        set: &RefCell<ReadSet>,
        mut f: impl FnMut(&mut Draft<'_>) -> Result<R, Missing>,
    ) -> Result<R, ReadError> {
        let mut found = None;
        let mut look = |draft: &mut Draft<'_>| {
            found = Some(f(draft)?);
            Ok(())
        };
        self.look(Some(set), &mut look).await?;
        Ok(found.expect(RAN))
    }

    /// [`Self::rehearse`] with a set, [`Self::read`] without one.
    ///
    /// # Errors
    /// As they fail.
    pub fn look<'l>(
        &'l self,
        set: Option<&'l RefCell<ReadSet>>,
        look: &'l mut Look<'_>,
    ) -> LocalBoxFuture<'l, Result<(), ReadError>> {
        Box::pin(self.inner.look(set, look))
    }
}

const RAN: &str = "a read that succeeds has run";

/// Why a run gave nothing.
enum Interrupted {
    Missing(Missing),
    Conflict(ReadConflict),
}

impl From<Missing> for Interrupted {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl Inner {
    async fn look(&self, set: Option<&RefCell<ReadSet>>, look: &mut Look<'_>) -> Result<(), ReadError> {
        self.check_open()?;
        self.check_there()?;
        let mut held = Held::default();
        let mut restarts = 0;
        let mut lock = None;
        let mut locked = None;
        loop {
            let missing = match self.look_once(set, &held, look) {
                Ok(()) => return Ok(()),
                Err(Interrupted::Conflict(conflict)) => return Err(ReadError::Conflict(conflict)),
                Err(Interrupted::Missing(missing)) => missing,
            };
            let mut fetch = self.fetch(&mut held, missing);
            // A folder that is frozen with the lock drops nothing, so nobody waits for it: the fetch goes on beside it.
            let dropped = poll_fn(|context| {
                if let Some(Poll::Ready(granted)) =
                    lock.as_mut().map(|lock: &mut LocalBoxFuture<'_, _>| lock.poll_unpin(context))
                {
                    (lock, locked) = (None, Some(granted));
                }
                fetch.poll_unpin(context)
            });
            if dropped.await? {
                drop(fetch);
                held = Held::default();
                restarts += 1;
                if restarts == RESTARTS_MAX {
                    lock = Some(self.locks.lock(LockName::Checkpoint));
                }
            }
        }
    }

    fn look_once(&self, set: Option<&RefCell<ReadSet>>, held: &Held, look: &mut Look<'_>) -> Result<(), Interrupted> {
        let tables = self.tables.borrow();
        let blocks = Resident { cache: &self.cache, pins: &held.pins, read_ahead: held.read_ahead() };
        let draft = Draft::new(&tables, &blocks, Batch::new());
        let Some(set) = set else { return Ok(look(&mut { draft })?) };
        set.borrow().check(&tables, None).map_err(Interrupted::Conflict)?;
        let record = RefCell::new(ReadSet::new());
        look(&mut draft.recording(&record))?;
        set.borrow_mut().extend(record.into_inner(), tables.tail());
        Ok(())
    }

    /// Reads `missing` into `held`; whether one was dropped, in which case the newer manifest is loaded.
    pub(super) fn fetch<'f>(
        &'f self,
        held: &'f mut Held,
        missing: Missing,
    ) -> LocalBoxFuture<'f, Result<bool, StoreError>> {
        Box::pin(async move {
            if missing.is_turn() {
                self.options.pace.turn().await;
                return Ok(false);
            }
            let generation = self.tables.borrow().generation();
            held.misses += 1;
            let found = ask_again(|| self.disk.read_blocks(missing.blocks())).await?;
            for (id, frame) in missing.blocks().iter().zip(found) {
                let Some(frame) = frame else {
                    self.reload_after(generation, *id).await?;
                    return Ok(true);
                };
                let block = Rc::new(read_block(id, &frame)?);
                held.bytes += block.bytes();
                self.cache.borrow_mut().insert(*id, block.clone());
                held.pins.insert(*id, block);
            }
            if held.bytes > PINNED_BYTES_MAX {
                return Err(Trouble::TooLarge { bytes: held.bytes, limit: PINNED_BYTES_MAX }.into());
            }
            Ok(false)
        })
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

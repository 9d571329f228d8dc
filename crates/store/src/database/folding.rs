//! The fold loop: beside the commits, one slice at a time, under a lock that no writer waits for.

use std::rc::Rc;

use futures_util::future::{Either, LocalBoxFuture, join, select};

use crate::append::AppendOutcome;
use crate::database::{Database, Inner};
use crate::disk::{BlockId, Durability, LogSeq};
use crate::encoding::{EntryId, Records, read_block};
use crate::error::StoreError;
use crate::fold::{Fold, FoldAnswer, FoldOutcome, FoldRequest, FoldStep};
use crate::locks::LockName;

/// This part of the size that starts a fold is folded in a pause, so that an opening has less of the log to read.
const IDLE_PART: usize = 16;

/// So many times the size that starts a fold is folded even where nobody looks: memory has an end.
const HIDDEN_TIMES: usize = 4;

/// A batch that was planned at `tail`, to be committed as the entry `id` by the fold that takes it in.
struct Adopted {
    id: EntryId,
    tail: LogSeq,
    ops: Rc<Records>,
}

impl Database {
    /// Folds the log into blocks now, whatever its size; [`FoldOutcome::Stale`] also when somebody else is at it.
    ///
    /// # Errors
    /// What the disk says, damage in a block that had to be read.
    pub async fn fold(&self) -> Result<FoldOutcome, StoreError> {
        self.inner.check_open()?;
        self.inner.fold_above_size(0, None, Durability::default()).await
    }
}

impl Inner {
    /// Wakes the fold loop if the log has grown enough.
    pub(super) fn ask_for_fold(&self) {
        if self.log_bytes() >= self.fold_at() {
            self.to_fold.notify();
        }
    }

    pub(super) async fn run_folds(&self) {
        let mut at_least = self.fold_at();
        while !self.closing.get() {
            let seen = self.to_fold.count();
            match self.fold_above_size(at_least, None, Durability::default()).await {
                Ok(FoldOutcome::Published) => self.fold_above.set(0),
                Ok(FoldOutcome::Stale) => {}
                // A full disk or a damaged block is not tried at every commit again, but when as much has come in anew.
                Ok(FoldOutcome::Failed(_)) | Err(_) => {
                    self.fold_above.set(self.log_bytes() + self.options.fold_bytes);
                }
            }
            at_least = match select(Box::pin(self.to_fold.after(seen)), self.quiet()).await {
                Either::Left(_) => self.fold_at(),
                Either::Right(_) => self.fold_when_idle_at(),
            };
        }
    }

    fn log_bytes(&self) -> usize {
        self.tables.borrow().log_bytes()
    }

    fn fold_at(&self) -> usize {
        self.options.fold_bytes.max(self.fold_above.get())
    }

    fn fold_when_idle_at(&self) -> usize {
        (self.options.fold_bytes / IDLE_PART).max(self.fold_above.get())
    }

    /// Waits for a pause in which nothing was written, and after which something can be folded.
    fn quiet(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async {
            loop {
                let (seen, tail) = (self.to_commit.count(), self.tables.borrow().tail());
                if self.log_bytes() < self.fold_when_idle_at() {
                    self.to_commit.after(seen).await;
                }
                self.options.pace.pause().await;
                if self.tables.borrow().tail() == tail && !self.options.pace.is_hidden() {
                    return;
                }
            }
        })
    }

    /// Whether a fold of a log of at least so many bytes is left for later. One that was asked for is not.
    fn is_put_off(&self, at_least: usize) -> bool {
        let hidden = at_least > 0 && self.options.pace.is_hidden();
        hidden && self.log_bytes() < self.options.fold_bytes.saturating_mul(HIDDEN_TIMES)
    }

    /// As durable as is asked, and as the database is.
    async fn fold_above_size(
        &self,
        at_least: usize,
        adopted: Option<Adopted>,
        durability: Durability,
    ) -> Result<FoldOutcome, StoreError> {
        if self.log_bytes() < at_least || self.is_put_off(at_least) || self.halted.borrow().is_some() {
            return Ok(FoldOutcome::Stale);
        }
        let Some(_held) = self.locks.try_lock(LockName::Checkpoint).await else { return Ok(FoldOutcome::Stale) };
        self.load().await?;
        let fold = match (&mut *self.tables.borrow_mut(), adopted) {
            (tables, None) if tables.log_bytes() < at_least => None,
            (tables, Some(Adopted { tail, .. })) if tables.tail() != tail => None,
            (tables, Some(Adopted { id, ops, .. })) => Fold::new(tables, id, Some(ops)),
            (tables, None) => Fold::new(tables, self.next_id(), None),
        };
        match fold {
            None => Ok(FoldOutcome::Stale),
            Some(fold) => {
                let fold = if self.swept.get() { fold } else { fold.sweeping() };
                let outcome = self.run_fold(fold, at_least, durability.max(self.options.durability)).await;
                self.swept.set(self.swept.get() || outcome == FoldOutcome::Published);
                Ok(outcome)
            }
        }
    }

    /// Commits a large batch, planned at `tail`, without a large entry: while one is appended nobody can open the store, and until it is
    /// folded whoever opens reads it. `None` if this cannot be done now, and nothing was.
    pub(super) async fn adopt(&self, ops: &Rc<Records>, tail: LogSeq, durability: Durability) -> Option<AppendOutcome> {
        let id = self.next_id();
        let adopted = Adopted { id, tail, ops: ops.clone() };
        let outcome = self.fold_above_size(0, Some(adopted), durability).await;
        outcome.unwrap_or(FoldOutcome::Stale).of_commit(&self.tables.borrow(), id, tail.next())
    }

    /// What was in memory until now is read again soon: it stays, as far as there is room.
    fn keep(&self, blocks: &[(BlockId, Vec<u8>)]) {
        let mut cache = self.cache.borrow_mut();
        for (id, frame) in blocks {
            // More in memory than stored, since keys come out complete; hardly ever twice as much.
            if cache.has_room(2 * frame.len())
                && let Ok(block) = read_block(id, frame)
            {
                cache.insert(*id, Rc::new(block));
            }
        }
    }

    async fn run_fold(&self, mut fold: Box<Fold>, at_least: usize, durability: Durability) -> FoldOutcome {
        let pace = &self.options.pace;
        pace.begin();
        loop {
            let is_left = self.closing.get() || self.halted.borrow().is_some() || self.is_put_off(at_least);
            if is_left && !fold.is_commit() {
                // Best effort: what stays behind is invisible.
                let _dropped = self.disk.drop_blocks(&fold.abandoned(), durability).await;
                return FoldOutcome::Stale;
            }
            let request = fold.request();
            let waits = !matches!(request, FoldRequest::Turn) || pace.is_spent();
            let answer = match request {
                FoldRequest::List => FoldAnswer::Listed(self.disk.list_blocks().await),
                FoldRequest::Drop(ids) => FoldAnswer::Done(self.disk.drop_blocks(&ids, durability).await),
                FoldRequest::Read(ids) => FoldAnswer::Blocks(self.disk.read_blocks(&ids).await),
                FoldRequest::Write(blocks) => {
                    let meanwhile = async {
                        self.keep(&blocks);
                        while fold.advance_meanwhile() {
                            if pace.is_spent() {
                                pace.turn().await;
                                pace.begin();
                            }
                        }
                    };
                    FoldAnswer::Done(join(self.disk.write_blocks(&blocks, durability), meanwhile).await.0)
                }
                FoldRequest::Publish { manifest, drop_log_through, kept } => {
                    FoldAnswer::Done(self.disk.publish(&manifest, drop_log_through, Some(&kept), durability).await)
                }
                FoldRequest::Load(since) => FoldAnswer::Loaded(self.disk.load(since).await),
                FoldRequest::Turn => {
                    if waits {
                        pace.turn().await;
                    }
                    FoldAnswer::Turned
                }
            };
            if waits {
                pace.begin();
            }
            let FoldStep { events, outcome } = fold.answered(&mut self.tables.borrow_mut(), answer);
            self.tell(&events);
            let Some(outcome) = outcome else { continue };
            if let FoldOutcome::Failed(error) = &outcome {
                self.note(error);
            }
            return outcome;
        }
    }
}

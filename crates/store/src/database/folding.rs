//! The fold loop: beside the commits, one slice at a time, under a lock that no writer waits for.

use crate::database::{Database, Inner};
use crate::error::StoreError;
use crate::fold::{Fold, FoldAnswer, FoldOutcome, FoldRequest, FoldStep};
use crate::locks::LockName;

impl Database {
    /// Folds the log into blocks now, whatever its size; [`FoldOutcome::Stale`] also when somebody else is at it.
    ///
    /// # Errors
    /// What the disk says, damage in a block that had to be read.
    pub async fn fold(&self) -> Result<FoldOutcome, StoreError> {
        self.inner.check_open()?;
        self.inner.fold_above_size(0).await
    }
}

impl Inner {
    /// Wakes the fold loop if the log has grown enough.
    pub(super) fn ask_for_fold(&self) {
        if self.tables.borrow().memory_bytes() >= self.fold_at() {
            self.to_fold.notify();
        }
    }

    pub(super) async fn run_folds(&self) {
        while !self.closing.get() {
            let seen = self.to_fold.count();
            match self.fold_above_size(self.fold_at()).await {
                Ok(FoldOutcome::Published) => self.fold_above.set(0),
                Ok(FoldOutcome::Stale) => {}
                // A full disk or a damaged block is not tried at every commit again, but when as much has come in anew.
                Ok(FoldOutcome::Failed(_)) | Err(_) => {
                    self.fold_above.set(self.tables.borrow().memory_bytes() + self.options.fold_bytes);
                }
            }
            self.to_fold.after(seen).await;
        }
    }

    fn fold_at(&self) -> usize {
        self.options.fold_bytes.max(self.fold_above.get())
    }

    async fn fold_above_size(&self, bytes: usize) -> Result<FoldOutcome, StoreError> {
        if self.tables.borrow().memory_bytes() < bytes || self.halted.borrow().is_some() {
            return Ok(FoldOutcome::Stale);
        }
        let Some(_held) = self.locks.try_lock(LockName::Checkpoint).await else { return Ok(FoldOutcome::Stale) };
        self.load().await?;
        let fold = match self.tables.borrow() {
            tables if tables.memory_bytes() < bytes => None,
            tables => Fold::new(&tables, self.next_id()),
        };
        match fold {
            None => Ok(FoldOutcome::Stale),
            Some(fold) => Ok(self.run_fold(Box::new(fold)).await),
        }
    }

    async fn run_fold(&self, mut fold: Box<Fold>) -> FoldOutcome {
        loop {
            if self.closing.get() || self.halted.borrow().is_some() {
                // Best effort: what stays behind is invisible.
                let _dropped = self.disk.drop_blocks(&fold.abandoned()).await;
                return FoldOutcome::Stale;
            }
            let answer = match fold.request() {
                FoldRequest::Drop(ids) => FoldAnswer::Done(self.disk.drop_blocks(&ids).await),
                FoldRequest::Read(ids) => FoldAnswer::Blocks(self.disk.read_blocks(&ids).await),
                FoldRequest::Write(blocks) => FoldAnswer::Done(self.disk.write_blocks(&blocks).await),
                FoldRequest::Publish { manifest, drop_log_through } => {
                    FoldAnswer::Done(self.disk.publish(&manifest, drop_log_through).await)
                }
                FoldRequest::Load(since) => FoldAnswer::Loaded(self.disk.load(since).await),
            };
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

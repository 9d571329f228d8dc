//! The commit loop: everything that waits is planned over one another and travels in one entry.
//!
//! ```text
//!   group ── plan each over the batches before it ──► one entry ──► append
//!     │                                                              ├─ committed ─► all resolve, in order
//!     │                                                              ├─ stale ─────► plan all again; after 4 with the lock
//!     │                                                              └─ full, aborted ─► each half on its own
//!     └─ too large for one entry ──► the rest goes into the next
//! ```

use crate::append::{Append, AppendOutcome, AppendRequest, AppendStep};
use crate::database::reading::Held;
use crate::database::{Inner, Queued};
use crate::disk::{DiskError, Durability};
use crate::error::StoreError;
use crate::locks::{HeldLock, LockName};
use crate::memtable::Batch;
use crate::missing::Missing;
use crate::view::Resident;

/// A commit that lost its position to others so often asks them to let it through.
const LOST_MAX: u8 = 4;

/// One entry holds so much before the rest of a group goes into the next: an append of it stays below some 50 ms.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Jobs in the order of their calls.
type Group = Vec<Queued>;

/// A group planned whole.
struct Planned {
    batch: Batch,
    durability: Durability,
    /// How many of the jobs are in it.
    count: usize,
}

impl Inner {
    pub(super) async fn run_commits(&self) {
        loop {
            let seen = self.to_commit.count();
            let group = std::mem::take(&mut *self.jobs.borrow_mut());
            if !group.is_empty() {
                self.commit_all(group).await;
                self.ask_for_fold();
            } else if self.closing.get() {
                return;
            } else {
                self.to_commit.after(seen).await;
            }
        }
    }

    /// Commits `group` in order, in as many entries as it takes.
    async fn commit_all(&self, group: Group) {
        let mut waiting = vec![group];
        while let Some(group) = waiting.pop() {
            waiting.extend(self.commit_group(group).await);
        }
    }

    /// Commits the first part of `group`, and gives what is to be tried next, the last first.
    async fn commit_group(&self, mut group: Group) -> Vec<Group> {
        let mut lock: Option<HeldLock> = None;
        loop {
            group.retain(|queued| !queued.job.is_abandoned());
            let halted = self.halted.borrow().clone();
            if let Some(error) = halted {
                return fail(group, &error);
            }
            let planned = match self.plan_group(&mut group).await {
                Ok(planned) => planned,
                Err(error) if group.len() > 1 && plan_concerns_one(&error) => return halves(group),
                Err(error) => return fail(group, &error),
            };
            let mut rest = group.split_off(planned.count);
            match self.write(planned).await {
                AppendOutcome::Committed => {
                    for queued in group {
                        queued.job.resolve(Ok(()));
                    }
                    return if rest.is_empty() { Vec::new() } else { vec![rest] };
                }
                AppendOutcome::Stale => {
                    group.append(&mut rest);
                    if lose(&mut group) && lock.is_none() {
                        lock = Some(self.lock_to_write().await);
                    }
                }
                AppendOutcome::Failed(error) => {
                    let mut next = if rest.is_empty() { Vec::new() } else { vec![rest] };
                    match group.len() > 1 && concerns_one(&error) {
                        true => next.extend(halves(group)),
                        false => next.extend(fail(group, &error)),
                    }
                    return next;
                }
            }
        }
    }

    async fn lock_to_write(&self) -> HeldLock {
        let held = self.locks.lock(LockName::Write).await;
        // What others wrote while we waited is taken in now rather than by losing once more; if it fails, the append tells.
        let _told_by_append = self.load().await;
        held
    }

    /// Plans jobs over one another until all are planned or the entry is full. Nothing is awaited between the first plan
    /// of a pass and its end, so that all of them see one moment.
    async fn plan_group(&self, group: &mut Group) -> Result<Planned, StoreError> {
        let mut held = Held::default();
        loop {
            match self.plan_pass(group, &held) {
                Ok(planned) => return Ok(planned),
                Err(missing) => {
                    if self.fetch(&mut held, missing).await? {
                        held = Held::default();
                    }
                }
            }
        }
    }

    fn plan_pass(&self, group: &mut Group, held: &Held) -> Result<Planned, Missing> {
        let tables = self.tables.borrow();
        let blocks = Resident { cache: &self.cache, pins: &held.pins, read_ahead: held.read_ahead() };
        let mut planned = Planned { batch: Batch::new(), durability: Durability::Relaxed, count: 0 };
        let mut bytes = 0;
        let mut missing: Option<Missing> = None;
        for queued in group {
            match queued.job.plan(&tables, &blocks, &planned.batch) {
                // The jobs after one that misses blocks are planned only to learn what they miss.
                Err(more) => missing = Some(missing.map_or(more.clone(), |missing| missing.and(more))),
                Ok(batch) => {
                    bytes += batch
                        .iter()
                        .map(|(key, slot)| key.len() + slot.value.as_ref().map_or(0, |value| value.len()))
                        .sum::<usize>();
                    if bytes > GROUP_BYTES_MAX && planned.count > 0 {
                        break;
                    }
                    if queued.job.durability() == Durability::Strict {
                        planned.durability = Durability::Strict;
                    }
                    planned.batch.extend(batch);
                }
            }
            planned.count += 1;
        }
        missing.map_or(Ok(planned), Err)
    }

    async fn write(&self, planned: Planned) -> AppendOutcome {
        if planned.batch.is_empty() {
            return AppendOutcome::Committed;
        }
        let ops = planned.batch.into_iter().map(|(key, slot)| (key, slot.value)).collect();
        let mut append = Append::new(&self.tables.borrow(), self.next_id(), ops, planned.durability);
        loop {
            let AppendStep { events, outcome } = match append.request() {
                AppendRequest::Append { seq, entry, durability } => {
                    let answer = self.disk.append(seq, &entry, durability).await;
                    append.appended(&mut self.tables.borrow_mut(), answer)
                }
                AppendRequest::Load(since) => {
                    let answer = self.disk.load(since).await;
                    append.loaded(&mut self.tables.borrow_mut(), answer)
                }
            };
            self.tell(&events);
            let Some(outcome) = outcome else { continue };
            if let AppendOutcome::Failed(error) = &outcome {
                self.note(error);
            }
            return outcome;
        }
    }
}

/// Counts a lost position; whether one of the jobs has lost too often.
fn lose(group: &mut Group) -> bool {
    for queued in group.iter_mut() {
        queued.lost = queued.lost.saturating_add(1);
    }
    group.iter().any(|queued| queued.lost >= LOST_MAX)
}

fn fail(group: Group, error: &StoreError) -> Vec<Group> {
    for queued in group {
        queued.job.resolve(Err(error.clone()));
    }
    Vec::new()
}

/// The first half comes out on top.
fn halves(mut group: Group) -> Vec<Group> {
    let second = group.split_off(group.len() / 2);
    vec![second, group]
}

/// Whether the others might be planned without the one that failed.
fn plan_concerns_one(error: &StoreError) -> bool {
    matches!(error, StoreError::TooLarge { .. } | StoreError::Corrupt(_) | StoreError::Disk(DiskError::Aborted(_)))
}

/// Whether a smaller entry might have gone through.
fn concerns_one(error: &StoreError) -> bool {
    matches!(error, StoreError::Disk(DiskError::Full(_) | DiskError::Aborted(_)))
}

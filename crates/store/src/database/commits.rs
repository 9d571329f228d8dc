//! The commit loop: everything that waits is planned over one another and travels in one entry.
//!
//! ```text
//!   group ── plan each over the batches before it ──► one entry ──► append
//!     │                                                              ├─ committed ─► all resolve, in order
//!     │                                                              ├─ stale ─────► plan all again; after 4 with the lock,
//!     │                                                              │               of a large one after 1
//!     │                                                              └─ full, aborted ─► each half on its own
//!     ├─ too large for one entry ──► the rest goes into the next
//!     └─ one that is too large ──► into blocks at once, if nobody folds
//! ```

use std::rc::Rc;

use crate::append::{Append, AppendOutcome, AppendRequest, AppendStep};
use crate::batch::Batch;
use crate::database::Inner;
use crate::database::job::{Begin, Job};
use crate::database::reading::Held;
use crate::disk::{DiskError, Durability, LogSeq};
use crate::error::{StoreError, Trouble};
use crate::locks::HeldLock;
use crate::missing::Missing;
use crate::view::Resident;

/// A commit that lost its position to others so often asks them to make way.
const LOST_MAX: u8 = 4;

/// Jobs in the order of their calls, which travel together.
pub(super) struct Group {
    jobs: Vec<Box<dyn Job>>,
    /// How often they lost their position to others.
    lost: u8,
    lock: Option<HeldLock>,
}

/// A group that is planned, as far as it is.
#[derive(Default)]
struct Planned {
    batch: Batch,
    durability: Durability,
    /// How many of the jobs are in it.
    count: usize,
    /// Whether the next one asked for a turn, and its first writes are in it.
    begun: bool,
    /// What all of them see.
    tail: LogSeq,
    /// How often something was committed while others had their turn, so that all began anew.
    outrun: u8,
}

impl Inner {
    pub(super) async fn run_commits(&self) {
        // The next on top.
        let mut waiting: Vec<Group> = Vec::new();
        loop {
            let seen = self.to_commit.count();
            if waiting.is_empty() {
                push(&mut waiting, self.due());
            }
            let Some(mut group) = waiting.pop() else {
                if self.closing.get() {
                    return;
                }
                self.to_commit.after(seen).await;
                continue;
            };
            let lost_too_often = group.lost >= LOST_MAX;
            if group.lock.is_none() && self.turns.must_wait(lost_too_often) {
                group.lock = self.lock_or_turn().await;
                // What others wrote while we waited is taken in now rather than by losing once more; if it fails, the append tells.
                let _told_by_append = self.load().await;
            }
            if lost_too_often {
                self.turns.ask();
            }
            let (count, outcome) = self.try_group(&mut group).await;
            settle(group, count, outcome, &mut waiting);
            self.ask_for_fold();
        }
    }

    /// Commits the first part of a group, if nobody else is first; gives how many jobs that part has.
    async fn try_group(&self, group: &mut Group) -> (usize, AppendOutcome) {
        group.jobs.retain(|job| !job.is_abandoned());
        let (mut held, mut planned) = (Held::default(), Planned::default());
        loop {
            let halted = self.halted.borrow().clone();
            if let Some(error) = halted {
                return (group.jobs.len(), AppendOutcome::Failed(error));
            }
            // What is awaited before the end of a pass is a turn, after which all of them see the same moment, or begin anew.
            let Err(missing) = self.plan_pass(&mut group.jobs, &held, &mut planned) else { break };
            if missing.is_turn() && planned.outrun > LOST_MAX {
                continue;
            }
            match self.fetch(&mut held, missing).await {
                Ok(false) => {}
                Ok(true) => held = Held::default(),
                Err(error) => return (group.jobs.len(), AppendOutcome::Failed(error)),
            }
        }
        if planned.batch.bytes() > self.options.fold_bytes {
            // To lose a large one is dearer than to wait for the lock.
            group.lost = group.lost.max(LOST_MAX - 1);
        }
        (planned.count, self.write(planned).await)
    }

    fn plan_pass(&self, jobs: &mut [Box<dyn Job>], held: &Held, planned: &mut Planned) -> Result<(), Missing> {
        let tables = self.tables.borrow();
        let blocks = Resident { cache: &self.cache, pins: &held.pins, read_ahead: held.read_ahead() };
        let mut begin =
            if planned.begun && planned.tail == tables.tail() { Begin::WhereItStopped } else { Begin::Anew };
        if begin == Begin::Anew {
            let outrun = planned.outrun + u8::from(planned.begun);
            *planned = Planned { tail: tables.tail(), outrun, ..Planned::default() };
        }
        planned.begun = false;
        let mut missing: Option<Missing> = None;
        for job in &mut jobs[planned.count..] {
            let lack = job.plan(&tables, &blocks, &mut planned.batch, std::mem::replace(&mut begin, Begin::Anew)).err();
            if planned.batch.bytes() > self.options.fold_bytes && planned.count > 0 && missing.is_none() {
                planned.batch.roll_back();
                break;
            }
            match lack {
                Some(turn) if turn.is_turn() && missing.is_none() => {
                    planned.begun = true;
                    return Err(turn);
                }
                // The jobs after one that misses blocks are planned only to learn what they miss.
                Some(more) => missing = Some(missing.map_or(more.clone(), |missing| missing.and(more))),
                None => {
                    if job.durability() == Durability::Strict {
                        planned.durability = Durability::Strict;
                    }
                }
            }
            planned.count += 1;
        }
        missing.map_or(Ok(()), Err)
    }

    async fn write(&self, planned: Planned) -> AppendOutcome {
        if planned.batch.is_empty() {
            return AppendOutcome::Committed;
        }
        let Planned { batch, durability, tail, .. } = planned;
        // Others have their turn between it being planned, and sorted and written.
        let is_large = batch.bytes() > self.options.fold_bytes;
        if is_large {
            self.options.pace.turn().await;
        }
        let records = Rc::new(batch.to_records());
        drop(batch);
        if is_large && let Some(outcome) = self.adopt(&records, tail, durability).await {
            return outcome;
        }
        if self.tables.borrow().tail() != tail {
            return AppendOutcome::Stale;
        }
        let mut append = Append::new(&self.tables.borrow(), self.next_id(), records, durability);
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

/// Decides what becomes of a group, of which the first `count` were tried.
fn settle(mut group: Group, count: usize, outcome: AppendOutcome, waiting: &mut Vec<Group>) {
    let mut stored = Ok(());
    match outcome {
        AppendOutcome::Stale => {
            group.lost = group.lost.saturating_add(1);
            waiting.push(group);
            return;
        }
        AppendOutcome::Committed => {}
        AppendOutcome::Failed(error) => stored = Err(error),
    }
    let mut tried = group.jobs;
    push(waiting, tried.split_off(count));
    if count > 1 && stored.as_ref().is_err_and(concerns_one) {
        let second = tried.split_off(count / 2);
        push(waiting, second);
        push(waiting, tried);
        return;
    }
    for job in tried {
        job.resolve(stored.clone());
    }
}

fn push(waiting: &mut Vec<Group>, jobs: Vec<Box<dyn Job>>) {
    if !jobs.is_empty() {
        waiting.push(Group { jobs, lost: 0, lock: None });
    }
}

/// Whether the others might get through without the one that failed.
fn concerns_one(error: &StoreError) -> bool {
    let by_disk = matches!(error.trouble(), Trouble::Disk(DiskError::Full(_) | DiskError::Aborted(_)));
    by_disk || matches!(error.trouble(), Trouble::TooLarge { .. } | Trouble::Corrupt(_))
}

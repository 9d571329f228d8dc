//! One tab: the real machines, and what each is waiting for.
//!
//! ```text
//!   commit:   idle ── plan ──► appending ── execute ──► answered ── deliver ──► idle
//!   fold:     none ── start ─► folding ─── execute ──► answered ── deliver ──► none
//!   refresh:  none ─────────── execute ──────────────► answered ── deliver ──► none
//! ```
//!
//! Where one of the three is alone, its steps are taken together: nothing else in the tab could come between, and what
//! happens in other tabs cannot tell the difference.

use std::ops::ControlFlow;
use std::rc::Rc;

use holm_store::machine::{Append, AppendOutcome, BlockSet, EntryId, Fold, FoldAnswer, Tables};
use holm_store::{
    BlockId, Direction, DiskError, Durability, Fence, KeyRange, Loaded, LogSeq, Missing, Read, Records, Show, Since,
};

use crate::disk::ModelDisk;

/// One increment of the counter that all tabs share.
pub type Job = u8;

/// How an increment is committed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    Append(Append),
    /// As a large one: the fold commits it with its publishing.
    Adopt(Box<Fold>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Committing {
    pub way: Way,
    pub id: EntryId,
    pub ops: Rc<Records>,
    pub job: Job,
    /// Where it was to go.
    pub seq: LogSeq,
    /// What the counter is after it, if the plan is right.
    pub value: u64,
    pub answer: Option<CommitAnswer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CommitAnswer {
    Appended(Result<(), DiskError>),
    Loaded(Result<Loaded, DiskError>),
    Folded(FoldAnswer),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Folding {
    pub machine: Box<Fold>,
    pub answer: Option<FoldAnswer>,
}

/// A tab that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Live {
    pub tables: Tables,
    writer: u64,
    last_number: u64,
    pub commit: Option<Committing>,
    pub fold: Option<Folding>,
    pub refresh: Option<(Since, Loaded)>,
}

/// Records as plain bytes.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A record that is there before the first increment.
pub const FILLER: &[u8] = b"filler";

/// What the store holds after so many increments, as a plan writes it and a check expects it.
pub fn content(history: &[Job]) -> Rows {
    let count = history.len() as u64;
    let mut rows: Rows = history.iter().map(|job| (vec![b'j', *job], vec![*job])).collect();
    if count > 0 {
        rows.push((b"count".to_vec(), vec![count as u8]));
    }
    if count % 2 == 1 {
        rows.push((b"odd".to_vec(), Vec::new()));
    }
    rows.sort();
    rows
}

impl Live {
    pub fn open(disk: &ModelDisk, writer: u64) -> Result<Self, String> {
        let tables = Tables::open(disk.load(Since::default()), Fence::default(), [1; 16]).map_err(|e| e.to_string())?;
        Ok(Self { tables, writer, last_number: 0, commit: None, fold: None, refresh: None })
    }

    pub fn next_id(&mut self) -> EntryId {
        self.last_number += 1;
        EntryId { writer: self.writer, number: self.last_number }
    }

    /// Whether nothing but the commit is under way.
    pub fn commits_alone(&self) -> bool {
        self.fold.is_none() && self.refresh.is_none()
    }

    /// The blocks that hold what reads show.
    pub fn blocks_in_use(&self, disk: &ModelDisk) -> Result<Vec<BlockId>, String> {
        let (mut blocks, mut ids) = (BlockSet::default(), Vec::new());
        loop {
            let show: &mut Show<'_> = &mut |_, _| ControlFlow::Continue(());
            let seen = self.tables.view(&blocks).visit(&KeyRange::all(), Direction::Forward, show);
            let Err(missing) = seen else { return Ok(ids) };
            ids.extend_from_slice(missing.blocks());
            take(&mut blocks, disk, &missing)?;
        }
    }

    /// Everything that reads show; `None` if a block was dropped meanwhile, when a reader would begin again.
    pub fn rows(&self, disk: &ModelDisk) -> Result<Option<Rows>, String> {
        let mut blocks = BlockSet::default();
        loop {
            let mut rows = Vec::new();
            let seen = self.tables.view(&blocks).visit(&KeyRange::all(), Direction::Forward, &mut |key, value| {
                if key != FILLER {
                    rows.push((key.to_vec(), value.to_vec()));
                }
                ControlFlow::Continue(())
            });
            let Err(missing) = seen else { return Ok(Some(rows)) };
            if !take(&mut blocks, disk, &missing)? {
                return Ok(None);
            }
        }
    }

    /// Plans an increment over what this tab knows: read, add one, write. `false` if it must load first.
    pub fn plan(&mut self, disk: &ModelDisk, job: Job, adopts: bool) -> Result<bool, String> {
        let mut blocks = BlockSet::default();
        let value = loop {
            let read = self.tables.view(&blocks).get(b"count");
            match read {
                Ok(value) => break value.map_or(0, |value| u64::from(value[0])) + 1,
                Err(missing) => {
                    if !take(&mut blocks, disk, &missing)? {
                        return Ok(false);
                    }
                }
            }
        };
        let mut ops = Records::default();
        ops.push(b"count", Some(&[value as u8]));
        ops.push(&[b'j', job], Some(&[job]));
        ops.push(b"odd", (value % 2 == 1).then_some(&[]));
        let (ops, id, seq) = (Rc::new(ops), self.next_id(), self.tables.tail().next());
        let way = match adopts {
            true => Way::Adopt(Fold::new(&mut self.tables, id, Some(ops.clone())).expect("there is something to fold")),
            false => Way::Append(Append::new(&self.tables, id, ops.clone(), Durability::Relaxed)),
        };
        self.commit = Some(Committing { way, id, ops, job, seq, value, answer: None });
        Ok(true)
    }

    /// Gives the commit its answer; the outcome if that ends it.
    pub fn deliver_commit(&mut self) -> Option<(Job, AppendOutcome)> {
        let mut commit = self.commit.take()?;
        let outcome = match (&mut commit.way, commit.answer.take()) {
            (Way::Append(append), Some(CommitAnswer::Appended(answer))) => {
                append.appended(&mut self.tables, answer).outcome
            }
            (Way::Append(append), Some(CommitAnswer::Loaded(answer))) => {
                append.loaded(&mut self.tables, answer).outcome
            }
            (Way::Adopt(fold), Some(CommitAnswer::Folded(answer))) => {
                match fold.answered(&mut self.tables, answer).outcome {
                    None => None,
                    Some(outcome) => outcome.of_commit(&self.tables, commit.id, commit.seq).or_else(|| {
                        commit.id = self.next_id();
                        let append = Append::new(&self.tables, commit.id, commit.ops.clone(), Durability::Relaxed);
                        commit.way = Way::Append(append);
                        None
                    }),
                }
            }
            _ => None,
        };
        let job = commit.job;
        let Some(outcome) = outcome else {
            self.commit = Some(commit);
            return None;
        };
        Some((job, outcome))
    }

    pub fn deliver_fold(&mut self) {
        let Some(fold) = &mut self.fold else { return };
        let Some(answer) = fold.answer.take() else { return };
        if fold.machine.answered(&mut self.tables, answer).outcome.is_some() {
            self.fold = None;
        }
    }

    pub fn deliver_refresh(&mut self) -> Result<(), String> {
        let Some((since, loaded)) = self.refresh.take() else { return Ok(()) };
        self.tables.absorb(since, loaded).failure.map_or(Ok(()), |failure| Err(failure.to_string()))
    }
}

/// Reads what is missing; `false` if one of them is not there any more.
fn take(blocks: &mut BlockSet, disk: &ModelDisk, missing: &Missing) -> Result<bool, String> {
    for (id, frame) in missing.blocks().iter().zip(disk.read_blocks(missing.blocks())) {
        let Some(frame) = frame else { return Ok(false) };
        blocks.take(*id, &frame).map_err(|error| error.to_string())?;
    }
    Ok(true)
}

//! Folding the log into blocks, as a machine without IO.
//!
//! ```text
//!  (List ──►) Drop ──► Merge ──► Write (a few blocks) ──► … ──► Publish ──ok──► DropRetired ──► Published
//!     what fell   │ ▲                                   │  ▲
//!     out before  ▼ │                        stale,     ▼  │ the generation did not move
//!                Read (a few blocks)         unknown   Load
//!                                                       └─ it moved ─► ours? Published : Discard ──► Stale
//! ```
//!
//! What is folded is the memory as it was at the start, shared and not copied, with the runs that [`merge`] names. Between
//! its steps whoever drives it may wait. Nobody sees a new block before the manifest names it, so the fold can be left at
//! any moment. Of the last folded entry the id stays in the log: it tells whoever comes later whether it is the log it knows.
//! A large batch can be *adopted*: it goes into the blocks at once, and the publish adds the id of its entry to the log, which nobody
//! else may have gone on with.

mod builder;
mod merge;

use std::rc::Rc;

use crate::append::{AppendOutcome, forgotten, unknown};
use crate::disk::{BlockId, DiskError, Generation, Loaded, LogSeq, Since, StoredManifest};
use crate::encoding::{Entry, EntryId, Manifest, Records};
use crate::error::{StoreError, Trouble};
use crate::tables::{Event, Settled, Tables};
use merge::{Merge, Need};

/// How often a publish of unknown outcome is tried again.
const TRIES_MAX: u8 = 4;

/// What the disk is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoldRequest {
    /// [`crate::Disk::list_blocks`].
    List,
    /// [`crate::Disk::drop_blocks`].
    Drop(Vec<BlockId>),
    /// [`crate::Disk::read_blocks`].
    Read(Vec<BlockId>),
    /// [`crate::Disk::write_blocks`].
    Write(Rc<Vec<(BlockId, Vec<u8>)>>),
    /// [`crate::Disk::publish`].
    Publish {
        /// The manifest of the next generation.
        manifest: Rc<StoredManifest>,
        /// The last entry of the log that is in the blocks.
        drop_log_through: LogSeq,
        /// What stands in the log for the last folded one: its id, without what it wrote.
        kept: Rc<Vec<u8>>,
    },
    /// [`crate::Disk::load`].
    Load(Since),
    /// Nothing: here the fold can be left waiting.
    Turn,
}

/// What the disk answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FoldAnswer {
    /// To a drop, a write or a publish.
    Done(Result<(), DiskError>),
    /// To a list.
    Listed(Result<Vec<BlockId>, DiskError>),
    /// To a read.
    Blocks(Result<Vec<Option<Vec<u8>>>, DiskError>),
    /// To a load.
    Loaded(Result<Loaded, DiskError>),
    /// To a turn.
    Turned,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoldOutcome {
    /// The blocks are in use and the log is trimmed.
    Published,
    /// Somebody else folded first; the tables may have to be loaded anew.
    Stale,
    /// It could not be done; what was there is as it was.
    Failed(StoreError),
}

/// What an answer of the disk led to.
#[derive(Debug, Default)]
pub struct FoldStep {
    /// What was applied, in order.
    pub events: Vec<Event>,
    /// The end, if it is reached.
    pub outcome: Option<FoldOutcome>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Before what this phase does.
    List(Box<Phase>),
    Drop(Vec<BlockId>),
    Read(Vec<BlockId>),
    Write(Rc<Vec<(BlockId, Vec<u8>)>>),
    Publish,
    Load(Since),
    Turn,
    DropRetired(Vec<BlockId>),
    /// Drops what was written for nothing.
    Discard(Vec<BlockId>, Ending),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Ending {
    Stale,
    Failed(DiskError),
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fold {
    id: EntryId,
    generation: Generation,
    merge: Merge,
    /// What publishing it commits besides.
    adopted: Option<Rc<Records>>,
    drop_log_through: LogSeq,
    manifest: Manifest,
    stored: Rc<StoredManifest>,
    written: Vec<BlockId>,
    /// What folds left behind that can end no more once this one has: they know of no later generation.
    orphans: Vec<BlockId>,
    phase: Phase,
    doubtful: bool,
    tries: u8,
}

impl Fold {
    /// A fold of everything that `tables` hold in memory, and of what it adopts: a batch that its publishing commits as the entry `id`,
    /// after the last one that `tables` know. `None` if that is nothing. `id` must be new.
    #[must_use]
    pub fn new(tables: &mut Tables, id: EntryId, adopted: Option<Rc<Records>>) -> Option<Box<Self>> {
        let (old, generation, drop_log_through) = (tables.manifest.clone(), tables.generation(), tables.tail());
        if adopted.is_none() && drop_log_through == old.folded {
            return None;
        }
        let (mut folded, mut folded_id, mut writers) = (tables.tail(), tables.tail_id(), tables.writers.clone());
        if adopted.is_some() {
            (folded, folded_id) = (folded.next(), id);
            writers.record(id, folded);
        }
        let (mut expired, mut retired) = (Vec::new(), Vec::new());
        for (fell, id) in old.retired.iter().copied() {
            if fell < generation { expired.push(id) } else { retired.push((fell, id)) }
        }
        let manifest = Manifest {
            database: tables.database_id(),
            publisher: id,
            fence: tables.fence(),
            folded,
            folded_id,
            writers,
            runs: Vec::new(),
            retired,
        };
        let mut fold = Box::new(Self {
            id,
            generation,
            merge: Merge::new(tables, id, adopted.as_ref()),
            adopted,
            drop_log_through,
            manifest,
            stored: Rc::default(),
            written: Vec::new(),
            orphans: Vec::new(),
            phase: Phase::Drop(expired),
            doubtful: false,
            tries: 0,
        });
        if fold.phase == Phase::Drop(Vec::new()) {
            fold.next_phase();
        }
        Some(fold)
    }

    /// The same, which drops what folds before it left behind. To be asked before anything else.
    #[must_use]
    pub fn sweeping(mut self: Box<Self>) -> Box<Self> {
        let next = std::mem::replace(&mut self.phase, Phase::Publish);
        self.phase = Phase::List(Box::new(next));
        self
    }

    /// Whether publishing it will commit what nobody else has.
    #[must_use]
    pub fn is_commit(&self) -> bool {
        self.adopted.is_some()
    }

    /// What to ask of the disk now.
    #[must_use]
    pub fn request(&self) -> FoldRequest {
        match &self.phase {
            Phase::List(_) => FoldRequest::List,
            Phase::Drop(ids) | Phase::DropRetired(ids) | Phase::Discard(ids, _) => FoldRequest::Drop(ids.clone()),
            Phase::Read(ids) => FoldRequest::Read(ids.clone()),
            Phase::Write(blocks) => FoldRequest::Write(blocks.clone()),
            Phase::Publish => FoldRequest::Publish {
                manifest: self.stored.clone(),
                drop_log_through: self.drop_log_through,
                kept: Rc::new(self.last_entry()),
            },
            Phase::Load(since) => FoldRequest::Load(*since),
            Phase::Turn => FoldRequest::Turn,
        }
    }

    fn last_entry(&self) -> Vec<u8> {
        let Manifest { folded_id, fence, database, .. } = &self.manifest;
        Entry::encode(*folded_id, *fence, database, &Records::default())
    }

    /// Merges a step further while the disk writes; `false` once only its answer leads on.
    pub fn advance_meanwhile(&mut self) -> bool {
        self.merge.advance_meanwhile()
    }

    /// Takes the answer to [`Self::request`].
    pub fn answered(&mut self, tables: &mut Tables, answer: FoldAnswer) -> FoldStep {
        match (std::mem::replace(&mut self.phase, Phase::Publish), answer) {
            (Phase::List(next), FoldAnswer::Listed(listed)) => {
                // Another manifest than this one may be in use by now; then this fold is not published, and drops nothing.
                self.orphans = tables.manifest.without_named(&listed.unwrap_or_default());
                self.phase = *next;
                FoldStep::default()
            }
            (Phase::Drop(ids), FoldAnswer::Done(answer)) => {
                if answer.is_err() {
                    // They stay named, and the next fold drops them.
                    let fell = Generation(self.generation.0.saturating_sub(1));
                    self.manifest.retired.extend(ids.into_iter().map(|id| (fell, id)));
                }
                self.next_phase()
            }
            (Phase::Turn, _) | (Phase::Write(_), FoldAnswer::Done(Ok(()))) => match self.is_outrun(tables) {
                true => self.discard(tables, Ending::Stale),
                false => self.next_phase(),
            },
            (Phase::Read(ids), FoldAnswer::Blocks(answer)) => self.read(tables, ids, answer),
            (Phase::Write(_), FoldAnswer::Done(Err(error))) => self.discard(tables, Ending::Failed(error)),
            (Phase::Publish, FoldAnswer::Done(answer)) => self.published(tables, answer),
            (Phase::Load(since), FoldAnswer::Loaded(answer)) => self.loaded(tables, since, answer),
            // Space that is not given back now is given back by the next fold: the manifest names it.
            (Phase::DropRetired(_), _) => end(FoldOutcome::Published),
            (Phase::Discard(_, ending), _) => end(ending.into()),
            (phase, _) => {
                self.phase = phase;
                FoldStep::default()
            }
        }
    }

    /// The blocks written so far that nobody uses, if the fold is left now.
    #[must_use]
    pub fn abandoned(self) -> Vec<BlockId> {
        match self.phase {
            // In use, or perhaps in use.
            Phase::DropRetired(_) => Vec::new(),
            _ if self.doubtful => Vec::new(),
            Phase::Discard(unused, _) => unused,
            _ => self.written,
        }
    }

    /// Merges a step further.
    fn next_phase(&mut self) -> FoldStep {
        match self.merge.advance() {
            Need::Read(ids) => self.phase = Phase::Read(ids),
            Need::Write(blocks) => {
                self.written.extend(blocks.iter().map(|(id, _)| *id));
                self.phase = Phase::Write(Rc::new(blocks));
            }
            Need::Turn => self.phase = Phase::Turn,
            Need::Nothing { runs, fell } => {
                let next = Generation(self.generation.0 + 1);
                self.manifest.retired.extend(fell.into_iter().map(|id| (next, id)));
                self.manifest.runs = runs;
                self.stored = Rc::new(self.manifest.store(next));
                self.phase = Phase::Publish;
            }
        }
        FoldStep::default()
    }

    fn read(
        &mut self,
        tables: &Tables,
        ids: Vec<BlockId>,
        answer: Result<Vec<Option<Vec<u8>>>, DiskError>,
    ) -> FoldStep {
        let frames = match answer {
            Ok(frames) => frames,
            Err(error) => return self.discard(tables, Ending::Failed(error)),
        };
        for (id, frame) in ids.into_iter().zip(frames) {
            // Only a newer manifest lets blocks be dropped.
            let Some(frame) = frame else { return self.discard(tables, Ending::Stale) };
            if let Err(error) = self.merge.take(id, &frame) {
                return end(FoldOutcome::Failed(error));
            }
        }
        self.next_phase()
    }

    fn published(&mut self, tables: &mut Tables, answer: Result<(), DiskError>) -> FoldStep {
        match answer {
            Ok(()) => {
                let mut step = self.drop_retired();
                // A load may have brought it, or an even newer one, before this answer.
                if tables.generation() < self.stored.generation {
                    let manifest = Rc::new(std::mem::take(&mut self.manifest));
                    let missed = tables.install(self.stored.generation, manifest);
                    step.events.extend(missed.map(|event| Event { ops: self.adopted.take(), ..event }));
                }
                step
            }
            Err(DiskError::Stale) => self.look(tables),
            Err(DiskError::Unknown(_)) => {
                self.doubtful = true;
                self.look(tables)
            }
            Err(error) if self.doubtful => self.failed(error.into()),
            Err(error) => self.discard(tables, Ending::Failed(error)),
        }
    }

    /// What cannot be told of a publish whose answer was lost is not told.
    fn failed(&self, error: StoreError) -> FoldStep {
        end(FoldOutcome::Failed(if self.doubtful { unknown(error.to_string()) } else { error }))
    }

    fn look(&mut self, tables: &Tables) -> FoldStep {
        self.phase = Phase::Load(tables.since());
        FoldStep::default()
    }

    fn loaded(&mut self, tables: &mut Tables, since: Since, answer: Result<Loaded, DiskError>) -> FoldStep {
        self.tries += 1;
        let absorbed = match answer {
            Ok(loaded) => tables.absorb(since, loaded),
            Err(_) if self.tries < TRIES_MAX => {
                self.phase = Phase::Load(since);
                return FoldStep::default();
            }
            Err(error) => return self.failed(error.into()),
        };
        if let Some(failure) = absorbed.failure {
            return FoldStep { events: absorbed.events, ..self.failed(failure) };
        }
        let is_ours =
            tables.manifest.publisher == self.id || tables.settle(self.id, self.manifest.folded) == Settled::Committed;
        let mut step = if is_ours {
            self.drop_retired()
        } else if tables.generation() > self.generation || self.is_outrun(tables) {
            self.discard(tables, Ending::Stale)
        } else if self.tries < TRIES_MAX {
            self.phase = Phase::Publish;
            FoldStep::default()
        } else {
            end(FoldOutcome::Failed(unknown("the storage fails again and again")))
        };
        let mut events = absorbed.events;
        events.append(&mut step.events);
        FoldStep { events, ..step }
    }

    /// Whether the position that a commit needs is another's.
    fn is_outrun(&self, tables: &Tables) -> bool {
        self.is_commit() && tables.tail() > self.drop_log_through
    }

    /// Drops what fell out one generation before; what falls out now is for readers of the manifest before.
    fn drop_retired(&mut self) -> FoldStep {
        let mut ids = std::mem::take(&mut self.orphans);
        for (fell, id) in &self.manifest.retired {
            if *fell <= self.generation {
                ids.push(*id);
            }
        }
        if ids.is_empty() {
            return end(FoldOutcome::Published);
        }
        self.phase = Phase::DropRetired(ids);
        FoldStep::default()
    }

    /// Ends the fold, and gives back what it wrote. Only where it is certain that no manifest of ours can appear.
    /// What else failed is told of a commit by appending it.
    fn discard(&mut self, tables: &Tables, ending: Ending) -> FoldStep {
        let ending = if self.is_commit() { Ending::Stale } else { ending };
        let mut unused = std::mem::take(&mut self.written);
        unused.retain(|id| !tables.manifest.names(id));
        if unused.is_empty() {
            return end(ending.into());
        }
        self.phase = Phase::Discard(unused, ending);
        FoldStep::default()
    }
}

impl FoldOutcome {
    /// What it means for the batch that was to be adopted as the entry `id` at `seq`; `None` if it is not there, its position is
    /// free, and it can be appended instead.
    #[must_use]
    pub fn of_commit(self, tables: &Tables, id: EntryId, seq: LogSeq) -> Option<AppendOutcome> {
        match (tables.settle(id, seq), self) {
            (Settled::Committed, _) => Some(AppendOutcome::Committed),
            (_, Self::Failed(error)) if matches!(error.trouble(), Trouble::Unknown(_)) => {
                Some(AppendOutcome::Failed(error))
            }
            (Settled::Free, _) => None,
            (Settled::Taken, _) => Some(AppendOutcome::Stale),
            (Settled::Forgotten, _) => Some(AppendOutcome::Failed(forgotten())),
        }
    }
}

impl From<Ending> for FoldOutcome {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Stale => Self::Stale,
            Ending::Failed(error) => Self::Failed(error.into()),
        }
    }
}

fn end(outcome: FoldOutcome) -> FoldStep {
    FoldStep { events: Vec::new(), outcome: Some(outcome) }
}

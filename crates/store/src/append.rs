//! One entry's way into the log, as a machine without IO.
//!
//! ```text
//!              ok                                   our id is there
//!   Append ─────────► Committed         Load ──────────────────────► Committed
//!     │ ▲                                │ │  position is another's
//!     │ └──── position is still free ────┘ └───────────────────────► Stale: plan again
//!     │       (the same entry again)
//!     ├─ stale, unknown ─► Load
//!     └─ anything else ──► Failed: nothing was written
//! ```
//!
//! Whoever lost, or does not know, reads the log first: our random id at our position means committed. So an entry is
//! in the log once, however often its append was asked for.

use std::rc::Rc;

use crate::disk::{DiskError, Durability, Loaded, LogSeq, Since, Why};
use crate::encoding::{Entry, EntryId, Records};
use crate::error::{Damage, Place, StoreError, Trouble};
use crate::tables::{Absorbed, Event, Settled, Tables};

/// How often one entry is refused while its position stays free: more means that the disk does not keep its word.
const REFUSALS_MAX: u8 = 4;

/// How often the log cannot be read before that is told.
const LOADS_MAX: u8 = 4;

/// What the disk is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendRequest {
    /// [`crate::Disk::append`].
    Append {
        /// The position that the entry must get.
        seq: LogSeq,
        /// The encoded entry.
        entry: Rc<Vec<u8>>,
        /// How it is to be kept.
        durability: Durability,
    },
    /// [`crate::Disk::load`].
    Load(Since),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendOutcome {
    /// The entry is in the log, once, and applied.
    Committed,
    /// It is not, and will not be: others wrote first. Plan again.
    Stale,
    /// It is not ([`Trouble::Unknown`]: nobody knows), and trying again is the caller's choice.
    Failed(StoreError),
}

/// What an answer of the disk led to.
#[derive(Debug, Default)]
pub struct AppendStep {
    /// What was applied, in order.
    pub events: Vec<Event>,
    /// The end, if it is reached.
    pub outcome: Option<AppendOutcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Append,
    Load(Since),
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Append {
    id: EntryId,
    seq: LogSeq,
    entry: Rc<Vec<u8>>,
    ops: Rc<Records>,
    durability: Durability,
    phase: Phase,
    /// An earlier append of it ended in nobody knows what.
    doubtful: bool,
    refusals: u8,
    failed_loads: u8,
}

impl Append {
    /// An entry planned over `tables` as they are now. `id` must be new.
    #[must_use]
    pub fn new(tables: &Tables, id: EntryId, ops: Rc<Records>, durability: Durability) -> Self {
        let entry = Entry::encode(id, tables.own_fence(), &tables.database_id(), &ops);
        let seq = tables.tail().next();
        Self {
            id,
            seq,
            entry: Rc::new(entry),
            ops,
            durability,
            phase: Phase::Append,
            doubtful: false,
            refusals: 0,
            failed_loads: 0,
        }
    }

    /// What to ask of the disk now.
    #[must_use]
    pub fn request(&self) -> AppendRequest {
        match self.phase {
            Phase::Append => {
                AppendRequest::Append { seq: self.seq, entry: self.entry.clone(), durability: self.durability }
            }
            Phase::Load(since) => AppendRequest::Load(since),
        }
    }

    /// The answer to [`AppendRequest::Append`].
    pub fn appended(&mut self, tables: &mut Tables, answer: Result<(), DiskError>) -> AppendStep {
        match answer {
            Ok(()) => {
                let applied = tables.apply(self.seq, self.id, &self.ops);
                let event = Event { seq: self.seq, id: self.id, ops: Some(self.ops.clone()) };
                let events = if applied { vec![event] } else { Vec::new() };
                AppendStep { events, outcome: Some(AppendOutcome::Committed) }
            }
            Err(DiskError::Stale) => self.look(tables),
            Err(DiskError::Unknown(_)) => {
                self.doubtful = true;
                self.look(tables)
            }
            Err(error) if self.doubtful => end(AppendOutcome::Failed(unknown(error.to_string()))),
            Err(error) => end(AppendOutcome::Failed(error.into())),
        }
    }

    /// The answer to [`AppendRequest::Load`].
    pub fn loaded(&mut self, tables: &mut Tables, answer: Result<Loaded, DiskError>) -> AppendStep {
        let Phase::Load(since) = self.phase else {
            return AppendStep::default();
        };
        let Absorbed { events, failure } = match answer {
            Ok(loaded) => tables.absorb(since, loaded),
            Err(error) => return self.not_loaded(error),
        };
        let outcome = match (tables.settle(self.id, self.seq), failure) {
            (Settled::Committed, _) => Some(AppendOutcome::Committed),
            (_, Some(failure)) if self.doubtful => Some(AppendOutcome::Failed(doubt(failure))),
            (_, Some(failure)) => Some(AppendOutcome::Failed(failure)),
            (Settled::Taken, None) => Some(AppendOutcome::Stale),
            (Settled::Forgotten, None) => Some(AppendOutcome::Failed(forgotten())),
            (Settled::Free, None) => self.again(),
        };
        AppendStep { events, outcome }
    }

    fn look(&mut self, tables: &Tables) -> AppendStep {
        self.phase = Phase::Load(tables.since());
        AppendStep::default()
    }

    fn again(&mut self) -> Option<AppendOutcome> {
        self.refusals += 1;
        if self.refusals < REFUSALS_MAX {
            self.phase = Phase::Append;
            return None;
        }
        let error = match self.doubtful {
            true => unknown("the storage fails again and again"),
            false => Damage::new(Place::Entry(self.seq), "its position is refused").into(),
        };
        Some(AppendOutcome::Failed(error))
    }

    fn not_loaded(&mut self, error: DiskError) -> AppendStep {
        self.failed_loads += 1;
        if self.failed_loads < LOADS_MAX {
            return AppendStep::default();
        }
        end(AppendOutcome::Failed(if self.doubtful { unknown(error.to_string()) } else { error.into() }))
    }
}

/// A store that cannot be written any more says so; anything else leaves the entry's fate open.
fn doubt(failure: StoreError) -> StoreError {
    match failure.trouble() {
        Trouble::Replaced | Trouble::NewerVersion(_) => failure,
        other => unknown(other.to_string()),
    }
}

pub(crate) fn forgotten() -> StoreError {
    unknown("too many others wrote since")
}

pub(crate) fn unknown(why: impl Into<Why>) -> StoreError {
    Trouble::Unknown(why.into()).into()
}

fn end(outcome: AppendOutcome) -> AppendStep {
    AppendStep { events: Vec::new(), outcome: Some(outcome) }
}

//! A commit that waits for its turn: its plan, and who is to be told.

use futures_channel::oneshot;

use crate::batch::Batch;
use crate::disk::Durability;
use crate::draft::Draft;
use crate::error::{CommitError, Halt, PlanError, StoreError, Trouble};
use crate::layers::Blocks;
use crate::missing::Missing;
use crate::tables::Tables;

/// Where a plan begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At its start.
    Anew,
    /// After what it wrote before it asked for a turn.
    WhereItStopped,
}

/// A commit of any result and error type.
pub(super) trait Job {
    /// Runs the plan over `batch` and into it; one that refuses, or misses blocks, leaves it as it was. One that asks for a turn
    /// leaves there what it wrote, and goes on if it is told to.
    fn plan(&mut self, tables: &Tables, blocks: &dyn Blocks, batch: &mut Batch, begin: Begin) -> Result<(), Missing>;

    fn durability(&self) -> Durability;

    /// Whether it goes on while a turn that insists holds up the others.
    fn is_in_turn(&self) -> bool;

    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;

    /// Tells the outcome: that of the last plan, if the store did its part.
    fn resolve(self: Box<Self>, stored: Result<(), StoreError>);
}

type Answer<R, E> = Result<R, CommitError<E>>;

pub(super) struct PlannedJob<R, E, F> {
    plan: F,
    durability: Durability,
    in_turn: bool,
    outcome: Option<Result<R, E>>,
    answer: oneshot::Sender<Answer<R, E>>,
}

impl<R, E, F> PlannedJob<R, E, F> {
    pub(super) fn new(durability: Durability, in_turn: bool, plan: F) -> (Self, oneshot::Receiver<Answer<R, E>>) {
        let (answer, receiver) = oneshot::channel();
        (Self { plan, durability, in_turn, outcome: None, answer }, receiver)
    }
}

impl<R, E, F> Job for PlannedJob<R, E, F>
where
    F: FnMut(&mut Draft<'_>) -> Result<R, PlanError<E>>,
{
    fn plan(&mut self, tables: &Tables, blocks: &dyn Blocks, batch: &mut Batch, begin: Begin) -> Result<(), Missing> {
        if begin == Begin::Anew {
            batch.set_mark();
        }
        let mut draft = Draft::new(tables, blocks, std::mem::take(batch)).going_on(begin == Begin::WhereItStopped);
        let planned = (self.plan)(&mut draft);
        *batch = draft.into_batch();
        let refused = match planned {
            Ok(result) => {
                self.outcome = Some(Ok(result));
                return Ok(());
            }
            Err(error) => match error.into_halt() {
                Halt::Failed(error) => {
                    self.outcome = Some(Err(error));
                    Ok(())
                }
                Halt::Missing(missing) if missing.is_turn() => return Err(missing),
                Halt::Missing(missing) => Err(missing),
            },
        };
        batch.roll_back();
        refused
    }

    fn durability(&self) -> Durability {
        self.durability
    }

    fn is_in_turn(&self) -> bool {
        self.in_turn
    }

    fn is_abandoned(&self) -> bool {
        self.answer.is_canceled()
    }

    fn resolve(self: Box<Self>, stored: Result<(), StoreError>) {
        let answer = match (stored, self.outcome) {
            (Err(error), _) => Err(CommitError::Store(error)),
            (Ok(()), Some(outcome)) => outcome.map_err(CommitError::Plan),
            (Ok(()), None) => Err(CommitError::Store(Trouble::Closed.into())),
        };
        // Nobody may be waiting any more; the write is there all the same.
        let _unheard = self.answer.send(answer);
    }
}

//! A commit that waits for its turn: its plan, and who is to be told.

use futures_channel::oneshot;

use crate::disk::Durability;
use crate::draft::Draft;
use crate::error::{CommitError, PlanError, StoreError};
use crate::layers::Blocks;
use crate::memtable::Batch;
use crate::missing::Missing;
use crate::tables::Tables;

/// A commit of any result and error type.
pub(super) trait Job {
    /// Runs the plan; a plan that refuses gives an empty batch.
    fn plan(&mut self, tables: &Tables, blocks: &dyn Blocks, overlay: &Batch) -> Result<Batch, Missing>;

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
    fn plan(&mut self, tables: &Tables, blocks: &dyn Blocks, overlay: &Batch) -> Result<Batch, Missing> {
        let mut draft = Draft::new(tables, blocks, Some(overlay));
        match (self.plan)(&mut draft) {
            Ok(result) => {
                self.outcome = Some(Ok(result));
                Ok(draft.into_batch())
            }
            Err(PlanError::Failed(error)) => {
                self.outcome = Some(Err(error));
                Ok(Batch::new())
            }
            Err(PlanError::Missing(missing)) => Err(missing),
        }
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
            (Ok(()), None) => Err(CommitError::Store(StoreError::Closed)),
        };
        // Nobody may be waiting any more; the write is there all the same.
        let _unheard = self.answer.send(answer);
    }
}

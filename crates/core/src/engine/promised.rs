//! How every plan is run: its result travels as [`Any`], so that the machinery is compiled once for all results.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{FutureExt, LocalBoxFuture};
use holm_protocol::ErrorCode;
use holm_store::{CommitError, Draft, Durability, Halt, Read, ReadError, ReadSet};

use super::{Engine, Transaction, store_error};
use crate::Error;
use crate::local::Local;
use crate::outbox::Planned;

/// What a plan will have found. A commit is made even if nobody waits for its answer.
#[must_use = "a plan runs while its answer is waited for"]
pub struct Promised<R> {
    run: LocalBoxFuture<'static, Result<Found, Error>>,
    found: PhantomData<fn() -> R>,
}

/// What a plan found, whatever it is.
type Found = Box<dyn Any>;

impl<R: 'static> Future for Promised<R> {
    type Output = Result<R, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.run.poll_unpin(context).map_ok(|found| match found.downcast() {
            Ok(found) => *found,
            Err(_) => unreachable!("a plan finds what it promised"),
        })
    }
}

/// What becomes of what a plan writes.
pub(super) enum Writes {
    /// It is committed.
    Commit(Durability),
    /// The same, ahead of all others while the transaction's turn insists.
    CommitInTurn(Durability),
    /// It is forgotten: the plan is a read.
    Forget,
    /// It is forgotten, and what was read belongs to a transaction.
    Rehearse(Transaction),
}

/// A plan of whatever result.
type Plan = Box<dyn FnMut(&mut Draft<'_>) -> Planned<Found>>;

impl Engine {
    /// Reads what is committed.
    pub(super) fn read<R: 'static>(&self, mut f: impl FnMut(&dyn Read) -> Planned<R> + 'static) -> Promised<R> {
        self.plan(Writes::Forget, move |draft| f(draft))
    }

    /// Commits what a plan writes, as durable as a local write is.
    pub(super) fn commit<R: 'static>(&self, plan: impl FnMut(&mut Draft<'_>) -> Planned<R> + 'static) -> Promised<R> {
        self.plan(Writes::Commit(self.inner.options.durability), plan)
    }

    /// Runs a plan, again whenever it misses blocks or others wrote first.
    pub(super) fn plan<R: 'static>(
        &self,
        writes: Writes,
        mut plan: impl FnMut(&mut Draft<'_>) -> Planned<R> + 'static,
    ) -> Promised<R> {
        let plan: Plan = Box::new(move |draft| Ok(Box::new(plan(draft)?)));
        Promised { run: run(self.clone(), writes, plan), found: PhantomData }
    }
}

/// Runs any plan; only this is compiled for all of them.
fn run(engine: Engine, writes: Writes, plan: Plan) -> LocalBoxFuture<'static, Result<Found, Error>> {
    Box::pin(async move {
        engine.ensure_open()?;
        match writes {
            Writes::Commit(durability) => committed(engine.inner.db.commit(durability, plan).await),
            Writes::CommitInTurn(durability) => committed(engine.inner.db.commit_in_turn(durability, plan).await),
            Writes::Forget => look(&engine, None, plan).await,
            Writes::Rehearse(transaction) => {
                let looked = look(&engine, Some(transaction.reads()), plan).await;
                // Every write moves the clock and the order; a transaction does not depend on where they stand.
                transaction.reads().borrow_mut().forget(&Local::key());
                looked
            }
        }
    })
}

async fn look(engine: &Engine, reads: Option<&RefCell<ReadSet>>, mut plan: Plan) -> Result<Found, Error> {
    let mut outcome = None;
    let mut look = |draft: &mut Draft<'_>| {
        outcome = Some(match plan(draft) {
            Ok(found) => Ok(found),
            Err(error) => match error.into_halt() {
                Halt::Failed(error) => Err(error),
                Halt::Missing(missing) => return Err(missing),
            },
        });
        Ok(())
    };
    match engine.inner.db.look(reads, &mut look).await {
        Ok(()) => outcome.expect("a read that succeeds has run"),
        Err(ReadError::Conflict(_)) => Err(contention()),
        Err(ReadError::Store(error)) => Err(store_error(&error)),
    }
}

fn committed(outcome: Result<Found, CommitError<Error>>) -> Result<Found, Error> {
    outcome.map_err(|error| match error {
        CommitError::Plan(error) => error,
        CommitError::Store(error) => store_error(&error),
    })
}

/// Why a transaction is run again.
pub(super) fn contention() -> Error {
    Error::new(ErrorCode::Contention, "what the transaction read has changed; it is run again")
}

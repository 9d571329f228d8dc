//! Turns: whoever lost to others goes ahead of them, one after another, in all tabs.
//!
//! A turn is the lock `write`. Nobody needs it to write, so it holds nobody up but those who lost as well. Its holder may
//! *insist*: then this handle makes no other commit until the turn ends, and other handles are asked to make way: they
//! wait for the lock before their next commit. A group of commits that lost too often asks in the same way. The owner
//! sees to it that a turn ends: whoever holds one may be waiting for whoever waits for it.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crate::database::job::Job;
use crate::database::{Database, Inner};
use crate::locks::{HeldLock, LockName};
use crate::signal::Signal;

/// Whose turn it is, as far as a handle knows.
#[derive(Default)]
pub(super) struct Turns {
    /// A turn of this handle is under way.
    held: Cell<bool>,
    /// It insists.
    insists: Cell<bool>,
    /// Somebody else does.
    make_way: Cell<bool>,
    began: Signal,
    /// Asks the others to make way.
    ask: RefCell<Option<Rc<dyn Fn()>>>,
}

/// A turn; it ends when this is dropped.
pub struct Turn {
    database: Database,
    _lock: HeldLock,
}

impl Database {
    /// Waits until it is our turn.
    pub async fn turn(&self) -> Turn {
        let lock = self.inner.locks.lock(LockName::Write).await;
        self.inner.turns.held.set(true);
        self.inner.turns.began.notify();
        Turn { database: self.clone(), _lock: lock }
    }

    /// Has `ask` ask the other handles to make way, whenever this one could not get through otherwise.
    pub fn ask_others(&self, ask: impl Fn() + 'static) {
        self.inner.turns.ask.replace(Some(Rc::new(ask)));
    }

    /// Lets another handle that asks for it go first, once.
    pub fn make_way(&self) {
        self.inner.turns.make_way.set(true);
    }
}

impl Turn {
    /// Holds up every other commit of this handle until the turn ends.
    pub fn insist(&self) {
        self.database.inner.turns.insists.set(true);
        self.database.inner.turns.ask();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let inner = &self.database.inner;
        inner.turns.held.set(false);
        inner.turns.insists.set(false);
        inner.to_commit.notify();
    }
}

impl Inner {
    /// The jobs that may be planned now.
    pub(super) fn due(&self) -> Vec<Box<dyn Job>> {
        let mut jobs = self.jobs.borrow_mut();
        let all = std::mem::take(&mut *jobs);
        if !self.turns.insists.get() || self.closing.get() {
            return all;
        }
        let mut due = Vec::new();
        for job in all {
            if job.is_in_turn() { due.push(job) } else { jobs.push(job) }
        }
        due
    }

    /// The lock; none once a turn of this handle has it.
    pub(super) async fn lock_or_turn(&self) -> Option<HeldLock> {
        let began = &self.turns.began;
        let (mut lock, mut turn) = (self.locks.lock(LockName::Write), pin!(began.after(began.count())));
        poll_fn(|context| match lock.as_mut().poll(context) {
            Poll::Ready(held) => Poll::Ready(Some(held)),
            Poll::Pending => turn.as_mut().poll(context).map(|()| None),
        })
        .await
    }
}

impl Turns {
    pub(super) fn ask(&self) {
        let ask = self.ask.borrow().clone();
        if let Some(ask) = ask {
            ask();
        }
    }

    /// Whether a group waits for the lock: it lost too often, or somebody else insists. Not while we have the turn.
    pub(super) fn must_wait(&self, lost_too_often: bool) -> bool {
        (self.make_way.take() || lost_too_often) && !self.held.get()
    }
}

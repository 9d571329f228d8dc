//! Wakes whoever waits for something to happen.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

#[derive(Debug, Default)]
struct State {
    count: u64,
    wakers: Vec<Waker>,
}

/// Counts what happened; a waiter names the count it has seen, so that nothing is missed between looking and waiting.
#[derive(Clone, Debug, Default)]
pub struct Signal(Rc<RefCell<State>>);

impl Signal {
    /// It happened.
    pub fn notify(&self) {
        let wakers = {
            let mut state = self.0.borrow_mut();
            state.count += 1;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How often it happened.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.borrow().count
    }

    /// Waits until it happened more than `seen` times.
    pub fn after(&self, seen: u64) -> impl Future<Output = ()> {
        poll_fn(move |context| {
            let mut state = self.0.borrow_mut();
            if state.count > seen {
                return Poll::Ready(());
            }
            state.wakers.push(context.waker().clone());
            Poll::Pending
        })
    }
}

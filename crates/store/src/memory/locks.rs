//! [`MemoryLocks`]: Web Locks in memory, first come, first served.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use async_trait::async_trait;
use futures_channel::oneshot;

use crate::locks::{HeldLock, LockName, Locks};

/// Those who wait for each lock that is held.
type Waiting = Rc<RefCell<BTreeMap<LockName, VecDeque<oneshot::Sender<Held>>>>>;

/// Locks in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryLocks(Waiting);

/// A held lock; dropping it gives it to the next.
#[derive(Debug)]
struct Held {
    name: LockName,
    waiting: Option<Waiting>,
}

impl MemoryLocks {
    /// No lock is held.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self, name: LockName) -> Held {
        Held { name, waiting: Some(self.0.clone()) }
    }
}

#[async_trait(?Send)]
impl Locks for MemoryLocks {
    async fn lock(&self, name: LockName) -> HeldLock {
        if let Some(held) = self.try_lock(name).await {
            return held;
        }
        let (sender, receiver) = oneshot::channel();
        self.0.borrow_mut().entry(name).or_default().push_back(sender);
        Box::new(receiver.await.expect("a waiter leaves the queue only with the lock"))
    }

    async fn try_lock(&self, name: LockName) -> Option<HeldLock> {
        let mut waiting = self.0.borrow_mut();
        if waiting.contains_key(&name) {
            return None;
        }
        waiting.insert(name, VecDeque::new());
        drop(waiting);
        Some(Box::new(self.held(name)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        loop {
            let next = waiting.borrow_mut().get_mut(&self.name).and_then(VecDeque::pop_front);
            let Some(next) = next else {
                waiting.borrow_mut().remove(&self.name);
                return;
            };
            let held = Self { name: self.name, waiting: Some(waiting.clone()) };
            match next.send(held) {
                Ok(()) => return,
                // The waiter gave up: this loop hands the lock on, not the drop of what came back.
                Err(mut held) => held.waiting = None,
            }
        }
    }
}

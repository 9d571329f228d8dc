//! Locks among those who share this page or worker.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use holm_store::SortedMap;

thread_local! {
    /// The locks that are held, each with those who wait for it.
    static HELD: RefCell<SortedMap<String, Vec<Waker>>> = RefCell::default();
}

/// A held lock; dropping it gives it back.
pub(super) struct LocalHeld(String);

/// Waits for the lock.
pub(super) async fn lock(name: String) -> LocalHeld {
    poll_fn(move |context| {
        if let Some(held) = try_lock(name.clone()) {
            return Poll::Ready(held);
        }
        HELD.with_borrow_mut(|held| held.find_mut(&name).map(|waiting| waiting.push(context.waker().clone())));
        Poll::Pending
    })
    .await
}

/// Takes the lock if nobody holds it.
pub(super) fn try_lock(name: String) -> Option<LocalHeld> {
    HELD.with_borrow_mut(|held| {
        if held.contains_key(&name) {
            return None;
        }
        held.insert(name.clone(), Vec::new());
        Some(LocalHeld(name))
    })
}

impl Drop for LocalHeld {
    fn drop(&mut self) {
        let waiting = HELD.with_borrow_mut(|held| held.remove(&self.0)).unwrap_or_default();
        waiting.into_iter().for_each(Waker::wake);
    }
}

//! Locks among those who share this page or worker.

use std::cell::RefCell;

use holm_store::Signal;

thread_local! {
    /// The locks that are held.
    static HELD: RefCell<Vec<String>> = RefCell::default();
    /// One of them was given back.
    static FREED: Signal = Signal::default();
}

/// A held lock; dropping it gives it back.
pub(super) struct LocalHeld(String);

/// Waits for the lock.
pub(super) async fn lock(name: String) -> LocalHeld {
    let freed = FREED.with(Signal::clone);
    loop {
        let seen = freed.count();
        if let Some(held) = try_lock(&name) {
            return held;
        }
        freed.after(seen).await;
    }
}

/// Takes the lock if nobody holds it.
pub(super) fn try_lock(name: &str) -> Option<LocalHeld> {
    HELD.with_borrow_mut(|held| {
        if held.iter().any(|held| held == name) {
            return None;
        }
        held.push(name.to_owned());
        Some(LocalHeld(name.to_owned()))
    })
}

impl Drop for LocalHeld {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.retain(|held| *held != self.0));
        FREED.with(Signal::notify);
    }
}

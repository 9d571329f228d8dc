//! What a leader waits for between steps.

use super::Engine;
use crate::sync::Status;

impl Engine {
    /// How often something happened that a leader must look at; read it before a step.
    #[must_use]
    pub fn wakes(&self) -> u64 {
        self.inner.wake.count()
    }

    /// Waits until something happened since `seen`.
    pub fn woken(&self, seen: u64) -> impl Future<Output = ()> {
        self.inner.wake.after(seen)
    }

    /// How often the status changed; read it before the status.
    #[must_use]
    pub fn status_changes(&self) -> u64 {
        self.inner.changed.count()
    }

    /// Waits until the status changed since `seen`.
    pub fn status_changed(&self, seen: u64) -> impl Future<Output = ()> {
        self.inner.changed.after(seen)
    }

    /// What the app shows its user.
    #[must_use]
    pub fn status(&self) -> Status {
        let census = self.inner.census.borrow();
        Status {
            pending: census.pending(),
            parked: census.parked(),
            conflicts: census.conflicts(),
            ..self.inner.status.borrow().clone()
        }
    }

    /// Takes over what the leader of another tab says of itself; counts are our own.
    pub fn hear_status(&self, leader: Status) {
        if self.inner.status.borrow().leader {
            return;
        }
        *self.inner.status.borrow_mut() = Status { leader: false, ..leader };
        self.inner.changed.notify();
    }

    /// Whether the database was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.closed.get()
    }

    pub(super) fn edit_status(&self, edit: &mut dyn FnMut(&mut Status)) {
        let before = self.inner.status.borrow().clone();
        let changed = {
            let mut status = self.inner.status.borrow_mut();
            edit(&mut status);
            *status != before
        };
        if changed {
            self.inner.changed.notify();
        }
    }
}

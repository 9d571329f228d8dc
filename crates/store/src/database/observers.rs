//! Those who are told of every applied entry.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::disk::LogSeq;
use crate::encoding::Records;
use crate::tables::Event;

/// Whose entry was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This handle's.
    Own,
    /// Another's who shares the disk.
    Foreign,
}

/// What an entry changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// These keys, in order; no value is a deletion.
    Keys(&'a Records),
    /// Perhaps everything: entries were folded away before this handle saw them.
    Everything,
}

/// An entry that reads show from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied<'a> {
    /// Its position, or the one reached by missing some.
    pub seq: LogSeq,
    /// Whose it is.
    pub origin: Origin,
    /// What it changed.
    pub change: Change<'a>,
}

type Callback = dyn Fn(&Applied<'_>);

/// Told of every applied entry until it is dropped.
#[must_use = "dropping it stops the observation"]
pub struct Observer(#[allow(dead_code)] Rc<Callback>); // held for its life

#[derive(Default)]
pub(super) struct Observers(RefCell<Vec<Weak<Callback>>>);

impl Observers {
    pub(super) fn add(&self, callback: Rc<Callback>) -> Observer {
        self.0.borrow_mut().push(Rc::downgrade(&callback));
        Observer(callback)
    }

    fn listener(&self, number: usize) -> Option<Weak<Callback>> {
        self.0.borrow().get(number).cloned()
    }

    /// Nothing of the store may be borrowed by the caller.
    pub(super) fn tell(&self, own_writer: u64, events: &[Event]) {
        self.0.borrow_mut().retain(|callback| callback.strong_count() > 0);
        for event in events {
            let own = event.ops.is_some() && event.id.writer == own_writer;
            let applied = Applied {
                seq: event.seq,
                origin: if own { Origin::Own } else { Origin::Foreign },
                change: event.ops.as_deref().map_or(Change::Everything, Change::Keys),
            };
            // Those who are told may observe, or stop observing.
            let mut number = 0;
            while let Some(callback) = self.listener(number) {
                if let Some(callback) = callback.upgrade() {
                    callback(&applied);
                }
                number += 1;
            }
        }
    }
}

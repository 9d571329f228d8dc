//! Those who are told of every applied entry.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use crate::disk::LogSeq;
use crate::key::{Key, Value};
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
    Keys(&'a [(Key, Option<Value>)]),
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

type Callback = Rc<dyn Fn(&Applied<'_>)>;

#[derive(Default)]
struct Registry {
    next: Cell<u64>,
    callbacks: RefCell<Vec<(u64, Callback)>>,
}

/// Told of every applied entry until it is dropped.
#[must_use = "dropping it stops the observation"]
pub struct Observer {
    number: u64,
    registry: Weak<Registry>,
}

impl Drop for Observer {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            // Taken out first: what the callback owns may observe or stop observing when it is dropped.
            let mut callbacks = registry.callbacks.borrow_mut();
            let position = callbacks.iter().position(|(number, _)| *number == self.number);
            let callback = position.map(|position| callbacks.remove(position));
            drop(callbacks);
            drop(callback);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.number).finish()
    }
}

#[derive(Default)]
pub(super) struct Observers(Rc<Registry>);

impl Observers {
    pub(super) fn add(&self, callback: Callback) -> Observer {
        let number = self.0.next.get();
        self.0.next.set(number + 1);
        self.0.callbacks.borrow_mut().push((number, callback));
        Observer { number, registry: Rc::downgrade(&self.0) }
    }

    /// Nothing of the store may be borrowed by the caller.
    pub(super) fn tell(&self, own_writer: u64, events: &[Event]) {
        for event in events {
            let callbacks: Vec<Callback> =
                self.0.callbacks.borrow().iter().map(|(_, callback)| Rc::clone(callback)).collect();
            let own = event.ops.is_some() && event.id.writer == own_writer;
            let applied = Applied {
                seq: event.seq,
                origin: if own { Origin::Own } else { Origin::Foreign },
                change: event.ops.as_deref().map_or(Change::Everything, Change::Keys),
            };
            for callback in callbacks {
                callback(&applied);
            }
        }
    }
}

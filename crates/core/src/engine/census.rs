//! How many mutations wait and how many are parked, kept up with each commit.

use holm_protocol::{ErrorCode, from_json_text};
use holm_store::{Applied, Change, Missing, Read, SortedMap};

use crate::outbox::Parked;
use crate::{keyspace, stored};

/// Keys of the outbox's order and of parked mutations, with whether each is a conflict.
#[derive(Debug, Default)]
pub(super) struct Census {
    waiting: SortedMap<Vec<u8>, bool>,
    parked: SortedMap<Vec<u8>, bool>,
    /// What was counted no longer stands for what is stored.
    pub(super) stale: bool,
}

/// What a commit meant for sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noticed {
    /// The outbox got something.
    pub(super) written: bool,
    /// Counts changed.
    pub(super) counted: bool,
}

impl Census {
    /// Counts everything.
    pub(super) fn take(view: &dyn Read) -> Result<Self, Missing> {
        let mut census = Self::default();
        for (key, _) in stored::scan(view, &keyspace::outbox_from(0))? {
            census.waiting.insert(key.to_vec(), false);
        }
        for (key, value) in stored::scan(view, &keyspace::all_parked())? {
            census.parked.insert(key.to_vec(), is_conflict(&value));
        }
        Ok(census)
    }

    /// Keeps up with a commit.
    pub(super) fn notice(&mut self, applied: &Applied<'_>) -> Noticed {
        let Change::Keys(writes) = &applied.change else {
            self.stale = true;
            return Noticed { written: true, counted: true };
        };
        let (outbox, parked) = (keyspace::outbox_from(0), keyspace::all_parked());
        let mut noticed = Noticed::default();
        for (key, value) in writes.iter() {
            if outbox.contains(key) {
                noticed.counted = true;
                noticed.written |= value.is_some();
                match value {
                    Some(_) => self.waiting.insert(key.to_vec(), false),
                    None => self.waiting.remove(key),
                };
            } else if parked.contains(key) {
                noticed.counted = true;
                match value {
                    Some(value) => self.parked.insert(key.to_vec(), is_conflict(value)),
                    None => self.parked.remove(key),
                };
            }
        }
        noticed
    }

    pub(super) fn pending(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn parked(&self) -> usize {
        self.parked.len()
    }

    pub(super) fn conflicts(&self) -> usize {
        self.parked.values().filter(|conflict| **conflict).count()
    }
}

fn is_conflict(parked: &[u8]) -> bool {
    from_json_text::<Parked>(parked).is_ok_and(|parked| parked.reason.code == ErrorCode::Conflict)
}

//! What sync remembers across restarts.

use std::collections::BTreeMap;

use holm_protocol::{Limits, Seq};
use holm_store::{Draft, Read};
use serde::{Deserialize, Serialize};

use crate::outbox::{Place, Planned};
use crate::stored;

const KEY: &str = "sync";

/// What sync remembers across restarts: one value in the keyspace, guarded by the lease.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncState {
    /// Drawn by whoever became leader last; a commit of anybody else is refused.
    pub lease: String,
    /// The highest seq given to a mutation of this client.
    pub last_seq: Seq,
    /// The highest seq whose results, with all before it, are recorded here.
    pub seen: Seq,
    /// The life of the server's data that the checkpoints belong to.
    #[serde(default)]
    pub epoch: String,
    /// What one push may hold, as the server said.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// Mutations whose seq is fixed and whose result is not recorded.
    #[serde(default)]
    pub frozen: BTreeMap<Seq, Place>,
    /// Mutations that the server applied and no pull has covered.
    #[serde(default)]
    pub confirmed: BTreeMap<Seq, Place>,
    /// Every scope was pulled to its end at least once.
    #[serde(default)]
    pub caught_up: bool,
    /// When the last push was answered (wall clock, milliseconds).
    #[serde(default)]
    pub pushed_at: Option<u64>,
    /// When the last pull came to its end (wall clock, milliseconds).
    #[serde(default)]
    pub pulled_at: Option<u64>,
}

impl SyncState {
    /// Reads it; the default before the first time.
    ///
    /// # Errors
    /// `storage-corrupt`.
    pub fn read(view: &dyn Read) -> Planned<Self> {
        Ok(stored::read_meta(view, KEY)?.unwrap_or_default())
    }

    /// Writes it.
    pub fn save(&self, draft: &mut Draft<'_>) {
        stored::save_meta(draft, KEY, self);
    }

    /// Moves `seen` up to the last seq before the first that is unanswered.
    pub(crate) fn advance_seen(&mut self) {
        let answered = self.frozen.keys().next().map_or(self.last_seq.0, |first| first.0 - 1);
        self.seen = Seq(self.seen.0.max(answered));
    }
}

/// Where this client stands in a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The server's word for it; `None` before the first page.
    pub at: Option<String>,
    /// A reset is going on: rows that it does not name will be swept at its end.
    #[serde(default)]
    pub resetting: bool,
    /// There was more to ask for.
    #[serde(default)]
    pub more: bool,
}

impl Checkpoint {
    /// Reads the one of a scope.
    ///
    /// # Errors
    /// `storage-corrupt`.
    pub fn read(view: &dyn Read, scope: &str) -> Planned<Self> {
        Ok(stored::read_checkpoint(view, scope)?.unwrap_or_default())
    }

    /// Writes it.
    pub fn save(&self, draft: &mut Draft<'_>, scope: &str) {
        stored::save_checkpoint(draft, scope, self);
    }
}

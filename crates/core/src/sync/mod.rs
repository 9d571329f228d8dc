//! Bringing device and server together: what to send, what an answer means, when to try again.
//!
//! Everything here is a plain function or a small state machine; the engine's driver does the waiting.

mod answer;
#[cfg(feature = "full")]
mod attempts;
mod backoff;
mod change;
mod doubt;
mod machine;
mod members;
mod orphans;
pub mod pull;
pub mod push;
#[cfg(feature = "full")]
mod rate;
mod scopes;
#[cfg(feature = "full")]
mod skew;
mod state;
mod status;
mod why;

pub use answer::{Failed, Refused, read_pull, read_push};
#[cfg(feature = "full")]
pub use attempts::{Attempts, Halved};
pub use backoff::{Backoff, RETRY_AFTER_MS_MAX};
pub use machine::{Action, Event, Exchange, Machine};
pub(crate) use orphans::salvaged_orphan;
pub use orphans::{Orphan, adopt_orphan, forget_orphan, orphans};
pub use push::{Frozen, PushLimits};
#[cfg(feature = "full")]
pub use rate::rest_ms;
pub use scopes::{SCOPES_MAX, Standing, key as scope_key, standings, subscribe, unsubscribe};
#[cfg(feature = "full")]
pub use skew::Skew;
pub use state::{Checkpoint, Places, SyncState};
pub use status::{Connection, Phase, Status, StatusError};
pub use why::Why;

use holm_protocol::ErrorCode;
use holm_store::Draft;

use crate::Error;
use crate::outbox::Planned;
use crate::schema::Schema;

/// Records that one commit takes off this device: a page that gives back many of them goes on in between.
const EVICTED_AT_ONCE: usize = 2_000;

/// What a sync plan needs to know.
#[derive(Clone, Copy, Debug)]
pub struct SyncContext<'a> {
    /// The app's schema.
    pub schema: &'a Schema,
    /// The scopes that the database was opened with, by their keys.
    pub scopes: &'a [String],
    /// Wall clock, milliseconds.
    pub now_ms: u64,
    /// How far the server's clock is ahead of that, once it is known.
    #[cfg(feature = "full")]
    pub skew: Option<Skew>,
}

/// The right to commit what sync decided, until somebody else takes it.
///
/// A fencing token: whoever holds the Web Lock draws one and commits it; a thawed tab that lost the lock finds another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease(String);

impl Lease {
    /// Takes the lease.
    ///
    /// # Errors
    /// `storage-corrupt`.
    pub fn take(draft: &mut Draft<'_>, token: String) -> Planned<Self> {
        let mut sync = SyncState::read(draft)?;
        sync.lease.clone_from(&token);
        sync.save(draft);
        Ok(Self(token))
    }

    /// The sync state, if this lease still stands.
    ///
    /// # Errors
    /// `contention` when another leader took over.
    pub fn guard(&self, draft: &Draft<'_>) -> Planned<Box<SyncState>> {
        let sync = SyncState::read(draft)?;
        if sync.lease == self.0 {
            return Ok(sync);
        }
        Err(Error::new(ErrorCode::Contention, "another tab took the sync over").into())
    }
}

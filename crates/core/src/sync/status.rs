//! The truth about what is saved where.

use holm_protocol::{ErrorCode, json_fields, json_words};

/// Whether there is a way to the server, by the outcome of the last request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Nothing was tried yet.
    #[default]
    Unknown,
    /// The last request was answered by a Holm server.
    Online,
    /// The last request was not.
    Offline,
}

json_words!(Connection { Unknown "unknown", Online "online", Offline "offline" });

/// What sync is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// This database has no server.
    #[default]
    Disabled,
    /// Nothing to do.
    Idle,
    /// A push is on its way.
    Pushing,
    /// A pull is on its way.
    Pulling,
    /// The next try is due later.
    Waiting,
    /// Nothing is tried until the app or the user acts.
    Paused,
}

json_words!(Phase {
    Disabled "disabled", Idle "idle", Pushing "pushing", Pulling "pulling", Waiting "waiting", Paused "paused",
});

/// The last failure of sync; gone after the next success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusError {
    /// Which of the closed list.
    pub code: ErrorCode,
    /// In words.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

json_fields!(StatusError { code, message, retryable });

/// What the app shows its user. Times are wall clock milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether there is a way to the server.
    pub online: Connection,
    /// What sync is doing.
    pub phase: Phase,
    /// Whether this tab (or worker) is the one that talks to the server.
    pub leader: bool,
    /// Mutations that the server has not acknowledged.
    pub pending: usize,
    /// Of these, how many are on their way now.
    pub in_flight: usize,
    /// Mutations that the server refused, kept until the app decides.
    pub parked: usize,
    /// Of these, how many are conflicts.
    pub conflicts: usize,
    /// When the last push was answered.
    pub last_push_at: Option<u64>,
    /// When the last pull came to its end.
    pub last_pull_at: Option<u64>,
    /// When the next try is due.
    pub next_attempt_at: Option<u64>,
    /// Why nothing is happening now.
    pub why: Option<String>,
    /// The last failure.
    pub error: Option<StatusError>,
    /// Every scope was pulled to its end at least once.
    pub initial_sync_done: bool,
    /// How many milliseconds the server's clock is ahead of this device's, once that is known.
    #[cfg(feature = "full")]
    pub skew: Option<i64>,
}

json_fields!(Status {
    online, phase, leader, pending, in_flight as "inFlight", parked, conflicts,
    initial_sync_done as "initialSyncDone", last_push_at as "lastPushAt", last_pull_at as "lastPullAt", next_attempt_at as "nextAttemptAt", why, error;
    + skew
});

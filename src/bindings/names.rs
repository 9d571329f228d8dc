//! What is wanted through the doors, by name.

use holm_core::outbox::Operation;

/// What takes time.
#[derive(Clone, Copy)]
pub enum Call {
    Write,
    Ask(Subject),
    Do(Deed),
    TxWrite,
    TxAsk(Subject),
    TxAgain,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub enum Subject {
    Records,
    Query,
    Count,
    Plan,
    Kv,
    KvKeys,
    Receipt,
    Parked,
    Explain,
    #[cfg(feature = "full")]
    Scopes,
    #[cfg(feature = "full")]
    Orphans,
}

/// What has nothing to answer.
#[derive(Clone, Copy)]
pub enum Deed {
    TxCommit,
    #[cfg(feature = "full")]
    TxCall,
    KvSet,
    KvDelete,
    RetryParked,
    DiscardParked,
    Evict,
    #[cfg(feature = "full")]
    Subscribe,
    #[cfg(feature = "full")]
    Unsubscribe,
    #[cfg(feature = "full")]
    Adopt,
    #[cfg(feature = "full")]
    ForgetOrphan,
    Synced,
    SyncNow,
    Close,
}

/// What takes no time.
#[derive(Clone, Copy)]
pub enum Instant {
    Rows,
    Forget,
    Status,
    Watch,
    Unwatch,
    Begin,
    End,
    Pause,
    Resume,
    Short,
}

pub const CALLS: &[(&str, Call)] = &[
    ("write", Call::Write),
    ("read", Call::Ask(Subject::Records)),
    ("query", Call::Ask(Subject::Query)),
    ("count", Call::Ask(Subject::Count)),
    ("plan", Call::Ask(Subject::Plan)),
    ("kvRead", Call::Ask(Subject::Kv)),
    ("kvKeys", Call::Ask(Subject::KvKeys)),
    ("receipt", Call::Ask(Subject::Receipt)),
    ("parked", Call::Ask(Subject::Parked)),
    ("explain", Call::Ask(Subject::Explain)),
    #[cfg(feature = "full")]
    ("scopes", Call::Ask(Subject::Scopes)),
    #[cfg(feature = "full")]
    ("orphans", Call::Ask(Subject::Orphans)),
    ("txWrite", Call::TxWrite),
    ("txRead", Call::TxAsk(Subject::Records)),
    ("txQuery", Call::TxAsk(Subject::Query)),
    ("txCount", Call::TxAsk(Subject::Count)),
    ("txAgain", Call::TxAgain),
    ("txCommit", Call::Do(Deed::TxCommit)),
    #[cfg(feature = "full")]
    ("txCall", Call::Do(Deed::TxCall)),
    ("kvSet", Call::Do(Deed::KvSet)),
    ("kvDelete", Call::Do(Deed::KvDelete)),
    ("retryParked", Call::Do(Deed::RetryParked)),
    ("discardParked", Call::Do(Deed::DiscardParked)),
    ("evict", Call::Do(Deed::Evict)),
    #[cfg(feature = "full")]
    ("subscribe", Call::Do(Deed::Subscribe)),
    #[cfg(feature = "full")]
    ("unsubscribe", Call::Do(Deed::Unsubscribe)),
    #[cfg(feature = "full")]
    ("adopt", Call::Do(Deed::Adopt)),
    #[cfg(feature = "full")]
    ("forgetOrphan", Call::Do(Deed::ForgetOrphan)),
    ("synced", Call::Do(Deed::Synced)),
    ("syncNow", Call::Do(Deed::SyncNow)),
    ("close", Call::Do(Deed::Close)),
];

pub const INSTANTS: &[(&str, Instant)] = &[
    ("rows", Instant::Rows),
    ("forget", Instant::Forget),
    ("status", Instant::Status),
    ("watch", Instant::Watch),
    ("unwatch", Instant::Unwatch),
    ("begin", Instant::Begin),
    ("end", Instant::End),
    ("pause", Instant::Pause),
    ("resume", Instant::Resume),
    ("short", Instant::Short),
];

pub const OPERATIONS: &[(&str, Operation)] = &[
    ("put", Operation::Put),
    ("insert", Operation::Insert),
    ("patch", Operation::Patch),
    ("delete", Operation::Delete),
];

/// What a name means.
pub fn meant<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| *known == name).map(|(_, meant)| *meant)
}

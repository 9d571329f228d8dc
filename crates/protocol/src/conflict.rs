//! What a mutation meets on the server, and what follows. The table of `docs/protocol.md`, as one function.

use crate::{Kind, Revision};

/// How a collection settles an edit of a record that changed since the editor saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Field by field, by base and stamp.
    #[default]
    Merge,
    /// The whole record with the newest stamp.
    LastWrite,
    /// Not at all: the client gets a conflict.
    Manual,
}

/// What the server has under an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Nothing, or a tombstone that was forgotten.
    Absent,
    /// A tombstone with this revision.
    Deleted(&'a Revision),
    /// A record with this revision.
    Live(&'a Revision),
}

/// What to do with a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The row becomes the mutation's data, whole.
    Write,
    /// Its stamped fields are set: nothing changed since the client looked.
    Apply,
    /// Field by field with [`crate::merge`]; without a base every field counts as changed.
    Merge,
    /// As `Write` (or `Apply` for a patch) if [`crate::last_write`] says so, else nothing.
    LastWrite,
    /// The row becomes a tombstone.
    Delete,
    /// Nothing to do, and that is fine.
    Nothing,
    /// Refused: the client gets what the server has.
    Conflict,
}

/// Decides what a mutation of this kind and base does to a row under a policy.
///
/// ```
/// use holm_protocol::{Decision, Kind, Policy, Standing, decide};
/// assert_eq!(decide(Policy::Merge, Kind::Patch, None, Standing::Absent), Decision::Conflict);
/// ```
#[must_use]
pub fn decide(policy: Policy, kind: Kind, base: Option<&Revision>, row: Standing<'_>) -> Decision {
    match kind {
        Kind::Create => match row {
            Standing::Absent | Standing::Deleted(_) => Decision::Write,
            Standing::Live(_) if policy == Policy::Merge => Decision::Merge,
            Standing::Live(_) => Decision::Conflict,
        },
        Kind::Put => match row {
            Standing::Absent if base.is_none() => Decision::Write,
            Standing::Deleted(rev) if base.is_none_or(|base| base == rev) => Decision::Write,
            Standing::Absent | Standing::Deleted(_) => Decision::Conflict,
            Standing::Live(rev) if base == Some(rev) && policy != Policy::Merge => Decision::Write,
            Standing::Live(rev) => edit(policy, base, rev),
        },
        Kind::Patch => match row {
            Standing::Absent | Standing::Deleted(_) => Decision::Conflict,
            Standing::Live(rev) => edit(policy, base, rev),
        },
        Kind::Delete => match row {
            Standing::Absent | Standing::Deleted(_) => Decision::Nothing,
            Standing::Live(rev) if policy == Policy::Manual && base != Some(rev) => Decision::Conflict,
            Standing::Live(_) => Decision::Delete,
        },
        Kind::Call | Kind::Skip => Decision::Nothing,
    }
}

fn edit(policy: Policy, base: Option<&Revision>, rev: &Revision) -> Decision {
    match policy {
        _ if base == Some(rev) => Decision::Apply,
        Policy::Merge => Decision::Merge,
        Policy::LastWrite => Decision::LastWrite,
        Policy::Manual => Decision::Conflict,
    }
}

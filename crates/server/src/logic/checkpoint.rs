//! Checkpoints: `epoch.life.change.tag`; in the middle of a walk `change+head` in place of `change`, and of a first walk
//! `change~start+head`.
//!
//! `change` is the last change that the client has. A first walk skips the tombstones up to `start`, the last
//! change when it began: who has nothing needs no news of deletions. `head` was the last change when the page was given: what
//! had moved to between them is not on it, and a restored backup moves that back. `tag` ties it to one user's scope, and
//! to what the rules say of that.

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::{members, tables};
use crate::{Refusal, Rules};

/// A place in commit order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) change: u64,
    pub(super) start: Option<u64>,
    pub(super) head: Option<u64>,
}

/// What checkpoints of one answer have in common.
pub(super) struct Checkpoints<'a> {
    pub(super) connection: &'a Connection,
    pub(super) rules: &'a Rules,
    pub(super) epoch: &'a str,
    pub(super) life: &'a str,
    pub(super) user: &'a str,
}

impl Checkpoints<'_> {
    /// The text that the client keeps.
    pub(super) fn text(&self, scope: &str, checkpoint: Checkpoint) -> String {
        let start = checkpoint.start.map(|start| format!("~{start}")).unwrap_or_default();
        let head = checkpoint.head.map(|head| format!("+{head}")).unwrap_or_default();
        format!("{}.{}.{}{start}{head}.{}", self.epoch, self.life, checkpoint.change, self.tag(scope))
    }

    /// The place that a text stands for; `None` if it is not from here, or not good any more.
    pub(super) fn parse(&self, scope: &str, text: &str) -> Result<Option<Checkpoint>, Refusal> {
        let Some((life, checkpoint)) = self.read(scope, text) else {
            return Ok(None);
        };
        let newest_known = checkpoint.change.max(checkpoint.start.unwrap_or(0)).max(checkpoint.head.unwrap_or(0));
        let forgotten: u64 =
            self.connection.prepare_cached("SELECT forgotten FROM counter")?.query_row([], |row| row.get(0))?;
        let complete = checkpoint.start.unwrap_or(checkpoint.change) >= forgotten;
        Ok((complete && tables::remembers(self.connection, life, newest_known)?).then_some(checkpoint))
    }

    fn read<'t>(&self, scope: &str, text: &'t str) -> Option<(&'t str, Checkpoint)> {
        let mut parts = text.split('.');
        let (epoch, life, place, tag) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if epoch != self.epoch || tag != self.tag(scope) || parts.next().is_some() {
            return None;
        }
        let (place, head) = parted(place, '+')?;
        let (change, start) = parted(place, '~')?;
        Some((life, Checkpoint { change: change.parse().ok()?, start, head }))
    }

    fn tag(&self, scope: &str) -> String {
        let definition = scope.split_once(':').map(|(name, _)| members::definition(self.rules, name));
        let digest = Sha256::digest(format!("{}\0{scope}{}", self.user, definition.unwrap_or_default()));
        digest[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What stands before a sign, and the number behind it where there is one; `None` where that is no number.
fn parted(text: &str, sign: char) -> Option<(&str, Option<u64>)> {
    match text.split_once(sign) {
        None => Some((text, None)),
        Some((before, number)) => Some((before, Some(number.parse().ok()?))),
    }
}

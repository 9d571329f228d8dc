//! A pull: acknowledgements, results and one page of each scope, all read in one snapshot.
//!
//! A page walks `rows` by change number. A row that changes while a client walks moves ahead of it and comes
//! again, so a walk misses nothing, and what was deleted meanwhile comes as a tombstone.

use std::collections::BTreeSet;

use holm_protocol::{
    Change, ClientId, DataText, ErrorCode, Hlc, PROTOCOL_VERSION, PullRequest, PullResponse, Revision, ScopeRequest,
    ScopeResponse, Value,
};
use rusqlite::{Connection, Row as SqlRow, params};

use super::apply::NAME_BYTES_MAX;
use super::checkpoint::{Checkpoint, Checkpoints};
use super::members::ARGUMENT;
use super::{members, push, receipts, rows, tables};
use crate::Refusal;

/// Changes per scope and answer, whatever the client asks for.
const CHANGES_MAX: u32 = 1_000;

/// An answer takes no further change when its rows pass this (what a phone can parse without a pause).
const ANSWER_BYTES: usize = 2_000_000;

/// The changes of a collection after a place, without the tombstones up to another.
const COLLECTION: &str = "SELECT change, id, rev, deleted, data, stamp, stamps, collection, 0 FROM rows
    WHERE user = ?1 AND collection = ?2 AND change > ?3 AND NOT (deleted = 1 AND change <= ?4) ORDER BY change";

/// The changes of a scope with arguments after a place, without what had left it up to another.
const PART: &str = "SELECT members.change, id, rev, deleted, data, stamp, stamps, collection, gone
    FROM members JOIN rows USING (user, collection, id)
    WHERE user = ?1 AND scope = ?2 AND members.change > ?3 AND NOT (gone = 1 AND members.change <= ?4) ORDER BY members.change";

/// Scopes per request.
const SCOPES_MAX: usize = 100;

/// Handles a pull inside a read transaction.
pub(super) fn handle(checkpoints: &Checkpoints<'_>, request: &PullRequest, now: Hlc) -> Result<PullResponse, Refusal> {
    check(request)?;
    let connection = checkpoints.connection;
    let client = receipts::client(connection, checkpoints.user, &request.client)?;
    if request.seen < client.seen {
        let message = format!("the results up to seq {} were seen, not only those up to {}", client.seen, request.seen);
        return Err(Refusal::new(ErrorCode::SeqReused, message));
    }
    receipts::check_unanswered(connection, request, client)?;
    let seen = request.seen.min(client.last_seq);
    let mut walk = Walk {
        connection,
        checkpoints,
        last_change: tables::last_change(connection)?,
        limit: request.limit.clamp(1, CHANGES_MAX) as usize,
        bytes_left: ANSWER_BYTES,
    };
    Ok(PullResponse {
        v: PROTOCOL_VERSION,
        epoch: checkpoints.epoch.to_owned(),
        now,
        acked: client.last_seq,
        results: receipts::unseen(connection, &request.client, seen)?,
        scopes: request.scopes.iter().map(|scope| walk.page(scope)).collect::<Result<_, _>>()?,
    })
}

/// Whether an answer brings a client nothing that it did not know: worth holding back while it waits.
pub(crate) fn is_no_news(response: &PullResponse) -> bool {
    let quiet =
        |scope: &ScopeResponse| scope.changes.is_empty() && !scope.more && !scope.reset && scope.total.is_none();
    response.results.is_empty() && response.scopes.iter().all(quiet)
}

fn check(request: &PullRequest) -> Result<(), Refusal> {
    push::check_version(request.v)?;
    check_client(&request.client)?;
    if request.scopes.len() > SCOPES_MAX {
        return Err(Refusal::invalid(format!("at most {SCOPES_MAX} scopes")));
    }
    let mut names = BTreeSet::new();
    for scope in &request.scopes {
        if scope.name.is_empty() || scope.name.len() > NAME_BYTES_MAX {
            return Err(Refusal::invalid(format!("a scope's name holds 1 to {NAME_BYTES_MAX} bytes")));
        }
        if !names.insert(scope.key()) {
            return Err(Refusal::invalid(format!("scope {} comes twice", scope.key())));
        }
    }
    Ok(())
}

fn check_client(client: &ClientId) -> Result<(), Refusal> {
    push::check_name("client", client.as_str())
}

/// The pages of one answer.
struct Walk<'a> {
    connection: &'a Connection,
    checkpoints: &'a Checkpoints<'a>,
    last_change: u64,
    limit: usize,
    /// What the rows of this answer may still weigh.
    bytes_left: usize,
}

impl Walk<'_> {
    fn page(&mut self, scope: &ScopeRequest) -> Result<ScopeResponse, Refusal> {
        let (key, user) = (scope.key(), self.checkpoints.user);
        let is_part = !scope.args.is_empty();
        if !self.may_see(scope, &key) {
            let reset = scope.checkpoint.is_some();
            return Ok(ScopeResponse { key, reset, forbidden: true, ..ScopeResponse::default() });
        }
        let (from, reset) = match &scope.checkpoint {
            None => (None, false),
            Some(text) => {
                let known = self.checkpoints.parse(&key, text)?;
                (known, known.is_none())
            }
        };
        let total = match from {
            None if is_part => Some(members::count(self.connection, user, &key)?),
            None => Some(rows::count_alive(self.connection, user, &key)?),
            Some(_) => None,
        };
        let from = from.unwrap_or(Checkpoint { change: 0, start: Some(self.last_change), head: None });
        let (changes, stopped_at, last) = self.changes(&key, if is_part { PART } else { COLLECTION }, from)?;
        let place = match stopped_at {
            Some(change) => Checkpoint { change, start: from.start, head: Some(self.last_change) },
            None => Checkpoint { change: self.last_change, start: None, head: None },
        };
        Ok(ScopeResponse {
            checkpoint: self.checkpoints.text(&key, place),
            key,
            forbidden: false,
            more: stopped_at.is_some(),
            reset,
            fresh: from.start.is_some_and(|start| last <= start),
            total,
            changes,
        })
    }

    /// Whether there is such a scope, for this user. What is not there is like what nobody may see, so that nobody learns of it.
    fn may_see(&self, scope: &ScopeRequest, key: &str) -> bool {
        let rules = self.checkpoints.rules;
        if !rules.scopes.contains_key(&scope.name) {
            return scope.args.is_empty();
        }
        let id = scope.args.get(ARGUMENT).and_then(Value::as_str);
        scope.args.len() == 1 && id.is_some() && (rules.may_read)(self.checkpoints.user, key)
    }

    /// The changes after a place, where the next page begins if there are more, and the last change.
    fn changes(&mut self, key: &str, sql: &str, from: Checkpoint) -> Result<(Vec<Change>, Option<u64>, u64), Refusal> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let skipped = from.start.unwrap_or(0);
        let mut found = statement.query(params![self.checkpoints.user, key, from.change, skipped])?;
        let (mut changes, mut last) = (Vec::new(), from.change);
        while let Some(row) = found.next()? {
            if changes.len() == self.limit || self.bytes_left == 0 {
                return Ok((changes, Some(last), last));
            }
            last = row.get(0)?;
            self.bytes_left = self.bytes_left.saturating_sub(weight(row)?);
            changes.push(change(row)?);
        }
        Ok((changes, None, last))
    }
}

fn change(row: &SqlRow<'_>) -> rusqlite::Result<Change> {
    let (collection, id, deleted) = (row.get(7)?, row.get(1)?, row.get::<_, bool>(3)?);
    if !deleted && row.get(8)? {
        return Ok(Change { collection, id, gone: true, ..Change::default() });
    }
    Ok(Change {
        collection,
        id,
        rev: Some(Revision(row.get(2)?)),
        deleted,
        gone: false,
        data: DataText::again(row.get(4)?),
        stamp: rows::stamp(row, 5)?,
        stamps: rows::json(row, 6)?,
    })
}

fn weight(row: &SqlRow<'_>) -> rusqlite::Result<usize> {
    let text = |column| row.get_ref(column).map(|value| value.as_str().map_or(0, str::len));
    Ok(text(1)? + text(4)? + text(6)?)
}

//! Clients and what each of their mutations was answered: what makes a repeated request harmless.
//!
//! `results` holds every answered seq that its client has not seen; `receipts` holds every mid that was
//! decided for good, for long. Both are written in the transaction of the effect.

use holm_protocol::{
    ClientId, ErrorCode, Kind, Mutation, MutationId, MutationResult, Outcome, PullRequest, Seq, json, to_json_text,
};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use sha2::{Digest, Sha256};

use super::rows;
use crate::Refusal;

/// What the server remembers of a client.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Client {
    pub(super) last_seq: Seq,
    pub(super) seen: Seq,
}

/// A fingerprint of what a mutation does; `None` for a skip, which stands for whatever has its mid.
type Content = Option<Vec<u8>>;

/// An answer given before, and to what.
struct Answer {
    content: Content,
    outcome: Outcome,
}

/// Reads a client; an unknown one has done nothing yet.
pub(super) fn client(connection: &Connection, user: &str, client: &ClientId) -> Result<Client, Refusal> {
    let known = connection
        .prepare_cached("SELECT user, last_seq, seen FROM clients WHERE client = ?1")?
        .query_row(params![client.as_str()], |row| {
            Ok((row.get::<_, String>(0)?, Client { last_seq: Seq(row.get(1)?), seen: Seq(row.get(2)?) }))
        })
        .optional()?;
    match known {
        None => Ok(Client::default()),
        Some((owner, client)) if owner == user => Ok(client),
        Some(_) => Err(Refusal::new(ErrorCode::ClientUnknown, "draw a new client id")),
    }
}

/// Stores how far a client is, and forgets the results that it has seen.
pub(super) fn store_client(connection: &Connection, user: &str, id: &ClientId, client: Client) -> Result<(), Refusal> {
    connection
        .prepare_cached(
            "INSERT INTO clients (client, user, last_seq, seen) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (client) DO UPDATE SET last_seq = excluded.last_seq, seen = excluded.seen",
        )?
        .execute(params![id.as_str(), user, client.last_seq.0, client.seen.0])?;
    connection
        .prepare_cached("DELETE FROM results WHERE client = ?1 AND seq <= ?2")?
        .execute(params![id.as_str(), client.seen.0])?;
    Ok(())
}

/// The answer that a mutation was given before, if it was.
///
/// # Errors
///
/// `seq-reused` if its seq or mid stands for something else, or its client has said that it saw the answer.
pub(super) fn recall(
    connection: &Connection,
    user: &str,
    id: &ClientId,
    client: Client,
    mutation: &Mutation,
) -> Result<Option<Outcome>, Refusal> {
    let reused = |why: &str| Refusal::new(ErrorCode::SeqReused, format!("seq {}: {why}", mutation.seq));
    if mutation.seq <= client.seen {
        return Err(reused("its result was seen"));
    }
    let answer = if mutation.seq <= client.last_seq {
        let (mid, answer) = by_seq(connection, id, mutation.seq)?.ok_or_else(|| reused("its result was forgotten"))?;
        if mid != mutation.mid {
            return Err(reused("it was another mutation's"));
        }
        Some(answer)
    } else {
        by_mid(connection, user, &mutation.mid)?
    };
    match answer {
        None => Ok(None),
        Some(Answer { content, outcome }) => {
            let wanted = fingerprint(mutation);
            if content.is_some() && wanted.is_some() && content != wanted {
                return Err(reused("its mid had other content"));
            }
            Ok(Some(outcome))
        }
    }
}

/// Remembers an answer: for its seq, and for its mid unless it was `retry`.
pub(super) fn remember(
    connection: &Connection,
    user: &str,
    client: &ClientId,
    mutation: &Mutation,
    outcome: &Outcome,
    now_ms: u64,
) -> Result<(), Refusal> {
    let (mid, seq, content) = (mutation.mid.as_str(), mutation.seq.0, fingerprint(mutation));
    let result = to_json_text(outcome);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO results (client, seq, mid, content, result) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![client.as_str(), seq, mid, content, result])?;
    if !matches!(outcome, Outcome::Retry { .. }) {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO receipts (user, mid, client, seq, content, result, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![user, mid, client.as_str(), seq, content, result, now_ms])?;
    }
    Ok(())
}

/// Checks that no seq was another mutation's than the one that this client gave it to: a copy of its storage may have used it.
pub(super) fn check_unanswered(connection: &Connection, request: &PullRequest, client: Client) -> Result<(), Refusal> {
    for (before, mid) in (request.seen.0..client.last_seq.0).zip(&request.unanswered) {
        let seq = Seq(before).next();
        if by_seq(connection, &request.client, seq)?.is_some_and(|(answered, _)| answered != *mid) {
            return Err(Refusal::new(ErrorCode::SeqReused, format!("seq {seq}: it was another mutation's")));
        }
    }
    Ok(())
}

/// Every result but `ok` that a client has not seen.
pub(super) fn unseen(connection: &Connection, client: &ClientId, seen: Seq) -> Result<Vec<MutationResult>, Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT seq, result FROM results WHERE client = ?1 AND seq > ?2 ORDER BY seq")?;
    let results = statement.query_map(params![client.as_str(), seen.0], |row| {
        Ok(MutationResult { seq: Seq(row.get(0)?), outcome: rows::json(row, 1)? })
    })?;
    let results = results.filter(|result| !matches!(result, Ok(MutationResult { outcome: Outcome::Ok { .. }, .. })));
    Ok(results.collect::<Result<_, _>>()?)
}

/// What a mutation does, without when and in what order: the part that a mid stands for.
fn fingerprint(mutation: &Mutation) -> Content {
    if mutation.kind == Kind::Skip {
        return None;
    }
    let removed: Vec<&String> = mutation.stamps.keys().filter(|field| !mutation.data.contains_key(field)).collect();
    let content = json!([
        mutation.kind.word(),
        mutation.collection,
        mutation.id,
        mutation.data,
        removed,
        mutation.name,
        mutation.args,
    ]);
    Some(Sha256::digest(to_json_text(&content))[..16].to_vec())
}

fn by_seq(connection: &Connection, client: &ClientId, seq: Seq) -> Result<Option<(MutationId, Answer)>, Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT content, result, mid FROM results WHERE client = ?1 AND seq = ?2")?;
    let found = statement.query_row(params![client.as_str(), seq.0], |row| Ok((MutationId(row.get(2)?), answer(row)?)));
    Ok(found.optional()?)
}

fn by_mid(connection: &Connection, user: &str, mid: &MutationId) -> Result<Option<Answer>, Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT content, result FROM receipts WHERE user = ?1 AND mid = ?2")?;
    Ok(statement.query_row(params![user, mid.as_str()], answer).optional()?)
}

fn answer(row: &SqlRow<'_>) -> rusqlite::Result<Answer> {
    Ok(Answer { content: row.get(0)?, outcome: rows::json(row, 1)? })
}

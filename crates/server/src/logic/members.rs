//! Which scopes each row is in, and which it has left: what a pull of a scope with arguments walks.

use std::collections::BTreeSet;

use holm_protocol::{Data, ScopeRequest, Value, to_json_text};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{Place, Row, json};
use crate::{Refusal, Rules};

/// The argument that a scope has.
pub(super) const ARGUMENT: &str = "id";

/// Brings the memberships up to a row that is saved: it comes again in each scope that it is in, and has left the others.
pub(super) fn save(
    connection: &Connection,
    place: Place<'_>,
    rules: &Rules,
    before: Option<&Row>,
    after: &Row,
    now_ms: u64,
) -> Result<(), Refusal> {
    let now = scopes_of(rules, place.collection, &after.data);
    let then = before.map(|row| scopes_of(rules, place.collection, &row.data)).unwrap_or_default();
    for scope in then.union(&now) {
        put(connection, place, scope, after.change, !now.contains(scope), now_ms)?;
    }
    Ok(())
}

/// Makes the memberships of all rows anew if the rules say otherwise than when they were made.
pub(super) fn prepare(connection: &mut Connection, rules: &Rules) -> Result<(), Refusal> {
    let wanted = to_json_text(&definitions(rules));
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let known: Option<String> =
        tx.query_row("SELECT value FROM meta WHERE name = 'scopes'", [], |row| row.get(0)).optional()?;
    if known.unwrap_or_else(|| "{}".to_owned()) == wanted {
        return Ok(());
    }
    tx.execute("DELETE FROM members", [])?;
    {
        let mut all = tx.prepare("SELECT user, collection, id, change, data FROM rows WHERE deleted = 0")?;
        let mut found = all.query([])?;
        while let Some(row) = found.next()? {
            let (user, collection, id): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let place = Place { user: &user, collection: &collection, id: &id };
            for scope in scopes_of(rules, &collection, &json(row, 4)?) {
                put(&tx, place, &scope, row.get(3)?, false, 0)?;
            }
        }
    }
    tx.execute("INSERT OR REPLACE INTO meta VALUES ('scopes', ?1)", params![wanted])?;
    Ok(tx.commit()?)
}

/// What the rules say of a scope, as text: other rules make other checkpoints.
pub(super) fn definition(rules: &Rules, name: &str) -> String {
    rules.scopes.get(name).map(|fields| format!("{fields:?}")).unwrap_or_default()
}

/// How many rows are in a scope.
pub(super) fn count(connection: &Connection, user: &str, scope: &str) -> Result<u64, Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM members WHERE user = ?1 AND scope = ?2 AND gone = 0")?;
    Ok(statement.query_row(params![user, scope], |row| row.get(0))?)
}

/// The scopes that a row with these fields is in, by their keys. A field that holds a list is in as many scopes as that has items.
fn scopes_of(rules: &Rules, collection: &str, data: &Data) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (name, fields) in &rules.scopes {
        let Some(value) = fields.get(collection).and_then(|field| data.get(field)) else { continue };
        let ids = value.as_array().unwrap_or(std::slice::from_ref(value));
        keys.extend(ids.iter().filter_map(Value::as_str).map(|id| key(name, id)));
    }
    keys
}

fn key(name: &str, id: &str) -> String {
    let args = Data::from([(ARGUMENT.to_owned(), Value::from(id))]);
    ScopeRequest { name: name.to_owned(), args, checkpoint: None }.key()
}

fn put(
    connection: &Connection,
    place: Place<'_>,
    scope: &str,
    change: u64,
    gone: bool,
    now_ms: u64,
) -> Result<(), Refusal> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO members (user, scope, collection, id, change, gone, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![place.user, scope, place.collection, place.id, change, gone, now_ms])?;
    Ok(())
}

fn definitions(rules: &Rules) -> Data {
    rules.scopes.keys().map(|name| (name.clone(), Value::from(definition(rules, name)))).collect()
}

//! The rows: the present state of each record and tombstone, found by key or by change number.

use std::collections::BTreeMap;

use holm_protocol::{Data, FromJson, Hlc, Revision, ServerRow, Stamps, Standing, Unfit, from_json_text, to_json_text};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use crate::Refusal;

/// Where a row lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) user: &'a str,
    pub(super) collection: &'a str,
    pub(super) id: &'a str,
}

/// A row as stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) rev: Revision,
    pub(super) change: u64,
    pub(super) deleted: bool,
    pub(super) data: Data,
    pub(super) stamps: Stamps,
    /// The change that last wrote, or removed, each field.
    pub(super) fields: BTreeMap<String, u64>,
}

impl Row {
    pub(super) fn standing(row: Option<&Self>) -> Standing<'_> {
        match row {
            None => Standing::Absent,
            Some(row) if row.deleted => Standing::Deleted(&row.rev),
            Some(row) => Standing::Live(&row.rev),
        }
    }

    /// The row as a conflict shows it.
    pub(super) fn for_conflict(row: Option<Self>) -> ServerRow {
        match row {
            None => ServerRow { deleted: true, ..ServerRow::default() },
            Some(row) => ServerRow { rev: Some(row.rev), deleted: row.deleted, data: row.data, stamps: row.stamps },
        }
    }

    /// Whether a field was written after this change.
    pub(super) fn changed_after(&self, field: &str, change: u64) -> bool {
        self.fields.get(field).is_some_and(|written| *written > change)
    }
}

/// The revision that a change makes in a life of the database.
pub(super) fn revision(change: u64, life: &str) -> Revision {
    Revision(format!("{change}-{life}"))
}

/// The change and the life in a revision, if it is one of this server's form.
pub(super) fn parse_revision(rev: &Revision) -> Option<(u64, &str)> {
    let (change, life) = rev.as_str().split_once('-')?;
    Some((change.parse().ok()?, life))
}

pub(super) fn find(connection: &Connection, place: Place<'_>) -> Result<Option<Row>, Refusal> {
    connection
        .prepare_cached(
            "SELECT rev, change, deleted, data, stamp, stamps, fields FROM rows WHERE user = ?1 AND collection = ?2 AND id = ?3",
        )?
        .query_row(params![place.user, place.collection, place.id], |row| {
            let data = json(row, 3)?;
            Ok(Row {
                rev: Revision(row.get(0)?),
                change: row.get(1)?,
                deleted: row.get(2)?,
                stamps: all_stamps(row, 4, &data)?,
                data,
                fields: json(row, 6)?,
            })
        })
        .optional()
        .map_err(Refusal::from)
}

pub(super) fn save(connection: &Connection, place: Place<'_>, row: &Row, now_ms: u64) -> Result<(), Refusal> {
    let (stamp, stamps) = row.stamps.gathered(&row.data);
    connection
        .prepare_cached(
            "INSERT INTO rows (user, collection, id, change, rev, deleted, data, stamp, stamps, fields, at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (user, collection, id) DO UPDATE SET change = excluded.change, rev = excluded.rev,
               deleted = excluded.deleted, data = excluded.data, stamp = excluded.stamp, stamps = excluded.stamps,
               fields = excluded.fields, at_ms = excluded.at_ms",
        )?
        .execute(params![
            place.user,
            place.collection,
            place.id,
            row.change,
            row.rev.as_str(),
            row.deleted,
            to_json_text(&row.data),
            stamp.map(|stamp| stamp.to_string()),
            to_json_text(&stamps),
            to_json_text(&row.fields),
            now_ms,
        ])?;
    Ok(())
}

/// Rows that live in a collection.
pub(super) fn count_alive(connection: &Connection, user: &str, collection: &str) -> Result<u64, Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(sum(count), 0) FROM alive WHERE user = ?1 AND collection = ?2")?;
    Ok(statement.query_row(params![user, collection], |row| row.get(0))?)
}

/// The ids of the rows that live in a collection, in order.
pub(super) fn ids_alive(connection: &Connection, user: &str, collection: &str) -> Result<Vec<String>, Refusal> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM rows WHERE user = ?1 AND collection = ?2 AND deleted = 0 ORDER BY id")?;
    let ids = statement.query_map(params![user, collection], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Reads the stamp that most fields have, from its column.
pub(super) fn stamp(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Option<Hlc>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|text| text.parse().map_err(|error| unreadable(column, error))).transpose()
}

/// Reads the stamps of all fields, from two columns that stand together.
pub(super) fn all_stamps(row: &SqlRow<'_>, column: usize, data: &Data) -> rusqlite::Result<Stamps> {
    let mut stamps: Stamps = json(row, column + 1)?;
    if let Some(stamp) = stamp(row, column)? {
        stamps.spread(&stamp, data);
    }
    Ok(stamps)
}

/// Reads a column of JSON.
pub(super) fn json<T: FromJson + Default>(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    from_json_text(text.as_bytes()).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: Unfit) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

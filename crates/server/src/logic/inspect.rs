//! What is in the database, for tests and for `GET /sync/receipts`.

use holm_protocol::{ClientId, Data, MutationId, Object, Outcome, Revision, Seq, Stamps, ToJson, write_fields};
use rusqlite::Row as SqlRow;

use super::rows::{all_stamps, json};
use super::{Reader, Server};
use crate::Refusal;

/// A record or tombstone.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRow {
    /// Whose.
    pub user: String,
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// Its revision.
    pub rev: Revision,
    /// It is a tombstone.
    pub deleted: bool,
    /// Its fields.
    pub data: Data,
    /// When each was written.
    pub stamps: Stamps,
}

write_fields!(StoredRow { user, collection, id, rev, deleted, data, stamps });

/// What a mutation was answered for good.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredReceipt {
    /// Whose.
    pub user: String,
    /// Which mutation.
    pub mid: MutationId,
    /// The client that first sent it.
    pub client: ClientId,
    /// The seq under which it was decided.
    pub seq: Seq,
    /// What became of it.
    pub outcome: Outcome,
}

impl ToJson for StoredReceipt {
    fn fields(&self, object: &mut Object<'_>) {
        object.all("user mid client seq", &[&self.user, &self.mid, &self.client, &self.seq]);
        self.outcome.fields(object);
    }
}

/// One mutation that was applied, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Whose.
    pub user: String,
    /// Which mutation.
    pub mid: MutationId,
    /// The change that it made; `None` where the row already was, or stayed, as the rules want it.
    pub change: Option<u64>,
}

write_fields!(Effect { user, mid, change });

impl Reader {
    /// Every row, tombstones included, by user, collection and id.
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn rows(&self) -> Result<Vec<StoredRow>, Refusal> {
        let sql =
            "SELECT user, collection, id, rev, deleted, data, stamp, stamps FROM rows ORDER BY user, collection, id";
        self.all(sql, |row| {
            let data = json(row, 5)?;
            Ok(StoredRow {
                user: row.get(0)?,
                collection: row.get(1)?,
                id: row.get(2)?,
                rev: Revision(row.get(3)?),
                deleted: row.get(4)?,
                stamps: all_stamps(row, 6, &data)?,
                data,
            })
        })
    }

    /// Every receipt, by client and seq.
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn receipts(&self) -> Result<Vec<StoredReceipt>, Refusal> {
        let sql = "SELECT user, mid, client, seq, result FROM receipts ORDER BY client, seq, mid";
        self.all(sql, |row| {
            Ok(StoredReceipt {
                user: row.get(0)?,
                mid: MutationId(row.get(1)?),
                client: ClientId(row.get(2)?),
                seq: Seq(row.get(3)?),
                outcome: json(row, 4)?,
            })
        })
    }

    /// Every effect in the order it happened, if [`crate::Rules::audit`] is on.
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn effects(&self) -> Result<Vec<Effect>, Refusal> {
        let sql = "SELECT user, mid, change FROM effects ORDER BY rowid";
        self.all(sql, |row| Ok(Effect { user: row.get(0)?, mid: MutationId(row.get(1)?), change: row.get(2)? }))
    }

    fn all<T>(&self, sql: &str, read: impl Fn(&SqlRow<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>, Refusal> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map([], |row| read(row))?.collect::<Result<_, _>>()?)
    }
}

impl Server {
    /// As [`Reader::rows`].
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn rows(&self) -> Result<Vec<StoredRow>, Refusal> {
        self.reader.rows()
    }

    /// As [`Reader::receipts`].
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn receipts(&self) -> Result<Vec<StoredReceipt>, Refusal> {
        self.reader.receipts()
    }

    /// As [`Reader::effects`].
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn effects(&self) -> Result<Vec<Effect>, Refusal> {
        self.reader.effects()
    }
}

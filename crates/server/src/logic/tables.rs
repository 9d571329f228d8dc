//! The SQLite file: its tables, its settings, its lives.
//!
//! `synchronous = FULL`: a push is answered after its commit, and an answer makes the client forget the
//! mutation. With `NORMAL`, WAL commits may vanish in a power cut, and acknowledged writes with them. One
//! push is one commit, so this costs one `fsync` per request.

use std::fs::{File, TryLockError};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::Refusal;

/// The layout of the tables below. A file of a newer one is refused, untouched.
const FORMAT: u32 = 3;

/// `HOLM` in ASCII: marks the file as ours.
const APPLICATION_ID: u32 = 0x484f_4c4d;

const BUSY_MS: u64 = 5_000;

/// * `counter`: the one change number, and the highest change of a forgotten tombstone.
/// * `lives`: each opening of the database by a server, and its first change. A checkpoint names its life; one past
///   the end of its life comes from a timeline that a restored backup has cut off.
/// * `clients`: whose, and how far. * `results`: what each unseen seq was answered. * `receipts`: by mid, for long.
/// * `rows`: the present state of each record or tombstone, `data`, `stamp` and `stamps` as they go over the wire; `fields` holds
///   the change that last wrote each field.
const LAYOUT: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE counter (one INTEGER PRIMARY KEY CHECK (one = 1), change INTEGER NOT NULL, forgotten INTEGER NOT NULL) STRICT;
INSERT INTO counter VALUES (1, 0, 0);
CREATE TABLE lives (life TEXT PRIMARY KEY, first INTEGER NOT NULL, ordinal INTEGER NOT NULL UNIQUE) WITHOUT ROWID, STRICT;
CREATE TABLE clients (client TEXT PRIMARY KEY, user TEXT NOT NULL, last_seq INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE results (client TEXT NOT NULL, seq INTEGER NOT NULL, mid TEXT NOT NULL, content BLOB, result TEXT NOT NULL,
  PRIMARY KEY (client, seq)) STRICT;
CREATE TABLE receipts (user TEXT NOT NULL, mid TEXT NOT NULL, client TEXT NOT NULL, seq INTEGER NOT NULL, content BLOB,
  result TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (user, mid)) STRICT;
CREATE INDEX receipts_by_age ON receipts (at_ms);
CREATE TABLE rows (user TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL, change INTEGER NOT NULL, rev TEXT NOT NULL,
  deleted INTEGER NOT NULL, data TEXT NOT NULL, stamp TEXT, stamps TEXT NOT NULL, fields TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (user, collection, id)) STRICT;
CREATE UNIQUE INDEX rows_by_change ON rows (user, collection, change);
CREATE INDEX tombstones_by_age ON rows (at_ms) WHERE deleted = 1;
CREATE TABLE effects (user TEXT NOT NULL, mid TEXT NOT NULL, change INTEGER, at_ms INTEGER NOT NULL) STRICT;
";

/// What format 2 has beside that: `members`, each row in each scope with arguments that it is in, or has left, with the change that
/// brought it there or last changed it.
const MEMBERS: &str = "
CREATE TABLE members (user TEXT NOT NULL, scope TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL, change INTEGER NOT NULL,
  gone INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (user, scope, collection, id)) WITHOUT ROWID, STRICT;
CREATE UNIQUE INDEX members_by_change ON members (user, scope, change);
CREATE INDEX members_gone_by_age ON members (at_ms) WHERE gone = 1;
";

/// What format 3 has beside that: `alive`, how many rows live in a collection, kept by SQLite itself. Counting them took 10 ms of
/// the first page of 135,233.
const ALIVE: &str = "
DROP INDEX IF EXISTS rows_alive;
CREATE TABLE alive (user TEXT NOT NULL, collection TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (user, collection)) WITHOUT ROWID, STRICT;
INSERT INTO alive SELECT user, collection, count(*) FROM rows WHERE deleted = 0 GROUP BY user, collection;
CREATE TRIGGER alive_made AFTER INSERT ON rows WHEN new.deleted = 0 BEGIN
  INSERT INTO alive VALUES (new.user, new.collection, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER alive_back AFTER UPDATE OF deleted ON rows WHEN old.deleted = 1 AND new.deleted = 0 BEGIN
  INSERT INTO alive VALUES (new.user, new.collection, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER alive_gone AFTER UPDATE OF deleted ON rows WHEN old.deleted = 0 AND new.deleted = 1 BEGIN
  UPDATE alive SET count = count - 1 WHERE user = new.user AND collection = new.collection;
END;
";

/// How a life of the database is named. Two lives must never share a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// Drawn by SQLite's random numbers.
    Drawn,
    /// Given: for simulations that replay.
    Named(String),
}

/// Opens a file for writing, its folder made if need be, and takes the lock beside it: one server at a time.
pub(super) fn open_file(path: &Path) -> Result<(Connection, File), Refusal> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| cannot_open(path, error))?;
    }
    let lock_path = path.with_added_extension("lock");
    let lock = File::create(&lock_path).map_err(|error| cannot_open(path, error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(cannot_open(path, "another server has it open"));
        }
        Err(TryLockError::Error(error)) => return Err(cannot_open(path, error)),
    }
    let connection = Connection::open(path).map_err(|error| cannot_open(path, error))?;
    Ok((connection, lock))
}

/// Opens the same file once more, for reading.
pub(super) fn open_again(path: &str) -> Result<Connection, Refusal> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Settings, tables where there are none, and a new life. Gives the epoch and the life's name.
pub(super) fn prepare(connection: &mut Connection, life: &Life) -> Result<(String, String), Refusal> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    refuse_foreign(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let life = match life {
        Life::Named(name) => name.clone(),
        Life::Drawn => tx.query_row("SELECT lower(hex(randomblob(4)))", [], |row| row.get(0))?,
    };
    let format: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format == 0 {
        tx.execute_batch(LAYOUT)?;
        tx.execute("INSERT INTO meta VALUES ('epoch', ?1)", params![format!("e-{life}")])?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if format < 2 {
        tx.execute_batch(MEMBERS)?;
    }
    if format < FORMAT {
        tx.execute_batch(ALIVE)?;
        tx.pragma_update(None, "user_version", FORMAT)?;
    }
    tx.execute(
        "INSERT INTO lives SELECT ?1, change + 1, (SELECT coalesce(max(ordinal), 0) + 1 FROM lives) FROM counter",
        params![life],
    )?;
    let epoch = tx.query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| row.get(0))?;
    tx.commit()?;
    Ok((epoch, life))
}

/// Whether a change of this number happened in, or before, this life, as this database remembers it.
pub(super) fn remembers(connection: &Connection, life: &str, change: u64) -> Result<bool, Refusal> {
    let end: Option<u64> = connection
        .prepare_cached(
            "SELECT coalesce((SELECT min(next.first) - 1 FROM lives next WHERE next.ordinal > this.ordinal), counter.change)
             FROM lives this, counter WHERE this.life = ?1",
        )?
        .query_row(params![life], |row| row.get(0))
        .optional()?;
    Ok(end.is_some_and(|end| change <= end))
}

/// The last change number given.
pub(super) fn last_change(connection: &Connection) -> Result<u64, Refusal> {
    Ok(connection.prepare_cached("SELECT change FROM counter")?.query_row([], |row| row.get(0))?)
}

/// Gives the next change number. It goes back if the surrounding transaction or savepoint does.
pub(super) fn next_change(connection: &Connection) -> Result<u64, Refusal> {
    let mut statement = connection.prepare_cached("UPDATE counter SET change = change + 1 RETURNING change")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn refuse_foreign(connection: &Connection) -> Result<(), Refusal> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (tables, number("application_id")?, number("user_version")?) {
        (0, ..) | (_, APPLICATION_ID, 1..=FORMAT) => Ok(()),
        (_, APPLICATION_ID, newer) => {
            Err(Refusal::failed(format!("the database has format {newer}, this server knows {FORMAT}")))
        }
        _ => Err(Refusal::failed("the file is a database of another program")),
    }
}

fn cannot_open(path: &Path, why: impl std::fmt::Display) -> Refusal {
    Refusal::failed(format!("cannot open {}: {why}", path.display()))
}

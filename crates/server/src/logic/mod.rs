//! The server without a network and without a clock: SQLite and the rules of the protocol.
//!
//! `push` is one write transaction, `pull` one read transaction. Time is an argument.

mod apply;
mod backup;
mod call;
mod checkpoint;
mod inspect;
mod members;
mod pull;
mod push;
mod receipts;
mod rows;
mod tables;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use holm_protocol::{Hlc, PROTOCOL_VERSION, PullRequest, PullResponse, PushRequest, PushResponse};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

pub use self::backup::Backup;
pub use self::call::Caller;
pub use self::inspect::{Effect, StoredReceipt, StoredRow};
pub(crate) use self::pull::is_no_news;
pub use self::tables::Life;
use self::{apply::Applier, checkpoint::Checkpoints};
use crate::{Refusal, Rules};

/// The server's name in its stamps.
const SERVER_CLIENT: &str = "server";

/// The one writer of a database.
#[derive(Debug)]
pub struct Server {
    reader: Reader,
    /// Held as long as the database is open.
    _lock: Option<File>,
}

/// A connection that answers pulls.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    rules: Arc<Rules>,
    epoch: String,
    life: String,
}

impl Server {
    /// Opens a database file, made if it is not there.
    ///
    /// # Errors
    ///
    /// `server-error` if it cannot be opened, is another program's, is of a newer format, or another server has it open.
    pub fn open(path: &Path, rules: Rules, life: &Life) -> Result<Self, Refusal> {
        let (connection, lock) = tables::open_file(path)?;
        Self::with(connection, Some(lock), rules, life)
    }

    /// Opens an empty database in memory.
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn in_memory(rules: Rules, life: &Life) -> Result<Self, Refusal> {
        Self::with(Connection::open_in_memory()?, None, rules, life)
    }

    fn with(mut connection: Connection, lock: Option<File>, rules: Rules, life: &Life) -> Result<Self, Refusal> {
        connection.set_prepared_statement_cache_capacity(64);
        let (epoch, life) = tables::prepare(&mut connection, life)?;
        members::prepare(&mut connection, &rules)?;
        Ok(Self { reader: Reader { connection, rules: Arc::new(rules), epoch, life }, _lock: lock })
    }

    /// Another connection to the same file, for pulls beside the writer. Not for a database in memory.
    ///
    /// # Errors
    ///
    /// `server-error` if it cannot be opened.
    pub fn reader(&self) -> Result<Reader, Refusal> {
        let Reader { connection, rules, epoch, life } = &self.reader;
        let path = connection.path().filter(|path| !path.is_empty());
        let path = path.ok_or_else(|| Refusal::failed("a database in memory has one connection"))?;
        let (rules, epoch, life) = (Arc::clone(rules), epoch.clone(), life.clone());
        Ok(Reader { connection: tables::open_again(path)?, rules, epoch, life })
    }

    /// Handles a push: all of it in one transaction, or nothing.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] of the whole request, without any effect.
    pub fn push(&mut self, user: &str, request: &PushRequest, now_ms: u64) -> Result<PushResponse, Refusal> {
        let Reader { connection, rules, epoch, life } = &mut self.reader;
        let now = stamp(now_ms);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let applier = Applier { connection: &tx, rules, life, user, sent: &request.sent, now: &now };
        let (acked, results) = push::handle(&applier, request, now_ms)?;
        tx.commit()?;
        Ok(PushResponse { v: PROTOCOL_VERSION, epoch: epoch.clone(), now, acked, results, limits: Some(rules.limits) })
    }

    /// As [`Reader::pull`], on the writer's connection.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] of the whole request.
    pub fn pull(&self, user: &str, request: &PullRequest, now_ms: u64) -> Result<PullResponse, Refusal> {
        self.reader.pull(user, request, now_ms)
    }

    /// Which life of the data this is.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.reader.epoch
    }

    /// Forgets tombstones and receipts that are older than the rules keep them. Says how many.
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn collect(&mut self, now_ms: u64) -> Result<usize, Refusal> {
        let Reader { connection, rules, .. } = &mut self.reader;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let forgotten = collect(&tx, rules, now_ms)?;
        tx.commit()?;
        Ok(forgotten)
    }

    /// Moves the write-ahead log into the database file: the last thing before the server ends.
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn checkpoint(&self) -> Result<(), Refusal> {
        Ok(self.reader.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

impl Reader {
    /// Handles a pull: everything in its answer comes from one snapshot.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] of the whole request.
    pub fn pull(&self, user: &str, request: &PullRequest, now_ms: u64) -> Result<PullResponse, Refusal> {
        let tx = self.connection.unchecked_transaction()?;
        let Self { rules, epoch, life, .. } = self;
        let checkpoints = Checkpoints { connection: &tx, rules, epoch, life, user };
        let response = pull::handle(&checkpoints, request, stamp(now_ms))?;
        tx.finish()?;
        Ok(response)
    }

    /// Reads one row, to see that the database answers. Gives the epoch.
    ///
    /// # Errors
    ///
    /// `server-error` if it does not.
    pub fn ping(&self) -> Result<String, Refusal> {
        tables::last_change(&self.connection)?;
        Ok(self.epoch.clone())
    }
}

fn collect(tx: &Transaction<'_>, rules: &Rules, now_ms: u64) -> Result<usize, Refusal> {
    let tombstones_before = now_ms.saturating_sub(rules.tombstones_ms);
    tx.execute(
        "UPDATE counter SET forgotten = max(forgotten, (SELECT coalesce(max(change), 0) FROM rows WHERE deleted = 1 AND at_ms < ?1),
           (SELECT coalesce(max(change), 0) FROM members WHERE gone = 1 AND at_ms < ?1))",
        params![tombstones_before],
    )?;
    tx.execute("DELETE FROM members WHERE gone = 1 AND at_ms < ?1", params![tombstones_before])?;
    let tombstones = tx.execute("DELETE FROM rows WHERE deleted = 1 AND at_ms < ?1", params![tombstones_before])?;
    let receipts_before = now_ms.saturating_sub(rules.receipts_ms);
    let receipts = tx.execute("DELETE FROM receipts WHERE at_ms < ?1", params![receipts_before])?;
    Ok(tombstones + receipts)
}

fn stamp(now_ms: u64) -> Hlc {
    Hlc { ms: now_ms, counter: 0, client: SERVER_CLIENT.into() }
}

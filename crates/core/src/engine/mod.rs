//! The one driver that sequences disk and transport.
//!
//! ```text
//!        app ──▶ write, read, watch, transaction          transport ◀── exchange (the leader only)
//!                          │                                               │
//!                          ▼                                               ▼
//!                   plans of records, outbox and sync, run by holm_store::Database
//! ```
//!
//! An [`Engine`] decides nothing itself: it runs plans, tells watchers, and asks the sync machine what is next. Time is
//! an argument of every call, randomness one of opening. What it finds it gives as JSON text, on its way to JavaScript.

mod census;
mod exchange;
mod failure;
mod lead;
mod outlook;
mod promised;
mod rows;
mod setup;
mod transaction;
mod transport;
mod watch;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use holm_protocol::{DataText, ErrorCode, MutationId, to_json_text};
use holm_store::{Database, Durability, Missing, Observer, Pace, Random, Read, Signal};

pub use exchange::Step;
use exchange::{Ahead, Recording};
pub use failure::{disk_error, store_error};
pub use outlook::{Explained, Explanation, Standing};
pub use promised::Promised;
pub use rows::{Rows, parse_rows};
pub use setup::FORMAT;
pub use transaction::Transaction;
pub use transport::{Answer, Failure, Reply, Request, Transport};
pub use watch::{WatchId, Watched};

use crate::Error;
use crate::kv;
use crate::outbox::{self, Operation, Planned, WriteContext};
use crate::query::{Query, Tally};
use crate::records::{self, rows_json};
use crate::schema::{Collection, Schema, check_id};
use crate::sync::{Lease, Machine, PushLimits, Status};
use census::Census;
use watch::Watchers;

/// Rows written before others have their turn: some 20 ms of work.
const ROWS_PER_TURN: usize = 2_000;

/// Rows whose records are asked for before others have their turn.
const ASKED_PER_TURN: usize = 16_000;

/// Runs a future beside everything else until it ends.
pub type Spawn = Rc<dyn Fn(LocalBoxFuture<'static, ()>)>;

/// What an engine is opened with.
#[derive(Clone)]
pub struct Options {
    /// The app's schema.
    pub schema: Schema,
    /// The scopes to sync, by name; `None` keeps everything on this device.
    pub scopes: Option<Vec<String>>,
    /// How durable a local write is.
    pub durability: Durability,
    /// Bytes of blocks kept in memory.
    pub cache_bytes: usize,
    /// Bytes of log that start a fold.
    pub fold_bytes: usize,
    /// How long the store may work without a pause.
    pub pace: Rc<dyn Pace>,
    /// All randomness comes from here.
    pub random: Random,
}

struct Inner {
    db: Database,
    transport: Rc<dyn Transport>,
    schema: Rc<Schema>,
    scopes: Option<Rc<Vec<String>>>,
    durability: Durability,
    random: Random,
    machine: RefCell<Machine>,
    push_limits: Cell<PushLimits>,
    seq_reused: Cell<bool>,
    lease: RefCell<Option<Lease>>,
    ahead: RefCell<Option<Ahead>>,
    recording: RefCell<Option<Recording>>,
    status: RefCell<Status>,
    census: Rc<RefCell<Census>>,
    watchers: Watchers,
    /// Something may have changed the plan: a write, an event, a close.
    wake: Signal,
    /// Status may have changed.
    changed: Signal,
    closed: Cell<bool>,
    observers: RefCell<Vec<Observer>>,
}

/// One open database of one tab or worker. Cloning shares it.
#[derive(Clone)]
pub struct Engine {
    inner: Rc<Inner>,
}

impl Engine {
    /// Draws a receipt: 128 random bits.
    #[must_use]
    pub fn draw(&self) -> String {
        format!("{:016x}{:016x}", self.entropy(), self.entropy())
    }

    /// Draws a record id: a UUID of version 7 (RFC 9562, section 5.7), so that ids sort by time.
    #[must_use]
    pub fn new_id(&self, now_ms: u64) -> String {
        let (random, node) = (self.entropy(), self.entropy());
        format!(
            "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
            (now_ms >> 16) & 0xffff_ffff,
            now_ms & 0xffff,
            random & 0xfff,
            0x8000 | (random >> 12) & 0x3fff,
            node & 0xffff_ffff_ffff,
        )
    }

    /// Reads rows that are to be written.
    ///
    /// # Errors
    /// As [`parse_rows`].
    pub fn rows(&self, now_ms: u64, operation: Operation, json: &[u8]) -> Result<Rows, Error> {
        parse_rows(operation, json, &|| self.new_id(now_ms))
    }

    /// Writes rows of one collection in one commit; resolves when they are saved on this device.
    ///
    /// Gives the ids, drawn where a row had none.
    ///
    /// # Errors
    /// As [`outbox::write`]; `storage-…`; `newer-version-in-use`; `closed`.
    pub fn write(
        &self,
        now_ms: u64,
        receipt: &str,
        collection: &str,
        operation: Operation,
        rows: Rows,
    ) -> Promised<String> {
        let (schema, receipt, collection) = (Rc::clone(&self.inner.schema), receipt.to_owned(), collection.to_owned());
        let queued = self.inner.scopes.is_some();
        // Of a long list all is asked for before any is written, so that what is written need not be written again.
        let (mut asked, mut at, mut stamp) = (0, 0, OnceCell::new());
        self.commit(move |draft| {
            if rows.len() > ROWS_PER_TURN && asked < rows.len() {
                let part = &rows[asked..(asked + ASKED_PER_TURN).min(rows.len())];
                outbox::prefetch(draft, &schema, &collection, part)?;
                asked += part.len();
                return Err(Missing::turn().into());
            }
            if !draft.goes_on() {
                (at, stamp) = (0, OnceCell::new());
            }
            let (written, together, stamp) = (0, None, &stamp);
            let cx = WriteContext { schema: &schema, now_ms, receipt: &receipt, written, together, queued, stamp };
            let part = at..(at + ROWS_PER_TURN).min(rows.len());
            at = part.end;
            outbox::write_part(draft, &cx, &collection, operation, &rows, part)?;
            if at < rows.len() { Err(Missing::turn().into()) } else { Ok(ids(&rows)) }
        })
    }

    /// Reads records by id, in the order asked, as rows of JSON text.
    ///
    /// # Errors
    /// `unknown-collection`, `invalid-id`; `storage-…`; `closed`.
    pub fn records(&self, collection: &str, ids: Vec<String>) -> Promised<String> {
        let (schema, collection) = (Rc::clone(&self.inner.schema), collection.to_owned());
        self.read(move |view| rows(view, schema.collection(&collection)?, &ids))
    }

    /// Reads what a query finds.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub fn query(&self, query: &Rc<Query>) -> Promised<String> {
        let query = Rc::clone(query);
        self.read(move |view| found(view, &query))
    }

    /// Counts what a query finds.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub fn count(&self, query: &Rc<Query>) -> Promised<String> {
        let (query, mut tally) = (Rc::clone(query), Tally::default());
        self.read(move |view| Ok(query.count_on(view, &mut tally)?.to_string()))
    }

    /// Tells how a query is answered.
    ///
    /// # Errors
    /// `closed`.
    pub fn explain_query(&self, query: &Rc<Query>) -> Promised<String> {
        let query = Rc::clone(query);
        self.read(move |view| Ok(to_json_text(&query.explain(view))))
    }

    /// Reads a query.
    ///
    /// # Errors
    /// `invalid-query`, `unknown-collection`.
    pub fn parse_query(&self, json: &str) -> Result<Rc<Query>, Error> {
        Query::parse(json, &self.inner.schema).map(Rc::new)
    }

    /// Sets a key of a namespace, for `ttl_ms` or for ever; stays on this device.
    ///
    /// # Errors
    /// `invalid-argument`; `storage-…`; `closed`.
    pub fn kv_set(&self, now_ms: u64, space: &str, key: &str, json: &str, ttl_ms: Option<u64>) -> Promised<()> {
        let (space, key, json) = (space.to_owned(), key.to_owned(), json.to_owned());
        self.commit(move |draft| kv::set(draft, &space, &key, &json, ttl_ms, now_ms))
    }

    /// Removes settings whose time is over, some at a time; those that are left are as good as gone.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub fn kv_sweep(&self, now_ms: u64) -> Promised<()> {
        self.commit(move |draft| Ok(kv::sweep(draft, now_ms)?))
    }

    /// Reads a key of a namespace, as JSON text.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub fn kv_read(&self, now_ms: u64, space: &str, key: &str) -> Promised<Option<String>> {
        let (space, key) = (space.to_owned(), key.to_owned());
        self.read(move |view| Ok(kv::read(view, &space, &key, now_ms)?))
    }

    /// Removes a key of a namespace.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub fn kv_delete(&self, space: &str, key: &str) -> Promised<()> {
        let (space, key) = (space.to_owned(), key.to_owned());
        self.commit(move |draft| {
            kv::delete(draft, &space, &key);
            Ok(())
        })
    }

    /// The keys of a namespace.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub fn kv_keys(&self, now_ms: u64, space: &str) -> Promised<String> {
        let space = space.to_owned();
        self.read(move |view| Ok(to_json_text(&kv::keys(view, &space, now_ms)?)))
    }

    /// What became of a call.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub fn receipt(&self, receipt: &str) -> Promised<String> {
        let receipt = receipt.to_owned();
        self.read(move |view| Ok(to_json_text(&outbox::receipt(view, &receipt)?)))
    }

    /// Every parked mutation.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub fn parked(&self) -> Promised<String> {
        self.read(|view| Ok(to_json_text(&outbox::parked_list(view)?)))
    }

    /// Writes what a parked mutation wanted once more.
    ///
    /// # Errors
    /// As [`outbox::retry`]; `storage-…`; `closed`.
    pub fn retry_parked(&self, now_ms: u64, mid: &str) -> Promised<()> {
        let (schema, receipt, mid) = (Rc::clone(&self.inner.schema), self.draw(), MutationId(mid.to_owned()));
        self.commit(move |draft| {
            let (written, together, queued, stamp) = (0, None, true, &OnceCell::new());
            let cx = WriteContext { schema: &schema, now_ms, receipt: &receipt, written, together, queued, stamp };
            outbox::retry(draft, &cx, &mid)
        })
    }

    /// Gives a parked mutation up.
    ///
    /// # Errors
    /// `not-found`; `storage-…`; `closed`.
    pub fn discard_parked(&self, mid: &str) -> Promised<()> {
        let mid = MutationId(mid.to_owned());
        self.commit(move |draft| outbox::discard(draft, &mid))
    }

    /// Reads what other tabs committed; called when one of them says so.
    ///
    /// # Errors
    /// `storage-…`.
    pub async fn refresh(&self) -> Result<(), Error> {
        self.inner.db.refresh().await.map_err(|error| store_error(&error))
    }

    /// The database below, for those who tell other tabs of commits.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.inner.db
    }

    /// Ends everything; every later call fails with `closed`.
    pub async fn close(&self) {
        self.inner.closed.set(true);
        self.inner.observers.borrow_mut().clear();
        self.inner.watchers.clear();
        self.inner.wake.notify();
        self.inner.changed.notify();
        self.inner.db.close().await;
    }

    pub(crate) fn ensure_open(&self) -> Result<(), Error> {
        if self.inner.closed.get() {
            return Err(Error::new(ErrorCode::Closed, "the database is closed"));
        }
        Ok(())
    }

    fn entropy(&self) -> u64 {
        let mut bytes = [0; 8];
        (self.inner.random)(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

fn ids(rows: &[(String, DataText)]) -> String {
    let ids: Vec<String> = rows.iter().map(|(id, _)| id.clone()).collect();
    to_json_text(&ids)
}

/// A list of rows by id, in the order asked, with null for what is not there.
fn rows(view: &dyn Read, collection: &Collection, ids: &[String]) -> Planned<String> {
    let mut out = String::from("[");
    for (position, id) in ids.iter().enumerate() {
        check_id(id)?;
        if position > 0 {
            out.push(',');
        }
        match records::row(view, &collection.name, id)? {
            Some(row) => row.write_json(&mut out),
            None => out.push_str("null"),
        }
    }
    out.push(']');
    Ok(out)
}

/// `{"rows": […]}`.
fn found(view: &dyn Read, query: &Query) -> Planned<String> {
    Ok(format!("{{\"rows\":{}}}", rows_json(&query.run(view)?)))
}

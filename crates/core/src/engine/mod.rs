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
#[cfg(feature = "full")]
mod circuit;
mod exchange;
mod failure;
mod lead;
mod order;
mod outlook;
mod promised;
mod question;
mod rows;
mod setup;
mod transaction;
mod transport;
mod watch;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use holm_protocol::{DataText, ErrorCode, push_hex, to_json_text};
use holm_store::{Database, Durability, Missing, Observer, Pace, Random, Signal};

#[cfg(feature = "full")]
pub use circuit::Circuit;
pub use exchange::Step;
use exchange::{Ahead, Recording};
pub use failure::{disk_error, store_error};
pub use order::Order;
pub use outlook::{Explained, Explanation, Standing};
pub use promised::Promised;
pub use question::Question;
pub use rows::{Rows, parse_rows};
pub use setup::FORMAT;
pub use transaction::Transaction;
pub use transport::{Answer, Failure, Reply, Request, Transport};
pub use watch::{WatchId, Watched};

use crate::Error;
use crate::outbox::{self, Operation, WriteContext};
use crate::schema::Schema;
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
    options: Rc<Options>,
    machine: RefCell<Machine>,
    push_limits: Cell<PushLimits>,
    seq_reused: Cell<bool>,
    lease: RefCell<Option<Rc<Lease>>>,
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
    #[cfg(feature = "full")]
    way: circuit::Way,
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
        let mut receipt = String::new();
        push_hex(&mut receipt, self.entropy(), 16);
        push_hex(&mut receipt, self.entropy(), 16);
        receipt
    }

    /// Draws a record id: a UUID of version 7 (RFC 9562, section 5.7), so that ids sort by time.
    #[must_use]
    pub fn new_id(&self, now_ms: u64) -> String {
        let (random, node) = (self.entropy(), self.entropy());
        let variant = 0x8000 | (random >> 12) & 0x3fff;
        let mut id = String::new();
        for (number, digits, after) in
            [(now_ms >> 16, 8, "-"), (now_ms, 4, "-7"), (random, 3, "-"), (variant, 4, "-"), (node, 12, "")]
        {
            push_hex(&mut id, number, digits);
            id.push_str(after);
        }
        id
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
        let (options, receipt, collection) =
            (Rc::clone(&self.inner.options), receipt.to_owned(), collection.to_owned());
        // Of a long list all is asked for before any is written, so that what is written need not be written again.
        let (mut asked, mut at, mut stamp) = (0, 0, OnceCell::new());
        self.commit(move |draft| {
            let (schema, queued) = (&options.schema, options.scopes.is_some());
            if rows.len() > ROWS_PER_TURN && asked < rows.len() {
                let part = &rows[asked..(asked + ASKED_PER_TURN).min(rows.len())];
                outbox::prefetch(draft, schema, &collection, part)?;
                asked += part.len();
                return Err(Missing::turn().into());
            }
            if !draft.goes_on() {
                (at, stamp) = (0, OnceCell::new());
            }
            let (written, together, seen, stamp) = (0, None, None, &stamp);
            let cx = WriteContext {
                schema,
                now_ms,
                receipt: &receipt,
                written,
                together,
                queued,
                seen,
                #[cfg(feature = "full")]
                again: outbox::Again::default(),
                #[cfg(feature = "full")]
                of: None,
                stamp,
            };
            let part = at..(at + ROWS_PER_TURN).min(rows.len());
            at = part.end;
            outbox::write_part(draft, &cx, &collection, operation, &rows, part)?;
            if at < rows.len() { Err(Missing::turn().into()) } else { Ok(ids(&rows)) }
        })
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
        (self.inner.options.random)(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

fn ids(rows: &[(String, DataText)]) -> String {
    let ids: Vec<String> = rows.iter().map(|(id, _)| id.clone()).collect();
    to_json_text(&ids)
}

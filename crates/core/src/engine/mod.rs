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
//! an argument of every call, randomness one of opening.

mod census;
mod exchange;
mod failure;
mod lead;
mod outlook;
mod rows;
mod setup;
mod signal;
mod transaction;
mod transport;
mod watch;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use holm_protocol::{ErrorCode, MutationId};
use holm_store::{CommitError, Database, Draft, Durability, Observer, PlanError, Random, Read, ReadError, ReadSet};

pub use exchange::Step;
pub use failure::{disk_error, store_error};
pub use outlook::{Explained, Explanation, Standing};
pub use rows::parse_rows;
pub use setup::FORMAT;
pub use signal::Signal;
pub use transaction::Transaction;
pub use transport::{Answer, Failure, Reply, Request, Transport};
pub use watch::{WatchId, Watched};

use crate::Error;
use crate::kv;
use crate::outbox::{self, Operation, Parked, Planned, Receipt, WriteContext};
use crate::query::Query;
use crate::records::{self, Row};
use crate::schema::{Schema, check_id};
use crate::sync::{Lease, Machine, PushLimits, Status};
use census::Census;
use watch::Watchers;

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

/// A plan of whatever result; where that goes is its own business.
type Plan = Box<dyn FnMut(&mut Draft<'_>) -> Planned<()>>;

/// One open database of one tab or worker. Cloning shares it.
#[derive(Clone)]
pub struct Engine {
    inner: Rc<Inner>,
}

impl Engine {
    /// Draws a receipt: 128 random bits.
    #[must_use]
    pub fn draw(&self) -> String {
        let mut bytes = [0; 16];
        (self.inner.random)(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Draws a record id: a UUID of version 7 (RFC 9562, section 5.7), so that ids sort by time.
    #[must_use]
    pub fn new_id(&self, now_ms: u64) -> String {
        let random = self.draw();
        let variant = ["8", "9", "a", "b"][usize::from(random.as_bytes()[15] & 3)];
        format!(
            "{:08x}-{:04x}-7{}-{variant}{}-{}",
            (now_ms >> 16) & 0xffff_ffff,
            now_ms & 0xffff,
            &random[..3],
            &random[3..6],
            &random[16..28],
        )
    }

    /// Writes rows of one collection in one commit; resolves when they are saved on this device.
    ///
    /// Gives the ids, drawn where a row had none.
    ///
    /// # Errors
    /// As [`outbox::write`]; `storage-…`; `newer-version-in-use`; `closed`.
    pub async fn write(
        &self,
        now_ms: u64,
        receipt: &str,
        collection: &str,
        operation: Operation,
        rows: &str,
    ) -> Result<Vec<String>, Error> {
        self.ensure_open()?;
        let rows = parse_rows(operation, rows, || self.new_id(now_ms))?;
        let ids = rows.iter().map(|(id, _)| id.clone()).collect();
        let (schema, receipt, collection) = (Rc::clone(&self.inner.schema), receipt.to_owned(), collection.to_owned());
        let queued = self.inner.scopes.is_some();
        self.commit(self.inner.durability, move |draft| {
            let cx = WriteContext { schema: &schema, now_ms, receipt: &receipt, written: 0, together: None, queued };
            outbox::write(draft, &cx, &collection, operation, &rows)
        })
        .await?;
        Ok(ids)
    }

    /// Reads records by id, in the order asked, as rows of JSON text.
    ///
    /// # Errors
    /// `unknown-collection`, `invalid-id`; `storage-…`; `closed`.
    pub async fn records(&self, collection: &str, ids: &[String]) -> Result<Vec<Option<Row>>, Error> {
        let collection = self.inner.schema.collection(collection)?.name.clone();
        ids.iter().try_for_each(|id| check_id(id))?;
        self.read(|view| rows(view, &collection, ids)).await
    }

    /// Reads what a query finds.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub async fn query(&self, query: &Query) -> Result<Vec<Row>, Error> {
        self.read(|view| Ok(query.run(view)?)).await
    }

    /// Counts what a query finds.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub async fn count(&self, query: &Query) -> Result<usize, Error> {
        self.read(|view| Ok(query.count(view)?)).await
    }

    /// Reads a query.
    ///
    /// # Errors
    /// `invalid-query`, `unknown-collection`.
    pub fn parse_query(&self, json: &str) -> Result<Query, Error> {
        Query::parse(json, &self.inner.schema)
    }

    /// Sets a key of a namespace, for `ttl_ms` or for ever; stays on this device.
    ///
    /// # Errors
    /// `invalid-argument`; `storage-…`; `closed`.
    pub async fn kv_set(
        &self,
        now_ms: u64,
        space: &str,
        key: &str,
        json: &str,
        ttl_ms: Option<u64>,
    ) -> Result<(), Error> {
        let (space, key, json) = (space.to_owned(), key.to_owned(), json.to_owned());
        self.commit(self.inner.durability, move |draft| kv::set(draft, &space, &key, &json, ttl_ms, now_ms)).await
    }

    /// Reads a key of a namespace, as JSON text.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub async fn kv_read(&self, now_ms: u64, space: &str, key: &str) -> Result<Option<String>, Error> {
        self.read(|view| Ok(kv::read(view, space, key, now_ms)?)).await
    }

    /// Removes a key of a namespace.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub async fn kv_delete(&self, space: &str, key: &str) -> Result<(), Error> {
        let (space, key) = (space.to_owned(), key.to_owned());
        self.commit(self.inner.durability, move |draft| {
            kv::delete(draft, &space, &key);
            Ok(())
        })
        .await
    }

    /// The keys of a namespace.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub async fn kv_keys(&self, now_ms: u64, space: &str) -> Result<Vec<String>, Error> {
        self.read(|view| Ok(kv::keys(view, space, now_ms)?)).await
    }

    /// What became of a call.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub async fn receipt(&self, receipt: &str) -> Result<Receipt, Error> {
        self.read(|view| outbox::receipt(view, receipt)).await
    }

    /// Every parked mutation.
    ///
    /// # Errors
    /// `storage-…`; `closed`.
    pub async fn parked(&self) -> Result<Vec<Parked>, Error> {
        self.read(|view| outbox::parked_list(view)).await
    }

    /// Writes what a parked mutation wanted once more.
    ///
    /// # Errors
    /// As [`outbox::retry`]; `storage-…`; `closed`.
    pub async fn retry_parked(&self, now_ms: u64, mid: &str) -> Result<(), Error> {
        let (schema, receipt, mid) = (Rc::clone(&self.inner.schema), self.draw(), MutationId(mid.to_owned()));
        self.commit(self.inner.durability, move |draft| {
            let cx =
                WriteContext { schema: &schema, now_ms, receipt: &receipt, written: 0, together: None, queued: true };
            outbox::retry(draft, &cx, &mid)
        })
        .await
    }

    /// Gives a parked mutation up.
    ///
    /// # Errors
    /// `not-found`; `storage-…`; `closed`.
    pub async fn discard_parked(&self, mid: &str) -> Result<(), Error> {
        let mid = MutationId(mid.to_owned());
        self.commit(self.inner.durability, move |draft| outbox::discard(draft, &mid)).await
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

    /// Reads what is committed.
    async fn read<R>(&self, mut f: impl FnMut(&dyn Read) -> Planned<R>) -> Result<R, Error> {
        let mut found = None;
        let mut plan = |draft: &mut Draft<'_>| {
            found = Some(f(draft)?);
            Ok(())
        };
        self.look(None, &mut plan).await?;
        Ok(found.expect(RAN))
    }

    /// As [`Engine::read`], compiled once for all plans; with `reads`, as a transaction that has read these sees it.
    fn look<'l>(
        &'l self,
        reads: Option<&'l RefCell<ReadSet>>,
        plan: &'l mut dyn FnMut(&mut Draft<'_>) -> Planned<()>,
    ) -> LocalBoxFuture<'l, Result<(), Error>> {
        Box::pin(async move {
            self.ensure_open()?;
            let mut outcome = Ok(());
            let mut look = |draft: &mut Draft<'_>| match plan(draft) {
                Err(PlanError::Missing(missing)) => Err(missing),
                Err(PlanError::Failed(error)) => {
                    outcome = Err(error);
                    Ok(())
                }
                Ok(()) => Ok(()),
            };
            match self.inner.db.look(reads, &mut look).await {
                Ok(()) => outcome,
                Err(ReadError::Conflict(_)) => Err(contention()),
                Err(ReadError::Store(error)) => Err(store_error(&error)),
            }
        })
    }

    /// Commits what a plan writes, and gives what it returned.
    async fn commit<R: 'static>(
        &self,
        durability: Durability,
        mut plan: impl FnMut(&mut Draft<'_>) -> Planned<R> + 'static,
    ) -> Result<R, Error> {
        let planned = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&planned);
        let plan = move |draft: &mut Draft<'_>| {
            *slot.borrow_mut() = Some(plan(draft)?);
            Ok(())
        };
        self.commit_plan(durability, Box::new(plan)).await?;
        Ok(planned.take().expect(RAN))
    }

    /// As [`Engine::commit`], compiled once for all plans.
    fn commit_plan(&self, durability: Durability, plan: Plan) -> LocalBoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.ensure_open()?;
            self.inner.db.commit(durability, plan).await.map_err(|error| match error {
                CommitError::Plan(error) => error,
                CommitError::Store(error) => store_error(&error),
            })
        })
    }

    fn entropy(&self) -> u64 {
        let mut bytes = [0; 8];
        (self.inner.random)(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// Rows by id, in the order asked.
fn rows(view: &dyn Read, collection: &str, ids: &[String]) -> Planned<Vec<Option<Row>>> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.push(records::row(view, collection, id)?);
    }
    Ok(rows)
}

const RAN: &str = "a plan that succeeds has run";

fn contention() -> Error {
    Error::new(ErrorCode::Contention, "what the transaction read has changed; it is run again")
}

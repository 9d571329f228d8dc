//! Opening: the store, what it must hold before the first write, and the loops that run beside the app.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use holm_protocol::{ClientId, ErrorCode, json_fields};
use holm_store::{Database, Direction, Disk, Draft, Durability, Fence, Locks, PlanError, Read, SEED_BYTES, Signal};

use super::census::Census;
use super::promised::Writes;
use super::watch::Watchers;
use super::{Engine, Inner, Options, Spawn, Transport, store_error};
use crate::local::Local;
use crate::outbox::{self, Planned};
use crate::schema::{Collection, Schema, difference};
use crate::sync::{Event, Machine, Phase, PushLimits, Status, SyncState};
use crate::value::parse_json;
use crate::{Error, keyspace, records, stored};

/// The shape of the keyspace; a higher one is refused untouched.
pub const FORMAT: u32 = 1;

const SCHEMA_KEY: &str = "schema";

/// The schema that the stored records and index entries are of.
#[derive(Clone, Debug, Default, PartialEq)]
struct StoredSchema {
    version: u32,
    text: String,
}

json_fields!(StoredSchema { version; text });

impl Engine {
    /// Opens the database on `disk` and sets it up.
    ///
    /// # Errors
    /// `invalid-schema` when it changed without a new version; `newer-version-in-use`, with nothing touched; `storage-…`.
    pub fn open(
        disk: Rc<dyn Disk>,
        locks: Rc<dyn Locks>,
        transport: Rc<dyn Transport>,
        options: impl Into<Rc<Options>>,
        spawn: &Spawn,
    ) -> impl Future<Output = Result<Self, Error>> {
        Self::open_with(disk, locks, transport, options.into(), spawn)
    }

    async fn open_with(
        disk: Rc<dyn Disk>,
        locks: Rc<dyn Locks>,
        transport: Rc<dyn Transport>,
        options: Rc<Options>,
        spawn: &Spawn,
    ) -> Result<Self, Error> {
        let mut seed = [0; SEED_BYTES];
        (options.random)(&mut seed);
        let fence = Fence { format: FORMAT, schema: options.schema.version };
        let Options { durability, cache_bytes, fold_bytes, .. } = *options;
        let store = holm_store::Options { fence, durability, cache_bytes, fold_bytes, pace: Rc::clone(&options.pace) };
        let db = Database::open(disk, locks, store, seed).await.map_err(|error| store_error(&error))?;
        let driven = db.clone();
        spawn(Box::pin(async move { driven.drive().await }));

        let engine = Self {
            inner: Rc::new(Inner {
                db,
                transport,
                options,
                machine: RefCell::new(Machine::default()),
                push_limits: Cell::new(PushLimits::default()),
                seq_reused: Cell::new(false),
                lease: RefCell::new(None),
                status: RefCell::new(Status::default()),
                census: Rc::new(RefCell::new(Census::default())),
                watchers: Watchers::default(),
                wake: Signal::default(),
                changed: Signal::default(),
                closed: Cell::new(false),
                #[cfg(feature = "full")]
                way: super::circuit::Way::default(),
                ahead: RefCell::new(None),
                recording: RefCell::new(None),
                observers: RefCell::new(Vec::new()),
            }),
        };
        if let Err(error) = engine.set_up().await {
            engine.inner.db.close().await;
            return Err(error);
        }
        engine.observe();
        engine.take_census().await?;
        spawn(Box::pin(engine.clone().drive_watchers()));
        Ok(engine)
    }

    async fn set_up(&self) -> Result<(), Error> {
        let (options, client) = (Rc::clone(&self.inner.options), ClientId(format!("c_{}", self.draw())));
        let queued = self.inner.options.scopes.is_some();
        let relaxed = Writes::Commit(Durability::Relaxed);
        self.plan(relaxed, move |draft| set_up(draft, &options.schema, &client, queued)).await?;
        let sync = self.read(SyncState::read).await?;
        let limits = sync.limits.map_or(PushLimits::default(), |limits| PushLimits::default().within(limits));
        self.inner.push_limits.set(limits);
        let mut status = self.inner.status.borrow_mut();
        status.phase = if queued { Phase::Idle } else { Phase::Disabled };
        (status.last_push_at, status.last_pull_at) = (sync.pushed_at, sync.pulled_at);
        status.initial_sync_done = sync.caught_up;
        Ok(())
    }

    /// Keeps counts and watchers up with every commit, own or foreign.
    fn observe(&self) {
        let weak = Rc::downgrade(&self.inner);
        let observer = self.inner.db.observe(move |applied| {
            let Some(inner) = weak.upgrade() else { return };
            let noticed = inner.census.borrow_mut().notice(applied);
            if noticed.written {
                inner.machine.borrow_mut().handle(0, Event::LocalWrite);
                inner.wake.notify();
            }
            if noticed.counted {
                inner.changed.notify();
            }
            inner.watchers.notice(applied);
            if inner.census.borrow().stale {
                inner.watchers.wake();
            }
        });
        self.inner.observers.borrow_mut().push(observer);
    }

    /// Counts what waits, at open and after other tabs moved the log past what we saw.
    pub(super) async fn take_census(&self) -> Result<(), Error> {
        let census = self.read(|view| Ok(Census::take(view)?)).await?;
        *self.inner.census.borrow_mut() = census;
        self.inner.changed.notify();
        Ok(())
    }
}

fn set_up(draft: &mut Draft<'_>, schema: &Schema, client: &ClientId, queued: bool) -> Planned<()> {
    if Local::find(draft)?.is_none() {
        Local::new(client.clone()).save(draft);
    }
    raise_schema(draft, schema)?;
    if queued {
        return outbox::adopt(draft, schema);
    }
    outbox::keep_local(draft)
}

/// What a new schema asks of records and index entries, and its version, are one commit.
fn raise_schema(draft: &mut Draft<'_>, schema: &Schema) -> Planned<()> {
    let ours = StoredSchema { version: schema.version, text: schema.text().to_owned() };
    let stored: Option<Box<StoredSchema>> = stored::read_meta(draft, SCHEMA_KEY)?;
    if stored.as_deref() == Some(&ours) {
        return Ok(());
    }
    if let Some(stored) = stored {
        if stored.version == ours.version
            && let Some(what) = differs(&stored.text, &ours.text)
        {
            let message = format!("{what} changed, but `version` is still {}: raise it by one", ours.version);
            return Err(invalid(message));
        }
        // One that this code would refuse is compared with nothing: it was fine when it was stored.
        let old = Schema::parse(&stored.text).ok();
        for collection in schema.collections() {
            raise_collection(draft, collection, old.as_ref().and_then(|old| old.find(&collection.name)))?;
        }
    }
    stored::save_meta(draft, SCHEMA_KEY, &ours);
    Ok(())
}

fn differs(old: &str, new: &str) -> Option<String> {
    let read = |text| parse_json(text, ErrorCode::InvalidSchema, "schema").ok();
    difference(&read(old)?, &read(new)?)
}

fn raise_collection(draft: &mut Draft<'_>, collection: &Collection, old: Option<&Collection>) -> Planned<()> {
    let records = keyspace::records(&collection.name).range();
    if draft.scan(&records, Direction::Forward, 1)?.is_empty() {
        return Ok(());
    }
    if let Some((field, why)) = old.and_then(|old| collection.misfit(old)) {
        return Err(invalid(format!("collections.{}.fields.{field} {why}", collection.name)));
    }
    records::fill_defaults(draft, collection)?;
    if old.is_none_or(|old| collection.index_fingerprint() != old.index_fingerprint()) {
        records::rebuild_indexes(draft, collection)?;
    }
    Ok(())
}

fn invalid(message: String) -> PlanError<Error> {
    Error::new(ErrorCode::InvalidSchema, message).into()
}

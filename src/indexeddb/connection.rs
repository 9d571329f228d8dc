//! One connection to one database: opening it within a time limit, and hearing what becomes of it.

use std::cell::Cell;
use std::rc::Rc;

use holm_store::DiskError;
use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{Event, IdbDatabase, IdbFactory, IdbOpenDbRequest, IdbRequest, IdbTransaction};

use super::failure::OpenFailure;
use super::listen::{Listener, REQUEST_EVENTS, listen, unlisten};
use super::{BLOCKS, LOG, MANIFEST, OnStorageEvent, StorageEvent};
use crate::limit::{Sleep, within};

/// How long an open may take; it can hang without any event while another tab is frozen.
pub const OPEN_MS_MAX: u32 = 10_000;

/// The `version` that IndexedDB is told. It never changes: another shape is another database name.
const VERSION: u32 = 1;

/// What to do when there is no such database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IfAbsent {
    /// Make it.
    Create,
    /// Fail: what was there is gone, and an empty one in its place would look like a store that lost its log.
    Refuse,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// It can be used.
    Open,
    /// The browser closed it, or it failed; another one may be opened.
    Lost,
    /// Somebody deletes the database or wants another version of it; it is closed.
    TakenAway,
}

/// An open database. Dropping it closes it, after the transactions that run.
pub(super) struct Connection {
    pub(super) db: IdbDatabase,
    life: Rc<Cell<Life>>,
    closure: Closure<dyn FnMut(Event)>,
}

const CONNECTION_EVENTS: [&str; 2] = ["close", "versionchange"];

impl Connection {
    /// Opens the database `name`.
    pub(super) async fn open(
        factory: &IdbFactory,
        name: &str,
        if_absent: IfAbsent,
        sleep: &Sleep,
        on_event: &OnStorageEvent,
    ) -> Result<Self, OpenFailure> {
        let request = factory.open_with_u32(name, VERSION).map_err(|error| OpenFailure::of(&error))?;
        let mut opening = Opening::new(request, if_absent, on_event);
        let ended = within(sleep, OPEN_MS_MAX, &opening.end).await;
        let request = opening.request.clone();
        match ended {
            Some(true) => {
                opening.settled = true;
                let db: IdbDatabase = request.result().map_err(|error| OpenFailure::of(&error))?.unchecked_into();
                check_shape(&db).map_err(OpenFailure::Other)?;
                Ok(Self::new(db, on_event))
            }
            Some(false) => {
                opening.settled = true;
                if opening.refused.get() {
                    return Err(OpenFailure::Absent);
                }
                Err(OpenFailure::of(&request.error().ok().flatten().map_or(JsValue::NULL, JsValue::from)))
            }
            None => {
                let why = format!("{name} did not open within {OPEN_MS_MAX} ms");
                Err(OpenFailure::Other(DiskError::Blocked(why.into())))
            }
        }
    }

    fn new(db: IdbDatabase, on_event: &OnStorageEvent) -> Self {
        let life = Rc::new(Cell::new(Life::Open));
        let (on_event, shared, database) = (Rc::clone(on_event), Rc::clone(&life), db.clone());
        let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            if shared.get() != Life::Open {
                return;
            }
            if event.type_() == "versionchange" {
                shared.set(Life::TakenAway);
                database.close();
                on_event(StorageEvent::TakenAway);
            } else {
                shared.set(Life::Lost);
                on_event(StorageEvent::ConnectionLost);
            }
        });
        listen(&db, &CONNECTION_EVENTS, &closure);
        Self { db, life, closure }
    }

    pub(super) fn life(&self) -> Life {
        self.life.get()
    }

    /// Gives it up after a failure, so that the next operation opens another one.
    pub(super) fn lose(&self) {
        if self.life.get() == Life::Open {
            self.life.set(Life::Lost);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        unlisten(&self.db, &CONNECTION_EVENTS, &self.closure);
        self.db.close();
    }
}

/// A request to open that has not ended yet.
///
/// One that is given up may still succeed later: it is left with a closure that then closes the connection, or stops the
/// upgrade, since a database without object stores would stay for ever.
struct Opening {
    request: IdbOpenDbRequest,
    end: Listener,
    closure: Closure<dyn FnMut(Event)>,
    refused: Rc<Cell<bool>>,
    settled: bool,
}

const OPENING_EVENTS: [&str; 2] = ["upgradeneeded", "blocked"];

impl Opening {
    fn new(request: IdbOpenDbRequest, if_absent: IfAbsent, on_event: &OnStorageEvent) -> Self {
        let refused = Rc::new(Cell::new(false));
        let (on_event, asked, refusing) = (Rc::clone(on_event), request.clone(), Rc::clone(&refused));
        let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            if event.type_() == "blocked" {
                on_event(StorageEvent::Blocked);
                return;
            }
            if let Some(why) = data_loss(&event) {
                on_event(StorageEvent::DataLoss(why));
            }
            refusing.set(if_absent == IfAbsent::Refuse);
            if refusing.get() || make_stores(&asked).is_err() {
                abort_upgrade(&asked);
            }
        });
        listen(&request, &OPENING_EVENTS, &closure);
        let end = Listener::new(&request, REQUEST_EVENTS);
        Self { request, end, closure, refused, settled: false }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        unlisten(&self.request, &OPENING_EVENTS, &self.closure);
        if self.settled {
            return;
        }
        let request = self.request.clone();
        let late = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            if event.type_() == "upgradeneeded" {
                abort_upgrade(&request);
            } else if let Ok(db) = request.result() {
                db.unchecked_into::<IdbDatabase>().close();
            }
        });
        listen(&self.request, &["upgradeneeded", "success"], &late);
        drop(late.into_js_value()); // the request holds it, and it is collected with that
    }
}

fn make_stores(request: &IdbOpenDbRequest) -> Result<(), JsValue> {
    let db: IdbDatabase = request.result()?.unchecked_into();
    let options = Object::new();
    for name in [BLOCKS, MANIFEST, LOG] {
        // The keys of the log alone are generated.
        Reflect::set(&options, &"autoIncrement".into(), &(name == LOG).into())?;
        db.create_object_store_with_optional_parameters(name, options.unchecked_ref())?;
    }
    Ok(())
}

fn abort_upgrade(request: &IdbRequest) {
    if let Some(upgrade) = request.transaction() {
        let _ = IdbTransaction::abort(&upgrade); // it throws when it ended already
    }
}

/// Chromium says here that it could not read the database and made a new one.
fn data_loss(event: &Event) -> Option<String> {
    let read = |key: &str| Reflect::get(event, &JsValue::from_str(key)).ok().and_then(|value| value.as_string());
    let loss = read("dataLoss").filter(|loss| loss != "none")?;
    Some(format!("{loss}: {}", read("dataLossMessage").unwrap_or_default()))
}

/// A database of our name that lacks our object stores was not made by us.
fn check_shape(db: &IdbDatabase) -> Result<(), DiskError> {
    let names = db.object_store_names();
    if [LOG, BLOCKS, MANIFEST].iter().all(|name| names.contains(name)) {
        return Ok(());
    }
    db.close();
    Err(DiskError::Unavailable(format!("{} has none of the object stores it should have", db.name()).into()))
}

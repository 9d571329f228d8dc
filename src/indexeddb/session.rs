//! The connection in use, and another one in its place when it is lost.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use holm_store::DiskError;
use wasm_bindgen::JsValue;
use web_sys::IdbFactory;

use super::connection::{Connection, IfAbsent, Life};
use super::failure::{Failure, OpenFailure};
use super::transaction::{Transaction, Work};
use super::{SHAPE, StorageEvent, StorageOptions};

/// How often an operation begins: once, and once more on a new connection.
pub(super) const ATTEMPTS_MAX: u32 = 2;
/// How many other factories are asked for in a session: each one is an iframe that stays in the page.
const OTHER_FACTORIES_MAX: u32 = 5;

/// Why a session is over for good.
#[derive(Clone, Copy)]
enum Over {
    Closed,
    Deleted,
}

impl Over {
    fn error(self) -> DiskError {
        let why = match self {
            Self::Closed => "the disk is closed",
            Self::Deleted => "the database was deleted",
        };
        DiskError::Unavailable(why.into())
    }
}

/// One database for as long as it is used.
pub(super) struct Session {
    options: StorageOptions,
    database: String,
    factory: RefCell<IdbFactory>,
    other_factories: Cell<u32>,
    connection: RefCell<Option<Rc<Connection>>>,
    over: Cell<Option<Over>>,
}

impl Session {
    /// A session that is not connected yet.
    pub(super) fn new(options: StorageOptions) -> Result<Self, DiskError> {
        let Some(factory) = options.factory.clone() else {
            return Err(DiskError::Unavailable("there is no IndexedDB here".into()));
        };
        Ok(Self {
            database: format!("holm.{}.{SHAPE}", options.name),
            options,
            factory: RefCell::new(factory),
            other_factories: Cell::new(0),
            connection: RefCell::default(),
            over: Cell::new(None),
        })
    }

    /// Opens another connection by `factory`, which is used from now on.
    pub(super) async fn reopen(&self, factory: IdbFactory) -> Result<(), DiskError> {
        self.factory.replace(factory);
        self.connect(IfAbsent::Refuse).await.map(drop)
    }

    /// Closes the connection, after the transactions that run.
    pub(super) fn close(&self) {
        self.over.set(Some(Over::Closed));
        if let Some(connection) = self.connection.take() {
            connection.db.close();
        }
    }

    /// Runs one transaction; on another connection if this one takes none. The outer error: nothing was begun.
    pub(super) async fn transact(&self, work: &Work<'_>) -> Result<Result<Vec<JsValue>, Failure>, DiskError> {
        let mut attempt = 1;
        loop {
            let connection = self.connection().await?;
            let transaction = match Transaction::begin(&connection.db, work) {
                Ok(transaction) => transaction,
                Err(error) => {
                    connection.lose();
                    if attempt == ATTEMPTS_MAX {
                        return Err(OpenFailure::of(&error).into());
                    }
                    attempt += 1;
                    continue;
                }
            };
            return Ok(match transaction.run(&self.options.sleep, work).await {
                Err(Failure::Aborted(why)) if connection.life() == Life::Lost => Err(Failure::Lost(why)),
                Err(Failure::Lost(why)) => {
                    connection.lose();
                    Err(Failure::Lost(why))
                }
                other => other,
            });
        }
    }

    /// The connection to use now.
    async fn connection(&self) -> Result<Rc<Connection>, DiskError> {
        self.check_over()?;
        let held = self.connection.borrow().clone();
        match held {
            Some(connection) if connection.life() == Life::Open => Ok(connection),
            Some(connection) if connection.life() == Life::TakenAway => Err(Over::Deleted.error()),
            _ => self.connect(IfAbsent::Refuse).await,
        }
    }

    /// Whether the database is not there.
    pub(super) fn is_deleted(&self) -> bool {
        matches!(self.over.get(), Some(Over::Deleted))
    }

    fn check_over(&self) -> Result<(), DiskError> {
        self.over.get().map_or(Ok(()), |over| Err(over.error()))
    }

    /// Opens a connection by the factory at hand or, if that one is dead, by another realm's.
    pub(super) async fn connect(&self, if_absent: IfAbsent) -> Result<Rc<Connection>, DiskError> {
        let factory = self.factory.borrow().clone();
        let mut opened = self.connect_by(&factory, if_absent).await;
        if matches!(opened, Err(OpenFailure::Dead(_)))
            && let Some(other) = self.another_factory()
        {
            opened = self.connect_by(&other, if_absent).await;
            if opened.is_ok() {
                self.factory.replace(other);
            }
        }
        if matches!(opened, Err(OpenFailure::Absent)) && self.over.get().is_none() {
            self.over.set(Some(Over::Deleted));
            (self.options.on_event)(StorageEvent::TakenAway);
        }
        let connection = Rc::new(opened?);
        self.check_over()?;
        self.connection.replace(Some(Rc::clone(&connection)));
        Ok(connection)
    }

    fn connect_by(
        &self,
        factory: &IdbFactory,
        if_absent: IfAbsent,
    ) -> impl Future<Output = Result<Connection, OpenFailure>> {
        let options = &self.options;
        Connection::open(factory, &self.database, if_absent, &options.sleep, &options.on_event)
    }

    fn another_factory(&self) -> Option<IdbFactory> {
        let asked = self.other_factories.get();
        if asked == OTHER_FACTORIES_MAX {
            return None;
        }
        self.other_factories.set(asked + 1);
        (self.options.another_factory)()
    }
}

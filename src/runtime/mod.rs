//! One open database of this tab or worker: the engine with its storage, its server, its neighbours and its clock.

#[cfg(feature = "full")]
mod circuits;
mod news;
mod options;
mod pace;
mod transport;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use futures_util::future::LocalBoxFuture;
use holm_core::Error;
use holm_core::engine::{Engine, Order, Spawn, Transaction, disk_error};
use holm_core::sync::{Event, Status};
use holm_protocol::write_fields;
use holm_store::{Disk, LockName, MemoryDisk, Observer};
use wasm_bindgen_futures::spawn_local;

pub use options::{OpenOptions, StorageKind};
pub use transport::HttpTransport;

use crate::broadcast::Broadcast;
use crate::connectivity::{Connectivity, Hint};
use crate::indexeddb::{IndexedDbDisk, StorageEvent, StorageOptions};
use crate::locks::{HeldLock, WebLocks};
use crate::{background, scope, timer};
use news::News;

/// A transaction that lost to others goes ahead of them for so long. Its function may be waiting for one that waits for it.
const TURN_MS: u32 = 2_000;

/// The engine as this package runs it.
pub type BrowserEngine = Engine;

/// The app's listener: what kind of thing happened, and its JSON.
pub type OnEvent = Rc<dyn Fn(&str, &str)>;

/// The browser remembers that it was asked to wake the service worker until it has done so; while writes go on it is
/// asked this often, in case it has.
const ASK_AGAIN_MS: u64 = 1_000;

/// What the app reads as `db.sync.status`.
#[derive(Clone, Debug)]
pub struct ShownStatus {
    sync: Status,
    durable: bool,
    storage: StorageKind,
    background_sync: bool,
}

write_fields!(ShownStatus { sync, durable, storage, background_sync as "backgroundSync" });

/// One open database of this tab or worker.
pub struct Runtime {
    engine: BrowserEngine,
    options: Box<OpenOptions>,
    locks: WebLocks,
    disk: Option<IndexedDbDisk>,
    background: Cell<bool>,
    /// Whether another tab or worker was ever heard: while there is none, nobody is told anything.
    others: Cell<bool>,
    broadcast: RefCell<Option<Broadcast>>,
    connectivity: RefCell<Option<Connectivity>>,
    commits: RefCell<Option<Observer>>,
    on_event: OnEvent,
}

impl Runtime {
    /// Opens storage and engine, and starts what runs beside the app.
    ///
    /// # Errors
    /// `storage-unavailable` where there is no IndexedDB and the app did not ask for memory; as [`Engine::open`].
    pub async fn open(
        options: Box<OpenOptions>,
        transport: Rc<HttpTransport>,
        on_event: OnEvent,
    ) -> Result<Rc<Self>, Error> {
        let told = Rc::new(RefCell::new(Weak::new()));
        let disk = match options.storage {
            StorageKind::Memory => None,
            StorageKind::IndexedDb => {
                let opened = IndexedDbDisk::open(storage(&options, &on_event, &told)).await;
                Some(opened.map_err(|error| disk_error(&error))?)
            }
        };
        let stored: Rc<dyn Disk> = match &disk {
            Some(disk) => Rc::new(disk.clone()),
            None => Rc::new(MemoryDisk::new()),
        };
        let locks = WebLocks::new(disk.as_ref().and_then(|_| scope::lock_manager()), &options.name);
        let spawn: Spawn = Rc::new(beside);
        let opening = options.engine()?;
        let engine = Engine::open(stored, Rc::new(locks.clone()), transport, opening, &spawn).await?;
        #[cfg(feature = "full")]
        if let Some(url) = &options.sync_url {
            engine.share(&circuits::of(url));
        }
        let runtime = Rc::new(Self {
            engine,
            options,
            locks,
            disk,
            background: Cell::new(false),
            others: Cell::new(false),
            broadcast: RefCell::new(None),
            connectivity: RefCell::new(None),
            commits: RefCell::new(None),
            on_event,
        });
        told.replace(Rc::downgrade(&runtime));
        Ok(runtime)
    }

    /// Starts what a page wants beside the engine: other tabs, browser events, the status.
    pub fn start(self: &Rc<Self>) {
        let news = News::new(self);
        if self.disk.is_some() {
            *self.broadcast.borrow_mut() = news.join();
            self.post(news::HELLO);
            news.ask_others();
            self.look();
        }
        *self.commits.borrow_mut() = news.tell_commits();
        if self.options.sync_url.is_some() {
            *self.connectivity.borrow_mut() = Some(self.listen());
            #[cfg(feature = "full")]
            self.spare();
        }
        let swept = self.engine.order(scope::now_ms(), Order::KvSweep);
        beside(Box::pin(async move { drop(swept.await) })); // what fails here is swept at the next opening
        beside(Box::pin(Rc::clone(self).tell_status()));
    }

    /// The engine.
    pub fn engine(&self) -> &BrowserEngine {
        &self.engine
    }

    /// Whether there is a server to talk to.
    pub fn has_server(&self) -> bool {
        self.options.sync_url.is_some()
    }

    /// The lock of the one who talks to the server.
    pub fn sync_lock(&self) -> impl Future<Output = HeldLock> {
        self.locks.lock(LockName::Sync)
    }

    /// The same, if nobody holds it.
    pub fn try_sync_lock(&self) -> impl Future<Output = Option<HeldLock>> {
        self.locks.try_lock(LockName::Sync)
    }

    /// What the app reads as `db.sync.status`.
    pub fn status(&self) -> ShownStatus {
        ShownStatus {
            sync: self.engine.status(),
            durable: self.disk.is_some(),
            storage: self.options.storage,
            background_sync: self.background.get(),
        }
    }

    /// Begins a transaction again that lost to others, in its turn.
    ///
    /// # Errors
    /// As [`Engine::tx_again`].
    pub async fn tx_again(&self, lost: &Transaction) -> Result<Transaction, Error> {
        let again = self.engine.tx_again(lost).await?;
        let timed = again.clone();
        beside(Box::pin(async move {
            timer::sleep(TURN_MS).await;
            timed.end_turn();
        }));
        Ok(again)
    }

    /// Asks the one who talks to the server to do so now, whichever tab it is.
    ///
    /// # Errors
    /// As [`Engine::sync_now`].
    pub fn sync_now(&self) -> impl Future<Output = Result<(), Error>> {
        self.post(news::ASK);
        self.engine.sync_now(scope::now_ms())
    }

    /// Takes a hint of the page or the browser.
    pub fn nudge(self: &Rc<Self>, hint: Hint) {
        let event = match hint {
            Hint::Online => Event::Online,
            Hint::Offline => Event::Offline,
            Hint::Visible | Hint::Restored | Hint::Resumed => Event::Visible,
            Hint::Hidden | Hint::Leaving | Hint::Frozen => {
                self.ask_for_background_sync();
                return;
            }
        };
        #[cfg(feature = "full")]
        self.spare();
        self.engine.happened(scope::now_ms(), event);
        if event == Event::Visible {
            self.look();
        }
    }

    /// Closes everything; what was saved stays.
    pub async fn close(&self) {
        self.connectivity.borrow_mut().take();
        self.commits.borrow_mut().take();
        self.engine.close().await;
        self.broadcast.borrow_mut().take();
        if let Some(disk) = &self.disk {
            disk.close();
        }
    }

    /// Reads what others committed while this tab could not hear of it; what fails here is read with the next commit.
    fn look(&self) {
        let engine = self.engine.clone();
        beside(Box::pin(async move { drop(engine.refresh().await) }));
    }

    /// Tells the engine whether the user saves data now; a browser that has changed its mind most often tells of another network too.
    #[cfg(feature = "full")]
    fn spare(&self) {
        self.engine.happened(scope::now_ms(), Event::SaveData(scope::saves_data()));
    }

    fn listen(self: &Rc<Self>) -> Connectivity {
        let weak = Rc::downgrade(self);
        Connectivity::listen(scope::global_target(), scope::document_target(), move |hint| {
            if let Some(runtime) = weak.upgrade() {
                runtime.nudge(hint);
            }
        })
    }

    /// Tells the app, and the other tabs where this one leads, whenever the status changes.
    async fn tell_status(self: Rc<Self>) {
        self.ask_for_background_sync();
        let (mut pending, mut asked_ms) = (0, 0);
        while !self.engine.is_closed() {
            let seen = self.engine.status_changes();
            let now = self.engine.status().pending;
            let now_ms = scope::now_ms();
            if now > pending && (pending == 0 || now_ms.saturating_sub(asked_ms) >= ASK_AGAIN_MS) {
                asked_ms = now_ms;
                self.ask_for_background_sync();
            }
            pending = now;
            self.post_status();
            (self.on_event)("status", "{}");
            self.engine.status_changed(seen).await;
        }
    }

    /// Tells the others how sync stands, where this one leads.
    fn post_status(&self) {
        let status = self.engine.status();
        if status.leader && self.others.get() {
            self.post(&news::status(&status));
        }
    }

    fn post(&self, text: &str) {
        if let Some(broadcast) = &*self.broadcast.borrow() {
            broadcast.post(text);
        }
    }

    /// Asks the browser to wake the service worker when there is a network, while something waits.
    fn ask_for_background_sync(self: &Rc<Self>) {
        if self.disk.is_none() || self.options.sync_url.is_none() {
            return;
        }
        let runtime = Rc::clone(self);
        beside(Box::pin(async move {
            let waits = runtime.engine.status().pending > 0;
            let there = match background::manager(scope::service_worker_registration()).await {
                Some(manager) if waits => background::register(&manager).await,
                found => found.is_some(),
            };
            if runtime.background.replace(there) != there {
                (runtime.on_event)("status", "{}");
            }
        }));
    }
}

/// Runs work beside everything else. Boxed, so that the machinery is compiled once.
pub fn beside(work: LocalBoxFuture<'static, ()>) {
    spawn_local(work);
}

fn storage(options: &OpenOptions, on_event: &OnEvent, told: &Rc<RefCell<Weak<Runtime>>>) -> StorageOptions {
    let (tell, told) = (Rc::clone(on_event), Rc::clone(told));
    let on_event = Rc::new(move |event: StorageEvent| {
        let runtime = told.borrow().upgrade();
        match (&event, runtime) {
            (StorageEvent::TakenAway, Some(runtime)) => runtime.engine.database().replaced(),
            // Whether the database is still there is found out at once: reads of what is in memory would never ask.
            (StorageEvent::ConnectionLost, Some(runtime)) => runtime.look(),
            _ => {}
        }
        let (kind, detail) = match &event {
            StorageEvent::Blocked => ("storage-blocked", ""),
            StorageEvent::ConnectionLost => ("storage-connection-lost", ""),
            StorageEvent::TakenAway => ("storage-taken-away", ""),
            StorageEvent::DataLoss(detail) => ("storage-lost", detail.as_str()),
        };
        tell(kind, detail);
    });
    StorageOptions {
        factory: scope::factory(),
        another_factory: Rc::new(scope::another_factory),
        name: options.name.clone(),
        sleep: timer::sleeper(),
        on_event,
    }
}

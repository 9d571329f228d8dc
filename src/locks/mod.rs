//! The store's [`Locks`] by the Web Locks API, shared by all tabs and workers of the origin.
//!
//! Where the browser has none (an insecure context, a sandboxed frame), locks of our own stand in. They keep out
//! only the others of this page, and that is enough to be safe: no write relies on a lock. Without them two tabs may
//! fold or sync at the same time; one of them then gets `Stale`, or sends what the server knows already.

mod local;
mod web;

use async_trait::async_trait;
use holm_store::{LockName, Locks};
use wasm_bindgen::JsValue;

use local::LocalHeld;
use web::{LockManager, Request, WebHeld};

/// The locks of one database.
#[derive(Clone)]
pub struct WebLocks {
    manager: Option<LockManager>,
    database: String,
}

/// A held lock; dropping it gives it back.
pub struct HeldLock(Held);

enum Held {
    Web(WebHeld),
    Local(#[allow(dead_code)] LocalHeld), // held for its drop
}

impl HeldLock {
    /// Whether somebody took the lock away, believing that its holder is frozen.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match &self.0 {
            Held::Web(held) => held.is_lost(),
            Held::Local(_) => false,
        }
    }
}

impl WebLocks {
    /// The locks of the database `database`, by a scope's `navigator.locks`.
    #[must_use]
    pub fn new(manager: Option<JsValue>, database: &str) -> Self {
        Self { manager: manager.map(LockManager::from), database: String::from(database) }
    }

    /// Waits for the lock.
    pub fn lock(&self, name: LockName) -> impl Future<Output = HeldLock> {
        self.wait(name, Request::Wait)
    }

    /// Takes the lock if nobody holds it.
    pub async fn try_lock(&self, name: LockName) -> Option<HeldLock> {
        let name = self.full_name(name);
        match web::request(self.manager.as_ref(), &name, Request::IfFree).await {
            Ok(held) => held.map(|held| HeldLock(Held::Web(held))),
            Err(_) => local::try_lock(&name).map(|held| HeldLock(Held::Local(held))),
        }
    }

    /// Takes the lock from whoever holds it. A frozen tab keeps its locks for ever; it sees later that it lost this one.
    pub fn steal(&self, name: LockName) -> impl Future<Output = HeldLock> {
        self.wait(name, Request::Steal)
    }

    async fn wait(&self, name: LockName, how: Request) -> HeldLock {
        let name = self.full_name(name);
        match web::request(self.manager.as_ref(), &name, how).await {
            Ok(Some(held)) => HeldLock(Held::Web(held)),
            Ok(None) | Err(_) => HeldLock(Held::Local(local::lock(name).await)),
        }
    }

    fn full_name(&self, name: LockName) -> String {
        let purpose = match name {
            LockName::Write => "write",
            LockName::Checkpoint => "checkpoint",
            LockName::Sync => "sync",
        };
        format!("holm:{}:{purpose}", self.database)
    }
}

#[async_trait(?Send)]
impl Locks for WebLocks {
    async fn lock(&self, name: LockName) -> holm_store::HeldLock {
        Box::new(self.lock(name).await)
    }

    async fn try_lock(&self, name: LockName) -> Option<holm_store::HeldLock> {
        Some(Box::new(self.try_lock(name).await?))
    }
}

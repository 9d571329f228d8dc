//! The store's [`Disk`](holm_store::Disk) on IndexedDB.
//!
//! Each operation is exactly one transaction over only the object stores it needs. Whether it happened is decided by
//! the transaction's `complete` event, never by a request's `success`. What is *in* the entries and blocks is the
//! store's business.
//!
//! | object store | key | value |
//! |---|---|---|
//! | `log` | generated: 1, 2, 3 … | one entry |
//! | `blocks` | the block's id | one block |
//! | `manifest` | 0 | `{generation, folded, bytes}` |
//!
//! No cast in here is checked, so objects of another realm's `IDBFactory` work too: WebKit's lost connection to its
//! storage process is healed by the factory of a fresh iframe.

#[cfg(feature = "catalog")]
pub mod catalog;
mod connection;
mod disk;
mod failure;
mod listen;
mod session;
mod transaction;

use std::rc::Rc;

use web_sys::IdbFactory;

use crate::limit::Sleep;

pub use connection::OPEN_MS_MAX;
pub use disk::IndexedDbDisk;
pub use transaction::{ABORT_MS_MAX, TRANSACTION_MS_MAX};

const LOG: &str = "log";
const BLOCKS: &str = "blocks";
const MANIFEST: &str = "manifest";

/// The shape of the object stores, as it stands in the database's name.
pub const SHAPE: u32 = 1;

/// What an [`IndexedDbDisk`] needs to open.
#[derive(Clone)]
pub struct StorageOptions {
    /// This scope's `indexedDB`, if it has one.
    pub factory: Option<IdbFactory>,
    /// Gives another realm's `indexedDB` when this one's is dead.
    pub another_factory: Rc<dyn Fn() -> Option<IdbFactory>>,
    /// The app's name for the database.
    pub name: String,
    /// The timer.
    pub sleep: Sleep,
    /// Hears what happens to the storage from outside.
    pub on_event: OnStorageEvent,
}

/// Hears of a [`StorageEvent`].
pub type OnStorageEvent = Rc<dyn Fn(StorageEvent)>;

/// What happened to the storage, though nobody asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageEvent {
    /// An open waits for another tab.
    Blocked,
    /// The browser closed the connection (the user cleared the site's data, say); the next operation opens another one.
    ConnectionLost,
    /// Somebody deletes the database, or has deleted it; it is closed and every further operation fails.
    TakenAway,
    /// The browser could not read the database and made an empty one; with its words.
    DataLoss(String),
}

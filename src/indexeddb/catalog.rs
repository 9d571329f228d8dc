//! The catalog: which databases this origin has, kept by rexie in a database of its own.
//!
//! It helps people (a list, "23 writes were waiting when this was closed") and decides nothing. So it never fails: what
//! cannot be written is not written, and what cannot be read is empty. The databases themselves are the truth.

use rexie::{ObjectStore, Rexie, Store, TransactionMode};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use crate::limit::{Sleep, within};

const DATABASE: &str = "holm.catalog";
const DATABASES: &str = "databases";
/// The catalog must not delay what matters.
const CATALOG_MS_MAX: u32 = 3_000;

/// What is known of one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// The app's name for it.
    pub name: String,
    /// The format of its entries and blocks.
    pub format: u32,
    /// The version of the app's schema.
    pub schema: u32,
    /// When it was first opened, in wall clock milliseconds.
    pub created_ms: u64,
    /// When it was last opened, in wall clock milliseconds.
    pub opened_ms: u64,
    /// How many mutations the server had not yet acknowledged when this was last noted.
    pub pending: u32,
}

/// What an engine notes when it opens a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The app's name for it.
    pub name: &'a str,
    /// The format of its entries and blocks.
    pub format: u32,
    /// The version of the app's schema.
    pub schema: u32,
    /// Wall clock milliseconds.
    pub now_ms: u64,
}

/// The catalog of this origin.
#[derive(Clone)]
pub struct Catalog {
    sleep: Sleep,
}

impl Catalog {
    /// A catalog whose every operation is given up after a while.
    #[must_use]
    pub fn new(sleep: Sleep) -> Self {
        Self { sleep }
    }

    /// Notes that a database was opened.
    pub async fn record_open(&self, opened: Opened<'_>) {
        let change = move |known: Option<CatalogEntry>| {
            let (created_ms, pending) = known.map_or((opened.now_ms, 0), |known| (known.created_ms, known.pending));
            let Opened { name, format, schema, now_ms } = opened;
            Some(CatalogEntry { name: String::from(name), format, schema, created_ms, opened_ms: now_ms, pending })
        };
        self.update(opened.name, &change).await;
    }

    /// Notes how many mutations the server has not yet acknowledged.
    pub async fn record_pending(&self, name: &str, pending: u32) {
        let change = move |known: Option<CatalogEntry>| known.map(|known| CatalogEntry { pending, ..known });
        self.update(name, &change).await;
    }

    async fn update(&self, name: &str, change: &Change<'_>) {
        within(&self.sleep, CATALOG_MS_MAX, update(name, change)).await;
    }

    /// All databases, by name.
    pub async fn list(&self) -> Vec<CatalogEntry> {
        within(&self.sleep, CATALOG_MS_MAX, list()).await.and_then(Result::ok).unwrap_or_default()
    }
}

async fn open() -> Result<Rexie, Unrecorded> {
    let store = ObjectStore::new(DATABASES).key_path("name");
    Ok(Rexie::builder(DATABASE).version(1).add_object_store(store).build().await?)
}

async fn list() -> Result<Vec<CatalogEntry>, Unrecorded> {
    let database = open().await?;
    let listed = async {
        let transaction = database.transaction(&[DATABASES], TransactionMode::ReadOnly)?;
        let values = transaction.store(DATABASES)?.get_all(None, None).await?;
        // an entry that newer code wrote in another way is left out
        Ok(values.into_iter().filter_map(|value| serde_wasm_bindgen::from_value(value).ok()).collect())
    }
    .await;
    database.close();
    listed
}

/// Makes of what is known of a database what is known from now on; nothing is written for `None`.
type Change<'c> = dyn Fn(Option<CatalogEntry>) -> Option<CatalogEntry> + 'c;

async fn update(name: &str, change: &Change<'_>) -> Result<(), Unrecorded> {
    let database = open().await?;
    let updated = async {
        let transaction = database.transaction(&[DATABASES], TransactionMode::ReadWrite)?;
        change_entry(&transaction.store(DATABASES)?, name, change).await?;
        transaction.done().await?;
        Ok(())
    }
    .await;
    database.close();
    updated
}

async fn change_entry(store: &Store, name: &str, change: &Change<'_>) -> Result<(), Unrecorded> {
    let known = store.get(JsValue::from_str(name)).await?;
    let known = known.and_then(|value| serde_wasm_bindgen::from_value(value).ok());
    if let Some(entry) = change(known) {
        store.put(&serde_wasm_bindgen::to_value(&entry)?, None).await?;
    }
    Ok(())
}

/// Why the catalog did not take or give something; nobody is told.
struct Unrecorded;

impl From<rexie::Error> for Unrecorded {
    fn from(_: rexie::Error) -> Self {
        Self
    }
}

impl From<serde_wasm_bindgen::Error> for Unrecorded {
    fn from(_: serde_wasm_bindgen::Error) -> Self {
        Self
    }
}

//! The catalog: which databases this origin has, kept by rexie in a database of its own.
//!
//! It helps people (a list, "23 writes were waiting when this was closed") and decides nothing. So it never fails: what
//! cannot be written is not written, and what cannot be read is empty. The databases themselves are the truth. The package
//! has it in a WebAssembly file of its own, for those who import it.

use rexie::{ObjectStore, Rexie, TransactionMode};
use serde::{Deserialize, Serialize};

use crate::limit::{Sleep, within};

const DATABASE: &str = "holm.catalog";
const DATABASES: &str = "databases";
/// The catalog must not delay what matters.
const CATALOG_MS_MAX: u32 = 3_000;

/// What is known of one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogEntry {
    /// The app's name for it.
    pub name: String,
    /// The version of the app's schema.
    pub schema: u32,
    /// When it was last opened, in wall clock milliseconds.
    pub opened_at: u64,
    /// How many mutations the server had not yet acknowledged when this was noted.
    pub pending: usize,
}

/// Notes an entry in place of what was known of its database.
pub async fn note(sleep: &Sleep, entry: &CatalogEntry) {
    within(sleep, CATALOG_MS_MAX, put(entry)).await;
}

/// All databases, by name.
pub async fn list(sleep: &Sleep) -> Vec<CatalogEntry> {
    within(sleep, CATALOG_MS_MAX, all()).await.and_then(Result::ok).unwrap_or_default()
}

async fn open() -> Result<Rexie, rexie::Error> {
    let store = ObjectStore::new(DATABASES).key_path("name");
    Rexie::builder(DATABASE).version(1).add_object_store(store).build().await
}

async fn put(entry: &CatalogEntry) -> Result<(), rexie::Error> {
    let Ok(entry) = serde_wasm_bindgen::to_value(entry) else { return Ok(()) };
    let database = open().await?;
    let transaction = database.transaction(&[DATABASES], TransactionMode::ReadWrite);
    let put = async { transaction?.store(DATABASES)?.put(&entry, None).await }.await;
    database.close(); // once the transaction is complete
    put.map(drop)
}

async fn all() -> Result<Vec<CatalogEntry>, rexie::Error> {
    let database = open().await?;
    let transaction = database.transaction(&[DATABASES], TransactionMode::ReadOnly);
    let listed = async { transaction?.store(DATABASES)?.get_all(None, None).await }.await;
    database.close();
    // an entry that other code wrote in another way is left out
    Ok(listed?.into_iter().filter_map(|value| serde_wasm_bindgen::from_value(value).ok()).collect())
}

//! What the app opens a database with, as the package hands it over.

use std::rc::Rc;

use holm_core::engine::Options;
use holm_core::schema::Schema;
use holm_core::sync::scope_key;
use holm_core::{Error, ErrorCode, FULL};
use holm_protocol::{from_json_text, json_fields, json_words};
use holm_store::Durability;

use super::pace::PagePace;
use crate::scope;

/// Bytes of blocks kept in memory, where the app does not say.
const CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of log that start a fold: with 1 MiB half as much again is written, and an opening reads what is left of it.
const FOLD_BYTES: usize = 4 * 1024 * 1024;

/// Where a database lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageKind {
    /// In IndexedDB: it survives a reload.
    #[default]
    IndexedDb,
    /// In memory: it does not.
    Memory,
}

json_words!(StorageKind { IndexedDb "indexeddb", Memory "memory" });

/// When the browser may call a write saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DurabilityKind {
    /// After the bytes went to the operating system.
    #[default]
    Relaxed,
    /// After they went to the medium.
    Strict,
}

json_words!(DurabilityKind { Relaxed "relaxed", Strict "strict" });

impl From<DurabilityKind> for Durability {
    fn from(kind: DurabilityKind) -> Self {
        match kind {
            DurabilityKind::Relaxed => Self::Relaxed,
            DurabilityKind::Strict => Self::Strict,
        }
    }
}

/// What the app opens a database with.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The database's name on this origin.
    pub name: String,
    /// The schema, as JSON.
    pub schema: String,
    /// Where it lies.
    pub storage: StorageKind,
    /// How durable a write is.
    pub durability: DurabilityKind,
    /// How many bytes of blocks are kept in memory between reads.
    pub cache_bytes: Option<usize>,
    /// Where the server is; without it everything stays here.
    pub sync_url: Option<String>,
    /// The scopes to sync, as a JSON list of their keys; every collection where it is absent.
    pub scopes: Option<String>,
}

json_fields!(OpenOptions { name, schema; storage, durability, cache_bytes as "cacheBytes", sync_url as "syncUrl", scopes });

impl OpenOptions {
    /// The engine's options.
    ///
    /// # Errors
    /// `invalid-schema`; `invalid-argument` for scopes that cannot be read.
    pub fn engine(&self) -> Result<Rc<Options>, Error> {
        let schema = Schema::parse(&self.schema)?;
        let scopes = match (&self.sync_url, &self.scopes) {
            (None, _) => None,
            (Some(_), None) => Some(schema.collections().map(|collection| collection.name.clone()).collect()),
            (Some(_), Some(json)) => Some(read_scopes(json)?),
        };
        let random = Rc::new(scope::fill_random);
        let pace = Rc::new(PagePace::new(scope::elapsed_ms));
        Ok(Rc::new(Options {
            schema,
            scopes,
            durability: self.durability.into(),
            cache_bytes: self.cache_bytes.unwrap_or(CACHE_BYTES),
            fold_bytes: FOLD_BYTES,
            pace,
            random,
        }))
    }
}

fn read_scopes(json: &str) -> Result<Vec<String>, Error> {
    let scopes: Vec<String> = from_json_text(json.as_bytes())
        .map_err(|why| Error::new(ErrorCode::InvalidArgument, format!("`sync.scopes` cannot be read: {why}")))?;
    if FULL { scopes.iter().map(|key| scope_key(key)).collect() } else { Ok(scopes) }
}

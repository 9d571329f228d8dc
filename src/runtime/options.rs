//! What the app opens a database with, as the package hands it over.

use std::rc::Rc;

use holm_core::engine::Options;
use holm_core::schema::Schema;
use holm_core::{Error, ErrorCode};
use holm_protocol::{from_json_text, read_fields};
use holm_store::Durability;
use serde::{Deserialize, Serialize};

use crate::scope;

/// Bytes of blocks kept in memory.
const CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of log that start a fold.
const FOLD_BYTES: usize = 1024 * 1024;

/// Where a database lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// In IndexedDB: it survives a reload.
    #[default]
    IndexedDb,
    /// In memory: it does not.
    Memory,
}

/// When the browser may call a write saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DurabilityKind {
    /// After the bytes went to the operating system.
    #[default]
    Relaxed,
    /// After they went to the medium.
    Strict,
}

/// What the app opens a database with.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenOptions {
    /// The database's name on this origin.
    pub name: String,
    /// The schema, as JSON.
    pub schema: String,
    /// Where it lies.
    #[serde(default)]
    pub storage: StorageKind,
    /// How durable a write is.
    #[serde(default)]
    pub durability: DurabilityKind,
    /// Where the server is; without it everything stays here.
    #[serde(default)]
    pub sync_url: Option<String>,
    /// The scopes to sync, as a JSON list of `{name}`; every collection where it is absent.
    #[serde(default)]
    pub scopes: Option<String>,
}

/// A scope, as the app names it.
struct ScopeName {
    name: String,
}

read_fields!(ScopeName { name });

impl OpenOptions {
    /// The engine's options.
    ///
    /// # Errors
    /// `invalid-schema`; `invalid-argument` for scopes that cannot be read.
    pub fn engine(&self) -> Result<Options, Error> {
        let schema = Schema::parse(&self.schema)?;
        let scopes = match (&self.sync_url, &self.scopes) {
            (None, _) => None,
            (Some(_), None) => Some(schema.collections().map(|collection| collection.name.clone()).collect()),
            (Some(_), Some(json)) => Some(read_scopes(json)?),
        };
        let durability = match self.durability {
            DurabilityKind::Relaxed => Durability::Relaxed,
            DurabilityKind::Strict => Durability::Strict,
        };
        let random = Rc::new(scope::fill_random);
        Ok(Options { schema, scopes, durability, cache_bytes: CACHE_BYTES, fold_bytes: FOLD_BYTES, random })
    }
}

fn read_scopes(json: &str) -> Result<Vec<String>, Error> {
    let scopes: Vec<ScopeName> = from_json_text(json.as_bytes())
        .map_err(|why| Error::new(ErrorCode::InvalidArgument, format!("`sync.scopes` cannot be read: {why}")))?;
    Ok(scopes.into_iter().map(|scope| scope.name).collect())
}

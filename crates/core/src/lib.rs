//! Holm's records, queries, outbox, conflicts and sync machine: no clock, no IO, no randomness of its own.

pub mod engine;
mod error;
pub mod keys;
pub mod keyspace;
pub mod kv;
mod local;
pub mod outbox;
pub mod query;
pub mod records;
pub mod salvage;
pub mod schema;
mod stored;
pub mod sync;
pub mod value;

/// Whether this is the full engine: one mutation of many writes, and conflict policies that a device or a person decides. The other
/// parks every conflict, and opens what a full one has stored; of a write that joined another it knows no receipt.
pub const FULL: bool = cfg!(feature = "full");

pub use error::{Error, Said};
pub use holm_protocol::ErrorCode;

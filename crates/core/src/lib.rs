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

pub use error::{Error, Said};
pub use holm_protocol::{ErrorCode, FULL};

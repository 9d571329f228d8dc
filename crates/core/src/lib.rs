//! Holm's records, queries, outbox, conflicts and sync machine: no clock, no IO, no randomness of its own.

mod error;
pub mod keys;
pub mod keyspace;
pub mod schema;
pub mod value;

pub use error::Error;
pub use holm_protocol::ErrorCode;

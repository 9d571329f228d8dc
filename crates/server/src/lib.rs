//! Holm's reference sync server.
//!
//! [`Server`] is the protocol over SQLite: synchronous, no network, no clock; a simulation drives it
//! directly. [`Rules`] is what an app decides. The `holm-server` program puts HTTP around it.

mod http;
mod logic;
mod refusal;
mod rules;

pub use http::{Config, Debugging, serve};
pub use logic::{Backup, Caller, Effect, Life, Reader, Server, StoredReceipt, StoredRow};
pub use refusal::Refusal;
pub use rules::{Attempt, Audit, Check, Function, MayRead, Receipts, Rules, Verdict};

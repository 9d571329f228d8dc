//! Holm's wire messages and what server and engine must decide alike: the hybrid clock, merging, and the closed list of error codes;
//! and what both need to read, sort and write them.
//!
//! No clock, no IO, no randomness.

/// Whether this is a full engine, or a server: conflict policies that a device or a person decides, one mutation of many writes, fields that merge in a way of their own. The
/// other engine parks every conflict, and opens what a full one has stored; of a write that joined another it knows no receipt.
pub const FULL: bool = cfg!(feature = "full");

mod conflict;
mod error;
mod fields;
mod hex;
mod hlc;
mod ids;
mod json;
mod merge;
mod messages;
pub mod order;
mod stamps;
#[cfg(feature = "full")]
mod ways;
mod wire;

pub use conflict::{Decision, Policy, Standing, decide};
pub use error::{ErrorCode, Fault};
pub use fields::Fields;
pub use hex::push_hex;
pub use hlc::{Clock, Hlc};
pub use ids::{ClientId, MutationId, Revision, Seq};
pub use json::{
    DataText, FromJson, Number, Object, Parser, ToJson, Unfit, Value, from_json, from_json_text, parse, pick, quoted,
    read_json_text, to_json_text,
};
pub use merge::{Edit, last_write, merge};
pub use messages::*;
#[cfg(feature = "serde")]
#[doc(hidden)]
pub use serde_json;
pub use stamps::Stamps;
#[cfg(feature = "full")]
pub use ways::{OwnWay, Way, Ways};
pub use wire::{ID_BYTES_MAX, RECORD_BYTES_MAX, Unreadable, decode, marked};

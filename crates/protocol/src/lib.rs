//! Holm's wire messages and what server and engine must decide alike: the hybrid clock, merging, and the closed list of error codes.
//!
//! serde_json's `Value` only: no clock, no IO, no randomness.

mod conflict;
mod error;
mod hlc;
mod ids;
mod json;
mod merge;
mod messages;
mod stamps;
mod wire;

pub use conflict::{Decision, Policy, Standing, decide};
pub use error::{ErrorCode, Fault};
pub use hlc::{Clock, Hlc};
pub use ids::{ClientId, MutationId, Revision, Seq};
pub use json::{
    DataText, FromJson, Object, Parser, ToJson, Unfit, from_json, from_json_text, parse, pick, quoted, read_json_text,
    to_f64, to_json_text,
};
pub use merge::{MergeReport, last_write, merge};
pub use messages::*;
#[doc(hidden)]
pub use serde_json::Value;
pub use stamps::Stamps;
pub use wire::{ID_BYTES_MAX, RECORD_BYTES_MAX, Unreadable, decode, marked};

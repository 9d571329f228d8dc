//! Holm's wire messages and what server and engine must decide alike: the hybrid clock, merging, and the closed list of error codes.
//!
//! Serde only: no clock, no IO, no randomness.

mod error;
mod hlc;
mod ids;
mod messages;

pub use error::{ErrorCode, Fault};
pub use hlc::{Clock, Hlc};
pub use ids::{ClientId, MutationId, Revision, Seq};
pub use messages::*;

//! What this device intends and the server has not settled yet.
//!
//! A local write puts one [`Entry`] into the lane of its record, in the commit that changes the record:
//!
//! ```text
//!  pending ──freeze──▶ frozen ──ok──▶ confirmed ──pull covers it──▶ gone
//!     ▲                  │
//!     └──── retry ───────┤
//!                        └── rejected, conflict ──▶ parked ──retry──▶ pending (a new mutation)
//! ```
//!
//! A call of a server's function has a lane of its own. What shows its effect stands in the lanes of its records, is never sent, and
//! goes the way of the call: confirmed and let go with it, taken out where it is parked (`effect.rs`).
//!
//! What the app sees is always the base (the last known server state) with the lane laid over it ([`replay`]).
//! An entry leaves the outbox only in the commit that records its own result.

mod adopt;
#[cfg(feature = "full")]
mod call;
mod coalesce;
mod effect;
mod entry;
#[cfg(feature = "full")]
mod kept;
mod lane;
mod park;
mod receipt;
mod replay;
mod settle;
#[cfg(feature = "full")]
mod ways;
mod write;

pub use adopt::{adopt, keep_local};
#[cfg(feature = "full")]
pub use call::{Call, begin, save};
pub use entry::{Base, Called, Entry, Place, State};
pub use lane::{base_ids, bases, drop_base, entry_at, lane, leaving, pending, remove, save_base, store_entry};
pub use park::{Parked, Reason, discard, parked, parked_list, retry};
pub use receipt::{Receipt, ReceiptState, receipt};
pub use replay::{replay, restore};
pub use settle::{Moment, confirm_covered, settle, thaw};
#[cfg(feature = "full")]
pub use ways::held;
#[cfg(feature = "full")]
pub use write::Again;
pub use write::{Operation, WriteContext, prefetch, write, write_part};

use holm_store::PlanError;

use crate::Error;

/// What a plan over the outbox gives.
pub type Planned<R> = Result<R, PlanError<Error>>;

impl From<Error> for PlanError<Error> {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

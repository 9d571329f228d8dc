//! The store's failures in the words of the closed list.

use holm_protocol::ErrorCode;
use holm_store::{DiskError, StoreError, Trouble};

use crate::Error;

/// What a disk failed with, as the app is told.
#[must_use]
pub fn disk_error(error: &DiskError) -> Error {
    let code = match error {
        DiskError::Stale => ErrorCode::Contention,
        DiskError::Full(_) => ErrorCode::StorageFull,
        DiskError::Aborted(_) => ErrorCode::StorageFailed,
        DiskError::Unknown(_) => ErrorCode::OutcomeUnknown,
        DiskError::Unavailable(_) => ErrorCode::StorageUnavailable,
        DiskError::Blocked(_) => ErrorCode::StorageBlocked,
        DiskError::Newer(_) => ErrorCode::NewerVersion,
    };
    Error::new(code, error.to_string())
}

/// What the store failed with, as the app is told.
#[must_use]
pub fn store_error(error: &StoreError) -> Error {
    let code = match error.trouble() {
        Trouble::Disk(error) => return disk_error(error),
        Trouble::Corrupt(_) => ErrorCode::StorageCorrupt,
        Trouble::Replaced => ErrorCode::StorageUnavailable,
        Trouble::NewerVersion(_) => ErrorCode::NewerVersion,
        Trouble::Unknown(_) => ErrorCode::OutcomeUnknown,
        Trouble::TooLarge { .. } => ErrorCode::TransactionTooLarge,
        Trouble::Closed => ErrorCode::Closed,
    };
    Error::new(code, error.to_string())
}

//! Everything readable of a database: of one that cannot be opened, or beside whoever has it open.

use std::rc::Rc;

use holm_core::engine::disk_error;
use holm_core::salvage::Take;
use holm_core::{Error, ErrorCode};
use holm_protocol::quoted;
use holm_store::LockName;

use crate::indexeddb::{IndexedDbDisk, StorageOptions};
use crate::limit::within;
use crate::locks::WebLocks;
use crate::{scope, timer};

/// How long a fold of another tab is waited for; a tab that is frozen in one would hold it for ever.
const FOLD_MS_MAX: u32 = 5_000;

/// Gives the lines of a salvage to `take`; the last line once more as what it returns. Nothing is changed.
///
/// # Errors
/// `not-found` where there is no such database, and none is made; `storage-…`; `newer-version-in-use`.
pub async fn salvage(name: &str, take: &mut Take<'_>) -> Result<String, Error> {
    let options = StorageOptions {
        factory: scope::factory(),
        another_factory: Rc::new(scope::another_factory),
        name: name.to_owned(),
        sleep: timer::sleeper(),
        on_event: Rc::new(|_| {}),
    };
    let sleep = Rc::clone(&options.sleep);
    let disk = IndexedDbDisk::open_existing(options).await.map_err(|error| disk_error(&error))?;
    let Some(disk) = disk else {
        return Err(Error::new(ErrorCode::NotFound, format!("there is no database {} here", quoted(name))));
    };
    // No fold takes blocks away while they are read.
    let locks = WebLocks::new(scope::lock_manager(), name);
    let _folds_wait = within(&sleep, FOLD_MS_MAX, locks.lock(LockName::Checkpoint)).await;
    let told = holm_core::salvage::salvage(&disk, name, scope::now_ms(), take).await;
    disk.close();
    told
}

//! The fold loop.

use crate::database::Inner;
use crate::disk::Disk;
use crate::locks::Locks;

impl<D: Disk, L: Locks> Inner<D, L> {
    /// Wakes the fold loop if the log has grown enough.
    pub(super) fn ask_for_fold(&self) {
        let bytes = self.tables.borrow().memory_bytes();
        if bytes >= self.options.fold_bytes.max(self.fold_above.get()) {
            self.to_fold.set();
        }
    }

    pub(super) async fn run_folds(&self) {
        while !self.closing.get() {
            self.to_fold.wait().await;
        }
    }
}

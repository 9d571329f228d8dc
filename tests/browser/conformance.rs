//! The store's own suite, run by the disk of the browser.

use std::cell::RefCell;

use holm::indexeddb::IndexedDbDisk;
use holm_store::conformance::{self, Stand};
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::{fresh_name, open};

/// Gives IndexedDB databases; each case uses the last that was made.
#[derive(Default)]
struct Databases {
    last: RefCell<String>,
}

impl Stand for Databases {
    type Disk = IndexedDbDisk;

    async fn fresh(&self) -> IndexedDbDisk {
        let name = fresh_name();
        self.last.replace(name.clone());
        open(&name).await
    }

    async fn another(&self, _disk: &IndexedDbDisk) -> IndexedDbDisk {
        let name = self.last.borrow().clone();
        open(&name).await
    }
}

#[wasm_bindgen_test]
async fn the_browser_keeps_every_rule_of_a_disk() {
    let cases = conformance::run(&Databases::default()).await;
    assert!(cases.len() >= 16, "{cases:?}");
}

//! The adapters in a dedicated worker: what a page passes there, a worker passes too.
#![cfg(target_arch = "wasm32")]

#[path = "../browser/catalog.rs"]
mod catalog;
#[path = "../browser/conformance.rs"]
mod conformance;
#[path = "../browser/locks.rs"]
mod locks;
#[path = "../browser/stage.rs"]
mod stage;
#[path = "../browser/storage.rs"]
mod storage;

use holm::scope;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
fn a_worker_knows_that_it_is_one() {
    assert_eq!(scope::kind(), scope::ScopeKind::Worker);
    assert!(scope::factory().is_some() && scope::lock_manager().is_some());
    assert!(scope::another_factory().is_none() && scope::document_target().is_none());
    let mut drawn = [[0; 32]; 2];
    drawn.iter_mut().for_each(|bytes| scope::fill_random(bytes));
    assert_ne!(drawn[0], drawn[1]);
}

//! The adapters, in a real browser: `wasm-pack test --headless --chrome`.
#![cfg(target_arch = "wasm32")]

mod catalog;
mod conformance;
mod fetch;
mod locks;
mod messages;
mod scope;
mod stage;
mod storage;
mod storage_faults;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

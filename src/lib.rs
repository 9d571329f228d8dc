//! Holm in the browser.

pub mod background;
pub mod bindings;
pub mod broadcast;
pub mod connectivity;
pub mod http;
pub mod indexeddb;
pub mod leader;
pub mod limit;
pub mod locks;
pub mod runtime;
pub mod salvage;
pub mod scope;
pub mod service_worker;
pub mod timer;

/// A tenth of the default allocator's code, as quick, and as thrifty.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

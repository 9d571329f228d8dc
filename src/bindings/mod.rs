//! What the npm package calls. No decisions here: text in, text out, errors with their code.
//!
//! User data crosses as JSON text; serde-wasm-bindgen carries only our own flat options and status.

mod convert;
mod engine;
mod open;
mod promise;

pub use engine::JsEngine;
pub use open::{open_engine, run_sync_event};

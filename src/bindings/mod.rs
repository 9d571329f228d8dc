//! What the npm package calls. No decisions here: text in, text out, errors with their code.
//!
//! Everything crosses as JSON text; names and numbers as what they are.

mod convert;
mod engine;
mod given;
mod open;
mod promise;

pub use engine::JsEngine;
pub use open::{open_engine, run_sync_event};

//! What the npm package calls. No decisions here: text in, text out, errors with their code.
//!
//! Everything crosses as JSON text; names and numbers as what they are.

#[cfg(feature = "catalog")]
mod catalog;
#[cfg(feature = "engine")]
mod convert;
#[cfg(feature = "engine")]
mod engine;
#[cfg(any(feature = "engine", feature = "salvage"))]
mod failure;
#[cfg(feature = "engine")]
mod given;
#[cfg(feature = "engine")]
mod names;
#[cfg(feature = "engine")]
mod open;
#[cfg(any(feature = "engine", feature = "salvage"))]
mod promise;
#[cfg(feature = "salvage")]
mod salvage;

#[cfg(feature = "catalog")]
pub use catalog::{list_databases, note_database};
#[cfg(feature = "engine")]
pub use engine::JsEngine;
#[cfg(feature = "engine")]
pub use open::{open_engine, run_sync_event};
#[cfg(feature = "salvage")]
pub use salvage::salvage_database;

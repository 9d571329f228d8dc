//! The door of the salvage.

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::promise::promise;
use crate::salvage;

/// Gives some lines at a time to `take`; the promise gives the last line.
///
/// The promise rejects as [`salvage::salvage`] fails.
#[wasm_bindgen]
pub fn salvage_database(name: String, take: Function) -> Promise {
    promise(Box::pin(async move {
        let mut hand = |lines: &str| drop(take.call1(&JsValue::UNDEFINED, &lines.into())); // the package's own, which does not throw
        Ok(salvage::salvage(&name, &mut hand).await?.into())
    }))
}

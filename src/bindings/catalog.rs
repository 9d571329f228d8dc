//! The doors of the catalog. What crosses is flat and ours, never an app's data, so serde-wasm-bindgen carries it.

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use crate::indexeddb::catalog::{self, CatalogEntry};
use crate::timer;

/// Notes a [`CatalogEntry`] in place of what was known of its database; never rejects.
#[wasm_bindgen]
pub fn note_database(entry: JsValue) -> Promise {
    future_to_promise(async move {
        if let Ok(entry) = serde_wasm_bindgen::from_value::<CatalogEntry>(entry) {
            catalog::note(&timer::sleeper(), &entry).await;
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// Every [`CatalogEntry`], by name; never rejects.
#[wasm_bindgen]
pub fn list_databases() -> Promise {
    future_to_promise(async move {
        let found = catalog::list(&timer::sleeper()).await;
        Ok(serde_wasm_bindgen::to_value(&found)?)
    })
}

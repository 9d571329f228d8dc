//! Errors and values on their way to JavaScript.

use holm_core::query::Diff;
use holm_core::records::{Row, rows_json};
use holm_core::{Error, ErrorCode};
use holm_protocol::{ToJson, from_json_text, to_json_text};
use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// The error as JavaScript sees it: an `Error` with `code`, `retryable` and `field`.
pub fn to_js(error: &Error) -> JsValue {
    let thrown = js_sys::Error::new(&error.message);
    let set = |key: &str, value: JsValue| drop(Reflect::set(&thrown, &key.into(), &value));
    set("code", error.code.as_str().into());
    set("retryable", error.code.is_retryable().into());
    if let Some(field) = &error.field {
        set("field", field.into());
    }
    thrown.into()
}

/// JSON text of what the engine answers.
pub fn json(value: &dyn ToJson) -> String {
    to_json_text(value)
}

/// Reads a JSON list of ids.
///
/// # Errors
/// `invalid-id`.
pub fn read_ids(text: &str) -> Result<Vec<String>, Error> {
    from_json_text(text.as_bytes()).map_err(|_| Error::new(ErrorCode::InvalidId, "ids are a list of strings"))
}

/// `{"rows": […], "diff": {…}}`.
pub fn watched_json(rows: &[Row], diff: &Diff) -> String {
    format!("{{\"rows\":{},\"diff\":{}}}", rows_json(rows), json(diff))
}

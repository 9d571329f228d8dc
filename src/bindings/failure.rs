//! Errors on their way to JavaScript.

use holm_core::Error;
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

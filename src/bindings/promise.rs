//! Work on its way to a promise: boxed, so that the machinery is compiled once and not for every export.

use futures_util::future::LocalBoxFuture;
use holm_core::Error;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;

use super::failure::to_js;

/// What an export does.
pub type Work = LocalBoxFuture<'static, Result<JsValue, Error>>;

/// Starts work and gives its promise.
pub fn promise(work: Work) -> Promise {
    future_to_promise(async move { work.await.map_err(|error| to_js(&error)) })
}

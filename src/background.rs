//! Background Sync: asks the browser to wake the service worker when there is a network.
//!
//! It only ever accelerates: browsers without it, or that forbid it, or give up after some attempts, lose nothing.
//! (W3C WICG, "Web Background Synchronization".)

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The tag that the package's service worker listens to.
pub const TAG: &str = "holm";

/// What takes requests for Background Sync; `None` where there is no such thing, or no service worker yet.
pub async fn manager(registration: Option<Promise>) -> Option<JsValue> {
    let registration = JsFuture::from(registration?).await.ok()?;
    Reflect::get(&registration, &"sync".into()).ok().filter(JsValue::is_truthy)
}

/// Asks for a `sync` event; `false` where that is forbidden.
pub async fn register(manager: &JsValue) -> bool {
    match ask(manager) {
        Some(asked) => JsFuture::from(asked).await.is_ok(),
        None => false,
    }
}

fn ask(manager: &JsValue) -> Option<Promise> {
    let register: Function = Reflect::get(manager, &"register".into()).ok()?.unchecked_into();
    register.call1(manager, &TAG.into()).ok().map(|asked| Promise::resolve(&asked))
}

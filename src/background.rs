//! Background Sync: asks the browser to wake the service worker when there is a network.
//!
//! It only ever accelerates: browsers without it, or that forbid it, or give up after some attempts, lose nothing.
//! (W3C WICG, "Web Background Synchronization".)

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The tag that the package's service worker listens to.
pub const TAG: &str = "holm";

/// Whether the browser has Background Sync and the page a service worker; it may still be forbidden.
pub async fn is_there(registration: Option<Promise>) -> bool {
    let Some(registration) = registration else { return false };
    let found = JsFuture::from(registration).await;
    found.is_ok_and(|registration| Reflect::get(&registration, &"sync".into()).is_ok_and(|sync| sync.is_object()))
}

/// Asks for a `sync` event; `false` where there is no such thing, or no service worker yet.
pub async fn register(registration: Option<Promise>) -> bool {
    let Some(registration) = registration else { return false };
    let Ok(registration) = JsFuture::from(registration).await else { return false };
    let Some(asked) = ask(&registration) else { return false };
    JsFuture::from(asked).await.is_ok()
}

fn ask(registration: &JsValue) -> Option<Promise> {
    let manager = Reflect::get(registration, &"sync".into()).ok()?;
    let register: Function = Reflect::get(&manager, &"register".into()).ok()?.dyn_into().ok()?;
    register.call1(&manager, &TAG.into()).ok()?.dyn_into().ok()
}

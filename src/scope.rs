//! Window or worker? The only place that asks, and that touches the global object.
//!
//! What another adapter needs of the scope is taken from here by the runtime and given to it.

use js_sys::{Date, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{Crypto, EventTarget, IdbFactory};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// What kind of global scope this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// A page.
    Page,
    /// A dedicated or shared worker.
    Worker,
    /// A service worker: no connectivity event reaches it, and it may be stopped at any time.
    ServiceWorker,
}

/// What kind of global scope this is.
#[must_use]
pub fn kind() -> ScopeKind {
    let global = js_sys::global();
    if property(&global, "document").is_some() {
        ScopeKind::Page
    } else if property(&global, "registration").is_some() {
        ScopeKind::ServiceWorker
    } else {
        ScopeKind::Worker
    }
}

/// The registration of the service worker in charge of this page, or of this service worker itself; `None` where there are none.
#[must_use]
pub fn service_worker_registration() -> Option<Promise> {
    let global = js_sys::global();
    if let Some(own) = property(&global, "registration") {
        return Some(Promise::resolve(&own));
    }
    let container = property(&property(&global, "navigator")?, "serviceWorker")?;
    call(&container, "getRegistration", &JsValue::UNDEFINED).map(|found| Promise::resolve(&found))
}

/// This scope's `indexedDB`; `None` where it is missing or forbidden.
#[must_use]
pub fn factory() -> Option<IdbFactory> {
    factory_of(&js_sys::global())
}

/// The `indexedDB` of a fresh iframe, which stays in the page. `None` outside of a page.
///
/// When WebKit loses its storage process, every open by the page's own factory fails for good; this one's works.
#[must_use]
pub fn another_factory() -> Option<IdbFactory> {
    let document = property(&js_sys::global(), "document")?;
    let frame = call(&document, "createElement", &"iframe".into())?;
    Reflect::set(frame.unchecked_ref(), &"hidden".into(), &JsValue::TRUE).ok()?;
    call(&property(&document, "documentElement")?, "appendChild", &frame)?;
    factory_of(&property(&frame, "contentWindow")?)
}

/// `navigator.locks`; `None` in an insecure context or an old browser.
#[must_use]
pub fn lock_manager() -> Option<JsValue> {
    property(&navigator()?, "locks")
}

/// The global object, where `online`, `offline`, `pagehide` and `pageshow` arrive.
#[must_use]
pub fn global_target() -> EventTarget {
    js_sys::global().unchecked_into()
}

/// The document, where `visibilitychange`, `freeze` and `resume` arrive. `None` outside of a page.
#[must_use]
pub fn document_target() -> Option<EventTarget> {
    property(&js_sys::global(), "document").map(JsCast::unchecked_into)
}

/// Fills bytes with fresh random ones, at most 65,536.
///
/// # Panics
/// Without `crypto.getRandomValues`, which every scope that runs WebAssembly has.
pub fn fill_random(bytes: &mut [u8]) {
    let crypto: Crypto = property(&js_sys::global(), "crypto").expect("every scope has crypto").unchecked_into();
    crypto.get_random_values_with_u8_array(bytes).expect("so many bytes are allowed");
}

/// Milliseconds since some moment, by a clock that never jumps.
#[must_use]
pub fn elapsed_ms() -> f64 {
    performance_now()
}

/// Whether this is a page that nobody sees.
#[must_use]
pub fn is_hidden() -> bool {
    property(&js_sys::global(), "document").is_some_and(|document| property(&document, "hidden").is_some())
}

/// Whether the user asks for data to be saved, where the browser tells (`navigator.connection.saveData`).
#[cfg(feature = "full")]
#[must_use]
pub fn saves_data() -> bool {
    navigator().and_then(|navigator| property(&property(&navigator, "connection")?, "saveData")).is_some()
}

/// The wall clock in milliseconds.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, and `as` takes what is before 1970 for 0
pub fn now_ms() -> u64 {
    Date::now() as u64
}

fn navigator() -> Option<JsValue> {
    property(&js_sys::global(), "navigator")
}

fn factory_of(global: &JsValue) -> Option<IdbFactory> {
    property(global, "indexedDB").map(JsCast::unchecked_into)
}

/// Calls a method; `None` where there is none, or it throws.
fn call(object: &JsValue, method: &str, given: &JsValue) -> Option<JsValue> {
    let method: Function = property(object, method)?.unchecked_into();
    method.call1(object, given).ok()
}

/// What is there, and neither false nor null. A getter may throw (a sandboxed frame has no storage) and counts as missing then.
fn property(object: &JsValue, key: &str) -> Option<JsValue> {
    let object: &Object = object.unchecked_ref();
    Reflect::get(object, &JsValue::from_str(key)).ok().filter(JsValue::is_truthy)
}

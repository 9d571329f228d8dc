//! What the browser tells about the network and the life of the page. Hints, all of them: what a request comes back
//! with is what counts.

use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget};

/// What an event hints at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The browser believes that there is a network.
    Online,
    /// The browser believes that there is none.
    Offline,
    /// The page came to the front.
    Visible,
    /// The page went to the back.
    Hidden,
    /// The page goes away; it may come back.
    Leaving,
    /// The page came back from the browser's cache: what it knows is old.
    Restored,
    /// The page is about to be stopped where it stands.
    Frozen,
    /// It runs again.
    Resumed,
}

const GLOBAL_EVENTS: [&str; 4] = ["online", "offline", "pagehide", "pageshow"];
const DOCUMENT_EVENTS: [&str; 3] = ["visibilitychange", "freeze", "resume"];

/// Listens until it is dropped.
pub struct Connectivity {
    global: EventTarget,
    document: Option<EventTarget>,
    closure: Closure<dyn FnMut(Event)>,
}

impl Connectivity {
    /// Listens to a scope's global object and, in a page, to its document.
    pub fn listen(global: EventTarget, document: Option<EventTarget>, on_hint: impl Fn(Hint) + 'static) -> Self {
        let page = document.clone();
        let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            if let Some(hint) = hint_of(&event, page.as_ref()) {
                on_hint(hint);
            }
        });
        let listener = closure.as_ref().unchecked_ref();
        let listen = |target: &EventTarget, names: &[&str]| {
            for name in names {
                let _ = target.add_event_listener_with_callback(name, listener);
            }
        };
        listen(&global, &GLOBAL_EVENTS);
        if let Some(document) = &document {
            listen(document, &DOCUMENT_EVENTS);
        }
        Self { global, document, closure }
    }
}

impl Drop for Connectivity {
    fn drop(&mut self) {
        let listener = self.closure.as_ref().unchecked_ref();
        for name in GLOBAL_EVENTS {
            let _ = self.global.remove_event_listener_with_callback(name, listener);
        }
        for (name, document) in DOCUMENT_EVENTS.iter().zip(self.document.iter().cycle()) {
            let _ = document.remove_event_listener_with_callback(name, listener);
        }
    }
}

fn hint_of(event: &Event, document: Option<&EventTarget>) -> Option<Hint> {
    match event.type_().as_str() {
        "online" => Some(Hint::Online),
        "offline" => Some(Hint::Offline),
        "pagehide" => Some(Hint::Leaving),
        "pageshow" => is_set(event, "persisted").then_some(Hint::Restored), // else this is the first showing
        "freeze" => Some(Hint::Frozen),
        "resume" => Some(Hint::Resumed),
        "visibilitychange" if is_set(document?, "hidden") => Some(Hint::Hidden),
        "visibilitychange" => Some(Hint::Visible),
        _ => None,
    }
}

fn is_set(object: &JsValue, key: &str) -> bool {
    Reflect::get(object, &JsValue::from_str(key)).is_ok_and(|value| value.is_truthy())
}

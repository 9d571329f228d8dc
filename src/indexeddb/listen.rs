//! The first of two events of an IndexedDB object, as a future.
//!
//! Listeners that may still be called are taken off, and closures freed, when the future is dropped. The future wakes in a
//! microtask of the event itself, so the transaction that the event belongs to still takes requests.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget, IdbRequest};

#[derive(Default)]
struct Heard {
    well: Option<bool>,
    waker: Option<Waker>,
}

/// Resolves with whether it ended well: whether the first of its two events was the first to be heard. Asked again, it says the same.
pub(super) struct Listener {
    target: EventTarget,
    names: [&'static str; 2],
    heard: Rc<RefCell<Heard>>,
    closure: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Listens for `names` from now on.
    pub(super) fn new(target: &EventTarget, names: [&'static str; 2]) -> Self {
        let heard = Rc::new(RefCell::new(Heard::default()));
        let shared = Rc::clone(&heard);
        let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            let mut heard = shared.borrow_mut();
            if heard.well.is_none() {
                heard.well = Some(event.type_() == names[0]);
            }
            let waker = heard.waker.take();
            drop(heard);
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        listen(target, &names, &closure);
        Self { target: target.clone(), names, heard, closure }
    }
}

impl Future for &Listener {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let mut heard = self.heard.borrow_mut();
        match heard.well {
            Some(well) => Poll::Ready(well),
            None => {
                heard.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.heard.borrow().well.is_some() {
            return; // neither event comes after the other
        }
        unlisten(&self.target, &self.names, &self.closure);
    }
}

/// How a request ends.
pub(super) const REQUEST_EVENTS: [&str; 2] = ["success", "error"];

/// Waits for a request's `success` and gives its result, or its error.
pub(super) async fn result(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let listener = Listener::new(request, REQUEST_EVENTS);
    if (&listener).await {
        return request.result();
    }
    Err(request.error().ok().flatten().map_or(JsValue::NULL, JsValue::from))
}

/// Puts a closure on some events.
pub(super) fn listen(target: &EventTarget, names: &[&str], closure: &Closure<dyn FnMut(Event)>) {
    for name in names {
        target
            .add_event_listener_with_callback(name, closure.as_ref().unchecked_ref())
            .expect("an event target takes listeners");
    }
}

/// Takes it off again.
pub(super) fn unlisten(target: &EventTarget, names: &[&str], closure: &Closure<dyn FnMut(Event)>) {
    for name in names {
        let _ = target.remove_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
    }
}

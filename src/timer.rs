//! Sleeping, by `setTimeout`, and letting others run, by a message.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

use crate::limit::Sleep;

/// `setTimeout` takes a signed 32-bit number of milliseconds (24.8 days); a longer one fires at once.
const TIMEOUT_MS_MAX: u32 = i32::MAX as u32;

/// Waits for so many milliseconds, or for the longest that can be waited. Dropping the future clears the timer.
pub fn sleep(ms: u32) -> TimeoutFuture {
    TimeoutFuture::new(ms.min(TIMEOUT_MS_MAX))
}

/// Gives whatever else waits for this thread its turn. A timer would take four milliseconds, after some in a row.
pub async fn turn() {
    let channel = MessageChannel::new().expect("every scope has message channels");
    let port = channel.port1();
    let arrived = Promise::new(&mut |resolve, _| port.set_onmessage(Some(&resolve)));
    drop(channel.port2().post_message(&JsValue::NULL)); // null can be sent
    drop(JsFuture::from(arrived).await); // nothing rejects it
    port.close();
}

/// The timer as the adapters want it.
#[must_use]
pub fn sleeper() -> Sleep {
    Rc::new(|ms| Box::pin(sleep(ms)))
}

//! Sleeping, by `setTimeout`.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;

use crate::limit::Sleep;

/// `setTimeout` takes a signed 32-bit number of milliseconds (24.8 days); a longer one fires at once.
const TIMEOUT_MS_MAX: u32 = i32::MAX as u32;

/// Waits for so many milliseconds, or for the longest that can be waited. Dropping the future clears the timer.
pub fn sleep(ms: u32) -> TimeoutFuture {
    TimeoutFuture::new(ms.min(TIMEOUT_MS_MAX))
}

/// The timer as the adapters want it.
#[must_use]
pub fn sleeper() -> Sleep {
    Rc::new(|ms| Box::pin(sleep(ms)))
}

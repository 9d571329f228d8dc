//! Sleeping, by `setTimeout`.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;

use crate::limit::Sleep;

/// `setTimeout` takes a signed 32-bit number of milliseconds (24.8 days); a longer one fires at once.
const TIMEOUT_MS_MAX: u32 = i32::MAX as u32;

/// Waits for so many milliseconds, however many they are. Dropping the future clears the timer.
pub async fn sleep(ms: u64) {
    let mut left = ms;
    loop {
        let step = u32::try_from(left).unwrap_or(TIMEOUT_MS_MAX).min(TIMEOUT_MS_MAX);
        TimeoutFuture::new(step).await;
        left -= u64::from(step);
        if left == 0 {
            return;
        }
    }
}

/// The timer as the adapters want it.
#[must_use]
pub fn sleeper() -> Sleep {
    Rc::new(|ms| Box::pin(TimeoutFuture::new(ms.min(TIMEOUT_MS_MAX))) as Pin<Box<dyn Future<Output = ()>>>)
}

//! A time limit for a future.
//!
//! Who sleeps is given: no adapter needs another one, and a test can let ten seconds pass at once.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

/// Waits for so many milliseconds.
pub type Sleep = Rc<dyn Fn(u32) -> Pin<Box<dyn Future<Output = ()>>>>;

/// When a page that was stopped goes on, its timers may fire before the events that waited. They get this long.
const CATCH_UP_MS: u32 = 50;

/// Runs `work` for at most `ms` milliseconds (and a moment); `None` when the time is over (`work` is dropped then).
pub async fn within<T>(sleep: &Sleep, ms: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut over = over(Rc::clone(sleep), ms);
    poll_fn(|context| {
        if let Poll::Ready(value) = work.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        over.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Boxed, so that it is compiled once.
fn over(sleep: Sleep, ms: u32) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        sleep(ms).await;
        sleep(CATCH_UP_MS).await;
    })
}

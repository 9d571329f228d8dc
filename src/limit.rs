//! A time limit for a future.
//!
//! Who sleeps is given: no adapter needs another one, and a test can let ten seconds pass at once.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::{FutureExt, LocalBoxFuture};

/// Waits for so many milliseconds.
pub type Sleep = Rc<dyn Fn(u32) -> LocalBoxFuture<'static, ()>>;

/// When a page that was stopped goes on, its timers may fire before the events that waited. They get this long.
const CATCH_UP_MS: u32 = 50;

/// Work, and what ends it.
#[must_use = "work is done while it is waited for"]
pub struct Within<'w, T> {
    work: LocalBoxFuture<'w, T>,
    over: LocalBoxFuture<'static, ()>,
}

/// Runs `work` for at most `ms` milliseconds (and a moment); `None` when the time is over (`work` is dropped then).
pub fn within<'w, T>(sleep: &Sleep, ms: u32, work: impl Future<Output = T> + 'w) -> Within<'w, T> {
    until(over(Rc::clone(sleep), ms), work)
}

/// Runs `work` until something else comes to its end; `None` when that was first (`work` is dropped then).
pub fn until<'w, T>(over: LocalBoxFuture<'static, ()>, work: impl Future<Output = T> + 'w) -> Within<'w, T> {
    Within { work: Box::pin(work), over }
}

impl<T> Future for Within<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        match self.work.poll_unpin(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => self.over.poll_unpin(context).map(|()| None),
        }
    }
}

fn over(sleep: Sleep, ms: u32) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        sleep(ms).await;
        sleep(CATCH_UP_MS).await;
    })
}

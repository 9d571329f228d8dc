//! One request to `navigator.locks`.
//!
//! ```text
//! Waiting ── granted ── Granted ── release() ── Ended
//!    │                     └────── stolen ───── Ended
//!    ├── not free (only if asked so) ── Refused
//!    └── the browser will not ───────── Ended
//! ```

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::AbortController;

#[wasm_bindgen]
extern "C" {
    /// `web-sys` calls it unstable.
    #[derive(Clone)]
    pub(super) type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, options: &Object, granted: &JsValue) -> Result<Promise, JsValue>;
}

/// How to ask.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// Wait until it is free.
    Wait,
    /// Only if it is free.
    IfFree,
    /// In any case.
    Steal,
}

/// This scope has no locks to give.
pub(super) struct NoLocks;

enum State {
    Waiting,
    Granted(Function),
    Refused,
    Ended,
}

struct Shared {
    state: State,
    waker: Option<Waker>,
}

impl Shared {
    fn set(shared: &RefCell<Self>, state: State) {
        let waker = {
            let mut shared = shared.borrow_mut();
            shared.state = state;
            shared.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A held lock; dropping it gives it back.
pub(super) struct WebHeld(Rc<RefCell<Shared>>);

impl WebHeld {
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.0.borrow().state, State::Ended)
    }
}

impl Drop for WebHeld {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut self.0.borrow_mut().state, State::Ended);
        if let State::Granted(release) = state {
            let _ = release.call1(&JsValue::UNDEFINED, &JsValue::UNDEFINED);
        }
    }
}

/// Takes a waiting request back when it is dropped; does nothing once the lock is held.
struct Withdraw(AbortController);

impl Drop for Withdraw {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks for a lock; `None` when it is not free. Dropping the future takes the request back.
pub(super) async fn request(
    manager: Option<&LockManager>,
    name: &str,
    how: Request,
) -> Result<Option<WebHeld>, NoLocks> {
    let manager = manager.ok_or(NoLocks)?;
    let options = Object::new();
    let set = |key: &str, value: &JsValue| Reflect::set(&options, &key.into(), value).map_err(|_| NoLocks);
    let withdraw = Withdraw(AbortController::new().map_err(|_| NoLocks)?);
    match how {
        Request::Wait => set("signal", &withdraw.0.signal())?,
        Request::IfFree => set("ifAvailable", &JsValue::TRUE)?,
        Request::Steal => set("steal", &JsValue::TRUE)?,
    };
    let held = WebHeld(ask(manager, name, &options)?);
    let is_granted = poll_fn(|context| {
        let mut shared = held.0.borrow_mut();
        shared.waker = Some(context.waker().clone());
        match shared.state {
            State::Waiting => Poll::Pending,
            State::Granted(_) => Poll::Ready(Ok(true)),
            State::Refused => Poll::Ready(Ok(false)),
            State::Ended => Poll::Ready(Err(NoLocks)),
        }
    })
    .await?;
    Ok(is_granted.then_some(held))
}

/// Sends the request. The browser holds the lock for as long as the promise that the callback gave is pending.
fn ask(manager: &LockManager, name: &str, options: &Object) -> Result<Rc<RefCell<Shared>>, NoLocks> {
    let shared = Rc::new(RefCell::new(Shared { state: State::Waiting, waker: None }));
    let asking = Rc::clone(&shared);
    let granted = Closure::once(move |lock: JsValue| -> JsValue {
        if !matches!(asking.borrow().state, State::Waiting) {
            return JsValue::UNDEFINED; // given up meanwhile
        }
        if lock.is_falsy() {
            Shared::set(&asking, State::Refused);
            return JsValue::UNDEFINED;
        }
        Promise::new(&mut |release, _| Shared::set(&asking, State::Granted(release))).into()
    });
    let settled = manager.request(name, options, granted.as_ref()).map_err(|_| NoLocks)?;
    let watching = Rc::clone(&shared);
    let settling: LocalBoxFuture<'static, ()> = Box::pin(async move {
        let _ = JsFuture::from(settled).await; // rejects when it was stolen, withdrawn, or not allowed
        drop(granted);
        if !matches!(watching.borrow().state, State::Refused) {
            Shared::set(&watching, State::Ended);
        }
    });
    spawn_local(settling);
    Ok(shared)
}

//! The same engine in a service worker, for the length of one `sync` event.

use std::rc::Rc;

use holm_core::engine::Step;
use holm_core::sync::{Event, Status};
use holm_core::{Error, ErrorCode};

use crate::limit::within;
use crate::locks::HeldLock;
use crate::runtime::{HttpTransport, OpenOptions, Runtime};
use crate::{scope, timer};

/// A page that leads gets this long to do the work itself; after that the browser shall ask again.
const PAGE_MS: u32 = 20_000;

/// Syncs until the outbox is drained and the news are in. Where a page leads, it is waited for: it may be closed any moment.
///
/// # Errors
/// What sync failed with, so that the browser tries again; as [`Runtime::open`].
pub async fn run_sync_event(options: Box<OpenOptions>, transport: Rc<HttpTransport>, room: Event) -> Result<(), Error> {
    let runtime = Runtime::open(options, transport, Rc::new(|_, _| {})).await?;
    let outcome = match free_lock(&runtime).await {
        Some(held) => {
            let outcome = drain(&runtime, room).await;
            drop(held);
            outcome
        }
        None => left_to_the_page(&runtime).await,
    };
    runtime.close().await;
    outcome
}

/// The lock: at once if it is free; else, while something waits, as soon as the page that leads lets go.
async fn free_lock(runtime: &Runtime) -> Option<HeldLock> {
    if let Some(held) = runtime.try_sync_lock().await {
        return Some(held);
    }
    if runtime.engine().status().pending == 0 {
        return None;
    }
    within(&timer::sleeper(), PAGE_MS, runtime.sync_lock()).await
}

async fn left_to_the_page(runtime: &Runtime) -> Result<(), Error> {
    runtime.engine().refresh().await?;
    match runtime.engine().status().pending {
        0 => Ok(()),
        waiting => Err(Error::new(ErrorCode::Offline, format!("{waiting} mutations still wait; a page is at it"))),
    }
}

async fn drain(runtime: &Runtime, room: Event) -> Result<(), Error> {
    let engine = runtime.engine();
    engine.lead().await?;
    engine.happened(scope::now_ms(), room);
    engine.happened(scope::now_ms(), Event::Asked);
    loop {
        if engine.is_settled() {
            return Ok(());
        }
        match engine.step(scope::now_ms()).await {
            Step::Again => {}
            Step::Wait(_) | Step::Idle | Step::Ended => return Err(why(&engine.status())),
        }
    }
}

fn why(status: &Status) -> Error {
    match &status.error {
        Some(error) => Error::new(error.code, error.message.clone()),
        None => Error::new(ErrorCode::Offline, "the outbox is not drained yet"),
    }
}

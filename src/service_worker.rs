//! The same engine in a service worker, for the length of one `sync` event.

use std::rc::Rc;

use holm_core::engine::Step;
use holm_core::sync::{Event, Status};
use holm_core::{Error, ErrorCode};

use crate::runtime::{HttpTransport, OpenOptions, Runtime};
use crate::scope;

/// Syncs until the outbox is drained and the news are in. Where a page leads already, that page does it.
///
/// # Errors
/// What sync failed with, so that the browser tries again; as [`Runtime::open`].
pub async fn run_sync_event(options: OpenOptions, transport: HttpTransport) -> Result<(), Error> {
    let runtime = Runtime::open(options, transport, Rc::new(|_, _| {})).await?;
    let outcome = match runtime.try_sync_lock().await {
        None => Ok(()),
        Some(held) => {
            let outcome = drain(&runtime).await;
            drop(held);
            outcome
        }
    };
    runtime.close().await;
    outcome
}

async fn drain(runtime: &Runtime) -> Result<(), Error> {
    let engine = runtime.engine();
    engine.lead().await?;
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

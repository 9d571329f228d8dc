//! The one tab or worker that talks to the server.
//!
//! Whoever holds the Web Lock `Sync` leads; the lease that it commits fences off a leader that was frozen and lost it.

use std::rc::Rc;

use holm_core::engine::Step;

use crate::limit::{until, within};
use crate::locks::HeldLock;
use crate::runtime::{Runtime, beside};
use crate::{scope, timer};

/// Between two tries to lead after storage failed.
const PAUSE_MS: u32 = 1_000;

/// It looks at the clock so often while it waits: one that was set back makes what is due in minutes due in hours.
const NAP_MS_MAX: u64 = 60_000;

/// Leads whenever nobody else does, as long as the database is open and has a server.
pub fn start(runtime: &Rc<Runtime>) {
    if runtime.has_server() {
        beside(Box::pin(lead_while_open(Rc::clone(runtime))));
    }
}

async fn lead_while_open(runtime: Rc<Runtime>) {
    while !runtime.engine().is_closed() {
        let seen = runtime.engine().wakes();
        let closing = Box::pin(closed(Rc::clone(&runtime), seen));
        let Some(held) = until(closing, runtime.sync_lock()).await else { return };
        if runtime.engine().lead().await.is_ok() {
            lead(&runtime, &held).await;
        }
        drop(held);
        if !runtime.engine().is_closed() {
            timer::sleep(PAUSE_MS).await;
        }
    }
}

/// Takes one step after another until the lease is lost or the database is closed.
async fn lead(runtime: &Runtime, lock: &HeldLock) {
    let engine = runtime.engine();
    while !lock.is_lost() {
        let seen = engine.wakes();
        let now_ms = scope::now_ms();
        match engine.step(now_ms).await {
            Step::Again => {}
            Step::Ended => return,
            Step::Idle => engine.woken(seen).await,
            Step::Wait(until_ms) => {
                let ms = until_ms.saturating_sub(now_ms).min(NAP_MS_MAX);
                within(&timer::sleeper(), ms as u32, engine.woken(seen)).await;
            }
        }
    }
}

async fn closed(runtime: Rc<Runtime>, mut seen: u64) {
    while !runtime.engine().is_closed() {
        runtime.engine().woken(seen).await;
        seen = runtime.engine().wakes();
    }
}

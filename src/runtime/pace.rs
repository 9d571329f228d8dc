//! The pace of long work: slices of some milliseconds, and a turn of the event loop between them.

use std::cell::Cell;

use async_trait::async_trait;
use holm_store::Pace;

use crate::{scope, timer};

/// Half of what a frame of 60 Hz has: input and drawing come between two slices.
const SLICE_MS: f64 = 8.0;
/// A user who has not written for so long does something else.
const PAUSE_MS: u32 = 3_000;

/// The pace on a page's or worker's thread.
#[derive(Debug, Default)]
pub struct PagePace {
    begun_ms: Cell<f64>,
}

#[async_trait(?Send)]
impl Pace for PagePace {
    fn begin(&self) {
        self.begun_ms.set(scope::elapsed_ms());
    }

    fn is_spent(&self) -> bool {
        scope::elapsed_ms() - self.begun_ms.get() >= SLICE_MS
    }

    async fn turn(&self) {
        timer::turn().await;
    }

    async fn pause(&self) {
        timer::sleep(PAUSE_MS).await;
    }

    fn is_hidden(&self) -> bool {
        scope::is_hidden()
    }
}

//! How long work may hold up the thread that it shares.

use async_trait::async_trait;

/// Says when a slice of long work is used up, and waits between slices. It measures; nothing here knows a clock.
#[async_trait(?Send)] // every driver is single-threaded
pub trait Pace {
    /// A slice begins: something was waited for, so that others had their turn.
    fn begin(&self);

    /// Whether the slice is used up.
    fn is_spent(&self) -> bool;

    /// Gives whatever else runs on this thread its turn.
    async fn turn(&self);

    /// Waits for about as long as a user pauses between two things.
    async fn pause(&self);

    /// Whether nobody looks: the thread may be stopped at any time, so that what holds a lock had better not begin.
    fn is_hidden(&self) -> bool;
}

/// For where nothing else runs: slices never end, and no pause does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unhurried;

#[async_trait(?Send)]
impl Pace for Unhurried {
    fn begin(&self) {}

    fn is_spent(&self) -> bool {
        false
    }

    async fn turn(&self) {}

    async fn pause(&self) {
        std::future::pending().await
    }

    fn is_hidden(&self) -> bool {
        false
    }
}

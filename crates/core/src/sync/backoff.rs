//! Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

/// The span of the first delay.
pub const FIRST_MS: u64 = 1_000;
/// No delay is drawn from a longer span: after a tunnel of any length the app is back within minutes.
pub const SPAN_MS_MAX: u64 = 5 * 60 * 1_000;
/// A server may ask for more patience than we would draw, up to this.
pub const RETRY_AFTER_MS_MAX: u64 = 60 * 60 * 1_000;

/// Whether it is time, by a wall clock that may have been set: what is more than an hour off was said by another clock.
#[must_use]
pub fn is_due(at_ms: u64, now_ms: u64) -> bool {
    // One comparison: what is past is the farthest off of all.
    at_ms.wrapping_sub(now_ms).wrapping_sub(1) >= RETRY_AFTER_MS_MAX
}

/// Counts failures in a row and draws the delay after each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// As after so many failures.
    #[cfg(feature = "full")]
    #[must_use]
    pub fn after(failures: u32) -> Self {
        Self { failures }
    }

    /// Failures since the last success.
    #[must_use]
    pub fn failures(self) -> u32 {
        self.failures
    }

    /// One more failure: the delay to wait, at least `floor_ms`, drawn with `entropy`.
    pub fn failed(&mut self, floor_ms: u64, entropy: u64) -> u64 {
        let span = FIRST_MS.saturating_mul(1 << self.failures.min(20)).min(SPAN_MS_MAX);
        self.failures = self.failures.saturating_add(1);
        (entropy % span).max(floor_ms.min(RETRY_AFTER_MS_MAX))
    }

    /// A success, or evidence that things changed.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_drawn_from_a_span_that_doubles_up_to_its_limit() {
        let mut backoff = Backoff::default();
        let spans: Vec<u64> = (0..12).map(|_| backoff.failed(0, u64::MAX / 2 * 2 + 1) + 1).collect();
        assert!(spans.windows(2).all(|pair| pair[0] <= SPAN_MS_MAX && pair[1] <= SPAN_MS_MAX));
        let mut backoff = Backoff::default();
        let longest = |n: u64| (0..n).map(|entropy| Backoff::default().failed(0, entropy)).max();
        assert_eq!(longest(5_000), Some(FIRST_MS - 1));
        for _ in 0..30 {
            assert!(backoff.failed(0, 299_999) < SPAN_MS_MAX);
        }
        assert_eq!(backoff.failed(0, SPAN_MS_MAX - 1), SPAN_MS_MAX - 1);
        backoff.reset();
        assert!(backoff.failed(0, SPAN_MS_MAX - 1) < FIRST_MS);
    }

    #[test]
    fn a_time_is_due_that_is_past_or_more_than_an_hour_off() {
        let now_ms = 10 * RETRY_AFTER_MS_MAX;
        let due = [0, now_ms, now_ms + RETRY_AFTER_MS_MAX + 1, u64::MAX].map(|at_ms| is_due(at_ms, now_ms));
        assert_eq!(due, [true; 4]);
        assert!(!is_due(now_ms + 1, now_ms) && !is_due(now_ms + RETRY_AFTER_MS_MAX, now_ms));
    }

    #[test]
    fn the_servers_wish_is_a_floor_and_has_a_cap() {
        assert_eq!(Backoff::default().failed(7_000, 3), 7_000);
        assert_eq!(Backoff::default().failed(u64::MAX, 3), RETRY_AFTER_MS_MAX);
    }
}

//! How far the server's clock is ahead of this device's, as answers tell.
//!
//! An answer says when it was made, somewhere between the moments at which the request went out and the answer came: in the middle, give
//! or take half of the time between (Cristian, "Probabilistic clock synchronization", 1989). A surer guess is kept as long as the
//! others agree with it; one that contradicts it means that a clock was set.

use holm_protocol::json_fields;

/// How far the server's clock is ahead, and how wrong that may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew {
    /// Milliseconds; below zero where the device's clock is ahead.
    pub ahead_ms: i64,
    /// Milliseconds, in either direction.
    pub doubt_ms: u64,
}

json_fields!(Skew { ahead_ms, doubt_ms });

impl Skew {
    /// What an answer tells that was made at `server_ms` by its server's clock, to a request of `asked_ms` that was answered at
    /// `heard_ms`, both by the clock here; `None` where that was set meanwhile.
    #[must_use]
    pub fn of(asked_ms: u64, heard_ms: u64, server_ms: u64) -> Option<Self> {
        let doubt_ms = heard_ms.checked_sub(asked_ms)?.div_ceil(2);
        let middle_ms = heard_ms - doubt_ms;
        Some(Self { ahead_ms: server_ms.cast_signed().saturating_sub(middle_ms.cast_signed()), doubt_ms })
    }

    /// What is known once this is known too.
    #[must_use]
    pub fn after(self, known: Option<Self>) -> Self {
        known.filter(|known| known.doubt_ms < self.doubt_ms && self.agrees(*known)).unwrap_or(self)
    }

    /// Whether both may be right.
    #[must_use]
    pub fn agrees(self, other: Self) -> bool {
        self.ahead_ms.abs_diff(other.ahead_ms) <= self.doubt_ms + other.doubt_ms
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const NOW_MS: u64 = 1_760_000_000_000;

    #[test]
    fn a_surer_guess_is_kept_until_a_clock_is_set() {
        let quick = Skew::of(NOW_MS, NOW_MS + 40, NOW_MS + 20).expect("a guess");
        assert_eq!(quick, Skew { ahead_ms: 0, doubt_ms: 20 });
        let slow = Skew::of(NOW_MS, NOW_MS + 9_000, NOW_MS + 8_990).expect("a guess");
        assert_eq!(slow.after(Some(quick)), quick, "jitter of the way");
        assert_eq!(quick.after(Some(slow)), quick);
        let set_back = Skew::of(NOW_MS, NOW_MS + 9_000, NOW_MS + 4_500 + 10 * HOUR_MS.unsigned_abs()).expect("a guess");
        assert_eq!(set_back.after(Some(quick)).ahead_ms, 10 * HOUR_MS);
        assert_eq!(Skew::of(NOW_MS, NOW_MS - 1, NOW_MS), None, "set while the request was on its way");
    }

    proptest! {
        #[test]
        fn it_is_right_within_its_doubt_whatever_the_way_is_like(skew in -HOUR_MS * 24..HOUR_MS * 24, up in 0u64..30_000, down in 0u64..30_000) {
            let asked_ms = NOW_MS;
            let server_ms = (asked_ms + up).saturating_add_signed(skew);
            let guess = Skew::of(asked_ms, asked_ms + up + down, server_ms).expect("a guess");
            prop_assert!(guess.ahead_ms.abs_diff(skew) <= guess.doubt_ms, "{guess:?}");
        }
    }
}

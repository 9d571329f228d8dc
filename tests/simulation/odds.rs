//! How often what goes wrong: drawn anew for every seed, so that some seeds are rough in one way and calm in another.

use holm_store::FaultRates;

use crate::dice::Dice;

/// Rates out of 1,000, and times in milliseconds, of one run.
#[derive(Clone, Debug)]
pub struct Odds {
    /// Requests that never arrive.
    pub lose_request: u64,
    /// Answers that never arrive, after the effect. A server that dies between commit and answer is the same.
    pub lose_answer: u64,
    /// Exchanges that hang until the client gives up; the effect may have happened.
    pub hang: u64,
    /// Requests that arrive a second time, some while later.
    pub duplicate: u64,
    /// Requests that the client gave up and that arrive after all.
    pub late: u64,
    /// Answers cut off.
    pub truncate: u64,
    /// Answers by somebody else: a portal, a proxy, a redirect, 401, 429, 5xx.
    pub foreign: u64,
    /// The longest way in one direction.
    pub delay_ms_max: u64,
    /// Mutations that the server asks to send again later.
    pub retry: u64,
    /// Disk operations.
    pub disk: FaultRates,
    /// Between two crashes of some tab.
    pub crash_ms: u64,
    /// Between two times that some tab is frozen.
    pub freeze_ms: u64,
    /// Between two times that some device is offline.
    pub offline_ms: u64,
    /// Clocks of devices are wrong by up to so much.
    pub skew_ms_max: u64,
    /// Tabs of a device.
    pub tabs: u64,
    /// Whether the lock `Sync` keeps a second leader away.
    pub has_sync_lock: bool,
    /// Bytes of log that start a fold.
    pub fold_bytes: u64,
    /// Mutations that the server takes per push.
    pub mutations: u64,
    /// Changes per page, whatever the client asks for.
    pub page: u64,
    /// Between two times that the server forgets tombstones; 0 is never.
    pub forget_ms: u64,
    /// Between two writes of a tab.
    pub pause_ms_max: u64,
}

impl Odds {
    /// Draws the odds of a seed.
    pub fn draw(dice: &Dice) -> Self {
        let rate = |most: u64| if dice.permille(350) { 0 } else { dice.below(most) };
        let disk_rate = |most: u64| u16::try_from(rate(most)).expect("a rate is small");
        Self {
            lose_request: rate(200),
            lose_answer: rate(300),
            hang: rate(100),
            duplicate: rate(250),
            late: rate(150),
            truncate: rate(100),
            foreign: rate(200),
            delay_ms_max: *dice.one_of(&[5, 100, 1_000, 4_000]),
            retry: rate(100),
            disk: FaultRates {
                abort: disk_rate(30),
                full: disk_rate(20),
                // A disk that says so without cause does not exist; the other tab makes it true often enough.
                stale: 0,
                crash: disk_rate(8),
                unknown: disk_rate(40),
                slow: disk_rate(500),
            },
            crash_ms: *dice.one_of(&[2_000, 10_000, 60_000]),
            freeze_ms: *dice.one_of(&[8_000, 600_000]),
            offline_ms: *dice.one_of(&[10_000, 40_000, 600_000]),
            skew_ms_max: *dice.one_of(&[0, 500, 8_000, 60_000]),
            tabs: *dice.one_of(&[1, 2, 2, 3]),
            has_sync_lock: dice.permille(600),
            fold_bytes: *dice.one_of(&[2_000, 8_000, 64_000]),
            mutations: dice.between(4, 24),
            page: dice.between(1, 12),
            forget_ms: *dice.one_of(&[0, 15_000]),
            pause_ms_max: *dice.one_of(&[60, 600, 3_000]),
        }
    }
}

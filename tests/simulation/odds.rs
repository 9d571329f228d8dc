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
    /// Titles that somebody between client and server refuses to let pass.
    pub filter: u64,
    /// Disk operations.
    pub disk: FaultRates,
    /// Between two crashes of some tab.
    pub crash_ms: u64,
    /// Between two times that some tab is frozen.
    pub freeze_ms: u64,
    /// Between two times that some device is offline.
    pub offline_ms: u64,
    /// Between two times that some device brings an older state of its storage back.
    pub rollback_ms: u64,
    /// Between two times that some device has no space left.
    pub quota_ms: u64,
    /// Between two times that the clock of some device is set.
    pub clock_ms: u64,
    /// Clocks of devices are wrong by up to so much.
    pub skew_ms_max: u64,
    /// Between two service workers that wake up on some device.
    pub worker_ms: u64,
    /// Between two devices that get the new version of the app.
    pub upgrade_ms: u64,
    /// Between two times that the server goes down and comes up again.
    pub restart_ms: u64,
    /// Between two times that the server is restored from a backup.
    pub restore_ms: u64,
    /// How long a token is good.
    pub token_ms: u64,
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
    /// Between two times that the server forgets tombstones.
    pub forget_ms: u64,
    /// Between two times that somebody may see a list no more, or again.
    pub hide_ms: u64,
    /// Between two writes of a tab.
    pub pause_ms_max: u64,
}

/// What never happens in a run.
pub const NEVER: u64 = u64::MAX / 4;

/// Lets one kind never happen.
type Spare = fn(&mut Odds);

/// What can be spared, by the name it is known by.
pub const KINDS: [(&str, Spare); 24] = [
    ("lost", |odds| (odds.lose_request, odds.lose_answer) = (0, 0)),
    ("hang", |odds| odds.hang = 0),
    ("doubled", |odds| odds.duplicate = 0),
    ("late", |odds| odds.late = 0),
    ("cut-off", |odds| odds.truncate = 0),
    ("foreign", |odds| odds.foreign = 0),
    ("delay", |odds| odds.delay_ms_max = 5),
    ("retry", |odds| odds.retry = 0),
    ("filter", |odds| odds.filter = 0),
    ("disk", |odds| odds.disk = FaultRates::default()),
    ("crash", |odds| odds.crash_ms = NEVER),
    ("freeze", |odds| odds.freeze_ms = NEVER),
    ("offline", |odds| odds.offline_ms = NEVER),
    ("rollback", |odds| odds.rollback_ms = NEVER),
    ("quota", |odds| odds.quota_ms = NEVER),
    ("clock", |odds| (odds.clock_ms, odds.skew_ms_max) = (NEVER, 0)),
    ("worker", |odds| odds.worker_ms = NEVER),
    ("upgrade", |odds| odds.upgrade_ms = NEVER),
    ("restart", |odds| odds.restart_ms = NEVER),
    ("restore", |odds| odds.restore_ms = NEVER),
    ("token", |odds| odds.token_ms = NEVER),
    ("hide", |odds| odds.hide_ms = NEVER),
    ("forget", |odds| odds.forget_ms = NEVER),
    ("tabs", |odds| odds.tabs = 1),
];

impl Odds {
    /// Draws the odds of a seed.
    pub fn draw(dice: &Dice) -> Self {
        let rate = |most: u64| if dice.permille(350) { 0 } else { dice.below(most) };
        let disk_rate = |most: u64| u16::try_from(rate(most)).expect("a rate is small");
        let crash_ms = *dice.one_of(&[2_000, 10_000, 60_000]);
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
            filter: *dice.one_of(&[0, 0, 0, 20]),
            disk: FaultRates {
                abort: disk_rate(30),
                full: disk_rate(20),
                // A disk that says so without cause does not exist; the other tab makes it true often enough.
                stale: 0,
                crash: disk_rate(8),
                unknown: disk_rate(40),
                slow: disk_rate(500),
            },
            crash_ms,
            freeze_ms: *dice.one_of(&[8_000, NEVER]),
            offline_ms: *dice.one_of(&[10_000, 40_000, NEVER]),
            rollback_ms: *dice.one_of(&[20_000, 60_000, NEVER, NEVER]),
            quota_ms: *dice.one_of(&[10_000, NEVER]),
            clock_ms: *dice.one_of(&[8_000, NEVER]),
            skew_ms_max: *dice.one_of(&[0, 500, 8_000, 60_000, 10 * 3_600_000]),
            worker_ms: *dice.one_of(&[6_000, NEVER]),
            upgrade_ms: *dice.one_of(&[10_000, 10_000, NEVER]),
            restart_ms: *dice.one_of(&[10_000, NEVER]),
            restore_ms: *dice.one_of(&[6_000, 15_000, NEVER, NEVER]),
            token_ms: *dice.one_of(&[4_000, 20_000, NEVER, NEVER]),
            tabs: *dice.one_of(&[1, 2, 2, 3]),
            has_sync_lock: dice.permille(600),
            fold_bytes: *dice.one_of(&[2_000, 8_000, 64_000]),
            mutations: dice.between(4, 24),
            page: dice.between(1, 12),
            hide_ms: *dice.one_of(&[6_000, 20_000, NEVER]),
            forget_ms: *dice.one_of(&[NEVER, 15_000]),
            pause_ms_max: *dice.one_of(&[60, 600, 3_000]),
        }
    }

    /// The same without some of what goes wrong.
    pub fn without(mut self, spared: &[&str]) -> Self {
        KINDS.iter().filter(|(name, _)| spared.contains(name)).for_each(|(_, spare)| spare(&mut self));
        self
    }
}

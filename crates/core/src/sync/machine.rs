//! When to push, when to pull, when to wait, and why.
//!
//! ```text
//!  LocalWrite, Poke, Online, Asked, Pushed, Pulled, Failed …  ──▶  Machine  ──▶  Push | Pull | Wait { until, why } | Idle
//! ```
//!
//! The first exchange after every open is a pull: it repairs lost push answers and tells a rolled-back storage.
//! Browser events are hints; only the outcome of requests decides.

#[cfg(feature = "full")]
use super::attempts::Attempts;
#[cfg(feature = "full")]
use super::backoff::RETRY_AFTER_MS_MAX;
use super::backoff::{Backoff, is_due};
use super::doubt::Doubt;
use super::why::Why;

/// How often to ask for news where no stream tells of them.
pub const POLL_MS: u64 = 30_000;
/// How often to ask although a stream would tell: a stream can be dead for a while unnoticed.
pub const POLL_BESIDE_STREAM_MS: u64 = 5 * 60_000;
/// After an `offline` event, the next try; the event may lie.
pub const PROBE_MS: u64 = 30_000;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The outbox got a mutation.
    LocalWrite,
    /// The server says that there are changes.
    Poke,
    /// The stream of pokes is up.
    StreamUp,
    /// The stream of pokes is down.
    StreamDown,
    /// The browser says that there is a network.
    Online,
    /// The browser says that there is none.
    Offline,
    /// The page is looked at again.
    Visible,
    /// The app asked for a sync now.
    Asked,
    /// A push was answered and recorded.
    Pushed,
    /// There was nothing to push.
    Drained,
    /// Everything that waits was asked to wait until then (wall clock, milliseconds).
    NotBefore(u64),
    /// A page was pulled and recorded; `true` when there is more.
    Pulled(bool),
    /// An exchange failed.
    Failed {
        /// Which.
        exchange: Exchange,
        /// Whether it tells of the way to the server, not of this request.
        unreachable: bool,
        /// The server's wish, milliseconds.
        floor_ms: u64,
        /// Random, for the jitter.
        entropy: u64,
        /// How many mutations it had, where one of them may be why.
        suspects: u16,
    },
    /// Nothing more may be tried until somebody acts.
    Stopped(Why),
    /// Whether storage is short: a pull of many pages then waits, so that there is room for what the app writes.
    Short(bool),
    /// The server has no request left for so long, milliseconds.
    #[cfg(feature = "full")]
    Rest(u64),
    /// Whether the user wants data saved.
    #[cfg(feature = "full")]
    SaveData(bool),
    /// Another database of this page found no way to the same server, and tries again then (wall clock, milliseconds).
    #[cfg(feature = "full")]
    HeldBack(u64),
    /// Another database of this page found the way to the same server again.
    #[cfg(feature = "full")]
    Freed,
    /// The app paused sync.
    Paused,
    /// The app resumed sync.
    Resumed,
}

/// The two kinds of exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// Mutations up.
    Push,
    /// Changes down.
    Pull,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send mutations.
    Push,
    /// Ask for changes.
    Pull,
    /// Nothing before then (wall clock, milliseconds).
    Wait {
        /// When to ask again.
        until_ms: u64,
        /// Why not now.
        why: Why,
    },
    /// Nothing until something happens.
    Idle(Why),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Line {
    wanted: bool,
    after_ms: u64,
    why: Option<Why>,
    backoff: Backoff,
}

impl Line {
    fn ready(&self, now_ms: u64) -> bool {
        self.wanted && is_due(self.after_ms, now_ms)
    }

    fn clear(&mut self) {
        *self = Self { wanted: self.wanted, ..Self::default() };
    }

    fn fail(&mut self, now_ms: u64, floor_ms: u64, entropy: u64) {
        let delay = self.backoff.failed(floor_ms, entropy);
        let asked = floor_ms > 0;
        self.after_ms = now_ms + delay;
        self.why = Some(if asked { Why::ServerAsked } else { Why::Backoff });
    }
}

/// The schedule of one leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    push: Line,
    pull: Line,
    greeted: bool,
    streaming: bool,
    push_next: bool,
    unconfirmed: bool,
    poll_at_ms: u64,
    paused: bool,
    /// The last page was not the last of its walk.
    walking: bool,
    short: bool,
    stopped: Option<Why>,
    doubt: Doubt,
    #[cfg(feature = "full")]
    manners: Manners,
}

/// What is done for the server's sake, and for the user's who pays for the way to it.
#[cfg(feature = "full")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Manners {
    rest_until_ms: u64,
    is_saving: bool,
    /// The last that was heard of the way to the server was a failure.
    is_lost: bool,
    /// When the server was heard last.
    heard_ms: u64,
}

/// After a longer silence the first exchange is a pull, as after every open: the clock here may have been set meanwhile.
#[cfg(feature = "full")]
const SILENCE_MS: u64 = 6 * 60_000;

/// Polls are so many times rarer while data is saved.
#[cfg(feature = "full")]
const SAVING: u64 = 4;

impl Default for Machine {
    fn default() -> Self {
        let wanted = Line { wanted: true, ..Line::default() };
        Self {
            push: wanted,
            pull: wanted,
            greeted: false,
            streaming: false,
            push_next: false,
            unconfirmed: false,
            poll_at_ms: 0,
            paused: false,
            walking: false,
            short: false,
            stopped: None,
            doubt: Doubt::default(),
            #[cfg(feature = "full")]
            manners: Manners::default(),
        }
    }
}

impl Machine {
    /// Takes note of what happened.
    pub fn handle(&mut self, now_ms: u64, event: Event) {
        match event {
            Event::LocalWrite => self.push.wanted = true,
            Event::Poke => self.pull.wanted = true,
            Event::StreamUp => {
                self.streaming = true;
                self.pull.wanted = true;
            }
            Event::StreamDown => {
                self.streaming = false;
                self.poll_at_ms = self.poll_at_ms.min(now_ms + POLL_MS);
            }
            Event::Online | Event::Visible | Event::Asked => self.try_now(),
            Event::Offline => self.postpone(now_ms),
            Event::Pushed => {
                self.push.clear();
                self.doubt.push_succeeded();
                #[cfg(feature = "full")]
                self.hear(now_ms);
                (self.push.wanted, self.push_next, self.unconfirmed) = (true, false, true);
            }
            Event::Drained => {
                self.push.clear();
                self.push.wanted = false;
                self.pull.wanted |= std::mem::take(&mut self.unconfirmed);
            }
            Event::NotBefore(at_ms) => {
                (self.push.after_ms, self.push.why) = (at_ms, Some(Why::ServerAsked));
            }
            Event::Pulled(more) => self.pulled(now_ms, more),
            Event::Failed { exchange, unreachable, floor_ms, entropy, suspects } => {
                self.doubt.push_failed(suspects);
                self.failed(now_ms, exchange, unreachable, (floor_ms, entropy));
            }
            Event::Stopped(why) => self.stopped = Some(why),
            Event::Short(short) => self.short = short,
            #[cfg(feature = "full")]
            Event::Rest(ms) => self.manners.rest_until_ms = now_ms + ms.min(RETRY_AFTER_MS_MAX),
            #[cfg(feature = "full")]
            Event::SaveData(is_saving) => self.manners.is_saving = is_saving,
            #[cfg(feature = "full")]
            Event::HeldBack(until_ms) => self.hold_back(until_ms),
            #[cfg(feature = "full")]
            Event::Freed => self.free(),
            Event::Paused => self.paused = true,
            Event::Resumed => {
                self.paused = false;
                self.try_now();
            }
        }
    }

    /// What to do now.
    #[must_use]
    pub fn next(&self, now_ms: u64) -> Action {
        if self.paused {
            return Action::Idle(Why::Paused);
        }
        if let Some(why) = self.stopped {
            return Action::Idle(why);
        }
        let pull = Line { wanted: self.pull.wanted || is_due(self.poll_at_ms, now_ms), ..self.pull };
        #[cfg(feature = "full")]
        if (pull.wanted || self.greeted && self.push.wanted) && !is_due(self.manners.rest_until_ms, now_ms) {
            return Action::Wait { until_ms: self.manners.rest_until_ms, why: Why::ServerAsked };
        }
        let push_ready = self.greeted && self.push.ready(now_ms);
        #[cfg(feature = "full")]
        if push_ready && now_ms.abs_diff(self.manners.heard_ms) > SILENCE_MS && is_due(self.pull.after_ms, now_ms) {
            return Action::Pull;
        }
        let held = self.short && self.walking;
        let pull_ready = !held && pull.ready(now_ms);
        if push_ready && (self.push_next || !pull_ready) {
            return Action::Push;
        }
        if pull_ready {
            return Action::Pull;
        }
        match held {
            true if self.push.wanted => Action::Wait { until_ms: self.push.after_ms, why: Why::Storage },
            true => Action::Idle(Why::Storage),
            false => self.wait(pull),
        }
    }

    /// Whether everything was sent and heard; a service worker may go to sleep then.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.greeted && !self.push.wanted && !self.pull.wanted
    }

    /// How many mutations go at most; none at all where the first is skipped.
    #[must_use]
    pub fn prefix(&self) -> usize {
        self.doubt.prefix()
    }

    /// Whether the app paused sync.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether the last push failed.
    #[must_use]
    pub fn is_push_failing(&self) -> bool {
        self.push.backoff.failures() > 0
    }

    /// Failures in a row, of the worse line.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.push.backoff.failures().max(self.pull.backoff.failures())
    }

    fn wait(&self, pull: Line) -> Action {
        let mut until_ms = self.poll_at_ms.max(self.pull.after_ms);
        let mut why = if self.pull.after_ms >= self.poll_at_ms { self.pull.why } else { None };
        if pull.wanted && self.pull.after_ms < until_ms {
            (until_ms, why) = (self.pull.after_ms, self.pull.why);
        }
        if self.greeted && self.push.wanted && self.push.after_ms < until_ms {
            (until_ms, why) = (self.push.after_ms, self.push.why);
        }
        Action::Wait { until_ms, why: why.unwrap_or(self.at_rest()) }
    }

    fn try_now(&mut self) {
        self.push.clear();
        self.pull.clear();
        self.pull.wanted = true;
        self.push.wanted = true;
        self.stopped = None;
        #[cfg(feature = "full")]
        {
            (self.manners.rest_until_ms, self.manners.is_lost) = (0, false);
        }
    }

    fn postpone(&mut self, now_ms: u64) {
        for line in [&mut self.push, &mut self.pull] {
            line.after_ms = line.after_ms.max(now_ms + PROBE_MS);
            line.why = Some(Why::Offline);
        }
    }

    fn pulled(&mut self, now_ms: u64, more: bool) {
        self.pull.clear();
        self.doubt.pull_succeeded();
        #[cfg(feature = "full")]
        self.hear(now_ms);
        (self.pull.wanted, self.walking) = (more, more);
        self.push_next = true;
        self.greeted = true;
        if !more {
            let poll = if self.streaming { POLL_BESIDE_STREAM_MS } else { POLL_MS };
            #[cfg(feature = "full")]
            let poll = if self.manners.is_saving { SAVING * poll } else { poll };
            self.poll_at_ms = now_ms + poll;
        }
    }

    fn failed(&mut self, now_ms: u64, exchange: Exchange, unreachable: bool, (floor_ms, entropy): (u64, u64)) {
        let line = match exchange {
            Exchange::Push => &mut self.push,
            Exchange::Pull => &mut self.pull,
        };
        line.fail(now_ms, floor_ms, entropy);
        line.wanted = true;
        let failed = *line;
        if exchange == Exchange::Push {
            // Whether a pull succeeds tells what to think of it.
            (self.pull.wanted, self.push_next) = (true, false);
        }
        if unreachable || floor_ms > 0 {
            #[cfg(feature = "full")]
            self.lose();
            let other = match exchange {
                Exchange::Push => &mut self.pull,
                Exchange::Pull => &mut self.push,
            };
            (other.after_ms, other.why) = (other.after_ms.max(failed.after_ms), failed.why);
        }
    }
}

impl Machine {
    /// Why nothing happens where everything is done.
    fn at_rest(&self) -> Why {
        #[cfg(feature = "full")]
        if self.manners.is_saving {
            return Why::SaveData;
        }
        Why::Poll
    }
}

#[cfg(feature = "full")]
impl Machine {
    /// Whether nothing is asked for ahead of its time: data is saved, or the server has no request left.
    #[must_use]
    pub fn is_sparing(&self, now_ms: u64) -> bool {
        self.manners.is_saving || !is_due(self.manners.rest_until_ms, now_ms)
    }

    /// What the next leader is to know of the tries of this one.
    #[must_use]
    pub fn attempts(&self) -> Attempts {
        let Self { push, pull, .. } = self;
        let is_held = |line: &Line| line.backoff.failures() > 0 || self.manners.is_lost;
        let after_ms = |line: &Line| if is_held(line) { line.after_ms } else { 0 };
        Attempts {
            pushes: push.backoff.failures(),
            push_after_ms: after_ms(push),
            pulls: pull.backoff.failures(),
            pull_after_ms: after_ms(pull),
            rest_until_ms: self.manners.rest_until_ms,
            halved: None,
        }
    }

    /// Goes on from the tries of another leader, unless there were some here.
    pub fn recall(&mut self, attempts: &Attempts) {
        if self.greeted || self.failures() > 0 {
            return;
        }
        let line = |failures: u32, after_ms: u64| Line {
            wanted: true,
            after_ms,
            why: Some(if failures > 0 { Why::Backoff } else { Why::ServerAsked }),
            backoff: Backoff::after(failures),
        };
        self.push = line(attempts.pushes, attempts.push_after_ms);
        self.pull = line(attempts.pulls, attempts.pull_after_ms);
        self.manners.rest_until_ms = attempts.rest_until_ms;
    }

    /// When the way to the server is tried again.
    #[must_use]
    pub fn tries_again_ms(&self) -> u64 {
        self.push.after_ms.max(self.pull.after_ms)
    }

    fn hear(&mut self, now_ms: u64) {
        (self.manners.is_lost, self.manners.heard_ms) = (false, now_ms);
    }

    fn lose(&mut self) {
        self.manners.is_lost = true;
    }

    fn hold_back(&mut self, until_ms: u64) {
        self.lose();
        for line in [&mut self.push, &mut self.pull] {
            (line.after_ms, line.why) = (line.after_ms.max(until_ms), Some(Why::Backoff));
        }
    }

    /// What waited for the way waits no more; what failed for itself does.
    fn free(&mut self) {
        if std::mem::take(&mut self.manners.is_lost) {
            self.push.clear();
            self.pull.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeted() -> Machine {
        let mut machine = Machine::default();
        machine.handle(0, Event::Pulled(false));
        machine.handle(0, Event::Drained);
        machine
    }

    fn failed(exchange: Exchange, unreachable: bool, floor_ms: u64) -> Event {
        Event::Failed { exchange, unreachable, floor_ms, entropy: 700, suspects: 0 }
    }

    #[test]
    fn the_first_exchange_is_a_pull_even_with_mutations_waiting() {
        let mut machine = Machine::default();
        machine.handle(0, Event::LocalWrite);
        assert_eq!(machine.next(0), Action::Pull);
        machine.handle(0, failed(Exchange::Pull, true, 0));
        assert_eq!(machine.next(0), Action::Wait { until_ms: 700, why: Why::Backoff });
        assert_eq!(machine.next(700), Action::Pull);
        machine.handle(700, Event::Pulled(false));
        assert_eq!(machine.next(700), Action::Push);
    }

    #[test]
    fn a_first_sync_of_many_pages_lets_pushes_through() {
        let mut machine = Machine::default();
        machine.handle(0, Event::Pulled(true));
        assert_eq!(machine.next(0), Action::Push);
        machine.handle(0, Event::Drained);
        assert_eq!(machine.next(0), Action::Pull);
        machine.handle(0, Event::Pulled(true));
        machine.handle(0, Event::LocalWrite);
        assert_eq!(machine.next(0), Action::Push);
    }

    #[test]
    fn a_push_is_followed_by_pushes_until_drained_and_one_pull() {
        let mut machine = greeted();
        machine.handle(1, Event::LocalWrite);
        for _ in 0..3 {
            assert_eq!(machine.next(1), Action::Push);
            machine.handle(1, Event::Pushed);
        }
        machine.handle(1, Event::Drained);
        assert_eq!(machine.next(1), Action::Pull);
        machine.handle(1, Event::Pulled(false));
        assert_eq!(machine.next(1), Action::Wait { until_ms: 1 + POLL_MS, why: Why::Poll });
        assert!(machine.is_settled());
    }

    #[test]
    fn a_push_that_fails_for_itself_leaves_pulls_alone() {
        let mut machine = greeted();
        machine.handle(1, Event::LocalWrite);
        machine.handle(1, failed(Exchange::Push, false, 0));
        assert_eq!(machine.next(1), Action::Pull, "whether the server answers at all");
        machine.handle(1, Event::Pulled(false));
        assert_eq!(machine.next(1), Action::Wait { until_ms: 701, why: Why::Backoff });
    }

    #[test]
    fn an_unreachable_server_silences_both_and_writes_do_not_hammer_it() {
        let mut machine = greeted();
        machine.handle(1, Event::Poke);
        machine.handle(1, failed(Exchange::Pull, true, 0));
        machine.handle(1, Event::LocalWrite);
        assert_eq!(machine.next(1), Action::Wait { until_ms: 701, why: Why::Backoff });
        machine.handle(2, Event::Online);
        assert!(matches!(machine.next(2), Action::Push | Action::Pull));
    }

    #[test]
    fn the_servers_wish_holds_for_both_until_the_user_asks() {
        let mut machine = greeted();
        machine.handle(0, Event::LocalWrite);
        machine.handle(0, failed(Exchange::Push, false, 7_000));
        machine.handle(0, Event::Poke);
        assert_eq!(machine.next(10), Action::Wait { until_ms: 7_000, why: Why::ServerAsked });
        machine.handle(10, Event::Asked);
        assert_ne!(machine.next(10), Action::Wait { until_ms: 7_000, why: Why::ServerAsked });
    }

    #[test]
    fn an_offline_event_is_a_hint_and_is_probed() {
        let mut machine = greeted();
        machine.handle(0, Event::LocalWrite);
        machine.handle(0, Event::Offline);
        assert_eq!(machine.next(0), Action::Wait { until_ms: PROBE_MS, why: Why::Offline });
        assert_eq!(machine.next(PROBE_MS), Action::Push);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        const HOURS_MS: u64 = 10 * 3_600_000;
        let mut machine = greeted();
        machine.handle(HOURS_MS, Event::Pulled(false));
        assert_eq!(machine.next(HOURS_MS), Action::Wait { until_ms: HOURS_MS + POLL_MS, why: Why::Poll });
        assert_eq!(machine.next(0), Action::Pull);
        machine.handle(0, Event::Pulled(false));
        machine.handle(HOURS_MS, Event::LocalWrite);
        machine.handle(HOURS_MS, failed(Exchange::Push, false, 7_000));
        assert_eq!(machine.next(1), Action::Pull);
        machine.handle(1, Event::Pulled(false));
        assert_eq!(machine.next(1), Action::Push);
        machine.handle(1, failed(Exchange::Push, true, 0));
        assert_eq!(machine.next(1), Action::Wait { until_ms: 701, why: Why::Backoff });
    }

    #[test]
    fn after_a_long_silence_or_where_the_clock_was_set_a_pull_comes_before_a_push() {
        for later_ms in [SILENCE_MS + 1, 0] {
            let start_ms = if later_ms == 0 { 2 * SILENCE_MS } else { 0 };
            let mut machine = Machine::default();
            machine.handle(start_ms, Event::Pulled(false));
            machine.handle(start_ms, Event::LocalWrite);
            assert_eq!(machine.next(start_ms), Action::Push);
            assert_eq!(machine.next(later_ms), Action::Pull);
            machine.handle(later_ms, failed(Exchange::Pull, false, 0));
            assert_eq!(machine.next(later_ms), Action::Push, "a pull that fails for itself holds no push up");
            machine.handle(later_ms, Event::Pulled(false));
            assert_eq!(machine.next(later_ms), Action::Push);
        }
    }

    #[test]
    fn while_storage_is_short_a_walk_waits_and_pushes_go_on() {
        let mut machine = Machine::default();
        machine.handle(0, Event::Short(true));
        assert_eq!(machine.next(0), Action::Pull, "the first page tells what the server has of ours");
        machine.handle(0, Event::Pulled(true));
        assert_eq!(machine.next(0), Action::Push);
        machine.handle(0, Event::Drained);
        assert_eq!(machine.next(0), Action::Idle(Why::Storage));
        machine.handle(1, Event::LocalWrite);
        assert_eq!(machine.next(1), Action::Push);
        machine.handle(1, failed(Exchange::Push, true, 0));
        assert_eq!(machine.next(1), Action::Wait { until_ms: 701, why: Why::Storage });
        machine.handle(2, Event::Online);
        machine.handle(2, Event::Drained);
        machine.handle(3, Event::Short(false));
        assert_eq!(machine.next(3), Action::Pull);
        machine.handle(3, Event::Pulled(false));
        machine.handle(3, Event::Short(true));
        machine.handle(3, Event::Poke);
        assert_eq!(machine.next(3), Action::Pull, "what is no walk is small");
    }

    #[test]
    fn stopped_and_paused_stay_so_until_somebody_acts() {
        let mut machine = greeted();
        machine.handle(0, Event::LocalWrite);
        machine.handle(0, Event::Stopped(Why::Token));
        assert_eq!(machine.next(u64::MAX), Action::Idle(Why::Token));
        machine.handle(0, Event::Paused);
        machine.handle(0, Event::Online);
        assert_eq!(machine.next(0), Action::Idle(Why::Paused));
        machine.handle(0, Event::Resumed);
        assert!(matches!(machine.next(0), Action::Push | Action::Pull));
    }
}

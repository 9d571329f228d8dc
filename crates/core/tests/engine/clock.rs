//! Clocks that are wrong, and set: what the app is told of them, and what the server makes of stamps.
//!
//! The server moves stamps by the difference between its clock and `sent`, so a clock that is always as wrong needs nothing more.

use holm_core::outbox::Operation::{self, Patch, Put};
use holm_protocol::Hlc;
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS};

const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;

/// A device whose clock is wrong by some milliseconds, and is set.
struct Device {
    bench: Bench,
    wrong_ms: i64,
}

impl Device {
    fn new(wrong_ms: i64) -> Self {
        Self { bench: Bench::synced(), wrong_ms }
    }

    fn clock(&self, true_ms: u64) -> u64 {
        true_ms.saturating_add_signed(self.wrong_ms)
    }

    fn write(&self, true_ms: u64, operation: Operation, row: &Value) {
        let engine = &self.bench.engine;
        let rows = engine.rows(true_ms, operation, json!([row]).to_string().as_bytes()).expect("rows");
        self.bench.run(engine.write(self.clock(true_ms), &engine.draw(), "tasks", operation, rows)).expect("written");
    }

    fn sync(&self, true_ms: u64) {
        self.bench.wire.set_clock(true_ms);
        self.bench.engine.happened(self.clock(true_ms), holm_core::sync::Event::Poke);
        while self.bench.step(self.clock(true_ms)) == holm_core::engine::Step::Again {}
    }

    /// The stamps of the last mutation, as the server has them, that got it then.
    fn stamps(&self, true_ms: u64) -> Vec<i64> {
        let push = self.bench.wire.requests("push").pop().expect("a push");
        let stamp = |text: &Value| text.as_str().expect("a stamp").parse::<Hlc>().expect("a stamp");
        let (sent, now) = (stamp(&push["sent"]), Hlc { ms: true_ms, ..Hlc::default() });
        let mutation = push["mutations"].as_array().expect("mutations").last().expect("one").clone();
        let stamps = mutation["stamps"].as_object().into_iter().flat_map(|stamps| stamps.values());
        let offset_ms = true_ms.cast_signed() - sent.ms.cast_signed();
        let shifted = |text: &Value| stamp(text).shift(offset_ms, &now).ms.cast_signed() - NOW_MS.cast_signed();
        stamps.chain(mutation.get("stamp")).map(shifted).collect()
    }

    fn skew(&self) -> Option<i64> {
        self.bench.status().skew
    }
}

#[test]
fn the_status_tells_how_far_the_clock_is_off_once_an_answer_came() {
    for wrong_ms in [0, 10 * HOUR_MS.cast_signed(), -10 * HOUR_MS.cast_signed()] {
        let device = Device::new(wrong_ms);
        assert_eq!(device.skew(), None);
        device.sync(NOW_MS);
        assert_eq!(device.skew(), Some(-wrong_ms));
    }
}

#[test]
fn a_clock_that_is_always_as_wrong_changes_no_stamp_also_of_what_was_written_before_the_first_answer() {
    for wrong_ms in [10 * HOUR_MS.cast_signed(), -10 * HOUR_MS.cast_signed()] {
        let device = Device::new(wrong_ms);
        device.write(NOW_MS, Put, &json!(["a", { "title": "early" }]));
        device.sync(NOW_MS + 5 * HOUR_MS);
        assert_eq!(device.stamps(NOW_MS + 5 * HOUR_MS), [0]);
    }
}

#[test]
fn what_was_written_by_a_clock_that_was_set_since_is_stamped_with_when_it_was_written() {
    for (before, after) in [(10, 0), (-10, 0), (0, 10), (0, -10), (10, -10)] {
        let mut device = Device::new(before * HOUR_MS.cast_signed());
        device.sync(NOW_MS - MINUTE_MS);
        device.write(NOW_MS, Put, &json!(["a", { "title": "x" }]));
        device.wrong_ms = after * HOUR_MS.cast_signed();
        // Set before it is sent: a pull comes first, and tells by how much.
        device.sync(NOW_MS + 3 * MINUTE_MS);
        assert_eq!(device.skew(), Some(-after * HOUR_MS.cast_signed()));
        assert_eq!(device.stamps(NOW_MS + 3 * MINUTE_MS), [0], "{before} h wrong, then {after}");
    }
}

#[test]
fn a_clock_that_is_set_to_and_fro_over_reloads_loses_nothing_of_it() {
    let mut device = Device::new(0);
    device.sync(NOW_MS - MINUTE_MS);
    for (round, hours) in [(0, 10), (1, -10), (2, 0), (3, 5)] {
        let true_ms = NOW_MS + round * 10 * MINUTE_MS;
        // Set, heard of, closed; then written to without a network, set again, and opened.
        device.wrong_ms = hours * HOUR_MS.cast_signed();
        device.sync(true_ms);
        device.bench = device.bench.reopen(u8::try_from(round).expect("small") + 2);
        device.write(true_ms, Put, &json!([format!("r{round}"), { "title": "x" }]));
        device.wrong_ms = -hours * HOUR_MS.cast_signed();
        device.bench = device.bench.reopen(u8::try_from(round).expect("small") + 20);
        device.sync(true_ms + MINUTE_MS);
        let found = device.stamps(true_ms + MINUTE_MS)[0];
        let (earliest, latest) = (round * 10 * MINUTE_MS, (round * 10 + 1) * MINUTE_MS);
        assert!((earliest.cast_signed()..=latest.cast_signed()).contains(&found), "round {round}: {found}");
    }
}

#[test]
fn writes_before_and_after_a_clock_is_known_to_be_set_go_as_two() {
    for (hours, expected) in [(0, 1), (10, 2), (-10, 2)] {
        let mut device = Device::new(0);
        device.sync(NOW_MS - MINUTE_MS);
        device.write(NOW_MS, Put, &json!(["a", { "title": "x" }]));
        device.wrong_ms = hours * HOUR_MS.cast_signed();
        device.bench = device.bench.reopen(2);
        device.bench.wire.set_clock(NOW_MS);
        device.bench.step(device.clock(NOW_MS)); // a pull
        device.write(NOW_MS + 1, Patch, &json!(["a", { "title": "y" }]));
        assert_eq!(device.bench.status().pending, expected, "{hours} h");
        device.sync(NOW_MS + MINUTE_MS);
        assert_eq!((device.bench.status().pending, device.bench.wire.mutations().len()), (0, expected));
    }
}

#[test]
fn stamps_never_go_back_whatever_the_clock_does() {
    let mut device = Device::new(0);
    let mut last = String::new();
    for hours in [0, 10, -10, 3, -300] {
        device.wrong_ms = hours * HOUR_MS.cast_signed();
        device.write(NOW_MS, Put, &json!(["a", { "title": format!("{hours}") }]));
        device.bench = device.bench.reopen(u8::try_from(hours.rem_euclid(251)).expect("small"));
        let rows = device.bench.engine.ask(NOW_MS, crate::bench::records("tasks", &["a"]));
        let touch = crate::bench::parsed(&device.bench.run(rows).expect("read"))[0][1].to_string();
        assert!((touch.len(), &touch) > (last.len(), &last), "{touch} after {last}");
        last = touch;
    }
}

//! Random histories of two handles on one disk against a plain map, with a fault or a crash at any disk operation.
//!
//! ```text
//! HOLM_SEED=123 cargo test -p holm-store --test model          one history of each test, shrunk where it fails
//! HOLM_LONG=1   cargo test -p holm-store --test model          10,000 histories of each test, else 300; from 0 or HOLM_FROM
//! ```

mod run;
#[path = "../support/mod.rs"]
mod support;

use proptest::prelude::*;
use support::seeds::hold_for_seeds;

use holm_store::*;
use run::{Run, Step, Writes, crash_everywhere};

/// Some of the keys are kept apart, and some are not.
const KEYS: std::ops::Range<u8> = APART - 40..APART + 40;

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Abort),
        Just(Fault::Full),
        Just(Fault::Unavailable),
        Just(Fault::Stale),
        Just(Fault::CrashBefore),
        Just(Fault::CrashAfter),
        Just(Fault::UnknownApplied),
        Just(Fault::UnknownLost),
        Just(Fault::Slow(3)),
    ]
}

fn writes() -> impl Strategy<Value = Writes> {
    let len = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 5 => Just(Some(20)), 1 => Just(Some(3_000))];
    prop::collection::vec((KEYS, len), 1..12)
}

fn step() -> impl Strategy<Value = Step> {
    let handle = 0..2_usize;
    let direction = prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
    prop_oneof![
        4 => (handle.clone(), writes()).prop_map(|one| Step::Commit(vec![one])),
        3 => prop::collection::vec((handle.clone(), writes()), 2..5).prop_map(Step::Commit),
        2 => (handle.clone(), writes()).prop_map(|(handle, writes)| Step::Update(handle, writes)),
        2 => (handle.clone(), KEYS).prop_map(|(handle, key)| Step::Get(handle, key)),
        3 => (handle.clone(), KEYS, KEYS.start..KEYS.end + 10, direction, prop_oneof![Just(usize::MAX), 0..6_usize])
            .prop_map(|(handle, from, until, direction, limit)| Step::Scan { handle, from, until, direction, limit }),
        1 => handle.clone().prop_map(Step::Refresh),
        3 => handle.clone().prop_map(Step::Fold),
        1 => handle.clone().prop_map(Step::Reopen),
        1 => prop_oneof![Just(None), (0..8_000_u16).prop_map(Some)].prop_map(Step::Limit),
        4 => (handle, 0..8_u64, fault())
            .prop_map(|(handle, from_now, fault)| Step::Inject { handle, from_now, fault }),
    ]
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..most)
}

/// Folds after every few commits, makes blocks of a large one at once, and reads every block anew.
fn busy() -> Options {
    Options { fold_bytes: 2_000, cache_bytes: 0, ..Options::default() }
}

#[test]
fn a_store_is_a_map() {
    hold_for_seeds("a_store_is_a_map", &steps(60), |steps| Run::new(Options::default(), None).play(steps));
}

#[test]
fn a_store_that_folds_by_itself_and_caches_nothing_is_a_map() {
    let name = "a_store_that_folds_by_itself_and_caches_nothing_is_a_map";
    hold_for_seeds(name, &steps(60), |steps| Run::new(busy(), None).play(steps));
}

#[test]
fn a_crash_at_any_operation_loses_nothing() {
    hold_for_seeds("a_crash_at_any_operation_loses_nothing", &steps(20), |steps| crash_everywhere(steps, &busy()));
}

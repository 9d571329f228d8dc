//! The deterministic simulation: devices with the real engine over the real store, the real server, and one seed for
//! everything that happens to them. `docs/guarantees.md` says what is done to them and what must hold.
//!
//! ```text
//! HOLM_SEEDS=2000 cargo test --test simulation      so many seeds, from 0 or HOLM_FROM
//! HOLM_SEED=123   cargo test --test simulation      one seed; HOLM_TRACE=1 prints what happens
//! ```
//!
//! `HOLM_DEVICES` sets how many devices there are, `HOLM_CALLS` how much their users do at most, `HOLM_WITHOUT` what does
//! not go wrong, by the names in `odds.rs`. `HOLM_FIRST` stops at the first broken seed, as it is.
#![cfg(not(target_arch = "wasm32"))]

mod accounts;
mod backend;
mod check;
mod consistency;
mod device;
mod dice;
mod effects;
mod executor;
mod history;
mod network;
mod notes;
mod odds;
mod polls;
mod seeds;
mod snapshot;
mod timeline;
mod troubles;
mod workload;
mod world;

use std::time::Instant;

use holm_server::Receipts;
use seeds::{Outcome, command, config, judge, run_all, seeds, shrink};
use world::run;

/// Within so many seeds a server without receipts is found out.
const SEEDS_TO_FAIL: u64 = 200;
/// So many seeds are run twice.
const SEEDS_TWICE: u64 = 5;

#[test]
fn every_seed_keeps_the_promise() {
    let started = Instant::now();
    let Outcome { seeds, steps, calls, effects, faults, broken } = run_all(seeds());
    let all: u64 = faults.values().sum();
    println!(
        "{seeds} seeds kept it, {steps} steps, {all} faults, {calls} calls, {effects} effects, {:.1?}",
        started.elapsed()
    );
    println!("{faults:?}");
    for (seed, what) in &broken {
        println!("seed {seed}: {what}\n  {}", command(&config(*seed, Receipts::On)));
    }
    if let Some((seed, what)) = broken.first_key_value()
        && std::env::var_os("HOLM_FIRST").is_none()
    {
        let (least, what) = shrink(*seed, what.clone());
        println!("made smaller: {what}\n  {}", command(&least));
    }
    assert!(broken.is_empty(), "seeds that broke the promise: {:?}", broken.keys());
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in seeds().take(usize::try_from(SEEDS_TWICE).expect("a few")) {
        let config = config(seed, Receipts::On);
        assert_eq!(run(&config), run(&config), "17: seed {seed}");
    }
}

#[test]
fn a_server_without_receipts_is_found_out() {
    // Such a server breaks more than one promise; the one looked for is that an effect happens once.
    let complaint = |seed| judge(&config(seed, Receipts::Off)).err().filter(|what| what.contains("4: "));
    let found = (0..SEEDS_TO_FAIL).find_map(|seed| Some((seed, complaint(seed)?)));
    let (seed, what) = found.expect("a simulation that cannot fail shows nothing");
    println!("without receipts, seed {seed}: {what}");
}

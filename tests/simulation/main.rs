//! The deterministic simulation: devices with the real engine over the real store, the real server, and one seed for
//! everything that happens to them (invariants 1 to 9).
//!
//! ```text
//! HOLM_SEEDS=200 cargo test --release --test simulation          so many seeds, from 0 or HOLM_FROM
//! HOLM_SEED=123  cargo test --release --test simulation          one seed; HOLM_TRACE=1 prints what happens
//! ```
//!
//! `HOLM_DEVICES` sets how many devices there are.
#![cfg(not(target_arch = "wasm32"))]

mod check;
mod consistency;
mod device;
mod dice;
mod executor;
mod history;
mod network;
mod odds;
mod snapshot;
mod timeline;
mod workload;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::catch_unwind;
use std::time::Instant;

use holm_server::Receipts;
use world::{Config, Report, run};

/// Seeds of a plain run: it stays within seconds, unoptimised.
const SEEDS: u64 = 20;
/// Within so many seeds a server without receipts is found out.
const SEEDS_TO_FAIL: u64 = 200;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

fn config(seed: u64, receipts: Receipts) -> Config {
    let devices = usize::try_from(number("HOLM_DEVICES").unwrap_or(2)).expect("a few");
    Config { seed, devices, receipts }
}

fn seeds() -> Range<u64> {
    match number("HOLM_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let from = number("HOLM_FROM").unwrap_or(0);
            from..from + number("HOLM_SEEDS").unwrap_or(SEEDS)
        }
    }
}

/// Runs a seed; a panic in it is a complaint as well.
fn judge(seed: u64, receipts: Receipts) -> Result<Report, String> {
    let report = catch_unwind(|| run(config(seed, receipts))).map_err(|_| "it panicked".to_owned())?;
    match &report.complaint {
        Some(what) => Err(what.clone()),
        None => Ok(report),
    }
}

#[test]
fn every_seed_keeps_the_promise() {
    let started = Instant::now();
    let (mut steps, mut calls, mut effects) = (0, 0, 0);
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    let mut broken = Vec::new();
    for seed in seeds() {
        match judge(seed, Receipts::On) {
            Ok(report) => {
                (steps, calls, effects) = (steps + report.steps, calls + report.calls, effects + report.effects);
                for (what, times) in report.faults {
                    *faults.entry(what).or_default() += times;
                }
            }
            Err(what) => {
                let devices =
                    number("HOLM_DEVICES").map_or(String::new(), |devices| format!("HOLM_DEVICES={devices} "));
                println!("seed {seed}: {what}\n  {devices}HOLM_SEED={seed} cargo test --release --test simulation");
                broken.push(seed);
            }
        }
    }
    let all: u64 = faults.values().sum();
    println!(
        "seeds: {}, steps: {steps}, faults: {all}, calls: {calls}, effects: {effects}, {:.1?}",
        seeds().count(),
        started.elapsed()
    );
    println!("{faults:?}");
    assert!(broken.is_empty(), "seeds that broke the promise: {broken:?}");
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in seeds().take(2) {
        let config = config(seed, Receipts::On);
        assert_eq!(run(config), run(config), "seed {seed}");
    }
}

#[test]
fn a_server_without_receipts_is_found_out() {
    // Such a server breaks more than one promise; the one looked for is that an effect happens once.
    let complaint = |seed| judge(seed, Receipts::Off).err().filter(|what| what.contains("4: "));
    let found = (0..SEEDS_TO_FAIL).find_map(|seed| Some((seed, complaint(seed)?)));
    let (seed, what) = found.expect("a simulation that cannot fail shows nothing");
    println!("without receipts, seed {seed}: {what}");
}

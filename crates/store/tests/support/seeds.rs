//! Seeds: each gives one random value, always the same.

use std::fmt::Debug;
use std::time::Instant;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

const SEEDS: u64 = 300;
const SEEDS_LONG: u64 = 10_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

/// Checks what each seed gives. The smallest value that fails like the first is told, with the seed and how to run it again;
/// what `check` gives is added up and printed.
pub fn hold_for_seeds<V: Debug>(test: &str, values: &impl Strategy<Value = V>, check: impl Fn(&V) -> usize) {
    let started = Instant::now();
    let from = number("HOLM_FROM").unwrap_or(0);
    let count = if std::env::var_os("HOLM_LONG").is_some() { SEEDS_LONG } else { SEEDS };
    let seeds = number("HOLM_SEED").map_or(from..from + count, |seed| seed..seed + 1);
    let mut checked = 0;
    for seed in seeds.clone() {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let config = ProptestConfig { cases: 1, failure_persistence: None, ..ProptestConfig::default() };
        let added = std::cell::Cell::new(0);
        let held = TestRunner::new_with_rng(config, rng).run(values, |value| {
            added.set(check(&value));
            Ok(())
        });
        if let Err(broken) = held {
            let file = std::env::current_exe().expect("a test runs from a file");
            let file = file.file_stem().expect("it has a name").to_string_lossy();
            let file = file.rsplit_once('-').expect("cargo adds a hash").0;
            panic!("seed {seed}: {broken}\n  HOLM_SEED={seed} cargo test -p holm-store --test {file} {test}");
        }
        checked += added.get();
    }
    println!("{test}: seeds {seeds:?}, {checked} runs, {:.1?}", started.elapsed());
}

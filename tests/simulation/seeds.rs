//! Running seeds, beside one another, and making what a broken one needs to break smaller.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use holm_server::Receipts;

use crate::odds::KINDS;
use crate::world::{Config, Report, run};

/// Seeds of a plain run: a minute or so, and of a long one.
const SEEDS: u64 = 500;
const SEEDS_LONG: u64 = 10_000;
/// A device makes fewer.
const CALLS: u64 = 1_000;

/// The number in an environment variable.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

/// The run of a seed that the environment asks for.
pub fn config(seed: u64, receipts: Receipts) -> Config {
    let devices = usize::try_from(number("HOLM_DEVICES").unwrap_or(3)).expect("a few");
    let without = std::env::var("HOLM_WITHOUT").unwrap_or_default();
    let names = KINDS.iter().map(|(name, _)| *name);
    let spared = names.filter(|name| without.split(',').any(|wanted| wanted == *name)).collect();
    Config { seed, devices, calls_max: number("HOLM_CALLS").unwrap_or(CALLS), spared, receipts }
}

/// The seeds that the environment asks for.
pub fn seeds() -> Range<u64> {
    if let Some(seed) = number("HOLM_SEED") {
        return seed..seed + 1;
    }
    let from = number("HOLM_FROM").unwrap_or(0);
    let usual = if std::env::var_os("HOLM_LONG").is_some() { SEEDS_LONG } else { SEEDS };
    from..from + number("HOLM_SEEDS").unwrap_or(usual)
}

/// Runs a seed; a panic in it is a complaint as well.
pub fn judge(config: &Config) -> Result<Report, String> {
    let report = catch_unwind(|| run(config)).map_err(|_| "it panicked".to_owned())?;
    match &report.complaint {
        Some(what) => Err(what.clone()),
        None => Ok(report),
    }
}

/// What came of some seeds.
#[derive(Default)]
pub struct Outcome {
    /// Those that kept the promise.
    pub seeds: u64,
    /// Of these, all together.
    pub steps: u64,
    /// Likewise.
    pub calls: usize,
    /// Likewise.
    pub effects: usize,
    /// Likewise, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What the others broke.
    pub broken: BTreeMap<u64, String>,
}

impl Outcome {
    fn add(&mut self, seed: u64, result: Result<Report, String>) {
        match result {
            Ok(report) => {
                self.seeds += 1;
                self.steps += report.steps;
                self.calls += report.calls;
                self.effects += report.effects;
                for (what, times) in report.faults {
                    *self.faults.entry(what).or_default() += times;
                }
            }
            Err(what) => drop(self.broken.insert(seed, what)),
        }
    }
}

/// Runs seeds on all processors. With `HOLM_FIRST` the first that is broken ends it.
pub fn run_all(seeds: Range<u64>) -> Outcome {
    let (next, is_over) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let outcome = Mutex::new(Outcome::default());
    let only_first = std::env::var_os("HOLM_FIRST").is_some();
    let work = || {
        while !is_over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let result = judge(&config(seed, Receipts::On));
            if only_first && result.is_err() {
                is_over.store(true, Ordering::Relaxed);
            }
            outcome.lock().expect("no thread panics").add(seed, result);
        }
    };
    std::thread::scope(|scope| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        (0..processors).for_each(|_| drop(scope.spawn(work)));
    });
    outcome.into_inner().expect("no thread panics")
}

/// Takes away, one after another, what goes wrong, and then the calls, as long as the seed is still broken.
pub fn shrink(seed: u64, what: String) -> (Config, String) {
    let mut least = (config(seed, Receipts::On), what);
    for (name, _) in KINDS {
        let spared = least.0.spared.iter().copied().chain([name]).collect();
        keep_if_broken(&mut least, |config| Config { spared, ..config });
    }
    while keep_if_broken(&mut least, |config| Config { calls_max: config.calls_max.min(128) / 2, ..config })
        && least.0.calls_max > 0
    {}
    least
}

fn keep_if_broken(least: &mut (Config, String), change: impl FnOnce(Config) -> Config) -> bool {
    let smaller = change(least.0.clone());
    match judge(&smaller) {
        Err(what) => {
            *least = (smaller, what);
            true
        }
        Ok(_) => false,
    }
}

/// How to run it again.
pub fn command(config: &Config) -> String {
    let Config { seed, devices, calls_max, spared, .. } = config;
    let (mut limits, without) = (String::new(), spared.join(","));
    if !spared.is_empty() {
        limits.push_str(&format!("HOLM_WITHOUT={without} "));
    }
    if *calls_max < CALLS {
        limits.push_str(&format!("HOLM_CALLS={calls_max} "));
    }
    format!("HOLM_DEVICES={devices} {limits}HOLM_SEED={seed} cargo test --test simulation")
}

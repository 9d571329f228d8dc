//! Every interleaving of two and three tabs that write, fold and trim one store, with crash, freeze and unknown outcome at
//! every step, on the real machines.
//!
//! Each tab increments one counter (read, add one, write) and leaves a key of its own with each increment, so that a lost
//! update, a lost write and a write done twice all show. A frozen tab is one that is not scheduled: every step of the
//! others, checkpoints that trim the log included, comes between any two of its own. After every step that changed the
//! disk the store is opened anew and must hold exactly what reached the log; after every answer the tab that got it must
//! show the history up to its tail. No lock is modelled: none is needed for safety.

mod disk;
mod tab;
mod world;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use disk::Mistake;
use world::{Base, Bounds, NOWHERE, Sweeps, World};

/// What a search found.
struct Found {
    states: usize,
    quiet: usize,
    broken: Option<String>,
}

/// Walks every state within `bounds`, or until a promise is broken.
fn search(bounds: Bounds) -> Found {
    let mut seen = HashSet::new();
    let first = World::new(bounds);
    seen.insert(fingerprint(&first));
    let mut waiting = vec![first];
    let mut quiet = 0;
    while let Some(world) = waiting.pop() {
        if world.is_quiet() {
            quiet += 1;
            if let Err(broken) = world.check_agreement() {
                return Found { states: seen.len(), quiet, broken: Some(broken) };
            }
        }
        for step in world.steps() {
            match step {
                Ok(next) => {
                    if seen.insert(fingerprint(&next)) {
                        waiting.push(next);
                    }
                }
                Err(nowhere) if nowhere == NOWHERE => {}
                Err(broken) => return Found { states: seen.len(), quiet, broken: Some(broken) },
            }
        }
    }
    Found { states: seen.len(), quiet, broken: None }
}

/// 128 bits stand for a state: among 10 million the chance that two fall together is below 1 in 10^24.
fn fingerprint(world: &World) -> (u64, u64) {
    let mut first = DefaultHasher::new();
    world.hash(&mut first);
    let mut second = first.clone();
    1_u8.hash(&mut second);
    (first.finish(), second.finish())
}

const NOTHING: Bounds = Bounds {
    tabs: 2,
    jobs: 1,
    adopts: 0,
    folds: 0,
    refreshes: 0,
    faults: 0,
    crashes: 0,
    base: Base::Empty,
    sweeps: Sweeps::Never,
    mistake: Mistake::None,
};

fn holds(name: &str, bounds: Bounds) {
    let start = std::time::Instant::now();
    let found = search(bounds);
    println!("{name}: {} states, {} of them quiet, {:?}", found.states, found.quiet, start.elapsed());
    assert_eq!(found.broken, None, "{bounds:?}");
    assert!(found.quiet > 0, "no run came to its end");
}

fn breaks(bounds: Bounds) -> String {
    let found = search(bounds);
    println!("{:?}: found after {} states: {:?}", bounds.mistake, found.states, found.broken);
    found.broken.unwrap_or_else(|| panic!("the search did not see {:?}", bounds.mistake))
}

#[test]
fn two_tabs() {
    holds("two tabs, two faults", Bounds { jobs: 2, faults: 2, ..NOTHING });
    holds("two tabs, two folds", Bounds { jobs: 2, folds: 2, ..NOTHING });
    holds("two tabs, two folds into a run of their own", Bounds { jobs: 2, folds: 2, base: Base::Large, ..NOTHING });
    holds("two tabs, a fold, a fault", Bounds { jobs: 2, folds: 1, faults: 1, ..NOTHING });
    holds("two tabs, a fold, a crash", Bounds { jobs: 2, folds: 1, crashes: 1, ..NOTHING });
    holds("two tabs, a fold, two faults, a crash", Bounds { folds: 1, faults: 2, crashes: 1, ..NOTHING });
}

#[test]
fn two_tabs_that_sweep() {
    let sweeping = Bounds { sweeps: Sweeps::Always, ..NOTHING };
    holds("two tabs, two folds into a run of their own that sweep", Bounds { folds: 2, base: Base::Large, ..sweeping });
    holds("two tabs, two folds that sweep, a crash", Bounds { folds: 2, crashes: 1, ..sweeping });
    holds("two tabs, two folds that sweep, a fault", Bounds { folds: 2, faults: 1, ..sweeping });
}

#[test]
fn two_tabs_whose_folds_drop_blocks() {
    let dropping = Bounds { base: Base::Folded, ..NOTHING };
    holds("two tabs, two folds that drop", Bounds { folds: 2, ..dropping });
    holds("two tabs, two folds that drop, a refresh", Bounds { folds: 2, refreshes: 1, ..dropping });
    holds("two tabs, two folds that drop, a fault", Bounds { folds: 2, faults: 1, ..dropping });
    holds("two tabs, two folds that drop, a crash", Bounds { folds: 2, crashes: 1, ..dropping });
    holds("two tabs, two folds that drop and sweep", Bounds { folds: 2, sweeps: Sweeps::Always, ..dropping });
    holds("three tabs, two folds that drop", Bounds { tabs: 3, folds: 2, ..dropping });
}

#[test]
fn two_tabs_that_refresh_meanwhile() {
    let all = Bounds { folds: 1, refreshes: 1, faults: 1, crashes: 1, ..NOTHING };
    holds("two tabs, one of each", all);
}

#[test]
fn two_tabs_that_adopt() {
    holds("two tabs, one adopts, two faults", Bounds { jobs: 2, adopts: 1, faults: 2, ..NOTHING });
    holds("two tabs that adopt, two faults", Bounds { adopts: 2, faults: 2, ..NOTHING });
    let folding = Bounds { adopts: 1, folds: 1, ..NOTHING };
    holds("two tabs, one adopts, two folds", Bounds { jobs: 2, folds: 2, ..folding });
    holds("two tabs, one adopts, a fold, a fault", Bounds { faults: 1, ..folding });
    holds("two tabs, one adopts, a fold, a crash", Bounds { jobs: 2, crashes: 1, ..folding });
    holds("two tabs, one adopts, a fold, a refresh", Bounds { refreshes: 1, ..folding });
    let dropping = Bounds { base: Base::Folded, ..folding };
    holds("two tabs, one adopts, a fold that drops, a fault", Bounds { faults: 1, ..dropping });
    holds(
        "two tabs, one adopts, two folds that drop and sweep",
        Bounds { folds: 2, sweeps: Sweeps::Always, ..dropping },
    );
    holds("two tabs that adopt, a fold that drops", Bounds { adopts: 2, ..dropping });
    holds("three tabs, one adopts, a fold", Bounds { tabs: 3, ..folding });
}

#[test]
fn three_tabs() {
    holds("three tabs, a fault, a crash", Bounds { tabs: 3, faults: 1, crashes: 1, ..NOTHING });
    holds("three tabs, two folds", Bounds { tabs: 3, folds: 2, ..NOTHING });
    holds("three tabs, a fold, a fault", Bounds { tabs: 3, folds: 1, faults: 1, ..NOTHING });
    holds("three tabs, a fold, a crash", Bounds { tabs: 3, folds: 1, crashes: 1, ..NOTHING });
}

#[test]
#[ignore = "some minutes; scripts/test.sh --long runs it"]
fn further() {
    holds("two tabs, two folds that sweep", Bounds { jobs: 2, folds: 2, sweeps: Sweeps::Always, ..NOTHING });
    holds("two tabs, a fold, a fault, a crash", Bounds { jobs: 2, folds: 1, faults: 1, crashes: 1, ..NOTHING });
    holds("two tabs, two folds, a refresh", Bounds { jobs: 2, folds: 2, refreshes: 1, ..NOTHING });
    holds("two tabs, two folds, a fault", Bounds { jobs: 2, folds: 2, faults: 1, ..NOTHING });
    let dropping = Bounds { base: Base::Folded, ..NOTHING };
    holds("two tabs, two folds that drop, a fault, a crash", Bounds { folds: 2, faults: 1, crashes: 1, ..dropping });
    holds("two tabs, two increments of each, two folds that drop", Bounds { jobs: 2, folds: 2, ..dropping });
    holds("two tabs, three folds that drop, a crash", Bounds { folds: 3, crashes: 1, ..dropping });
    holds("three tabs, two folds that drop, a crash", Bounds { tabs: 3, folds: 2, crashes: 1, ..dropping });
    holds("three tabs, a fold, a fault, a crash", Bounds { tabs: 3, folds: 1, faults: 1, crashes: 1, ..NOTHING });
    holds("three tabs, two folds, a fault", Bounds { tabs: 3, folds: 2, faults: 1, ..NOTHING });
}

#[test]
#[ignore = "some minutes; scripts/test.sh --long runs it"]
fn further_with_adopting() {
    let all = Bounds { adopts: 1, folds: 1, faults: 1, crashes: 1, ..NOTHING };
    holds("two tabs, two increments of each, one adopts, a fold, a fault, a crash", Bounds { jobs: 2, ..all });
    let dropping = Bounds { adopts: 2, folds: 2, base: Base::Folded, ..NOTHING };
    holds("two tabs that adopt, two folds that drop, a fault", Bounds { faults: 1, ..dropping });
    holds(
        "two tabs that adopt twice, two folds that drop and sweep",
        Bounds { jobs: 2, sweeps: Sweeps::Always, ..dropping },
    );
    holds("three tabs, two adopt, a fold, a crash", Bounds { tabs: 3, adopts: 2, folds: 1, crashes: 1, ..NOTHING });
}

#[test]
fn explicit_keys_are_caught() {
    breaks(Bounds { jobs: 2, folds: 1, mistake: Mistake::FreeKeys, ..NOTHING });
}

#[test]
fn dropping_the_last_folded_entry_is_caught() {
    breaks(Bounds { jobs: 2, folds: 1, mistake: Mistake::DropsLastFolded, ..NOTHING });
}

#[test]
fn dropping_more_than_was_folded_is_caught() {
    breaks(Bounds { jobs: 2, folds: 1, mistake: Mistake::DropsWholeLog, ..NOTHING });
}

#[test]
fn a_publish_over_another_is_caught() {
    breaks(Bounds { jobs: 2, folds: 2, mistake: Mistake::PublishesAnyGeneration, ..NOTHING });
}

#[test]
fn an_entry_added_over_that_of_another_is_caught() {
    breaks(Bounds { adopts: 1, mistake: Mistake::AddsOverAnother, ..NOTHING });
}

#[test]
fn who_adopts_and_does_not_settle_is_caught() {
    breaks(Bounds { adopts: 1, faults: 1, mistake: Mistake::NoSettling, ..NOTHING });
}

#[test]
fn sweeping_what_another_is_about_to_publish_is_caught() {
    breaks(Bounds { folds: 2, sweeps: Sweeps::Always, mistake: Mistake::SweepsAtOnce, ..NOTHING });
}

#[test]
fn dropping_what_is_still_named_is_caught() {
    breaks(Bounds { folds: 1, faults: 1, base: Base::Folded, mistake: Mistake::DropsBeforePublishing, ..NOTHING });
}

#[test]
fn a_writer_that_does_not_settle_is_caught() {
    breaks(Bounds { faults: 1, mistake: Mistake::NoSettling, ..NOTHING });
}

#[test]
fn a_writer_that_does_not_look_for_its_id_is_caught() {
    breaks(Bounds { faults: 1, mistake: Mistake::NoIdCheck, ..NOTHING });
}

#[test]
fn a_writer_that_looks_for_its_id_in_the_log_alone_is_caught() {
    breaks(Bounds { jobs: 2, folds: 1, faults: 1, mistake: Mistake::LooksInLogOnly, ..NOTHING });
}

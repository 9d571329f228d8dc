//! How an entry is to be kept: as the strictest of the commits in it asked for, and no stricter.

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use holm_store::Durability::{Relaxed, Strict};
use holm_store::*;
use support::*;

struct Bench {
    pool: Pool,
    disk: FaultyDisk,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let (mut pool, disk) = (Pool::default(), FaultyDisk::new());
        let store = pool.open(&disk, &MemoryLocks::new(), Options::default(), 1).expect("an empty store opens");
        Self { pool, disk, store }
    }

    /// Commits at the same time, each with a number of bytes; gives whether each was saved.
    fn commit(&mut self, commits: &[(Durability, usize)]) -> Vec<bool> {
        let saved: Rc<RefCell<Vec<(usize, bool)>>> = Rc::default();
        for (n, (durability, len)) in commits.iter().copied().enumerate() {
            let (store, saved) = (self.store.clone(), Rc::clone(&saved));
            self.pool.spawn(async move {
                let plan = move |draft: &mut Draft<'_>| {
                    draft.put(&[n as u8], &vec![0; len]);
                    Ok::<_, PlanError<()>>(())
                };
                let done = store.commit(durability, plan).await;
                saved.borrow_mut().push((n, done.is_ok()));
            });
        }
        self.pool.run(async {});
        let mut saved = saved.take();
        saved.sort_unstable();
        saved.into_iter().map(|(_, saved)| saved).collect()
    }
}

#[test]
fn an_entry_is_kept_as_its_commit_asks() {
    for durability in [Relaxed, Strict] {
        let mut bench = Bench::new();
        assert_eq!(bench.commit(&[(durability, 1)]), [true]);
        assert_eq!(bench.disk.kept(Operation::Append), [durability]);
    }
}

#[test]
fn one_strict_commit_makes_the_entry_that_it_shares_strict() {
    let mut bench = Bench::new();
    assert_eq!(bench.commit(&[(Relaxed, 1), (Strict, 1), (Relaxed, 1)]), [true; 3]);
    assert_eq!(bench.disk.kept(Operation::Append), [Strict]);
    bench.commit(&[(Relaxed, 1), (Relaxed, 1)]);
    assert_eq!(bench.disk.kept(Operation::Append), [Strict, Relaxed], "the next one is not");
}

#[test]
fn a_strict_commit_that_must_be_planned_again_stays_strict() {
    let mut bench = Bench::new();
    bench.disk.inject_next(Operation::Append, Fault::Stale);
    assert_eq!(bench.commit(&[(Relaxed, 1), (Strict, 1)]), [true; 2]);
    assert_eq!(bench.disk.kept(Operation::Append), [Strict, Strict]);
}

#[test]
fn commits_that_are_parted_are_kept_each_as_it_asks() {
    let mut bench = Bench::new();
    bench.disk.inject_next(Operation::Append, Fault::Full);
    assert_eq!(bench.commit(&[(Strict, 1), (Relaxed, 1)]), [true; 2]);
    assert_eq!(bench.disk.kept(Operation::Append), [Strict, Strict, Relaxed]);
    // A group that is too large for one entry: what goes into the next asks for itself.
    let mut bench = Bench::new();
    assert_eq!(bench.commit(&[(Relaxed, 3 << 20), (Strict, 3 << 20)]), [true; 2]);
    assert_eq!(bench.disk.kept(Operation::Append), [Relaxed, Strict]);
}

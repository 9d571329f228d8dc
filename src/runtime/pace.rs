//! The pace of long work: slices of some milliseconds, and a turn of the event loop between them.

use std::cell::Cell;

use async_trait::async_trait;
use holm_store::Pace;

use crate::{scope, timer};

/// Half of what a frame of 60 Hz has: input and drawing come between two slices.
const SLICE_MS: f64 = 8.0;
/// A user who has not written for so long does something else.
const PAUSE_MS: u32 = 3_000;

/// The pace on a page's or worker's thread.
#[derive(Debug)]
pub struct PagePace {
    clock: fn() -> f64,
    begun_ms: Cell<f64>,
}

impl PagePace {
    /// Slices by a clock of milliseconds that never jumps.
    pub fn new(clock: fn() -> f64) -> Self {
        Self { clock, begun_ms: Cell::new(0.0) }
    }
}

#[async_trait(?Send)]
impl Pace for PagePace {
    fn begin(&self) {
        self.begun_ms.set((self.clock)());
    }

    fn is_spent(&self) -> bool {
        (self.clock)() - self.begun_ms.get() >= SLICE_MS
    }

    async fn turn(&self) {
        timer::turn().await;
    }

    async fn pause(&self) {
        timer::sleep(PAUSE_MS).await;
    }

    fn is_hidden(&self) -> bool {
        scope::is_hidden()
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::rc::Rc;

    use futures_executor::LocalPool;
    use futures_util::task::LocalSpawnExt;
    use holm_store::{Database, Durability, FoldOutcome, MemoryDisk, MemoryLocks, Options, PlanError, SEED_BYTES};

    use super::*;

    thread_local! {
        static NOW_MS: Cell<f64> = const { Cell::new(0.0) };
    }

    /// Every look at it takes a millisecond and a half, which stands for a step of the fold.
    fn clock() -> f64 {
        NOW_MS.replace(NOW_MS.get() + 1.5)
    }

    #[test]
    fn a_slice_is_used_up_after_its_milliseconds() {
        let pace = PagePace::new(|| NOW_MS.get());
        for begun in [0.0, 100.0] {
            NOW_MS.set(begun);
            pace.begin();
            assert!(!pace.is_spent());
            NOW_MS.set(begun + SLICE_MS - 0.1);
            assert!(!pace.is_spent());
            NOW_MS.set(begun + SLICE_MS);
            assert!(pace.is_spent());
        }
    }

    /// The page's slices, with a turn that notes how long the slice was in place of the browser's.
    struct Noted {
        pace: PagePace,
        begun_ms: Cell<f64>,
        slices_ms: std::cell::RefCell<Vec<f64>>,
    }

    #[async_trait(?Send)]
    impl Pace for Noted {
        fn begin(&self) {
            self.begun_ms.set(NOW_MS.get());
            self.pace.begin();
        }

        fn is_spent(&self) -> bool {
            self.pace.is_spent()
        }

        async fn turn(&self) {
            self.slices_ms.borrow_mut().push(NOW_MS.get() - self.begun_ms.get());
        }

        async fn pause(&self) {
            std::future::pending().await
        }

        fn is_hidden(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_fold_gives_others_their_turn_within_the_budget_and_one_step() {
        let noted =
            Rc::new(Noted { pace: PagePace::new(clock), begun_ms: Cell::default(), slices_ms: Default::default() });
        let options = Options { pace: noted.clone(), fold_bytes: usize::MAX, ..Options::default() };
        let mut pool = LocalPool::new();
        let (disk, locks) = (Rc::new(MemoryDisk::new()), Rc::new(MemoryLocks::new()));
        let store = pool.run_until(Database::open(disk, locks, options, [1; SEED_BYTES])).expect("it opens");
        let driven = store.clone();
        pool.spawner().spawn_local(async move { driven.drive().await }).expect("the pool lives");
        let written = store.commit(Durability::Relaxed, |draft| {
            (0..20_000_u32).for_each(|n| draft.put(&n.to_be_bytes(), &[7; 200]));
            Ok::<_, PlanError<()>>(())
        });
        pool.run_until(written).expect("it is written");
        assert_eq!(pool.run_until(store.fold()), Ok(FoldOutcome::Published));
        let slices = noted.slices_ms.borrow();
        let longest = slices.iter().copied().fold(0.0, f64::max);
        assert!(slices.len() > 5 && (SLICE_MS..=SLICE_MS + 3.0).contains(&longest), "{slices:?}");
    }
}

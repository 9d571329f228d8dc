//! Folding: blocks, reuse, retirement, readers of dropped blocks.

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_trait::async_trait;
use futures_channel::oneshot::{Sender, channel};
use support::*;

use holm_store::*;

fn key(n: u32) -> Vec<u8> {
    format!("key-{n:06}").into_bytes()
}

/// Folds now.
fn fold(pool: &mut Pool, store: &Store) -> FoldOutcome {
    let store = store.clone();
    pool.run(async move { store.fold().await }).expect("the fold ends").expect("the disk works")
}

/// Puts many in one commit.
fn put_many(pool: &mut Pool, store: &Store, keys: impl IntoIterator<Item = u32>, value: &'static [u8]) {
    let keys: Vec<Vec<u8>> = keys.into_iter().map(key).collect();
    let store = store.clone();
    let commit = async move {
        let plan = move |draft: &mut Draft<'_>| {
            keys.iter().for_each(|key| draft.put(key, value));
            Ok::<_, PlanError<()>>(())
        };
        store.commit(Durability::Relaxed, plan).await
    };
    pool.run(commit).expect("the commit ends").expect("the disk works");
}

fn blocks(disk: &FaultyDisk) -> usize {
    disk.places().iter().filter(|(place, _)| matches!(place, Place::Block(_))).count()
}

fn entries(disk: &FaultyDisk) -> Vec<LogSeq> {
    let places = disk.places();
    places.iter().filter_map(|(place, _)| if let Place::Entry(seq) = place { Some(*seq) } else { None }).collect()
}

#[test]
fn what_is_folded_is_read_from_blocks() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let one = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &one, 0..5_000, b"value");
    assert_eq!(fold(&mut pool, &one), FoldOutcome::Published);
    assert!(blocks(&disk) >= 5_000 / 512);
    assert_eq!(entries(&disk), [LogSeq(1)], "the last folded entry stays");
    let kept = disk.places().iter().find(|(place, _)| *place == Place::Entry(LogSeq(1))).map(|(_, bytes)| *bytes);
    assert!(kept.is_some_and(|bytes| bytes < 100), "without its 5,000 records: {kept:?}");
    let two = pool.open(&disk.reopen(), &locks, Options::default(), 2).unwrap();
    assert_eq!(pool.get(&two, &key(4_321)).unwrap().as_deref(), Some(&b"value"[..]));
    assert_eq!(pool.get(&two, b"key").unwrap(), None);
    assert_eq!(pool.get(&two, b"z").unwrap(), None);
    assert_eq!(pool.all(&two).unwrap().len(), 5_000);
}

#[test]
fn a_small_change_rewrites_few_blocks_and_old_ones_go_one_generation_later() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &store, 0..5_000, b"value");
    fold(&mut pool, &store);
    let first = blocks(&disk);
    pool.put(&store, &key(7), b"new").unwrap();
    fold(&mut pool, &store);
    assert_eq!(blocks(&disk), first + 1, "one block of a newer run");
    pool.put(&store, &key(8), b"new").unwrap();
    fold(&mut pool, &store);
    assert_eq!(blocks(&disk), first + 2, "its successor, and itself for who still reads it");
    for _ in 0..5 {
        pool.put(&store, &key(9), b"new").unwrap();
        fold(&mut pool, &store);
        assert_eq!(blocks(&disk), first + 2);
    }
    assert_eq!(pool.get(&store, &key(7)).unwrap().as_deref(), Some(&b"new"[..]));
    assert_eq!(pool.get(&store, &key(10)).unwrap().as_deref(), Some(&b"value"[..]));
}

#[test]
fn deletions_end_in_the_base() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &store, 0..2_000, b"value");
    fold(&mut pool, &store);
    let clear = store.clone();
    let commit = async move {
        let plan = |draft: &mut Draft<'_>| {
            (0..2_000).for_each(|n| draft.delete(&key(n)));
            Ok::<_, PlanError<()>>(())
        };
        clear.commit(Durability::Strict, plan).await
    };
    pool.run(commit).unwrap().unwrap();
    assert_eq!(pool.all(&store).unwrap(), []);
    fold(&mut pool, &store);
    assert_eq!(pool.all(&store).unwrap(), []);
    pool.put(&store, b"x", b"1").unwrap();
    fold(&mut pool, &store);
    pool.put(&store, b"x", b"2").unwrap();
    fold(&mut pool, &store);
    assert!(blocks(&disk) <= 2);
}

#[test]
fn a_reader_of_dropped_blocks_begins_again() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let writer = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &writer, 0..1_000, b"old");
    fold(&mut pool, &writer);
    let reader = pool.open(&disk.reopen(), &locks, Options { cache_bytes: 0, ..Options::default() }, 2).unwrap();
    assert_eq!(pool.get(&reader, &key(3)).unwrap().as_deref(), Some(&b"old"[..]));
    for _ in 0..3 {
        put_many(&mut pool, &writer, 0..1_000, b"new");
        fold(&mut pool, &writer);
    }
    assert_eq!(pool.get(&reader, &key(3)).unwrap().as_deref(), Some(&b"new"[..]));
}

#[test]
fn the_log_is_folded_by_itself_when_it_has_grown() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let options = Options { fold_bytes: 20_000, ..Options::default() };
    let store = pool.open(&disk, &locks, options, 1).unwrap();
    for n in 0..1_000 {
        pool.put(&store, &key(n), &[7; 100]).unwrap();
    }
    assert!(entries(&disk).len() < 200, "{}", entries(&disk).len());
    assert_eq!(pool.all(&store).unwrap().len(), 1_000);
}

#[test]
fn a_log_of_one_record_again_and_again_is_folded_too() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let options = Options { fold_bytes: 20_000, ..Options::default() };
    let store = pool.open(&disk, &locks, options, 1).unwrap();
    for _ in 0..1_000 {
        pool.put(&store, &key(7), &[7; 100]).unwrap();
    }
    assert!(entries(&disk).len() < 200, "{}", entries(&disk).len());
    assert!(disk.bytes() < 40_000, "{} bytes for one record", disk.bytes());
}

#[test]
fn what_a_crashed_fold_left_behind_is_swept() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk.reopen(), &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &store, 0..1_000, b"value");
    fold(&mut pool, &store);
    let whole = blocks(&disk);
    pool.put(&store, &key(7), b"new").unwrap();
    let dying = disk.reopen();
    let crashed = pool.open(&dying, &MemoryLocks::new(), Options::default(), 2).unwrap();
    dying.inject_next(Operation::Publish, Fault::CrashBefore);
    assert!(begin_fold(&mut pool, &crashed).take().is_none());
    assert!(blocks(&disk) > whole);
    fold(&mut pool, &store);
    pool.put(&store, &key(8), b"new").unwrap();
    fold(&mut pool, &store);
    assert!(blocks(&disk) > whole + 2, "this handle swept before the other crashed");
    let next = pool.open(&disk.reopen(), &locks, Options::default(), 3).unwrap();
    pool.put(&next, &key(9), b"new").unwrap();
    fold(&mut pool, &next);
    assert_eq!(blocks(&disk), whole + 2, "one of the newer run, and its predecessor for who still reads it");
    assert_eq!(pool.all(&next).unwrap().len(), 1_000);
}

/// A pace whose slices end after some looks at the clock, and which waits until it is let go on.
struct Steps {
    looks_max: u32,
    looks: Cell<u32>,
    hidden: Cell<bool>,
    turns: Waiting,
    pauses: Waiting,
}

/// Who waits, to be let go on.
#[derive(Default)]
struct Waiting(RefCell<Option<Sender<()>>>);

impl Waiting {
    async fn wait(&self) {
        let (go_on, waiting) = channel();
        assert!(self.0.replace(Some(go_on)).is_none_or(|before| before.is_canceled()), "one waits at a time");
        waiting.await.expect("the test lets it go on");
    }

    fn is_empty(&self) -> bool {
        self.0.borrow().is_none()
    }

    /// Lets it go on; `false` if nobody waits.
    fn let_go(&self, pool: &mut Pool) -> bool {
        let waits = self.0.take();
        let waited = waits.is_some_and(|go_on| go_on.send(()).is_ok());
        pool.settle();
        waited
    }
}

impl Steps {
    fn new(looks_max: u32) -> Rc<Self> {
        let (looks, hidden) = (Cell::default(), Cell::default());
        Rc::new(Self { looks_max, looks, hidden, turns: Waiting::default(), pauses: Waiting::default() })
    }
}

#[async_trait(?Send)]
impl Pace for Steps {
    fn begin(&self) {
        self.looks.set(0);
    }

    fn is_spent(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.looks.get() >= self.looks_max
    }

    async fn turn(&self) {
        self.turns.wait().await;
    }

    async fn pause(&self) {
        self.pauses.wait().await;
    }

    fn is_hidden(&self) -> bool {
        self.hidden.get()
    }
}

/// Starts a fold and leaves it where it waits.
fn begin_fold(pool: &mut Pool, store: &Store) -> Rc<Cell<Option<FoldOutcome>>> {
    let (store, ended) = (store.clone(), Rc::new(Cell::new(None)));
    let told = ended.clone();
    pool.spawn(async move { told.set(Some(store.fold().await.expect("the disk works"))) });
    pool.settle();
    ended
}

#[test]
fn a_fold_waits_between_slices_and_nobody_waits_for_it() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let pace = Steps::new(1);
    let options = Options { pace: pace.clone(), fold_bytes: usize::MAX, ..Options::default() };
    let store = pool.open(&disk, &locks, options, 1).unwrap();
    let value: &[u8] = &[7; 1_000];
    put_many(&mut pool, &store, 0..2_000, value);
    let ended = begin_fold(&mut pool, &store);
    let mut slices = 0;
    while !pace.turns.is_empty() {
        slices += 1;
        assert_eq!(ended.take(), None);
        pool.put(&store, &key(slices), b"meanwhile").unwrap();
        assert_eq!(pool.get(&store, &key(slices)).unwrap().as_deref(), Some(&b"meanwhile"[..]));
        assert_eq!(pool.get(&store, &key(1_999)).unwrap().as_deref(), Some(value));
        pace.turns.let_go(&mut pool);
    }
    // 2 MB in steps of 32 KiB of changes, whatever a slice allows; every eighth of them waits for the disk instead.
    assert!(slices >= 2_000_000 / (34 << 10) * 7 / 8, "{slices} slices");
    assert_eq!(ended.take(), Some(FoldOutcome::Published));
    let rows = pool.all(&store).unwrap();
    assert_eq!(rows.len(), 2_000);
    assert_eq!(rows.iter().filter(|(_, value)| value == b"meanwhile").count(), slices as usize);
}

#[test]
fn another_tab_opens_reads_and_writes_while_one_folds() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let pace = Steps::new(1);
    let options = Options { pace: pace.clone(), fold_bytes: usize::MAX, ..Options::default() };
    let store = pool.open(&disk, &locks, options, 1).unwrap();
    put_many(&mut pool, &store, 0..2_000, &[7; 1_000]);
    let ended = begin_fold(&mut pool, &store);
    assert!(!pace.turns.is_empty(), "the fold waits, and goes on only when it is let");
    let other = pool.open(&disk.reopen(), &locks, Options::default(), 2).unwrap();
    assert_eq!(pool.all(&other).unwrap().len(), 2_000);
    pool.put(&other, &key(2_000), b"by the other").unwrap();
    assert_eq!(ended.take(), None);
    while pace.turns.let_go(&mut pool) {}
    assert_eq!(ended.take(), Some(FoldOutcome::Published));
    let third = pool.open(&disk.reopen(), &locks, Options::default(), 3).unwrap();
    assert_eq!(pool.all(&third).unwrap().len(), 2_001);
}

#[test]
fn a_slice_goes_on_while_it_is_not_used_up() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let pace = Steps::new(4);
    let options = Options { pace: pace.clone(), fold_bytes: usize::MAX, ..Options::default() };
    let store = pool.open(&disk, &locks, options, 1).unwrap();
    put_many(&mut pool, &store, 0..2_000, &[7; 1_000]);
    let ended = begin_fold(&mut pool, &store);
    let mut slices = 0;
    while pace.turns.let_go(&mut pool) {
        slices += 1;
    }
    assert!((1..=2_000_000 / (32 << 10) / 4).contains(&slices), "{slices} slices");
    assert_eq!(ended.take(), Some(FoldOutcome::Published));
}

#[test]
fn a_fold_is_given_up_when_the_page_hides_unless_the_log_is_long() {
    for (fold_bytes, published) in [(1 << 20, false), (100_000, true)] {
        let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
        let pace = Steps::new(1);
        let options = Options { pace: pace.clone(), fold_bytes, ..Options::default() };
        let store = pool.open(&disk, &locks, options, 1).unwrap();
        (0..2_000).step_by(50).for_each(|first| put_many(&mut pool, &store, first..first + 50, &[7; 1_000]));
        pool.settle();
        pace.hidden.set(true);
        while pace.turns.let_go(&mut pool) {}
        assert_eq!(blocks(&disk) > 0, published, "what a fold wrote that was given up is taken back");
        assert_eq!(pool.all(&store).unwrap().len(), 2_000);
    }
}

#[test]
fn what_the_log_holds_is_folded_in_a_pause() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let pace = Steps::new(u32::MAX);
    let options = Options { pace: pace.clone(), fold_bytes: 160_000, ..Options::default() };
    let store = pool.open(&disk, &locks, options, 1).unwrap();
    put_many(&mut pool, &store, 0..5, &[7; 1_000]);
    assert!(pace.pauses.let_go(&mut pool));
    assert!(pace.pauses.is_empty() && blocks(&disk) == 0, "so little stays in the log, and is waited for no more");
    put_many(&mut pool, &store, 5..12, &[7; 1_000]);
    put_many(&mut pool, &store, 12..14, &[7; 1_000]);
    assert!(pace.pauses.let_go(&mut pool));
    assert_eq!(blocks(&disk), 0, "it was no pause");
    pace.hidden.set(true);
    assert!(pace.pauses.let_go(&mut pool));
    assert_eq!(blocks(&disk), 0, "nobody looks");
    pace.hidden.set(false);
    assert!(pace.pauses.let_go(&mut pool));
    assert_eq!((blocks(&disk), entries(&disk).len()), (1, 1));
}

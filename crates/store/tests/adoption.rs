//! Large commits, which go into blocks at once: what others find, and what becomes of them when something is in the way.

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_trait::async_trait;
use support::*;

use holm_store::*;

const LARGE: usize = 200;

fn options() -> Options {
    Options { fold_bytes: 20_000, ..Options::default() }
}

fn key(n: usize) -> Vec<u8> {
    format!("key-{n:06}").into_bytes()
}

/// Puts so many records of 1,000 bytes, and counts the commit.
fn put_many(
    store: &Store,
    records: usize,
    durability: Durability,
) -> impl Future<Output = Result<u64, CommitError<()>>> + 'static {
    let store = store.clone();
    async move {
        let plan = move |draft: &mut Draft<'_>| {
            let count = draft.get(b"count")?.map_or(0, |value| number(&value)) + 1;
            draft.put(b"count", &count.to_be_bytes());
            (0..records).for_each(|n| draft.put(&key(n), &[count as u8; 1_000]));
            Ok::<_, PlanError<()>>(count)
        };
        store.commit(durability, plan).await
    }
}

/// The positions of the log, and how many bytes are there.
fn entries(disk: &FaultyDisk) -> Vec<(LogSeq, usize)> {
    let entry = |(place, bytes)| if let Place::Entry(seq) = place { Some((seq, bytes)) } else { None };
    disk.places().into_iter().filter_map(entry).collect()
}

fn blocks(disk: &FaultyDisk) -> usize {
    disk.places().iter().filter(|(place, _)| matches!(place, Place::Block(_))).count()
}

/// What another who opens the store now finds: how many records, and of which commit.
fn found(pool: &mut Pool, disk: &FaultyDisk) -> (usize, Option<u64>) {
    let store = pool.open(&disk.reopen(), &MemoryLocks::new(), options(), 99).expect("it opens");
    let count = pool.get(&store, b"count").expect("a read").map(|value| number(&value));
    (pool.all(&store).expect("a read").len(), count)
}

#[test]
fn a_large_commit_leaves_its_id_in_the_log_and_its_records_in_blocks() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let one = pool.open(&disk, &locks, options(), 1).unwrap();
    let two = pool.open(&disk.reopen(), &locks, options(), 2).unwrap();
    pool.put(&one, b"before", b"1").unwrap();
    let told = Rc::new(RefCell::new(Vec::new()));
    let observers = [&one, &two].map(|store| {
        let told = told.clone();
        store.observe(move |applied| {
            let keys = if let Change::Keys(records) = applied.change { Some(records.len()) } else { None };
            told.borrow_mut().push((applied.seq, applied.origin, keys));
        })
    });
    assert_eq!(pool.run(put_many(&one, LARGE, Durability::Relaxed)), Some(Ok(1)));
    assert!(matches!(*entries(&disk), [(LogSeq(2), bytes)] if bytes < 100), "{:?}", entries(&disk));
    assert!(blocks(&disk) > 4);
    assert_eq!(told.take(), [(LogSeq(2), Origin::Own, Some(LARGE + 1))], "of exactly its keys");
    assert_eq!(found(&mut pool, &disk), (LARGE + 2, Some(1)));
    // A handle that was there before goes on after it.
    pool.put(&two, b"after", b"1").unwrap();
    assert_eq!(told.take(), [(LogSeq(2), Origin::Foreign, None), (LogSeq(3), Origin::Own, Some(1))]);
    assert_eq!(pool.get(&two, &key(7)).unwrap(), Some(vec![1; 1_000]));
    pool.run(async move { one.refresh().await }).expect("it ends").expect("the disk works");
    assert_eq!(told.take(), [(LogSeq(3), Origin::Foreign, Some(1))]);
    drop(observers);
}

#[test]
fn what_was_in_memory_goes_along_and_small_runs_are_merged() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, options(), 1).unwrap();
    for round in 1..=20 {
        pool.put(&store, b"small", &[round; 10]).unwrap();
        assert_eq!(pool.run(put_many(&store, LARGE, Durability::Relaxed)), Some(Ok(u64::from(round))));
        assert_eq!(entries(&disk).len(), 1);
    }
    assert_eq!(found(&mut pool, &disk), (LARGE + 2, Some(20)));
    let stored = disk.bytes();
    assert!(stored < 3 * LARGE * 1_000, "{stored} bytes: what was written over is merged away");
}

#[test]
fn it_is_kept_as_it_asks_and_as_its_database_does() {
    use Durability::{Relaxed, Strict};
    for (database, asked, kept) in
        [(Relaxed, Relaxed, Relaxed), (Relaxed, Strict, Strict), (Strict, Relaxed, Strict), (Strict, Strict, Strict)]
    {
        let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
        let store = pool.open(&disk, &locks, Options { durability: database, ..options() }, 1).unwrap();
        assert_eq!(disk.kept(Operation::Publish), [database], "the first manifest");
        assert_eq!(pool.run(put_many(&store, LARGE, asked)), Some(Ok(1)));
        assert!(entries(&disk)[0].1 < 100, "{:?}", entries(&disk));
        assert_eq!(disk.kept(Operation::Publish)[1..], [kept], "{asked:?} in a {database:?} database");
        let written = disk.kept(Operation::WriteBlocks);
        assert!(!written.is_empty() && written.iter().all(|was| *was == kept), "{written:?}");
        assert_eq!(disk.kept(Operation::Append), []);
        // The next fold takes in what nobody waits for.
        pool.put(&store, b"after", b"1").unwrap();
        pool.run(async move { store.fold().await }).expect("it ends").expect("the disk works");
        assert_eq!(disk.kept(Operation::Publish)[2..], [database]);
        assert_eq!(disk.kept(Operation::WriteBlocks)[written.len()..], [database]);
    }
}

#[test]
fn one_beside_a_fold_is_appended() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options { fold_bytes: 100_000, ..options() }, 1).unwrap();
    let held = pool.run({
        let locks = locks.clone();
        async move { locks.lock(LockName::Checkpoint).await }
    });
    assert_eq!(pool.run(put_many(&store, LARGE, Durability::Relaxed)), Some(Ok(1)));
    assert!(blocks(&disk) == 0 && entries(&disk)[0].1 > LARGE * 1_000);
    assert_eq!(found(&mut pool, &disk), (LARGE + 1, Some(1)));
    drop(held);
}

#[test]
fn whatever_fails_it_is_there_once_or_not_at_all() {
    let faults = [
        (Operation::WriteBlocks, Fault::Abort, Some(1)),
        (Operation::WriteBlocks, Fault::Full, Some(1)),
        (Operation::WriteBlocks, Fault::UnknownApplied, Some(1)),
        (Operation::Publish, Fault::Abort, Some(1)),
        (Operation::Publish, Fault::Stale, Some(1)),
        (Operation::Publish, Fault::UnknownLost, Some(1)),
        (Operation::Publish, Fault::UnknownApplied, Some(1)),
        (Operation::WriteBlocks, Fault::CrashAfter, None),
        (Operation::Publish, Fault::CrashBefore, None),
        (Operation::Publish, Fault::CrashAfter, None),
    ];
    for (operation, fault, count) in faults {
        let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
        let store = pool.open(&disk, &locks, options(), 1).unwrap();
        disk.inject_next(operation, fault);
        let answer = pool.run(put_many(&store, LARGE, Durability::Relaxed));
        assert_eq!(answer, count.map(Ok), "{operation:?} {fault:?}");
        let is_there = (LARGE + 1, Some(1));
        let expected = if fault == Fault::CrashAfter && operation == Operation::Publish { is_there } else { (0, None) };
        assert_eq!(found(&mut pool, &disk), count.map_or(expected, |_| is_there), "{operation:?} {fault:?}");
    }
}

#[test]
fn without_room_it_is_refused_and_leaves_nothing_behind() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, options(), 1).unwrap();
    let before = disk.bytes();
    disk.limit_bytes(Some(100_000));
    let refused = pool.run(put_many(&store, LARGE, Durability::Relaxed)).expect("it ends");
    let is_full = |error: &StoreError| matches!(error.trouble(), Trouble::Disk(DiskError::Full(_)));
    assert!(matches!(&refused, Err(CommitError::Store(error)) if is_full(error)), "{refused:?}");
    assert_eq!(disk.bytes(), before);
    assert_eq!(pool.run(put_many(&store, 9, Durability::Relaxed)), Some(Ok(1)));
}

/// A rival commits once, when so many blocks were written, and the handle under test hears of it or not.
struct Rival {
    store: Store,
    told: RefCell<Option<Store>>,
    writes: Rc<Cell<usize>>,
    at: usize,
}

#[async_trait(?Send)]
impl Before for Rc<Rival> {
    async fn write_blocks(&self, _blocks: &[(BlockId, Vec<u8>)]) {
        self.writes.set(self.writes.get() + 1);
        if self.writes.get() == self.at {
            put(&self.store, b"rival", b"first").await.expect("the rival's disk works");
            let told = self.told.borrow().clone();
            if let Some(store) = told {
                store.refresh().await.expect("the disk works");
            }
        }
    }
}

#[test]
fn who_hears_that_another_was_first_writes_no_further_and_plans_again() {
    let mut writes = Vec::new();
    for is_told in [false, true] {
        let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
        let rival = pool.open(&disk.reopen(), &locks, options(), 2).unwrap();
        let before = Rc::new(Rival { store: rival, told: RefCell::default(), writes: Rc::default(), at: 2 });
        let (watched, count) = (Watched { disk: disk.clone(), before: before.clone() }, before.writes.clone());
        let opened = Database::open(Rc::new(watched), Rc::new(locks.clone()), options(), [1; SEED_BYTES]);
        let store = pool.run(opened).unwrap().unwrap();
        let driven = store.clone();
        pool.spawn(async move { driven.drive().await });
        before.told.replace(is_told.then(|| store.clone()));
        assert_eq!(pool.run(put_many(&store, 8_000, Durability::Relaxed)), Some(Ok(1)));
        assert_eq!(found(&mut pool, &disk), (8_000 + 2, Some(1)));
        writes.push(count.get());
    }
    // Fifteen writes make it whole; of the first try only as many are made as came before the news.
    assert_eq!(writes, [30, 17]);
}

#[test]
fn a_close_waits_for_it() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, options(), 1).unwrap();
    let (closing, commit) = (store.clone(), put_many(&store, LARGE, Durability::Relaxed));
    let both = async move { futures_util::future::join(commit, closing.close()).await.0 };
    assert_eq!(pool.run(both), Some(Ok(1)));
    assert_eq!(found(&mut pool, &disk), (LARGE + 1, Some(1)));
}

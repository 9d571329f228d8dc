//! Reads: directions and limits over all layers, read sets, restarts, bounded memory.

mod support;

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Instant;

use async_trait::async_trait;
use support::*;

use holm_store::*;

/// Makes blocks only when told.
fn by_hand() -> Options {
    Options { fold_bytes: usize::MAX, ..Options::default() }
}

fn key(n: u32) -> Vec<u8> {
    format!("key-{n:06}").into_bytes()
}

fn fold(pool: &mut Pool, store: &Store) {
    let store = store.clone();
    let folded = pool.run(async move { store.fold().await });
    assert_eq!(folded, Some(Ok(FoldOutcome::Published)));
}

fn put_many(pool: &mut Pool, store: &Store, keys: impl IntoIterator<Item = u32>, value: Vec<u8>) {
    let keys: Vec<Vec<u8>> = keys.into_iter().map(key).collect();
    let store = store.clone();
    let commit = async move {
        let plan = move |draft: &mut Draft<'_>| {
            keys.iter().for_each(|key| draft.put(key, &value));
            Ok::<_, PlanError<()>>(())
        };
        store.commit(Durability::Relaxed, plan).await
    };
    pool.run(commit).expect("the commit ends").expect("the disk works");
}

#[test]
fn what_was_folded_stays_in_memory_as_far_as_the_cache_has_room() {
    for (cache_bytes, stays) in [(1 << 20, true), (0, false)] {
        let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
        let store = pool.open(&disk, &locks, Options { cache_bytes, ..by_hand() }, 1).unwrap();
        put_many(&mut pool, &store, 0..2_000, b"value".to_vec());
        fold(&mut pool, &store);
        let unread = async move { disk.drop_blocks(&disk.list_blocks().await?, Durability::Relaxed).await };
        assert_eq!(pool.run(unread), Some(Ok(())));
        assert_eq!(pool.all(&store).map_or(0, |rows| rows.len()), if stays { 2_000 } else { 0 });
    }
}

/// Reads some keys into a set, then commits if the set still holds.
fn transaction(
    store: &Store,
    set: &Rc<RefCell<ReadSet>>,
) -> impl Future<Output = Result<(), CommitError<ReadConflict>>> + 'static {
    let (store, set) = (store.clone(), set.clone());
    async move {
        let plan = move |draft: &mut Draft<'_>| {
            draft.validate(&set.borrow()).map_err(PlanError::failed)?;
            draft.put(b"result", b"x");
            Ok(())
        };
        store.commit(Durability::Relaxed, plan).await
    }
}

fn read_into(
    pool: &mut Pool,
    store: &Store,
    set: &Rc<RefCell<ReadSet>>,
    range: KeyRange,
    limit: usize,
) -> Result<usize, ReadError> {
    let (store, set) = (store.clone(), set.clone());
    let read = async move {
        let found = store.rehearse(&set, |view| view.scan(&range, Direction::Forward, limit)).await;
        found.map(|rows| rows.len())
    };
    pool.run(read).expect("the read ends")
}

#[test]
fn a_draft_reads_its_own_writes_and_those_of_its_group() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &store, 0..4, b"old".to_vec());
    let (one, two) = (store.clone(), store.clone());
    let both = async move {
        let first = one.commit(Durability::Relaxed, |draft: &mut Draft<'_>| {
            draft.delete(&key(1));
            draft.put(&key(9), b"new");
            Ok::<_, PlanError<()>>(draft.scan(&KeyRange::all(), Direction::Backward, 2)?)
        });
        let second = two.commit(Durability::Relaxed, |draft: &mut Draft<'_>| {
            assert_eq!(draft.get(&key(1))?, None);
            draft.put(&key(1), b"again");
            Ok::<_, PlanError<()>>(draft.scan(&KeyRange::prefix(b"key-"), Direction::Forward, usize::MAX)?.len())
        });
        futures_util::future::join(first, second).await
    };
    let (first, second) = pool.run(both).unwrap();
    let keys: Vec<Key> = first.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [Key::from(key(9)), Key::from(key(3))]);
    assert_eq!(second, Ok(5));
}

#[test]
fn a_read_set_holds_until_something_in_it_changes() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &store, 0..10, b"old".to_vec());
    let conflict = Err(CommitError::Plan(ReadConflict));
    // What is changed after the first three keys were read, and whether that matters.
    for (changed, expected) in [(5, Ok(())), (2, conflict.clone()), (1, conflict.clone())] {
        let set = Rc::new(RefCell::new(ReadSet::new()));
        assert_eq!(read_into(&mut pool, &store, &set, KeyRange::all(), 3), Ok(3));
        put_many(&mut pool, &store, [changed], b"new".to_vec());
        assert_eq!(pool.run(transaction(&store, &set)).unwrap(), expected, "key {changed}");
    }
    // A key that comes into a range that was read.
    let set = Rc::new(RefCell::new(ReadSet::new()));
    assert_eq!(read_into(&mut pool, &store, &set, KeyRange::between(&key(20), &key(30)), 9), Ok(0));
    put_many(&mut pool, &store, [25], b"new".to_vec());
    assert_eq!(read_into(&mut pool, &store, &set, KeyRange::all(), 1), Err(ReadError::Conflict(ReadConflict)));
    assert_eq!(pool.run(transaction(&store, &set)).unwrap(), conflict);
}

#[test]
fn a_read_set_is_checked_against_the_group_and_against_what_was_folded_away() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &store, 0..10, b"old".to_vec());
    let set = Rc::new(RefCell::new(ReadSet::new()));
    read_into(&mut pool, &store, &set, KeyRange::prefix(&key(3)), 9).unwrap();
    let both = futures_util::future::join(put(&store, &key(3), b"new"), transaction(&store, &set));
    assert_eq!(pool.run(both), Some((Ok(()), Err(CommitError::Plan(ReadConflict)))), "both in one group");
    let set = Rc::new(RefCell::new(ReadSet::new()));
    read_into(&mut pool, &store, &set, KeyRange::prefix(&key(3)), 9).unwrap();
    fold(&mut pool, &store);
    assert_eq!(pool.run(transaction(&store, &set)), Some(Ok(())), "nothing was committed since");
    let set = Rc::new(RefCell::new(ReadSet::new()));
    read_into(&mut pool, &store, &set, KeyRange::prefix(&key(3)), 9).unwrap();
    put_many(&mut pool, &store, [8], b"new".to_vec());
    fold(&mut pool, &store);
    assert_eq!(pool.run(transaction(&store, &set)), Some(Err(CommitError::Plan(ReadConflict))), "nobody can tell");
}

#[test]
fn a_scan_of_more_than_the_cache_holds_ends() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let writer = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    put_many(&mut pool, &writer, 0..20_000, vec![1; 20]);
    fold(&mut pool, &writer);
    let handle = disk.reopen();
    let reader = pool.open(&handle, &locks, Options { cache_bytes: 40_000, ..Options::default() }, 2).unwrap();
    let before = handle.operations();
    assert_eq!(pool.all(&reader).unwrap().len(), 20_000);
    let reads = handle.operations() - before;
    assert!(reads <= 8, "{reads} reads for 79 blocks");
    // Stopping early reads no more than it needs.
    let before = handle.operations();
    let store = reader.clone();
    let first = pool.run(async move {
        let mut seen = 0;
        let stop = |_: &[u8], _: &[u8]| {
            seen += 1;
            ControlFlow::Break(())
        };
        let mut stop = stop;
        store.read(|view| view.visit(&KeyRange::all(), Direction::Backward, &mut stop)).await.map(|()| seen)
    });
    assert_eq!(first, Some(Ok(1)));
    assert!(handle.operations() - before <= 1);
}

#[test]
fn what_one_operation_may_hold_is_limited() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let writer = pool.open(&disk, &locks, by_hand(), 1).unwrap();
    for n in 0..20 {
        put_many(&mut pool, &writer, [n], vec![1; 4 << 20]);
    }
    fold(&mut pool, &writer);
    let reader = pool.open(&disk.reopen(), &locks, Options::default(), 2).unwrap();
    assert!(matches!(pool.all(&reader), Err(error) if matches!(error.trouble(), Trouble::TooLarge { .. })));
    let (one, two) = (reader.clone(), reader.clone());
    let commits = async move {
        let large = one.commit(Durability::Relaxed, |draft: &mut Draft<'_>| {
            Ok::<_, PlanError<()>>(draft.scan(&KeyRange::all(), Direction::Forward, usize::MAX)?.len())
        });
        futures_util::future::join(large, put(&two, b"small", b"1")).await
    };
    let (large, small) = pool.run(commits).unwrap();
    let too_large = |error: &CommitError<()>| matches!(error, CommitError::Store(error) if matches!(error.trouble(), Trouble::TooLarge { .. }));
    assert!(large.as_ref().is_err_and(too_large), "{large:?}");
    assert_eq!(small, Ok(()));
    assert_eq!(pool.get(&reader, &key(7)).unwrap().map(|value| value.len()), Some(4 << 20));
}

/// A rival folds the blocks away before each of the next reads.
struct Folded {
    rival: Store,
    times: Rc<Cell<u32>>,
    asked: Rc<Cell<u32>>,
}

#[async_trait(?Send)]
impl Before for Folded {
    async fn read_blocks(&self) {
        self.asked.set(self.asked.get() + 1);
        if let Some(left) = self.times.get().checked_sub(1) {
            self.times.set(left);
            for _ in 0..2 {
                put(&self.rival, b"key", b"newer").await.expect("the rival's disk works");
                // While the reader holds the lock, the rival cannot fold.
                self.rival.fold().await.expect("the rival's disk works");
            }
        }
    }
}

#[test]
fn a_reader_whose_blocks_are_dropped_again_and_again_keeps_folders_away() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let rival = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    pool.put(&rival, b"key", b"old").unwrap();
    fold(&mut pool, &rival);
    let (times, asked) = (Rc::new(Cell::new(1_000)), Rc::new(Cell::new(0)));
    let before = Folded { rival: rival.clone(), times, asked: asked.clone() };
    let watched = Rc::new(Watched { disk: disk.reopen(), before });
    let opened = Database::open(watched, Rc::new(locks.clone()), Options::default(), [2; SEED_BYTES]);
    let reader = pool.run(opened).unwrap().unwrap();
    let value = pool.run(async move { reader.read(|view| view.get(b"key")).await });
    assert_eq!(value.unwrap().unwrap().as_deref(), Some(&b"newer"[..]));
    assert!(asked.get() <= 6, "{} reads", asked.get());
    fold(&mut pool, &rival);
}

#[test]
fn reads_take_about_a_microsecond() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, by_hand(), 1).unwrap();
    put_many(&mut pool, &store, 0..10_000, vec![1; 300]);
    for place in ["memory", "blocks"] {
        assert_eq!(pool.all(&store).unwrap().len(), 10_000);
        let reader = store.clone();
        let read = async move {
            let start = Instant::now();
            for n in 0..100_000_u32 {
                let key = key(n.wrapping_mul(7_919) % 10_000);
                assert!(reader.read(|view| view.get(&key)).await.unwrap().is_some());
            }
            let one = start.elapsed() / 100_000;
            let keys: Vec<Vec<u8>> = (0..10_000).map(key).collect();
            let start = Instant::now();
            let all = reader.read(|view| {
                keys.iter().try_for_each(|key| {
                    assert!(view.get(key)?.is_some());
                    Ok(())
                })
            });
            all.await.unwrap();
            let inside = start.elapsed() / 10_000;
            let start = Instant::now();
            let mut count = 0;
            let count_all = reader.read(|view| {
                count = 0;
                view.visit(&KeyRange::all(), Direction::Forward, &mut |_, _| {
                    count += 1;
                    ControlFlow::Continue(())
                })
            });
            count_all.await.unwrap();
            (one, inside, start.elapsed() / count)
        };
        let (one, inside, each) = pool.run(read).unwrap();
        println!("{place}: {one:?} a get of its own, {inside:?} a get of many, {each:?} a record scanned");
        assert!(one.as_micros() < 50, "{one:?}");
        if place == "memory" {
            fold(&mut pool, &store);
        }
    }
}

//! Folding: blocks, reuse, retirement, readers of dropped blocks.

mod support;

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
    assert!(blocks(&disk) >= 5_000 / 256);
    assert_eq!(entries(&disk), [LogSeq(1)], "the last folded entry stays");
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
    assert_eq!(blocks(&disk), first + 1, "one block of level 0");
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

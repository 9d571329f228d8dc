//! Commits: grouping, refusals, races, fences, closing.

mod support;

use support::*;

use holm_store::*;

#[test]
fn a_write_is_read_here_there_and_after_a_reopen() {
    let (mut pool, disk, locks) = (Pool::default(), MemoryDisk::new(), MemoryLocks::new());
    let one = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let two = pool.open(&disk.reopen(), &locks, Options::default(), 2).unwrap();
    pool.put(&one, b"a", b"1").unwrap();
    pool.put(&two, b"b", b"2").unwrap();
    assert_eq!(one.database_id(), two.database_id());
    let three = pool.open(&disk.reopen(), &locks, Options::default(), 3).unwrap();
    let refresh = one.clone();
    pool.run(async move { refresh.refresh().await }).unwrap().unwrap();
    for store in [&one, &two, &three] {
        assert_eq!(pool.all(store).unwrap(), [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"2".to_vec())]);
    }
}

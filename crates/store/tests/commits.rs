//! Commits: grouping, refusals, races, fences, closing.

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_trait::async_trait;
use support::*;

use holm_store::*;

fn entries(disk: &FaultyDisk) -> usize {
    disk.places().iter().filter(|(place, _)| matches!(place, Place::Entry(_))).count()
}

fn failed_with<R>(answer: &Result<R, CommitError<()>>, is: fn(&Trouble) -> bool) -> bool {
    matches!(answer, Err(CommitError::Store(error)) if is(error.trouble()))
}

fn refresh(pool: &mut Pool, store: &Store) -> Result<(), StoreError> {
    let store = store.clone();
    pool.run(async move { store.refresh().await }).expect("the load ends")
}

/// Collects what commits answer.
type Answers<R> = Rc<RefCell<Vec<R>>>;

fn collect<R: 'static>(pool: &Pool, answers: &Answers<R>, commit: impl Future<Output = R> + 'static) {
    let answers = answers.clone();
    pool.spawn(async move {
        let answer = commit.await;
        answers.borrow_mut().push(answer);
    });
}

#[test]
fn a_write_is_read_here_there_and_after_a_reopen() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let one = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let two = pool.open(&disk.reopen(), &locks, Options::default(), 2).unwrap();
    pool.put(&one, b"a", b"1").unwrap();
    pool.put(&two, b"b", b"2").unwrap();
    assert_eq!(one.database_id(), two.database_id());
    let three = pool.open(&disk.reopen(), &locks, Options::default(), 3).unwrap();
    refresh(&mut pool, &one).unwrap();
    for store in [&one, &two, &three] {
        assert_eq!(pool.all(store).unwrap(), [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"2".to_vec())]);
    }
}

#[test]
fn who_opens_an_empty_disk_together_makes_one_store() {
    // Each of them loads, publishes and loads: every way in which the two can overlap, where each waits for up to three turns.
    for order in 0..4_u32.pow(6) {
        let (mut pool, disk) = (Pool::default(), FaultyDisk::new());
        let opened = Rc::default();
        for tab in 0..2_u8 {
            let disk = disk.reopen();
            for operation in 0..3 {
                let turns = order >> (2 * (operation + 3 * u32::from(tab))) & 3;
                disk.inject(u64::from(operation), Fault::Slow(turns));
            }
            let seed = [tab; SEED_BYTES];
            let open = Store::open(Rc::new(disk), Rc::new(MemoryLocks::new()), Options::default(), seed);
            collect(&pool, &opened, open);
        }
        pool.settle();
        let names: Vec<_> = opened.take().into_iter().map(|store| store.expect("it opens").database_id()).collect();
        assert!(names.len() == 2 && names[0] == names[1], "{order}");
    }
}

#[test]
fn a_log_that_could_not_be_read_is_no_refusal_of_a_position() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let (append, load) = (Fault::Stale, Fault::Abort);
    for (from_now, fault) in [(0, append), (1, load), (2, load), (4, append), (5, load)] {
        disk.inject(from_now, fault);
    }
    pool.put(&store, b"a", b"1").unwrap();
    assert_eq!(pool.all(&store).unwrap(), [(b"a".to_vec(), b"1".to_vec())]);
}

#[test]
fn a_thousand_concurrent_commits_travel_in_few_entries() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let answers = Answers::default();
    let start = std::time::Instant::now();
    for _ in 0..1_000 {
        collect(&pool, &answers, increment(&store, b"n"));
    }
    pool.settle();
    println!("1,000 grouped increments: {:?}", start.elapsed());
    let mut got: Vec<u64> = answers.borrow().iter().map(|answer| *answer.as_ref().unwrap()).collect();
    got.sort_unstable();
    assert_eq!(got, (1..=1_000).collect::<Vec<_>>(), "each planned over those before it");
    assert!(entries(&disk) <= 3, "{} entries", entries(&disk));
}

#[test]
fn a_huge_write_over_the_quota_fails_alone() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    disk.limit_bytes(Some(100_000));
    let answers = Answers::default();
    for n in 0..100_u8 {
        let value = if n == 50 { vec![1; 200_000] } else { vec![1; 100] };
        collect(&pool, &answers, put(&store, &[n], &value));
    }
    pool.settle();
    let failed = |answer: &&Result<(), CommitError<()>>| {
        failed_with(answer, |trouble| matches!(trouble, Trouble::Disk(DiskError::Full(_))))
    };
    assert_eq!(answers.borrow().iter().filter(failed).count(), 1);
    assert_eq!(answers.borrow().iter().filter(|answer| answer.is_ok()).count(), 99);
    assert_eq!(pool.all(&store).unwrap().len(), 99);
    disk.limit_bytes(None);
    pool.put(&store, &[50], &vec![1; 200_000]).unwrap();
}

#[test]
fn a_plan_that_refuses_writes_nothing_and_does_not_fail_its_group() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let answers = Answers::default();
    for n in 0..10_u8 {
        let store = store.clone();
        let commit = async move {
            let plan = move |draft: &mut Draft<'_>| {
                draft.put(&[n], b"x");
                if n % 2 == 0 { Ok(()) } else { Err(PlanError::failed(n)) }
            };
            store.commit(Durability::Relaxed, plan).await
        };
        collect(&pool, &answers, commit);
    }
    pool.settle();
    assert_eq!(answers.borrow().iter().filter(|answer| matches!(answer, Err(CommitError::Plan(_)))).count(), 5);
    assert_eq!(pool.all(&store).unwrap().len(), 5);
    assert_eq!(entries(&disk), 1);
}

#[test]
fn a_plan_that_writes_nothing_needs_no_entry() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let asked = disk.operations();
    let reader = store.clone();
    let commit = async move { reader.commit(Durability::Strict, |_| Ok::<_, PlanError<()>>(7)).await };
    assert_eq!(pool.run(commit), Some(Ok(7)));
    assert_eq!(disk.operations(), asked);
}

#[test]
fn two_handles_that_hammer_lose_no_increment() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let options = Options { fold_bytes: 2_000, ..Options::default() };
    let slow = FaultRates { slow: 500, ..FaultRates::default() };
    let handles: Vec<Store> = (1..=3_u8)
        .map(|n| {
            let handle = disk.reopen();
            handle.draw_faults(random(n), slow);
            pool.open(&handle, &locks, options.clone(), n).unwrap()
        })
        .collect();
    let answers = Answers::default();
    for store in &handles {
        let (store, answers) = (store.clone(), answers.clone());
        pool.spawn(async move {
            for _ in 0..100 {
                let answer = increment(&store, b"n").await.unwrap();
                answers.borrow_mut().push(answer);
            }
        });
    }
    pool.settle();
    let mut got = answers.borrow().clone();
    got.sort_unstable();
    assert_eq!(got, (1..=300).collect::<Vec<_>>());
}

/// Locks that count how often the one for writing was asked for.
#[derive(Clone, Default)]
struct Counted(MemoryLocks, Rc<Cell<u32>>);

#[async_trait(?Send)]
impl Locks for Counted {
    async fn lock(&self, name: LockName) -> HeldLock {
        if name == LockName::Write {
            self.1.set(self.1.get() + 1);
        }
        self.0.lock(name).await
    }

    async fn try_lock(&self, name: LockName) -> Option<HeldLock> {
        self.0.try_lock(name).await
    }
}

/// Somebody else commits just before each of the next commits takes effect.
#[derive(Clone)]
struct Raced {
    rival: Store,
    times: Rc<Cell<u8>>,
}

#[async_trait(?Send)]
impl Before for Raced {
    async fn append(&self, _entry: &[u8]) {
        self.publish(&StoredManifest::default(), None).await;
    }

    async fn publish(&self, _manifest: &StoredManifest, _kept: Option<&[u8]>) {
        if let Some(left) = self.times.get().checked_sub(1) {
            self.times.set(left);
            put(&self.rival, b"rival", b"first").await.expect("the rival's disk works");
        }
    }
}

#[test]
fn who_lost_four_times_asks_for_the_lock_and_with_a_large_write_once() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), Counted::default());
    let rival = pool.open(&disk.reopen(), &locks.0, Options::default(), 2).unwrap();
    let raced = Raced { rival, times: Rc::default() };
    let watched = Rc::new(Watched { disk, before: raced.clone() });
    let opened = Database::open(watched, Rc::new(locks.clone()), Options::default(), [1; SEED_BYTES]);
    let store = pool.run(opened).unwrap().unwrap();
    let driven = store.clone();
    pool.spawn(async move { driven.drive().await });
    let (small, large) = (1, 5 << 20);
    for (bytes, lost, asked) in
        [(small, 3, 0), (small, 4, 1), (small, 7, 1), (large, 0, 0), (large, 1, 1), (large, 7, 1)]
    {
        raced.times.set(lost);
        locks.1.set(0);
        let store = store.clone();
        let commit = async move {
            let plan = move |draft: &mut Draft<'_>| {
                draft.put(b"mine", &vec![b'x'; bytes]);
                Ok::<_, PlanError<()>>(())
            };
            store.commit(Durability::Relaxed, plan).await
        };
        assert_eq!(pool.run(commit), Some(Ok(())));
        assert_eq!(locks.1.get(), asked, "{bytes} bytes that lost {lost} times");
    }
}

#[test]
fn a_position_that_stays_free_and_is_refused_is_damage() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    for _ in 0..3 {
        disk.inject_next(Operation::Append, Fault::Stale);
    }
    pool.put(&store, b"k", b"v").unwrap();
    for _ in 0..4 {
        disk.inject_next(Operation::Append, Fault::Stale);
    }
    assert!(failed_with(&pool.put(&store, b"k", b"w"), |trouble| matches!(trouble, Trouble::Corrupt(_))));
    pool.put(&store, b"k", b"x").unwrap();
}

#[test]
fn an_unknown_outcome_is_settled() {
    for fault in [Fault::UnknownApplied, Fault::UnknownLost] {
        let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
        let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
        disk.inject_next(Operation::Append, fault);
        assert_eq!(pool.run(increment(&store, b"n")).unwrap(), Ok(1));
        disk.inject_next(Operation::Append, fault);
        disk.inject_next(Operation::Load, Fault::UnknownLost);
        assert_eq!(pool.run(increment(&store, b"n")).unwrap(), Ok(2));
        assert_eq!(entries(&disk), 2);
    }
}

#[test]
fn an_outcome_that_cannot_be_settled_is_told_as_unknown() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    disk.inject_next(Operation::Append, Fault::UnknownApplied);
    for _ in 0..4 {
        disk.inject_next(Operation::Load, Fault::Unavailable);
    }
    let answer = pool.run(increment(&store, b"n")).unwrap();
    assert!(failed_with(&answer, |trouble| matches!(trouble, Trouble::Unknown(_))), "{answer:?}");
    assert_eq!(pool.run(increment(&store, b"n")).unwrap(), Ok(2), "it was there after all");
}

#[test]
fn a_newer_version_stops_the_older_one_and_is_refused_by_it() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let fence = |schema| Options { fence: Fence { format: 1, schema }, ..Options::default() };
    let old = pool.open(&disk, &locks, fence(1), 1).unwrap();
    pool.put(&old, b"a", b"1").unwrap();
    let new = pool.open(&disk.reopen(), &locks, fence(2), 2).unwrap();
    pool.put(&old, b"a", b"2").unwrap();
    pool.put(&new, b"b", b"1").unwrap();
    let newer = StoreError::from(Trouble::NewerVersion(Fence { format: 1, schema: 2 }));
    assert_eq!(pool.put(&old, b"a", b"3"), Err(CommitError::Store(newer.clone())));
    assert_eq!(pool.put(&old, b"a", b"4"), Err(CommitError::Store(newer.clone())));
    assert_eq!(old.fence(), Fence { format: 1, schema: 2 });
    assert_eq!(pool.get(&old, b"a").unwrap().as_deref(), Some(&b"2"[..]), "what it has can be read");
    assert_eq!(pool.get(&new, b"a").unwrap().as_deref(), Some(&b"2"[..]));
    let before = disk.places();
    assert_eq!(pool.open(&disk.reopen(), &locks, fence(1), 3).err(), Some(newer.clone()));
    assert_eq!(disk.places(), before);
    let fold = new.clone();
    assert_eq!(pool.run(async move { fold.fold().await }), Some(Ok(FoldOutcome::Published)));
    assert_eq!(pool.open(&disk.reopen(), &locks, fence(1), 4).err(), Some(newer), "the manifest carries it as well");
}

#[test]
fn a_storage_that_was_cleared_is_not_written_on() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    pool.put(&store, b"a", b"1").unwrap();
    disk.clear();
    let told = Rc::new(Cell::new(0));
    let (counting, observed) = (told.clone(), store.clone());
    let _observer = observed.observe(move |applied| {
        assert_eq!(applied.change, Change::Everything);
        counting.set(counting.get() + 1);
    });
    assert_eq!(refresh(&mut pool, &store), Err(Trouble::Replaced.into()));
    assert_eq!(pool.put(&store, b"a", b"2"), Err(CommitError::Store(Trouble::Replaced.into())));
    assert_eq!(pool.all(&store), Err(Trouble::Replaced.into()), "what is in memory is of another storage");
    store.replaced();
    assert_eq!(told.get(), 1, "whoever watches is told, once");
    let again = pool.open(&disk.reopen(), &locks, Options::default(), 2).unwrap();
    assert_ne!(again.database_id(), store.database_id());
    assert_eq!(pool.all(&again).unwrap(), []);
}

#[test]
fn observers_hear_of_every_entry_before_its_commit_resolves() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let one = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let two = pool.open(&disk.reopen(), &locks, Options::default(), 2).unwrap();
    let heard: Answers<(LogSeq, Origin, usize)> = Answers::default();
    let (log, database) = (heard.clone(), one.clone());
    let observer = one.observe(move |applied| {
        assert_eq!(database.tail(), applied.seq, "reads show it already");
        let keys = match applied.change {
            Change::Keys(keys) => keys.len(),
            Change::Everything => usize::MAX,
        };
        log.borrow_mut().push((applied.seq, applied.origin, keys));
    });
    pool.put(&one, b"a", b"1").unwrap();
    pool.put(&two, b"b", b"1").unwrap();
    refresh(&mut pool, &one).unwrap();
    assert_eq!(*heard.borrow(), [(LogSeq(1), Origin::Own, 1), (LogSeq(2), Origin::Foreign, 1)]);
    pool.put(&two, b"c", b"1").unwrap();
    let folder = two.clone();
    pool.run(async move { folder.fold().await }).unwrap().unwrap();
    refresh(&mut pool, &one).unwrap();
    assert_eq!(heard.borrow().last(), Some(&(LogSeq(3), Origin::Foreign, usize::MAX)));
    drop(observer);
    pool.put(&one, b"a", b"2").unwrap();
    assert_eq!(heard.borrow().len(), 3);
}

#[test]
fn closing_finishes_what_waits_and_refuses_the_rest() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let answers = Answers::default();
    disk.inject_next(Operation::Append, Fault::Slow(5));
    collect(&pool, &answers, put(&store, b"a", b"1"));
    collect(&pool, &answers, put(&store, b"b", b"1"));
    let closing = store.clone();
    assert_eq!(pool.run(async move { closing.close().await }), Some(()));
    assert_eq!(*answers.borrow(), [Ok(()), Ok(())]);
    assert_eq!(pool.put(&store, b"c", b"1"), Err(CommitError::Store(Trouble::Closed.into())));
    assert_eq!(pool.get(&store, b"a"), Err(Trouble::Closed.into()));
    assert_eq!(refresh(&mut pool, &store), Err(Trouble::Closed.into()));
    let again = store.clone();
    assert_eq!(pool.run(async move { again.close().await }), Some(()));
}

#[test]
fn a_handle_whose_storage_is_said_to_be_gone_reads_and_writes_nothing() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    pool.put(&store, b"a", b"1").unwrap();
    store.replaced();
    assert_eq!(pool.all(&store), Err(Trouble::Replaced.into()));
    assert_eq!(pool.put(&store, b"a", b"2"), Err(CommitError::Store(Trouble::Replaced.into())));
    assert_eq!(entries(&disk), 1);
}

/// Others' turns: in the first so many of them another tab counts on, and this one hears of it.
#[derive(Default)]
struct Busy {
    tabs: RefCell<Option<(Store, Store)>>,
    changes: Cell<u64>,
    turns: Cell<u64>,
}

#[async_trait(?Send)]
impl Pace for Busy {
    fn begin(&self) {}

    fn is_spent(&self) -> bool {
        true
    }

    async fn turn(&self) {
        self.turns.set(self.turns.get() + 1);
        let tabs = self.tabs.borrow().clone();
        let Some((here, other)) = tabs.filter(|_| self.turns.get() <= self.changes.get()) else { return };
        increment(&other, b"n").await.expect("counted");
        here.refresh().await.expect("heard of");
    }

    async fn pause(&self) {
        std::future::pending().await
    }

    fn is_hidden(&self) -> bool {
        false
    }
}

#[test]
fn a_long_plan_lets_others_have_their_turn_and_sees_one_moment() {
    const PARTS: u8 = 8;
    for changes in 0..20 {
        let (mut pool, disk, locks, pace) =
            (Pool::default(), FaultyDisk::new(), MemoryLocks::new(), Rc::new(Busy::default()));
        let options = Options { pace: pace.clone(), ..Options::default() };
        let here = pool.open(&disk, &locks, options, 1).unwrap();
        let other = pool.open(&disk.reopen(), &locks, Options::default(), 2).unwrap();
        pace.tabs.replace(Some((here.clone(), other.clone())));
        pace.changes.set(changes);
        let mut part = 0;
        let plan = move |draft: &mut Draft<'_>| {
            if !draft.goes_on() {
                part = 0;
            }
            let seen = draft.get(b"n")?.map_or(0, |value| number(&value));
            draft.put(&[b'a', part], &seen.to_be_bytes());
            part += 1;
            if part < PARTS { Err(Missing::turn().into()) } else { Ok::<_, PlanError<()>>(()) }
        };
        let answers = Rc::default();
        collect(&pool, &answers, put(&here, b"before", b""));
        let store = here.clone();
        collect(&pool, &answers, async move { store.commit(Durability::Relaxed, plan).await });
        collect(&pool, &answers, put(&here, b"behind", b""));
        pool.settle();
        assert_eq!(answers.take(), [Ok(()), Ok(()), Ok(())], "{changes} changes");
        let rows = pool.all(&here).unwrap();
        let seen: Vec<u64> = rows.iter().filter(|(key, _)| key[0] == b'a').map(|(_, value)| number(value)).collect();
        assert_eq!(seen, [changes.min(5); PARTS as usize], "{changes} changes");
        assert!(pace.turns.get() >= u64::from(PARTS - 1).min(5), "{changes} changes");
        pace.tabs.take();
    }
}

#[test]
fn a_long_plan_that_refuses_leaves_nothing_behind() {
    let (mut pool, disk, locks) = (Pool::default(), FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).unwrap();
    let answers = Rc::default();
    collect(&pool, &answers, put(&store, b"b", b"1"));
    let (long, mut part) = (store.clone(), 0);
    let plan = move |draft: &mut Draft<'_>| {
        part += 1;
        draft.put(&[b'a', part], b"");
        Err::<(), _>(if part < 3 { Missing::turn().into() } else { PlanError::failed(()) })
    };
    collect(&pool, &answers, async move { long.commit(Durability::Relaxed, plan).await });
    pool.settle();
    assert_eq!(answers.take(), [Ok(()), Err(CommitError::Plan(()))]);
    assert_eq!(pool.all(&store).unwrap(), [(b"b".to_vec(), b"1".to_vec())]);
}

//! Random histories of two handles on one disk against a plain map, with a fault or a crash at any disk operation.
//!
//! The model keeps what the store holds after each log entry. A handle may lag behind, so what it shows must be the
//! model at its tail. A commit that was not answered, or answered with "unknown", must be there whole or not at all:
//! the tail of a handle opened afterwards tells which, and from then on it must stay so.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::*;

use holm_store::*;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Writes by key; no length is a deletion.
type Writes = Vec<(u8, Option<u16>)>;

#[derive(Clone, Debug)]
enum Step {
    Commit(usize, Writes),
    /// Reads the writes' keys, then commits only if the first was there.
    Update(usize, Writes),
    Get(usize, u8),
    Scan {
        handle: usize,
        from: u8,
        until: u8,
        direction: Direction,
        limit: usize,
    },
    Refresh(usize),
    Fold(usize),
    Reopen(usize),
    Inject {
        handle: usize,
        from_now: u64,
        fault: Fault,
    },
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Abort),
        Just(Fault::Full),
        Just(Fault::Unavailable),
        Just(Fault::Stale),
        Just(Fault::CrashBefore),
        Just(Fault::CrashAfter),
        Just(Fault::UnknownApplied),
        Just(Fault::UnknownLost),
        Just(Fault::Slow(3)),
    ]
}

fn writes() -> impl Strategy<Value = Writes> {
    let len = prop_oneof![Just(None), Just(Some(0)), Just(Some(20)), Just(Some(3_000))];
    prop::collection::vec((0..80_u8, len), 1..12)
}

fn step() -> impl Strategy<Value = Step> {
    let handle = 0..2_usize;
    let direction = prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
    prop_oneof![
        6 => (handle.clone(), writes()).prop_map(|(handle, writes)| Step::Commit(handle, writes)),
        2 => (handle.clone(), writes()).prop_map(|(handle, writes)| Step::Update(handle, writes)),
        2 => (handle.clone(), 0..80_u8).prop_map(|(handle, key)| Step::Get(handle, key)),
        3 => (handle.clone(), 0..80_u8, 0..90_u8, direction, prop_oneof![Just(usize::MAX), 0..6_usize])
            .prop_map(|(handle, from, until, direction, limit)| Step::Scan { handle, from, until, direction, limit }),
        1 => handle.clone().prop_map(Step::Refresh),
        3 => handle.clone().prop_map(Step::Fold),
        1 => handle.clone().prop_map(Step::Reopen),
        4 => (handle, 0..8_u64, fault())
            .prop_map(|(handle, from_now, fault)| Step::Inject { handle, from_now, fault }),
    ]
}

/// A disk that refuses a free position once more than that is damaged, and says so.
const REFUSALS_MAX: u8 = 3;

/// The stores under test beside the model.
struct Run {
    pool: Pool,
    disk: FaultyDisk,
    handles: Vec<(FaultyDisk, Store)>,
    seeds: u8,
    /// How often each handle was told that it lost a position that was free.
    refusals: [u8; 2],
    /// The content after each entry.
    history: BTreeMap<LogSeq, Model>,
    options: Options,
}

impl Run {
    fn new(options: Options) -> Self {
        let history = BTreeMap::from([(LogSeq(0), Model::new())]);
        let mut run = Self {
            pool: Pool::default(),
            disk: FaultyDisk::new(),
            handles: Vec::new(),
            seeds: 0,
            refusals: [0; 2],
            history,
            options,
        };
        for _ in 0..2 {
            let handle = run.open();
            run.handles.push(handle);
        }
        run
    }

    /// Each handle has locks of its own: none is needed to be safe.
    fn open(&mut self) -> (FaultyDisk, Store) {
        self.seeds += 1;
        let disk = self.disk.reopen();
        let store =
            self.pool.open(&disk, &MemoryLocks::new(), self.options.clone(), self.seeds).expect("the store opens");
        (disk, store)
    }

    fn last(&self) -> (LogSeq, &Model) {
        let (seq, model) = self.history.last_key_value().expect("it begins with the empty one");
        (*seq, model)
    }

    /// What the handle must show.
    fn model(&self, handle: usize) -> &Model {
        &self.history[&self.handles[handle].1.tail()]
    }

    fn revive(&mut self, handle: usize) {
        if self.handles[handle].0.is_crashed() {
            self.handles[handle] = self.open();
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Commit(handle, writes) => self.commit(handle, writes, false),
            Step::Update(handle, writes) => self.commit(handle, writes, true),
            Step::Get(handle, key) => {
                let store = self.handles[handle].1.clone();
                let read = self.pool.run(async move { store.read(|view| view.get(&[key])).await });
                if let Some(value) = self.answer(handle, read) {
                    assert_eq!(value.as_deref(), self.model(handle).get(&vec![key]).map(Vec::as_slice));
                }
            }
            Step::Scan { handle, from, until, direction, limit } => self.scan(handle, [from, until], direction, limit),
            Step::Refresh(handle) => {
                let store = self.handles[handle].1.clone();
                let refreshed = self.pool.run(async move { store.refresh().await });
                if self.answer(handle, refreshed).is_some() {
                    assert_eq!(self.handles[handle].1.tail(), self.last().0);
                }
            }
            Step::Fold(handle) => {
                let store = self.handles[handle].1.clone();
                let folded = self.pool.run(async move { store.fold().await });
                if let Some(FoldOutcome::Failed(error)) = self.answer(handle, folded) {
                    assert!(matches!(error, StoreError::Disk(_) | StoreError::Unknown(_)), "{error}");
                }
            }
            Step::Reopen(handle) => self.handles[handle] = self.open(),
            Step::Inject { handle, fault: Fault::Stale, .. } if self.refusals[handle] == REFUSALS_MAX => {}
            Step::Inject { handle, from_now, fault } => {
                self.refusals[handle] += u8::from(fault == Fault::Stale);
                self.handles[handle].0.inject(from_now, fault);
            }
        }
    }

    /// The result, unless the disk failed: then the handle lives on, or is opened anew after a crash.
    fn answer<R>(&mut self, handle: usize, answer: Option<Result<R, StoreError>>) -> Option<R> {
        match answer {
            None => self.revive(handle),
            Some(Err(error)) => assert!(matches!(error, StoreError::Disk(_)), "{error}"),
            Some(Ok(result)) => return Some(result),
        }
        None
    }

    fn scan(&mut self, handle: usize, [from, until]: [u8; 2], direction: Direction, limit: usize) {
        let store = self.handles[handle].1.clone();
        let range = KeyRange::between(&[from], &[until]);
        let read = self.pool.run(async move { store.read(|view| view.scan(&range, direction, limit)).await });
        let Some(found) = self.answer(handle, read) else { return };
        let found: Rows = found.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        let inside = |(key, _): &(&Vec<u8>, &Vec<u8>)| key[0] >= from && key[0] < until;
        let mut expected: Rows =
            self.model(handle).iter().filter(inside).map(|(key, value)| (key.clone(), value.clone())).collect();
        if direction == Direction::Backward {
            expected.reverse();
        }
        expected.truncate(limit);
        assert_eq!(found, expected);
    }

    fn commit(&mut self, handle: usize, writes: Writes, only_if_there: bool) {
        let tag = self.seeds.wrapping_mul(31).wrapping_add(self.last().0.0 as u8);
        let store = self.handles[handle].1.clone();
        let planned = writes.clone();
        let commit = async move {
            let plan = move |draft: &mut Draft<'_>| {
                if only_if_there && draft.get(&[planned[0].0])?.is_none() {
                    return Err(PlanError::Failed(()));
                }
                for (key, len) in &planned {
                    match len {
                        Some(len) => draft.put(&[*key], &vec![tag; usize::from(*len)]),
                        None => draft.delete(&[*key]),
                    }
                }
                Ok(())
            };
            store.commit(Durability::Relaxed, plan).await
        };
        let answer = self.pool.run(commit);
        let (before, model) = self.last();
        let mut after = model.clone();
        let first = vec![writes[0].0];
        let there = !only_if_there || model.contains_key(&first);
        for (key, len) in writes {
            match len {
                Some(len) => drop(after.insert(vec![key], vec![tag; usize::from(len)])),
                None => drop(after.remove(&vec![key])),
            }
        }
        match answer {
            Some(Ok(())) => {
                assert!(there);
                self.history.insert(before.next(), after);
                assert_eq!(self.handles[handle].1.tail(), before.next());
            }
            // A refusal needs no disk, so it is that of the handle's own moment.
            Some(Err(CommitError::Plan(()))) => assert!(only_if_there && !self.model(handle).contains_key(&first)),
            Some(Err(CommitError::Store(StoreError::Disk(_)))) => {}
            None | Some(Err(CommitError::Store(StoreError::Unknown(_)))) => {
                if self.open().1.tail() > before {
                    assert!(there);
                    self.history.insert(before.next(), after);
                }
                self.revive(handle);
            }
            Some(Err(CommitError::Store(error))) => panic!("{error}"),
        }
    }

    /// Whoever opens the store at the end finds the last of the model.
    fn end(mut self) {
        let store = self.open().1;
        assert_eq!(store.tail(), self.last().0);
        let rows: Model = self.pool.all(&store).expect("no fault is left").into_iter().collect();
        assert_eq!(&rows, self.last().1);
    }
}

fn run(steps: Vec<Step>, options: Options) {
    let mut run = Run::new(options);
    for step in steps {
        run.step(step);
    }
    run.end();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_store_is_a_map(steps in prop::collection::vec(step(), 1..60)) {
        run(steps, Options::default());
    }

    #[test]
    fn a_store_that_folds_by_itself_and_caches_nothing_is_a_map(steps in prop::collection::vec(step(), 1..60)) {
        run(steps, Options { fold_bytes: 2_000, cache_bytes: 0, ..Options::default() });
    }
}

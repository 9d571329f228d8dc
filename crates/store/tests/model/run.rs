//! One history: two handles beside the model, and what each may show.
//!
//! The model keeps what the store holds after each log entry. A handle may lag behind, so what it shows must be the
//! model at its tail. A commit that was not answered, or answered with "unknown", must be there whole or not at all:
//! whoever opens the store afterwards tells which, and from then on it must stay so.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::support::*;

use holm_store::*;

/// What a key holds: so many bytes, all of them the number of the batch that wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    batch: u8,
    len: u16,
}

type Model = BTreeMap<u8, Held>;

/// Writes by key; no length is a deletion.
pub type Writes = Vec<(u8, Option<u16>)>;

#[derive(Clone, Debug)]
pub enum Step {
    /// All at the same time: those of one handle travel together, those of two race.
    Commit(Vec<(usize, Writes)>),
    /// Reads the writes' first key, and commits only if it was there.
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
    /// So many bytes are left from here on, or any number of them.
    Limit(Option<u16>),
    Inject {
        handle: usize,
        from_now: u64,
        fault: Fault,
    },
}

/// A batch on its way.
#[derive(Clone, Debug)]
struct Sent {
    handle: usize,
    writes: Writes,
    number: u8,
    only_if_there: bool,
}

/// What an answer says of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    There,
    Absent,
    /// Whole or not at all.
    Either,
}

/// The process dies at operation `at` of the handle that was opened after `handle` others.
#[derive(Clone, Copy, Debug)]
pub struct Crash {
    handle: usize,
    at: u64,
    fault: Fault,
}

/// Plays a history once, then again with a crash before and after each of its operations; gives how often.
pub fn crash_everywhere(steps: &[Step], options: &Options) -> usize {
    let mut quiet = Run::new(options.clone(), None);
    quiet.play_all(steps);
    let mut runs = 1;
    for (handle, operations) in quiet.opened.iter().map(FaultyDisk::operations).enumerate() {
        for at in 0..operations {
            for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                runs += Run::new(options.clone(), Some(Crash { handle, at, fault })).play(steps);
            }
        }
    }
    runs
}

/// A disk that refuses a free position once more than that is damaged, and says so.
const REFUSALS_MAX: u8 = 3;

/// Out of 1,000 operations so many take their time, so that commits, folds and reads overlap.
const SLOW: FaultRates = FaultRates { slow: 200, abort: 0, full: 0, stale: 0, crash: 0, unknown: 0 };

/// The stores under test beside the model.
pub struct Run {
    pool: Pool,
    disk: FaultyDisk,
    handles: Vec<(FaultyDisk, Store)>,
    /// The disks of all handles that ever were.
    opened: Vec<FaultyDisk>,
    /// Which of them each handle has.
    numbers: [usize; 2],
    crash: Option<Crash>,
    batches: u8,
    /// How often each handle was told that it lost a position that was free.
    refusals: [u8; 2],
    /// The content after the log entries that a handle can have as its last.
    history: BTreeMap<LogSeq, Model>,
    options: Options,
}

impl Run {
    pub fn new(options: Options, crash: Option<Crash>) -> Self {
        let mut run = Self {
            pool: Pool::default(),
            disk: FaultyDisk::new(),
            handles: Vec::new(),
            opened: Vec::new(),
            numbers: [0; 2],
            crash,
            batches: 0,
            refusals: [0; 2],
            history: BTreeMap::from([(LogSeq(0), Model::new())]),
            options,
        };
        for number in 0..2 {
            let handle = run.open();
            run.handles.push(handle);
            run.numbers[number] = run.opened.len() - 1;
        }
        run
    }

    /// One run.
    pub fn play(mut self, steps: &[Step]) -> usize {
        self.play_all(steps);
        1
    }

    fn play_all(&mut self, steps: &[Step]) {
        steps.iter().for_each(|step| self.step(step));
        let (tail, rows) = self.audit();
        assert_eq!((tail, &rows), self.last());
    }

    /// Each handle has locks of its own: none is needed to be safe.
    fn open(&mut self) -> (FaultyDisk, Store) {
        loop {
            let (disk, number) = (self.disk.reopen(), self.opened.len());
            self.opened.push(disk.clone());
            let seed = u8::try_from(self.opened.len()).expect("histories are short");
            disk.draw_faults(random(seed), SLOW);
            if let Some(crash) = self.crash.filter(|crash| crash.handle == number) {
                disk.inject(crash.at, crash.fault);
            }
            if let Some(store) = self.pool.try_open(&disk, &MemoryLocks::new(), self.options.clone(), seed) {
                return (disk, store.expect("the store opens"));
            }
        }
    }

    fn reopen(&mut self, handle: usize) {
        self.handles[handle] = self.open();
        self.numbers[handle] = self.opened.len() - 1;
    }

    /// What somebody finds who opens the store now, and whom nothing happens to.
    fn audit(&mut self) -> (LogSeq, Model) {
        let store = self.pool.open(&self.disk.reopen(), &MemoryLocks::new(), Options::default(), 255);
        let store = store.expect("the store opens");
        let rows = self.pool.all(&store).expect("no fault is left");
        (store.tail(), rows.iter().map(|(key, value)| (key[0], Held::read(value))).collect())
    }

    fn last(&self) -> (LogSeq, &Model) {
        let (seq, model) = self.history.last_key_value().expect("it begins with the empty one");
        (*seq, model)
    }

    /// What the handle must show.
    fn model(&self, handle: usize) -> &Model {
        &self.history[&self.handles[handle].1.tail()]
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Commit(batches) => {
                let send = |(handle, writes): &(usize, Writes)| (*handle, writes.clone(), false);
                self.commit(batches.iter().map(send).collect());
            }
            Step::Update(handle, writes) => self.commit(vec![(*handle, writes.clone(), true)]),
            Step::Get(handle, key) => {
                let (store, key) = (self.handles[*handle].1.clone(), *key);
                let read = self.pool.run(async move { store.read(|view| view.get(&[key])).await });
                if let Some(value) = self.answer(*handle, read) {
                    assert_eq!(value.as_deref().map(Held::read), self.model(*handle).get(&key).copied());
                }
            }
            Step::Scan { handle, from, until, direction, limit } => {
                self.scan(*handle, [*from, *until], *direction, *limit);
            }
            Step::Refresh(handle) => {
                if self.refresh(*handle).is_some() {
                    assert_eq!(self.handles[*handle].1.tail(), self.last().0);
                }
            }
            Step::Fold(handle) => {
                let store = self.handles[*handle].1.clone();
                let folded = self.pool.run(async move { store.fold().await });
                if let Some(FoldOutcome::Failed(error)) = self.answer(*handle, folded) {
                    assert!(matches!(error.trouble(), Trouble::Disk(_) | Trouble::Unknown(_)), "{error}");
                }
            }
            Step::Reopen(handle) => self.reopen(*handle),
            Step::Limit(left) => self.disk.limit_bytes(left.map(|left| self.disk.bytes() + usize::from(left))),
            Step::Inject { handle, from_now, fault } => self.inject(*handle, *from_now, *fault),
        }
    }

    fn inject(&mut self, handle: usize, from_now: u64, fault: Fault) {
        let disk = &self.handles[handle].0;
        if fault == Fault::Stale {
            if self.refusals[handle] == REFUSALS_MAX {
                return;
            }
            self.refusals[handle] += 1;
        }
        disk.inject(from_now, fault);
        // The crash that is looked for comes before any other fault.
        let crash = self.crash.filter(|crash| crash.handle == self.numbers[handle]);
        if let Some(crash) = crash.filter(|crash| crash.at >= disk.operations()) {
            disk.inject(crash.at - disk.operations(), crash.fault);
        }
    }

    /// The result, unless the disk failed: then the handle lives on, or is opened anew after a crash.
    fn answer<R>(&mut self, handle: usize, answer: Option<Result<R, StoreError>>) -> Option<R> {
        match answer {
            None => self.reopen(handle),
            Some(Err(error)) => assert!(matches!(error.trouble(), Trouble::Disk(_)), "{error}"),
            Some(Ok(result)) => return Some(result),
        }
        None
    }

    fn refresh(&mut self, handle: usize) -> Option<()> {
        let store = self.handles[handle].1.clone();
        let refreshed = self.pool.run(async move { store.refresh().await });
        self.answer(handle, refreshed)
    }

    fn scan(&mut self, handle: usize, [from, until]: [u8; 2], direction: Direction, limit: usize) {
        let store = self.handles[handle].1.clone();
        let range = KeyRange::between(&[from], &[until]);
        let read = self.pool.run(async move { store.read(|view| view.scan(&range, direction, limit)).await });
        let Some(found) = self.answer(handle, read) else { return };
        let found: Vec<(u8, Held)> = found.iter().map(|(key, value)| (key[0], Held::read(value))).collect();
        let inside = |(key, _): &(&u8, &Held)| **key >= from && **key < until;
        let mut expected: Vec<(u8, Held)> =
            self.model(handle).iter().filter(inside).map(|(key, held)| (*key, *held)).collect();
        if direction == Direction::Backward {
            expected.reverse();
        }
        expected.truncate(limit);
        assert_eq!(found, expected);
    }

    fn commit(&mut self, batches: Vec<(usize, Writes, bool)>) {
        let mut sent = Vec::new();
        for (handle, writes, only_if_there) in batches {
            self.batches += 1;
            let batch = Sent { handle, writes, number: self.batches, only_if_there };
            let (answer, told) = (Rc::new(RefCell::new(None)), batch.commit(&self.handles[handle].1));
            let slot = answer.clone();
            self.pool.spawn(async move { *slot.borrow_mut() = Some(told.await) });
            sent.push((batch, answer));
        }
        self.pool.settle();
        let fates: Vec<(Sent, Fate)> = sent
            .into_iter()
            .map(|(batch, answer)| {
                let fate = self.fate(&batch, answer.take());
                (batch, fate)
            })
            .collect();
        let first = fates[0].0.handle;
        let certain = fates.iter().all(|(batch, fate)| batch.handle == first && *fate != Fate::Either);
        let before = self.last().1.clone();
        let (tail, after) = if certain {
            let there = fates.iter().filter(|(_, fate)| *fate == Fate::There);
            let after = there.fold(before, |model, (batch, _)| batch.applied_to(model));
            (self.handles[first].1.tail().max(self.last().0), after)
        } else {
            // Which of the handles was first nobody was told, so all come to one moment.
            (0..2).for_each(|handle| self.catch_up(handle));
            let (tail, rows) = self.audit();
            let mut queues = [Vec::new(), Vec::new()];
            fates.into_iter().for_each(|(batch, fate)| queues[batch.handle].push((batch, fate)));
            assert!(can_become(before, [&queues[0], &queues[1]], &rows), "torn, lost or done twice: {queues:?}");
            (tail, rows)
        };
        self.history.insert(tail, after);
    }

    fn fate(&self, batch: &Sent, answer: Option<Result<(), CommitError<()>>>) -> Fate {
        let there = |model: &Model| model.contains_key(&batch.writes[0].0);
        match answer {
            Some(Ok(())) => {
                assert!(!batch.only_if_there || there(self.last().1));
                Fate::There
            }
            // A refusal needs no disk, so it is that of the handle's own moment.
            Some(Err(CommitError::Plan(()))) => {
                assert!(batch.only_if_there && !there(self.model(batch.handle)));
                Fate::Absent
            }
            None => Fate::Either,
            Some(Err(CommitError::Store(error))) => match error.trouble() {
                Trouble::Disk(_) => Fate::Absent,
                Trouble::Unknown(_) => Fate::Either,
                other => panic!("{other}"),
            },
        }
    }

    fn catch_up(&mut self, handle: usize) {
        if self.handles[handle].0.is_crashed() {
            self.reopen(handle);
        }
        while self.refresh(handle).is_none() {}
    }
}

impl Held {
    fn new(batch: u8, len: u16) -> Self {
        Self { batch: if len == 0 { 0 } else { batch }, len }
    }

    fn read(value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let batch = value.first().copied().unwrap_or(0);
        assert!(value == vec![batch; value.len()], "a value of two batches");
        Self { batch, len: u16::try_from(value.len()).expect("values are short") }
    }
}

impl Sent {
    fn commit(&self, store: &Store) -> impl Future<Output = Result<(), CommitError<()>>> + 'static {
        let (store, Self { writes, number, only_if_there, .. }) = (store.clone(), self.clone());
        let plan = move |draft: &mut Draft<'_>| {
            if only_if_there && draft.get(&[writes[0].0])?.is_none() {
                return Err(PlanError::failed(()));
            }
            for (key, len) in &writes {
                match len {
                    Some(len) => draft.put(&[*key], &vec![number; usize::from(*len)]),
                    None => draft.delete(&[*key]),
                }
            }
            Ok(())
        };
        async move { store.commit(Durability::Relaxed, plan).await }
    }

    fn applied_to(&self, mut model: Model) -> Model {
        for (key, len) in &self.writes {
            match len {
                Some(len) => drop(model.insert(*key, Held::new(self.number, *len))),
                None => drop(model.remove(key)),
            }
        }
        model
    }
}

/// Whether the batches of two handles, each in order, can make `rows` of a model.
fn can_become(model: Model, queues: [&[(Sent, Fate)]; 2], rows: &Model) -> bool {
    if queues.iter().all(|queue| queue.is_empty()) {
        return model == *rows;
    }
    (0..2).any(|handle| {
        let Some(((batch, fate), rest)) = queues[handle].split_first() else { return false };
        let mut left = queues;
        left[handle] = rest;
        let there = *fate != Fate::Absent && can_become(batch.applied_to(model.clone()), left, rows);
        there || *fate != Fate::There && can_become(model.clone(), left, rows)
    })
}

/// Says where the crash was, if the test fails.
impl Drop for Run {
    fn drop(&mut self) {
        if let Some(crash) = self.crash.filter(|_| std::thread::panicking()) {
            println!("with {crash:?}");
        }
    }
}

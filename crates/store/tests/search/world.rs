//! All tabs and their disk at one moment, every step from it, and what must hold in it.

use std::rc::Rc;

use holm_store::machine::{Append, AppendOutcome, AppendRequest, Fold, FoldAnswer, FoldRequest, Tables};
use holm_store::{DiskError, Durability, Records, Trouble};

use crate::disk::{Fault, Mistake, ModelDisk, outcome};
use crate::tab::{CommitAnswer, Committing, FILLER, Folding, Job, Live, Way, content};

/// How far the search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    pub tabs: u8,
    /// Increments of each tab.
    pub jobs: u8,
    /// So many tabs make blocks of theirs at once.
    pub adopts: u8,
    /// In all.
    pub folds: u8,
    pub refreshes: u8,
    pub faults: u8,
    pub crashes: u8,
    pub base: Base,
    pub sweeps: Sweeps,
    pub mistake: Mistake,
}

/// What is stored before the first increment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// Nothing: each fold goes into the base.
    Empty,
    /// So much that the first folds make a run of their own.
    Large,
    /// A little, folded twice: each fold goes into the base, and drops what fell out in the fold before.
    Folded,
}

impl Base {
    /// What is written, each folded at once.
    fn values(self) -> &'static [&'static [u8]] {
        match self {
            Self::Empty => &[],
            Self::Large => &[&[b'f'; 2_000]],
            Self::Folded => &[b"f", b"F"],
        }
    }
}

/// What folds do about blocks that others left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sweeps {
    Never,
    Always,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Tab {
    live: Option<Live>,
    lives: u8,
    jobs_done: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    disk: Rc<ModelDisk>,
    tabs: Vec<Rc<Tab>>,
    left: Bounds,
    /// Every increment that reached the log, in order.
    history: Vec<Job>,
    acknowledged: u32,
    failed: u32,
    /// So many there were.
    faults: u8,
}

/// A broken promise, or a step that led nowhere new.
pub type Step = Result<World, String>;

impl World {
    pub fn new(bounds: Bounds) -> Self {
        let mut disk = ModelDisk::new();
        bounds.base.values().iter().for_each(|value| fill(&mut disk, value));
        let disk = Rc::new(disk);
        let tab = |number: u8| {
            let live = Live::open(&disk, u64::from(number) << 8).expect("an empty store opens");
            Rc::new(Tab { live: Some(live), lives: 0, jobs_done: 0 })
        };
        let tabs = (1..=bounds.tabs).map(tab).collect();
        Self { disk, tabs, left: bounds, history: Vec::new(), acknowledged: 0, failed: 0, faults: 0 }
    }

    /// Every step that any tab, or fate, can take now.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for tab in 0..self.tabs.len() {
            let Some(live) = &self.tabs[tab].live else {
                steps.push(self.after(|world| world.reopen(tab)));
                continue;
            };
            self.commit_steps(tab, live, &mut steps);
            self.fold_steps(tab, live, &mut steps);
            self.refresh_steps(tab, live, &mut steps);
            if self.left.crashes > 0 {
                steps.push(self.after(|world| world.crash(tab)));
            }
        }
        steps
    }

    /// Whether every tab is done, so that all must agree.
    pub fn is_quiet(&self) -> bool {
        let quiet = |tab: &Rc<Tab>| {
            let idle = |live: &Live| live.commit.is_none() && live.fold.is_none() && live.refresh.is_none();
            tab.jobs_done == self.left.jobs && tab.live.as_ref().is_some_and(idle)
        };
        self.tabs.iter().all(quiet)
    }

    /// Everybody loads what they lack: all show the whole history, and every acknowledged increment is in it once.
    pub fn check_agreement(&self) -> Result<(), String> {
        for tab in &self.tabs {
            let mut live = tab.live.clone().ok_or("a tab is closed")?;
            let since = live.tables.since();
            live.refresh = Some((since, self.disk.load(since)));
            live.deliver_refresh()?;
            if live.rows(&self.disk)?.as_ref() != Some(&content(&self.history)) {
                return Err("a tab shows something else than was committed".into());
            }
        }
        let applied = self.history.iter().fold(0, |jobs, job| jobs | bit(*job));
        if self.acknowledged & !applied != 0 { Err("an acknowledged increment is lost".into()) } else { Ok(()) }
    }

    fn after(&self, change: impl FnOnce(&mut Self) -> Result<(), String>) -> Step {
        let mut world = self.clone();
        change(&mut world)?;
        Ok(world)
    }

    fn commit_steps(&self, tab: usize, live: &Live, steps: &mut Vec<Step>) {
        let alone = live.commits_alone();
        match &live.commit {
            Some(commit) if commit.answer.is_some() => steps.push(self.after(|world| world.deliver_commit(tab))),
            None if self.tabs[tab].jobs_done == self.left.jobs => {}
            None if !alone => steps.push(self.after(|world| world.plan(tab).map(drop))),
            commit => {
                let reading = commit.as_ref().is_some_and(|commit| match &commit.way {
                    Way::Append(append) => matches!(append.request(), AppendRequest::Load(_)),
                    Way::Adopt(fold) => reads(&fold.request()),
                });
                for fault in self.faults(reading) {
                    steps.push(self.after(|world| world.execute_commit(tab, fault, alone)));
                    if alone && self.left.crashes > 0 && !reading && fault == Fault::None {
                        steps.push(self.after(|world| {
                            world.execute_commit(tab, fault, false)?;
                            world.crash(tab)
                        }));
                    }
                }
            }
        }
    }

    fn fold_steps(&self, tab: usize, live: &Live, steps: &mut Vec<Step>) {
        match &live.fold {
            Some(fold) if fold.answer.is_some() => steps.push(self.after(|world| world.deliver_fold(tab))),
            None if self.left.folds == 0 => {}
            fold => {
                let reading = fold.as_ref().is_some_and(|fold| reads(&fold.machine.request()));
                let alone = live.commit.is_none() && live.refresh.is_none();
                for fault in self.faults(reading) {
                    steps.push(self.after(|world| world.execute_fold(tab, fault, alone)));
                }
            }
        }
    }

    fn refresh_steps(&self, tab: usize, live: &Live, steps: &mut Vec<Step>) {
        if live.refresh.is_some() {
            steps.push(self.after(|world| world.deliver_refresh(tab)));
        } else if self.left.refreshes > 0 {
            let alone = live.commit.is_none() && live.fold.is_none();
            steps.push(self.after(|world| {
                world.left.refreshes -= 1;
                let since = world.live(tab).tables.since();
                world.live(tab).refresh = Some((since, self.disk.load(since)));
                if alone { world.deliver_refresh(tab) } else { Ok(()) }
            }));
        }
    }

    fn faults(&self, reads: bool) -> Vec<Fault> {
        match (self.left.faults, reads) {
            (0, _) => vec![Fault::None],
            (_, true) => vec![Fault::None, Fault::UnknownLost],
            (_, false) => vec![Fault::None, Fault::UnknownApplied, Fault::UnknownLost, Fault::Abort],
        }
    }

    fn tab(&mut self, tab: usize) -> &mut Tab {
        Rc::make_mut(&mut self.tabs[tab])
    }

    fn live(&mut self, tab: usize) -> &mut Live {
        self.tab(tab).live.as_mut().expect("the step is of a tab that runs")
    }

    fn crash(&mut self, tab: usize) -> Result<(), String> {
        self.left.crashes -= 1;
        let died = self.tab(tab);
        // Nobody is there to try the increment again; whether it happened shows in the history.
        if died.live.take().is_some_and(|live| live.commit.is_some()) {
            died.jobs_done += 1;
        }
        Ok(())
    }

    fn reopen(&mut self, tab: usize) -> Result<(), String> {
        let disk = self.disk.clone();
        let opened = self.tab(tab);
        opened.lives += 1;
        opened.live = Some(Live::open(&disk, (tab as u64 + 1) << 8 | u64::from(opened.lives))?);
        self.check_tab(tab)
    }

    fn plan(&mut self, tab: usize) -> Result<bool, String> {
        let job = tab as u8 * self.left.jobs + self.tabs[tab].jobs_done;
        let disk = self.disk.clone();
        let adopts = tab < usize::from(self.left.adopts);
        let planned = self.live(tab).plan(&disk, job, adopts)?;
        self.write_at_once(tab);
        if !planned {
            let since = self.live(tab).tables.since();
            let failure = self.live(tab).tables.absorb(since, disk.load(since)).failure;
            if let Some(failure) = failure {
                return Err(failure.to_string());
            }
        }
        Ok(planned)
    }

    /// Does the commit's next operation on the disk; `deliver` gives the answer at once.
    fn execute_commit(&mut self, tab: usize, fault: Fault, deliver: bool) -> Result<(), String> {
        if self.live(tab).commit.is_none() && !self.plan(tab)? {
            return Ok(());
        }
        self.spend(fault);
        let commit = self.live(tab).commit.clone().ok_or("there is a commit after planning")?;
        let (before, mistake) = (self.disk.last_key(), self.left.mistake);
        let disk = Rc::make_mut(&mut self.disk);
        let request = match &commit.way {
            Way::Append(append) => Ok(append.request()),
            Way::Adopt(fold) => Err(fold.request()),
        };
        let visible = matches!(request, Err(FoldRequest::Drop(_)));
        let answer = match request {
            Ok(AppendRequest::Load(since)) => CommitAnswer::Loaded(outcome(fault, || Ok(disk.load(since)))),
            Ok(AppendRequest::Append { seq, entry, .. }) => {
                CommitAnswer::Appended(outcome(fault, || disk.append(seq, &entry, mistake)))
            }
            Err(request) => CommitAnswer::Folded(disk.answer(request, fault, mistake)),
        };
        if self.disk.last_key() > before {
            self.reached_the_log(&commit)?;
        } else if visible {
            self.check_disk()?;
        }
        self.live(tab).commit = Some(Committing { answer: Some(answer), ..commit });
        if deliver { self.deliver_commit(tab) } else { Ok(()) }
    }

    fn reached_the_log(&mut self, commit: &Committing) -> Result<(), String> {
        if self.history.contains(&commit.job) {
            return Err(format!("increment {} is in the log twice", commit.job));
        }
        if self.failed & bit(commit.job) != 0 {
            return Err(format!("increment {} was said to have failed", commit.job));
        }
        self.history.push(commit.job);
        if commit.value != self.history.len() as u64 {
            return Err(format!("increment {} was planned over something old", commit.job));
        }
        self.check_disk()
    }

    fn deliver_commit(&mut self, tab: usize) -> Result<(), String> {
        if let Some(answer) = self.mistaken_answer(tab) {
            return answer;
        }
        let ended = self.live(tab).deliver_commit();
        self.write_at_once(tab);
        self.check_tab(tab)?;
        let Some((job, outcome)) = ended else { return Ok(()) };
        let happened = self.history.contains(&job);
        match outcome {
            AppendOutcome::Stale => return Ok(()),
            AppendOutcome::Committed if !happened => return Err(format!("increment {job} is acknowledged and lost")),
            AppendOutcome::Committed => self.acknowledged |= bit(job),
            AppendOutcome::Failed(error) => match error.trouble() {
                Trouble::Unknown(_) if self.faults > 0 => {}
                Trouble::Disk(_) if happened => {
                    return Err(format!("increment {job} is said to have failed and is there"));
                }
                Trouble::Disk(_) => self.failed |= bit(job),
                other => return Err(other.to_string()),
            },
        }
        self.tab(tab).jobs_done += 1;
        Ok(())
    }

    /// What writers do that do not settle; `None` where they are as they should be.
    fn mistaken_answer(&mut self, tab: usize) -> Option<Result<(), String>> {
        let mistake = self.left.mistake;
        let live = self.live(tab);
        let commit = live.commit.as_mut()?;
        match (&commit.answer, mistake) {
            (
                Some(
                    CommitAnswer::Appended(Err(DiskError::Unknown(_)))
                    | CommitAnswer::Folded(FoldAnswer::Done(Err(DiskError::Unknown(_)))),
                ),
                Mistake::NoSettling,
            ) => {}
            (Some(CommitAnswer::Loaded(Ok(_))), Mistake::NoIdCheck) => {
                let before = live.tables.tail();
                let _outcome = live.deliver_commit();
                if live.tables.tail() == before {
                    return Some(Ok(()));
                }
            }
            (Some(CommitAnswer::Loaded(Ok(loaded))), Mistake::LooksInLogOnly) => {
                let trimmed = loaded.manifest.as_ref().is_some_and(|stored| stored.folded > commit.seq);
                if !trimmed {
                    return None;
                }
                let _outcome = live.deliver_commit();
            }
            _ => return None,
        }
        live.commit = None;
        Some(Ok(()))
    }

    fn execute_fold(&mut self, tab: usize, fault: Fault, deliver: bool) -> Result<(), String> {
        if self.live(tab).fold.is_none() {
            let id = self.live(tab).next_id();
            let Some(machine) = Fold::new(&mut self.live(tab).tables, id, None) else { return Err(NOWHERE.into()) };
            let machine = if self.left.sweeps == Sweeps::Always { machine.sweeping() } else { machine };
            self.left.folds -= 1;
            self.live(tab).fold = Some(Folding { machine, answer: None });
            self.write_at_once(tab);
        }
        self.spend(fault);
        let request = self.live(tab).fold.as_ref().ok_or("a fold was started")?.machine.request();
        let visible = matches!(request, FoldRequest::Drop(_) | FoldRequest::Publish { .. });
        let mistake = self.left.mistake;
        if mistake == Mistake::SweepsAtOnce && request == FoldRequest::List {
            let used = Live::open(&self.disk, 0)?.blocks_in_use(&self.disk)?;
            let unused: Vec<_> = self.disk.list_blocks().into_iter().filter(|id| !used.contains(id)).collect();
            Rc::make_mut(&mut self.disk).drop_blocks(&unused);
        }
        if let (Mistake::DropsBeforePublishing, FoldRequest::Publish { manifest, drop_log_through, kept }) =
            (mistake, &request)
        {
            let mut published = (*self.disk).clone();
            if published.publish(manifest, *drop_log_through, kept, mistake).is_ok() {
                let used = Live::open(&published, 0)?.blocks_in_use(&published)?;
                let fell: Vec<_> = self.disk.list_blocks().into_iter().filter(|id| !used.contains(id)).collect();
                Rc::make_mut(&mut self.disk).drop_blocks(&fell);
            }
        }
        let answer = Rc::make_mut(&mut self.disk).answer(request, fault, mistake);
        if visible {
            self.check_disk()?;
        }
        self.live(tab).fold.as_mut().ok_or("a fold was started")?.answer = Some(answer);
        if deliver { self.deliver_fold(tab) } else { Ok(()) }
    }

    /// A turn changes nothing that anybody sees. Nor do new blocks before a manifest names them: without faults, writing
    /// them at once covers every other moment.
    fn write_at_once(&mut self, tab: usize) {
        let disk = Rc::make_mut(&mut self.disk);
        let Some(live) = &mut Rc::make_mut(&mut self.tabs[tab]).live else { return };
        let (tables, faultless) = (&mut live.tables, self.left.faults == 0);
        if let Some(Folding { machine, answer: None }) = &mut live.fold {
            write_at_once(machine, tables, disk, faultless);
        }
        if let Some(Committing { way: Way::Adopt(machine), answer: None, .. }) = &mut live.commit {
            write_at_once(machine, tables, disk, faultless);
        }
    }

    fn deliver_fold(&mut self, tab: usize) -> Result<(), String> {
        self.live(tab).deliver_fold();
        self.write_at_once(tab);
        self.check_tab(tab)
    }

    fn deliver_refresh(&mut self, tab: usize) -> Result<(), String> {
        self.live(tab).deliver_refresh()?;
        self.check_tab(tab)
    }

    fn spend(&mut self, fault: Fault) {
        if fault != Fault::None {
            self.left.faults -= 1;
            self.faults += 1;
        }
    }

    /// Whoever opened the store now would find the whole history.
    fn check_disk(&self) -> Result<(), String> {
        let opened = Live::open(&self.disk, 0)?;
        match opened.rows(&self.disk)? {
            Some(rows) if rows == content(&self.history) => Ok(()),
            Some(_) => Err("who opens the store now finds something else than was committed".into()),
            None => Err("who opens the store now misses a block".into()),
        }
    }

    /// What the tab shows is the history up to its tail.
    fn check_tab(&self, tab: usize) -> Result<(), String> {
        let Some(live) = &self.tabs[tab].live else { return Ok(()) };
        let before = self.left.base.values().len();
        let seen = usize::try_from(live.tables.tail().0 - before as u64).map_err(|error| error.to_string())?;
        let Some(history) = self.history.get(..seen) else { return Err("a tab is ahead of the log".into()) };
        match live.rows(&self.disk)? {
            Some(rows) if rows != content(history) => Err("a tab shows something else than was committed".into()),
            _ => Ok(()),
        }
    }
}

/// Stores and folds one record.
fn fill(disk: &mut ModelDisk, value: &[u8]) {
    let mut live = Live::open(disk, u64::MAX).expect("an empty store opens");
    let id = live.next_id();
    let ops: Records = [(FILLER, Some(value))].into_iter().collect();
    let mut append = Append::new(&live.tables, id, Rc::new(ops), Durability::Relaxed);
    let AppendRequest::Append { seq, entry, .. } = append.request() else { unreachable!("an entry is appended first") };
    disk.append(seq, &entry, Mistake::None).expect("the log is empty");
    append.appended(&mut live.tables, Ok(()));
    let id = live.next_id();
    let mut fold = Fold::new(&mut live.tables, id, None);
    while let Some(machine) = &mut fold {
        let answer = disk.answer(machine.request(), Fault::None, Mistake::None);
        if machine.answered(&mut live.tables, answer).outcome.is_some() {
            fold = None;
        }
    }
}

fn write_at_once(machine: &mut Fold, tables: &mut Tables, disk: &mut ModelDisk, faultless: bool) {
    loop {
        let request = machine.request();
        if request != FoldRequest::Turn && !(faultless && matches!(request, FoldRequest::Write(_))) {
            return;
        }
        machine.answered(tables, disk.answer(request, Fault::None, Mistake::None));
    }
}

fn reads(request: &FoldRequest) -> bool {
    matches!(request, FoldRequest::List | FoldRequest::Read(_) | FoldRequest::Load(_))
}

/// A step that cannot be taken.
pub const NOWHERE: &str = "nowhere";

fn bit(job: Job) -> u32 {
    1 << job
}

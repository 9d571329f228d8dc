//! A single-threaded executor with a virtual clock. Which of the ready tasks runs next is drawn from the seed, so one
//! seed is one interleaving; time moves only when nothing is ready.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::LocalBoxFuture;

use crate::dice::Dice;

/// Tasks that live and die together: a tab, or the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(u64);

/// The group of everything that never crashes: the network and the one who makes the faults.
pub const WORLD: Group = Group(0);

/// The tasks that were woken, in the order they were.
#[derive(Default)]
struct Ready(Mutex<Vec<u64>>);

impl Ready {
    fn push(&self, id: u64) {
        let mut ready = self.0.lock().expect("one thread");
        if !ready.contains(&id) {
            ready.push(id);
        }
    }
}

struct TaskWaker {
    id: u64,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.id);
    }
}

struct Task {
    group: Group,
    waker: Waker,
    /// Absent while it runs.
    future: Option<LocalBoxFuture<'static, ()>>,
}

struct Inner {
    dice: Dice,
    ready: Arc<Ready>,
    tasks: RefCell<BTreeMap<u64, Task>>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    frozen: RefCell<BTreeSet<Group>>,
    now_ms: Cell<u64>,
    last_id: Cell<u64>,
    steps: Cell<u64>,
}

/// Cloning shares it.
#[derive(Clone)]
pub struct Executor(Rc<Inner>);

impl Executor {
    /// An executor without tasks whose clock stands at `now_ms`.
    pub fn new(dice: Dice, now_ms: u64) -> Self {
        Self(Rc::new(Inner {
            dice,
            ready: Arc::default(),
            tasks: RefCell::default(),
            timers: RefCell::default(),
            frozen: RefCell::default(),
            now_ms: Cell::new(now_ms),
            last_id: Cell::new(0),
            steps: Cell::new(0),
        }))
    }

    /// The virtual time.
    pub fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    /// How often a task ran.
    pub fn steps(&self) -> u64 {
        self.0.steps.get()
    }

    /// A group of its own.
    pub fn group(&self) -> Group {
        Group(self.next_id())
    }

    /// Runs a future until it ends, or its group is killed.
    pub fn spawn(&self, group: Group, future: impl Future<Output = ()> + 'static) {
        let id = self.next_id();
        let waker = Waker::from(Arc::new(TaskWaker { id, ready: Arc::clone(&self.0.ready) }));
        self.0.tasks.borrow_mut().insert(id, Task { group, waker, future: Some(Box::pin(future)) });
        self.0.ready.push(id);
    }

    /// Drops every task of a group where it stands. Never called from within the group.
    pub fn kill(&self, group: Group) {
        let dead: Vec<Task> = {
            let mut tasks = self.0.tasks.borrow_mut();
            let ids: Vec<u64> = tasks.iter().filter(|(_, task)| task.group == group).map(|(id, _)| *id).collect();
            ids.iter().filter_map(|id| tasks.remove(id)).collect()
        };
        self.0.frozen.borrow_mut().remove(&group);
        // Dropped last: what they own may wake others, or give locks back.
        drop(dead);
    }

    /// Lets no task of a group run until [`Self::thaw`].
    pub fn freeze(&self, group: Group) {
        self.0.frozen.borrow_mut().insert(group);
    }

    /// Lets the tasks of a frozen group run again.
    pub fn thaw(&self, group: Group) {
        self.0.frozen.borrow_mut().remove(&group);
    }

    /// Waits for `ms` of virtual time.
    pub fn sleep(&self, ms: u64) -> Sleep {
        Sleep { executor: self.clone(), key: (self.now_ms().saturating_add(ms), self.next_id()), is_set: false }
    }

    /// Runs until the clock reads `until_ms`, or `is_over` says so.
    pub fn run(&self, until_ms: u64, mut is_over: impl FnMut() -> bool) {
        while !is_over() {
            if !self.run_one() && !self.elapse(until_ms) {
                return;
            }
        }
    }

    fn next_id(&self) -> u64 {
        self.0.last_id.set(self.0.last_id.get() + 1);
        self.0.last_id.get()
    }

    fn run_one(&self) -> bool {
        let Some(id) = self.draw_ready() else { return false };
        let taken =
            self.0.tasks.borrow_mut().get_mut(&id).and_then(|task| Some((task.future.take()?, task.waker.clone())));
        let Some((mut future, waker)) = taken else { return true };
        self.0.steps.set(self.steps() + 1);
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut tasks = self.0.tasks.borrow_mut();
        match polled {
            Poll::Pending => {
                if let Some(task) = tasks.get_mut(&id) {
                    task.future = Some(future);
                }
            }
            Poll::Ready(()) => {
                let ended = tasks.remove(&id);
                drop(tasks);
                drop(ended);
            }
        }
        true
    }

    /// One of the ready tasks that may run.
    fn draw_ready(&self) -> Option<u64> {
        let (tasks, frozen) = (self.0.tasks.borrow(), self.0.frozen.borrow());
        let mut ready = self.0.ready.0.lock().expect("one thread");
        ready.retain(|id| tasks.contains_key(id));
        let may_run = |id: &u64| tasks.get(id).is_some_and(|task| !frozen.contains(&task.group));
        let candidates: Vec<usize> = (0..ready.len()).filter(|at| may_run(&ready[*at])).collect();
        if candidates.is_empty() {
            return None;
        }
        let at = candidates[self.0.dice.below(candidates.len() as u64) as usize];
        Some(ready.remove(at))
    }

    /// Moves the clock to the next timer; `false` when there is none before `until_ms`.
    fn elapse(&self, until_ms: u64) -> bool {
        let first = self.0.timers.borrow().keys().next().copied();
        let Some(key) = first.filter(|(at_ms, _)| *at_ms <= until_ms) else {
            self.0.now_ms.set(self.now_ms().max(until_ms));
            return false;
        };
        self.0.now_ms.set(self.now_ms().max(key.0));
        let waker = self.0.timers.borrow_mut().remove(&key);
        waker.into_iter().for_each(Waker::wake);
        true
    }
}

/// Ends when its time has come.
pub struct Sleep {
    executor: Executor,
    key: (u64, u64),
    is_set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timers = &self.executor.0.timers;
        if self.is_set && !timers.borrow().contains_key(&self.key) {
            return Poll::Ready(());
        }
        timers.borrow_mut().insert(self.key, context.waker().clone());
        self.is_set = true;
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.executor.0.timers.borrow_mut().remove(&self.key);
    }
}

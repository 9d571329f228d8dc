//! A device: one storage, one clock that is wrong, and tabs that come and go.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use async_trait::async_trait;
use futures_util::future::{Either, LocalBoxFuture, select};
use holm_core::engine::{Engine, Options, Spawn, Step};
use holm_core::sync::Event;
use holm_store::{Change, Durability, FaultyDisk, LockName, Locks, MemoryLocks, Observer, Origin, Pace};

use crate::executor::{Group, WORLD};
use crate::network::Link;
use crate::timeline::Timeline;
use crate::workload;
use crate::world::{SCOPES, World};

/// Between two tries to open, or to lead.
const PAUSE_MS: u64 = 1_000;
/// A leader that waits looks at the clock so often, as the browser's does.
const NAP_MS_MAX: u64 = 60_000;
/// A browser ends a service worker after so long.
const WORKER_MS_MAX: u64 = 30_000;

/// See the module.
pub struct Device {
    /// Which.
    pub number: usize,
    /// Its storage; each tab has a handle of its own on it.
    pub disk: RefCell<FaultyDisk>,
    /// Its tabs, by slot. A slot is empty between a crash and the next start.
    pub tabs: RefCell<BTreeMap<u64, Rc<Tab>>>,
    /// Its log, as it is applied.
    pub timeline: RefCell<Timeline>,
    /// The checkpoint of each scope when it was last looked at.
    pub checkpoints: RefCell<BTreeMap<String, (String, u64)>>,
    /// How many calls its users still make.
    pub calls_left: Cell<u64>,
    /// Whose it is.
    pub user: &'static str,
    /// When exchanges of its tabs failed within the last minute.
    pub failed_ms: RefCell<VecDeque<u64>>,
    locks: MemoryLocks,
    skew_ms: Cell<i64>,
    offline_until_ms: Cell<u64>,
    token_until_ms: Cell<u64>,
    is_new: Cell<bool>,
}

/// A tab, or worker.
pub struct Tab {
    /// Whether it runs the new version of the app.
    pub is_new: bool,
    /// Its tasks.
    pub group: Group,
    /// Its handle on the device's storage.
    pub disk: FaultyDisk,
    /// Its engine, once it is open.
    pub engine: RefCell<Option<Engine>>,
    /// Whether it was told that everything may have changed, so that it counts anew when it gets round to it.
    pub counts_anew: Cell<bool>,
    observers: RefCell<Vec<Observer>>,
}

impl Device {
    /// A device without tabs.
    pub fn new(number: usize, user: &'static str, calls_left: u64) -> Rc<Self> {
        Rc::new(Self {
            number,
            user,
            failed_ms: RefCell::default(),
            disk: RefCell::default(),
            tabs: RefCell::default(),
            timeline: RefCell::default(),
            checkpoints: RefCell::default(),
            calls_left: Cell::new(calls_left),
            locks: MemoryLocks::new(),
            skew_ms: Cell::new(0),
            offline_until_ms: Cell::new(0),
            token_until_ms: Cell::new(0),
            is_new: Cell::new(false),
        })
    }

    /// What its clock reads.
    pub fn now_ms(&self, world: &World) -> u64 {
        world.executor.now_ms().saturating_add_signed(self.skew_ms.get())
    }

    /// Sets its clock wrong.
    pub fn set_skew_ms(&self, skew_ms: i64) {
        self.skew_ms.set(skew_ms);
    }

    /// Whether no request leaves it.
    pub fn is_offline(&self, world: &World) -> bool {
        !world.is_calm() && world.executor.now_ms() < self.offline_until_ms.get()
    }

    /// Lets no request leave it for a while.
    pub fn go_offline(&self, until_ms: u64) {
        self.offline_until_ms.set(until_ms);
    }

    /// Whether the server takes its token.
    pub fn has_good_token(&self, world: &World) -> bool {
        world.is_calm() || world.executor.now_ms() < self.token_until_ms.get()
    }

    /// Gives it a new token.
    pub fn renew_token(&self, world: &World) {
        self.token_until_ms.set(world.executor.now_ms().saturating_add(world.odds.token_ms));
    }

    /// Whether tabs that start here run the new version of the app.
    pub fn is_new(&self) -> bool {
        self.is_new.get()
    }

    /// Gets the new version of the app.
    pub fn become_new(&self) {
        self.is_new.set(true);
    }

    /// The engines that are open.
    pub fn engines(&self) -> Vec<Engine> {
        self.tabs.borrow().values().filter_map(|tab| tab.engine.borrow().clone()).collect()
    }

    /// Kills a tab where it stands. Says whether there was one.
    pub fn kill(&self, world: &World, slot: u64) -> bool {
        let Some(tab) = self.tabs.borrow_mut().remove(&slot) else { return false };
        tab.disk.crash();
        world.executor.kill(tab.group);
        tab.observers.borrow_mut().clear();
        tab.engine.borrow_mut().take();
        true
    }

    /// Kills whatever runs here.
    pub fn kill_all(&self, world: &World) {
        let slots: Vec<u64> = self.tabs.borrow().keys().copied().collect();
        for slot in slots {
            self.kill(world, slot);
        }
    }

    /// Opens a tab.
    pub fn start(self: &Rc<Self>, world: &Rc<World>, slot: u64) {
        let tab = self.new_tab(world, slot);
        world.executor.spawn(tab.group, run(Rc::clone(world), Rc::clone(self), tab));
    }

    /// Wakes a service worker up; it ends by itself, or is ended.
    pub fn start_worker(self: &Rc<Self>, world: &Rc<World>, slot: u64) {
        let tab = self.new_tab(world, slot);
        let group = tab.group;
        world.executor.spawn(group, run_worker(Rc::clone(world), Rc::clone(self), tab, slot));
        let (world_then, device) = (Rc::clone(world), Rc::clone(self));
        world.executor.spawn(WORLD, async move {
            world_then.executor.sleep(WORKER_MS_MAX).await;
            device.end(&world_then, slot, group);
        });
    }

    /// Kills a tab if it still runs.
    fn end(&self, world: &World, slot: u64, group: Group) {
        let is_same = self.tabs.borrow().get(&slot).is_some_and(|tab| tab.group == group);
        if is_same {
            self.kill(world, slot);
        }
    }

    fn new_tab(&self, world: &World, slot: u64) -> Rc<Tab> {
        let disk = self.disk.borrow().reopen();
        if !world.is_calm() {
            disk.draw_faults(world.dice.random(), world.odds.disk);
        }
        let group = world.executor.group();
        let is_new = self.is_new();
        let (engine, observers, counts_anew) = (RefCell::default(), RefCell::default(), Cell::new(false));
        let tab = Rc::new(Tab { is_new, group, disk, engine, counts_anew, observers });
        self.tabs.borrow_mut().insert(slot, Rc::clone(&tab));
        tab
    }
}

/// A tab's life: it opens, leads when it may, and has a user.
async fn run(world: Rc<World>, device: Rc<Device>, tab: Rc<Tab>) {
    let engine = begin(&world, &device, &tab).await;
    let leading = lead_while_open(Rc::clone(&world), Rc::clone(&device), engine.clone());
    world.executor.spawn(tab.group, leading);
    workload::live(world, device, engine).await;
}

/// A service worker's life: it leads if no tab does, until everything is sent and heard, or sync has to wait.
async fn run_worker(world: Rc<World>, device: Rc<Device>, tab: Rc<Tab>, slot: u64) {
    let engine = begin(&world, &device, &tab).await;
    let unshared = MemoryLocks::new();
    let locks = if world.odds.has_sync_lock { &device.locks } else { &unshared };
    let held = locks.try_lock(LockName::Sync).await;
    if held.is_some() && engine.lead().await.is_ok() {
        engine.happened(device.now_ms(&world), Event::Asked);
        while !engine.is_settled() && engine.step(device.now_ms(&world)).await == Step::Again {}
    }
    drop(held);
    engine.close().await;
    let (world_then, group) = (Rc::clone(&world), tab.group);
    world.executor.spawn(WORLD, async move { device.end(&world_then, slot, group) });
}

async fn begin(world: &Rc<World>, device: &Rc<Device>, tab: &Rc<Tab>) -> Engine {
    let engine = open(world, device, tab).await;
    observe(world, device, tab, &engine);
    *tab.engine.borrow_mut() = Some(engine.clone());
    // What was committed between opening and listening.
    if let Err(error) = engine.refresh().await {
        world.history.check_code(&error);
    }
    engine
}

/// A pace whose slices end, and whose pages hide, by chance.
struct Haste {
    world: Rc<World>,
}

#[async_trait(?Send)]
impl Pace for Haste {
    fn begin(&self) {}

    fn is_spent(&self) -> bool {
        self.world.dice.below(2) == 0
    }

    async fn turn(&self) {
        self.world.executor.sleep(self.world.dice.below(5)).await;
    }

    async fn pause(&self) {
        self.world.executor.sleep(PAUSE_MS).await;
    }

    fn is_hidden(&self) -> bool {
        self.world.dice.below(10) == 0
    }
}

async fn open(world: &Rc<World>, device: &Rc<Device>, tab: &Tab) -> Engine {
    let (executor, group) = (world.executor.clone(), tab.group);
    let spawn: Spawn = Rc::new(move |future: LocalBoxFuture<'static, ()>| executor.spawn(group, future));
    loop {
        let link = Rc::new(Link { world: Rc::clone(world), device: Rc::clone(device) });
        let (disk, locks) = (Rc::new(tab.disk.clone()), Rc::new(device.locks.clone()));
        let options = Options {
            schema: world.schemas[usize::from(tab.is_new)].clone(),
            scopes: Some(SCOPES.map(String::from).to_vec()),
            durability: Durability::Relaxed,
            cache_bytes: 1 << 20,
            fold_bytes: usize::try_from(world.odds.fold_bytes).expect("small"),
            pace: Rc::new(Haste { world: Rc::clone(world) }),
            random: world.dice.random(),
        };
        match Engine::open(disk, locks, link, options, &spawn).await {
            Ok(engine) => return engine,
            Err(error) => world.history.check_code(&error),
        }
        world.executor.sleep(PAUSE_MS).await;
    }
}

/// Tells the device's log, and the other tabs, of commits.
fn observe(world: &Rc<World>, device: &Rc<Device>, tab: &Rc<Tab>, engine: &Engine) {
    let (world, device, own, weak) = (Rc::clone(world), Rc::clone(device), tab.group, Rc::downgrade(tab));
    let observer = engine.database().observe(move |applied| {
        if let (Change::Everything, Some(tab)) = (&applied.change, weak.upgrade()) {
            tab.counts_anew.set(true);
        }
        world.note(format_args!("device {} log {} {:?}", device.number, applied.seq.0, applied.origin));
        let judged = device.timeline.borrow_mut().apply(applied, world.ending);
        // What a backup took back comes again as somebody's later edit.
        if let (Err(what), false) = (judged, world.backend.was_restored()) {
            world.history.complain(format!("device {}: {what}", device.number));
        }
        if applied.origin == Origin::Own {
            broadcast(&world, &device, own);
        }
    });
    tab.observers.borrow_mut().push(observer);
}

fn broadcast(world: &Rc<World>, device: &Rc<Device>, from: Group) {
    for tab in device.tabs.borrow().values().filter(|tab| tab.group != from) {
        let Some(engine) = tab.engine.borrow().clone() else { continue };
        let (heard, world_then) = (world.executor.sleep(world.dice.below(20)), Rc::clone(world));
        world.executor.spawn(tab.group, async move {
            heard.await;
            if let Err(error) = engine.refresh().await {
                world_then.history.check_code(&error);
            }
        });
    }
}

/// As the browser's runtime does it.
async fn lead_while_open(world: Rc<World>, device: Rc<Device>, engine: Engine) {
    let unshared = MemoryLocks::new();
    let locks = if world.odds.has_sync_lock { &device.locks } else { &unshared };
    while !engine.is_closed() {
        let held = locks.lock(LockName::Sync).await;
        match engine.lead().await {
            Ok(()) => lead(&world, &device, &engine).await,
            Err(error) => world.history.check_code(&error),
        }
        drop(held);
        world.executor.sleep(PAUSE_MS).await;
    }
}

async fn lead(world: &World, device: &Device, engine: &Engine) {
    loop {
        let seen = engine.wakes();
        let now_ms = device.now_ms(world);
        let step = engine.step(now_ms).await;
        world.note(format_args!("device {} step {step:?}", device.number));
        match step {
            Step::Again => {}
            Step::Ended => return,
            Step::Idle if world.is_calm() => {
                // Somebody gives a new token, once nothing goes wrong any more.
                world.executor.sleep(PAUSE_MS).await;
                engine.happened(device.now_ms(world), Event::Asked);
            }
            Step::Idle => pause(world, engine, seen, 20 * PAUSE_MS).await,
            Step::Wait(until_ms) => pause(world, engine, seen, until_ms.saturating_sub(now_ms).min(NAP_MS_MAX)).await,
        }
    }
}

async fn pause(world: &World, engine: &Engine, seen: u64, ms: u64) {
    let due = world.executor.sleep(ms);
    let woken = Box::pin(engine.woken(seen));
    if let Either::Left(_) = select(due, woken).await {}
}

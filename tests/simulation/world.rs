//! One run: a server, devices, and one who makes things go wrong for a while; then calm, and judgement.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holm_core::schema::Schema;
use holm_protocol::{ErrorCode, Limits};
use holm_server::{Attempt, Audit, Life, Receipts, Rules, Server, Verdict};
use holm_store::FaultyDisk;

use crate::check;
use crate::device::Device;
use crate::dice::Dice;
use crate::executor::{Executor, WORLD};
use crate::history::{Call, Fate, History};
use crate::odds::Odds;
use crate::workload::BAD;

/// All devices are one user's.
pub const USER: &str = "owner";

/// One scope per collection.
pub const SCOPES: [&str; 3] = ["mine", "pairs", "tasks"];

const SCHEMA: &str = r#"{"version":1,"collections":{
    "tasks":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"done":{"type":"boolean","default":false}},
             "indexes":[["done","title"]]},
    "mine":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true}}},
    "pairs":{"fields":{"value":{"type":"string"}}}}}"#;

const START_MS: u64 = 1_760_000_000_000;
/// Things go wrong for so long.
const ROUGH_MS: u64 = 40_000;
/// Everything must be settled so long after the last fault: the longest backoff is 5 minutes, and there may be one
/// before a push and one before a pull.
const CALM_MS_MAX: u64 = 15 * 60_000;
/// Between two looks at a device.
const LOOK_MS_MAX: u64 = 400;

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// All randomness comes from it.
    pub seed: u64,
    /// Devices of the one user.
    pub devices: usize,
    /// Whether the server's receipts do their work.
    pub receipts: Receipts,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of everything that happened.
    pub hash: u64,
    /// How often a task ran.
    pub steps: u64,
    /// Calls of the app.
    pub calls: usize,
    /// Mutations that the server applied.
    pub effects: usize,
    /// How many faults of each kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What did not hold.
    pub complaint: Option<String>,
}

/// Everything in a run.
pub struct World {
    /// Runs all of it.
    pub executor: Executor,
    /// Chance.
    pub dice: Dice,
    /// How much goes wrong.
    pub odds: Odds,
    /// What happened.
    pub history: History,
    /// The real one, without HTTP.
    pub server: RefCell<Server>,
    /// The app's.
    pub schema: Schema,
    /// All of them.
    pub devices: RefCell<Vec<Rc<Device>>>,
    is_calm: Arc<AtomicBool>,
    was_rolled_back: Cell<bool>,
    last_value: Cell<u64>,
}

impl World {
    fn new(config: Config) -> Rc<Self> {
        let dice = Dice::new(config.seed);
        let odds = Odds::draw(&dice.split());
        let is_calm = Arc::new(AtomicBool::new(false));
        let rules = rules(config, &odds, Arc::clone(&is_calm));
        let server = Server::in_memory(rules, &Life::Named("life".into())).expect("SQLite in memory");
        let world = Rc::new(Self {
            executor: Executor::new(dice.split(), START_MS),
            history: History::new(),
            server: RefCell::new(server),
            schema: Schema::parse(SCHEMA).expect("a schema"),
            devices: RefCell::default(),
            is_calm,
            was_rolled_back: Cell::new(false),
            last_value: Cell::new(0),
            odds,
            dice,
        });
        for number in 0..config.devices {
            let device = Device::new(number, world.dice.between(20, 120));
            let skew = i64::try_from(world.dice.below(2 * world.odds.skew_ms_max + 1)).expect("small");
            device.set_skew_ms(skew - i64::try_from(world.odds.skew_ms_max).expect("small"));
            world.devices.borrow_mut().push(device);
        }
        world
    }

    /// Writes down what happened.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        self.history.note(self.executor.now_ms(), what);
    }

    /// Whether nothing goes wrong any more.
    pub fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    /// Whether some device lost what its storage had promised to keep.
    pub fn was_rolled_back(&self) -> bool {
        self.was_rolled_back.get()
    }

    /// A value that nobody wrote before.
    pub fn next_value(&self) -> String {
        self.last_value.set(self.last_value.get() + 1);
        format!("value {}", self.last_value.get())
    }

    fn is_over(&self) -> bool {
        self.history.complaint().is_some()
    }
}

fn rules(config: Config, odds: &Odds, is_calm: Arc<AtomicBool>) -> Rules {
    let retry = odds.retry;
    let check = move |attempt: Attempt<'_>| {
        let title = attempt.mutation.data.get("title").and_then(|title| title.as_str());
        if title.is_some_and(|title| title.starts_with(BAD)) {
            let (field, message) = (Some("title".to_owned()), "a bad title".to_owned());
            return Verdict::Reject { code: ErrorCode::Validation, field, message };
        }
        // As random as the seq it came under, and the same in every run of a seed.
        let drawn = attempt.mutation.seq.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        if !is_calm.load(Ordering::Relaxed) && drawn % 1_000 < retry {
            return Verdict::Retry { after: u32::try_from(drawn % 3).expect("small") };
        }
        Verdict::Accept
    };
    Rules {
        limits: Limits { mutations: u32::try_from(odds.mutations).expect("small"), bytes: 2_000_000 },
        check: Box::new(check),
        receipts: config.receipts,
        audit: Audit::On,
        tombstones_ms: 5_000,
        ..Rules::default()
    }
}

/// Runs a seed from its start to its judgement.
pub fn run(config: Config) -> Report {
    let world = World::new(config);
    let devices = world.devices.borrow().clone();
    for device in &devices {
        for slot in 0..world.odds.tabs {
            device.start(&world, slot);
        }
    }
    make_trouble(&world);
    let watched = Rc::clone(&world);
    world.executor.run(START_MS + ROUGH_MS, || {
        bury(&watched);
        watched.is_over()
    });

    calm_down(&world);
    let until_ms = world.executor.now_ms() + CALM_MS_MAX;
    let mut looked_ms = 0;
    let mut is_settled = false;
    world.executor.run(until_ms, || {
        bury(&world);
        if world.executor.now_ms() >= looked_ms + 500 {
            looked_ms = world.executor.now_ms();
            is_settled = check::is_settled(&world);
        }
        is_settled || world.is_over()
    });
    // The last broadcasts.
    world.executor.run(world.executor.now_ms() + 1_000, || world.is_over());
    if !world.is_over() {
        check::at_the_end(&world);
    }
    report(&world)
}

fn report(world: &Rc<World>) -> Report {
    for device in world.devices.borrow().iter() {
        for slot in 0..world.odds.tabs {
            device.kill(world, slot);
        }
    }
    world.executor.kill(WORLD);
    world.devices.borrow_mut().clear();
    let calls = world.history.calls.borrow().len();
    Report {
        hash: world.history.hash(),
        steps: world.executor.steps(),
        calls,
        effects: world.server.borrow().effects().expect("SQLite in memory").len(),
        faults: world.history.faults(),
        complaint: world.history.complaint(),
    }
}

/// Starts everything that makes things go wrong, and the one who looks.
fn make_trouble(world: &Rc<World>) {
    type Trouble = fn(&Rc<World>, &Rc<Device>);
    let odds = &world.odds;
    let troubles: [(u64, Trouble); 5] = [
        (odds.crash_ms, crash),
        (odds.freeze_ms, freeze),
        (odds.offline_ms, cut_off),
        (odds.crash_ms * 6, roll_back),
        (LOOK_MS_MAX, |world, device| check::look(world, device)),
    ];
    for (every_ms, trouble) in troubles {
        let (world_then, dice) = (Rc::clone(world), world.dice.split());
        world.executor.spawn(WORLD, async move {
            loop {
                world_then.executor.sleep(dice.between(1, 2 * every_ms)).await;
                if world_then.is_calm() {
                    return;
                }
                let device = Rc::clone(dice.one_of(&world_then.devices.borrow()));
                trouble(&world_then, &device);
            }
        });
    }
    if odds.forget_ms > 0 {
        let (world_then, every_ms) = (Rc::clone(world), odds.forget_ms);
        world.executor.spawn(WORLD, async move {
            while !world_then.is_calm() {
                world_then.executor.sleep(every_ms).await;
                world_then.history.fault("tombstones forgotten");
                let forgotten = world_then.server.borrow_mut().collect(world_then.executor.now_ms());
                forgotten.expect("SQLite in memory");
            }
        });
    }
}

fn crash(world: &Rc<World>, device: &Rc<Device>) {
    let slot = world.dice.below(world.odds.tabs);
    if device.kill(world, slot) {
        world.history.fault("tab crashed");
        start_later(world, device, slot);
    }
}

/// A tab whose disk died is dead.
fn bury(world: &Rc<World>) {
    for device in world.devices.borrow().iter() {
        let is_dead = |slot: &u64| device.tabs.borrow().get(slot).is_some_and(|tab| tab.disk.is_crashed());
        for slot in (0..world.odds.tabs).filter(is_dead) {
            device.kill(world, slot);
            world.history.fault("tab crashed in a disk operation");
            start_later(world, device, slot);
        }
    }
}

fn start_later(world: &Rc<World>, device: &Rc<Device>, slot: u64) {
    world.note(format_args!("device {} tab {slot} crashed", device.number));
    check::look(world, device);
    let (world_then, device) = (Rc::clone(world), Rc::clone(device));
    let pause_ms = world.dice.between(1, 3_000);
    world.executor.spawn(WORLD, async move {
        world_then.executor.sleep(pause_ms).await;
        if !device.tabs.borrow().contains_key(&slot) {
            device.start(&world_then, slot);
        }
    });
}

fn freeze(world: &Rc<World>, device: &Rc<Device>) {
    let Some(group) = device.tabs.borrow().values().next().map(|tab| tab.group) else { return };
    world.history.fault("tab frozen");
    world.executor.freeze(group);
    let (world_then, pause_ms) = (Rc::clone(world), world.dice.between(10, 15_000));
    world.executor.spawn(WORLD, async move {
        world_then.executor.sleep(pause_ms).await;
        world_then.executor.thaw(group);
    });
}

fn cut_off(world: &Rc<World>, device: &Rc<Device>) {
    world.history.fault("device offline");
    device.go_offline(world.executor.now_ms() + world.dice.between(10, 20_000));
}

/// The browser brings back an older state of the storage, as it was found to do.
fn roll_back(world: &Rc<World>, device: &Rc<Device>) {
    let older = device.disk.borrow().duplicate();
    let calls = world.history.calls.borrow();
    let is_kept = |call: &Call| call.device == device.number && call.fate == Fate::Acknowledged;
    let before: BTreeSet<String> =
        calls.iter().filter(|(_, call)| is_kept(call)).map(|(receipt, _)| receipt.clone()).collect();
    let (world_then, device, pause_ms) = (Rc::clone(world), Rc::clone(device), world.dice.between(10, 8_000));
    world.executor.spawn(WORLD, async move {
        world_then.executor.sleep(pause_ms).await;
        if world_then.is_calm() {
            return;
        }
        world_then.history.fault("storage rolled back");
        world_then.note(format_args!("device {} storage rolled back", device.number));
        bring_back(&world_then, &device, older, &before);
    });
}

fn bring_back(world: &Rc<World>, device: &Rc<Device>, older: FaultyDisk, before: &BTreeSet<String>) {
    world.was_rolled_back.set(true);
    for slot in 0..world.odds.tabs {
        if device.kill(world, slot) {
            start_later(world, device, slot);
        }
    }
    *device.disk.borrow_mut() = older;
    device.timeline.borrow_mut().roll_back();
    device.checkpoints.borrow_mut().clear();
    // What was told since is the one loss that nobody can prevent.
    for (receipt, call) in world.history.calls.borrow_mut().iter_mut() {
        if call.device == device.number && call.fate != Fate::Refused && !before.contains(receipt) {
            call.fate = Fate::Unknown;
        }
    }
}

/// Ends all faults; whoever is dead is started again.
fn calm_down(world: &Rc<World>) {
    world.note(format_args!("calm"));
    world.is_calm.store(true, Ordering::Relaxed);
    for device in world.devices.borrow().iter() {
        for slot in 0..world.odds.tabs {
            let tab = device.tabs.borrow().get(&slot).cloned();
            match tab {
                Some(tab) => {
                    tab.disk.clear_faults();
                    world.executor.thaw(tab.group);
                }
                None => device.start(world, slot),
            }
        }
    }
}

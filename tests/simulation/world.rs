//! One run: a server, devices, and one who makes things go wrong for a while; then calm, and judgement.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use holm_core::schema::Schema;
use holm_protocol::{ErrorCode, Limits};
use holm_server::{Attempt, Audit, Receipts, Rules, Verdict};

use crate::accounts;
use crate::backend::Backend;
use crate::check;
use crate::device::Device;
use crate::dice::Dice;
use crate::executor::{Executor, WORLD};
use crate::history::History;
use crate::notes::{Ending, NOTES};
use crate::odds::{NEVER, Odds};
use crate::polls;
use crate::troubles;
use crate::workload::BAD;

/// Whose each device is: the last is a stranger's.
pub const USERS: [&str; 3] = ["owner", "owner", "stranger"];

/// One scope per collection, but for the items: of these a device keeps the lists that it subscribes to.
pub const SCOPES: [&str; 6] = ["accounts", "mine", NOTES, "pairs", "polls", "tasks"];

/// The app, and the version after it: a field with a default more, and an index of it.
const SCHEMAS: [&str; 2] = [
    r#"{"version":1,"collections":{
    "tasks":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"done":{"type":"boolean","default":false}},
             "indexes":[["done","title"]]},
    "mine":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true}}},
    "accounts":{"fields":{"amount":{"type":"integer"},"note":{"type":"string","optional":true}}},
    "items":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"list":{"type":"string","optional":true}},
             "indexes":["list"]},
    "notes":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"at":{"type":"integer","optional":true}},ENDING},
    "polls":{"fields":{"votes":{"type":"integer","merge":"counter","default":0},
                       "tags":{"type":"array","of":{"type":"string"},"merge":"set","default":[]},
                       "body":{"type":"string","merge":"text","default":""}}REFUSED},
    "pairs":{"fields":{"value":{"type":"string"}}}}}"#,
    r#"{"version":2,"collections":{
    "tasks":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"done":{"type":"boolean","default":false},
                       "rank":{"type":"integer","default":7}},
             "indexes":[["done","title"],"rank"]},
    "mine":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true}}},
    "accounts":{"fields":{"amount":{"type":"integer"},"note":{"type":"string","optional":true}}},
    "items":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"list":{"type":"string","optional":true}},
             "indexes":["list"]},
    "notes":{"fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"at":{"type":"integer","optional":true}},ENDING},
    "polls":{"fields":{"votes":{"type":"integer","merge":"counter","default":0},
                       "tags":{"type":"array","of":{"type":"string"},"merge":"set","default":[]},
                       "body":{"type":"string","merge":"text","default":""}}REFUSED},
    "pairs":{"fields":{"value":{"type":"string"}}}}}"#,
];

/// How many lists of items there are.
pub const LISTS: u64 = 3;

const START_MS: u64 = 1_760_000_000_000;
/// Things go wrong for so long.
const ROUGH_MS: u64 = 40_000;
/// Everything must be settled so long after the last fault: the longest backoff is 5 minutes, and there may be one
/// before a push and one before a pull. Where a clock was set back, what was said by the old one holds for an hour at most.
const CALM_MS_MAX: u64 = 75 * 60_000;

/// In the calm the server is restored no oftener.
const CALM_RESTORES_MAX: u64 = 8;

/// A run of the roughest seed needs a tenth.
const STEPS_MAX: u64 = 300_000;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// All randomness comes from it.
    pub seed: u64,
    /// How many devices there are.
    pub devices: usize,
    /// A device makes no more calls.
    pub calls_max: u64,
    /// What does not go wrong, of [`crate::odds::KINDS`].
    pub spared: Vec<&'static str>,
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
    /// The server.
    pub backend: Backend,
    /// The app's, by version.
    pub schemas: Vec<Schema>,
    /// The lists that somebody may not see, a bit for each; see [`list_of`].
    pub hidden: Arc<AtomicU64>,
    /// How conflicts of notes end.
    pub ending: Ending,
    /// All of them.
    pub devices: RefCell<Vec<Rc<Device>>>,
    is_calm: Arc<AtomicBool>,
    /// How often the server had been restored when it became calm.
    restores_before_calm: Cell<u64>,
    was_rolled_back: Cell<bool>,
    last_value: Cell<u64>,
}

impl World {
    fn new(config: &Config) -> Rc<Self> {
        let dice = Dice::new(config.seed);
        let odds = Odds::draw(&dice.split()).without(&config.spared);
        let policies = dice.split();
        let (ending, refused) = (Ending::draw(&policies), polls::draw_refused(&policies));
        let is_calm = Arc::new(AtomicBool::new(false));
        let hidden = Arc::new(AtomicU64::new(0));
        let (receipts, odds_then, is_calm_then) = (config.receipts, odds.clone(), Arc::clone(&is_calm));
        let hidden_then = Arc::clone(&hidden);
        let world = Rc::new(Self {
            executor: Executor::new(dice.split(), START_MS),
            history: History::new(),
            backend: Backend::new(move || rules(receipts, &odds_then, ending, Arc::clone(&is_calm_then), &hidden_then)),
            schemas: SCHEMAS.iter().map(|text| schema(text, ending, refused)).collect(),
            ending,
            hidden,
            devices: RefCell::default(),
            is_calm,
            restores_before_calm: Cell::new(0),
            was_rolled_back: Cell::new(false),
            last_value: Cell::new(0),
            odds,
            dice,
        });
        world.note(format_args!("conflicts of notes: {ending:?}; refused votes: {refused:?}"));
        for number in 0..config.devices {
            let user = USERS[number % USERS.len()];
            let device = Device::new(number, user, world.dice.between(20, 120).min(config.calls_max));
            device.set_skew_ms(world.draw_skew_ms());
            device.renew_token(&world);
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

    /// Whether the server may be restored once more: in the calm only so often.
    pub fn may_be_restored(&self) -> bool {
        !self.is_calm() || self.backend.restores() < self.restores_before_calm.get() + CALM_RESTORES_MAX
    }

    /// Whether some device lost what its storage had promised to keep.
    pub fn was_rolled_back(&self) -> bool {
        self.was_rolled_back.get()
    }

    /// Some device did.
    pub fn set_rolled_back(&self) {
        self.was_rolled_back.set(true);
    }

    /// How wrong a clock is.
    pub fn draw_skew_ms(&self) -> i64 {
        let most = i64::try_from(self.odds.skew_ms_max).expect("some hours");
        i64::try_from(self.dice.below(2 * self.odds.skew_ms_max + 1)).expect("some hours") - most
    }

    /// A character that nobody wrote before.
    pub fn next_letter(&self) -> char {
        self.last_value.set(self.last_value.get() + 1);
        char::from_u32(0x1_0000 + u32::try_from(self.last_value.get()).expect("some thousands")).expect("a character")
    }

    /// A value that nobody wrote before.
    pub fn next_value(&self) -> String {
        self.last_value.set(self.last_value.get() + 1);
        format!("value {}", self.last_value.get())
    }

    fn is_over(&self) -> bool {
        if self.executor.steps() > STEPS_MAX {
            self.history.complain(format!("13: it goes on and on, at {} ms", self.executor.now_ms() - START_MS));
        }
        self.history.complaint().is_some()
    }
}

/// The bit that tells whether a user may see a list, by the key of its scope.
pub fn list_of(user: &str, key: &str) -> u64 {
    let list = (0..LISTS).position(|list| list_key(list) == key).expect("a list");
    let user = USERS.iter().position(|known| *known == user).expect("a user");
    1 << (user * usize::try_from(LISTS).expect("a few") + list)
}

/// The key of a list's scope.
pub fn list_key(list: u64) -> String {
    format!(r#"list:{{"id":"l{list}"}}"#)
}

fn schema(text: &str, ending: Ending, refused: &str) -> Schema {
    Schema::parse(&text.replace("ENDING", ending.declared).replace("REFUSED", refused)).expect("a schema")
}

fn rules(receipts: Receipts, odds: &Odds, ending: Ending, is_calm: Arc<AtomicBool>, hidden: &Arc<AtomicU64>) -> Rules {
    let hidden = Arc::clone(hidden);
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
        policies: BTreeMap::from([(NOTES.to_owned(), ending.policy)]),
        check: Box::new(check),
        functions: accounts::functions(),
        receipts,
        audit: Audit::On,
        scopes: BTreeMap::from([("list".to_owned(), BTreeMap::from([("items".to_owned(), "list".to_owned())]))]),
        may_read: Box::new(move |user, key| hidden.load(Ordering::Relaxed) & list_of(user, key) == 0),
        tombstones_ms: 5_000,
        ..Rules::default()
    }
}

/// Runs a seed from its start to its judgement.
pub fn run(config: &Config) -> Report {
    let world = World::new(config);
    let devices = world.devices.borrow().clone();
    for device in &devices {
        for slot in 0..world.odds.tabs {
            device.start(&world, slot);
        }
    }
    troubles::make(&world);
    let watched = Rc::clone(&world);
    world.executor.run(START_MS + ROUGH_MS, || {
        troubles::bury(&watched);
        watched.is_over()
    });

    calm_down(&world);
    let until_ms = world.executor.now_ms() + CALM_MS_MAX;
    let mut looked_ms = 0;
    let mut is_settled = false;
    world.executor.run(until_ms, || {
        troubles::bury(&world);
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
        device.kill_all(world);
    }
    world.executor.kill(WORLD);
    world.devices.borrow_mut().clear();
    let calls = world.history.calls.borrow().len();
    Report {
        hash: world.history.hash(),
        steps: world.executor.steps(),
        calls,
        effects: world.backend.effects().len(),
        faults: world.history.faults(),
        complaint: world.history.complaint(),
    }
}

/// Ends all faults but one ([`troubles::between_pages`]); whoever is dead, or of the old version, is started again.
fn calm_down(world: &Rc<World>) {
    // Where nobody writes any more, a pull must notice it.
    if world.odds.restore_ms < NEVER && world.dice.permille(500) {
        troubles::restore(world);
    }
    world.note(format_args!("calm"));
    world.restores_before_calm.set(world.backend.restores());
    world.is_calm.store(true, Ordering::Relaxed);
    for device in world.devices.borrow().iter() {
        device.disk.borrow().limit_bytes(None);
        device.kill(world, world.odds.tabs);
        for slot in 0..world.odds.tabs {
            let tab = device.tabs.borrow().get(&slot).cloned();
            match tab.filter(|tab| tab.is_new == device.is_new()) {
                Some(tab) => {
                    tab.disk.clear_faults();
                    world.executor.thaw(tab.group);
                }
                None => {
                    device.kill(world, slot);
                    device.start(world, slot);
                }
            }
        }
    }
}

//! A device with the real engine, and the real server that it talks to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_executor::LocalPool;
use futures_util::future::LocalBoxFuture;
use futures_util::task::LocalSpawnExt;
use holm_core::Error;
use holm_core::engine::{Answer, Engine, Options, Order, Question, Reply, Request, Spawn, Step, Transport};
use holm_core::outbox::Operation::{self, Put};
use holm_core::salvage::salvage;
use holm_core::schema::Schema;
use holm_core::sync::{Event, scope_key};
use holm_protocol::{from_json_text, to_json_text};
use holm_server::{Life, Rules, Server};
use holm_store::{Durability, FaultyDisk, MemoryLocks, Random, Unhurried};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};

pub const START_MS: u64 = 1_760_000_000_000;

/// The server and the way to it; the same for every device.
#[derive(Clone)]
pub struct World {
    pub server: Rc<RefCell<Server>>,
    pub now_ms: Rc<Cell<u64>>,
    pub is_offline: Rc<Cell<bool>>,
    /// It fails with every push.
    pub takes_no_push: Rc<Cell<bool>>,
    pub may_read: Arc<AtomicBool>,
}

pub fn rules(may_read: &Arc<AtomicBool>) -> Rules {
    let fields = [("tasks", "project"), ("notes", "of")];
    let fields: BTreeMap<String, String> = fields.map(|(name, field)| (name.to_owned(), field.to_owned())).into();
    let asked = Arc::clone(may_read);
    let may_read = Box::new(move |_: &str, _: &str| asked.load(Ordering::Relaxed));
    let label = BTreeMap::from([("tasks".to_owned(), "labels".to_owned())]);
    let scopes = BTreeMap::from([("project".to_owned(), fields), ("label".to_owned(), label)]);
    Rules { scopes, may_read, ..Rules::default() }
}

impl World {
    pub fn new() -> Self {
        let may_read = Arc::new(AtomicBool::new(true));
        let server = Server::in_memory(rules(&may_read), &Life::Named("life1".into())).expect("SQLite in memory");
        Self {
            server: Rc::new(RefCell::new(server)),
            now_ms: Rc::new(Cell::new(START_MS)),
            is_offline: Rc::default(),
            takes_no_push: Rc::default(),
            may_read,
        }
    }

    /// Another server in its place, which has nothing.
    pub fn lose(&self) {
        let server = Server::in_memory(rules(&self.may_read), &Life::Named("life2".into()));
        self.server.replace(server.expect("SQLite in memory"));
    }
}

#[async_trait(?Send)]
impl Transport for World {
    async fn send(&self, request: &Request) -> Reply {
        let (body, at_ms) = (request.body.as_bytes(), self.now_ms.get());
        if self.is_offline.get() {
            return Reply { outcome: Err(holm_core::engine::Failure::Network("no way".to_owned())), at_ms };
        }
        if request.path == "push" && self.takes_no_push.get() {
            return Reply { outcome: Ok(Answer { status: 500, retry_after_ms: None, body: Vec::new() }), at_ms };
        }
        let answered = if request.path == "push" {
            let push = from_json_text(body).expect("a push");
            self.server.borrow_mut().push("user", &push, at_ms).map(|answer| to_json_text(&answer))
        } else {
            let pull = from_json_text(body).expect("a pull");
            self.server.borrow().pull("user", &pull, at_ms).map(|answer| to_json_text(&answer))
        };
        let (status, body) = match answered {
            Ok(body) => (200, body),
            Err(refusal) => (refusal.status(), to_json_text(&refusal.body)),
        };
        Reply { outcome: Ok(Answer { status, retry_after_ms: None, body: body.into_bytes() }), at_ms }
    }

    async fn refresh_token(&self) -> bool {
        false
    }
}

pub struct Device {
    pub pool: RefCell<LocalPool>,
    pub engine: Engine,
    pub world: World,
    pub disk: FaultyDisk,
}

impl Device {
    pub fn open(world: &World, disk: FaultyDisk, opened: &[&str], seed: u8) -> Self {
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        let spawn: Spawn =
            Rc::new(move |task: LocalBoxFuture<'static, ()>| spawner.spawn_local(task).expect("it runs"));
        let rng = RefCell::new(ChaCha8Rng::from_seed([seed; 32]));
        let random: Random = Rc::new(move |bytes| rng.borrow_mut().fill_bytes(bytes));
        let text = json!({"type": "string", "optional": true});
        let labels = json!({"type": "array", "of": {"type": "string"}, "optional": true});
        let schema = json!({"version": 1, "collections": {
            "tasks": {"fields": {"title": text, "project": text, "labels": labels}, "indexes": ["project"]},
            "notes": {"fields": {"of": text, "text": text}},
        }});
        let options = Options {
            schema: Schema::parse(&schema.to_string()).expect("a schema"),
            scopes: Some(opened.iter().map(|key| (*key).to_owned()).collect()),
            durability: Durability::Relaxed,
            cache_bytes: 1 << 20,
            fold_bytes: 1 << 16,
            pace: Rc::new(Unhurried),
            random,
        };
        let (stored, locks) = (Rc::new(disk.clone()), Rc::new(MemoryLocks::new()));
        let opening = Engine::open(stored, locks, Rc::new(world.clone()), options, &spawn);
        let engine = pool.run_until(opening).expect("opens");
        pool.run_until(engine.lead()).expect("leads");
        Self { pool: RefCell::new(pool), engine, world: world.clone(), disk }
    }

    /// One that keeps parts alone.
    pub fn with(world: &World, seed: u8, scopes: &[(&str, &str)]) -> Self {
        let device = Self::open(world, FaultyDisk::new(), &[], seed);
        scopes.iter().for_each(|(name, id)| device.subscribe(name, id));
        device
    }

    /// One that keeps everything.
    pub fn whole(world: &World) -> Self {
        Self::open(world, FaultyDisk::new(), &["tasks", "notes"], 9)
    }

    pub fn reopened(self) -> Self {
        self.run(self.engine.close());
        Self::open(&self.world, self.disk.clone(), &[], 77)
    }

    pub fn run<R>(&self, future: impl Future<Output = R>) -> R {
        self.pool.borrow_mut().run_until(future)
    }

    pub fn now_ms(&self) -> u64 {
        self.world.now_ms.get()
    }

    pub fn order(&self, order: Order) -> Result<(), Error> {
        self.run(self.engine.order(self.now_ms(), order))
    }

    pub fn subscribe(&self, name: &str, id: &str) {
        self.order(Order::Subscribe(key(name, id))).expect("subscribed");
    }

    /// As `db.scopes.unsubscribe`.
    pub fn unsubscribe(&self, name: &str, id: &str) {
        while self.standing(name, id).is_some() {
            self.order(Order::Unsubscribe(key(name, id))).expect("unsubscribed");
        }
    }

    pub fn ask(&self, question: Question) -> Value {
        let text = self.run(self.engine.ask(self.now_ms(), question)).expect("read");
        serde_json::from_str(&text).expect("JSON")
    }

    pub fn standing(&self, name: &str, id: &str) -> Option<Value> {
        let all = self.ask(Question::Scopes);
        all.as_array().expect("a list").iter().find(|one| one["name"] == name && one["args"]["id"] == id).cloned()
    }

    pub fn write(&self, collection: &str, operation: Operation, row: &Value) {
        self.world.now_ms.set(self.now_ms() + 1);
        let rows = self.engine.rows(self.now_ms(), operation, json!([row]).to_string().as_bytes()).expect("rows");
        let receipt = self.engine.draw();
        self.run(self.engine.write(self.now_ms(), &receipt, collection, operation, rows)).expect("written");
    }

    pub fn put(&self, id: &str, project: &str) {
        self.write("tasks", Put, &json!([id, { "title": id, "project": project }]));
    }

    pub fn sync(&self) {
        self.engine.happened(self.now_ms(), Event::Asked);
        for _ in 0..200 {
            if self.run(self.engine.step(self.now_ms())) != Step::Again {
                return;
            }
        }
        panic!("sync does not come to rest");
    }

    /// The tasks that are shown, by id; the index agrees.
    pub fn tasks(&self) -> Vec<String> {
        let ids = |query: Value| -> Vec<String> {
            let query = self.engine.parse_query(&query.to_string()).expect("a query");
            let rows = self.ask(Question::Query(query))["rows"].take();
            let mut ids: Vec<String> =
                rows.as_array().expect("rows").iter().map(|row| row[0].as_str().expect("an id").to_owned()).collect();
            ids.sort();
            ids
        };
        let all = ids(json!({ "collection": "tasks" }));
        let indexed = ids(json!({ "collection": "tasks", "where": { "project": { "gte": "" } } }));
        assert!(indexed.iter().all(|id| all.contains(id)), "{indexed:?} is not in {all:?}");
        all
    }

    pub fn title(&self, id: &str) -> Value {
        self.ask(Question::Records { collection: "tasks".into(), ids: vec![id.into()] })[0][2]["title"].clone()
    }

    /// The lines of one kind in a salvage.
    pub fn salvaged(&self, kind: &str) -> Vec<Value> {
        let mut text = String::new();
        self.run(salvage(&self.disk, "app", self.now_ms(), &mut |part| text.push_str(part))).expect("the disk works");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["type"] == kind).collect()
    }

    pub fn parked(&self) -> usize {
        self.ask(Question::Parked).as_array().expect("a list").len()
    }
}

pub fn key(name: &str, id: &str) -> String {
    scope_key(&format!("{name}:{}", json!({ "id": id }))).expect("a key")
}

//! The examples of `docs/conflicts.md`, by two real engines and the real server.
#![cfg(not(target_arch = "wasm32"))]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use futures_executor::LocalPool;
use futures_util::future::LocalBoxFuture;
use futures_util::task::LocalSpawnExt;
use holm_core::engine::{Answer, Engine, Options, Order, Question, Reply, Request, Spawn, Step, Transport};
use holm_core::outbox::Operation;
use holm_core::schema::Schema;
use holm_protocol::{MutationId, Policy, from_json_text, to_json_text};
use holm_server::{Life, Rules, Server};
use holm_store::{Durability, FaultyDisk, MemoryLocks, Random, Unhurried};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};

const DOCS: &str = include_str!("../docs/conflicts.md");
const START_MS: u64 = 1_760_000_000_000;

/// What a server is told of a collection with this policy.
fn server_policy(policy: &str) -> Policy {
    match policy {
        "merge" => Policy::Merge,
        "last-write" => Policy::LastWrite,
        "server" | "client" | "manual" | "custom" | "by a field" => Policy::Manual,
        other => panic!("no policy: {other}"),
    }
}

#[derive(Clone)]
struct Link {
    server: Rc<RefCell<Server>>,
    now_ms: Rc<Cell<u64>>,
    /// No push gets through.
    is_one_way: Rc<Cell<bool>>,
}

impl Link {
    fn new(policy: Policy) -> Self {
        let rules = Rules { policies: BTreeMap::from([("tasks".to_owned(), policy)]), ..Rules::default() };
        let server = Server::in_memory(rules, &Life::Named("life".into())).expect("SQLite in memory");
        let (server, now_ms) = (Rc::new(RefCell::new(server)), Rc::new(Cell::new(START_MS)));
        Self { server, now_ms, is_one_way: Rc::default() }
    }
}

#[async_trait(?Send)]
impl Transport for Link {
    async fn send(&self, request: &Request) -> Reply {
        let (body, now_ms) = (request.body.as_bytes(), self.now_ms.get());
        if self.is_one_way.get() && request.path == "push" {
            let answer = Answer { status: 500, retry_after_ms: None, body: Vec::new() };
            return Reply { outcome: Ok(answer), at_ms: now_ms };
        }
        let answered = if request.path == "push" {
            let push = from_json_text(body).expect("a push");
            self.server.borrow_mut().push("user", &push, now_ms).map(|answer| to_json_text(&answer))
        } else {
            let pull = from_json_text(body).expect("a pull");
            self.server.borrow().pull("user", &pull, now_ms).map(|answer| to_json_text(&answer))
        };
        let body = answered.expect("the server takes what the engine sends").into_bytes();
        Reply { outcome: Ok(Answer { status: 200, retry_after_ms: None, body }), at_ms: now_ms }
    }

    async fn refresh_token(&self) -> bool {
        false
    }
}

struct Device {
    pool: RefCell<LocalPool>,
    engine: Engine,
    now_ms: Rc<Cell<u64>>,
}

impl Device {
    fn new(link: &Link, schema: &str, seed: u8) -> Self {
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        let spawn: Spawn =
            Rc::new(move |task: LocalBoxFuture<'static, ()>| spawner.spawn_local(task).expect("it runs"));
        let rng = RefCell::new(ChaCha8Rng::from_seed([seed; 32]));
        let random: Random = Rc::new(move |bytes| rng.borrow_mut().fill_bytes(bytes));
        let options = Options {
            schema: Schema::parse(schema).expect("a schema"),
            scopes: Some(vec!["tasks".to_owned()]),
            durability: Durability::Relaxed,
            cache_bytes: 1 << 20,
            fold_bytes: 1 << 16,
            pace: Rc::new(Unhurried),
            random,
        };
        let (disk, locks) = (Rc::new(FaultyDisk::new()), Rc::new(MemoryLocks::new()));
        let engine = pool.run_until(Engine::open(disk, locks, Rc::new(link.clone()), options, &spawn)).expect("opens");
        pool.run_until(engine.lead()).expect("leads");
        Self { pool: RefCell::new(pool), engine, now_ms: Rc::clone(&link.now_ms) }
    }

    fn run<R>(&self, future: impl Future<Output = R>) -> R {
        self.pool.borrow_mut().run_until(future)
    }

    /// `["put", {…}]`, `["patch", {…}]`, `["insert", {…}]` or `["delete"]`, or a list of these.
    fn write(&self, what: &Value, now_ms: u64) {
        if what[0].is_array() {
            return what.as_array().expect("writes").iter().for_each(|each| self.write(each, now_ms));
        }
        let operation = match what[0].as_str().expect("a word") {
            "put" => Operation::Put,
            "insert" => Operation::Insert,
            "patch" => Operation::Patch,
            "delete" => Operation::Delete,
            other => panic!("no write: {other}"),
        };
        let row = if operation == Operation::Delete { json!(["a"]) } else { json!(["a", what[1]]) };
        let rows = self.engine.rows(now_ms, operation, json!([row]).to_string().as_bytes()).expect("rows");
        self.run(self.engine.write(now_ms, &self.engine.draw(), "tasks", operation, rows)).expect("written");
    }

    fn sync(&self) {
        self.engine.happened(self.now_ms.get(), holm_core::sync::Event::Asked);
        for _ in 0..50 {
            if self.run(self.engine.step(self.now_ms.get())) != Step::Again {
                return;
            }
        }
        panic!("sync does not come to rest");
    }

    fn shown(&self) -> Value {
        let question = Question::Records { collection: "tasks".into(), ids: vec!["a".into()] };
        let text = self.run(self.engine.ask(self.now_ms.get(), question)).expect("read");
        serde_json::from_str::<Value>(&text).expect("JSON")[0][2].clone()
    }

    fn parked(&self) -> Vec<Value> {
        let text = self.run(self.engine.ask(self.now_ms.get(), Question::Parked)).expect("read");
        serde_json::from_str(&text).expect("JSON")
    }

    /// As `db.sync.resolve`.
    fn resolve(&self, parked: &Value, choice: &Value) {
        let mid = MutationId(parked["mid"].as_str().expect("a mid").to_owned());
        let order = match choice.as_str() {
            Some("theirs") => Order::Discard(mid),
            mine => {
                let edit = if mine.is_some() { "{}".to_owned() } else { choice.to_string() };
                let edit = from_json_text(edit.as_bytes()).expect("fields");
                Order::Retry { mid, receipt: self.engine.draw(), edit }
            }
        };
        self.run(self.engine.order(self.now_ms.get(), order)).expect("resolved");
    }
}

/// When a device hears of another's write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hears {
    /// With the answer to its own.
    Then,
    /// By a pull, before its own is answered.
    Before,
}

/// The sides of a conflict, as `db.sync.conflicts()` shows them.
fn sides(parked: &Value) -> Value {
    let server = &parked["reason"]["server"];
    let theirs = if server["deleted"] == true { Value::Null } else { server["data"].clone() };
    json!({ "base": parked["before"], "mine": parked["mine"], "theirs": theirs })
}

/// Plays an example in which the second device hears of the first one's write with the answer to its own, or before.
fn play(example: &Value, hears: Hears) {
    let policy = example["conflict"].as_str().unwrap_or("by a field");
    let mut fields = json!({
        "title": {"type": "string", "optional": true}, "done": {"type": "boolean", "optional": true},
        "updatedAt": {"type": "timestamp", "optional": true},
    });
    if policy == "merge" {
        fields["votes"] = json!({"type": "integer", "optional": true, "merge": "counter"});
        fields["tags"] = json!({"type": "array", "of": {"type": "string"}, "optional": true, "merge": "set"});
        fields["body"] = json!({"type": "string", "optional": true, "merge": "text"});
    }
    let schema = json!({"version": 1, "collections": {"tasks": {"fields": fields, "conflict": example["conflict"]}}})
        .to_string();
    let link = Link::new(server_policy(policy));
    let (first, second) = (Device::new(&link, &schema, 1), Device::new(&link, &schema, 2));
    if !example["before"].is_null() {
        first.write(&json!(["put", example["before"]]), START_MS);
        first.sync();
        second.sync();
    }
    let (earlier, later) = (START_MS + 1_000, START_MS + 2_000);
    let is_earlier = example["second wrote"] == "earlier";
    first.write(&example["first"], if is_earlier { later } else { earlier });
    second.write(&example["second"], if is_earlier { earlier } else { later });
    link.now_ms.set(START_MS + 3_000);
    first.sync();
    if hears == Hears::Before {
        link.is_one_way.set(true);
        second.sync();
        assert!(second.engine.status().pending > 0, "{example:#}");
        if policy == "merge" && example.get("inbox").is_none() {
            assert_eq!(second.shown(), example["after"], "{example:#}");
        }
        link.is_one_way.set(false);
    }
    [&second, &first].iter().for_each(|device| device.sync());
    if let Some(inbox) = example.get("inbox") {
        let (parked, mut inbox) = (second.parked(), inbox.clone());
        if hears == Hears::Before {
            // Theirs has taken its place, and lies under mine.
            inbox["base"] = Value::Null;
            for (field, theirs) in inbox["theirs"].clone().as_object().into_iter().flatten() {
                if inbox["mine"].is_object() && example["second"][1].get(field).is_none() {
                    inbox["mine"][field] = theirs.clone();
                }
            }
        }
        assert_eq!(parked.iter().map(sides).collect::<Vec<_>>(), std::slice::from_ref(&inbox), "{example:#}");
        assert_eq!(second.shown(), inbox["theirs"], "what the server has is in sight: {example:#}");
        second.resolve(&parked[0], &example["resolve"]);
        [&second, &first].iter().for_each(|device| device.sync());
    }
    for device in [&first, &second] {
        assert_eq!(device.shown(), example["after"], "{example:#}");
        assert_eq!((device.parked(), device.engine.status().pending), (vec![], 0), "{example:#}");
    }
}

#[test]
fn every_example_comes_out_as_it_says() {
    let blocks = DOCS.split("```json\n").skip(1).map(|rest| rest.split("```").next().expect("an end"));
    let examples: Vec<Value> = blocks.map(|block| serde_json::from_str(block).expect(block)).collect();
    assert!(examples.len() >= 12, "{} examples", examples.len());
    examples.iter().for_each(|example| [Hears::Then, Hears::Before].into_iter().for_each(|hears| play(example, hears)));
}

#[test]
fn mine_is_sent_again_before_and_after_a_pull_has_brought_theirs() {
    for pulls_first in [false, true] {
        let schema = json!({"version": 1, "collections": {"tasks": {"fields": {"title": {"type": "string"}}, "conflict": "manual"}}});
        let link = Link::new(Policy::Manual);
        let (first, second) = (Device::new(&link, &schema.to_string(), 1), Device::new(&link, &schema.to_string(), 2));
        second.sync();
        first.write(&json!(["put", { "title": "theirs" }]), START_MS);
        first.sync();
        second.write(&json!(["insert", { "title": "mine" }]), START_MS);
        second.engine.happened(START_MS, holm_core::sync::Event::LocalWrite);
        for _ in 0..if pulls_first { 50 } else { 1 } {
            second.run(second.engine.step(START_MS));
        }
        assert_eq!(second.shown(), if pulls_first { json!({ "title": "theirs" }) } else { Value::Null });
        second.resolve(&second.parked()[0], &json!("mine"));
        second.sync();
        assert_eq!((second.shown(), second.parked().len()), (json!({ "title": "mine" }), 0), "{pulls_first}");
        first.sync();
        assert_eq!(first.shown(), json!({ "title": "mine" }));
    }
}

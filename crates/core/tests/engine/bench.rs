//! One engine, one executor, one scripted server.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use async_trait::async_trait;
use futures_executor::LocalPool;
use futures_util::future::LocalBoxFuture;
use futures_util::task::LocalSpawnExt;
use holm_core::engine::{Answer, Engine, Failure, Options, Order, Question, Reply, Request, Spawn, Step, Transport};
use holm_core::outbox::{Operation, Parked, Receipt};
use holm_core::schema::Schema;
use holm_core::sync::Status;
use holm_core::{Error, ErrorCode};
use holm_protocol::{MutationId, from_json_text};
use holm_store::{Durability, FaultyDisk, MemoryLocks, Random, Unhurried};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};

pub const NOW_MS: u64 = 1_760_000_000_000;

pub const SCHEMA: &str = r#"{"version":1,"collections":{"tasks":{
    "fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"done":{"type":"boolean","default":false}},
    "indexes":[["done","title"]]}}}"#;

/// What the server says instead of what it would say.
type Instead = Result<Answer, Failure>;

#[derive(Default)]
struct Server {
    acked: u64,
    /// The highest checkpoint that was given.
    checkpoint: u64,
    requests: Vec<(&'static str, Value)>,
    instead: VecDeque<(&'static str, Instead)>,
    outcomes: VecDeque<Value>,
    /// What its clock reads.
    clock_ms: Option<u64>,
    /// A push with this text in it gets no further than a filter.
    filtered: Option<&'static str>,
    /// By the checkpoint that they follow: who asks again gets the same page.
    pages: BTreeMap<u64, Value>,
}

/// The way to a server that answers `ok` and has no changes, unless the test says otherwise.
#[derive(Clone, Default)]
pub struct Wire {
    server: Rc<RefCell<Server>>,
    now_ms: Rc<Cell<u64>>,
    held: Rc<RefCell<Option<Option<Waker>>>>,
    pub refreshes: Rc<Cell<u32>>,
}

impl Wire {
    /// The next request of this path is answered so, and has no effect.
    pub fn instead(&self, path: &'static str, status: u16, retry_after_ms: Option<u64>, body: &str) {
        let answer = Answer { status, retry_after_ms, body: body.as_bytes().to_vec() };
        self.server.borrow_mut().instead.push_back((path, Ok(answer)));
    }

    /// The next request of this path brings nothing back, and has no effect.
    pub fn fail(&self, path: &'static str, failure: Failure) {
        self.server.borrow_mut().instead.push_back((path, Err(failure)));
    }

    /// The server's clock reads so much.
    pub fn set_clock(&self, ms: u64) {
        self.server.borrow_mut().clock_ms = Some(ms);
    }

    /// What is sent from now on arrives when it is let go.
    pub fn hold(&self) {
        self.held.replace(Some(None));
    }

    /// See [`Self::hold`].
    pub fn let_go(&self) {
        self.held.take().flatten().expect("something was sent").wake();
    }

    /// A push with this text in it is answered by a filter, from now on.
    pub fn filter(&self, text: &'static str) {
        self.server.borrow_mut().filtered = Some(text);
    }

    /// The next mutation has this outcome.
    pub fn outcome(&self, outcome: Value) {
        self.server.borrow_mut().outcomes.push_back(outcome);
    }

    /// The next pull brings these changes; `extra` goes over the scope's answer.
    pub fn page(&self, changes: &Value, extra: &Value) {
        let mut page = json!({ "changes": changes });
        page.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let mut server = self.server.borrow_mut();
        let after_last = server.pages.last_key_value().map_or(0, |(after, _)| after + 1);
        let after = after_last.max(server.checkpoint);
        server.pages.insert(after, page);
    }

    /// The server claims to have handled so many mutations.
    pub fn set_acked(&self, acked: u64) {
        self.server.borrow_mut().acked = acked;
    }

    /// Every request of a path, in order.
    pub fn requests(&self, path: &str) -> Vec<Value> {
        let server = self.server.borrow();
        server.requests.iter().filter(|(to, _)| *to == path).map(|(_, body)| body.clone()).collect()
    }

    /// The mutations of every push, in order.
    pub fn mutations(&self) -> Vec<Value> {
        self.requests("push").iter().flat_map(|push| push["mutations"].as_array().expect("mutations").clone()).collect()
    }
}

impl Server {
    fn push(&mut self, request: &Value) -> Value {
        let mutations = request["mutations"].as_array().expect("mutations");
        let results: Vec<Value> = mutations.iter().map(|mutation| self.handle(mutation)).collect();
        json!({ "v": 1, "epoch": "e1", "now": self.now(), "acked": self.acked, "results": results })
    }

    fn now(&self) -> String {
        format!("{:012x}-0000-s", self.clock_ms.unwrap_or(1))
    }

    fn handle(&mut self, mutation: &Value) -> Value {
        let seq = mutation["seq"].as_u64().expect("a seq");
        self.acked = self.acked.max(seq);
        let otherwise = match mutation["kind"] == "skip" {
            true => json!({ "status": "rejected", "code": "undeliverable", "message": "" }),
            false => json!({ "status": "ok", "rev": format!("r{seq}") }),
        };
        let mut outcome = self.outcomes.pop_front().unwrap_or(otherwise);
        outcome["seq"] = seq.into();
        outcome
    }

    fn pull(&mut self, request: &Value) -> Value {
        let after = request["scopes"][0]["checkpoint"].as_str().map_or(0, |at| at.parse().expect("a checkpoint"));
        self.checkpoint = self.checkpoint.max(after + 1);
        let mut scope = json!({ "key": "tasks", "checkpoint": (after + 1).to_string(), "more": false, "changes": [] });
        let page = self.pages.get(&after).cloned().unwrap_or_else(|| json!({}));
        scope.as_object_mut().expect("an object").extend(page.as_object().expect("an object").clone());
        json!({ "v": 1, "epoch": "e1", "now": self.now(), "acked": self.acked, "results": [], "scopes": [scope] })
    }
}

#[async_trait(?Send)]
impl Transport for Wire {
    async fn send(&self, request: &Request) -> Reply {
        poll_fn(|context| match &mut *self.held.borrow_mut() {
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let mut server = self.server.borrow_mut();
        server.requests.push((request.path, body.clone()));
        let at = server.instead.iter().position(|(path, _)| *path == request.path);
        let is_filtered = request.path == "push" && server.filtered.is_some_and(|text| request.body.contains(text));
        let outcome = match at.and_then(|at| server.instead.remove(at)) {
            Some((_, instead)) => instead,
            None if is_filtered => {
                let body = b"<html>Blocked by policy</html>".to_vec();
                Ok(Answer { status: 403, retry_after_ms: None, body })
            }
            None => {
                let answer = if request.path == "push" { server.push(&body) } else { server.pull(&body) };
                Ok(Answer { status: 200, retry_after_ms: None, body: answer.to_string().into_bytes() })
            }
        };
        let at_ms = if server.clock_ms.is_some() { self.now_ms.get() } else { self.now_ms.get().max(NOW_MS) };
        Reply { outcome, at_ms }
    }

    async fn refresh_token(&self) -> bool {
        self.refreshes.set(self.refreshes.get() + 1);
        true
    }
}

/// See the module.
pub struct Bench {
    pool: RefCell<LocalPool>,
    pub disk: FaultyDisk,
    locks: MemoryLocks,
    pub wire: Wire,
    pub engine: Engine,
    next_receipt: Cell<u64>,
}

/// What a seed gives.
pub fn random(seed: u8) -> Random {
    let rng = RefCell::new(ChaCha8Rng::from_seed([seed; 32]));
    Rc::new(move |bytes| rng.borrow_mut().fill_bytes(bytes))
}

/// Opens an engine; each with a seed of its own.
pub fn try_open(
    disk: &FaultyDisk,
    wire: &Wire,
    schema: &str,
    scopes: Option<&[&str]>,
    seed: u8,
) -> Result<Bench, Error> {
    open_with(disk, wire, options(schema, scopes, seed)?, seed)
}

fn open_with(disk: &FaultyDisk, wire: &Wire, options: Options, seed: u8) -> Result<Bench, Error> {
    let (mut pool, locks, disk) = (LocalPool::new(), MemoryLocks::new(), disk.reopen());
    let engine = open(&mut pool, &disk, &locks, wire, options)?;
    let next_receipt = Cell::new(u64::from(seed) << 32);
    Ok(Bench { pool: RefCell::new(pool), disk, locks, wire: wire.clone(), engine, next_receipt })
}

fn options(schema: &str, scopes: Option<&[&str]>, seed: u8) -> Result<Options, Error> {
    Ok(Options {
        schema: Schema::parse(schema)?,
        scopes: scopes.map(|scopes| scopes.iter().map(|scope| String::from(*scope)).collect()),
        durability: Durability::Relaxed,
        cache_bytes: 1 << 20,
        fold_bytes: 1 << 16,
        pace: Rc::new(Unhurried),
        random: random(seed),
    })
}

fn open(
    pool: &mut LocalPool,
    disk: &FaultyDisk,
    locks: &MemoryLocks,
    wire: &Wire,
    options: Options,
) -> Result<Engine, Error> {
    let spawner = pool.spawner();
    let spawn: Spawn =
        Rc::new(move |future: LocalBoxFuture<'static, ()>| spawner.spawn_local(future).expect("it runs"));
    let opening = Engine::open(Rc::new(disk.clone()), Rc::new(locks.clone()), Rc::new(wire.clone()), options, &spawn);
    pool.run_until(opening)
}

impl Bench {
    /// A synced database that leads.
    pub fn synced() -> Self {
        let bench = try_open(&FaultyDisk::new(), &Wire::default(), SCHEMA, Some(&["tasks"]), 1).expect("opens");
        bench.run(bench.engine.lead()).expect("leads");
        bench
    }

    /// A database whose writes wait for the medium, without a server.
    pub fn strict() -> Self {
        let options = Options { durability: Durability::Strict, ..options(SCHEMA, None, 1).expect("a schema") };
        open_with(&FaultyDisk::new(), &Wire::default(), options, 1).expect("opens")
    }

    /// A database without a server.
    pub fn local(schema: &str) -> Self {
        try_open(&FaultyDisk::new(), &Wire::default(), schema, None, 1).expect("opens")
    }

    pub fn run<R>(&self, future: impl Future<Output = R>) -> R {
        self.pool.borrow_mut().run_until(future)
    }

    /// Lets everything that can run do so.
    pub fn settle(&self) {
        self.pool.borrow_mut().run_until_stalled();
    }

    /// Writes, and gives the receipt.
    pub fn try_write(&self, operation: Operation, rows: &Value) -> Result<String, Error> {
        self.next_receipt.set(self.next_receipt.get() + 1);
        let receipt = format!("{:032x}", self.next_receipt.get());
        let rows = self.engine.rows(NOW_MS, operation, rows.to_string().as_bytes())?;
        self.run(self.engine.write(NOW_MS, &receipt, "tasks", operation, rows))?;
        Ok(receipt)
    }

    pub fn write(&self, operation: Operation, rows: &Value) -> String {
        self.try_write(operation, rows).expect("written")
    }

    pub fn put(&self, id: &str, title: &str) -> String {
        self.write(Operation::Put, &json!([[id, { "title": title }]]))
    }

    /// What a write fails with.
    pub fn refused(&self, operation: Operation, rows: &Value) -> ErrorCode {
        self.try_write(operation, rows).expect_err("refused").code
    }

    /// The fields of a record.
    pub fn record(&self, id: &str) -> Option<Value> {
        let rows = self.run(self.engine.ask(NOW_MS, records("tasks", &[id]))).expect("read");
        parsed(&rows)[0].get(2).cloned()
    }

    pub fn title(&self, id: &str) -> Option<String> {
        self.record(id).map(|record| record["title"].as_str().expect("a title").to_owned())
    }

    pub fn query(&self, query: &Value) -> Vec<String> {
        let query = self.engine.parse_query(&query.to_string()).expect("a query");
        let found = parsed(&self.run(self.engine.ask(NOW_MS, Question::Query(query))).expect("read"));
        let rows = found["rows"].as_array().expect("rows");
        rows.iter().map(|row| row[0].as_str().expect("an id").to_owned()).collect()
    }

    pub fn parked(&self) -> Vec<Parked> {
        from_json_text(self.run(self.engine.ask(NOW_MS, Question::Parked)).expect("read").as_bytes())
            .expect("parked mutations")
    }

    /// Writes what a parked mutation wanted once more.
    pub fn retry(&self, mid: &MutationId) {
        self.edit(mid, &json!({}));
    }

    /// Writes again what a parked mutation wanted, with these fields instead.
    pub fn edit(&self, mid: &MutationId, edit: &Value) {
        let edit = from_json_text(edit.to_string().as_bytes()).expect("fields");
        let order = Order::Retry { mid: mid.clone(), receipt: self.engine.draw(), edit };
        self.run(self.engine.order(NOW_MS, order)).expect("again");
    }

    pub fn receipt(&self, receipt: &str) -> Receipt {
        let text = self.run(self.engine.ask(NOW_MS, Question::Receipt(receipt.to_owned()))).expect("read");
        let state = from_json_text(text.as_bytes()).expect("a state");
        Receipt { state, mutations: parsed(&text)["mutations"].as_u64().expect("a number") as usize }
    }

    pub fn status(&self) -> Status {
        self.engine.status()
    }

    pub fn step(&self, now_ms: u64) -> Step {
        self.wire.now_ms.set(now_ms);
        self.run(self.engine.step(now_ms))
    }

    /// Begins a step beside everything else.
    pub fn begin_step(&self, now_ms: u64) {
        self.wire.now_ms.set(now_ms);
        let engine = self.engine.clone();
        let step = async move {
            let _what_is_next = engine.step(now_ms).await;
        };
        self.pool.borrow().spawner().spawn_local(step).expect("it runs");
        self.settle();
    }

    /// The same storage in another tab without a server, which runs beside this one.
    pub fn another_tab(&self, seed: u8) -> Engine {
        let options = options(SCHEMA, None, seed).expect("a schema");
        open(&mut self.pool.borrow_mut(), &self.disk.reopen(), &self.locks, &self.wire, options).expect("opens")
    }

    /// The same storage in another tab, which leads from now on.
    pub fn reopen(&self, seed: u8) -> Self {
        let bench = try_open(&self.disk, &self.wire, SCHEMA, Some(&["tasks"]), seed).expect("opens");
        bench.run(bench.engine.lead()).expect("leads");
        bench
    }

    /// Exchanges with the server until there is nothing to do at once; gives the last step.
    pub fn sync(&self) -> Step {
        for _ in 0..50 {
            match self.step(NOW_MS) {
                Step::Again => {}
                step => return step,
            }
        }
        panic!("sync does not come to rest: {:?}", self.status());
    }

    /// The same, with the waiting in between: until all is sent or parked. Gives how long that took, in milliseconds.
    pub fn sync_patiently(&self) -> u64 {
        let mut now_ms = NOW_MS;
        for _ in 0..1_000 {
            match self.step(now_ms) {
                Step::Again => {}
                Step::Wait(until_ms) if self.status().pending > 0 => now_ms = until_ms,
                _ => return now_ms - NOW_MS,
            }
        }
        panic!("sync does not come to rest: {:?}", self.status());
    }
}

/// What the engine answers.
pub fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A row as a pull brings it; every field stamped so many ms after `NOW_MS` by `client`.
/// The question for records by id.
pub fn records(collection: &str, ids: &[&str]) -> Question {
    Question::Records { collection: collection.to_owned(), ids: ids.iter().map(|id| (*id).to_owned()).collect() }
}

pub fn change(id: &str, rev: &str, data: &Value, after_ms: u64, client: &str) -> Value {
    let stamp = format!("{:012x}-0000-{client}", NOW_MS + after_ms);
    let fields = data.as_object().expect("an object").keys();
    let stamps: serde_json::Map<String, Value> = fields.map(|field| (field.clone(), stamp.clone().into())).collect();
    json!({ "collection": "tasks", "id": id, "rev": rev, "data": data, "stamps": stamps })
}

/// A tombstone as a pull brings it.
pub fn tombstone(id: &str, rev: &str) -> Value {
    json!({ "collection": "tasks", "id": id, "rev": rev, "deleted": true })
}

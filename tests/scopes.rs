//! Scopes with arguments on real engines and the real server: what comes, what goes, and what stays because it waits.
#![cfg(not(target_arch = "wasm32"))]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_executor::LocalPool;
use futures_util::future::LocalBoxFuture;
use futures_util::task::LocalSpawnExt;
use holm_core::engine::{Answer, Engine, Options, Order, Question, Reply, Request, Spawn, Step, Transport};
use holm_core::outbox::Operation::{self, Delete, Insert, Patch, Put};
use holm_core::schema::Schema;
use holm_core::sync::{Event, SCOPES_MAX, scope_key};
use holm_core::{Error, ErrorCode};
use holm_protocol::{from_json_text, to_json_text};
use holm_server::{Life, Rules, Server};
use holm_store::{Durability, FaultyDisk, MemoryLocks, Random, Unhurried};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde_json::{Value, json};

const START_MS: u64 = 1_760_000_000_000;
const DAY_MS: u64 = 86_400_000;

/// The server and the way to it; the same for every device.
#[derive(Clone)]
struct World {
    server: Rc<RefCell<Server>>,
    now_ms: Rc<Cell<u64>>,
    is_offline: Rc<Cell<bool>>,
    may_read: Arc<AtomicBool>,
}

fn rules(may_read: &Arc<AtomicBool>) -> Rules {
    let fields = [("tasks", "project"), ("notes", "of")];
    let fields: BTreeMap<String, String> = fields.map(|(name, field)| (name.to_owned(), field.to_owned())).into();
    let asked = Arc::clone(may_read);
    let may_read = Box::new(move |_: &str, _: &str| asked.load(Ordering::Relaxed));
    let label = BTreeMap::from([("tasks".to_owned(), "labels".to_owned())]);
    let scopes = BTreeMap::from([("project".to_owned(), fields), ("label".to_owned(), label)]);
    Rules { scopes, may_read, ..Rules::default() }
}

impl World {
    fn new() -> Self {
        let may_read = Arc::new(AtomicBool::new(true));
        let server = Server::in_memory(rules(&may_read), &Life::Named("life1".into())).expect("SQLite in memory");
        Self {
            server: Rc::new(RefCell::new(server)),
            now_ms: Rc::new(Cell::new(START_MS)),
            is_offline: Rc::default(),
            may_read,
        }
    }

    /// Another server in its place, which has nothing.
    fn lose(&self) {
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

struct Device {
    pool: RefCell<LocalPool>,
    engine: Engine,
    world: World,
    disk: FaultyDisk,
}

impl Device {
    fn open(world: &World, disk: FaultyDisk, opened: &[&str], seed: u8) -> Self {
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
    fn with(world: &World, seed: u8, scopes: &[(&str, &str)]) -> Self {
        let device = Self::open(world, FaultyDisk::new(), &[], seed);
        scopes.iter().for_each(|(name, id)| device.subscribe(name, id));
        device
    }

    /// One that keeps everything.
    fn whole(world: &World) -> Self {
        Self::open(world, FaultyDisk::new(), &["tasks", "notes"], 9)
    }

    fn reopened(self) -> Self {
        self.run(self.engine.close());
        Self::open(&self.world, self.disk.clone(), &[], 77)
    }

    fn run<R>(&self, future: impl Future<Output = R>) -> R {
        self.pool.borrow_mut().run_until(future)
    }

    fn now_ms(&self) -> u64 {
        self.world.now_ms.get()
    }

    fn order(&self, order: Order) -> Result<(), Error> {
        self.run(self.engine.order(self.now_ms(), order))
    }

    fn subscribe(&self, name: &str, id: &str) {
        self.order(Order::Subscribe(key(name, id))).expect("subscribed");
    }

    /// As `db.scopes.unsubscribe`.
    fn unsubscribe(&self, name: &str, id: &str) {
        while self.standing(name, id).is_some() {
            self.order(Order::Unsubscribe(key(name, id))).expect("unsubscribed");
        }
    }

    fn ask(&self, question: Question) -> Value {
        let text = self.run(self.engine.ask(self.now_ms(), question)).expect("read");
        serde_json::from_str(&text).expect("JSON")
    }

    fn standing(&self, name: &str, id: &str) -> Option<Value> {
        let all = self.ask(Question::Scopes);
        all.as_array().expect("a list").iter().find(|one| one["name"] == name && one["args"]["id"] == id).cloned()
    }

    fn write(&self, collection: &str, operation: Operation, row: &Value) {
        self.world.now_ms.set(self.now_ms() + 1);
        let rows = self.engine.rows(self.now_ms(), operation, json!([row]).to_string().as_bytes()).expect("rows");
        let receipt = self.engine.draw();
        self.run(self.engine.write(self.now_ms(), &receipt, collection, operation, rows)).expect("written");
    }

    fn put(&self, id: &str, project: &str) {
        self.write("tasks", Put, &json!([id, { "title": id, "project": project }]));
    }

    fn sync(&self) {
        self.engine.happened(self.now_ms(), Event::Asked);
        for _ in 0..200 {
            if self.run(self.engine.step(self.now_ms())) != Step::Again {
                return;
            }
        }
        panic!("sync does not come to rest");
    }

    /// The tasks that are shown, by id; the index agrees.
    fn tasks(&self) -> Vec<String> {
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

    fn title(&self, id: &str) -> Value {
        self.ask(Question::Records { collection: "tasks".into(), ids: vec![id.into()] })[0][2]["title"].clone()
    }

    fn parked(&self) -> usize {
        self.ask(Question::Parked).as_array().expect("a list").len()
    }
}

fn key(name: &str, id: &str) -> String {
    scope_key(&format!("{name}:{}", json!({ "id": id }))).expect("a key")
}

/// Two projects on the server: `a` and `b` in p1, `c` in p2, `d` in none.
fn filled() -> (World, Device) {
    let world = World::new();
    let writer = Device::whole(&world);
    [("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", "")].iter().for_each(|(id, project)| writer.put(id, project));
    writer.write("notes", Put, &json!(["n", { "of": "p1", "text": "hi" }]));
    writer.sync();
    (world, writer)
}

#[test]
fn a_scope_brings_its_rows_of_all_collections_and_tells_when_it_is_complete() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    assert_eq!(device.standing("project", "p1").expect("there")["complete"], false);
    assert!(device.tasks().is_empty());
    device.sync();
    assert_eq!(
        (device.tasks(), device.standing("project", "p1").expect("there")["complete"].clone()),
        (vec!["a".into(), "b".into()], json!(true))
    );
    assert_eq!(device.ask(Question::Records { collection: "notes".into(), ids: vec!["n".into()] })[0][2]["text"], "hi");
    writer.put("e", "p1");
    writer.write("tasks", Delete, &json!(["b"]));
    writer.sync();
    device.sync();
    assert_eq!(device.tasks(), ["a", "e"]);
    let device = device.reopened();
    device.sync();
    assert_eq!(device.tasks(), ["a", "e"], "a subscription outlives the page");
}

#[test]
fn what_leaves_the_scope_leaves_the_device_and_comes_back_with_it() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    writer.put("a", "p2");
    writer.sync();
    device.sync();
    assert_eq!(device.tasks(), ["b"]);
    writer.put("a", "p1");
    writer.sync();
    device.sync();
    assert_eq!(device.tasks(), ["a", "b"]);
}

#[test]
fn what_is_in_two_scopes_stays_until_it_has_left_both() {
    let world = World::new();
    let writer = Device::whole(&world);
    writer.write("tasks", Put, &json!(["a", { "project": "p1", "labels": ["x", "y"] }]));
    writer.sync();
    let device = Device::with(&world, 1, &[("project", "p1"), ("label", "x"), ("label", "y")]);
    device.sync();
    for (labels, project, shown) in [(vec!["y"], "p1", true), (vec!["y"], "p2", true), (vec![], "p2", false)] {
        writer.write("tasks", Put, &json!(["a", { "project": project, "labels": labels }]));
        writer.sync();
        device.sync();
        assert_eq!(device.tasks().len(), usize::from(shown), "{labels:?} {project}");
    }
}

#[test]
fn an_edit_of_what_left_is_shown_until_the_server_has_it() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Patch, &json!(["a", { "title": "mine" }]));
    writer.put("a", "p2");
    writer.sync();
    let device = device.reopened();
    assert_eq!(device.run(device.engine.step(device.now_ms())), Step::Again, "the pull that says so, before the push");
    assert_eq!((device.title("a"), device.engine.status().pending), (json!("mine"), 1));
    let device = device.reopened();
    assert_eq!(device.title("a"), "mine");
    device.sync();
    assert_eq!((device.tasks(), device.engine.status().pending, device.parked()), (vec!["b".into()], 0, 0));
    writer.sync();
    assert_eq!(writer.title("a"), "mine", "nothing was lost");
}

#[test]
fn what_is_made_outside_of_all_scopes_goes_when_the_server_has_it() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.put("new", "p2");
    device.put("mine", "p1");
    assert_eq!(device.tasks(), ["a", "b", "mine", "new"]);
    device.sync();
    assert_eq!(device.tasks(), ["a", "b", "mine"]);
    writer.sync();
    assert_eq!(writer.tasks(), ["a", "b", "c", "d", "mine", "new"]);
}

#[test]
fn to_move_a_record_out_of_ones_own_scope_is_a_last_look_at_it() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Patch, &json!(["a", { "project": "p2" }]));
    device.sync();
    assert_eq!(device.tasks(), ["b"]);
    writer.sync();
    assert_eq!(writer.tasks(), ["a", "b", "c", "d"]);
}

#[test]
fn to_unsubscribe_makes_room_but_for_what_waits_and_what_is_elsewhere() {
    let (world, writer) = filled();
    writer.write("tasks", Patch, &json!(["b", { "labels": ["x"] }]));
    writer.sync();
    let device = Device::with(&world, 1, &[("project", "p1"), ("label", "x")]);
    device.sync();
    world.is_offline.set(true);
    device.write("tasks", Patch, &json!(["a", { "title": "mine" }]));
    device.unsubscribe("project", "p1");
    assert_eq!((device.tasks(), device.title("a")), (vec!["a".into(), "b".into()], json!("mine")));
    assert_eq!(device.ask(Question::Records { collection: "notes".into(), ids: vec!["n".into()] })[0], Value::Null);
    world.is_offline.set(false);
    device.sync();
    assert_eq!((device.tasks(), device.engine.status().pending), (vec!["b".into()], 0));
    writer.sync();
    assert_eq!(writer.title("a"), "mine");
    device.subscribe("project", "p1");
    device.sync();
    assert_eq!(device.tasks(), ["a", "b"]);
}

#[test]
fn many_records_leave_some_at_a_time() {
    let world = World::new();
    let writer = Device::whole(&world);
    let rows: Vec<Value> = (0..2_500).map(|n| json!([format!("r{n:04}"), { "project": "p1" }])).collect();
    for some in rows.chunks(500) {
        let rows = writer.engine.rows(START_MS, Put, json!(some).to_string().as_bytes()).expect("rows");
        writer.run(writer.engine.write(START_MS, &writer.engine.draw(), "tasks", Put, rows)).expect("written");
    }
    writer.sync();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    assert_eq!(device.tasks().len(), 2_500);
    device.order(Order::Unsubscribe(key("project", "p1"))).expect("unsubscribed");
    assert_eq!(device.tasks().len(), 500);
    assert_eq!(device.standing("project", "p1").expect("not yet gone")["leaving"], true);
    let device = device.reopened();
    device.subscribe("project", "p2");
    [(); 2].iter().for_each(|()| device.sync());
    assert_eq!((device.tasks().len(), device.standing("project", "p1")), (0, None), "sync goes on with it");
}

#[test]
fn what_was_left_by_half_and_is_wanted_again_has_nothing_that_is_gone_meanwhile() {
    let world = World::new();
    let writer = Device::whole(&world);
    let rows: Vec<Value> = (0..2_100).map(|n| json!([format!("r{n:04}"), { "project": "p1" }])).collect();
    let rows = writer.engine.rows(START_MS, Put, json!(rows).to_string().as_bytes()).expect("rows");
    writer.run(writer.engine.write(START_MS, &writer.engine.draw(), "tasks", Put, rows)).expect("written");
    writer.sync();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.order(Order::Unsubscribe(key("project", "p1"))).expect("unsubscribed");
    assert_eq!(device.tasks().len(), 100, "the last of them are here still");
    writer.write("tasks", Delete, &json!(["r2099"]));
    writer.sync();
    device.subscribe("project", "p1");
    device.sync();
    assert_eq!(device.tasks().len(), 2_099);
}

#[test]
fn who_may_not_see_a_scope_any_more_keeps_nothing_of_it_but_what_waits() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    world.may_read.store(false, Ordering::Relaxed);
    device.sync();
    assert_eq!(
        (device.tasks().len(), device.standing("project", "p1").expect("there")["forbidden"].clone()),
        (0, json!(true))
    );
    assert!(device.engine.status().error.is_none(), "sync goes on");
    writer.put("e", "p1");
    writer.sync();
    device.sync();
    assert!(device.tasks().is_empty());
    world.may_read.store(true, Ordering::Relaxed);
    device.sync();
    assert_eq!(
        (device.tasks().len(), device.standing("project", "p1").expect("there")["forbidden"].clone()),
        (3, json!(false))
    );
}

#[test]
fn a_reset_sweeps_what_it_does_not_name_and_nothing_else() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1"), ("project", "p2")]);
    device.sync();
    device.write("tasks", Patch, &json!(["b", { "title": "mine" }]));
    writer.put("a", "p3");
    writer.sync();
    world.now_ms.set(START_MS + 91 * DAY_MS);
    world.server.borrow_mut().collect(world.now_ms.get()).expect("collects");
    let device = device.reopened();
    assert_eq!(device.run(device.engine.step(device.now_ms())), Step::Again);
    assert_eq!((device.tasks(), device.title("b")), (vec!["b".into(), "c".into()], json!("mine")));
    device.sync();
    assert_eq!(device.tasks(), ["b", "c"]);
}

#[test]
fn what_a_server_lost_is_kept_aside_and_can_be_given_back() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Patch, &json!(["b", { "title": "mine" }]));
    world.lose();
    device.sync();
    assert_eq!(device.tasks(), Vec::<String>::new());
    let orphans = device.ask(Question::Orphans(10));
    let names: Vec<&str> =
        orphans.as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id")).collect();
    assert_eq!(names, ["n", "a", "b"], "by collection; b as the server had it, its edit is parked");
    assert_eq!((orphans[1]["data"]["title"].clone(), device.parked()), (json!("a"), 1));
    let adopt = |id: &str| {
        device.order(Order::Adopt { collection: "tasks".into(), id: id.into(), receipt: device.engine.draw() })
    };
    adopt("a").expect("adopted");
    assert_eq!(adopt("a").expect_err("not twice").code, ErrorCode::NotFound);
    device.order(Order::Forget { collection: "notes".into(), id: "n".into() }).expect("forgotten");
    device.sync();
    assert_eq!((device.tasks(), device.ask(Question::Orphans(10))[0]["id"].clone()), (vec!["a".into()], json!("b")));

    [(); 2].iter().for_each(|()| writer.sync()); // who becomes another client waits a moment
    assert_eq!(
        (writer.tasks(), writer.ask(Question::Orphans(9)).as_array().map(Vec::len)),
        (vec!["a".into()], Some(4))
    );
    let again = Order::Adopt { collection: "tasks".into(), id: "a".into(), receipt: writer.engine.draw() };
    assert_eq!(writer.order(again).expect_err("it is there").code, ErrorCode::NotFound, "it was named after all");
}

#[test]
fn what_is_subscribed_to_in_the_middle_of_a_pull_is_part_of_it() {
    let (world, _) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.put("new", "p2");
    assert_eq!(device.run(device.engine.step(device.now_ms())), Step::Again);
    device.subscribe("project", "p2");
    device.sync();
    assert_eq!(device.tasks(), ["a", "b", "c", "new"]);
    assert_eq!(device.engine.status().pending, 0);
}

#[test]
fn a_whole_collection_can_be_subscribed_to_as_well() {
    let (world, _) = filled();
    let device = Device::with(&world, 1, &[]);
    device.order(Order::Subscribe("tasks".to_owned())).expect("subscribed");
    device.sync();
    assert_eq!(device.tasks(), ["a", "b", "c", "d"]);
    device.order(Order::Unsubscribe("tasks".to_owned())).expect("unsubscribed");
    assert_eq!((device.tasks().len(), device.ask(Question::Scopes)), (0, json!([])));
}

#[test]
fn wrong_scopes_are_refused_with_what_is_wrong() {
    let (world, writer) = filled();
    for text in ["", ":{}", "a:b", "project:[1]", "project:{"] {
        assert_eq!(scope_key(text).expect_err("refused").code, ErrorCode::InvalidArgument, "{text}");
    }
    let refused = writer.order(Order::Unsubscribe("tasks".to_owned())).expect_err("refused");
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    let device = Device::with(&world, 1, &[("elsewhere", "x")]);
    device.sync();
    assert_eq!(device.standing("elsewhere", "x").expect("there")["forbidden"], true, "the server has no such scope");
    device.unsubscribe("elsewhere", "x");
    (0..SCOPES_MAX).for_each(|n| device.subscribe("project", &format!("p{n}")));
    let refused = device.order(Order::Subscribe(key("project", "one more"))).expect_err("refused");
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    device.sync();
    assert_eq!(device.tasks(), ["a", "b", "c"]);
}

#[test]
fn a_collection_with_parts_here_is_not_evicted() {
    let (world, _) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    assert_eq!(device.order(Order::Evict("tasks".to_owned())).expect_err("refused").code, ErrorCode::InvalidArgument);
    device.unsubscribe("project", "p1");
    device.order(Order::Evict("tasks".to_owned())).expect("nothing is there");
}

#[test]
fn an_insert_over_what_is_not_here_is_settled_by_the_server() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Insert, &json!(["c", { "title": "mine", "project": "p1" }]));
    device.sync();
    writer.sync();
    assert_eq!(
        (device.title("c"), writer.title("c")),
        (json!("mine"), json!("mine")),
        "the fields of both, the later wins"
    );
}

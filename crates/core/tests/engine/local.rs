//! Writing and reading on this device.

use std::cell::RefCell;
use std::rc::Rc;

use holm_core::ErrorCode;
use holm_core::engine::{Order, Question, Transaction};
use holm_core::outbox::Operation::{Delete, Insert, Patch, Put};
use holm_core::query::Diff;
use holm_store::{Durability, Fault, Operation as DiskOperation};
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, SCHEMA, parsed, records};

#[test]
fn put_insert_patch_and_delete() {
    let bench = Bench::local(SCHEMA);
    bench.write(Insert, &json!([["a", { "title": "milk", "note": "two" }]]));
    assert_eq!(bench.record("a"), Some(json!({ "title": "milk", "note": "two", "done": false })));
    assert_eq!(bench.refused(Insert, &json!([["a", { "title": "bread" }]])), ErrorCode::AlreadyExists);

    bench.write(Patch, &json!([["a", { "done": true, "note": { "$holm": ["unset"] } }]]));
    assert_eq!(bench.record("a"), Some(json!({ "title": "milk", "done": true })));
    assert_eq!(bench.refused(Patch, &json!([["b", { "done": true }]])), ErrorCode::NotFound);

    bench.write(Put, &json!([["a", { "title": "bread" }]]));
    assert_eq!(bench.record("a"), Some(json!({ "title": "bread", "done": false })));
    bench.write(Delete, &json!([["a"]]));
    bench.write(Delete, &json!([["a"]]));
    assert_eq!(bench.record("a"), None);
}

#[test]
fn many_rows_are_written_together_or_not_at_all() {
    let bench = Bench::local(SCHEMA);
    let rows = json!([["a", { "title": "milk" }], ["b", { "title": 7 }]]);
    assert_eq!(bench.refused(Put, &rows), ErrorCode::InvalidRecord);
    assert_eq!(bench.record("a"), None);
    assert_eq!(bench.refused(Put, &json!([["", { "title": "milk" }]])), ErrorCode::InvalidId);
    assert_eq!(bench.refused(Put, &json!([["a", { "name": "milk" }]])), ErrorCode::InvalidRecord);
    bench.write(Put, &json!([["a", { "title": "milk" }], ["b", { "title": "bread" }]]));
    assert_eq!(bench.query(&json!({ "collection": "tasks", "orderBy": "title" })), ["b", "a"]);
}

#[test]
fn an_id_is_drawn_where_there_is_none() {
    let bench = Bench::local(SCHEMA);
    let receipt = bench.engine.draw();
    let rows = bench.engine.rows(NOW_MS, Put, br#"[[null, {"title":"milk"}]]"#).expect("rows");
    let ids = bench.run(bench.engine.write(NOW_MS, &receipt, "tasks", Put, rows));
    let ids = parsed(&ids.expect("written"));
    assert_eq!(bench.title(ids[0].as_str().expect("an id")), Some("milk".into()));
    assert_eq!(bench.refused(Patch, &json!([[null, { "title": "milk" }]])), ErrorCode::InvalidId);
}

#[test]
fn a_unique_index_lets_no_second_in() {
    let bench = Bench::local(
        r#"{"version":1,"collections":{"tasks":{"fields":{"title":{"type":"string"}},"indexes":[{"fields":["title"],"unique":true}]}}}"#,
    );
    bench.put("a", "milk");
    assert_eq!(bench.refused(Put, &json!([["b", { "title": "milk" }]])), ErrorCode::AlreadyExists);
    bench.put("a", "milk");
    bench.write(Delete, &json!([["a"]]));
    bench.put("b", "milk");
}

#[test]
fn a_watcher_is_told_at_first_and_of_every_change() {
    let bench = Bench::local(SCHEMA);
    bench.put("a", "milk");
    type Told = Vec<(Vec<String>, Diff)>;
    let told: Rc<RefCell<Told>> = Rc::default();
    let heard = Rc::clone(&told);
    let query = bench.engine.parse_query(r#"{"collection":"tasks","where":{"done":false},"orderBy":"title"}"#);
    let id = bench
        .engine
        .watch(query.expect("a query"), move |found| {
            let (rows, diff) = found.expect("no failure");
            heard.borrow_mut().push((rows.iter().map(|row| row.id.clone()).collect(), diff.clone()));
        })
        .expect("watched");
    bench.settle();
    bench.put("b", "bread");
    bench.settle();
    bench.write(Patch, &json!([["a", { "done": true }]]));
    bench.settle();
    bench.write(Patch, &json!([["a", { "title": "not seen" }]]));
    bench.settle();
    bench.engine.unwatch(id);
    bench.put("c", "cheese");
    bench.settle();

    let ids: Vec<Vec<String>> = told.borrow().iter().map(|(ids, _)| ids.clone()).collect();
    assert_eq!(ids, [vec!["a".to_owned()], vec!["b".into(), "a".into()], vec!["b".into()]]);
    assert_eq!(told.borrow()[1].1.added, ["b"]);
    assert_eq!(told.borrow()[2].1.removed, ["a"]);
}

fn title(rows: &str) -> Value {
    parsed(rows)[0][2]["title"].clone()
}

#[test]
fn a_transaction_sees_its_own_writes_and_commits_only_what_nobody_changed() {
    let bench = Bench::local(SCHEMA);
    bench.put("a", "milk");
    let tx = Transaction::default();
    assert_eq!(title(&bench.run(bench.engine.tx_ask(&tx, NOW_MS, records("tasks", &["a"]))).expect("read")), "milk");
    let rows = r#"[["a",{"title":"cream"}]]"#;
    bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Patch, rows.as_bytes())).expect("laid over");
    assert_eq!(title(&bench.run(bench.engine.tx_ask(&tx, NOW_MS, records("tasks", &["a"]))).expect("read")), "cream");
    assert_eq!(bench.title("a"), Some("milk".into()), "nobody else sees it");

    bench.put("a", "bread");
    let failed = bench
        .run(bench.engine.tx_commit(&tx, NOW_MS, &bench.engine.draw(), Durability::Relaxed))
        .expect_err("it read milk");
    assert_eq!(failed.code, ErrorCode::Contention);
    assert_eq!(bench.title("a"), Some("bread".into()));

    let again = Transaction::default();
    bench.run(bench.engine.tx_ask(&again, NOW_MS, records("tasks", &["a"]))).expect("read");
    bench.run(bench.engine.tx_write(&again, NOW_MS, "tasks", Patch, rows.as_bytes())).expect("laid over");
    bench.put("b", "of no interest to it");
    bench.run(bench.engine.tx_commit(&again, NOW_MS, &bench.engine.draw(), Durability::Relaxed)).expect("committed");
    assert_eq!(bench.title("a"), Some("cream".into()));
}

#[test]
fn a_refused_write_leaves_the_transaction_as_it_was() {
    let bench = Bench::local(SCHEMA);
    let tx = Transaction::default();
    let put = |rows: &str| {
        bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Put, rows.as_bytes())).map_err(|error| error.code)
    };
    assert_eq!(put(r#"[["a",{"title":7}]]"#), Err(ErrorCode::InvalidRecord));
    put(r#"[["b",{"title":"bread"}]]"#).expect("laid over");
    bench.run(bench.engine.tx_commit(&tx, NOW_MS, &bench.engine.draw(), Durability::Relaxed)).expect("committed");
    assert_eq!((bench.record("a"), bench.title("b")), (None, Some("bread".into())));
}

#[test]
fn a_transaction_that_no_push_could_carry_is_refused() {
    let bench = Bench::synced();
    let tx = Transaction::default();
    let rows: Vec<Value> = (0..101).map(|n| json!([format!("t{n}"), { "title": "milk" }])).collect();
    bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Put, json!(rows).to_string().as_bytes())).expect("laid over");
    let failed = bench
        .run(bench.engine.tx_commit(&tx, NOW_MS, &bench.engine.draw(), Durability::Relaxed))
        .expect_err("too large");
    assert_eq!(failed.code, ErrorCode::TransactionTooLarge);
    assert_eq!(bench.status().pending, 0);
}

fn kv_set(space: &str, key: &str, json: &str, ttl_ms: Option<u64>) -> Order {
    Order::KvSet { space: space.into(), key: key.into(), json: json.into(), ttl_ms }
}

#[test]
fn keys_of_a_namespace_are_kept_until_their_time_is_over() {
    let bench = Bench::local(SCHEMA);
    let engine = &bench.engine;
    bench.run(engine.order(NOW_MS, kv_set("settings", "theme", "\"dark\"", None))).expect("set");
    bench.run(engine.order(NOW_MS, kv_set("settings", "hint", "1", Some(1_000)))).expect("set");
    bench.run(engine.order(NOW_MS, kv_set("other", "theme", "2", None))).expect("set");
    let ask = |question, now_ms| bench.run(engine.ask(now_ms, question)).expect("read");
    let read = |key: &str, now_ms| ask(Question::Kv { space: "settings".into(), key: key.into() }, now_ms);
    assert_eq!((read("theme", NOW_MS), read("hint", NOW_MS)), ("\"dark\"".into(), "1".into()));
    assert_eq!(read("hint", NOW_MS + 1_001), "");
    assert_eq!(ask(Question::KvKeys("settings".into()), NOW_MS + 1_001), "[\"theme\"]");
    let delete = Order::KvDelete { space: "settings".into(), key: "theme".into() };
    bench.run(engine.order(NOW_MS, delete)).expect("deleted");
    assert_eq!(read("theme", NOW_MS), "");
}

#[test]
fn storage_that_fails_is_told_and_the_engine_lives_on() {
    let bench = Bench::local(SCHEMA);
    for (fault, code) in [
        (Fault::Full, ErrorCode::StorageFull),
        (Fault::Abort, ErrorCode::StorageFailed),
        (Fault::Unavailable, ErrorCode::StorageUnavailable),
    ] {
        bench.disk.inject_next(DiskOperation::Append, fault);
        assert_eq!(bench.refused(Put, &json!([["a", { "title": "milk" }]])), code);
        assert_eq!(bench.record("a"), None);
    }
    bench.disk.inject_next(DiskOperation::Append, Fault::UnknownApplied);
    bench.put("a", "milk");
    assert_eq!(bench.title("a"), Some("milk".into()));
}

#[test]
fn after_close_every_call_says_so() {
    let bench = Bench::synced();
    bench.put("a", "milk");
    bench.run(bench.engine.close());
    let engine = &bench.engine;
    assert_eq!(bench.refused(Put, &json!([["a", { "title": "milk" }]])), ErrorCode::Closed);
    let query = engine.parse_query(r#"{"collection":"tasks"}"#).expect("a query");
    let codes = [
        bench.run(engine.ask(NOW_MS, records("tasks", &[]))).map(drop),
        bench.run(engine.ask(NOW_MS, Question::Query(query.clone()))).map(drop),
        bench.run(engine.order(NOW_MS, kv_set("s", "k", "1", None))),
        bench.run(engine.ask(NOW_MS, Question::Receipt("00".into()))).map(drop),
        bench.run(engine.ask(NOW_MS, Question::Parked)).map(drop),
        bench.run(engine.sync_now(NOW_MS)),
        bench.run(engine.tx_commit(&Transaction::default(), NOW_MS, "00", Durability::Relaxed)),
        engine.watch(query.clone(), |_| {}).map(drop),
    ];
    for (call, outcome) in codes.into_iter().enumerate() {
        assert_eq!(outcome.expect_err("closed").code, ErrorCode::Closed, "call {call}");
    }
    assert_eq!(bench.step(NOW_MS), holm_core::engine::Step::Ended);
}

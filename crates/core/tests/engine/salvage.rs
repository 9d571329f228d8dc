//! Whichever byte of the store is flipped, everything that waits for the server is in the salvage, and all that lies elsewhere.

use std::collections::BTreeMap;

use futures_executor::block_on;
use holm_core::engine::{Failure, Order};
use holm_core::outbox::Operation::{Delete, Patch, Put};
use holm_core::salvage::salvage;
use holm_store::{Fault, FaultyDisk, FoldOutcome, Operation, Place};
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, change, parsed};

fn lines_of(disk: &FaultyDisk) -> Vec<Value> {
    let mut text = String::new();
    let end = block_on(salvage(disk, "app", NOW_MS, &mut |part| text.push_str(part))).expect("the disk works");
    let lines: Vec<Value> = text.lines().map(parsed).collect();
    assert_eq!(lines.last(), Some(&parsed(&end)));
    lines
}

fn of<'l>(lines: &'l [Value], kind: &'l str) -> impl Iterator<Item = &'l Value> {
    lines.iter().filter(move |line| line["type"] == kind)
}

/// The ids of the records.
fn ids(lines: &[Value]) -> Vec<&str> {
    of(lines, "record").map(|line| line["id"].as_str().expect("an id")).collect()
}

/// What the mutations of each record do together, and what the server refused.
fn intended(lines: &[Value]) -> BTreeMap<String, Value> {
    let mut intended = BTreeMap::new();
    for line in of(lines, "pending").chain(of(lines, "parked")) {
        let is_parked = line["type"] == "parked";
        let known: &mut Value = intended.entry(format!("{} {is_parked}", line["id"])).or_insert(json!({}));
        if line["kind"] == "delete" {
            *known = json!("deleted");
            continue;
        }
        for (field, value) in line["data"].as_object().into_iter().flatten() {
            known[field] = value.clone();
        }
    }
    intended
}

fn fold(bench: &Bench) {
    assert_eq!(bench.run(bench.engine.database().fold()), Ok(FoldOutcome::Published));
}

#[test]
fn a_call_that_waits_is_told_with_its_arguments_and_its_effect_only_by_the_record() {
    let bench = confirmed();
    let tx = holm_core::engine::Transaction::default();
    bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Patch, br#"[["c1",{"title":"shown"}]]"#)).expect("written");
    let args = holm_protocol::from_json(&json!({ "id": "c1" })).expect("a value");
    let call = holm_core::outbox::Call::new("finish", args).expect("a call");
    let called = bench.engine.tx_call(&tx, NOW_MS, &bench.engine.draw(), call, holm_store::Durability::Relaxed);
    bench.run(called).expect("called");
    let lines = lines_of(&bench.disk);
    let pending: Vec<&Value> = of(&lines, "pending").collect();
    assert_eq!((pending.len(), &pending[0]["kind"]), (1, &json!("call")));
    assert_eq!((&pending[0]["call"]["name"], &pending[0]["call"]["args"]), (&json!("finish"), &json!({ "id": "c1" })));
    let shown = of(&lines, "record").find(|line| line["id"] == "c1").expect("the record");
    assert_eq!((&shown["value"]["title"], &shown["pending"]), (&json!("shown"), &json!(true)));
}

/// Rows that the server has.
fn confirmed() -> Bench {
    let bench = Bench::synced();
    let row = |n: u32| change(&format!("c{n}"), "r1", &json!({ "title": format!("title {n}"), "done": false }), 0, "s");
    bench.wire.page(&json!((0..6).map(row).collect::<Vec<_>>()), &json!({}));
    bench.sync();
    bench
}

/// Creates, changes and deletes, whole and in parts, one record more than once, and a mutation that is refused.
fn write(bench: &Bench) {
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation", "message": "no" }));
    bench.write(Patch, &json!([["c5", { "title": "refused" }]]));
    bench.sync();
    bench.write(Put, &json!([["new", { "title": "new", "note": "a note" }]]));
    bench.write(Patch, &json!([["c1", { "note": "patched" }]]));
    bench.write(Put, &json!([["c2", { "title": "replaced" }]]));
    bench.write(Delete, &json!([["c3"]]));
    bench.write(Put, &json!([["twice", { "title": "once" }]]));
    bench.write(Patch, &json!([["twice", { "title": "twice" }]]));
    let set = Order::KvSet { space: "s".to_owned(), key: "k".to_owned(), json: "1".to_owned(), ttl_ms: None };
    bench.run(bench.engine.order(NOW_MS, set)).expect("set");
}

fn expected() -> BTreeMap<String, Value> {
    let expected = [
        ("new", json!({ "title": "new", "note": "a note", "done": false })),
        ("c1", json!({ "note": "patched" })),
        ("c3", json!("deleted")),
        ("twice", json!({ "title": "twice", "done": false })),
    ];
    let mut expected: BTreeMap<String, Value> =
        expected.into_iter().map(|(id, value)| (format!("{:?} false", id), value)).collect();
    expected.insert("\"c5\" true".to_owned(), json!({ "title": "refused" }));
    expected
}

/// All that waits is there; of a record that was written whole, at least what that changed.
fn check_intended(lines: &[Value], context: &str) {
    let mut intended = intended(lines);
    let replaced = intended.remove("\"c2\" false").unwrap_or_else(|| panic!("{context}: c2 is lost"));
    assert_eq!(replaced["title"], "replaced", "{context}");
    assert_eq!(intended, expected(), "{context}");
}

/// Flips each byte of what is stored, and takes each block and the manifest away.
fn hold(bench: &Bench) {
    let disk = bench.disk.duplicate();
    let whole = lines_of(&disk);
    assert_eq!(whole.last().expect("an end")["lost"], json!([]));
    check_intended(&whole, "nothing is damaged");
    let waits = |id: &str| of(&whole, "record").find(|line| line["id"] == id).map(|line| line["pending"].clone());
    assert_eq!([waits("new"), waits("c0"), waits("c3")], [Some(json!(true)), Some(json!(false)), None]);
    assert_eq!(of(&whole, "kv").count(), 1);
    for (place, len) in disk.places() {
        let without = disk.duplicate();
        without.lose(&place);
        let left = lines_of(&without);
        if !matches!(place, Place::Entry(_)) {
            check_intended(&left, &format!("{place} is not there"));
        }
        for at in 0..len {
            let broken = disk.duplicate();
            broken.damage(&place, at);
            let lines = lines_of(&broken);
            let context = format!("byte {at} of {place}");
            check_intended(&lines, &context);
            let kept = |id: &&&str| ids(&whole).contains(id);
            assert!(ids(&left).iter().filter(kept).all(|id| ids(&lines).contains(id)), "{context}");
            assert!(of(&left, "kv").count() <= of(&lines, "kv").count(), "{context}");
            let lost = lines.last().expect("an end")["lost"].as_array().expect("a list").len();
            assert!(lost <= 1, "{context}: {:?}", lines.last());
        }
    }
}

#[test]
fn whichever_byte_is_flipped_before_a_fold_all_that_waits_is_salvaged() {
    let bench = confirmed();
    write(&bench);
    bench.wire.fail("push", Failure::Timeout);
    bench.step(NOW_MS);
    bench.write(Patch, &json!([["c1", { "note": "patched" }]]));
    let states: Vec<Value> = of(&lines_of(&bench.disk), "pending").map(|line| line["state"].clone()).collect();
    assert!(states.contains(&json!("pending")) && states.iter().any(|state| state["frozen"].is_u64()), "{states:?}");
    hold(&bench);
}

#[test]
fn and_after_one() {
    let bench = confirmed();
    write(&bench);
    fold(&bench);
    hold(&bench);
}

#[test]
fn and_with_some_of_it_in_the_log_and_some_in_runs() {
    let bench = confirmed();
    fold(&bench);
    write(&bench);
    fold(&bench);
    bench.write(Patch, &json!([["twice", { "title": "again" }]]));
    bench.write(Patch, &json!([["twice", { "title": "twice" }]]));
    hold(&bench);
}

#[test]
fn what_the_server_has_taken_is_pending_no_more_even_where_the_news_of_it_is_lost() {
    let bench = confirmed();
    bench.put("new", "new");
    fold(&bench);
    bench.sync();
    assert_eq!(of(&lines_of(&bench.disk), "pending").count(), 0);
    for (place, len) in bench.disk.places().into_iter().filter(|(place, _)| matches!(place, Place::Entry(_))) {
        for at in 0..len {
            let broken = bench.disk.duplicate();
            broken.damage(&place, at);
            let told: Vec<Value> = of(&lines_of(&broken), "pending").cloned().collect();
            assert_eq!(told, Vec::<Value>::new(), "byte {at} of {place}");
        }
    }
}

#[test]
fn a_record_and_its_mutation_that_are_both_lost_are_told_in_words() {
    let bench = confirmed();
    fold(&bench);
    bench.write(Patch, &json!([["c1", { "note": "patched" }]]));
    fold(&bench);
    let broken = bench.disk.duplicate();
    let lost_all = bench.disk.places().into_iter().filter(|(place, _)| matches!(place, Place::Block(_)));
    lost_all.for_each(|(place, _)| broken.damage(&place, 9));
    let lines = lines_of(&broken);
    assert_eq!(of(&lines, "pending").count(), 0, "nothing is made up");
    assert!(lines.last().expect("an end")["lost"].as_array().expect("a list").len() >= 2);
}

#[test]
fn lines_are_given_in_parts_and_a_disk_that_fails_is_told() {
    let bench = confirmed();
    let row = |n: u32| json!([format!("t{n}"), { "title": "x".repeat(500) }]);
    bench.write(Put, &json!((0..500).map(row).collect::<Vec<_>>()));
    bench.settle();
    let mut parts = 0;
    let mut longest = 0;
    let end = block_on(salvage(&bench.disk, "app", NOW_MS, &mut |part| {
        parts += 1;
        longest = longest.max(part.len());
    }));
    assert_eq!(
        parsed(&end.expect("salvaged"))["counts"],
        json!({ "records": 506, "pending": 500, "parked": 0, "orphans": 0, "kv": 0 })
    );
    assert!(parts > 10 && longest < 100_000, "{parts} parts of at most {longest} bytes");
    bench.disk.inject_next(Operation::ReadBlocks, Fault::Unavailable);
    let failed = block_on(salvage(&bench.disk, "app", NOW_MS, &mut |_| {}));
    assert_eq!(failed.expect_err("it fails").code, holm_core::ErrorCode::StorageUnavailable);
}

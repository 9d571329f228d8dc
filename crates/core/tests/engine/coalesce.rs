//! Writes of one record that were never sent become one mutation; what was sent once is left alone.

use holm_core::outbox::Operation::{self, Delete, Insert, Patch, Put};
use holm_core::outbox::ReceiptState;
use serde_json::{Value, json};

use crate::bench::{Bench, SCHEMA, Wire, change, try_open};
use holm_store::FaultyDisk;

type Write = (Operation, Value);

fn write(bench: &Bench, (operation, fields): &Write) -> String {
    bench.write(*operation, &if *operation == Delete { json!([["a"]]) } else { json!([["a", fields]]) })
}

/// The mutations that a server gets of these writes, as kind and data; each receipt is acknowledged.
fn sent(known: Option<&Value>, writes: &[Write]) -> Vec<(String, Value)> {
    let bench = Bench::synced();
    if let Some(data) = known {
        bench.wire.page(&json!([change("a", "r0", data, 0, "c_b")]), &json!({}));
    }
    bench.sync();
    let receipts: Vec<String> = writes.iter().map(|one| write(&bench, one)).collect();
    let shown = bench.record("a");
    bench.sync();
    assert_eq!(bench.status().pending, 0);
    for receipt in &receipts {
        assert!(matches!(bench.receipt(receipt).state, ReceiptState::Acknowledged { .. }), "{writes:?}");
    }
    let mutations = bench.wire.mutations();
    if let Some(data) = mutations.last().filter(|last| last["kind"] != "patch").and_then(|last| last.get("data")) {
        assert_eq!(shown.as_ref(), Some(data), "{writes:?}");
    }
    let mutation = |sent: &Value| (sent["kind"].as_str().expect("a kind").to_owned(), sent["data"].clone());
    mutations.iter().map(mutation).collect()
}

#[test]
fn the_table() {
    let old = json!({ "title": "old", "note": "n", "done": false });
    let put = |title: &str| (Put, json!({ "title": title }));
    let patch = |fields: Value| (Patch, fields);
    let delete = (Delete, Value::Null);
    let whole = |title: &str| json!({ "title": title, "done": false });
    let one = |kind: &str, data: Value| vec![(kind.to_owned(), data)];
    let unset = json!({ "$holm": ["unset"] });

    assert_eq!(sent(None, &[put("x"), put("y")]), one("put", whole("y")));
    assert_eq!(sent(None, &[(Insert, json!({ "title": "x" })), put("y")]), one("create", whole("y")));
    assert_eq!(
        sent(None, &[put("x"), patch(json!({ "note": "m" }))]),
        one("put", json!({ "title": "x", "note": "m", "done": false }))
    );
    assert_eq!(sent(None, &[put("x"), delete.clone()]), []);
    assert_eq!(sent(None, &[put("x"), delete.clone(), put("y")]), one("put", whole("y")));
    assert_eq!(
        sent(Some(&old), &[patch(json!({ "title": "x" })), patch(json!({ "title": "y", "note": unset }))]),
        one("patch", json!({ "title": "y" }))
    );
    assert_eq!(
        sent(Some(&old), &[patch(json!({ "note": unset })), patch(json!({ "note": "m" }))]),
        one("patch", json!({ "note": "m" }))
    );
    assert_eq!(sent(Some(&old), &[patch(json!({ "note": "m" })), put("y")]), one("put", whole("y")));
    assert_eq!(sent(Some(&old), &[patch(json!({ "note": "m" })), delete.clone()]), one("delete", Value::Null));
    assert_eq!(sent(Some(&old), &[put("x"), delete.clone()]), one("delete", Value::Null));
    assert_eq!(
        sent(Some(&old), &[delete.clone(), put("y")]),
        [("delete".to_owned(), Value::Null), ("put".to_owned(), whole("y"))],
        "a delete and what follows are two"
    );
}

#[test]
fn a_removed_field_is_told_by_its_stamp() {
    let bench = Bench::synced();
    bench.wire.page(&json!([change("a", "r0", &json!({ "title": "old", "note": "n" }), 0, "c_b")]), &json!({}));
    bench.sync();
    bench.write(Patch, &json!([["a", { "title": "new" }]]));
    bench.write(Patch, &json!([["a", { "note": { "$holm": ["unset"] } }]]));
    bench.sync();
    let sent = &bench.wire.mutations()[0];
    assert_eq!((&sent["data"], &sent["base"]), (&json!({ "title": "new" }), &json!("r0")));
    let removed: Vec<&String> = sent["stamps"].as_object().expect("stamps").keys().collect();
    assert_eq!(
        (removed, sent["stamp"].is_string()),
        (vec![&"note".to_owned()], true),
        "what is written has the stamp of all"
    );
}

#[test]
fn each_write_gives_the_mutation_another_id_and_its_receipt_goes_on() {
    let bench = Bench::synced();
    let first = bench.put("a", "one");
    let second = bench.put("a", "two");
    let third = bench.put("a", "three");
    assert_eq!(bench.status().pending, 1);
    for receipt in [&first, &second, &third] {
        assert_eq!(bench.receipt(receipt).state, ReceiptState::Pending);
    }
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation", "message": "no" }));
    bench.sync();
    let sent = bench.wire.mutations();
    assert_eq!((sent.len(), &sent[0]["mid"]), (1, &json!(third)));
    for receipt in [&first, &second, &third] {
        assert!(matches!(bench.receipt(receipt).state, ReceiptState::Parked { .. }));
    }
    bench.run(bench.engine.synced(&first)).expect_err("it was refused");
}

#[test]
fn what_was_sent_once_stays_as_it_is() {
    let bench = Bench::synced();
    bench.sync();
    bench.put("a", "one");
    bench.wire.instead("push", 500, None, "");
    bench.sync();
    bench.put("a", "two");
    bench.put("a", "three");
    assert_eq!(bench.status().pending, 2);
    bench.sync_patiently();
    let sent = bench.wire.mutations();
    let titles: Vec<&str> = sent.iter().map(|sent| sent["data"]["title"].as_str().expect("a title")).collect();
    assert_eq!(titles, ["one", "one", "three"]);
}

#[test]
fn what_was_written_before_the_servers_record_changed_stays_apart() {
    let bench = Bench::synced();
    bench.wire.page(&json!([change("a", "r0", &json!({ "title": "old" }), 0, "c_b")]), &json!({}));
    bench.sync();
    bench.write(Patch, &json!([["a", { "title": "mine" }]]));
    bench.wire.page(&json!([change("a", "r1", &json!({ "title": "theirs" }), 0, "c_b")]), &json!({}));
    bench.wire.instead("push", 503, Some(60_000), "");
    bench.step(crate::bench::NOW_MS);
    bench.wire.page(&json!([]), &json!({}));
    bench.write(Patch, &json!([["a", { "note": "m" }]]));
    assert!(bench.status().pending >= 1);
    bench.sync_patiently();
    let bases: Vec<Value> = bench.wire.mutations().iter().map(|sent| sent["base"].clone()).collect();
    assert!(bases.contains(&json!("r0")), "{bases:?}");
}

#[test]
fn a_transaction_and_a_collection_that_says_so_are_left_alone() {
    let bench = Bench::synced();
    bench.write(Put, &json!([["a", { "title": "one" }]]));
    let tx = holm_core::engine::Transaction::default();
    let rows = json!([["a", { "title": "two" }], ["b", { "title": "two" }]]).to_string();
    bench.run(bench.engine.tx_write(&tx, crate::bench::NOW_MS, "tasks", Put, rows.as_bytes())).expect("added");
    let receipt = bench.engine.draw();
    let durability = holm_store::Durability::Relaxed;
    bench.run(bench.engine.tx_commit(&tx, crate::bench::NOW_MS, &receipt, durability)).expect("committed");
    bench.put("a", "three");
    assert_eq!(bench.status().pending, 4);

    let apart = SCHEMA.replace(r#""indexes""#, r#""coalesce":false,"indexes""#);
    let bench = try_open(&FaultyDisk::new(), &Wire::default(), &apart, Some(&["tasks"]), 1).expect("opens");
    bench.put("a", "one");
    bench.put("a", "two");
    assert_eq!(bench.status().pending, 2);
}

//! What opening finds, changes and refuses.

use holm_core::ErrorCode;
use holm_core::outbox::Operation::{Delete, Put};
use holm_core::outbox::ReceiptState;
use holm_store::FaultyDisk;
use serde_json::json;

use crate::bench::{Bench, SCHEMA, Wire, change, try_open};

/// The same collection at another version, with another index.
const NEXT_SCHEMA: &str = r#"{"version":2,"collections":{"tasks":{
    "fields":{"title":{"type":"string"},"note":{"type":"string","optional":true},"done":{"type":"boolean","default":false}},
    "indexes":[["note"]]}}}"#;

fn refused(disk: &FaultyDisk, schema: &str) -> ErrorCode {
    try_open(disk, &Wire::default(), schema, None, 9).err().expect("refused").code
}

#[test]
fn what_was_written_is_there_again() {
    let first = Bench::synced();
    let receipt = first.put("a", "milk");
    first.wire.page(&json!([]), &json!({}));
    first.wire.page(&json!([change("a", "r1", &json!({ "title": "milk" }), 0, "c_a")]), &json!({}));
    first.sync();
    let again = first.reopen(2);
    assert_eq!(again.title("a"), Some("milk".into()));
    assert!(matches!(again.receipt(&receipt).state, ReceiptState::Acknowledged { .. }));
    again.put("a", "bread");
    again.sync();
    let clients: Vec<_> = again.wire.requests("push").iter().map(|push| push["client"].clone()).collect();
    assert_eq!(clients[0], clients[1], "one installation stays one client");
}

#[test]
fn indexes_that_change_need_a_new_version_and_are_built_with_it() {
    let first = Bench::local(SCHEMA);
    first.write(Put, &json!([["a", { "title": "milk", "note": "n" }]]));
    assert_eq!(refused(&first.disk, &NEXT_SCHEMA.replace("\"version\":2", "\"version\":1")), ErrorCode::InvalidSchema);
    let next = try_open(&first.disk, &Wire::default(), NEXT_SCHEMA, None, 2).expect("opens");
    assert_eq!(next.query(&json!({ "collection": "tasks", "where": { "note": "n" } })), ["a"]);
}

#[test]
fn a_newer_version_is_refused_and_left_as_it_is() {
    let newer = try_open(&FaultyDisk::new(), &Wire::default(), NEXT_SCHEMA, None, 1).expect("opens");
    newer.put("a", "milk");
    let before = newer.disk.places();
    assert_eq!(refused(&newer.disk, SCHEMA), ErrorCode::NewerVersion);
    assert_eq!(newer.disk.places(), before);
}

#[test]
fn a_newer_version_in_another_tab_ends_writing_and_leading() {
    let old = Bench::synced();
    let newer = try_open(&old.disk, &old.wire, NEXT_SCHEMA, Some(&["tasks"]), 2).expect("opens");
    newer.put("a", "milk");
    assert_eq!(old.refused(Put, &json!([["a", { "title": "bread" }]])), ErrorCode::NewerVersion);
    assert_eq!(old.sync(), holm_core::engine::Step::Ended);
    assert!(!old.status().leader);
}

#[test]
fn records_of_a_time_without_a_server_are_sent_once_there_is_one() {
    let alone = Bench::local(SCHEMA);
    alone.put("a", "milk");
    alone.put("b", "bread");
    alone.write(Delete, &json!([["b"]]));
    assert_eq!(alone.status().pending, 0);
    let bench = try_open(&alone.disk, &Wire::default(), SCHEMA, Some(&["tasks"]), 2).expect("opens");
    assert_eq!(bench.status().pending, 1);
    bench.run(bench.engine.lead()).expect("leads");
    bench.sync();
    let sent = bench.wire.mutations();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (&sent[0]["kind"], &sent[0]["id"], &sent[0]["data"]["title"]),
        (&json!("put"), &json!("a"), &json!("milk"))
    );
    let again = try_open(&alone.disk, &bench.wire, SCHEMA, Some(&["tasks"]), 3).expect("opens");
    assert_eq!(again.status().pending, 0);
}

#[test]
fn damage_is_told() {
    let bench = Bench::local(SCHEMA);
    bench.put("a", "milk");
    let (place, bytes) = bench.disk.places().into_iter().next().expect("a log entry");
    bench.disk.damage(&place, bytes / 2);
    assert_eq!(refused(&bench.disk, SCHEMA), ErrorCode::StorageCorrupt);
}

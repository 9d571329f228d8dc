//! What opening finds, changes and refuses.

use holm_core::ErrorCode;
use holm_core::outbox::Operation::{Delete, Patch, Put};
use holm_core::outbox::ReceiptState;
use holm_store::FaultyDisk;
use serde_json::{Value, json};

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

/// A schema of one collection.
fn schema(version: u32, fields: &Value, indexes: &Value) -> String {
    json!({"version": version, "collections": {"tasks": {"fields": fields, "indexes": indexes}}}).to_string()
}

fn first_fields() -> Value {
    json!({
        "title": {"type": "string"},
        "note": {"type": "string", "optional": true},
        "state": {"type": "enum", "values": ["open", "shut"], "nullable": true, "optional": true},
        "rank": {"type": "integer", "optional": true},
        "place": {"type": "object", "fields": {"street": {"type": "string"}}, "optional": true},
    })
}

/// The fields with one of them another, or without it.
fn with(name: &str, field: Value) -> Value {
    let mut fields = first_fields();
    if field.is_null() {
        fields.as_object_mut().expect("fields").remove(name);
    } else {
        fields[name] = field;
    }
    fields
}

#[test]
fn a_schema_that_changed_without_a_new_version_is_refused_with_what_differs() {
    let disk = FaultyDisk::new();
    let open = |schema: &str| try_open(&disk, &Wire::default(), schema, None, 1).map(drop);
    let indexes = json!([["title"], {"fields": ["note"], "unique": true}]);
    open(&schema(1, &first_fields(), &indexes)).expect("opens");
    let turned = json!([{"fields": ["note"], "unique": true}, ["title"]]);
    open(&schema(1, &first_fields(), &turned)).expect("the order of indexes means nothing");
    let same = first_fields();
    for (changed, what) in [
        (schema(1, &with("more", json!({"type": "string"})), &indexes), "tasks.fields.more"),
        (schema(1, &with("rank", Value::Null), &indexes), "tasks.fields.rank"),
        (schema(1, &with("rank", json!({"type": "number", "optional": true})), &indexes), "tasks.fields.rank.type"),
        (schema(1, &with("title", json!({"type": "string", "default": ""})), &indexes), "tasks.fields.title.default"),
        (schema(1, &same, &json!([["title"], ["note"]])), "tasks.indexes"),
        (schema(1, &same, &json!([{"fields": ["note"], "unique": true}])), "tasks.indexes"),
        (
            schema(1, &same, &indexes).replace("\"fields\":{\"note\"", "\"conflict\":\"server\",\"fields\":{\"note\""),
            "tasks.conflict",
        ),
        (r#"{"version":1,"collections":{}}"#.to_owned(), "tasks"),
        (schema(1, &same, &indexes).replace("{\"tasks\":", "{\"notes\":{\"fields\":{}},\"tasks\":"), "notes"),
    ] {
        let error = open(&changed).expect_err(what);
        let message = format!("collections.{what} changed, but `version` is still 1: raise it by one");
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::InvalidSchema, message.as_str()));
    }
}

#[test]
fn a_higher_version_takes_over_what_there_is() {
    let first =
        try_open(&FaultyDisk::new(), &Wire::default(), &schema(1, &first_fields(), &json!([["title"]])), None, 1);
    let first = first.expect("opens");
    first.write(Put, &json!([["a", { "title": "milk", "state": "open", "rank": 1 }], ["b", { "title": "bread" }]]));
    let mut fields = with("more", json!({"type": "number", "default": 7}));
    fields["extra"] = json!({"type": "json", "optional": true});
    fields["state"] = json!({"type": "enum", "values": ["open", "shut", "late"], "nullable": true, "optional": true});
    fields["rank"] = json!({"type": "number", "default": 0});
    fields.as_object_mut().expect("fields").remove("note");
    let raised = schema(2, &fields, &json!([["more", "-title"], ["rank"]]));
    let next = try_open(&first.disk, &Wire::default(), &raised, None, 2).expect("opens");
    assert_eq!(next.record("a"), Some(json!({ "title": "milk", "state": "open", "rank": 1, "more": 7 })));
    assert_eq!(next.record("b"), Some(json!({ "title": "bread", "rank": 0, "more": 7 })));
    assert_eq!(next.query(&json!({ "collection": "tasks", "where": { "more": 7 }, "orderBy": "-title" })), ["a", "b"]);
    assert_eq!(next.query(&json!({ "collection": "tasks", "where": { "rank": 0 } })), ["b"]);
    next.write(Patch, &json!([["a", { "state": "late", "more": 8 }]]));
    assert_eq!(next.query(&json!({ "collection": "tasks", "where": { "more": { "gt": 7 } } })), ["a"]);
    assert_eq!(refused(&next.disk, &schema(1, &first_fields(), &json!([["title"]]))), ErrorCode::NewerVersion);
    let third = raised.replace("\"version\":2", "\"version\":4");
    assert!(try_open(&next.disk, &Wire::default(), &third, None, 3).is_ok(), "a version alone may be raised");
}

#[test]
fn a_higher_version_that_does_not_fit_what_there_is_is_refused_and_nothing_is_touched() {
    let first = try_open(&FaultyDisk::new(), &Wire::default(), &schema(1, &first_fields(), &json!([])), None, 1);
    let first = first.expect("opens");
    let raised = |fields: &Value| schema(2, fields, &json!([]));
    first.put("a", "milk");
    let before = first.disk.places();
    for (name, field, why) in [
        ("more", json!({"type": "string"}), "must be optional or have a default"),
        ("note", json!({"type": "string"}), "must be optional or have a default"),
        ("state", json!({"type": "enum", "values": ["open", "shut"], "optional": true}), "must be nullable"),
        ("state", json!({"type": "enum", "values": ["open"], "nullable": true, "optional": true}), "another type"),
        ("title", json!({"type": "number"}), "another type"),
        ("place", json!({"type": "object", "fields": {}, "optional": true}), "another type"),
    ] {
        let error = try_open(&first.disk, &Wire::default(), &raised(&with(name, field)), None, 2).err().expect(why);
        assert_eq!(error.code, ErrorCode::InvalidSchema);
        let place = format!("collections.tasks.fields.{name} ");
        assert!(error.message.starts_with(&place) && error.message.contains(why), "{why}: {}", error.message);
    }
    assert_eq!(first.disk.places(), before);
    first.put("a", "bread");
    let empty = try_open(&FaultyDisk::new(), &Wire::default(), &schema(1, &first_fields(), &json!([])), None, 1);
    let raised = raised(&with("title", json!({"type": "number"})));
    let opened = try_open(&empty.expect("opens").disk, &Wire::default(), &raised, None, 2);
    assert!(opened.is_ok(), "without records anything fits");
}

#[test]
fn what_a_collection_that_is_gone_still_has_to_send_is_sent() {
    let bench = Bench::synced();
    bench.put("a", "milk");
    let gone = r#"{"version":2,"collections":{"notes":{"fields":{}}}}"#;
    let next = try_open(&bench.disk, &bench.wire, gone, Some(&["notes"]), 2).expect("opens");
    next.run(next.engine.lead()).expect("leads");
    next.sync();
    assert_eq!(bench.wire.mutations().len(), 1);
    assert_eq!((next.status().pending, next.status().error), (0, None));
}

#[test]
fn a_row_of_an_older_app_gets_the_defaults_that_it_lacks() {
    let bench = Bench::synced();
    bench.wire.page(&json!([change("a", "r1", &json!({ "title": "milk" }), 0, "c_z")]), &json!({}));
    bench.sync();
    assert_eq!(bench.record("a"), Some(json!({ "title": "milk", "done": false })));
    assert_eq!(bench.query(&json!({ "collection": "tasks", "where": { "done": false } })), ["a"]);
    bench.put("b", "bread");
    bench.wire.page(&json!([change("b", "r2", &json!({ "title": "rye" }), 9_000, "c_z")]), &json!({}));
    bench.sync();
    assert_eq!(bench.record("b").expect("there")["done"], json!(false));
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

#[test]
fn what_an_app_was_refused_over_a_field_it_does_not_know_is_tried_again_by_it_and_by_a_newer_one() {
    let bench = Bench::synced();
    bench.wire.page(&json!([change("a", "r1", &json!({ "title": "milk", "rank": 9 }), 0, "c_z")]), &json!({}));
    bench.sync();
    bench.put("a", "bad");
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.sync();
    let fields = json!({
        "title": {"type": "string"},
        "note": {"type": "string", "optional": true},
        "done": {"type": "boolean", "default": false},
        "rank": {"type": "integer", "default": 7},
    });
    bench.retry(&bench.parked()[0].entry.mid);
    assert_eq!(bench.record("a").expect("there")["rank"], 9);
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.sync();
    let next = try_open(&bench.disk, &bench.wire, &schema(2, &fields, &json!([])), None, 2).expect("opens");
    next.retry(&next.parked()[0].entry.mid);
    let after = json!({ "title": "bad", "done": false, "rank": 9 });
    assert_eq!(next.record("a"), Some(after), "who did not know of a field has not removed it");
}

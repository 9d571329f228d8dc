//! `conflict: { lastWrite: field }`: of two records the one with the greater value in a field.

use holm_core::outbox::Operation::{Delete, Patch, Put};
use holm_core::outbox::ReceiptState;
use holm_protocol::to_json_text;
use holm_store::FaultyDisk;
use serde_json::{Value, json};

use crate::bench::{Bench, Wire, change, try_open};

fn schema(kind: &str) -> String {
    format!(
        r#"{{"version":1,"collections":{{"tasks":{{"conflict":{{"lastWrite":"at"}},"fields":{{
            "title":{{"type":"string"}},"at":{{"type":"{kind}","optional":true}}}}}}}}}}"#
    )
}

/// What becomes of an edit that meets a record of the server's.
fn meets(kind: &str, edit: &Value, theirs: &Value) -> &'static str {
    let bench = try_open(&FaultyDisk::new(), &Wire::default(), &schema(kind), Some(&["tasks"]), 1).expect("opens");
    bench.run(bench.engine.lead()).expect("leads");
    bench.wire.page(&json!([change("a", "r0", &json!({ "title": "old" }), 0, "c_b")]), &json!({}));
    bench.sync();
    let receipt = match edit {
        Value::Null => bench.write(Delete, &json!([["a"]])),
        edit => bench.write(Patch, &json!([["a", edit]])),
    };
    let server =
        if theirs.is_null() { json!({ "rev": "r1", "deleted": true }) } else { json!({ "rev": "r1", "data": theirs }) };
    bench.wire.outcome(json!({ "status": "conflict", "server": server }));
    bench.sync();
    outcome(&bench, &receipt)
}

fn outcome(bench: &Bench, receipt: &str) -> &'static str {
    assert_eq!(bench.parked().len(), 0);
    let sent = bench.wire.mutations();
    match bench.receipt(receipt).state {
        ReceiptState::Acknowledged { .. } => {
            assert_eq!((sent.len(), &sent[1]["base"]), (2, &json!("r1")), "in sight of what the server has");
            "mine"
        }
        ReceiptState::Discarded => {
            assert_eq!(sent.len(), 1);
            "theirs"
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_table() {
    let edit = |at: Value| json!({ "title": "mine", "at": at });
    let theirs = |at: Value| json!({ "title": "theirs", "at": at });
    let none = json!({ "title": "x" });
    let table = [
        ("timestamp", edit(json!(2)), theirs(json!(1)), "mine"),
        ("timestamp", edit(json!(1)), theirs(json!(2)), "theirs"),
        ("timestamp", edit(json!(2)), theirs(json!(2)), "theirs"),
        ("number", edit(json!(10)), theirs(json!(9)), "mine"),
        ("number", edit(json!(-10)), theirs(json!(-9.5)), "theirs"),
        ("string", edit(json!("2026-02")), theirs(json!("2026-01-31")), "mine"),
        ("string", edit(json!("a")), theirs(json!("b")), "theirs"),
        ("date", edit(json!({ "$holm": ["date", 1000] })), theirs(json!({ "$holm": ["date", 999] })), "mine"),
        ("timestamp", edit(json!(1)), none.clone(), "mine"),
        ("timestamp", none.clone(), theirs(json!(1)), "theirs"),
        ("timestamp", none.clone(), none.clone(), "theirs"),
        ("timestamp", edit(json!(1)), Value::Null, "mine"),
        ("timestamp", Value::Null, theirs(json!(1)), "theirs"),
        ("timestamp", none, Value::Null, "theirs"),
    ];
    for (kind, mine, theirs, winner) in table {
        assert_eq!(meets(kind, &mine, &theirs), winner, "{kind}: {mine} meets {theirs}");
    }
}

#[test]
fn what_the_schema_may_say() {
    let refused = |conflict: &str| {
        let schema = schema("timestamp").replace(r#"{"lastWrite":"at"}"#, conflict);
        try_open(&FaultyDisk::new(), &Wire::default(), &schema, None, 1).err().map(|error| error.to_string())
    };
    assert_eq!(refused(r#"{"lastWrite":"title"}"#), None);
    for conflict in [r#"{"lastWrite":"due"}"#, r#"{"lastWrite":7}"#, "{}", r#"{"lastWrite":"at","else":1}"#, "7"] {
        assert!(refused(conflict).expect(conflict).contains("collections.tasks.conflict"), "{conflict}");
    }
}

/// An edit whose record is known to be gone before the server says so.
fn meets_a_known_tombstone(conflict: &str, operation: holm_core::outbox::Operation, edit: &Value) -> Bench {
    let schema = schema("timestamp").replace(r#"{"lastWrite":"at"}"#, conflict);
    let bench = try_open(&FaultyDisk::new(), &Wire::default(), &schema, Some(&["tasks"]), 1).expect("opens");
    bench.run(bench.engine.lead()).expect("leads");
    bench.wire.page(&json!([change("a", "r0", &json!({ "title": "old", "at": 1 }), 0, "c_b")]), &json!({}));
    bench.sync();
    bench.write(operation, &json!([["a", edit]]));
    bench.wire.page(&json!([crate::bench::tombstone("a", "r7")]), &json!({}));
    bench.wire.instead("push", 500, None, "");
    bench.engine.happened(crate::bench::NOW_MS, holm_core::sync::Event::Poke);
    bench.sync();
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
    bench.sync_patiently();
    bench
}

#[test]
fn an_edit_that_insists_makes_the_whole_record_anew_though_it_was_known_to_be_gone() {
    for (conflict, operation) in
        [r#""client""#, r#"{"lastWrite":"at"}"#].into_iter().flat_map(|conflict| [(conflict, Patch), (conflict, Put)])
    {
        let bench = meets_a_known_tombstone(conflict, operation, &json!({ "title": "mine", "at": 2 }));
        let sent = bench.wire.mutations().pop().expect("sent");
        assert_eq!(
            (&sent["kind"], &sent["base"], &sent["data"]),
            (&json!("put"), &json!("r7"), &json!({ "title": "mine", "at": 2 }))
        );
        assert_eq!(bench.parked().len(), 0);
    }
}

#[test]
fn an_edit_is_kept_whole_whether_the_delete_is_known_before_it_meets_it_or_not() {
    for conflict in [r#""manual""#, r#""merge""#] {
        let met = meets_a_known_tombstone(conflict, Patch, &json!({ "title": "mine" }));
        let schema = schema("timestamp").replace(r#"{"lastWrite":"at"}"#, conflict);
        let bench = try_open(&met.disk, &met.wire, &schema, Some(&["tasks"]), 2).expect("opens after a reload");
        bench.run(bench.engine.lead()).expect("leads");
        let parked = bench.parked().pop().expect("a person decides");
        assert_eq!(parked.mine.as_ref().map(|mine| to_json_text(mine)).as_deref(), Some(r#"{"at":1,"title":"mine"}"#));
        assert!(parked.reason.server.expect("what it met").deleted);
        bench.retry(&parked.entry.mid);
        assert_eq!(bench.record("a"), Some(json!({ "title": "mine", "at": 1 })));
        bench.sync();
        let sent = bench.wire.mutations().pop().expect("sent");
        assert_eq!((&sent["kind"], &sent["base"]), (&json!("put"), &Value::Null), "in sight of no record");
    }
}

//! Counters, sets and texts: what their mutations say, and what is shown of them meanwhile.

use holm_core::engine::{Failure, Order, Transaction};
use holm_core::outbox::Operation::{Delete, Insert, Patch, Put};
use holm_core::outbox::ReceiptState;
use holm_protocol::{Kind, MutationId, to_json_text};
use holm_store::{Durability, FaultyDisk};
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, Wire, change, try_open};

const SCHEMA: &str = r#"{"version":1,"collections":{"tasks":{"fields":{
    "title":{"type":"string","optional":true},
    "votes":{"type":"integer","merge":"counter","optional":true},
    "score":{"type":"number","merge":"counter","default":10},
    "tags":{"type":"array","of":{"type":"string"},"merge":"set","optional":true},
    "body":{"type":"string","merge":"text","optional":true}}}}}"#;

fn open(disk: &FaultyDisk, wire: &Wire, seed: u8) -> Bench {
    let bench = try_open(disk, wire, SCHEMA, Some(&["tasks"]), seed).expect("opens");
    bench.run(bench.engine.lead()).expect("leads");
    bench
}

/// A device that has a record of the server's.
fn known(data: &Value) -> Bench {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.wire.page(&json!([change("a", "r0", data, 0, "c_b")]), &json!({}));
    bench.sync();
    bench
}

fn patch(bench: &Bench, fields: &Value) -> String {
    bench.write(Patch, &json!([["a", fields]]))
}

fn shows(bench: &Bench, field: &str) -> Value {
    bench.record("a").expect("a record")[field].clone()
}

/// The ways of all that was sent.
fn ways(bench: &Bench) -> Vec<Value> {
    bench.wire.mutations().iter().map(|sent| sent["ways"].clone()).collect()
}

/// While no push gets through, a pull brings this.
fn pulled(bench: &Bench, rev: &str, data: &Value) {
    bench.wire.page(&json!([change("a", rev, data, 9_000, "c_b")]), &json!({}));
    bench.wire.instead("push", 500, None, "");
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Poke);
    bench.sync();
}

#[test]
fn a_mutation_says_what_its_writer_saw_of_these_fields_alone() {
    let bench = known(&json!({ "title": "t", "votes": 3, "score": 10, "tags": ["x"] }));
    patch(&bench, &json!({ "title": "u", "votes": 4, "tags": ["x", "y"], "body": "hello" }));
    bench.sync();
    let said = json!({
        "votes": { "way": "counter", "before": 3 }, "tags": { "way": "set", "before": ["x"] }, "body": { "way": "text" },
    });
    assert_eq!(ways(&bench), [said]);
    assert_eq!(bench.wire.mutations()[0]["data"]["votes"], 4, "who does not know of ways sees a plain patch");
}

#[test]
fn a_removal_merges_as_any_field_does() {
    let bench = known(&json!({ "title": "t", "votes": 3, "score": 10 }));
    patch(&bench, &json!({ "votes": { "$holm": ["unset"] } }));
    bench.sync();
    assert_eq!(ways(&bench), [Value::Null]);
}

#[test]
fn a_new_record_counts_from_the_default() {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.sync();
    bench.write(Insert, &json!([["a", { "votes": 1, "score": 12 }]]));
    bench.sync();
    let said = json!({ "votes": { "way": "counter" }, "score": { "way": "counter", "before": 10 } });
    assert_eq!(ways(&bench), [said]);
}

#[test]
fn records_written_before_there_was_a_server_count_too() {
    let disk = FaultyDisk::new();
    let bench = try_open(&disk, &Wire::default(), SCHEMA, None, 1).expect("opens");
    bench.write(Put, &json!([["a", { "votes": 2 }]]));
    bench.run(bench.engine.close());
    let bench = open(&disk, &Wire::default(), 2);
    bench.sync();
    assert_eq!(ways(&bench), [json!({ "votes": { "way": "counter" }, "score": { "way": "counter", "before": 10 } })]);
}

#[test]
fn writes_that_go_as_one_say_what_was_before_the_first() {
    let bench = known(&json!({ "votes": 3, "score": 10, "body": "b" }));
    patch(&bench, &json!({ "votes": 4 }));
    patch(&bench, &json!({ "votes": 6, "body": "bb" }));
    patch(&bench, &json!({ "title": "t" }));
    bench.sync();
    let said = json!({ "votes": { "way": "counter", "before": 3 }, "body": { "way": "text", "before": "b" } });
    assert_eq!((ways(&bench), &bench.wire.mutations()[0]["data"]["votes"]), (vec![said], &json!(6)));

    for [one, other] in [[json!(4), json!({ "$holm": ["unset"] })], [json!({ "$holm": ["unset"] }), json!(4)]] {
        let bench = known(&json!({ "votes": 3, "score": 10 }));
        patch(&bench, &json!({ "votes": one }));
        patch(&bench, &json!({ "votes": other }));
        bench.sync();
        assert_eq!(ways(&bench), [Value::Null], "once removed, the field is any field");
    }
}

#[test]
fn writes_count_both_though_what_was_shown_changed_in_between() {
    let bench = known(&json!({ "votes": 3, "score": 10, "body": "b" }));
    let refused = patch(&bench, &json!({ "votes": 4, "body": "ab" }));
    bench.wire.instead("push", 500, None, "");
    bench.sync();
    patch(&bench, &json!({ "votes": 5, "body": "abc" }));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    let wire = &bench.wire;
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
    while wire.requests("push").len() < 2 {
        bench.step(NOW_MS);
    }
    assert_eq!((bench.record("a"), bench.parked().len()), (Some(json!({ "votes": 4, "score": 10, "body": "bc" })), 1));
    patch(&bench, &json!({ "votes": 5, "body": "bcd" }));
    assert_eq!(bench.status().pending, 2, "{refused} is parked, and the others are two differences from two things");
    assert_eq!(bench.record("a"), Some(json!({ "votes": 5, "score": 10, "body": "bcd" })));
    patch(&bench, &json!({ "votes": 7, "body": "bcde" }));
    assert_eq!(bench.status().pending, 2, "this one goes on from the last");
    bench.sync_patiently();
    let counted = |sent: &Value| {
        let of = |field: &str| json!([sent["ways"][field]["before"], sent["data"][field]]);
        (of("votes"), of("body"))
    };
    let sent: Vec<_> = wire.mutations().iter().map(counted).skip(2).collect();
    assert_eq!(sent, [(json!([4, 5]), json!(["ab", "abc"])), (json!([4, 7]), json!(["bc", "bcde"]))]);
}

#[test]
fn a_refused_one_that_is_sent_again_does_not_join_what_was_written_in_sight_of_it() {
    let bench = known(&json!({ "votes": 3, "score": 10, "tags": ["a"], "body": "a" }));
    let refused = patch(&bench, &json!({ "votes": 4, "tags": ["a", "x"], "body": "ax" }));
    bench.wire.instead("push", 500, None, "");
    bench.step(NOW_MS);
    patch(&bench, &json!({ "votes": 5, "tags": ["a", "x", "y"], "body": "axy" }));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
    while bench.wire.requests("push").len() < 2 {
        bench.step(NOW_MS);
    }
    assert_eq!((shows(&bench, "tags"), bench.parked().len()), (json!(["a", "y"]), 1));
    bench.retry(&MutationId(refused));
    let both = json!({ "votes": 5, "score": 10, "tags": ["a", "y", "x"], "body": "ayx" });
    assert_eq!(bench.record("a"), Some(both));
    bench.sync_patiently();
    let sent = bench.wire.mutations().pop().expect("sent");
    assert_eq!((&sent["ways"]["tags"]["before"], &sent["data"]["tags"]), (&json!(["a", "y"]), &json!(["a", "y", "x"])));
}

#[test]
fn several_that_wait_each_say_what_their_writer_saw() {
    let bench = known(&json!({ "votes": 3, "score": 10 }));
    patch(&bench, &json!({ "votes": 4 }));
    bench.wire.fail("push", Failure::Timeout);
    bench.step(NOW_MS);
    patch(&bench, &json!({ "votes": 5 }));
    bench.sync_patiently();
    let before: Vec<Value> = ways(&bench).iter().map(|ways| ways["votes"]["before"].clone()).collect();
    assert_eq!(before, [json!(3), json!(3), json!(4)], "the first was sent twice");
}

#[test]
fn what_waits_is_shown_over_what_the_server_has_now_as_the_server_will_have_it() {
    let bench = known(&json!({ "votes": 3, "score": 10, "tags": ["a", "b"], "body": "buy milk" }));
    patch(&bench, &json!({ "votes": 4, "score": 10.5, "tags": ["b", "c"], "body": "buy oat milk" }));
    pulled(&bench, "r1", &json!({ "votes": 10, "score": 9, "tags": ["a", "b", "d"], "body": "buy milk today" }));
    let merged = json!({ "votes": 11, "score": 9.5, "tags": ["b", "d", "c"], "body": "buy oat milk today" });
    assert_eq!((bench.status().pending, bench.record("a")), (1, Some(merged)));
    patch(&bench, &json!({ "votes": 12 }));
    bench.sync_patiently();
    assert_eq!(ways(&bench).pop().expect("sent")["votes"]["before"], 11);
}

#[test]
fn what_the_server_has_counted_is_not_counted_again_before_the_pull_ends() {
    let bench = known(&json!({ "votes": 3, "score": 10 }));
    patch(&bench, &json!({ "votes": 4 }));
    bench.step(NOW_MS);
    assert_eq!((bench.wire.requests("push").len(), shows(&bench, "votes")), (1, json!(4)));
    bench.wire.page(&json!([change("a", "r1", &json!({ "votes": 4, "score": 10 }), 5, "s")]), &json!({ "more": true }));
    bench.wire.page(&json!([change("a", "r2", &json!({ "votes": 9, "score": 10 }), 6, "s")]), &json!({ "more": true }));
    bench.wire.page(&json!([]), &json!({}));
    let mut shown = vec![json!(4)];
    for _ in 0..6 {
        bench.step(NOW_MS);
        shown.push(shows(&bench, "votes"));
    }
    shown.dedup();
    assert_eq!(shown, [4, 9]);
}

#[test]
fn what_an_answer_was_lost_of_is_counted_once() {
    let disk = FaultyDisk::new();
    let bench = open(&disk, &Wire::default(), 1);
    bench.wire.page(&json!([change("a", "r0", &json!({ "votes": 3, "score": 10 }), 0, "c_b")]), &json!({}));
    bench.sync();
    patch(&bench, &json!({ "votes": 4 }));
    bench.wire.fail("push", Failure::Timeout);
    bench.step(NOW_MS);
    bench.wire.set_acked(1);
    let rows = json!([change("a", "r1", &json!({ "votes": 4, "score": 10 }), 5, "s")]);
    bench.wire.page(&rows, &json!({ "more": true }));
    let bench = open(&bench.disk, &bench.wire, 2);
    bench.step(NOW_MS);
    assert_eq!((shows(&bench, "votes"), bench.wire.requests("push").len()), (json!(4), 1));
    bench.sync();
    assert_eq!(shows(&bench, "votes"), 4);
}

#[test]
fn a_new_client_sends_the_same_again() {
    let bench = known(&json!({ "votes": 3, "score": 10 }));
    patch(&bench, &json!({ "votes": 4 }));
    bench.wire.instead("push", 409, None, r#"{"v":1,"error":"gap","expected":1}"#);
    bench.sync();
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
    bench.sync();
    let sent = bench.wire.mutations();
    assert_eq!((sent.len(), &sent[0]["mid"], &sent[0]["ways"]), (2, &sent[1]["mid"], &sent[1]["ways"]));
    assert_eq!(sent[1]["ways"]["votes"]["before"], 3);
}

#[test]
fn a_refused_one_that_is_sent_again_adds_to_what_is_there_then() {
    for edit in [json!({}), json!({ "votes": 50 })] {
        let bench = known(&json!({ "votes": 3, "score": 10, "tags": ["a"] }));
        let receipt = patch(&bench, &json!({ "votes": 5, "tags": ["b"] }));
        bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
        bench.wire.page(
            &json!([change("a", "r1", &json!({ "votes": 10, "score": 10, "tags": ["a", "c"] }), 5, "s")]),
            &json!({}),
        );
        bench.sync();
        assert_eq!(shows(&bench, "votes"), 10, "the refused one is not shown");
        bench.edit(&MutationId(receipt), &edit);
        let votes = if edit == json!({}) { 12 } else { 50 };
        assert_eq!((shows(&bench, "votes"), shows(&bench, "tags")), (json!(votes), json!(["c", "b"])));
        bench.sync();
        let said =
            json!({ "votes": { "way": "counter", "before": 10 }, "tags": { "way": "set", "before": ["a", "c"] } });
        assert_eq!(ways(&bench).pop(), Some(said));
    }
}

#[test]
fn one_that_is_given_up_leaves_what_the_others_counted() {
    let bench = known(&json!({ "votes": 3, "score": 10 }));
    let receipt = patch(&bench, &json!({ "votes": 5 }));
    bench.wire.instead("push", 500, None, "");
    bench.step(NOW_MS);
    patch(&bench, &json!({ "votes": 6 }));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.wire.outcome(json!({ "status": "retry", "after": 60 }));
    bench.sync_patiently();
    assert_eq!(bench.parked().len(), 1);
    bench.run(bench.engine.order(NOW_MS, Order::Discard(MutationId(receipt)))).expect("given up");
    assert_eq!(ways(&bench).pop().expect("sent")["votes"], json!({ "way": "counter", "before": 5 }), "of 6: one more");
}

#[test]
fn a_very_large_value_from_before_is_not_sent_along() {
    let before = "x".repeat(300_000);
    let bench = known(&json!({ "score": 10, "body": before }));
    patch(&bench, &json!({ "body": "short", "votes": 1 }));
    bench.sync();
    assert_eq!(ways(&bench), [json!({ "votes": { "way": "counter" } })]);
}

#[test]
fn a_schema_says_it_where_it_can_be() {
    let refused = |merge: &str, kind: &str, conflict: &str| {
        let schema = format!(
            r#"{{"version":1,"collections":{{"tasks":{{"fields":{{"f":{{{kind},"merge":{merge}}}}},"conflict":"{conflict}"}}}}}}"#
        );
        try_open(&FaultyDisk::new(), &Wire::default(), &schema, None, 1).err().map(|error| error.to_string())
    };
    let (number, array) = (r#""type":"number""#, r#""type":"array","of":{"type":"string"}"#);
    assert_eq!(refused(r#""counter""#, number, "merge"), None);
    assert_eq!(refused(r#""set""#, array, "merge"), None);
    for (merge, kind, conflict, why) in [
        (r#""sum""#, number, "merge", "must be counter, set or text"),
        ("1", number, "merge", "must be counter, set or text"),
        (r#""counter""#, array, "merge", "counter is for a number or an integer"),
        (r#""set""#, number, "merge", "set is for an array"),
        (r#""text""#, number, "merge", "text is for a string"),
        (r#""counter""#, number, "last-write", "is for a collection whose conflict is merge"),
        (
            r#""counter""#,
            r#""type":"object","fields":{"g":{"type":"number","merge":"counter"}}"#,
            "merge",
            "not for those within",
        ),
    ] {
        let found = refused(merge, kind, conflict).expect(why);
        assert!(found.contains(why) && found.contains("collections.tasks.fields.f"), "{found}");
    }
}

#[test]
fn two_that_met_a_deleted_record_count_once_each_when_they_are_sent_again() {
    for is_first_first in [true, false] {
        let bench = known(&json!({ "votes": 3, "score": 10 }));
        let mut receipts = vec![patch(&bench, &json!({ "votes": 4 }))];
        bench.wire.instead("push", 500, None, "");
        bench.sync();
        receipts.push(patch(&bench, &json!({ "votes": 6 })));
        for _ in 0..2 {
            bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
        }
        bench.wire.page(&json!([crate::bench::tombstone("a", "r7")]), &json!({}));
        bench.sync_patiently();
        assert_eq!((bench.parked().len(), bench.record("a")), (2, None));
        if !is_first_first {
            receipts.reverse();
        }
        receipts.into_iter().for_each(|receipt| bench.retry(&MutationId(receipt)));
        assert_eq!((shows(&bench, "votes"), bench.parked().len()), (json!(6), 0), "{is_first_first}");
    }
}

/// Writes records in one transaction, which the server will refuse with the next push.
fn refused_together(bench: &Bench, rows: &[Value]) -> String {
    let (tx, receipt) = (Transaction::default(), bench.engine.draw());
    for row in rows {
        bench
            .run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Put, json!([row]).to_string().as_bytes()))
            .expect("added");
        bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    }
    bench.run(bench.engine.tx_commit(&tx, NOW_MS, &receipt, Durability::Relaxed)).expect("committed");
    receipt
}

/// A device on which others wait behind a refused transaction that made the record.
fn behind_a_refusal(behind: impl FnOnce(&Bench)) -> (Bench, MutationId) {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.sync();
    let first = json!(["a", { "votes": 1, "tags": ["x"], "body": "x" }]);
    let receipt = refused_together(&bench, &[first, json!(["b", { "title": "bad" }])]);
    behind(&bench);
    bench.step(NOW_MS);
    assert_eq!((bench.wire.requests("push").len(), bench.parked().len()), (1, 2));
    (bench, MutationId(receipt))
}

#[test]
fn what_a_refused_write_counted_is_in_nothing_that_was_written_over_it() {
    for operation in [Put, Patch] {
        let mut receipt = String::new();
        let (bench, refused) = behind_a_refusal(|bench| {
            receipt = bench.write(Put, &json!([["a", { "title": "t", "votes": 2, "tags": ["x", "y"], "body": "xy" }]]));
            if operation == Patch {
                patch(bench, &json!({ "title": "u" }));
            }
        });
        let own = json!({ "title": if operation == Put { "t" } else { "u" }, "votes": 1, "score": 10, "tags": ["y"], "body": "y" });
        assert_eq!(bench.record("a"), Some(own.clone()));
        bench.retry(&refused);
        assert_eq!((shows(&bench, "votes"), shows(&bench, "tags")), (json!(2), json!(["y", "x"])), "each once");
        let both = json!({ "title": own["title"], "votes": 2, "score": 10, "tags": ["y", "x"], "body": "yx" });
        let b = json!({ "title": "bad", "score": 10 });
        bench.wire.page(&json!([change("a", "r4", &both, 5, "s"), change("b", "r5", &b, 5, "s")]), &json!({}));
        bench.sync();
        let puts = bench.wire.mutations();
        let sent = puts.iter().find(|sent| sent["kind"] == "put" && sent["id"] == "a" && sent["tx"].is_null());
        let sent = sent.expect("sent");
        assert_eq!(sent["data"], own);
        assert_ne!(sent["mid"], receipt, "other content has another name");
        assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Acknowledged { .. }));
        assert_eq!((shows(&bench, "votes"), shows(&bench, "tags")), (json!(2), json!(["y", "x"])));
    }
}

#[test]
fn who_deletes_what_was_refused_and_makes_it_anew_made_all_of_it() {
    let (bench, refused) = behind_a_refusal(|bench| {
        bench.write(Delete, &json!([["a"]]));
        bench.write(Insert, &json!([["a", { "votes": 5, "tags": ["x"] }]]));
        patch(bench, &json!({ "votes": 6 }));
    });
    assert_eq!((shows(&bench, "votes"), shows(&bench, "tags")), (json!(6), json!(["x"])));
    bench.retry(&refused);
    assert_eq!((shows(&bench, "votes"), shows(&bench, "tags")), (json!(7), json!(["x"])));
}

#[test]
fn who_saw_no_record_does_not_write_on_from_an_edit_that_waits() {
    let (bench, _refused) = behind_a_refusal(|bench| drop(patch(bench, &json!({ "votes": 2, "title": "edit" }))));
    assert_eq!((bench.record("a"), bench.status().pending), (None, 1), "an edit of nothing");
    let made = bench.write(Insert, &json!([["a", { "votes": 1 }]]));
    assert_eq!((bench.record("a"), bench.status().pending), (Some(json!({ "votes": 1, "score": 10 })), 2));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": null, "deleted": true } }));
    let new = json!({ "votes": 1, "score": 10 });
    bench.wire.page(&json!([change("a", "r4", &new, 5, "s")]), &json!({}));
    bench.sync_patiently();
    assert_eq!(bench.parked().len(), 3, "the edit is kept, and not in the new record");
    assert!(matches!(bench.receipt(&made).state, ReceiptState::Acknowledged { .. }));
    assert_eq!((&bench.wire.mutations().last().expect("sent")["data"], bench.record("a")), (&new, Some(new.clone())));
}

#[test]
fn a_patch_of_a_record_that_was_gone_already_is_kept_whole_and_makes_it_anew() {
    let bench = known(&json!({ "votes": 3, "score": 10 }));
    let receipt = patch(&bench, &json!({ "votes": 4 }));
    bench.wire.page(&json!([crate::bench::tombstone("a", "r7")]), &json!({}));
    bench.wire.instead("push", 500, None, "");
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Poke);
    bench.sync();
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
    bench.sync_patiently();
    assert_eq!((bench.record("a"), bench.parked().len()), (None, 1));
    let mine = bench.parked()[0].mine.as_ref().map(|mine| to_json_text(mine));
    assert_eq!(mine.as_deref(), Some(r#"{"score":10,"votes":4}"#));
    bench.retry(&MutationId(receipt));
    assert_eq!((shows(&bench, "votes"), bench.parked().len()), (json!(4), 0));
}

#[test]
fn a_patch_of_what_never_was_stays_parked_and_deletes_nothing() {
    let (bench, _refused) = behind_a_refusal(|bench| drop(patch(bench, &json!({ "votes": 2 }))));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": null, "deleted": true } }));
    bench.sync_patiently();
    let edit = bench.parked().into_iter().find(|parked| parked.entry.kind == Kind::Patch).expect("it is parked");
    assert_eq!(edit.mine, None);
    let again =
        || Order::Retry { mid: edit.entry.mid.clone(), receipt: bench.engine.draw(), edit: holm_protocol::Data::new() };
    let refused = bench.run(bench.engine.order(NOW_MS, again())).expect_err("there is nothing to count on");
    assert_eq!((refused.code, bench.parked().len()), (holm_core::ErrorCode::NotFound, 3));
    bench.write(Put, &json!([["a", { "votes": 7 }]]));
    bench.run(bench.engine.order(NOW_MS, again())).expect("sent again");
    assert_eq!((shows(&bench, "votes"), bench.parked().len()), (json!(8), 2));
}

#[test]
fn what_was_acknowledged_before_the_delete_is_in_what_is_kept() {
    for is_new in [false, true] {
        let old = json!({ "title": "old", "votes": 3, "score": 10 });
        let bench = if is_new { open(&FaultyDisk::new(), &Wire::default(), 1) } else { known(&old) };
        bench.sync();
        let first = json!({ "title": "new", "votes": 4 });
        bench.write(if is_new { Insert } else { Patch }, &json!([["a", first]]));
        bench.step(NOW_MS);
        assert_eq!(bench.wire.requests("push").len(), 1);
        let receipt = patch(&bench, &json!({ "votes": 6, "body": "b" }));
        bench.wire.instead("push", 500, None, "");
        bench.wire.page(&json!([crate::bench::tombstone("a", "r7")]), &json!({}));
        bench.sync();
        assert_eq!((bench.record("a"), bench.status().pending), (None, 1));
        bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
        bench.sync_patiently();
        let mine = bench.parked()[0].mine.as_ref().map(|mine| to_json_text(mine));
        assert_eq!(mine.as_deref(), Some(r#"{"body":"b","score":10,"title":"new","votes":6}"#));
        bench.retry(&MutationId(receipt));
        assert_eq!(shows(&bench, "votes"), 6);
    }
}

#[test]
fn of_a_record_that_its_writer_deleted_himself_nothing_is_kept() {
    let bench = known(&json!({ "title": "old", "votes": 3, "score": 10 }));
    bench.write(Delete, &json!([["a"]]));
    bench.step(NOW_MS);
    refused_together(&bench, &[json!(["a", { "votes": 1 }]), json!(["b", { "title": "bad" }])]);
    patch(&bench, &json!({ "votes": 2 }));
    bench.wire.page(&json!([crate::bench::tombstone("a", "r7")]), &json!({}));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
    bench.sync_patiently();
    let edit = bench.parked().into_iter().find(|parked| parked.entry.kind == Kind::Patch).expect("it is parked");
    assert_eq!((edit.mine, bench.record("a")), (None, None));
}

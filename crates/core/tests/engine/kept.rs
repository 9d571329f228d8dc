//! `parked: 'keep'`: what the server refused goes on being shown until somebody decides, and is never sent.

use holm_core::ErrorCode;
use holm_core::engine::{Order, Question};
use holm_core::outbox::Operation::{Delete, Insert, Patch, Put};
use holm_core::outbox::ReceiptState;
use holm_core::sync::Event;
use holm_protocol::MutationId;
use holm_store::FaultyDisk;
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, Wire, change, parsed, tombstone, try_open};

const SCHEMA: &str = r#"{"version":1,"collections":{"tasks":{"parked":"keep","fields":{
    "title":{"type":"string"},"note":{"type":"string","optional":true},
    "votes":{"type":"integer","merge":"counter","optional":true}}}}}"#;

fn open(disk: &FaultyDisk, wire: &Wire, seed: u8) -> Bench {
    let bench = try_open(disk, wire, SCHEMA, Some(&["tasks"]), seed).expect("opens");
    bench.run(bench.engine.lead()).expect("leads");
    bench
}

fn known(data: &Value) -> Bench {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.wire.page(&json!([change("a", "r0", data, 0, "c_b")]), &json!({}));
    bench.sync();
    bench
}

/// Writes what the server will refuse. Gives its receipt.
fn refused(bench: &Bench, operation: holm_core::outbox::Operation, fields: &Value) -> String {
    let receipt = bench.write(operation, &json!([["a", fields]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation", "message": "no" }));
    bench.sync();
    assert_eq!((bench.parked().len(), bench.status().pending), (1, 0));
    receipt
}

fn discard(bench: &Bench, receipt: &str) {
    bench.run(bench.engine.order(NOW_MS, Order::Discard(MutationId(receipt.to_owned())))).expect("given up");
}

#[test]
fn it_is_shown_after_a_pull_and_a_reload_and_never_sent() {
    let bench = known(&json!({ "title": "old", "note": "n" }));
    let receipt = refused(&bench, Patch, &json!({ "title": "mine" }));
    assert_eq!(bench.title("a"), Some("mine".into()));
    assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Parked { code: ErrorCode::Validation, .. }));
    bench.wire.page(&json!([change("a", "r1", &json!({ "title": "old", "note": "theirs" }), 9, "c_b")]), &json!({}));
    bench.engine.happened(NOW_MS, Event::Poke);
    bench.sync();
    let shown = json!({ "title": "mine", "note": "theirs" });
    assert_eq!(bench.record("a"), Some(shown.clone()));
    let again = open(&bench.disk, &bench.wire, 2);
    again.sync();
    assert_eq!((again.record("a"), again.parked().len(), again.status().pending), (Some(shown), 1, 0));
    assert_eq!(bench.wire.mutations().len(), 1);
    let explained =
        again.run(again.engine.ask(NOW_MS, Question::Explain { collection: "tasks".into(), id: "a".into() }));
    let explained = parsed(&explained.expect("read"));
    assert_eq!((&explained["standing"], explained["mutations"].as_array().map(Vec::len)), (&json!("parked"), Some(1)));
}

#[test]
fn who_gives_it_up_sees_what_the_server_has() {
    let bench = known(&json!({ "title": "old" }));
    let receipt = refused(&bench, Patch, &json!({ "title": "mine" }));
    discard(&bench, &receipt);
    assert_eq!((bench.title("a"), bench.parked().len()), (Some("old".into()), 0));
    assert_eq!(bench.receipt(&receipt).state, ReceiptState::Discarded);
}

#[test]
fn who_sends_it_again_sends_it_once_with_or_without_other_fields() {
    for (edit, title) in [(json!({}), "mine"), (json!({ "title": "better" }), "better")] {
        let bench = known(&json!({ "title": "old", "votes": 3 }));
        let receipt = refused(&bench, Patch, &json!({ "title": "mine", "votes": 4 }));
        bench.edit(&MutationId(receipt), &edit);
        assert_eq!(bench.record("a"), Some(json!({ "title": title, "votes": 4 })));
        bench.sync();
        let sent = bench.wire.mutations().pop().expect("sent");
        assert_eq!((&sent["data"]["title"], &sent["ways"]["votes"]["before"]), (&json!(title), &json!(3)));
        assert_eq!((bench.parked().len(), bench.wire.mutations().len()), (0, 2));
    }
}

#[test]
fn later_writes_are_sent_as_before_and_what_they_wrote_over_does_not_come_back() {
    let bench = known(&json!({ "title": "old", "note": "n", "votes": 3 }));
    let receipt = refused(&bench, Patch, &json!({ "title": "bad", "note": "mine", "votes": 4 }));
    bench.write(Patch, &json!([["a", { "title": "good", "votes": 6 }]]));
    bench
        .wire
        .page(&json!([change("a", "r1", &json!({ "title": "good", "note": "n", "votes": 5 }), 9, "c_a")]), &json!({}));
    bench.sync();
    assert_eq!(bench.wire.mutations().len(), 2);
    assert_eq!(bench.wire.mutations()[1]["ways"]["votes"]["before"], 4, "the writer saw the refused vote");
    assert_eq!(bench.record("a"), Some(json!({ "title": "good", "note": "mine", "votes": 6 })));
    discard(&bench, &receipt);
    assert_eq!(bench.record("a"), Some(json!({ "title": "good", "note": "n", "votes": 5 })));
}

#[test]
fn a_record_that_only_a_refused_create_shows_stays_until_it_is_given_up() {
    for operation in [Insert, Put] {
        let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
        bench.sync();
        let receipt = refused(&bench, operation, &json!({ "title": "mine" }));
        bench.wire.page(&json!([]), &json!({ "reset": true }));
        bench.engine.happened(NOW_MS, Event::Poke);
        bench.sync();
        let again = open(&bench.disk, &bench.wire, 2);
        again.sync();
        assert_eq!(
            (again.title("a"), again.query(&json!({ "collection": "tasks" }))),
            (Some("mine".into()), vec!["a".into()])
        );
        discard(&again, &receipt);
        assert_eq!(again.record("a"), None);
    }
}

#[test]
fn what_is_written_on_a_refused_create_is_kept_with_it() {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.sync();
    let receipt = bench.write(Insert, &json!([["a", { "title": "mine" }]]));
    bench.wire.instead("push", 500, None, "");
    bench.step(NOW_MS);
    bench.write(Patch, &json!([["a", { "note": "more" }]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.sync_patiently();
    let whole = json!({ "title": "mine", "note": "more" });
    assert_eq!((bench.record("a"), bench.parked().len()), (Some(whole.clone()), 2));
    bench.edit(&MutationId(receipt), &json!({ "title": "better" }));
    assert_eq!((bench.record("a"), bench.parked().len()), (Some(json!({ "title": "better", "note": "more" })), 0));
    bench.sync();
    assert_eq!(bench.wire.mutations().last().expect("sent")["data"], json!({ "title": "better", "note": "more" }));
}

#[test]
fn who_deletes_the_record_has_written_over_all_of_it() {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.sync();
    let receipt = refused(&bench, Insert, &json!({ "title": "mine" }));
    bench.write(Delete, &json!([["a"]]));
    assert_eq!(bench.record("a"), None);
    bench.sync();
    assert_eq!((bench.record("a"), bench.parked().len()), (None, 1), "it is in the inbox still");
    bench.retry(&MutationId(receipt));
    assert_eq!(bench.title("a"), Some("mine".into()));
}

#[test]
fn a_refused_delete_hides_the_record() {
    let bench = known(&json!({ "title": "old" }));
    let receipt = bench.write(Delete, &json!([["a"]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "forbidden" }));
    bench.sync();
    assert_eq!((bench.record("a"), bench.parked().len()), (None, 1));
    discard(&bench, &receipt);
    assert_eq!(bench.title("a"), Some("old".into()));
}

#[test]
fn of_a_record_that_was_deleted_there_is_nothing_to_keep() {
    let bench = known(&json!({ "title": "old" }));
    bench.write(Patch, &json!([["a", { "title": "mine" }]]));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
    bench.wire.page(&json!([tombstone("a", "r7")]), &json!({}));
    bench.sync();
    assert_eq!((bench.record("a"), bench.status().conflicts), (None, 1));
    let mid = bench.parked()[0].entry.mid.clone();
    bench.retry(&mid);
    assert_eq!(bench.title("a"), Some("mine".into()));
}

#[test]
fn a_transaction_is_kept_and_given_up_whole() {
    let bench = known(&json!({ "title": "old" }));
    let receipt = bench.write(Put, &json!([["b", { "title": "b" }]]));
    bench.sync();
    let tx = holm_core::engine::Transaction::default();
    let rows = json!([["a", { "title": "two" }], ["b", { "title": "two" }]]).to_string();
    bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Put, rows.as_bytes())).expect("added");
    let both = bench.engine.draw();
    bench.run(bench.engine.tx_commit(&tx, NOW_MS, &both, holm_store::Durability::Relaxed)).expect("committed");
    bench.wire.page(&json!([change("b", "r1", &json!({ "title": "b" }), 0, "c_a")]), &json!({}));
    bench.wire.outcome(json!({ "status": "rejected", "code": "tx-aborted", "culprit": 3 }));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.sync();
    assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Acknowledged { .. }));
    assert_eq!((bench.title("a"), bench.title("b"), bench.parked().len()), (Some("two".into()), Some("two".into()), 2));
    discard(&bench, &both);
    assert_eq!((bench.title("a"), bench.title("b"), bench.parked().len()), (Some("old".into()), Some("b".into()), 0));
}

#[test]
fn what_the_schema_may_say() {
    for (said, is_right) in [(r#""keep""#, true), (r#""revert""#, true), (r#""hide""#, false), ("true", false)] {
        let schema = SCHEMA.replace(r#""keep""#, said);
        assert_eq!(try_open(&FaultyDisk::new(), &Wire::default(), &schema, None, 1).is_ok(), is_right, "{said}");
    }
}

#[test]
fn what_is_made_over_a_refused_delete_goes_on_from_what_the_server_has() {
    let bench = known(&json!({ "title": "old", "note": "n" }));
    bench.write(Delete, &json!([["a"]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "forbidden", "message": "no" }));
    bench.sync();
    assert_eq!(bench.record("a"), None);
    bench.write(Insert, &json!([["a", { "title": "new" }]]));
    let shown = Some(json!({ "title": "new", "note": "n" }));
    assert_eq!(bench.record("a"), shown, "the record was there all the time");
    let again = open(&bench.disk, &bench.wire, 2);
    assert_eq!(again.record("a"), shown);
}

#[test]
fn a_whole_record_that_is_made_over_a_refused_one_has_nothing_of_it() {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.sync();
    let receipt = refused(&bench, Insert, &json!({ "title": "bad", "votes": 1 }));
    bench.write(Put, &json!([["a", { "title": "good", "votes": 2 }]]));
    let both = json!({ "title": "good", "votes": 2 });
    assert_eq!(bench.record("a"), Some(both.clone()));
    let own = json!({ "title": "good", "votes": 1 });
    bench.wire.page(&json!([change("a", "r2", &own, 5, "c_a")]), &json!({}));
    bench.sync();
    assert_eq!(bench.wire.mutations().pop().expect("sent")["data"], own, "not what was refused");
    assert_eq!((bench.record("a"), bench.parked().len()), (Some(both), 1), "counted once");
    discard(&bench, &receipt);
    assert_eq!(bench.record("a"), Some(own));
}

#[test]
fn a_whole_record_that_would_join_an_edit_of_a_refused_one_has_nothing_of_it_either() {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.sync();
    let receipt = refused(&bench, Insert, &json!({ "title": "bad", "votes": 1 }));
    bench.write(Patch, &json!([["a", { "votes": 2 }]]));
    bench.write(Put, &json!([["a", { "title": "good", "votes": 3 }]]));
    let (own, both) = (json!({ "title": "good", "votes": 2 }), json!({ "title": "good", "votes": 3 }));
    assert_eq!(bench.record("a"), Some(both));
    bench.sync();
    let put = bench.wire.mutations().into_iter().find(|sent| sent["kind"] == "put").expect("sent");
    assert_eq!(put["data"], own, "not what was refused");
    assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Parked { .. }));
}

#[test]
fn what_is_made_anew_has_all_of_itself_though_refused_edits_of_what_was_before_are_kept() {
    let bench = known(&json!({ "title": "old", "votes": 3 }));
    let receipt = refused(&bench, Patch, &json!({ "votes": 4 }));
    bench.wire.page(&json!([tombstone("a", "r1")]), &json!({}));
    bench.engine.happened(NOW_MS, Event::Poke);
    bench.sync();
    assert_eq!((bench.record("a"), bench.parked().len()), (None, 1));
    bench.write(Insert, &json!([["a", { "title": "new", "votes": 1 }]]));
    bench.write(Put, &json!([["a", { "title": "new", "votes": 2 }]]));
    let own = json!({ "title": "new", "votes": 2 });
    assert_eq!(bench.record("a"), Some(own.clone()), "the edit is not shown before there is a record");
    bench.wire.page(&json!([change("a", "r2", &own, 5, "c_a")]), &json!({}));
    bench.sync();
    assert_eq!(bench.wire.mutations().pop().expect("sent")["data"], own);
    assert_eq!(bench.record("a"), Some(json!({ "title": "new", "votes": 3 })), "and then it is");
    discard(&bench, &receipt);
    assert_eq!(bench.record("a"), Some(own));
}

#[test]
fn of_a_record_that_was_deleted_a_whole_one_is_what_it_was_and_what_its_writer_changed() {
    let bench = known(&json!({ "title": "old", "votes": 3 }));
    let first = refused(&bench, Patch, &json!({ "votes": 4 }));
    bench.write(Put, &json!([["a", { "title": "new", "votes": 6 }]]));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
    bench.wire.page(&json!([tombstone("a", "r7")]), &json!({}));
    bench.sync();
    assert_eq!(bench.parked().len(), 2);
    assert_eq!(bench.record("a"), Some(json!({ "title": "new", "votes": 6 })));
    bench.retry(&MutationId(first));
    assert_eq!(bench.record("a"), Some(json!({ "title": "new", "votes": 6 })), "what the first counted is there once");
}

/// A create that is refused while a whole record waits behind it, which nobody takes yet.
fn refused_under(behind: &Value) -> (Bench, String) {
    let bench = open(&FaultyDisk::new(), &Wire::default(), 1);
    bench.sync();
    let receipt = bench.write(Insert, &json!([["a", { "title": "bad", "votes": 1 }]]));
    bench.wire.instead("push", 500, None, "");
    bench.step(NOW_MS);
    bench.write(Put, &json!([["a", behind]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.engine.happened(NOW_MS, Event::Online);
    while bench.wire.requests("push").len() < 2 {
        bench.step(NOW_MS);
    }
    assert_eq!((bench.parked().len(), bench.status().pending), (1, 1));
    (bench, receipt)
}

#[test]
fn what_waits_behind_it_loses_what_it_counted_once() {
    let (bench, receipt) = refused_under(&json!({ "title": "good", "votes": 2 }));
    assert_eq!(bench.record("a"), Some(json!({ "title": "good", "votes": 2 })));
    discard(&bench, &receipt);
    assert_eq!(bench.record("a"), Some(json!({ "title": "good", "votes": 1 })));
    bench.sync_patiently();
    assert_eq!(bench.wire.mutations().pop().expect("sent")["data"], json!({ "title": "good", "votes": 1 }));
}

#[test]
fn what_it_counted_does_not_come_back_into_what_is_joined_later() {
    let (bench, _receipt) = refused_under(&json!({ "title": "good", "votes": 1 }));
    bench.write(Patch, &json!([["a", { "note": "n" }]]));
    assert_eq!(bench.status().pending, 1, "they are one");
    assert_eq!(bench.record("a"), Some(json!({ "title": "good", "votes": 1, "note": "n" })));
    let own = json!({ "title": "good", "votes": 0, "note": "n" });
    bench.wire.page(&json!([change("a", "r4", &own, 5, "s")]), &json!({}));
    bench.sync_patiently();
    assert_eq!(bench.wire.mutations().pop().expect("sent")["data"], own);
    assert_eq!(bench.record("a").expect("there")["votes"], 1, "the refused one alone");
}

#[test]
fn what_it_counted_goes_with_it_out_of_all_that_was_written_over_it() {
    let bench = known(&json!({ "title": "old", "votes": 3 }));
    let receipt = refused(&bench, Patch, &json!({ "votes": 4 }));
    bench.write(Put, &json!([["a", { "title": "new", "votes": 6 }]]));
    discard(&bench, &receipt);
    assert_eq!(bench.record("a"), Some(json!({ "title": "new", "votes": 5 })));
    bench.sync();
    let sent = bench.wire.mutations().pop().expect("sent");
    assert_eq!((&sent["ways"]["votes"]["before"], &sent["data"]["votes"]), (&json!(4), &json!(6)), "two more");
}

#[test]
fn what_was_written_over_it_while_it_was_on_its_way_does_not_come_back() {
    let schema = SCHEMA.replace(r#""parked":"keep""#, r#""parked":"keep","conflict":"server","coalesce":false"#);
    let schema = schema.replace(r#","merge":"counter""#, "");
    let bench = try_open(&FaultyDisk::new(), &Wire::default(), &schema, Some(&["tasks"]), 1).expect("opens");
    bench.run(bench.engine.lead()).expect("leads");
    let old = json!({ "title": "old", "note": "n" });
    bench.wire.page(&json!([change("a", "r0", &old, 0, "c_b")]), &json!({}));
    bench.sync();
    bench.write(Patch, &json!([["a", { "note": "first" }]]));
    bench.write(Patch, &json!([["a", { "note": "second" }]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation", "message": "no" }));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r0", "data": old } }));
    bench.sync();
    assert_eq!((bench.record("a"), bench.status().pending), (Some(old), 0));
}

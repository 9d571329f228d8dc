//! Calls of functions on the server: what the app sees of them until they are settled, what is sent, and what waits for them.
//!
//! | the call is | its effect | what was written over it later |
//! |---|---|---|
//! | waiting, sent | shown | waits |
//! | confirmed | shown, as known to the server | goes |
//! | covered by a pull | gone; the server's rows are there | stays |
//! | parked | taken back | goes; parked with it, where there is no record without it |
//! | retried | shown again | |

use holm_core::engine::{Order, Question, Transaction};
use holm_core::outbox::Operation::{self, Delete, Insert, Patch, Put};
use holm_core::outbox::{Call, ReceiptState};
use holm_core::{Error, ErrorCode};
use holm_protocol::{MutationId, from_json, to_json_text};
use holm_store::Durability;
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, SCHEMA, change, parsed, records, tombstone};

const NO: &[(Operation, Value)] = &[];

fn call_of(name: &str, args: &Value) -> Call {
    Call::new(name, from_json(args).expect("a value")).expect("a call")
}

fn try_call(bench: &Bench, args: &Value, effect: &[(Operation, Value)]) -> Result<String, Error> {
    let (tx, receipt) = (Transaction::default(), bench.engine.draw());
    for (operation, rows) in effect {
        bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", *operation, rows.to_string().as_bytes()))?;
    }
    let called = bench.engine.tx_call(&tx, NOW_MS, &receipt, call_of("finish", args), Durability::Relaxed);
    bench.run(called).map(|()| receipt)
}

fn call(bench: &Bench, args: &Value, effect: &[(Operation, Value)]) -> String {
    try_call(bench, args, effect).expect("called")
}

fn titled(id: &str, title: &str) -> Value {
    json!([[id, { "title": title }]])
}

fn rejected() -> Value {
    json!({ "status": "rejected", "code": "validation", "message": "no" })
}

fn pending(bench: &Bench) -> Vec<String> {
    bench.query(&json!({ "collection": "tasks", "where": { "$pending": true } }))
}

/// What each push held, by record or by function.
fn pushes(bench: &Bench) -> Vec<Vec<String>> {
    let named = |mutation: &Value| mutation["id"].as_str().or(mutation["name"].as_str()).expect("a name").to_owned();
    let pushes = bench.wire.requests("push");
    pushes.iter().map(|push| push["mutations"].as_array().expect("mutations").iter().map(named).collect()).collect()
}

/// A synced database in which the server has a task `a`.
fn bench_with_a() -> Bench {
    let bench = Bench::synced();
    bench.wire.page(&json!([change("a", "r0", &json!({ "title": "old", "done": false }), 0, "s")]), &json!({}));
    bench.sync();
    bench
}

#[test]
fn a_call_is_sent_without_its_effect_which_is_shown_until_a_pull_covers_it() {
    let bench = bench_with_a();
    let receipt = call(&bench, &json!({ "id": "a" }), &[(Patch, titled("a", "shown")), (Insert, titled("b", "new"))]);
    assert_eq!((bench.title("a"), bench.title("b")), (Some("shown".into()), Some("new".into())));
    assert_eq!((bench.status().pending, pending(&bench)), (1, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(bench.receipt(&receipt).state, ReceiptState::Pending);

    bench.step(NOW_MS);
    let sent = bench.wire.mutations();
    let wanted = json!({ "seq": 1, "mid": receipt, "kind": "call", "name": "finish", "args": { "id": "a" } });
    assert_eq!(sent, [wanted], "and nothing of the effect");
    assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Acknowledged { .. }));
    assert_eq!((bench.status().pending, pending(&bench).len(), bench.title("a")), (0, 0, Some("shown".into())));

    bench.wire.page(&json!([change("a", "r1", &json!({ "title": "done it", "done": true }), 5, "s")]), &json!({}));
    bench.sync();
    assert_eq!(bench.title("a"), Some("done it".into()), "what the function made of it");
    assert_eq!(bench.record("b"), None, "what it did not do");
    assert_eq!(bench.wire.mutations().len(), 1);
}

#[test]
fn a_rejected_call_is_parked_and_its_effect_taken_back_and_may_be_retried_or_given_up() {
    for is_retried in [true, false] {
        let bench = bench_with_a();
        bench.wire.outcome(rejected());
        let receipt = call(&bench, &json!(7), &[(Patch, titled("a", "shown")), (Put, titled("b", "new"))]);
        bench.sync();
        assert_eq!((bench.title("a"), bench.record("b")), (Some("old".into()), None));
        assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Parked { code: ErrorCode::Validation, .. }));
        let parked = bench.parked();
        assert_eq!((parked.len(), bench.status().parked, bench.status().pending), (1, 1, 0));
        let called = parked[0].entry.call.as_ref().expect("a call");
        assert_eq!((called.name.as_str(), called.args.as_u64()), ("finish", Some(7)));

        let mid = MutationId(receipt.clone());
        if is_retried {
            bench.retry(&mid);
            assert_eq!((bench.title("a"), bench.title("b")), (Some("shown".into()), Some("new".into())));
            bench.sync();
            let sent = bench.wire.mutations();
            assert_eq!((sent.len(), &sent[1]["name"], &sent[1]["args"]), (2, &json!("finish"), &json!(7)));
            assert_ne!(sent[1]["mid"], json!(receipt));
        } else {
            bench.run(bench.engine.order(NOW_MS, Order::Discard(mid))).expect("given up");
        }
        assert_eq!((bench.parked().len(), bench.receipt(&receipt).state), (0, ReceiptState::Discarded));
        assert_eq!((bench.title("a"), bench.record("b")), (Some("old".into()), None), "as the server has it");
        assert!(pending(&bench).is_empty());
    }
}

#[test]
fn what_is_written_where_an_effect_is_shown_waits_for_the_outcome_and_others_do_not() {
    let bench = bench_with_a();
    bench.put("a", "before");
    call(&bench, &json!(1), &[(Patch, titled("a", "shown"))]);
    bench.write(Patch, &titled("a", "after"));
    bench.put("other", "free");
    assert_eq!(bench.title("a"), Some("after".into()));
    bench.sync();
    assert_eq!(
        pushes(&bench),
        [vec!["a".to_owned(), "other".to_owned()], vec!["finish".to_owned()], vec!["a".to_owned()]]
    );
    let last = bench.wire.mutations().pop().expect("the last");
    assert_eq!(
        (&last["kind"], &last["data"]),
        (&json!("patch"), &json!({ "title": "after" })),
        "not made one with the effect"
    );
}

#[test]
fn calls_never_become_one_and_go_in_their_order() {
    let bench = bench_with_a();
    let receipts = [call(&bench, &json!(1), NO), call(&bench, &json!(2), NO), call(&bench, &json!(2), NO)];
    bench.sync();
    let mids: Vec<Value> = bench.wire.mutations().iter().map(|mutation| mutation["mid"].clone()).collect();
    assert_eq!(mids, receipts.map(Value::from));
    assert_eq!(pushes(&bench).len(), 1);
}

#[test]
fn a_call_that_is_to_come_again_later_keeps_its_effect_and_holds_up_what_depends_on_it() {
    let bench = bench_with_a();
    bench.wire.outcome(json!({ "status": "retry", "after": 30 }));
    let receipt = call(&bench, &json!(1), &[(Patch, titled("a", "shown"))]);
    bench.write(Patch, &titled("a", "after"));
    bench.sync();
    assert_eq!((bench.wire.mutations().len(), bench.status().pending), (1, 2));
    assert!(bench.sync_patiently() >= 30_000);
    assert_eq!(bench.wire.mutations()[1]["mid"], json!(receipt), "the same mutation");
    assert_eq!(bench.wire.mutations()[2]["data"], json!({ "title": "after" }));
}

#[test]
fn what_patches_a_record_that_only_the_effect_made_is_parked_with_the_call_and_retried_with_it() {
    let bench = bench_with_a();
    bench.wire.outcome(rejected());
    let receipt = call(&bench, &json!(1), &[(Insert, titled("new", "shown")), (Patch, titled("new", "shown again"))]);
    bench.write(Patch, &json!([["new", { "note": "mine" }]]));
    bench.sync();
    assert_eq!((bench.record("new"), bench.parked().len(), bench.wire.mutations().len()), (None, 2, 1));
    bench.retry(&MutationId(receipt));
    let record = bench.record("new").expect("shown again");
    assert_eq!((&record["title"], &record["note"]), (&json!("shown again"), &json!("mine")));
    bench.sync();
    assert_eq!(pushes(&bench)[1..], [vec!["finish".to_owned()], vec!["new".to_owned()]]);
}

#[test]
fn an_effect_over_a_record_of_another_write_that_is_refused_stays_with_its_call() {
    let bench = bench_with_a();
    bench.wire.outcome(rejected());
    bench.put("b", "bad");
    call(&bench, &json!(1), &[(Patch, titled("b", "shown"))]);
    bench.sync();
    assert_eq!((bench.parked().len(), bench.record("b")), (1, None));
    assert_eq!(pushes(&bench), [vec!["b".to_owned()], vec!["finish".to_owned()]]);
}

#[test]
fn a_call_survives_a_reload_and_a_new_client_id_and_is_known_by_its_mid() {
    let bench = bench_with_a();
    let receipt = call(&bench, &json!(1), &[(Delete, json!([["a"]]))]);
    let bench = bench.reopen(2);
    assert_eq!((bench.record("a"), bench.status().pending), (None, 1));
    let gap = r#"{"v":1,"error":"gap","message":"","expected":1}"#;
    bench.wire.instead("push", 409, None, gap);
    bench.sync_patiently();
    let sent = bench.wire.requests("push");
    assert_ne!(sent[0]["client"], sent[1]["client"]);
    assert_eq!((&sent[0]["mutations"][0]["mid"], &sent[1]["mutations"][0]["mid"]), (&json!(receipt), &json!(receipt)));
    assert!(pending(&bench).is_empty());
}

#[test]
fn a_confirmed_call_that_a_restored_server_forgot_goes_again_with_its_effect_in_sight() {
    let bench = bench_with_a();
    let receipt = call(&bench, &json!(1), &[(Patch, titled("a", "shown"))]);
    bench.step(NOW_MS);
    assert!(pending(&bench).is_empty(), "confirmed");
    // It claims to know less than what this device has seen answered.
    bench.wire.set_acked(0);
    bench.step(NOW_MS); // nothing more to push
    bench.step(NOW_MS);
    assert_eq!((pending(&bench), bench.title("a")), (vec!["a".to_owned()], Some("shown".into())));
    bench.sync_patiently();
    let mids: Vec<Value> = bench.wire.mutations().iter().map(|mutation| mutation["mid"].clone()).collect();
    assert_eq!(mids, [json!(receipt), json!(receipt)]);
    assert_eq!(bench.title("a"), Some("old".into()));
}

#[test]
fn another_tab_sees_the_effect_and_the_explanation_names_the_call() {
    let bench = bench_with_a();
    let receipt = call(&bench, &json!(1), &[(Patch, titled("a", "shown"))]);
    let other = bench.another_tab(3);
    let rows = bench.run(other.ask(NOW_MS, records("tasks", &["a"]))).expect("read");
    assert_eq!(parsed(&rows)[0][2]["title"], json!("shown"));
    let question = Question::Explain { collection: "tasks".into(), id: "a".into() };
    let told = parsed(&bench.run(bench.engine.ask(NOW_MS, question)).expect("explained"));
    assert_eq!(told["standing"], json!("queued"));
    let mutations = &told["mutations"];
    assert_eq!(
        (&mutations[0]["kind"], &mutations[0]["mid"], &mutations[0]["state"]),
        (&json!("call"), &json!(receipt), &json!("pending"))
    );
}

#[test]
fn a_call_that_no_request_gets_through_with_is_skipped_and_its_effect_taken_back() {
    let bench = bench_with_a();
    bench.wire.filter("finish");
    let receipt = call(&bench, &json!(1), &[(Patch, titled("a", "shown"))]);
    bench.sync_patiently();
    assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Parked { code: ErrorCode::Undeliverable, .. }));
    assert_eq!(bench.title("a"), Some("old".into()));
    let skip = bench.wire.mutations().pop().expect("the skip");
    assert_eq!((&skip["kind"], skip.get("name")), (&json!("skip"), None));
}

#[test]
fn what_no_call_can_be_is_refused_and_leaves_nothing_behind() {
    let local = Bench::local(SCHEMA);
    assert_eq!(try_call(&local, &json!(1), NO).expect_err("no server").code, ErrorCode::InvalidArgument);
    let long = "x".repeat(129);
    for name in ["", long.as_str()] {
        assert_eq!(Call::new(name, holm_protocol::Value::Null).expect_err("no name").code, ErrorCode::InvalidArgument);
    }
    let large = from_json(&json!("x".repeat(1 << 20))).expect("a value");
    assert_eq!(Call::new("finish", large).expect_err("too large").code, ErrorCode::InvalidArgument);

    let bench = bench_with_a();
    let rows: Vec<Value> = (0..1_001).map(|n| json!([format!("n{n}"), { "title": "x" }])).collect();
    let refused = try_call(&bench, &json!(1), &[(Put, Value::from(rows))]).expect_err("too many");
    assert_eq!(refused.code, ErrorCode::TransactionTooLarge);
    assert_eq!((bench.status().pending, bench.record("n0")), (0, None));
}

#[test]
fn an_edit_has_nothing_to_change_in_a_call() {
    let bench = bench_with_a();
    bench.wire.outcome(rejected());
    let receipt = call(&bench, &json!(1), NO);
    bench.sync();
    let edit = from_json(&json!({ "title": "x" })).expect("fields");
    let order = Order::Retry { mid: MutationId(receipt), receipt: bench.engine.draw(), edit };
    let refused = bench.run(bench.engine.order(NOW_MS, order)).expect_err("refused");
    assert_eq!((refused.code, bench.parked().len()), (ErrorCode::InvalidArgument, 1));
}

#[test]
fn an_effect_of_which_the_app_knows_no_more_holds_no_retry_up() {
    let bench = bench_with_a();
    bench.wire.outcome(rejected());
    let receipt = call(&bench, &json!(1), &[(Patch, titled("a", "shown")), (Put, titled("b", "kept"))]);
    bench.sync();
    // The server deletes what the effect patched.
    bench.wire.page(&json!([tombstone("a", "r2")]), &json!({}));
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Poke);
    bench.sync();
    bench.retry(&MutationId(receipt));
    assert_eq!((bench.record("a"), bench.title("b")), (None, Some("kept".into())));
    bench.sync();
    assert!(pending(&bench).is_empty());
}

#[test]
fn arguments_go_as_they_were_given_also_after_a_reload() {
    let bench = bench_with_a();
    let args = json!({ "deep": [1.50, null, { "$holm": ["bigint", "12"] }] });
    call(&bench, &args, NO);
    let bench = bench.reopen(6);
    bench.sync();
    assert_eq!(bench.wire.mutations()[0]["args"], args);
}

#[test]
fn what_a_call_is_about_to_do_is_nobodys_edit() {
    let bench = bench_with_a();
    call(&bench, &json!({}), &[(Patch, titled("a", "shown")), (Insert, titled("b", "new"))]);
    bench.step(NOW_MS);
    for id in ["a", "b"] {
        bench.write(Patch, &json!([[id, { "note": "n" }]]));
        bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": null, "deleted": true } }));
    }
    bench.step(NOW_MS);
    let mut parked = bench.parked();
    parked.sort_by(|one, other| one.entry.id.cmp(&other.entry.id));
    let mine: Vec<_> = parked.iter().map(|parked| parked.mine.as_ref().map(|mine| to_json_text(mine))).collect();
    assert_eq!(mine, [Some(r#"{"done":false,"note":"n","title":"old"}"#.to_owned()), None]);
}

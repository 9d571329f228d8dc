//! What becomes of writes on their way to the server, and of changes on their way here.

use holm_core::ErrorCode;
use holm_core::engine::{Failure, Order, Question, Step};
use holm_core::outbox::Operation::{Delete, Patch, Put};
use holm_core::outbox::ReceiptState;
use holm_core::sync::Event;
use holm_protocol::MutationId;
use holm_store::{Durability, FaultyDisk};
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, SCHEMA, Wire, change, parsed, tombstone, try_open};

fn pending(bench: &Bench) -> Vec<String> {
    bench.query(&json!({ "collection": "tasks", "where": { "$pending": true } }))
}

/// Writes of one record that are not sent yet stay as they are.
fn bench_of_separate_writes() -> Bench {
    let schema = SCHEMA.replace(r#""indexes""#, r#""coalesce":false,"indexes""#);
    let bench = try_open(&FaultyDisk::new(), &Wire::default(), &schema, Some(&["tasks"]), 1).expect("opens");
    bench.run(bench.engine.lead()).expect("leads");
    bench
}

fn mids(mutations: &[Value]) -> Vec<&str> {
    mutations.iter().map(|mutation| mutation["mid"].as_str().expect("a mid")).collect()
}

#[test]
fn a_write_is_pushed_after_the_first_pull_and_acknowledged() {
    let bench = Bench::synced();
    let receipt = bench.put("a", "milk");
    assert_eq!((bench.receipt(&receipt).state, bench.status().pending), (ReceiptState::Pending, 1));
    assert_eq!(pending(&bench), ["a"]);
    assert_eq!(bench.step(NOW_MS), Step::Again);
    assert_eq!((bench.wire.requests("pull").len(), bench.wire.requests("push").len()), (1, 0));
    assert!(matches!(bench.sync(), Step::Wait(_)));
    assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Acknowledged { .. }));
    assert_eq!((bench.status().pending, pending(&bench).len()), (0, 0));
    let sent = bench.wire.mutations();
    assert_eq!((sent.len(), &sent[0]["mid"], &sent[0]["seq"]), (1, &json!(receipt), &json!(1)));
    bench.run(bench.engine.synced(&receipt)).expect("synced");
}

#[test]
fn one_record_has_one_mutation_under_way_and_others_do_not_wait_for_it() {
    let bench = bench_of_separate_writes();
    bench.put("a", "one");
    bench.put("a", "two");
    bench.put("b", "three");
    bench.sync();
    let ids: Vec<Vec<Value>> = bench
        .wire
        .requests("push")
        .iter()
        .map(|push| push["mutations"].as_array().expect("mutations").iter().map(|m| m["id"].clone()).collect())
        .collect();
    assert_eq!(ids, [vec![json!("a"), json!("b")], vec![json!("a")]]);
}

#[test]
fn an_acknowledged_write_stays_in_sight_until_a_pull_has_covered_it() {
    let bench = Bench::synced();
    bench.sync();
    bench.put("a", "milk");
    assert_eq!((bench.step(NOW_MS), bench.wire.requests("push").len()), (Step::Again, 1));
    assert_eq!(bench.title("a"), Some("milk".into()));
    // A page of a pull that is not at its end yet does not cover it.
    bench.wire.page(&json!([]), &json!({ "more": true }));
    bench.wire.page(&json!([change("a", "r1", &json!({ "title": "MILK" }), 5, "s")]), &json!({}));
    bench.step(NOW_MS);
    bench.step(NOW_MS);
    assert_eq!(bench.title("a"), Some("milk".into()));
    bench.sync();
    assert_eq!(bench.title("a"), Some("MILK".into()), "the server's word stands once it is known");
    // A later pull in which no row came: the record falls back to its base.
    bench.put("gone", "never came");
    bench.sync();
    assert_eq!(bench.record("gone"), None);
}

/// A pull of two pages, after a first one of nothing.
fn two_pages(bench: &Bench) {
    bench.sync();
    let row = |id: &str| change(id, "r0", &json!({ "title": id }), 0, "s");
    bench.wire.page(&json!([row("first")]), &json!({ "more": true }));
    bench.wire.page(&json!([row("second")]), &json!({}));
    bench.engine.happened(NOW_MS, Event::Poke);
}

#[test]
fn the_next_page_is_asked_for_while_one_is_applied_and_only_once() {
    let bench = Bench::synced();
    two_pages(&bench);
    assert_eq!(bench.step(NOW_MS), Step::Again);
    bench.settle();
    assert_eq!((bench.title("first"), bench.title("second")), (Some("first".into()), None));
    let asked: Vec<Value> =
        bench.wire.requests("pull").iter().map(|pull| pull["scopes"][0]["checkpoint"].clone()).collect();
    assert_eq!(asked, [Value::Null, json!("1"), json!("2")]);
    assert!(matches!(bench.sync(), Step::Wait(_)));
    assert_eq!((bench.title("second"), bench.wire.requests("pull").len()), (Some("second".into()), 3));
}

#[test]
fn a_page_that_was_asked_for_before_a_push_is_asked_for_again_after_it() {
    let bench = Bench::synced();
    two_pages(&bench);
    bench.step(NOW_MS);
    bench.put("mine", "milk");
    bench.step(NOW_MS);
    assert_eq!((bench.wire.requests("push").len(), bench.wire.requests("pull").len()), (1, 3));
    bench.step(NOW_MS);
    let pulls = bench.wire.requests("pull");
    assert_eq!((pulls.len(), &pulls[2]["seen"], &pulls[3]["seen"]), (4, &json!(0), &json!(1)));
    assert_eq!(pulls[2]["scopes"], pulls[3]["scopes"]);
}

#[test]
fn a_page_that_could_not_be_asked_for_ahead_comes_in_its_turn() {
    let bench = Bench::synced();
    bench.sync();
    bench.engine.happened(NOW_MS, Event::Poke);
    let scope = json!({ "key": "tasks", "checkpoint": "7", "more": true, "changes": [] });
    let page =
        json!({ "v": 1, "epoch": "e1", "now": "000000000001-0000-s", "acked": 0, "results": [], "scopes": [scope] });
    bench.wire.instead("pull", 200, None, &page.to_string());
    bench.wire.fail("pull", holm_core::engine::Failure::Timeout);
    bench.step(NOW_MS);
    assert_eq!(bench.status().error, None);
    assert!(matches!(bench.sync(), Step::Wait(_)));
    assert_eq!((bench.wire.requests("pull").len(), bench.status().initial_sync_done), (4, true));
}

#[test]
fn a_lost_answer_is_made_good_by_the_next_pull() {
    let bench = Bench::synced();
    bench.sync();
    let receipt = bench.put("a", "milk");
    bench.wire.fail("push", holm_core::engine::Failure::Timeout);
    bench.step(NOW_MS);
    assert_eq!(bench.receipt(&receipt).state, ReceiptState::Pending);
    bench.wire.set_acked(1);
    let bench = bench.reopen(2);
    bench.sync_patiently();
    assert!(matches!(bench.receipt(&receipt).state, ReceiptState::Acknowledged { .. }));
    assert_eq!(bench.wire.requests("push").len(), 1);
}

#[test]
fn a_put_after_a_delete_recreates_although_the_answer_to_the_delete_was_lost() {
    let bench = Bench::synced();
    bench.wire.page(&json!([change("a", "r0", &json!({ "title": "old" }), 0, "c_b")]), &json!({}));
    bench.sync();
    bench.write(Delete, &json!([["a"]]));
    bench.put("a", "new");
    bench.wire.fail("push", holm_core::engine::Failure::Timeout);
    bench.step(NOW_MS);
    bench.wire.set_acked(1);
    bench.wire.page(&json!([tombstone("a", "r1")]), &json!({}));
    let bench = bench.reopen(2);
    bench.sync_patiently();
    let put = bench.wire.mutations().pop().expect("a put");
    assert_eq!((&put["kind"], put.get("base")), (&json!("put"), None), "it asks for no state of the record");
    assert_eq!(bench.parked().len(), 0);
}

#[test]
fn what_was_seen_and_replaced_does_not_come_back_while_the_edit_waits() {
    let bench = Bench::synced();
    // The other device's clock, or the server's, is an hour ahead of ours.
    let hour = 3_600_000;
    bench.wire.page(
        &json!([change("a", "r0", &json!({ "title": "theirs", "note": "n", "done": true }), hour, "c_b")]),
        &json!({}),
    );
    bench.sync();
    bench.write(Patch, &json!([["a", { "title": "mine" }]]));
    let mut moved = change("a", "r9", &json!({ "title": "theirs", "note": "other", "done": true }), hour, "c_b");
    moved["stamps"]["note"] = json!(format!("{:012x}-0000-c_b", NOW_MS + hour + 1));
    bench.wire.page(&json!([moved]), &json!({}));
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Poke);
    bench.wire.instead("push", 500, None, "");
    bench.sync();
    assert_eq!(bench.status().pending, 1);
    assert_eq!(bench.record("a"), Some(json!({ "title": "mine", "note": "other", "done": true })));
}

#[test]
fn an_own_earlier_write_that_comes_by_does_not_hide_the_later_one() {
    let bench = Bench::synced();
    bench.sync();
    bench.put("a", "first");
    bench.step(NOW_MS);
    bench.put("a", "second");
    bench.wire.instead("push", 500, None, "");
    let client = bench.wire.requests("push")[0]["client"].as_str().expect("a client").to_owned();
    bench
        .wire
        .page(&json!([change("a", "r1", &json!({ "title": "first", "done": false }), 9_000, &client)]), &json!({}));
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Poke);
    bench.sync();
    assert_eq!(bench.status().pending, 1);
    assert_eq!(bench.title("a"), Some("second".into()));
}

#[test]
fn a_refused_mutation_is_parked_and_holds_nobody_up() {
    let bench = Bench::synced();
    let refused = bench.put("a", "bad");
    let fine = bench.put("b", "good");
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation", "field": "title", "message": "bad" }));
    bench.sync();
    assert!(matches!(bench.receipt(&refused).state, ReceiptState::Parked { code: ErrorCode::Validation, .. }));
    assert!(matches!(bench.receipt(&fine).state, ReceiptState::Acknowledged { .. }));
    let parked = bench.parked();
    assert_eq!((parked.len(), parked[0].reason.field.as_deref(), bench.status().parked), (1, Some("title"), 1));
    let mine = parked[0].mine.as_ref().expect("kept");
    assert_eq!(mine.get("title"), Some(&"bad".into()));
    assert_eq!(bench.record("a"), None, "the server has no such record");
    let question = Question::Explain { collection: "tasks".into(), id: "a".into() };
    let explained = bench.run(bench.engine.ask(NOW_MS, question)).expect("read");
    assert_eq!(parsed(&explained)["standing"], "parked");

    bench.retry(&parked[0].entry.mid);
    assert_eq!((bench.title("a"), bench.status().parked), (Some("bad".into()), 0));
    assert_eq!(bench.receipt(&refused).state, ReceiptState::Discarded);
    bench.sync();
    let sent = bench.wire.mutations();
    assert_ne!(mids(&sent)[0], mids(&sent)[2], "a new try is a new mutation");
}

#[test]
fn a_conflict_keeps_the_edit_and_shows_the_server_until_it_is_settled() {
    let bench = Bench::synced();
    bench.wire.page(&json!([change("a", "r0", &json!({ "title": "old" }), 0, "c_b")]), &json!({}));
    bench.sync();
    bench.write(Patch, &json!([["a", { "title": "mine" }]]));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
    bench.wire.page(&json!([tombstone("a", "r7")]), &json!({}));
    bench.sync();
    assert_eq!((bench.record("a"), bench.status().conflicts), (None, 1));
    let mid = bench.parked()[0].entry.mid.clone();
    bench.retry(&mid);
    assert_eq!(bench.title("a"), Some("mine".into()));
    let put = {
        bench.sync();
        bench.wire.mutations().pop().expect("a put")
    };
    assert_eq!((&put["kind"], &put["data"]["title"]), (&json!("put"), &json!("mine")));
}

#[test]
fn a_parked_mutation_that_is_given_up_is_gone() {
    let bench = Bench::synced();
    let receipt = bench.put("a", "bad");
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.sync();
    let discard = || bench.run(bench.engine.order(NOW_MS, Order::Discard(MutationId(receipt.clone()))));
    discard().expect("given up");
    assert_eq!((bench.parked().len(), bench.receipt(&receipt).state), (0, ReceiptState::Discarded));
    let again = discard().expect_err("not there");
    assert_eq!(again.code, ErrorCode::NotFound);
}

#[test]
fn a_mutation_that_the_server_wants_later_goes_again_under_another_seq_and_the_same_mid() {
    let bench = Bench::synced();
    bench.put("a", "milk");
    bench.wire.outcome(json!({ "status": "retry", "after": 30 }));
    assert_eq!(bench.sync(), Step::Wait(NOW_MS + 30_000));
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Asked);
    while bench.step(NOW_MS + 30_000) == Step::Again {}
    let sent = bench.wire.mutations();
    assert_eq!(
        (sent.len(), &sent[0]["mid"], &sent[0]["seq"], &sent[1]["seq"]),
        (2, &sent[1]["mid"], &json!(1), &json!(2))
    );
}

#[test]
fn a_clock_that_is_set_back_holds_up_nothing_that_the_server_wants_later() {
    const HOURS_MS: u64 = 10 * 3_600_000;
    let bench = Bench::synced();
    bench.put("a", "milk");
    bench.wire.outcome(json!({ "status": "retry", "after": 30 }));
    while bench.step(NOW_MS + HOURS_MS) == Step::Again {}
    while bench.step(NOW_MS) == Step::Again {}
    assert_eq!(bench.wire.mutations().len(), 2);
}

#[test]
fn a_server_cannot_ask_for_more_than_an_hour_of_patience() {
    let bench = Bench::synced();
    bench.put("a", "milk");
    bench.wire.outcome(json!({ "status": "retry", "after": u32::MAX }));
    while bench.step(NOW_MS) == Step::Again {}
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Asked);
    while bench.step(NOW_MS + 3_600_000) == Step::Again {}
    assert_eq!(bench.wire.mutations().len(), 2);
}

#[test]
fn a_reset_sweeps_what_the_server_does_not_name_and_keeps_what_waits() {
    let bench = Bench::synced();
    let row = |id: &str| change(id, "r0", &json!({ "title": id }), 0, "c_b");
    bench.wire.page(&json!([row("clean"), row("named"), row("edited"), row("deleted")]), &json!({}));
    bench.sync();
    bench.write(Patch, &json!([["edited", { "title": "mine" }]]));
    bench.write(Delete, &json!([["deleted"]]));
    bench.wire.instead("push", 500, None, "");
    bench.wire.page(&json!([]), &json!({ "reset": true, "more": true }));
    bench.wire.page(&json!([row("named")]), &json!({ "more": false }));
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Poke);
    bench.sync();
    assert_eq!(bench.status().pending, 2);
    assert_eq!((bench.record("clean"), bench.title("named")), (None, Some("named".into())));
    // Both wait still; the server has neither, so a patch finds nothing to patch and a delete nothing to delete.
    bench.wire.outcome(json!({ "status": "conflict", "server": { "deleted": true } }));
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
    bench.sync();
    assert_eq!((bench.parked().len(), bench.record("edited")), (1, None));
    assert_eq!(bench.record("deleted"), None, "what a waiting delete hid was swept as well");
}

/// Whatever tells that the server knows this client otherwise: the same mids go again, as another client.
fn starts_over(upset: impl Fn(&Bench)) {
    let bench = Bench::synced();
    bench.put("before", "covered");
    bench.sync();
    bench.put("a", "milk");
    upset(&bench);
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
    bench.wire.set_acked(bench.wire.mutations().len() as u64);
    for _ in 0..3 {
        bench.step(NOW_MS);
    }
    bench.wire.set_acked(0);
    assert!(matches!(bench.sync(), Step::Wait(_)), "a server that never agrees gets no storm");
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
    bench.sync();
    let pushes = bench.wire.requests("push");
    let last = pushes.last().expect("a push");
    assert_ne!(last["client"], pushes[0]["client"]);
    let sent = last["mutations"].as_array().expect("mutations");
    assert_eq!((sent.len(), &sent[0]["id"], &sent[0]["seq"]), (1, &json!("a"), &json!(1)));
    assert_eq!(bench.status().pending, 0);
    let author = |mutation: &Value| {
        let stamp = mutation.get("stamp").unwrap_or(&mutation["stamps"]["title"]);
        stamp.as_str().expect("a stamp")[18..].to_owned()
    };
    bench.put("a", "later");
    bench.sync();
    let sent = bench.wire.mutations();
    assert_eq!(author(&sent[0]), author(sent.last().expect("one")), "in stamps it stays who it was");
}

#[test]
fn a_gap_starts_over() {
    starts_over(|bench| bench.wire.instead("push", 409, None, r#"{"v":1,"error":"gap","expected":1}"#));
}

#[test]
fn an_unknown_client_starts_over() {
    starts_over(|bench| bench.wire.instead("pull", 409, None, r#"{"v":1,"error":"client-unknown"}"#));
}

#[test]
fn a_seq_that_stays_in_use_starts_over() {
    starts_over(|bench| {
        for _ in 0..2 {
            bench.wire.instead("push", 409, None, r#"{"v":1,"error":"seq-reused"}"#);
        }
    });
}

#[test]
fn a_pull_that_has_forgotten_what_was_seen_starts_over() {
    starts_over(|bench| {
        for _ in 0..2 {
            bench.wire.instead("pull", 409, None, r#"{"v":1,"error":"seq-reused"}"#);
        }
    });
}

#[test]
fn a_storage_that_was_rolled_back_starts_over_with_the_first_pull() {
    let bench = Bench::synced();
    bench.put("a", "milk");
    let older = bench.disk.duplicate();
    bench.sync();
    let again = try_open(&older, &bench.wire, crate::bench::SCHEMA, Some(&["tasks"]), 3).expect("opens");
    again.run(again.engine.lead()).expect("leads");
    again.step(NOW_MS);
    bench.wire.set_acked(0);
    again.engine.happened(NOW_MS, holm_core::sync::Event::Online);
    again.sync();
    let sent = bench.wire.mutations();
    assert_eq!((sent.len(), &sent[0]["mid"]), (2, &sent[1]["mid"]));
    let pushes = bench.wire.requests("push");
    assert_ne!(pushes[0]["client"], pushes[1]["client"]);
}

#[test]
fn a_pull_names_what_was_sent_and_is_unanswered() {
    let bench = Bench::synced();
    bench.put("a", "milk");
    bench.sync();
    bench.write(Put, &json!([["b", { "title": "bread" }], ["c", { "title": "butter" }]]));
    bench.wire.fail("push", Failure::Timeout);
    while bench.wire.mutations().len() < 3 {
        bench.step(NOW_MS);
    }
    bench.put("d", "jam");
    bench.reopen(3).sync_patiently();
    let (mut pulls, sent) = (bench.wire.requests("pull"), bench.wire.mutations());
    pulls.retain(|pull| pull.get("unanswered").is_some());
    let [pull] = &pulls[..] else { panic!("before and after it nothing was unanswered: {pulls:?}") };
    assert_eq!(pull["unanswered"], json!([sent[1]["mid"], sent[2]["mid"]]), "those of the seqs after `seen`");
    assert_eq!((&pull["seen"], &sent[1]["seq"]), (&json!(1), &json!(2)));
}

#[test]
fn a_server_that_was_restored_from_a_backup_is_told_again_what_no_pull_has_covered() {
    let bench = Bench::synced();
    bench.put("a", "milk");
    while bench.wire.mutations().is_empty() {
        bench.step(NOW_MS);
    }
    bench.wire.set_acked(0);
    bench.sync();
    bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
    bench.sync();
    let sent = bench.wire.mutations();
    assert_eq!((sent.len(), &sent[0]["mid"]), (2, &sent[1]["mid"]));
}

#[test]
fn a_leader_whose_lease_was_taken_records_nothing_more() {
    let bench = Bench::synced();
    bench.put("a", "milk");
    let other = try_open(&bench.disk, &bench.wire, crate::bench::SCHEMA, Some(&["tasks"]), 3).expect("opens");
    other.run(other.engine.lead()).expect("leads");
    assert_eq!(bench.sync(), Step::Ended);
    other.sync();
    assert_eq!(bench.wire.mutations().len(), 1);
    bench.run(bench.engine.refresh()).expect("loaded");
    assert_eq!((bench.status().pending, bench.title("a")), (0, other.title("a")));
}

#[test]
fn members_of_a_transaction_travel_together() {
    let bench = Bench::synced();
    let tx = holm_core::engine::Transaction::default();
    for id in ["a", "b"] {
        let rows = json!([[id, { "title": id }]]).to_string();
        bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Put, rows.as_bytes())).expect("laid over");
    }
    bench.run(bench.engine.tx_commit(&tx, NOW_MS, &bench.engine.draw(), Durability::Relaxed)).expect("committed");
    bench.sync();
    let sent = bench.wire.mutations();
    assert_eq!((sent.len(), &sent[0]["n"], &sent[0]["tx"]), (2, &json!(2), &sent[1]["tx"]));
    assert_eq!(sent[0]["stamp"], sent[1]["stamp"], "merged with another transaction, both win or both lose");
    assert!(sent[0]["stamp"].is_string());
}

#[test]
fn who_resumes_may_ask_for_a_sync_at_once() {
    let bench = Bench::synced();
    bench.sync();
    bench.engine.happened(NOW_MS, Event::Paused);
    bench.step(NOW_MS);
    let refused = bench.run(bench.engine.sync_now(NOW_MS)).expect_err("it is paused");
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    bench.engine.happened(NOW_MS, Event::Resumed);
    let asked = bench.engine.sync_now(NOW_MS);
    let (asked, _rest) = bench.run(futures_util::future::join(asked, async {
        for _ in 0..3 {
            bench.engine.step(NOW_MS).await;
        }
    }));
    assert_eq!(asked, Ok(()));
}

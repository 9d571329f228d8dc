//! Records that others deleted while this device wrote them: what is shown, what is kept of a refused write, and what making them
//! anew sends.

use holm_core::engine::Order;
use holm_core::outbox::Operation::{Insert, Patch, Put};
use holm_core::sync::Event;
use holm_protocol::{Data, MutationId, from_json};
use holm_store::FaultyDisk;
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, Wire, change, tombstone, try_open};

const SCHEMA: &str = r#"{"version":1,"collections":{"tasks":{MORE"fields":{
    "title":{"type":"string","optional":true},"note":{"type":"string","optional":true},
    "votes":{"type":"integer","merge":"counter","optional":true}}}}}"#;

/// A device that has a record of the server's, under a schema that says more.
fn known_under(more: &str) -> Bench {
    let mut schema = SCHEMA.replace("MORE", more);
    if more.contains("conflict") {
        schema = schema.replace(r#","merge":"counter""#, "");
    }
    let bench = try_open(&FaultyDisk::new(), &Wire::default(), &schema, Some(&["tasks"]), 1).expect("opens");
    bench.run(bench.engine.lead()).expect("leads");
    bench
        .wire
        .page(&json!([change("a", "r0", &json!({ "title": "old", "note": "n", "votes": 3 }), 0, "c_b")]), &json!({}));
    bench.sync();
    bench
}

fn known() -> Bench {
    known_under("")
}

fn keeping() -> Bench {
    known_under(r#""parked":"keep","#)
}

/// While no push gets through, a pull brings this.
fn pulled(bench: &Bench, changes: &Value) {
    bench.wire.page(changes, &json!({}));
    bench.wire.instead("push", 500, None, "");
    bench.engine.happened(NOW_MS, Event::Poke);
    bench.sync();
}

/// Writes what the server refuses.
fn refused(bench: &Bench, fields: &Value) {
    bench.write(Patch, &json!([["a", fields]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.sync();
}

/// The next mutation meets a deleted record.
fn meets_nothing(bench: &Bench) {
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r7", "deleted": true } }));
}

/// Lets time go by until so many are parked. With `no_pull` none gets through meanwhile.
fn wait_for_parked(bench: &Bench, parked: usize, no_pull: bool) {
    for step in 1..60 {
        if bench.parked().len() == parked {
            return;
        }
        if no_pull {
            bench.wire.instead("pull", 500, None, "");
        }
        bench.step(NOW_MS + step * 5_000);
    }
    panic!("{} are parked", bench.parked().len());
}

fn sent(bench: &Bench) -> Value {
    let last = bench.wire.mutations().pop().expect("sent");
    json!([last["kind"], last["base"], last["data"]])
}

fn mine(bench: &Bench, at: usize) -> Data {
    bench.parked()[at].mine.clone().expect("kept whole")
}

fn data(value: Value) -> Data {
    from_json(&value).expect("fields")
}

#[test]
fn who_writes_on_in_sight_of_the_delete_writes_a_whole_record() {
    let bench = known();
    bench.write(Put, &json!([["a", { "title": "p", "votes": 5 }]]));
    pulled(&bench, &json!([tombstone("a", "r7")]));
    assert_eq!(bench.record("a"), Some(json!({ "title": "p", "votes": 5 })), "it waits, and is shown");
    bench.write(Put, &json!([["a", { "title": "p", "votes": 6 }]]));
    meets_nothing(&bench);
    bench.wire.outcome(json!({ "status": "retry", "after": 60 }));
    wait_for_parked(&bench, 1, false);
    let own = json!({ "title": "p", "votes": 4 });
    assert_eq!(bench.record("a"), Some(own.clone()), "no note, and not the refused votes");
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.sync_patiently();
    assert_eq!(sent(&bench), json!(["put", null, own]));
    assert_eq!((mine(&bench, 0), mine(&bench, 1)), (data(json!({ "title": "p", "votes": 5 })), data(own)));
}

#[test]
fn an_acknowledged_edit_stays_in_the_whole_record_that_was_written_over_it() {
    let bench = known();
    bench.write(Patch, &json!([["a", { "note": "x", "votes": 4 }]]));
    bench.step(NOW_MS);
    bench.write(Put, &json!([["a", { "title": "p", "note": "x", "votes": 6 }]]));
    let whole = json!({ "title": "p", "note": "x", "votes": 6 });
    bench.wire.instead("push", 500, None, "");
    bench.wire.page(&json!([tombstone("a", "r7")]), &json!({ "more": true }));
    bench.wire.page(&json!([]), &json!({}));
    for _ in 0..4 {
        bench.step(NOW_MS);
        assert_eq!(bench.record("a"), Some(whole.clone()), "page by page");
    }
    meets_nothing(&bench);
    bench.sync_patiently();
    assert_eq!(mine(&bench, 0), data(whole.clone()));
    bench.retry(&bench.parked()[0].entry.mid.clone());
    bench.sync();
    assert_eq!(sent(&bench)[2], whole);
}

#[test]
fn two_that_are_sent_again_before_the_delete_is_pulled_are_both_in_the_new_record() {
    let bench = known();
    let one = bench.write(Patch, &json!([["a", { "title": "one", "votes": 4 }]]));
    bench.wire.instead("push", 500, None, "");
    bench.sync();
    let two = bench.write(Patch, &json!([["a", { "note": "two", "votes": 6 }]]));
    (0..2).for_each(|_| meets_nothing(&bench));
    wait_for_parked(&bench, 2, true);
    [one, two].into_iter().for_each(|receipt| bench.retry(&MutationId(receipt)));
    let both = json!({ "title": "one", "note": "two", "votes": 6 });
    assert_eq!(bench.record("a"), Some(both.clone()));
    bench.sync_patiently();
    assert_eq!(sent(&bench), json!(["put", "r7", both]));
}

#[test]
fn a_record_that_was_made_anew_is_no_edit_of_the_one_before() {
    let bench = known();
    bench.write(Patch, &json!([["a", { "votes": 4 }]]));
    pulled(&bench, &json!([tombstone("a", "r7")]));
    bench.write(Insert, &json!([["a", { "title": "w", "votes": 1 }]]));
    meets_nothing(&bench);
    wait_for_parked(&bench, 1, false);
    bench.write(Put, &json!([["a", { "title": "w", "votes": 2 }]]));
    pulled(&bench, &json!([tombstone("a", "r9")]));
    let own = json!({ "title": "w", "votes": 2 });
    assert_eq!(bench.record("a"), Some(own.clone()));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r9", "deleted": true } }));
    wait_for_parked(&bench, 2, false);
    assert_eq!(mine(&bench, 1), data(own));
}

#[test]
fn what_a_reset_sweeps_away_held_what_was_counted() {
    for operation in [Put, Patch] {
        let bench = known();
        bench.write(operation, &json!([["a", { "title": "p", "votes": 4 }]]));
        bench.step(NOW_MS);
        bench.write(Patch, &json!([["a", { "votes": 5 }]]));
        bench.wire.instead("push", 500, None, "");
        let told = change("a", "r1", &json!({ "title": "p", "votes": 4 }), 5, "s");
        bench.wire.page(&json!([told]), &json!({ "more": true }));
        bench.wire.page(&json!([]), &json!({ "reset": true }));
        for _ in 0..5 {
            bench.step(NOW_MS);
        }
        bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": null, "deleted": true } }));
        bench.sync_patiently();
        assert_eq!(mine(&bench, 0), data(json!({ "title": "p", "votes": 5 })), "{operation:?}");
    }
}

#[test]
fn what_was_written_over_a_refused_whole_record_is_whole_without_it() {
    let bench = keeping();
    let first = bench.write(Put, &json!([["a", { "title": "p", "votes": 5 }]]));
    meets_nothing(&bench);
    bench.wire.page(&json!([tombstone("a", "r7")]), &json!({}));
    bench.sync();
    bench.write(Put, &json!([["a", { "title": "p", "votes": 6 }]]));
    bench.run(bench.engine.order(NOW_MS, Order::Discard(MutationId(first)))).expect("given up");
    let own = json!({ "title": "p", "votes": 4 });
    assert_eq!(bench.record("a"), Some(own.clone()));
    bench.sync();
    assert_eq!(sent(&bench), json!(["put", null, own]));
}

#[test]
fn an_edit_of_what_only_a_refused_write_shows_makes_the_record_when_it_is_sent_again() {
    let bench = keeping();
    bench.write(Put, &json!([["a", { "title": "p", "votes": 4 }]]));
    meets_nothing(&bench);
    bench.wire.page(&json!([tombstone("a", "r7")]), &json!({}));
    bench.sync();
    let second = bench.write(Patch, &json!([["a", { "votes": 5 }]]));
    meets_nothing(&bench);
    bench.sync();
    assert_eq!(bench.parked().len(), 2);
    bench.retry(&MutationId(second));
    let shown = Some(json!({ "title": "p", "votes": 5 }));
    assert_eq!(bench.record("a"), shown, "the refused one is shown still");
    bench
        .wire
        .page(&json!([change("a", "r8", &json!({ "title": "old", "note": "n", "votes": 4 }), 9, "s")]), &json!({}));
    bench.sync();
    assert_eq!(bench.record("a"), shown);
    let own = json!({ "title": "old", "note": "n", "votes": 4 });
    assert_eq!(sent(&bench), json!(["put", "r7", own]), "its own vote, and nothing of the refused one");
}

#[test]
fn a_refused_vote_that_is_shown_is_not_in_a_record_that_is_made_before_the_delete_is_pulled() {
    let bench = keeping();
    refused(&bench, &json!({ "votes": 4 }));
    let second = bench.write(Patch, &json!([["a", { "votes": 6 }]]));
    meets_nothing(&bench);
    wait_for_parked(&bench, 2, true);
    bench.retry(&MutationId(second));
    let shown = Some(json!({ "title": "old", "note": "n", "votes": 6 }));
    assert_eq!(bench.record("a"), shown);
    pulled(&bench, &json!([tombstone("a", "r7")]));
    assert_eq!(bench.record("a"), shown);
    bench.sync_patiently();
    assert_eq!(sent(&bench), json!(["put", "r7", { "title": "old", "note": "n", "votes": 5 }]));
}

#[test]
fn an_older_app_makes_a_record_anew_with_the_fields_that_it_knows() {
    let bench = known();
    let newer = json!({ "title": "old", "note": "n", "votes": 3, "rank": 7 });
    pulled(&bench, &json!([change("a", "r1", &newer, 9, "c_b")]));
    let edit = bench.write(Patch, &json!([["a", { "title": "mine" }]]));
    meets_nothing(&bench);
    bench.wire.page(&json!([tombstone("a", "r7")]), &json!({}));
    bench.sync_patiently();
    bench.retry(&MutationId(edit));
    bench.sync();
    assert_eq!(sent(&bench)[2], json!({ "title": "mine", "note": "n", "votes": 3 }));
}

#[test]
fn what_is_shown_of_a_refused_write_is_not_sent_with_another_that_is_sent_again() {
    let bench = keeping();
    refused(&bench, &json!({ "title": "bad" }));
    let second = bench.write(Patch, &json!([["a", { "note": "x" }]]));
    meets_nothing(&bench);
    wait_for_parked(&bench, 2, true);
    bench.retry(&MutationId(second));
    bench.sync_patiently();
    assert_eq!(sent(&bench), json!(["put", "r7", { "title": "old", "note": "x", "votes": 3 }]));
}

#[test]
fn a_record_that_was_made_and_is_deleted_again_is_made_once_more() {
    let bench = known();
    bench.write(Insert, &json!([["b", { "title": "b", "votes": 1 }]]));
    bench.step(NOW_MS);
    let edit = bench.write(Patch, &json!([["b", { "votes": 2 }]]));
    meets_nothing(&bench);
    wait_for_parked(&bench, 1, true);
    bench.retry(&MutationId(edit));
    bench.sync_patiently();
    assert_eq!(sent(&bench), json!(["put", "r7", { "title": "b", "votes": 2 }]));
}

#[test]
fn what_is_written_on_after_the_delete_is_pulled_goes_with_what_was_sent_again_before() {
    let bench = known_under(r#""conflict":"manual","#);
    let edit = bench.write(Patch, &json!([["a", { "title": "one" }]]));
    meets_nothing(&bench);
    wait_for_parked(&bench, 1, false);
    bench.retry(&MutationId(edit));
    bench.wire.outcome(json!({ "status": "retry", "after": 5 }));
    bench.wire.page(&json!([tombstone("a", "r7")]), &json!({}));
    bench.engine.happened(NOW_MS + 600_000, Event::Poke);
    for _ in 0..3 {
        bench.step(NOW_MS + 600_000);
    }
    bench.write(Patch, &json!([["a", { "note": "two" }]]));
    bench.sync_patiently();
    let after: Vec<Value> = bench.wire.mutations().iter().map(|sent| sent["base"].clone()).skip(1).collect();
    assert!(after.iter().all(|base| base == "r7"), "{after:?}");
}

#[test]
fn an_edit_of_a_record_that_was_merged_and_then_deleted_is_kept_with_what_was_merged() {
    let bench = known();
    bench.write(Insert, &json!([["b", { "title": "b", "votes": 2 }]]));
    bench.step(NOW_MS);
    bench.write(Patch, &json!([["b", { "votes": 3 }]]));
    bench.wire.instead("push", 500, None, "");
    let merged = json!({ "title": "b", "note": "theirs", "votes": 12 });
    bench.wire.page(&json!([change("b", "r5", &merged, 5, "c_b")]), &json!({ "more": true }));
    bench.wire.page(&json!([tombstone("b", "r6")]), &json!({}));
    for _ in 0..5 {
        bench.step(NOW_MS);
    }
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": "r6", "deleted": true } }));
    bench.sync_patiently();
    assert_eq!(mine(&bench, 0), data(json!({ "title": "b", "note": "theirs", "votes": 13 })));
}

#[test]
fn a_record_whose_tombstone_was_forgotten_is_made_without_a_base() {
    let bench = known();
    let edit = bench.write(Patch, &json!([["a", { "votes": 4 }]]));
    bench.wire.outcome(json!({ "status": "conflict", "server": { "rev": null, "deleted": true } }));
    wait_for_parked(&bench, 1, true);
    bench.retry(&MutationId(edit));
    bench.sync_patiently();
    assert_eq!(sent(&bench), json!(["put", null, { "title": "old", "note": "n", "votes": 4 }]));
}

#[test]
fn what_was_set_outright_over_a_refused_vote_is_sent_as_it_was_set() {
    let bench = keeping();
    refused(&bench, &json!({ "votes": 4 }));
    bench.write(Patch, &json!([["a", { "votes": { "$holm": ["unset"] } }]]));
    bench.write(Patch, &json!([["a", { "votes": 10 }]]));
    bench
        .wire
        .page(&json!([change("a", "r2", &json!({ "title": "old", "note": "n", "votes": 10 }), 8, "c_a")]), &json!({}));
    bench.sync();
    let edit = bench.write(Patch, &json!([["a", { "note": "x" }]]));
    meets_nothing(&bench);
    wait_for_parked(&bench, 2, true);
    bench.retry(&MutationId(edit));
    bench.sync_patiently();
    assert_eq!(sent(&bench)[2], json!({ "title": "old", "note": "x", "votes": 10 }));
}

#[test]
fn a_refused_create_that_is_shown_over_somebody_elses_record_takes_none_of_its_votes() {
    let bench = keeping();
    bench.write(Insert, &json!([["b", { "title": "b", "votes": 1 }]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.wire.page(&json!([change("b", "r5", &json!({ "title": "b", "votes": 5 }), 5, "c_b")]), &json!({}));
    bench.sync();
    assert_eq!(bench.record("b").expect("there")["votes"], 6);
    let edit = bench.write(Patch, &json!([["b", { "votes": 7 }]]));
    meets_nothing(&bench);
    wait_for_parked(&bench, 2, true);
    bench.retry(&MutationId(edit));
    assert_eq!(bench.record("b").expect("there")["votes"], 7);
    bench.sync_patiently();
    assert_eq!(sent(&bench)[2]["votes"], 6, "theirs and the own one");
}

#[test]
fn a_vote_does_not_join_a_record_that_leaves_out_a_refused_one() {
    let bench = keeping();
    bench.write(Insert, &json!([["b", { "title": "bad", "votes": 1 }]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation" }));
    bench.sync();
    bench.write(Put, &json!([["b", { "title": "good", "votes": 1 }]]));
    bench.write(Patch, &json!([["b", { "votes": 2 }]]));
    assert_eq!(bench.record("b"), Some(json!({ "title": "good", "votes": 2 })));
    bench.sync();
    let put = bench.wire.mutations().into_iter().find(|sent| sent["kind"] == "put").expect("sent");
    assert_eq!(
        put["data"],
        json!({ "title": "good", "votes": 0 }),
        "not the refused vote, nor one made in sight of it"
    );
}

#[test]
fn what_goes_again_shows_no_older_value_for_a_moment() {
    let bench = known();
    let first = bench.write(Patch, &json!([["a", { "note": "x" }]]));
    bench.wire.instead("push", 500, None, "");
    bench.step(NOW_MS);
    bench.write(Patch, &json!([["a", { "title": "w" }]]));
    meets_nothing(&bench);
    bench.wire.outcome(json!({ "status": "retry", "after": 60 }));
    wait_for_parked(&bench, 1, true);
    bench.retry(&MutationId(first));
    assert_eq!(bench.record("a"), Some(json!({ "title": "w", "note": "x", "votes": 3 })));
}

/// A server that was restored from a backup names the record no more, and has no tombstone of it.
fn forgotten(bench: &Bench) {
    bench.wire.page(&json!([]), &json!({ "reset": true }));
    bench.wire.instead("push", 500, None, "");
    bench.engine.happened(NOW_MS, Event::Poke);
    bench.sync();
}

/// The next mutation meets no record, nor a tombstone of one.
fn meets_nobody(bench: &Bench) {
    bench.wire.outcome(json!({ "status": "conflict", "server": { "deleted": true } }));
}

#[test]
fn what_is_written_over_what_waits_when_a_restored_server_forgot_the_record_goes_whole() {
    let bench = known();
    bench.write(Put, &json!([["a", { "title": "p", "note": "n", "votes": 4 }]]));
    forgotten(&bench);
    let shown = json!({ "title": "p", "note": "n", "votes": 4 });
    assert_eq!(bench.record("a"), Some(shown), "it waits, and is shown");
    bench.write(Put, &json!([["a", { "title": "q", "note": "n", "votes": 5 }]]));
    meets_nobody(&bench);
    bench.sync_patiently();
    let whole = json!({ "title": "q", "note": "n", "votes": 4 });
    assert_eq!(sent(&bench), json!(["put", null, whole]), "the votes of others too, but not the one that is parked");
}

#[test]
fn what_is_sent_again_after_a_restored_server_forgot_the_record_goes_whole() {
    let bench = known();
    let put = bench.write(Put, &json!([["a", { "title": "p", "note": "n", "votes": 4 }]]));
    forgotten(&bench);
    meets_nobody(&bench);
    wait_for_parked(&bench, 1, false);
    assert_eq!(bench.record("a"), None);
    bench.retry(&MutationId(put));
    bench.sync_patiently();
    assert_eq!(
        sent(&bench),
        json!(["put", null, { "title": "p", "note": "n", "votes": 4 }]),
        "the votes of others too"
    );
}

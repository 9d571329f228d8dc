//! A first sync, whose pages name rows that cannot be here yet, and what is written meanwhile.

use holm_core::ErrorCode;
use holm_core::engine::Step;
use holm_core::outbox::Operation::{Delete, Patch, Put};
use holm_store::{Fault, Operation};
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, change};

fn row(id: &str, title: &str) -> Value {
    change(id, "r1", &json!({ "title": title, "done": false }), 0, "a")
}

/// Everything that can be seen: the records by id, and by index those that are not done and those that are.
type Seen = (Vec<(String, Option<Value>)>, Vec<String>, Vec<String>);

fn seen(bench: &Bench) -> Seen {
    let ids = bench.query(&json!({ "collection": "tasks" }));
    let records = ids.into_iter().map(|id| (id.clone(), bench.record(&id))).collect();
    let by_index =
        |done: bool| bench.query(&json!({ "collection": "tasks", "where": { "done": done }, "orderBy": "title" }));
    (records, by_index(false), by_index(true))
}

/// Three pages, and between them writes to rows that are here, that are still to come, and that the server does not have.
fn written_meanwhile(fresh: bool) -> Bench {
    let bench = Bench::synced();
    let more = json!({ "more": true, "fresh": fresh });
    bench.wire.page(&json!([row("a", "a"), row("b", "b"), row("c", "c")]), &more);
    bench.wire.page(&json!([row("d", "d"), row("e", "e"), row("f", "f")]), &more);
    // The walk has reached what changed since it began: one row comes again.
    bench
        .wire
        .page(&json!([change("a", "r2", &json!({ "title": "A", "done": true }), 9, "s"), row("g", "g")]), &json!({}));
    let refuse = || bench.wire.outcome(json!({ "status": "rejected", "code": "validation", "message": "no" }));
    bench.put("e", "mine, before the first page");
    assert_eq!(bench.step(NOW_MS), Step::Again);
    bench.write(Patch, &json!([["b", { "done": true }]]));
    bench.write(Delete, &json!([["c"]]));
    bench.write(Put, &json!([["d", { "title": "mine, before its page", "done": true }], ["new", { "title": "new" }]]));
    for _ in 0..5 {
        refuse();
    }
    bench.put("f", "refused before its page");
    bench
}

#[test]
fn what_is_written_during_a_first_sync_is_the_same_whether_pages_are_fresh_or_not() {
    let [fresh, plain] = [true, false].map(|fresh| {
        let bench = written_meanwhile(fresh);
        bench.sync();
        (seen(&bench), bench.parked().len(), bench.status().pending)
    });
    assert_eq!(fresh, plain);
    let ((records, open, done), parked, pending) = fresh;
    assert_eq!((records.len(), parked, pending), (7, 5, 0), "{records:?}");
    assert_eq!(
        (open.len() + done.len(), done),
        (records.len(), vec!["a".to_owned()]),
        "each record is in the index once"
    );
}

#[test]
fn the_first_page_is_seen_before_the_second_is_asked_for_and_later_ones_are_asked_for_ahead() {
    let bench = Bench::synced();
    for id in ["a", "b", "c"] {
        bench.wire.page(&json!([row(id, id)]), &json!({ "more": id != "c", "fresh": true }));
    }
    bench.step(NOW_MS);
    assert_eq!((bench.wire.requests("pull").len(), bench.title("a").as_deref()), (1, Some("a")));
    while bench.wire.requests("pull").len() < 2 {
        bench.step(NOW_MS);
    }
    assert_eq!(bench.wire.requests("pull").len(), 3, "the third goes out with the answer to the second");
    bench.sync();
    assert_eq!(["b", "c"].map(|id| bench.title(id).is_some()), [true, true]);
}

#[test]
fn a_write_that_waits_stands_over_a_fresh_page() {
    let bench = Bench::synced();
    bench.put("a", "mine");
    bench.wire.page(&json!([row("a", "theirs"), row("b", "b")]), &json!({ "more": true, "fresh": true }));
    bench.step(NOW_MS);
    bench.settle();
    assert_eq!((bench.title("a").as_deref(), bench.title("b").as_deref()), (Some("mine"), Some("b")));
    bench.sync();
    assert_eq!(bench.wire.mutations().len(), 1);
}

#[test]
fn pages_after_one_that_was_not_saved_are_asked_for_again() {
    let bench = Bench::synced();
    for id in ["a", "b", "c"] {
        bench.wire.page(&json!([row(id, id)]), &json!({ "more": id != "c", "fresh": true }));
    }
    bench.disk.inject_next(Operation::Append, Fault::Full);
    let mut now_ms = NOW_MS;
    for _ in 0..50 {
        if let Step::Wait(until_ms) = bench.step(now_ms) {
            now_ms = until_ms;
        }
    }
    assert_eq!(["a", "b", "c"].map(|id| bench.title(id)), ["a", "b", "c"].map(|id| Some(id.to_owned())));
    let pulls = bench.wire.requests("pull");
    let asked: Vec<&Value> = pulls.iter().map(|pull| &pull["scopes"][0]["checkpoint"]).collect();
    assert_eq!(asked.iter().filter(|at| at.is_null()).count(), 2, "{asked:?}");
}

#[test]
fn a_page_is_not_taken_for_fresh_where_there_were_records() {
    let bench = Bench::synced();
    bench.wire.page(&json!([row("a", "old")]), &json!({}));
    bench.sync();
    for extra in [json!({ "fresh": true }), json!({ "fresh": true, "reset": true })] {
        bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
        let again = change("a", "r2", &json!({ "title": extra.to_string(), "done": true }), 5, "s");
        bench.wire.page(&json!([again]), &extra);
        bench.sync();
        assert_eq!(
            (bench.title("a"), seen(&bench).1.len()),
            (Some(extra.to_string()), 0),
            "no index entry is left over"
        );
        bench.wire.page(&json!([row("a", "old")]), &json!({}));
        bench.engine.happened(NOW_MS, holm_core::sync::Event::Online);
        bench.sync();
    }
}

#[test]
fn rows_that_do_not_fit_the_schema_are_kept_as_the_server_sent_them() {
    for fresh in [true, false] {
        let bench = Bench::synced();
        let odd = [
            json!({}),
            json!({ "title": 5, "done": "yes", "later": [1, null] }),
            json!({ "title": { "$holm": ["bigint", "x"] }, "done": { "$holm": ["unset"] } }),
            json!({ "title": "a".repeat(100_000), "done": null }),
            json!({ "$holm": ["bytes", "no base64"], "title": { "$holm": ["bytes", "no base64"] } }),
        ];
        let mut rows: Vec<Value> =
            odd.iter().enumerate().map(|(n, data)| change(&n.to_string(), "r1", data, 0, "s")).collect();
        rows.push(json!({ "collection": "tasks", "id": "bare", "rev": "r1" }));
        rows.push(json!({ "collection": "unheard of", "id": "a", "rev": "r1", "data": { "x": 1 } }));
        bench.wire.page(&json!(rows), &json!({ "fresh": fresh }));
        bench.sync();
        for (n, mut data) in odd.iter().cloned().enumerate() {
            let fields = data.as_object_mut().expect("fields");
            fields.entry("done").or_insert(json!(false));
            assert_eq!(bench.record(&n.to_string()), Some(data), "but for a default that it lacked");
        }
        assert_eq!(bench.record("bare"), Some(json!({ "done": false })));
        let ordered = json!({ "collection": "tasks", "orderBy": ["done", "title"] });
        assert_eq!(bench.query(&ordered).len(), odd.len() + 1);
        bench.put("1", "fits again");
        assert_eq!(bench.title("1").as_deref(), Some("fits again"));
    }
}

#[test]
fn a_record_that_a_newer_app_gave_a_field_can_be_patched_and_keeps_it() {
    let bench = Bench::synced();
    bench.wire.page(&json!([change("a", "r1", &json!({ "title": "milk", "later": 5 }), 0, "s")]), &json!({}));
    bench.sync();
    bench.write(Patch, &json!([["a", { "title": "bread" }]]));
    assert_eq!(bench.record("a"), Some(json!({ "title": "bread", "done": false, "later": 5 })));
    assert_eq!(bench.refused(Patch, &json!([["a", { "later": 6 }]])), ErrorCode::InvalidRecord);
}

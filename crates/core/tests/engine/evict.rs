//! Making room: what the server has too is removed, what it lacks stays.

use holm_core::ErrorCode;
use holm_core::engine::Order;
use holm_core::outbox::Operation::{Delete, Patch};
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS, SCHEMA, change, try_open};

/// Three records that the server has, one of them patched and one deleted here, and one that it does not have; in a database that does
/// not sync them any more.
fn left() -> Bench {
    let bench = Bench::synced();
    let row = |id: &str| change(id, "r0", &json!({ "title": id, "done": false }), 0, "s");
    bench.wire.page(&json!([row("a"), row("b"), row("c")]), &json!({}));
    bench.sync();
    bench.write(Patch, &json!([["b", { "title": "mine" }]]));
    bench.write(Delete, &json!([["c"]]));
    bench.put("d", "new");
    try_open(&bench.disk, &bench.wire, SCHEMA, Some(&["others"]), 2).expect("opens")
}

fn evict(bench: &Bench) -> Result<(), ErrorCode> {
    let evicted = bench.run(bench.engine.order(NOW_MS, Order::Evict("tasks".to_owned())));
    evicted.map_err(|error| error.code)
}

fn all(bench: &Bench) -> (Vec<String>, Vec<String>) {
    let by_index = json!({ "collection": "tasks", "where": { "done": false }, "orderBy": "title" });
    (bench.query(&json!({ "collection": "tasks" })), bench.query(&by_index))
}

#[test]
fn what_waits_for_the_server_stays_and_the_rest_goes_with_its_index_entries() {
    let bench = left();
    assert_eq!(evict(&bench), Ok(()));
    assert_eq!(all(&bench), (vec!["b".to_owned(), "d".to_owned()], vec!["b".to_owned(), "d".to_owned()]));
    assert_eq!(bench.status().pending, 3);
    assert_eq!(evict(&bench), Ok(()), "there is nothing left, and that is fine");
    assert_eq!(all(&bench).0.len(), 2);
}

#[test]
fn who_syncs_them_again_pulls_all_of_them_and_what_was_written_stands_over_them() {
    let bench = left();
    evict(&bench).expect("evicted");
    let bench = bench.reopen(3);
    bench.wire.page(&json!([]), &json!({}));
    bench.step(NOW_MS);
    let pull = bench.wire.requests("pull").pop().expect("a pull");
    assert_eq!(pull["scopes"][0]["checkpoint"], Value::Null);
    assert_eq!(bench.title("b").as_deref(), Some("mine"));
    bench.sync();
    assert_eq!(bench.wire.mutations().len(), 3, "each went to the server once");
}

#[test]
fn what_would_be_back_at_once_or_is_nowhere_else_is_not_evicted() {
    let synced = Bench::synced();
    assert_eq!(evict(&synced), Err(ErrorCode::InvalidArgument));
    let local = Bench::local(SCHEMA);
    local.put("a", "only here");
    assert_eq!(evict(&local), Err(ErrorCode::InvalidArgument));
    assert_eq!(local.title("a").as_deref(), Some("only here"));
    let unknown = evict_nothing(&left());
    assert_eq!(unknown, ErrorCode::UnknownCollection);
}

fn evict_nothing(bench: &Bench) -> ErrorCode {
    bench.run(bench.engine.order(NOW_MS, Order::Evict("nothing".to_owned()))).expect_err("refused").code
}

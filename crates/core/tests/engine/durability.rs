//! How what is written is to be kept, as the disk is told: by database and by call.

use holm_core::engine::{Order, Step, Transaction};
use holm_core::outbox::Operation::Put;
use holm_store::Durability::{self, Relaxed, Strict};
use holm_store::Operation;
use serde_json::json;

use crate::bench::{Bench, NOW_MS, SCHEMA};

/// What the disk was told during some work.
fn during(bench: &Bench, work: impl FnOnce()) -> Vec<Durability> {
    bench.settle();
    let before = bench.disk.kept(Operation::Append).len();
    work();
    bench.disk.kept(Operation::Append).split_off(before)
}

fn transact(bench: &Bench, durability: Durability) {
    let tx = Transaction::default();
    let rows = json!([["a", { "title": "in a transaction" }]]).to_string();
    bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Put, rows.as_bytes())).expect("written");
    bench.run(bench.engine.tx_commit(&tx, NOW_MS, &bench.engine.draw(), durability)).expect("committed");
}

fn set(bench: &Bench) {
    let set = Order::KvSet { space: "s".to_owned(), key: "k".to_owned(), json: "1".to_owned(), ttl_ms: None };
    bench.run(bench.engine.order(NOW_MS, set)).expect("set");
}

#[test]
fn a_database_says_how_its_writes_are_kept() {
    for (bench, durability) in [(Bench::local(SCHEMA), Relaxed), (Bench::strict(), Strict)] {
        assert_eq!(during(&bench, || drop(bench.put("a", "milk"))), [durability]);
        assert_eq!(during(&bench, || set(&bench)), [durability]);
    }
}

#[test]
fn a_transaction_says_it_for_itself() {
    for bench in [Bench::local(SCHEMA), Bench::strict()] {
        assert_eq!(during(&bench, || transact(&bench, Strict)), [Strict]);
        assert_eq!(during(&bench, || transact(&bench, Relaxed)), [Relaxed]);
    }
}

#[test]
fn what_is_sent_was_fixed_on_the_medium_before() {
    let bench = Bench::synced();
    bench.sync();
    bench.put("a", "milk");
    let kept = during(&bench, || assert_eq!(bench.step(NOW_MS), Step::Again));
    assert_eq!((kept.first(), bench.wire.requests("push").len()), (Some(&Strict), 1));
}

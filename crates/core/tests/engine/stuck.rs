//! Requests that never get through: by ever shorter prefixes the engine finds the mutation that is why, and skips it.

use holm_core::ErrorCode;
use holm_core::engine::Transaction;
use holm_core::outbox::Operation::{Patch, Put};
use holm_core::outbox::ReceiptState;
use holm_protocol::MutationId;
use holm_store::Durability;
use serde_json::{Value, json};

use crate::bench::{Bench, NOW_MS};

const HOUR_MS: u64 = 3_600_000;

fn state(bench: &Bench, receipt: &str) -> &'static str {
    match bench.receipt(receipt).state {
        ReceiptState::Acknowledged { .. } => "acknowledged",
        ReceiptState::Parked { code: ErrorCode::Undeliverable, .. } => "undeliverable",
        _ => "another",
    }
}

/// Without a skip.
fn is_sent_in_the_end(bench: &Bench, receipt: &str) {
    bench.sync_patiently();
    assert_eq!(state(bench, receipt), "acknowledged");
    assert!(bench.wire.mutations().iter().all(|mutation| mutation["kind"] == "put"));
}

#[test]
fn one_among_many_is_parked_and_holds_nobody_up() {
    for poison in [0, 7, 19] {
        let bench = Bench::synced();
        bench.wire.filter("<script>");
        let title = |n| if n == poison { "<script>" } else { "fine" };
        let receipts: Vec<String> = (0..20).map(|n| bench.put(&format!("t{n}"), title(n))).collect();
        let took_ms = bench.sync_patiently();
        assert!(took_ms < HOUR_MS, "{took_ms} ms");
        for (n, receipt) in receipts.iter().enumerate() {
            assert_eq!(state(&bench, receipt), if n == poison { "undeliverable" } else { "acknowledged" }, "{n}");
        }
        let parked = bench.parked();
        assert_eq!((parked.len(), parked[0].mine.as_ref().expect("kept").get("title")), (1, Some(&"<script>".into())));
        assert_eq!(bench.status().error, None);
    }
}

#[test]
fn a_skip_says_seq_and_mid_and_nothing_else() {
    let bench = Bench::synced();
    bench.wire.filter("<script>");
    let receipt = bench.put("a", "<script>");
    bench.sync_patiently();
    let sent = bench.wire.mutations();
    assert_eq!(sent.last(), Some(&json!({ "seq": 1, "mid": receipt, "kind": "skip" })));
    assert_eq!(sent.iter().filter(|mutation| mutation["kind"] == "put").count(), 3);
    let fine = bench.put("a", "fine");
    bench.sync_patiently();
    assert_eq!(state(&bench, &fine), "acknowledged");
}

#[test]
fn what_was_applied_after_all_is_acknowledged() {
    let bench = Bench::synced();
    bench.wire.filter("<script>");
    let receipt = bench.put("a", "<script>");
    bench.wire.outcome(json!({ "status": "ok", "rev": "r1" }));
    bench.sync_patiently();
    assert_eq!(state(&bench, &receipt), "acknowledged");
    assert_eq!(bench.parked(), []);
}

#[test]
fn a_list_of_writes_is_not_parked_for_one_of_them() {
    let bench = Bench::synced();
    bench.wire.filter("<script>");
    bench.write(Put, &json!([["a", { "title": "fine" }], ["b", { "title": "<script>" }], ["c", { "title": "fine" }]]));
    bench.sync_patiently();
    let parked: Vec<String> = bench.parked().iter().map(|parked| parked.entry.id.clone()).collect();
    assert_eq!(parked, ["b"]);
}

#[test]
fn while_no_pull_succeeds_nothing_is_skipped() {
    let bench = Bench::synced();
    bench.sync();
    let receipt = bench.put("a", "milk");
    for n in 0..20 {
        bench.wire.instead("pull", 500, None, "");
        if n < 10 {
            bench.wire.instead("push", 500, None, "");
        }
    }
    is_sent_in_the_end(&bench, &receipt);
}

#[test]
fn who_asks_for_time_is_not_doubted() {
    let bench = Bench::synced();
    bench.sync();
    let receipt = bench.put("a", "milk");
    for _ in 0..6 {
        bench.wire.instead("push", 503, Some(1_000), "");
    }
    is_sent_in_the_end(&bench, &receipt);
}

#[test]
fn a_transaction_is_skipped_whole_and_goes_again_whole() {
    let bench = Bench::synced();
    bench.wire.filter("<script>");
    let tx = Transaction::default();
    let rows = json!([["a", { "title": "fine" }], ["b", { "title": "<script>" }]]).to_string();
    bench.run(bench.engine.tx_write(&tx, NOW_MS, "tasks", Put, rows.as_bytes())).expect("added");
    let receipt = bench.engine.draw();
    bench.run(bench.engine.tx_commit(&tx, NOW_MS, &receipt, Durability::Relaxed)).expect("committed");
    let beside = bench.put("c", "fine");
    bench.sync_patiently();
    assert_eq!((state(&bench, &receipt), state(&bench, &beside)), ("undeliverable", "acknowledged"));
    let skips: Vec<_> = bench.wire.mutations().into_iter().filter(|mutation| mutation["kind"] == "skip").collect();
    assert_eq!(skips.len(), 2);
    let parked = bench.parked();
    let poison = parked.iter().find(|parked| parked.entry.id == "b").expect("parked");
    bench.edit(&poison.entry.mid, &json!({ "title": "harmless" }));
    bench.sync_patiently();
    let again: Vec<Value> =
        bench.wire.mutations().iter().rev().take(2).map(|sent| sent["data"]["title"].clone()).collect();
    assert_eq!((again, bench.status().parked), (vec![json!("harmless"), json!("fine")], 0));
}

#[test]
fn what_was_written_on_a_record_that_is_refused_is_parked_and_comes_back_with_it() {
    let bench = Bench::synced();
    bench.sync();
    let made = bench.put("a", "bad");
    bench.wire.instead("push", 500, None, "");
    bench.sync();
    let added = bench.write(Patch, &json!([["a", { "note": "n" }]]));
    bench.wire.outcome(json!({ "status": "rejected", "code": "validation", "message": "bad" }));
    bench.sync_patiently();
    for receipt in [&made, &added] {
        assert!(matches!(bench.receipt(receipt).state, ReceiptState::Parked { code: ErrorCode::Validation, .. }));
    }
    assert_eq!((bench.status().parked, bench.record("a")), (2, None));
    let mid = MutationId(made);
    bench.edit(&mid, &json!({ "title": "good" }));
    assert_eq!((bench.status().parked, bench.status().pending), (0, 1), "they go as one now");
    assert_eq!(bench.record("a"), Some(json!({ "title": "good", "note": "n", "done": false })));
    bench.sync_patiently();
    assert_eq!(bench.wire.mutations().last().expect("sent")["data"]["note"], "n");
}

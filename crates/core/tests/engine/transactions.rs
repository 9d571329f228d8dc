//! Transactions that want the same record: all of them commit, whoever else writes.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::Poll;

use futures_util::future::{join, join_all};
use holm_core::engine::{Engine, Transaction};
use holm_core::outbox::Operation::{Patch, Put};
use holm_core::{Error, ErrorCode};
use holm_store::Durability;
use serde_json::json;

use crate::bench::{Bench, NOW_MS, SCHEMA, parsed, records};

/// Reads the number in a record's title and writes the next one.
async fn increment(engine: &Engine, tx: &Transaction, id: &str) -> Result<(), Error> {
    let rows = engine.tx_ask(tx, NOW_MS, records("tasks", &[id])).await?;
    let title = parsed(&rows)[0][2]["title"].as_str().expect("a title").parse::<u32>().expect("a number") + 1;
    engine
        .tx_write(tx, NOW_MS, "tasks", Patch, json!([[id, { "title": title.to_string() }]]).to_string().as_bytes())
        .await?;
    engine.tx_commit(tx, NOW_MS, &engine.draw(), Durability::Relaxed).await
}

/// The loop of the package; gives how often it ran.
async fn transact(engine: &Engine, id: &str) -> u32 {
    let mut tx = Transaction::default();
    for runs in 1..=8 {
        match increment(engine, &tx, id).await {
            Ok(()) => {
                tx.end_turn();
                return runs;
            }
            Err(error) => assert_eq!(error.code, ErrorCode::Contention),
        }
        tx = engine.tx_again(&tx).await.expect("its turn comes");
    }
    panic!("it starves");
}

/// Writes to a record without a pause until told to stop.
async fn hammer(engine: &Engine, id: &str, stop: &Cell<bool>) -> u32 {
    let mut written = 0;
    while !stop.get() && written < 10_000 {
        let rows = json!([[id, { "title": "0" }]]).to_string();
        engine
            .write(NOW_MS, &engine.draw(), "tasks", Put, engine.rows(NOW_MS, Put, rows.as_bytes()).expect("rows"))
            .await
            .expect("written");
        written += 1;
    }
    written
}

async fn others_run() {
    let mut waited = false;
    poll_fn(|context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn two_hundred_on_one_record_all_commit_in_their_turn() {
    let bench = Bench::local(SCHEMA);
    bench.put("a", "0");
    let runs = bench.run(join_all((0..200).map(|_| transact(&bench.engine, "a"))));
    assert_eq!(bench.title("a"), Some("200".into()));
    assert_eq!(runs.iter().max(), Some(&2), "who lost once waits for its turn and does not lose again");
}

#[test]
fn those_who_want_other_records_wait_for_nobody() {
    let bench = Bench::local(SCHEMA);
    bench.put("a", "0");
    bench.put("b", "0");
    let lost = Transaction::default();
    let held = bench.run(bench.engine.tx_again(&lost)).expect("its turn");
    assert_eq!(bench.run(transact(&bench.engine, "b")), 1);
    bench.put("a", "5");
    bench.run(increment(&bench.engine, &held, "a")).expect("committed");
    assert_eq!((bench.title("a"), bench.title("b")), (Some("6".into()), Some("1".into())));
}

#[test]
fn a_record_that_is_written_without_a_pause_starves_nobody() {
    for (here, there) in [(true, false), (false, true), (true, true)] {
        let bench = Bench::local(SCHEMA);
        bench.put("a", "0");
        let other = bench.another_tab(2);
        let rival = other.database().clone();
        bench.engine.database().ask_others(move || rival.make_way());
        let (stop, idle) = (Cell::new(false), Cell::new(true));
        let hammers = join(
            hammer(&bench.engine, "a", if here { &stop } else { &idle }),
            hammer(&other, "a", if there { &stop } else { &idle }),
        );
        let (written, runs) = bench.run(join(hammers, async {
            let mut runs = 0;
            for _ in 0..20 {
                runs += transact(&bench.engine, "a").await;
            }
            stop.set(true);
            runs
        }));
        assert!(written.0.max(written.1) < 10_000 && runs > 20, "{written:?} writes, {runs} runs");
    }
}

#[test]
fn a_turn_that_ends_early_holds_nobody_up() {
    let bench = Bench::local(SCHEMA);
    bench.put("a", "0");
    let mut never_ends = Transaction::default();
    for _ in 0..5 {
        never_ends = bench.run(bench.engine.tx_again(&never_ends)).expect("its turn");
    }
    let late = Cell::new(false);
    let waiting = async {
        bench
            .engine
            .write(
                NOW_MS,
                &bench.engine.draw(),
                "tasks",
                Put,
                bench.engine.rows(NOW_MS, Put, br#"[["a",{"title":"7"}]]"#).expect("rows"),
            )
            .await
            .expect("written");
        assert!(late.get(), "a turn that insists goes first");
        transact(&bench.engine, "a").await
    };
    // What the timer of the page does.
    let timer = async {
        for _ in 0..50 {
            others_run().await;
        }
        late.set(true);
        never_ends.end_turn();
    };
    bench.run(join(waiting, timer));
    assert_eq!(bench.title("a"), Some("8".into()));
    bench.run(increment(&bench.engine, &never_ends, "a")).expect("without its turn it may still commit");
}

//! The way to the server: what is evidence of it and what is a hint, who tries when, and what of that a reload knows.

use std::rc::Rc;

use holm_core::ErrorCode;
use holm_core::engine::{Circuit, Failure, Step};
use holm_core::sync::{Connection, Event, Phase};
use holm_store::FaultyDisk;
use serde_json::json;

use crate::bench::{Bench, NOW_MS, SCHEMA, Wire, change, try_open};

const PORTAL: &str = "<html>Welcome to the airport</html>";
const MINUTE_MS: u64 = 60_000;

fn requests(bench: &Bench) -> usize {
    bench.wire.requests("pull").len() + bench.wire.requests("push").len()
}

fn why(bench: &Bench) -> String {
    bench.status().why.expect("a reason")
}

/// When the next try is due, after all that can be done now.
fn waits_until(bench: &Bench, now_ms: u64) -> u64 {
    loop {
        match bench.step(now_ms) {
            Step::Again => {}
            Step::Wait(until_ms) => return until_ms,
            other => panic!("{other:?}"),
        }
    }
}

fn down(bench: &Bench, times: usize) {
    for _ in 0..times {
        bench.wire.fail("pull", Failure::Network("refused".into()));
        bench.wire.fail("push", Failure::Network("refused".into()));
    }
}

#[test]
fn a_captive_portal_is_no_server_until_the_login_is_over() {
    let bench = Bench::synced();
    for _ in 0..2 {
        bench.wire.instead("pull", 200, None, PORTAL);
    }
    bench.put("a", "milk");
    let first = waits_until(&bench, NOW_MS);
    assert_eq!((bench.status().online, why(&bench).as_str()), (Connection::Offline, "backoff"));
    assert_eq!(bench.status().error.expect("an error").code, ErrorCode::NotHolm);
    let second = waits_until(&bench, first);
    assert!(second > first && bench.wire.requests("push").is_empty(), "no mutation is given to a portal");
    waits_until(&bench, second);
    assert_eq!((bench.status().online, bench.status().pending), (Connection::Online, 0));
}

#[test]
fn a_network_without_a_way_out_is_found_out_whatever_the_browser_says() {
    // It believes to be online, and says so again and again: each time one request finds out that it is not.
    let bench = Bench::synced();
    down(&bench, 5);
    for tries in 1..=4 {
        bench.engine.happened(NOW_MS, Event::Online);
        waits_until(&bench, NOW_MS);
        assert_eq!((requests(&bench), bench.status().online), (tries, Connection::Offline));
    }
}

#[test]
fn a_server_in_the_local_network_is_reached_while_the_browser_says_offline() {
    let bench = Bench::synced();
    bench.sync();
    bench.put("a", "milk");
    bench.engine.happened(NOW_MS, Event::Offline);
    let probe_ms = waits_until(&bench, NOW_MS);
    assert_eq!((why(&bench).as_str(), bench.status().pending, probe_ms), ("offline", 1, NOW_MS + 30_000));
    waits_until(&bench, probe_ms);
    assert_eq!((bench.status().online, bench.status().pending), (Connection::Online, 0));
    // And a user who knows better need not wait.
    bench.put("b", "bread");
    bench.engine.happened(probe_ms, Event::Offline);
    bench.engine.happened(probe_ms, Event::Asked);
    waits_until(&bench, probe_ms);
    assert_eq!(bench.status().pending, 0);
}

#[test]
fn a_reload_goes_on_waiting_where_the_page_before_stopped() {
    let mut bench = Bench::synced();
    down(&bench, 9);
    let (mut now_ms, mut spans) = (NOW_MS, Vec::new());
    for seed in 2..=9 {
        let until_ms = waits_until(&bench, now_ms);
        let tried = requests(&bench);
        spans.push(until_ms - now_ms);
        // Loaded again and again before the time has come: nothing is sent.
        for again in 0..3 {
            bench = bench.reopen(seed * 10 + again);
            assert_eq!(bench.step(now_ms), Step::Wait(until_ms));
            assert_eq!((requests(&bench), why(&bench).as_str()), (tried, "backoff"));
        }
        now_ms = until_ms;
    }
    assert!(spans.iter().max() > Some(&10_000), "the failures in a row were counted on: {spans:?}");
    waits_until(&bench, now_ms);
    bench.engine.happened(now_ms, Event::Online);
    waits_until(&bench, now_ms);
    assert_eq!(bench.status().online, Connection::Online);
    // A success is known to the next page as well.
    let bench = bench.reopen(99);
    let tried = requests(&bench);
    assert_eq!((waits_until(&bench, now_ms), requests(&bench)), (now_ms + 30_000, tried + 1));
}

#[test]
fn a_push_that_found_no_way_holds_the_pull_of_the_next_page_back_too() {
    let bench = Bench::synced();
    bench.sync();
    bench.wire.fail("push", Failure::Timeout);
    bench.put("a", "milk");
    let until_ms = waits_until(&bench, NOW_MS);
    assert!(until_ms > NOW_MS);
    let bench = bench.reopen(2);
    let tried = requests(&bench);
    assert_eq!((waits_until(&bench, NOW_MS), requests(&bench)), (until_ms, tried));
}

#[test]
fn who_asks_after_a_reload_waits_for_nothing() {
    for event in [Event::Asked, Event::Online] {
        let bench = Bench::synced();
        bench.wire.instead("pull", 503, Some(40 * MINUTE_MS), "");
        assert_eq!(waits_until(&bench, NOW_MS), NOW_MS + 40 * MINUTE_MS);
        let bench = bench.reopen(2);
        assert_eq!(waits_until(&bench, NOW_MS), NOW_MS + 40 * MINUTE_MS);
        bench.engine.happened(NOW_MS, event);
        assert_eq!((bench.step(NOW_MS), bench.status().online), (Step::Again, Connection::Online));
    }
}

#[test]
fn with_no_request_left_the_next_one_waits_for_the_reset() {
    let bench = Bench::synced();
    let page = r#"{"v":1,"epoch":"e1","now":"000000000001-0000-s","acked":0,"scopes":[{"key":"tasks","checkpoint":"1","more":true,"changes":[]}]}"#;
    bench.wire.instead("pull", 200, Some(7_000), page);
    bench.put("a", "milk");
    assert_eq!(waits_until(&bench, NOW_MS), NOW_MS + 7_000);
    assert_eq!((requests(&bench), why(&bench).as_str(), bench.status().phase), (1, "server-asked", Phase::Waiting));
    assert_eq!((bench.status().online, bench.status().error), (Connection::Online, None), "nothing has failed");
    // Also for the next page's leader, but not for who asks.
    let again = bench.reopen(2);
    assert_eq!(waits_until(&again, NOW_MS), NOW_MS + 7_000);
    waits_until(&again, NOW_MS + 7_000);
    assert_eq!(again.status().pending, 0);
}

#[test]
fn no_server_has_us_rest_for_more_than_an_hour_and_who_asks_does_not_rest() {
    let bench = Bench::synced();
    let page = r#"{"v":1,"epoch":"e1","now":"000000000001-0000-s","acked":0,"scopes":[{"key":"tasks","checkpoint":"1","more":true,"changes":[]}]}"#;
    bench.wire.instead("pull", 200, Some(u64::MAX / 2), page);
    assert_eq!(waits_until(&bench, NOW_MS), NOW_MS + 60 * MINUTE_MS);
    bench.engine.happened(NOW_MS, Event::Asked);
    waits_until(&bench, NOW_MS);
    assert!(requests(&bench) > 1);
}

#[test]
fn what_one_push_may_hold_is_remembered_for_a_day() {
    let bench = Bench::synced();
    bench.sync();
    let ids: Vec<String> = (0..8).map(|n| format!("n{n}")).collect();
    ids.iter().for_each(|id| drop(bench.put(id, "x")));
    bench.wire.instead("push", 413, None, "");
    bench.sync();
    let sizes = |bench: &Bench| -> Vec<usize> {
        bench.wire.requests("push").iter().map(|push| push["mutations"].as_array().expect("mutations").len()).collect()
    };
    assert_eq!(sizes(&bench), [8, 4, 4]);
    for (after_ms, expected) in [(MINUTE_MS, [4, 4].as_slice()), (25 * 60 * MINUTE_MS, &[8])] {
        let bench = bench.reopen(u8::try_from(after_ms % 251).expect("small"));
        ids.iter().for_each(|id| drop(bench.put(id, &format!("after {after_ms}"))));
        let before = sizes(&bench).len();
        waits_until(&bench, NOW_MS + after_ms);
        assert_eq!(&sizes(&bench)[before..], expected, "after {after_ms} ms");
    }
}

/// Two databases of one page that sync with one server.
fn two(circuit: &Rc<Circuit>) -> [Bench; 2] {
    [1, 2].map(|seed| {
        let bench = try_open(&FaultyDisk::new(), &Wire::default(), SCHEMA, Some(&["tasks"]), seed).expect("opens");
        bench.run(bench.engine.lead()).expect("leads");
        bench.engine.share(circuit);
        bench.sync();
        bench
    })
}

#[test]
fn two_databases_of_one_server_share_what_is_known_of_the_way() {
    let [one, two] = two(&Rc::new(Circuit::default()));
    down(&one, 1);
    one.engine.happened(NOW_MS, Event::Poke);
    let until_ms = waits_until(&one, NOW_MS);
    // The other does not try before the one does.
    let tried = requests(&two);
    two.put("a", "milk");
    assert_eq!((waits_until(&two, NOW_MS), why(&two).as_str(), requests(&two)), (until_ms, "backoff", tried));
    // And as soon as the one gets through, the other need not wait any more, however long it was to.
    let wakes = two.engine.wakes();
    one.engine.happened(NOW_MS, Event::Asked);
    waits_until(&one, NOW_MS);
    assert!(two.engine.wakes() > wakes, "it is woken");
    waits_until(&two, NOW_MS);
    assert_eq!(two.status().pending, 0);
}

#[test]
fn of_a_server_that_is_known_to_fail_one_request_alone_is_tried_first() {
    let [one, two] = two(&Rc::new(Circuit::default()));
    down(&one, 1);
    one.engine.happened(NOW_MS, Event::Poke);
    let until_ms = waits_until(&one, NOW_MS);
    two.put("a", "milk");
    assert_eq!(waits_until(&two, NOW_MS), until_ms);
    // Both are due. While the one's request is on its way, the other waits for what comes of it.
    let tried = requests(&two);
    one.wire.hold();
    one.begin_step(until_ms);
    assert_eq!(two.step(until_ms), Step::Wait(until_ms + 20_000));
    assert_eq!((requests(&two), why(&two).as_str()), (tried, "backoff"));
    let wakes = two.engine.wakes();
    one.wire.let_go();
    one.settle();
    assert!(two.engine.wakes() > wakes, "it is woken");
    waits_until(&two, until_ms);
    assert_eq!(two.status().pending, 0);
}

#[test]
fn a_probe_whose_database_is_closed_holds_nobody_up() {
    let [one, two] = two(&Rc::new(Circuit::default()));
    down(&one, 1);
    one.engine.happened(NOW_MS, Event::Poke);
    let until_ms = waits_until(&one, NOW_MS);
    one.wire.hold();
    one.begin_step(until_ms);
    one.run(one.engine.close());
    two.put("a", "milk");
    waits_until(&two, until_ms);
    assert_eq!(two.status().pending, 0);
}

#[test]
fn a_mutation_that_one_server_chokes_on_holds_no_other_database_back() {
    let [one, two] = two(&Rc::new(Circuit::default()));
    one.wire.instead("push", 500, None, "");
    one.put("a", "poison");
    waits_until(&one, NOW_MS);
    two.put("b", "milk");
    waits_until(&two, NOW_MS);
    assert_eq!((one.status().pending, two.status().pending), (1, 0));
}

#[test]
fn while_data_is_saved_polls_are_rarer_no_page_is_fetched_ahead_and_the_status_says_so() {
    let bench = Bench::synced();
    bench.engine.happened(NOW_MS, Event::SaveData(true));
    assert_eq!(waits_until(&bench, NOW_MS), NOW_MS + 120_000);
    assert_eq!((why(&bench).as_str(), bench.status().phase), ("save-data", Phase::Idle));

    let row = |id: &str| change(id, "r0", &json!({ "title": id }), 0, "s");
    bench.wire.page(&json!([row("first")]), &json!({ "more": true }));
    bench.wire.page(&json!([row("second")]), &json!({}));
    bench.engine.happened(NOW_MS, Event::Poke);
    let before = bench.wire.requests("pull").len();
    bench.step(NOW_MS);
    bench.settle();
    assert_eq!(bench.wire.requests("pull").len(), before + 1, "only what is asked for in its turn");
    bench.sync();
    assert_eq!(bench.title("second"), Some("second".into()));
    // What is written here goes at once, and who asks is not put off.
    bench.put("mine", "milk");
    bench.sync();
    assert_eq!(bench.status().pending, 0);
    bench.run(bench.engine.ask(NOW_MS, crate::bench::records("tasks", &["mine"]))).expect("read");
    bench.engine.happened(NOW_MS, Event::SaveData(false));
    bench.engine.happened(NOW_MS, Event::Poke);
    assert_eq!((waits_until(&bench, NOW_MS), why(&bench).as_str()), (NOW_MS + 30_000, "poll"));
}

//! What the engine makes of a server, or of somebody who is not one, that refuses whole requests.

use holm_core::ErrorCode;
use holm_core::engine::{Failure, Step};
use holm_core::sync::{Connection, Event, Phase};
use serde_json::json;

use crate::bench::{Bench, NOW_MS};

fn waiting() -> Bench {
    let bench = Bench::synced();
    bench.sync();
    bench.put("a", "milk");
    bench
}

fn error(bench: &Bench) -> Option<ErrorCode> {
    bench.status().error.map(|error| error.code)
}

#[test]
fn a_request_that_is_too_large_is_halved() {
    let bench = Bench::synced();
    for n in 0..8 {
        bench.put(&format!("t{n}"), "milk");
    }
    bench.wire.instead("push", 413, None, "");
    bench.wire.instead("push", 413, None, r#"{"v":1,"error":"payload-too-large"}"#);
    bench.sync();
    let sizes: Vec<usize> =
        bench.wire.requests("push").iter().map(|push| push["mutations"].as_array().expect("some").len()).collect();
    assert_eq!(sizes, [8, 4, 2, 2, 2, 2]);
    assert_eq!(bench.status().pending, 0);
    let sent = bench.wire.mutations();
    assert_eq!(sent[0], sent[8], "what was frozen does not change");
}

#[test]
fn one_mutation_that_is_too_large_waits_with_backoff() {
    let bench = waiting();
    for _ in 0..3 {
        bench.wire.instead("push", 413, None, "");
    }
    assert!(matches!(bench.sync(), Step::Wait(_)));
    assert_eq!((error(&bench), bench.status().pending), (Some(ErrorCode::PayloadTooLarge), 1));
    assert_eq!(bench.wire.requests("push").len(), 1);
}

#[test]
fn a_token_is_renewed_once_and_then_sync_stops_until_somebody_acts() {
    let bench = waiting();
    bench.wire.instead("push", 401, None, "");
    bench.sync();
    assert_eq!((bench.wire.refreshes.get(), bench.status().pending), (1, 0));

    bench.put("a", "bread");
    bench.wire.instead("push", 401, None, "");
    bench.wire.instead("push", 401, None, "");
    assert_eq!(bench.sync(), Step::Idle);
    assert_eq!((bench.wire.refreshes.get(), error(&bench)), (2, Some(ErrorCode::Unauthorized)));
    assert_eq!((bench.status().phase, bench.status().why.as_deref()), (Phase::Paused, Some("token")));
    assert_eq!(bench.step(NOW_MS + 3_600_000), Step::Idle);
    bench.engine.happened(NOW_MS, Event::Asked);
    bench.sync();
    assert_eq!((bench.status().pending, error(&bench)), (0, None));
}

#[test]
fn forbidden_stops_and_a_stranger_s_403_does_not() {
    let bench = waiting();
    bench.wire.instead("push", 403, None, "<html>blocked by your school</html>");
    assert!(matches!(bench.sync(), Step::Wait(_)));
    assert_eq!(error(&bench), Some(ErrorCode::NotHolm));
    bench.engine.happened(NOW_MS, Event::Asked);
    bench.wire.instead("push", 403, None, r#"{"v":1,"error":"forbidden"}"#);
    assert_eq!(bench.sync(), Step::Idle);
    assert_eq!((error(&bench), bench.status().pending), (Some(ErrorCode::Forbidden), 1));
}

#[test]
fn patience_that_the_server_asks_for_is_a_floor() {
    for (status, code) in [(429, ErrorCode::RateLimited), (503, ErrorCode::ServerError)] {
        let bench = waiting();
        bench.wire.instead("push", status, Some(7_000), "");
        let Step::Wait(until_ms) = bench.sync() else { panic!("it waits") };
        assert!(until_ms >= NOW_MS + 7_000, "{until_ms}");
        assert_eq!((error(&bench), bench.status().why.as_deref()), (Some(code), Some("server-asked")));
        while bench.step(until_ms) == Step::Again {}
        assert_eq!(bench.status().pending, 0);
    }
}

#[test]
fn whoever_does_not_speak_the_protocol_is_no_server() {
    let strangers: [(u16, &str); 6] =
        [(200, "<html>Welcome</html>"), (200, ""), (200, "null"), (200, "[]"), (204, ""), (200, r#"{"v":1,"res"#)];
    for (status, body) in strangers {
        let bench = waiting();
        bench.wire.instead("push", status, None, body);
        assert!(matches!(bench.sync(), Step::Wait(_)), "{body}");
        assert_eq!((error(&bench), bench.status().online), (Some(ErrorCode::NotHolm), Connection::Offline), "{body}");
        assert_eq!((bench.status().pending, bench.title("a")), (1, Some("milk".into())));
        bench.engine.happened(NOW_MS, Event::Online);
        bench.sync();
        let sent = bench.wire.mutations();
        assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
        assert_eq!((bench.status().pending, bench.status().online), (0, Connection::Online));
    }
}

#[test]
fn no_answer_and_a_redirect_are_told_by_their_names() {
    let table = [
        (Failure::Network("refused".into()), ErrorCode::Offline),
        (Failure::Timeout, ErrorCode::Timeout),
        (Failure::Redirect, ErrorCode::Redirected),
        (Failure::TooLarge, ErrorCode::NotHolm),
    ];
    for (failure, code) in table {
        let bench = waiting();
        bench.wire.fail("push", failure);
        assert!(matches!(bench.sync(), Step::Wait(_)));
        assert_eq!((error(&bench), bench.status().pending), (Some(code), 1));
        let failed = {
            bench.wire.fail("pull", Failure::Network("refused".into()));
            bench.engine.happened(NOW_MS, Event::Asked);
            bench.sync();
            error(&bench)
        };
        assert_eq!(failed, Some(ErrorCode::Offline));
    }
}

#[test]
fn an_answer_to_a_pull_that_misses_a_scope_moves_nothing() {
    let bench = waiting();
    let body = json!({ "v": 1, "epoch": "e1", "now": "000000000001-0000-s", "acked": 9, "results": [], "scopes": [] });
    bench.wire.instead("pull", 200, None, &body.to_string());
    bench.engine.happened(NOW_MS, Event::Poke);
    bench.wire.fail("push", Failure::Timeout);
    while bench.step(NOW_MS) == Step::Again {}
    assert_eq!(bench.status().pending, 1);
}

#[test]
fn a_schema_that_the_server_does_not_serve_is_told() {
    let bench = waiting();
    bench.wire.instead("push", 426, None, r#"{"v":1,"error":"schema-unsupported","min":2,"max":3}"#);
    bench.sync();
    assert_eq!((error(&bench), bench.status().pending), (Some(ErrorCode::SchemaUnsupported), 1));
}

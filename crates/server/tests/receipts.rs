//! Exactly once: order, receipts, what is refused, and that a refused request has no effect.

mod support;

use holm_protocol::{ErrorCode, Kind, Mutation, MutationId, Outcome, PullRequest, PushRequest, Seq};
use holm_server::{Receipts, Rules, Server, Verdict};
use serde_json::json;
use support::*;

#[test]
fn a_repeated_push_is_answered_from_its_receipts() {
    let mut server = server();
    let request = push_from("c_a", 0, vec![create("a", "x").seq(1), patch("none", json!({ "n": 1 })).seq(2)]);
    let first = server.push(USER, &request, NOW_MS).expect("answered");
    assert!(is_ok(&first.results[0].outcome));
    assert!(
        matches!(&first.results[1].outcome, Outcome::Conflict { server } if server.deleted && server.rev.is_none())
    );
    for later in 1..4 {
        let again = server.push(USER, &request, NOW_MS + later).expect("answered");
        assert_eq!((again.results, again.acked), (first.results.clone(), Seq(2)));
    }
    assert_eq!(server.effects().expect("effects").len(), 1);
    assert_eq!(server.receipts().expect("receipts").len(), 2);
}

#[test]
fn without_receipts_effects_double() {
    let mut server = server_with(Rules { receipts: Receipts::Off, ..Rules::default() });
    let request = push_from("c_a", 0, vec![create("a", "x").seq(1)]);
    for _ in 0..3 {
        server.push(USER, &request, NOW_MS).expect("answered");
    }
    assert_eq!(server.effects().expect("effects").len(), 3);
}

#[test]
fn a_known_mid_under_a_new_client_and_seq_is_answered_from_its_receipt() {
    let mut server = server();
    let rev = settled(&mut server, "c_old", create("a", "x"));
    let again = create("a", "x").seq(1).mid("c_old-1");
    assert_eq!(push_as(&mut server, "c_new", vec![again]), [Outcome::Ok { rev: Some(rev) }]);
    let refusal = push_as(&mut server, "c_old", vec![patch("none", json!({})).seq(2).mid("p")]);
    assert_eq!(push_as(&mut server, "c_new", vec![patch("none", json!({})).seq(2).mid("p")]), refusal);
    assert_eq!(server.effects().expect("effects").len(), 1);
    let results = server.pull(USER, &pull_request("c_new", None, 9), NOW_MS).expect("answered").results;
    assert_eq!(results.iter().map(|result| result.seq).collect::<Vec<_>>(), [Seq(2)]);
}

#[test]
fn a_client_that_has_forgotten_what_it_saw_is_told_so() {
    let mut server = server();
    let refused = push_from("c_a", 0, vec![create("a", "x").seq(1), skip().seq(2).mid("gone")]);
    assert_eq!(server.push(USER, &refused, NOW_MS).expect("answered").results.len(), 2);
    let pull = |server: &Server, seen| {
        let request = PullRequest { seen: Seq(seen), ..pull_request("c_a", None, 9) };
        server.pull(USER, &request, NOW_MS).map_err(|refusal| refusal.body.error)
    };
    assert_eq!(pull(&server, 0).expect("it may not know yet").results.len(), 1);
    server.push(USER, &push_from("c_a", 2, vec![create("b", "y").seq(3)]), NOW_MS).expect("answered");
    assert_eq!(pull(&server, 2).expect("it knows").results.len(), 0);
    assert_eq!(pull(&server, 1).expect_err("of seq 2 nothing is known any more"), ErrorCode::SeqReused);
}

#[test]
fn a_seq_that_a_copy_of_the_client_has_used_is_told() {
    let mut server = server();
    let push = push_from("c_a", 0, vec![create("a", "x").seq(1), create("b", "y").seq(2)]);
    assert_eq!(server.push(USER, &push, NOW_MS).expect("answered").results.len(), 2);
    let pull = |unanswered: &[&str]| {
        let unanswered = unanswered.iter().map(|mid| MutationId((*mid).to_owned())).collect();
        let request = PullRequest { unanswered, ..pull_request("c_a", None, 9) };
        server.pull(USER, &request, NOW_MS).map(|response| response.acked).map_err(|refusal| refusal.body.error)
    };
    for known in [&["m1"][..], &["m1", "m2"], &["m1", "m2", "m3"], &[]] {
        assert_eq!(pull(known), Ok(Seq(2)), "{known:?}");
    }
    for copied in [&["other"][..], &["m1", "other"], &["m2", "m1"], &["other", "m2", "m3"]] {
        assert_eq!(pull(copied), Err(ErrorCode::SeqReused), "else what never came would count as ok: {copied:?}");
    }
    let unanswered = vec![MutationId("other".to_owned())];
    let beyond = PullRequest { seen: Seq(u64::MAX), unanswered, ..pull_request("c_a", None, 9) };
    assert_eq!(server.pull(USER, &beyond, NOW_MS).expect("nothing was answered there").acked, Seq(2));
}

#[test]
fn what_is_refused() {
    let other_mid = || create("b", "y").seq(2).mid("other");
    let cases: Vec<(&str, PushRequest, ErrorCode)> = vec![
        ("a hole before", push_from("c_a", 0, vec![create("z", "z").seq(4)]), ErrorCode::Gap),
        ("a hole inside", push_from("c_a", 0, vec![create("y", "y").seq(3), create("z", "z").seq(5)]), ErrorCode::Gap),
        ("an unknown client does not start at 1", push_from("c_new", 0, vec![create("z", "z").seq(2)]), ErrorCode::Gap),
        ("a used seq, another mid", push_from("c_a", 0, vec![other_mid()]), ErrorCode::SeqReused),
        ("a seq that was seen", push_from("c_a", 2, vec![create("b", "y").seq(2)]), ErrorCode::SeqReused),
        ("a used mid, other content", push_from("c_a", 0, vec![create("b", "changed").seq(2)]), ErrorCode::SeqReused),
        (
            "a used mid, other content, new seq",
            push_from("c_a", 0, vec![create("z", "z").seq(3).mid("m1")]),
            ErrorCode::SeqReused,
        ),
        (
            "not in order",
            push_from("c_a", 0, vec![create("y", "y").seq(3), create("b", "y").seq(2)]),
            ErrorCode::InvalidRequest,
        ),
        (
            "a mid twice",
            push_from("c_a", 0, vec![create("y", "y").seq(3), create("z", "z").seq(4).mid("m3")]),
            ErrorCode::InvalidRequest,
        ),
        (
            "a record twice",
            push_from("c_a", 0, vec![create("y", "y").seq(3), patch("y", json!({})).seq(4)]),
            ErrorCode::InvalidRequest,
        ),
        ("another version", PushRequest { v: 2, ..push_from("c_a", 0, vec![]) }, ErrorCode::InvalidRequest),
        ("no client id", push_from("", 0, vec![]), ErrorCode::InvalidRequest),
        ("no mid", push_from("c_a", 0, vec![create("y", "y").seq(3).mid("")]), ErrorCode::InvalidRequest),
        (
            "a transaction without its size",
            push_from("c_a", 0, vec![Mutation { n: None, ..create("y", "y").seq(3).tx("t", 1) }]),
            ErrorCode::TxIncomplete,
        ),
        (
            "a transaction over a hole",
            push_from("c_a", 0, vec![create("a", "x").seq(1).tx("t", 2), create("y", "y").seq(3).tx("t", 2)]),
            ErrorCode::TxIncomplete,
        ),
        (
            "a transaction's name twice",
            push_from(
                "c_a",
                0,
                vec![create("x", "x").seq(3).tx("t", 1), create("y", "y").seq(4), create("z", "z").seq(5).tx("t", 1)],
            ),
            ErrorCode::TxIncomplete,
        ),
        ("half a transaction", push_from("c_a", 0, vec![create("y", "y").seq(3).tx("t", 2)]), ErrorCode::TxIncomplete),
        (
            "a transaction in two places",
            push_from(
                "c_a",
                0,
                vec![create("x", "x").seq(3).tx("t", 2), create("y", "y").seq(4), create("z", "z").seq(5).tx("t", 2)],
            ),
            ErrorCode::TxIncomplete,
        ),
    ];
    for (name, request, code) in cases {
        let mut server = server();
        push(&mut server, vec![create("a", "x").seq(1), create("b", "y").seq(2)]);
        let before = (server.rows(), server.receipts(), server.effects());
        assert_eq!(refused(&mut server, &request), code, "{name}");
        assert_eq!((server.rows(), server.receipts(), server.effects()), before, "{name}: no effect");
        let next = push_from("c_a", 2, vec![create("next", "x").seq(3).mid("next")]);
        assert!(server.push(USER, &next, NOW_MS).is_ok(), "{name}: the next push is fine");
    }
}

#[test]
fn a_gap_says_what_is_expected() {
    let mut server = server();
    let refusal = server.push(USER, &push_from("c_a", 0, vec![create("a", "x").seq(7)]), NOW_MS).expect_err("a gap");
    assert_eq!((refusal.status(), refusal.body.expected), (409, Some(Seq(1))));
}

#[test]
fn a_client_belongs_to_its_first_user() {
    let mut server = server();
    push(&mut server, vec![create("a", "x").seq(1)]);
    let request = push_from("c_a", 0, vec![create("b", "x").seq(2)]);
    assert_eq!(server.push("mallory", &request, NOW_MS).expect_err("refused").code(), ErrorCode::ClientUnknown);
    let pull = server.pull("mallory", &pull_request("c_a", None, 9), NOW_MS);
    assert_eq!(pull.expect_err("refused").code(), ErrorCode::ClientUnknown);
}

#[test]
fn another_users_records_and_receipts_look_like_none() {
    let mut server = server();
    let rev = settled(&mut server, "c_a", create("secret", "x"));
    let probe = |kind, base| Mutation { base, ..mutation(kind, "secret", json!({ "title": "mine" })) };
    let request = push_from("c_m", 0, vec![probe(Kind::Patch, Some(rev)).seq(1).mid("c_a-1")]);
    let answer = server.push("mallory", &request, NOW_MS).expect("answered");
    assert!(
        matches!(&answer.results[0].outcome, Outcome::Conflict { server } if server.deleted && server.data.is_empty())
    );
    let delete = push_from("c_m", 0, vec![delete("secret").seq(2)]);
    assert_eq!(
        server.push("mallory", &delete, NOW_MS).expect("answered").results[0].outcome,
        Outcome::Ok { rev: None }
    );
    let theirs = pull(&server, None, 9).scopes[0].checkpoint.clone();
    let page = server.pull("mallory", &pull_request("c_m", Some(theirs), 9), NOW_MS).expect("answered");
    assert!(page.scopes[0].reset && page.scopes[0].changes.is_empty());
    assert_eq!(row(&server, "secret"), json!({ "title": "x" }));
}

#[test]
fn seen_forgets_results_but_not_receipts() {
    let mut server = server();
    let refused_twice = vec![patch("p", json!({})).seq(1), patch("q", json!({})).seq(2)];
    push(&mut server, refused_twice);
    let mut request = pull_request("c_a", None, 9);
    let unseen = |seen| {
        let results = server
            .pull(USER, &holm_protocol::PullRequest { seen: Seq(seen), ..request.clone() }, NOW_MS)
            .expect("answered")
            .results;
        results.into_iter().map(|result| result.seq.0).collect::<Vec<_>>()
    };
    assert_eq!((unseen(0), unseen(1), unseen(2), unseen(u64::MAX)), (vec![1, 2], vec![2], vec![], vec![]));
    server.push(USER, &push_from("c_a", 1, vec![]), NOW_MS).expect("answered");
    request.seen = Seq(1);
    assert_eq!(server.pull(USER, &request, NOW_MS).expect("answered").results.len(), 1);
    assert_eq!(server.receipts().expect("receipts").len(), 2);
}

#[test]
fn a_seen_beyond_the_last_seq_is_not_believed() {
    let mut server = server();
    let answer =
        server.push(USER, &push_from("c_a", u64::MAX, vec![create("a", "x").seq(1)]), NOW_MS).expect("answered");
    assert_eq!(answer.acked, Seq(1));
    assert_eq!(
        server.push(USER, &push_from("c_a", 0, vec![create("a", "x").seq(1)]), NOW_MS).expect("answered").acked,
        Seq(1)
    );
}

#[test]
fn a_transaction_is_whole_or_nothing() {
    let mut server = server();
    let outcomes = push(
        &mut server,
        vec![
            create("a", "x").seq(1).tx("t", 3),
            patch("none", json!({ "n": 1 })).seq(2).tx("t", 3),
            create("b", "x").seq(3).tx("t", 3),
            create("c", "x").seq(4),
        ],
    );
    let aborted = |outcome: &Outcome| {
        matches!(outcome, Outcome::Rejected { code: ErrorCode::TxAborted, culprit: Some(Seq(2)), .. })
    };
    assert!(aborted(&outcomes[0]) && aborted(&outcomes[2]) && is_ok(&outcomes[3]));
    assert!(matches!(outcomes[1], Outcome::Conflict { .. }));
    assert_eq!(server.rows().expect("rows").len(), 1);
    assert_eq!(server.effects().expect("effects").len(), 1);

    let outcomes = push(
        &mut server,
        vec![
            create("a", "x").seq(5).tx("u", 3),
            patch("a", json!({ "n": 2 })).seq(6).tx("u", 3),
            delete("c").seq(7).tx("u", 3),
        ],
    );
    assert!(outcomes.iter().all(is_ok));
    assert_eq!((row(&server, "a"), row(&server, "c")), (json!({ "title": "x", "n": 2 }), json!("deleted")));
}

#[test]
fn a_retry_is_remembered_for_its_seq_only() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static BUSY: AtomicBool = AtomicBool::new(true);
    let check = Box::new(|attempt: holm_server::Attempt<'_>| {
        match attempt.mutation.id == "slow" && BUSY.load(Ordering::Relaxed) {
            true => Verdict::Retry { after: 30 },
            false => Verdict::Accept,
        }
    });
    let mut server = server_with(Rules { check, ..Rules::default() });
    let retry = Outcome::Retry { after: 30 };
    let slow = |seq| create("slow", "x").seq(seq).mid("slow").tx("t", 2);
    let quick = |seq| create("quick", "x").seq(seq).mid("quick").tx("t", 2);
    assert_eq!(push(&mut server, vec![quick(1), slow(2)]), [retry.clone(), retry.clone()]);
    BUSY.store(false, Ordering::Relaxed);
    assert_eq!(push(&mut server, vec![quick(1), slow(2)]), [retry.clone(), retry]);
    assert_eq!(server.receipts().expect("receipts").len(), 0);
    assert!(push(&mut server, vec![quick(3), slow(4)]).iter().all(is_ok));
    assert_eq!(server.effects().expect("effects").len(), 2);
}

#[test]
fn a_skip_uses_up_its_seq_and_refuses_its_mid() {
    let mut server = server();
    let undeliverable =
        |outcomes: Vec<Outcome>| outcomes.iter().all(|outcome| rejected(outcome) == Some(ErrorCode::Undeliverable));
    assert!(undeliverable(push(&mut server, vec![skip().seq(1)])));
    assert!(undeliverable(push(&mut server, vec![skip().seq(1)])), "repeated");
    assert!(undeliverable(push(&mut server, vec![create("a", "x").seq(1)])), "the original comes late");
    assert!(
        undeliverable(push_as(&mut server, "c_b", vec![create("a", "x").seq(1).mid("m1")])),
        "from a restored disk"
    );
    assert_eq!(server.effects().expect("effects").len(), 0);
    let listed = server.pull(USER, &pull_request("c_a", None, 9), NOW_MS).expect("answered").results;
    assert_eq!(listed.len(), 1, "pull tells a skip from a success");
}

#[test]
fn a_skip_of_what_was_applied_replays_the_receipt() {
    let mut server = server();
    let applied = push(&mut server, vec![create("a", "x").seq(1)]);
    assert_eq!(push(&mut server, vec![skip().seq(1)]), applied);
    assert_eq!(push_as(&mut server, "c_b", vec![skip().seq(1).mid("m1")]), applied);
}

#[test]
fn one_bad_mutation_does_not_stop_the_others() {
    let check = Box::new(|attempt: holm_server::Attempt<'_>| match attempt.mutation.data.get("title") {
        Some(title) if title.as_str().is_none_or(|title| title.len() > 5) => Verdict::Reject {
            code: ErrorCode::Validation,
            field: Some("title".to_owned()),
            message: "title too long".to_owned(),
        },
        _ => Verdict::Accept,
    });
    let collections = Some(["tasks".to_owned()].into());
    let server_owned = ["role".to_owned()].into();
    let mut server = server_with(Rules { check, collections, server_owned, ..Rules::default() });
    let huge = "x".repeat(1 << 20);
    let long_id = "i".repeat(513);
    let outcomes = push(
        &mut server,
        vec![
            create("a", "far too long").seq(1),
            create(&long_id, "x").seq(2),
            create("", "x").seq(3),
            Mutation { collection: "aliens".to_owned(), ..create("c", "x").seq(4) },
            put("d", json!({ "role": "admin" })).seq(5),
            put("e", json!({ "n": 1 })).seq(6).removing("role"),
            put("f", json!({ "text": huge })).seq(7),
            Mutation {
                name: "archive".to_owned(),
                collection: String::new(),
                ..mutation(Kind::Call, "", json!({})).seq(8)
            },
            create("fine", "x").seq(9),
        ],
    );
    let codes: Vec<Option<ErrorCode>> = outcomes.iter().map(rejected).collect();
    use ErrorCode::*;
    let expected =
        [Validation, InvalidId, InvalidId, UnknownCollection, Forbidden, Forbidden, RecordTooLarge, ServerRejected];
    assert_eq!(codes, expected.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
    assert!(matches!(&outcomes[0], Outcome::Rejected { field: Some(field), .. } if field == "title"));
    assert_eq!(row(&server, "fine"), json!({ "title": "x" }));
}

#[test]
fn schema_and_limits_refuse_the_whole_push() {
    let rules =
        || Rules { schema: 3..=5, limits: holm_protocol::Limits { mutations: 2, bytes: 1_000 }, ..Rules::default() };
    let mut server = server_with(rules());
    let with_schema = |schema, mutations| PushRequest { schema, ..push_from("c_a", 0, mutations) };
    for schema in [2, 6] {
        let refusal = server.push(USER, &with_schema(schema, vec![]), NOW_MS).expect_err("refused");
        assert_eq!((refusal.status(), refusal.body.min, refusal.body.max), (426, Some(3), Some(5)));
    }
    let three = (1..=3).map(|seq| create(&seq.to_string(), "x").seq(seq)).collect();
    let refusal = server.push(USER, &with_schema(4, three), NOW_MS).expect_err("refused");
    assert_eq!((refusal.status(), refusal.body.limits.map(|limits| limits.mutations)), (413, Some(2)));
    let two = (1..=2).map(|seq| create(&seq.to_string(), "x").seq(seq)).collect();
    assert_eq!(server.push(USER, &with_schema(4, two), NOW_MS).expect("answered").acked, Seq(2));
}

#[test]
fn receipts_are_forgotten_after_their_time() {
    let mut server = server();
    push(&mut server, vec![create("a", "x").seq(1)]);
    assert_eq!(server.collect(NOW_MS + 399 * 86_400_000).expect("collects"), 0);
    assert_eq!(server.collect(NOW_MS + 401 * 86_400_000).expect("collects"), 1);
    let again = push_from("c_a", 0, vec![create("a", "x").seq(1)]);
    assert!(
        is_ok(&server.push(USER, &again, NOW_MS).expect("answered").results[0].outcome),
        "unseen results stay whole"
    );
    assert_eq!(server.effects().expect("effects").len(), 1);
}

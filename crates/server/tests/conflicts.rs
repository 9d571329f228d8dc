//! Base, stamps and policies, through the whole of a push.

mod support;

use holm_protocol::{Data, Hlc, Mutation, Outcome, Policy, PushRequest, Stamps};
use holm_server::{Life, Rules, Server};
use serde_json::{Value, json};
use support::*;

fn server_of(policy: Policy) -> Server {
    server_with(Rules { policy, ..Rules::default() })
}

/// What the second of two devices is told, and what the record is then. Both saw the same revision.
fn race(policy: Policy, second: impl Fn(Mutation) -> Mutation) -> (Outcome, Value) {
    let mut server = server_of(policy);
    let base = settled(&mut server, "c_0", put("r", json!({ "a": 0, "b": 0 })).stamped(NOW_MS - 100));
    settled(&mut server, "c_1", patch("r", json!({ "a": 1 })).base(&base).stamped(NOW_MS - 50));
    let outcome = push_as(&mut server, "c_2", vec![second(patch("r", json!({})).base(&base)).mid("second")]).remove(0);
    (outcome, row(&server, "r"))
}

fn fields(data: Value, ms: u64) -> impl Fn(Mutation) -> Mutation {
    move |mutation| {
        let data: Data = holm_protocol::from_json(&data).expect("an object");
        let stamps = data.keys().map(|field| (field.clone(), at(ms))).collect();
        Mutation { data, stamps, ..mutation }
    }
}

#[test]
fn merge_takes_each_field_by_base_then_stamp() {
    let (newer, older) = (NOW_MS - 10, NOW_MS - 90);
    assert_eq!(race(Policy::Merge, fields(json!({ "b": 2 }), older)).1, json!({ "a": 1, "b": 2 }), "another field");
    assert_eq!(race(Policy::Merge, fields(json!({ "a": 2 }), newer)).1, json!({ "a": 2, "b": 0 }), "a newer stamp");
    let (outcome, row) = race(Policy::Merge, fields(json!({ "a": 2 }), older));
    assert_eq!((is_ok(&outcome), row), (true, json!({ "a": 1, "b": 0 })), "an older stamp");
    assert_eq!(
        race(Policy::Merge, fields(json!({ "a": 2, "b": 2 }), older)).1,
        json!({ "a": 1, "b": 2 }),
        "half of it"
    );
}

#[test]
fn a_field_that_nobody_else_touched_takes_the_edit_whatever_its_stamp() {
    let (outcome, row) = race(Policy::Merge, fields(json!({ "a": 2, "b": 2 }), NOW_MS - 200));
    assert_eq!((is_ok(&outcome), row), (true, json!({ "a": 1, "b": 2 })));
}

#[test]
fn merge_where_nothing_wins_makes_no_change() {
    let mut server = server_of(Policy::Merge);
    let base = settled(&mut server, "c_0", put("r", json!({ "a": 0 })).stamped(NOW_MS - 100));
    let theirs = settled(&mut server, "c_1", patch("r", json!({ "a": 1 })).base(&base).stamped(NOW_MS - 50));
    let mine = patch("r", json!({ "a": 2 })).base(&base).stamped(NOW_MS - 60);
    assert_eq!(settled(&mut server, "c_2", mine), theirs);
}

#[test]
fn last_write_takes_the_whole_record() {
    let whole = |ms| {
        move |mutation| fields(json!({ "a": 9, "c": 9 }), ms)(Mutation { kind: holm_protocol::Kind::Put, ..mutation })
    };
    assert_eq!(race(Policy::LastWrite, whole(NOW_MS - 10)).1, json!({ "a": 9, "c": 9 }));
    let (outcome, row) = race(Policy::LastWrite, whole(NOW_MS - 90));
    assert_eq!((is_ok(&outcome), row), (true, json!({ "a": 1, "b": 0 })));
    assert_eq!(
        race(Policy::LastWrite, fields(json!({ "b": 2 }), NOW_MS - 10)).1,
        json!({ "a": 1, "b": 2 }),
        "a patch keeps the rest"
    );
    assert_eq!(race(Policy::LastWrite, fields(json!({ "b": 2 }), NOW_MS - 90)).1, json!({ "a": 1, "b": 0 }));
}

#[test]
fn manual_makes_any_concurrent_change_a_conflict() {
    let (outcome, row) = race(Policy::Manual, fields(json!({ "b": 2 }), NOW_MS - 10));
    let Outcome::Conflict { server } = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        (json!(server.data), server.deleted, row),
        (json!({ "a": 1, "b": 0 }), false, json!({ "a": 1, "b": 0 }))
    );
    assert!(server.rev.is_some());
    let delete = |mutation| Mutation { kind: holm_protocol::Kind::Delete, ..mutation };
    assert!(matches!(race(Policy::Manual, delete).0, Outcome::Conflict { .. }));
    assert_eq!(race(Policy::Merge, delete).1, json!("deleted"), "elsewhere delete wins");
}

#[test]
fn a_stamp_without_data_removes_and_data_without_a_stamp_repeats() {
    let mut server = server();
    let base = settled(&mut server, "c_0", put("r", json!({ "a": 0, "b": 0 })));
    let mut edit = put("r", json!({ "a": 7 })).base(&base);
    edit.stamps = Stamps::new();
    let edit = edit.removing("b");
    settled(&mut server, "c_1", edit);
    assert_eq!(row(&server, "r"), json!({ "a": 0 }));
}

#[test]
fn without_any_stamps_everything_counts_as_changed() {
    let mut server = server();
    let unstamped = |mutation: Mutation| Mutation { stamps: Stamps::new(), ..mutation };
    let base = settled(&mut server, "c_0", unstamped(put("r", json!({ "a": 0, "b": 0 }))));
    let base = settled(&mut server, "c_1", unstamped(patch("r", json!({ "a": 1 })).base(&base)));
    assert_eq!(row(&server, "r"), json!({ "a": 1, "b": 0 }));
    settled(&mut server, "c_2", unstamped(put("r", json!({ "c": 2 })).base(&base)));
    assert_eq!(row(&server, "r"), json!({ "c": 2 }), "a put without stamps replaces");
}

#[test]
fn tombstones_and_what_brings_a_record_back() {
    for policy in [Policy::Merge, Policy::LastWrite, Policy::Manual] {
        let mut server = server_of(policy);
        let live = settled(&mut server, "c_0", create("r", "x"));
        let gone = settled(&mut server, "c_1", delete("r").base(&live));
        let told = |server: &mut Server, client: &str, mutation: Mutation| {
            push_as(server, client, vec![mutation.mid(client)]).remove(0)
        };
        for (client, edit) in [
            ("c_2", patch("r", json!({ "n": 1 })).base(&live)),
            ("c_3", put("r", json!({ "n": 1 })).base(&live)),
            ("c_4", patch("r", json!({}))),
        ] {
            let Outcome::Conflict { server: row } = told(&mut server, client, edit) else { panic!("{client}") };
            assert_eq!((row.deleted, row.rev.as_ref()), (true, Some(&gone)));
        }
        assert_eq!(told(&mut server, "c_5", delete("r").base(&live)), Outcome::Ok { rev: Some(gone.clone()) });
        assert!(is_ok(&told(&mut server, "c_6", put("r", json!({ "n": 2 })).base(&gone))));
        assert_eq!(row(&server, "r"), json!({ "n": 2 }));
        assert!(is_ok(&told(&mut server, "c_7", delete("never"))));
        assert_eq!(row(&server, "never"), Value::Null);
        for (client, again) in [("c_8", create("s", "x")), ("c_9", put("s", json!({ "title": "x" })))] {
            settled(&mut server, &format!("{client}a"), put("s", json!({ "old": 1 })));
            let base = server_rev(&server, "s");
            told(&mut server, &format!("{client}b"), Mutation { base, ..delete("s") });
            assert!(is_ok(&told(&mut server, client, again)));
            assert_eq!(row(&server, "s"), json!({ "title": "x" }), "nothing of the old record");
            let base = server_rev(&server, "s");
            told(&mut server, &format!("{client}c"), Mutation { base, ..delete("s") });
        }
    }
}

fn server_rev(server: &Server, id: &str) -> Option<holm_protocol::Revision> {
    server.rows().expect("rows").into_iter().find(|row| row.id == id).map(|row| row.rev)
}

#[test]
fn two_creates_of_one_id() {
    let second = |policy| {
        let mut server = server_of(policy);
        settled(&mut server, "c_0", put("r", json!({ "a": 0, "b": 0 })).stamped(NOW_MS - 50));
        let mut second = mutation(holm_protocol::Kind::Create, "r", json!({ "a": 1, "c": 1 })).mid("second");
        second.stamps = [("a", NOW_MS - 90), ("c", NOW_MS - 90)].map(|(field, ms)| (field.to_owned(), at(ms))).into();
        let outcome = push_as(&mut server, "c_1", vec![second]).remove(0);
        (is_ok(&outcome), row(&server, "r"))
    };
    assert_eq!(second(Policy::Merge), (true, json!({ "a": 0, "b": 0, "c": 1 })));
    assert_eq!(second(Policy::LastWrite), (false, json!({ "a": 0, "b": 0 })));
    assert_eq!(second(Policy::Manual), (false, json!({ "a": 0, "b": 0 })));
}

#[test]
fn a_revision_of_another_life_is_no_base() {
    let mut server = server();
    let base = settled(&mut server, "c_0", put("r", json!({ "a": 0 })).stamped(NOW_MS - 50));
    for (client, foreign) in [("c_1", "1-otherlife"), ("c_2", "99-life1"), ("c_3", "nonsense"), ("c_4", "")] {
        settled(&mut server, client, patch("r", json!({ "a": 1 })).base(&foreign.into()).stamped(NOW_MS - 60));
        assert_eq!(row(&server, "r"), json!({ "a": 0 }), "{foreign}: stamps alone decide");
    }
    settled(&mut server, "c_5", patch("r", json!({ "a": 1 })).base(&base).stamped(NOW_MS - 60));
    assert_eq!(row(&server, "r"), json!({ "a": 1 }));
}

#[test]
fn a_fast_clock_wins_nothing() {
    let ahead_ms = 400 * 86_400_000;
    let mut server = Server::in_memory(Rules::default(), &Life::Named("l".to_owned())).expect("opens");
    settled(&mut server, "c_0", put("r", json!({ "a": 0 })).stamped(NOW_MS - 10));
    let fast = |id: &str, ms: u64| Hlc { ms: ms + ahead_ms, counter: 0, client: id.into() };
    let mut edit = patch("r", json!({ "a": "fast" })).mid("fast");
    edit.stamps.insert("a".to_owned(), fast("c_f", NOW_MS - 20));
    let request = PushRequest { sent: fast("c_f", NOW_MS), ..push_from("c_f", 0, vec![edit]) };
    server.push(USER, &request, NOW_MS).expect("answered");
    assert_eq!(row(&server, "r"), json!({ "a": 0 }), "20 ms ago by the server's clock");

    let mut liar = patch("r", json!({ "a": "liar" })).mid("liar");
    liar.stamps.insert("a".to_owned(), fast("c_l", NOW_MS));
    server.push(USER, &push_from("c_l", 0, vec![liar]), NOW_MS).expect("answered");
    settled(&mut server, "c_1", patch("r", json!({ "a": "later" })).stamped(NOW_MS + 1));
    let stamp = server.rows().expect("rows")[0].stamps.get("a").expect("a stamp").ms;
    assert!(stamp <= NOW_MS, "no stamp is later than the server's now");
}

#[test]
fn a_slow_way_does_not_make_an_earlier_edit_the_newer_one() {
    let mut server = server();
    settled(&mut server, "c_0", put("r", json!({ "a": 0 })).stamped(NOW_MS - 60_000));
    let sent = |ms, edit| PushRequest { sent: at(ms), ..push_from("c_a", 0, vec![edit]) };
    let first = sent(NOW_MS, patch("r", json!({ "a": "first" })).stamped(NOW_MS).mid("first"));
    server.push(USER, &first, NOW_MS + 30_000).expect("answered after half a minute on the way");
    let second = sent(NOW_MS + 30_001, patch("r", json!({ "a": "second" })).stamped(NOW_MS + 10).seq(2).mid("second"));
    server.push(USER, &second, NOW_MS + 30_001).expect("answered at once");
    assert_eq!(row(&server, "r"), json!({ "a": "second" }));
}

//! Counters, sets and texts through the whole of a push: each mutation counts once, in whatever order they come.

mod support;

use holm_protocol::{Kind, Mutation, OwnWay, Policy, Way, Ways};
use holm_server::Rules;
use serde_json::{Value, json};
use support::*;

/// A mutation of one that saw `before` of the fields that merge in a way of their own.
fn saw(before: &Value, mutation: Mutation) -> Mutation {
    let way = |field: &str| match field {
        "votes" => Way::Counter,
        "tags" => Way::Set,
        _ => Way::Text,
    };
    let own = |field: &String| OwnWay {
        way: way(field),
        before: before.get(field).map(|value| holm_protocol::from_json(value).expect("JSON")),
    };
    let ways: Ways = mutation.data.keys().map(|field| (field.clone(), own(field))).collect();
    Mutation { ways, ..mutation }
}

#[test]
fn what_several_clients_did_is_all_there_whatever_their_clocks_and_bases() {
    let mut server = server();
    let start = json!({ "votes": 3, "tags": ["a"], "body": "milk" });
    let base = settled(&mut server, "c_0", put("r", start.clone()));
    for (client, ms, fields) in [
        ("c_1", NOW_MS - 90, json!({ "votes": 4, "tags": ["a", "b"], "body": "oat milk" })),
        ("c_2", NOW_MS + 90, json!({ "votes": 13, "tags": [], "body": "milk today" })),
        ("c_3", NOW_MS - 99, json!({ "votes": 1, "tags": ["a", "c"], "body": "milk!" })),
    ] {
        settled(&mut server, client, saw(&start, patch("r", fields)).base(&base).stamped(ms));
    }
    assert_eq!(row(&server, "r"), json!({ "votes": 12, "tags": ["b", "c"], "body": "oat milk today!" }));
}

#[test]
fn each_of_a_clients_edits_goes_on_from_what_it_saw_itself() {
    let mut server = server();
    let base = settled(&mut server, "c_0", put("r", json!({ "votes": 3 })));
    settled(&mut server, "c_1", patch("r", json!({ "votes": 10 })));
    for (seq, votes) in [(1, 4), (2, 5)] {
        let mine = saw(&json!({ "votes": votes - 1 }), patch("r", json!({ "votes": votes })));
        assert!(is_ok(&push_as(&mut server, "c_2", vec![mine.base(&base).seq(seq).mid(&format!("v{votes}"))])[0]));
    }
    assert_eq!(row(&server, "r"), json!({ "votes": 12 }));
}

#[test]
fn one_that_comes_again_counts_once() {
    let mut server = server();
    settled(&mut server, "c_0", put("r", json!({ "votes": 3 })));
    let more = || saw(&json!({ "votes": 3 }), patch("r", json!({ "votes": 4 }))).mid("more");
    for client in ["c_1", "c_1", "c_2"] {
        assert!(is_ok(&push_as(&mut server, client, vec![more()])[0]));
    }
    // A client that does not say any more what it saw: the mid stands for the same.
    let plain = Mutation { ways: Ways::new(), ..more() };
    assert!(is_ok(&push_as(&mut server, "c_3", vec![plain])[0]));
    assert_eq!(row(&server, "r"), json!({ "votes": 4 }));
}

#[test]
fn puts_and_creates_of_a_record_that_is_there_count_too() {
    for kind in [Kind::Put, Kind::Create] {
        let mut server = server();
        settled(&mut server, "c_0", put("r", json!({ "votes": 3, "tags": ["a"] })));
        settled(&mut server, "c_1", saw(&json!({}), mutation(kind, "r", json!({ "votes": 2, "tags": ["b"] }))));
        assert_eq!(row(&server, "r"), json!({ "votes": 5, "tags": ["a", "b"] }), "{kind:?}");
    }
}

#[test]
fn who_does_not_say_what_he_saw_writes_the_field_as_any_other() {
    let mut server = server();
    let base = settled(&mut server, "c_0", put("r", json!({ "votes": 3 })).stamped(NOW_MS - 9));
    settled(
        &mut server,
        "c_1",
        saw(&json!({ "votes": 3 }), patch("r", json!({ "votes": 4 }))).base(&base).stamped(NOW_MS - 5),
    );
    settled(&mut server, "c_2", patch("r", json!({ "votes": 9 })).base(&base).stamped(NOW_MS - 7));
    assert_eq!(row(&server, "r"), json!({ "votes": 4 }), "the later one");
    settled(&mut server, "c_3", patch("r", json!({ "votes": 9 })).base(&base));
    assert_eq!(row(&server, "r"), json!({ "votes": 9 }));
}

#[test]
fn where_a_record_is_taken_whole_it_is() {
    let mut server = server_with(Rules { policy: Policy::LastWrite, ..Rules::default() });
    let base = settled(&mut server, "c_0", put("r", json!({ "votes": 3 })).stamped(NOW_MS - 9));
    settled(&mut server, "c_1", patch("r", json!({ "votes": 4 })).base(&base).stamped(NOW_MS - 5));
    let late = saw(&json!({ "votes": 3 }), put("r", json!({ "votes": 9 })));
    settled(&mut server, "c_2", late.base(&base).stamped(NOW_MS - 7));
    assert_eq!(row(&server, "r"), json!({ "votes": 4 }));
}

//! Scopes with arguments: who is in, who left, who may see.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holm_protocol::{Data, ErrorCode, PullRequest, PullResponse, ScopeRequest, Value};
use holm_server::{Life, Rules, Server};
use serde_json::json;
use support::*;

const DAY_MS: u64 = 86_400_000;

fn rules() -> Rules {
    let fields = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(collection, field)| ((*collection).to_owned(), (*field).to_owned())).collect()
    };
    let project = fields(&[("tasks", "project"), ("notes", "of")]);
    let label = fields(&[("tasks", "labels")]);
    Rules { scopes: [("project".to_owned(), project), ("label".to_owned(), label)].into(), ..Rules::default() }
}

fn scope(name: &str, id: &str, checkpoint: Option<String>) -> ScopeRequest {
    ScopeRequest { name: name.to_owned(), args: Data::from([("id".to_owned(), Value::from(id))]), checkpoint }
}

fn pull_scopes(server: &Server, scopes: Vec<ScopeRequest>, limit: u32) -> PullResponse {
    let request = PullRequest { v: 1, client: "c_b".into(), limit, scopes, ..PullRequest::default() };
    server.pull(USER, &request, NOW_MS).expect("answered")
}

fn pull_project(server: &Server, id: &str, checkpoint: Option<&PullResponse>) -> PullResponse {
    let checkpoint = checkpoint.map(|before| before.scopes[0].checkpoint.clone());
    pull_scopes(server, vec![scope("project", id, checkpoint)], 100)
}

/// `-id` is deleted, `~id` is gone.
fn told(response: &PullResponse) -> Vec<String> {
    let mark = |change: &holm_protocol::Change| match (change.deleted, change.gone) {
        (true, _) => "-",
        (_, true) => "~",
        _ => "",
    };
    response.scopes[0].changes.iter().map(|change| format!("{}{}", mark(change), change.id)).collect()
}

fn filled() -> Server {
    let mut server = server_with(rules());
    let of = |id: &str, project: &str| put(id, json!({ "project": project }));
    let mut note = of("n1", "p1");
    (note.collection, note.data) = ("notes".to_owned(), Data::from([("of".to_owned(), Value::from("p1"))]));
    push(
        &mut server,
        vec![of("a", "p1").seq(1), of("b", "p2").seq(2), note.seq(3), of("c", "p1").seq(4), put("d", json!({})).seq(5)],
    );
    server
}

#[test]
fn a_scope_has_the_rows_of_all_its_collections_that_say_so() {
    let server = filled();
    let first = pull_project(&server, "p1", None);
    assert_eq!(told(&first), ["a", "n1", "c"]);
    assert_eq!(
        (first.scopes[0].key.as_str(), first.scopes[0].total, first.scopes[0].fresh),
        (r#"project:{"id":"p1"}"#, Some(3), true)
    );
    assert_eq!(first.scopes[0].changes[1].collection, "notes");
    assert_eq!(told(&pull_project(&server, "p2", None)), ["b"]);
    assert!(told(&pull_project(&server, "p3", None)).is_empty());
    assert!(told(&pull_project(&server, "p1", Some(&first))).is_empty());
}

#[test]
fn it_is_walked_in_pages() {
    let server = filled();
    let (mut seen, mut checkpoint) = (Vec::new(), None);
    loop {
        let page = pull_scopes(&server, vec![scope("project", "p1", checkpoint)], 1);
        seen.extend(told(&page));
        checkpoint = Some(page.scopes[0].checkpoint.clone());
        if !page.scopes[0].more {
            break;
        }
    }
    assert_eq!(seen, ["a", "n1", "c"]);
}

#[test]
fn a_row_that_moves_is_gone_from_one_and_comes_in_the_other() {
    let mut server = filled();
    let (one, two) = (pull_project(&server, "p1", None), pull_project(&server, "p2", None));
    push_as(
        &mut server,
        "c_b",
        vec![
            patch("a", json!({ "project": "p2" })).seq(1).mid("b1"),
            delete("c").seq(2).mid("b2"),
            patch("d", json!({ "project": "p1" })).seq(3).mid("b3"),
        ],
    );
    let (gone, come) = (pull_project(&server, "p1", Some(&one)), pull_project(&server, "p2", Some(&two)));
    assert_eq!((told(&gone), told(&come)), (vec!["~a".into(), "-c".into(), "d".into()], vec!["a".into()]));
    assert!(gone.scopes[0].changes[0].rev.is_none(), "what is gone tells nothing of the row");
    assert_eq!(told(&pull_project(&server, "p1", None)), ["n1", "d"], "a first walk needs no news of what left");
    push_as(&mut server, "c_b", vec![patch("a", json!({ "project": "p1" })).seq(4).mid("b4")]);
    assert_eq!(told(&pull_project(&server, "p1", Some(&gone))), ["a"], "it came back");
}

#[test]
fn a_field_with_a_list_is_in_as_many_scopes() {
    let mut server = server_with(rules());
    push(&mut server, vec![put("a", json!({ "labels": ["x", "y"] })).seq(1)]);
    let label = |server: &Server, id: &str, at| pull_scopes(server, vec![scope("label", id, at)], 9);
    let x = label(&server, "x", None);
    assert_eq!((told(&x), told(&label(&server, "y", None))), (vec!["a".into()], vec!["a".into()]));
    push_as(&mut server, "c_b", vec![patch("a", json!({ "labels": ["y", "z"] })).seq(1).mid("b1")]);
    assert_eq!(told(&label(&server, "x", Some(x.scopes[0].checkpoint.clone()))), ["~a"]);
    assert_eq!(told(&label(&server, "z", None)), ["a"]);
}

#[test]
fn who_may_not_see_a_scope_is_told_so_and_nothing_else() {
    let allowed = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&allowed);
    let may_read = Box::new(move |user: &str, key: &str| {
        assert_eq!((user, key), (USER, r#"project:{"id":"p1"}"#));
        asked.load(Ordering::Relaxed)
    });
    let mut server = server_with(Rules { may_read, ..rules() });
    push(&mut server, vec![put("a", json!({ "project": "p1" })).seq(1)]);
    let before = pull_project(&server, "p1", None);
    assert!(!before.scopes[0].forbidden);
    allowed.store(false, Ordering::Relaxed);
    let after = &pull_project(&server, "p1", Some(&before)).scopes[0];
    assert_eq!((after.forbidden, after.reset, after.more, after.changes.len()), (true, true, false, 0));
    let again = &pull_project(&server, "p1", None).scopes[0];
    assert!(again.forbidden && !again.reset, "nothing new to who knows");
    allowed.store(true, Ordering::Relaxed);
    assert_eq!(told(&pull_project(&server, "p1", None)), ["a"]);
}

#[test]
fn scopes_that_the_rules_do_not_have_are_as_good_as_forbidden_and_hold_the_others_up_in_nothing() {
    let server = filled();
    let mut two = scope("project", "p1", None);
    two.args.insert("more".to_owned(), Value::from("x"));
    let mut number = scope("project", "p1", None);
    number.args.insert("id".to_owned(), Value::from(1));
    let bare = ScopeRequest { name: "project".to_owned(), ..ScopeRequest::default() };
    for wrong in [scope("elsewhere", "p1", None), scope("tasks", "p1", None), two, number, bare] {
        let answer = pull_scopes(&server, vec![wrong, scope("project", "p2", None)], 9);
        assert_eq!((answer.scopes[0].forbidden, answer.scopes[0].changes.len()), (true, 0));
        assert_eq!((answer.scopes[1].forbidden, answer.scopes[1].changes.len()), (false, 1));
    }
    let scopes = vec![scope("project", "p1", None), scope("project", "p1", None)];
    let request = PullRequest { v: 1, client: "c_b".into(), limit: 9, scopes, ..PullRequest::default() };
    let body = server.pull(USER, &request, NOW_MS).expect_err("refused").body;
    assert!(body.error == ErrorCode::InvalidRequest && body.message.contains("comes twice"), "{}", body.message);
}

#[test]
fn what_left_long_ago_is_forgotten_and_who_was_away_starts_anew() {
    let mut server = filled();
    let before = pull_project(&server, "p1", None);
    push_as(&mut server, "c_b", vec![patch("a", json!({ "project": "p2" })).seq(1).mid("b1")]);
    assert_eq!(server.collect(NOW_MS + 91 * DAY_MS).expect("collects"), 0, "no row was forgotten");
    let after = pull_project(&server, "p1", Some(&before));
    assert_eq!((after.scopes[0].reset, told(&after)), (true, vec!["n1".into(), "c".into()]));
}

#[test]
fn other_rules_make_the_memberships_anew() {
    let folder = std::env::temp_dir().join(format!("holm-scopes-{}", std::process::id()));
    let path = folder.join("data.sqlite");
    let open = |rules| Server::open(&path, rules, &Life::Drawn).expect("opens");
    let mut server = open(Rules::default());
    push(
        &mut server,
        vec![put("a", json!({ "project": "p1", "area": "p1" })).seq(1), put("b", json!({ "area": "p1" })).seq(2)],
    );
    drop(server);
    let server = open(rules());
    let before = pull_project(&server, "p1", None);
    assert_eq!(told(&before), ["a"], "rows from before the rules");
    drop(server);
    let mut other = rules();
    other.scopes.get_mut("project").expect("there").insert("tasks".to_owned(), "area".to_owned());
    let server = open(other);
    let after = pull_project(&server, "p1", Some(&before));
    assert_eq!((after.scopes[0].reset, told(&after)), (true, vec!["a".into(), "b".into()]));
    drop(server);
    std::fs::remove_dir_all(&folder).expect("removed");
}

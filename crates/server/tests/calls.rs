//! Functions of the server, through the whole of a push.

mod support;

use std::collections::BTreeMap;

use holm_protocol::{Data, ErrorCode, Kind, Mutation, Outcome, Policy};
use holm_server::{Caller, Function, Refusal, Rules, Server, Verdict};
use serde_json::{Value, json};
use support::*;

fn data(value: Value) -> Data {
    holm_protocol::from_json(&value).expect("an object")
}

fn amount(caller: &Caller<'_>, id: &str) -> Result<u64, Refusal> {
    Ok(caller.read("tasks", id)?.and_then(|data| data.get("amount")?.as_u64()).unwrap_or(0))
}

/// Moves what the arguments say, if there is enough.
fn transfer(caller: &mut Caller<'_>) -> Result<Verdict, Refusal> {
    let moved = caller.args().as_u64().unwrap_or(0);
    let (from, to) = (amount(caller, "from")?, amount(caller, "to")?);
    caller.write("tasks", "to", data(json!({ "amount": to + moved })))?;
    if moved > from {
        let (code, message) = (ErrorCode::Validation, "not enough".to_owned());
        return Ok(Verdict::Reject { code, field: None, message });
    }
    caller.write("tasks", "from", data(json!({ "amount": from - moved })))?;
    Ok(Verdict::Accept)
}

fn functions() -> BTreeMap<String, Function> {
    let purge: Function = Box::new(|caller| {
        for id in caller.ids("tasks")? {
            caller.delete("tasks", &id)?;
        }
        caller.delete("tasks", "never there")?;
        Ok(Verdict::Accept)
    });
    let broken: Function = Box::new(|caller| {
        caller.write("tasks", "half", Data::new())?;
        caller.write("", "done", Data::new())?;
        Ok(Verdict::Accept)
    });
    let later: Function = Box::new(|_| Ok(Verdict::Retry { after: 9 }));
    let rename: Function = Box::new(|caller| {
        caller.write("tasks", "r", data(json!({ "title": "by the function", "kept": 1 })))?;
        Ok(Verdict::Accept)
    });
    let all: [(&str, Function); 5] =
        [("transfer", Box::new(transfer)), ("purge", purge), ("broken", broken), ("later", later), ("rename", rename)];
    all.into_iter().map(|(name, function)| (name.to_owned(), function)).collect()
}

fn bank() -> Server {
    let mut server = server_with(Rules { functions: functions(), ..Rules::default() });
    settled(&mut server, "c_0", put("from", json!({ "amount": 10 })).stamped(NOW_MS - 100));
    server
}

fn call(seq: u64, name: &str, args: Value) -> Mutation {
    let name = name.to_owned();
    let args = holm_protocol::from_json(&args).expect("a value");
    Mutation { collection: String::new(), name, args, ..mutation(Kind::Call, "", json!({})) }.seq(seq)
}

fn amounts(server: &Server) -> [Value; 2] {
    ["from", "to"].map(|id| row(server, id)["amount"].clone())
}

#[test]
fn a_call_reads_and_writes_once_however_often_and_under_whatever_client_it_comes() {
    let mut server = bank();
    for _ in 0..3 {
        assert_eq!(push(&mut server, vec![call(1, "transfer", json!(4))]), [Outcome::Ok { rev: None }]);
    }
    let again = call(1, "transfer", json!(4)).mid("m1");
    assert_eq!(push_as(&mut server, "c_new", vec![again]), [Outcome::Ok { rev: None }]);
    assert_eq!(amounts(&server), [json!(6), json!(4)]);
    assert_eq!(server.effects().expect("effects").iter().filter(|effect| effect.mid.0 == "m1").count(), 1);
    let other = push_from("c_b", 0, vec![call(1, "transfer", json!(5)).mid("m1")]);
    assert_eq!(refused(&mut server, &other), ErrorCode::SeqReused, "the arguments are content");
}

#[test]
fn a_call_that_is_not_accepted_has_written_nothing_and_its_neighbours_go() {
    let mut server = bank();
    let before = pull(&server, None, 10).scopes[0].checkpoint.clone();
    let outcomes = push(
        &mut server,
        vec![call(1, "transfer", json!(99)), call(2, "later", json!(null)), create("free", "x").seq(3)],
    );
    assert_eq!((rejected(&outcomes[0]), &outcomes[1]), (Some(ErrorCode::Validation), &Outcome::Retry { after: 9 }));
    assert!(is_ok(&outcomes[2]));
    assert_eq!((amounts(&server), row(&server, "to")), ([json!(10), Value::Null], Value::Null));
    assert_eq!(ids(&pull(&server, Some(before), 10)), ["free"], "no change is left of it");
    assert_eq!(rejected(&push(&mut server, vec![call(1, "transfer", json!(99))])[0]), Some(ErrorCode::Validation));
}

#[test]
fn what_a_function_writes_is_pulled_like_any_write_and_what_is_as_it_was_makes_no_change() {
    let mut server = bank();
    push(&mut server, vec![call(1, "transfer", json!(4))]);
    let first = pull(&server, None, 10);
    assert_eq!(ids(&first), ["to", "from"]);
    let checkpoint = Some(first.scopes[0].checkpoint.clone());
    push(&mut server, vec![call(2, "transfer", json!(0))]);
    assert_eq!(ids(&pull(&server, checkpoint.clone(), 10)), [""; 0]);
    push(&mut server, vec![call(3, "purge", json!(null))]);
    assert_eq!(ids(&pull(&server, checkpoint, 10)), ["-from", "-to"]);
    push(&mut server, vec![call(4, "transfer", json!(0))]);
    assert_eq!(amounts(&server), [json!(0), json!(0)], "and is there again");
}

#[test]
fn a_later_edit_of_the_same_client_wins_over_a_function_and_an_earlier_one_of_another_does_not() {
    for (client, title) in [("c_a", "later"), ("c_b", "by the function")] {
        let mut server = bank();
        let base = settled(&mut server, "c_1", put("r", json!({ "title": "old", "gone": 1 })).stamped(NOW_MS - 100));
        push(&mut server, vec![call(1, "rename", json!(null))]);
        let edit = patch("r", json!({ "title": "later" })).base(&base).stamped(NOW_MS - 50);
        assert!(is_ok(
            &push_as(&mut server, client, vec![edit.seq(if client == "c_a" { 2 } else { 1 }).mid("edit")])[0]
        ));
        assert_eq!(row(&server, "r"), json!({ "title": title, "kept": 1 }), "{client}");
    }
}

#[test]
fn a_function_that_fails_fails_the_push_and_nothing_of_it_stays() {
    let mut server = bank();
    let request = push_from("c_a", 0, vec![create("free", "x").seq(1), call(2, "broken", json!(null))]);
    let refusal = server.push(USER, &request, NOW_MS).expect_err("refused");
    assert_eq!(refusal.status(), 500);
    assert!(refusal.detail.expect("a detail").contains("the function broken wants /done: unknown-collection"));
    assert_eq!((row(&server, "half"), row(&server, "free")), (Value::Null, Value::Null));
    assert!(is_ok(&push(&mut server, vec![create("free", "x").seq(1)])[0]));
}

#[test]
fn a_call_of_no_function_is_rejected_and_the_app_s_check_comes_first() {
    let told = |server: &mut Server| match push(server, vec![call(1, "fly", json!(null))]).remove(0) {
        Outcome::Rejected { code: ErrorCode::ServerRejected, message, .. } => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&mut server_with(Rules::default())), "this server has no functions");
    assert_eq!(told(&mut bank()), "this server has no function fly");
    let check = |attempt: holm_server::Attempt<'_>| match attempt.mutation.name.as_str() {
        "" => Verdict::Accept,
        _ => Verdict::Reject { code: ErrorCode::Forbidden, field: None, message: String::new() },
    };
    let mut server = server_with(Rules {
        functions: functions(),
        check: Box::new(check),
        policy: Policy::Manual,
        ..Rules::default()
    });
    assert_eq!(rejected(&push(&mut server, vec![call(1, "purge", json!(null))])[0]), Some(ErrorCode::Forbidden));
}

#[test]
fn functions_see_and_write_the_rows_of_their_user_only() {
    let mut server = bank();
    let request = push_from("c_x", 0, vec![call(1, "purge", json!(null))]);
    server.push("stranger", &request, NOW_MS).expect("not refused");
    assert_eq!(amounts(&server)[0], json!(10));
}

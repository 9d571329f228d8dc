//! Scopes with arguments on real engines and the real server: what comes, what goes, and what stays because it waits.
#![cfg(not(target_arch = "wasm32"))]

mod device;

use std::sync::atomic::Ordering;

use device::{Device, START_MS, World, key};
use holm_core::ErrorCode;
use holm_core::engine::{Order, Question, Step};
use holm_core::outbox::Operation::{Delete, Insert, Patch, Put};
use holm_core::sync::{SCOPES_MAX, scope_key};
use serde_json::{Value, json};

const DAY_MS: u64 = 86_400_000;

/// Two projects on the server: `a` and `b` in p1, `c` in p2, `d` in none.
fn filled() -> (World, Device) {
    let world = World::new();
    let writer = Device::whole(&world);
    [("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", "")].iter().for_each(|(id, project)| writer.put(id, project));
    writer.write("notes", Put, &json!(["n", { "of": "p1", "text": "hi" }]));
    writer.sync();
    (world, writer)
}

#[test]
fn a_scope_brings_its_rows_of_all_collections_and_tells_when_it_is_complete() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    assert_eq!(device.standing("project", "p1").expect("there")["complete"], false);
    assert!(device.tasks().is_empty());
    device.sync();
    assert_eq!(
        (device.tasks(), device.standing("project", "p1").expect("there")["complete"].clone()),
        (vec!["a".into(), "b".into()], json!(true))
    );
    assert_eq!(device.ask(Question::Records { collection: "notes".into(), ids: vec!["n".into()] })[0][2]["text"], "hi");
    writer.put("e", "p1");
    writer.write("tasks", Delete, &json!(["b"]));
    writer.sync();
    device.sync();
    assert_eq!(device.tasks(), ["a", "e"]);
    let device = device.reopened();
    device.sync();
    assert_eq!(device.tasks(), ["a", "e"], "a subscription outlives the page");
}

#[test]
fn what_leaves_the_scope_leaves_the_device_and_comes_back_with_it() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    writer.put("a", "p2");
    writer.sync();
    device.sync();
    assert_eq!(device.tasks(), ["b"]);
    writer.put("a", "p1");
    writer.sync();
    device.sync();
    assert_eq!(device.tasks(), ["a", "b"]);
}

#[test]
fn what_is_in_two_scopes_stays_until_it_has_left_both() {
    let world = World::new();
    let writer = Device::whole(&world);
    writer.write("tasks", Put, &json!(["a", { "project": "p1", "labels": ["x", "y"] }]));
    writer.sync();
    let device = Device::with(&world, 1, &[("project", "p1"), ("label", "x"), ("label", "y")]);
    device.sync();
    for (labels, project, shown) in [(vec!["y"], "p1", true), (vec!["y"], "p2", true), (vec![], "p2", false)] {
        writer.write("tasks", Put, &json!(["a", { "project": project, "labels": labels }]));
        writer.sync();
        device.sync();
        assert_eq!(device.tasks().len(), usize::from(shown), "{labels:?} {project}");
    }
}

#[test]
fn an_edit_of_what_left_is_shown_until_the_server_has_it() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Patch, &json!(["a", { "title": "mine" }]));
    writer.put("a", "p2");
    writer.sync();
    let device = device.reopened();
    assert_eq!(device.run(device.engine.step(device.now_ms())), Step::Again, "the pull that says so, before the push");
    assert_eq!((device.title("a"), device.engine.status().pending), (json!("mine"), 1));
    let device = device.reopened();
    assert_eq!(device.title("a"), "mine");
    device.sync();
    assert_eq!((device.tasks(), device.engine.status().pending, device.parked()), (vec!["b".into()], 0, 0));
    writer.sync();
    assert_eq!(writer.title("a"), "mine", "nothing was lost");
}

#[test]
fn what_the_server_applied_of_a_record_that_has_left_does_not_go_back_under_what_waits() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Patch, &json!(["a", { "title": "mine", "project": "p2" }]));
    assert_eq!(device.run(device.engine.step(device.now_ms())), Step::Again, "the push");
    device.write("tasks", Patch, &json!(["a", { "labels": ["x"] }]));
    world.takes_no_push.set(true);
    device.sync();
    let device = device.reopened();
    assert_eq!((device.title("a"), device.engine.status().pending), (json!("mine"), 1));
    world.takes_no_push.set(false);
    device.sync();
    assert_eq!((device.tasks(), device.engine.status().pending, device.parked()), (vec!["b".into()], 0, 0));
    writer.sync();
    assert_eq!(writer.title("a"), "mine");
}

#[test]
fn what_is_made_outside_of_all_scopes_goes_when_the_server_has_it() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.put("new", "p2");
    device.put("mine", "p1");
    assert_eq!(device.tasks(), ["a", "b", "mine", "new"]);
    device.sync();
    assert_eq!(device.tasks(), ["a", "b", "mine"]);
    writer.sync();
    assert_eq!(writer.tasks(), ["a", "b", "c", "d", "mine", "new"]);
}

#[test]
fn to_move_a_record_out_of_ones_own_scope_is_a_last_look_at_it() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Patch, &json!(["a", { "project": "p2" }]));
    device.sync();
    assert_eq!(device.tasks(), ["b"]);
    writer.sync();
    assert_eq!(writer.tasks(), ["a", "b", "c", "d"]);
}

#[test]
fn to_unsubscribe_makes_room_but_for_what_waits_and_what_is_elsewhere() {
    let (world, writer) = filled();
    writer.write("tasks", Patch, &json!(["b", { "labels": ["x"] }]));
    writer.sync();
    let device = Device::with(&world, 1, &[("project", "p1"), ("label", "x")]);
    device.sync();
    world.is_offline.set(true);
    device.write("tasks", Patch, &json!(["a", { "title": "mine" }]));
    device.unsubscribe("project", "p1");
    assert_eq!((device.tasks(), device.title("a")), (vec!["a".into(), "b".into()], json!("mine")));
    assert_eq!(device.ask(Question::Records { collection: "notes".into(), ids: vec!["n".into()] })[0], Value::Null);
    world.is_offline.set(false);
    device.sync();
    assert_eq!((device.tasks(), device.engine.status().pending), (vec!["b".into()], 0));
    writer.sync();
    assert_eq!(writer.title("a"), "mine");
    device.subscribe("project", "p1");
    device.sync();
    assert_eq!(device.tasks(), ["a", "b"]);
}

#[test]
fn many_records_leave_some_at_a_time() {
    let world = World::new();
    let writer = Device::whole(&world);
    let rows: Vec<Value> = (0..2_500).map(|n| json!([format!("r{n:04}"), { "project": "p1" }])).collect();
    for some in rows.chunks(500) {
        let rows = writer.engine.rows(START_MS, Put, json!(some).to_string().as_bytes()).expect("rows");
        writer.run(writer.engine.write(START_MS, &writer.engine.draw(), "tasks", Put, rows)).expect("written");
    }
    writer.sync();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    assert_eq!(device.tasks().len(), 2_500);
    device.order(Order::Unsubscribe(key("project", "p1"))).expect("unsubscribed");
    assert_eq!(device.tasks().len(), 500);
    assert_eq!(device.standing("project", "p1").expect("not yet gone")["leaving"], true);
    let device = device.reopened();
    device.subscribe("project", "p2");
    [(); 2].iter().for_each(|()| device.sync());
    assert_eq!((device.tasks().len(), device.standing("project", "p1")), (0, None), "sync goes on with it");
}

#[test]
fn what_was_left_by_half_and_is_wanted_again_has_nothing_that_is_gone_meanwhile() {
    let world = World::new();
    let writer = Device::whole(&world);
    let rows: Vec<Value> = (0..2_100).map(|n| json!([format!("r{n:04}"), { "project": "p1" }])).collect();
    let rows = writer.engine.rows(START_MS, Put, json!(rows).to_string().as_bytes()).expect("rows");
    writer.run(writer.engine.write(START_MS, &writer.engine.draw(), "tasks", Put, rows)).expect("written");
    writer.sync();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.order(Order::Unsubscribe(key("project", "p1"))).expect("unsubscribed");
    assert_eq!(device.tasks().len(), 100, "the last of them are here still");
    writer.write("tasks", Delete, &json!(["r2099"]));
    writer.sync();
    device.subscribe("project", "p1");
    device.sync();
    assert_eq!(device.tasks().len(), 2_099);
}

#[test]
fn who_may_not_see_a_scope_any_more_keeps_nothing_of_it_but_what_waits() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    world.may_read.store(false, Ordering::Relaxed);
    device.sync();
    assert_eq!(
        (device.tasks().len(), device.standing("project", "p1").expect("there")["forbidden"].clone()),
        (0, json!(true))
    );
    assert!(device.engine.status().error.is_none(), "sync goes on");
    writer.put("e", "p1");
    writer.sync();
    device.sync();
    assert!(device.tasks().is_empty());
    world.may_read.store(true, Ordering::Relaxed);
    device.sync();
    assert_eq!(
        (device.tasks().len(), device.standing("project", "p1").expect("there")["forbidden"].clone()),
        (3, json!(false))
    );
}

#[test]
fn a_reset_sweeps_what_it_does_not_name_and_nothing_else() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1"), ("project", "p2")]);
    device.sync();
    device.write("tasks", Patch, &json!(["b", { "title": "mine" }]));
    writer.put("a", "p3");
    writer.sync();
    world.now_ms.set(START_MS + 91 * DAY_MS);
    world.server.borrow_mut().collect(world.now_ms.get()).expect("collects");
    let device = device.reopened();
    assert_eq!(device.run(device.engine.step(device.now_ms())), Step::Again);
    assert_eq!((device.tasks(), device.title("b")), (vec!["b".into(), "c".into()], json!("mine")));
    device.sync();
    assert_eq!(device.tasks(), ["b", "c"]);
}

#[test]
fn what_a_server_lost_is_kept_aside_and_can_be_given_back() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Patch, &json!(["b", { "title": "mine" }]));
    world.lose();
    device.sync();
    assert_eq!(device.tasks(), Vec::<String>::new());
    let orphans = device.ask(Question::Orphans(10));
    let names: Vec<&str> =
        orphans.as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id")).collect();
    assert_eq!(names, ["n", "a", "b"], "by collection; b as the server had it, its edit is parked");
    assert_eq!((orphans[1]["data"]["title"].clone(), device.parked()), (json!("a"), 1));
    let told = device.salvaged("orphan");
    assert_eq!((told.len(), &told[1]["id"], &told[1]["value"]["title"]), (3, &json!("a"), &json!("a")));
    let adopt = |id: &str| {
        device.order(Order::Adopt { collection: "tasks".into(), id: id.into(), receipt: device.engine.draw() })
    };
    adopt("a").expect("adopted");
    assert_eq!(adopt("a").expect_err("not twice").code, ErrorCode::NotFound);
    device.order(Order::Forget { collection: "notes".into(), id: "n".into() }).expect("forgotten");
    device.sync();
    assert_eq!((device.tasks(), device.ask(Question::Orphans(10))[0]["id"].clone()), (vec!["a".into()], json!("b")));

    [(); 2].iter().for_each(|()| writer.sync()); // who becomes another client waits a moment
    assert_eq!(
        (writer.tasks(), writer.ask(Question::Orphans(9)).as_array().map(Vec::len)),
        (vec!["a".into()], Some(4))
    );
    let again = Order::Adopt { collection: "tasks".into(), id: "a".into(), receipt: writer.engine.draw() };
    assert_eq!(writer.order(again).expect_err("it is there").code, ErrorCode::NotFound, "it was named after all");
}

#[test]
fn what_is_subscribed_to_in_the_middle_of_a_pull_is_part_of_it() {
    let (world, _) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.put("new", "p2");
    assert_eq!(device.run(device.engine.step(device.now_ms())), Step::Again);
    device.subscribe("project", "p2");
    device.sync();
    assert_eq!(device.tasks(), ["a", "b", "c", "new"]);
    assert_eq!(device.engine.status().pending, 0);
}

#[test]
fn a_whole_collection_can_be_subscribed_to_as_well() {
    let (world, _) = filled();
    let device = Device::with(&world, 1, &[]);
    device.order(Order::Subscribe("tasks".to_owned())).expect("subscribed");
    device.sync();
    assert_eq!(device.tasks(), ["a", "b", "c", "d"]);
    device.order(Order::Unsubscribe("tasks".to_owned())).expect("unsubscribed");
    assert_eq!((device.tasks().len(), device.ask(Question::Scopes)), (0, json!([])));
}

#[test]
fn wrong_scopes_are_refused_with_what_is_wrong() {
    let (world, writer) = filled();
    for text in ["", ":{}", "a:b", "project:[1]", "project:{"] {
        assert_eq!(scope_key(text).expect_err("refused").code, ErrorCode::InvalidArgument, "{text}");
    }
    let refused = writer.order(Order::Unsubscribe("tasks".to_owned())).expect_err("refused");
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    let device = Device::with(&world, 1, &[("elsewhere", "x")]);
    device.sync();
    assert_eq!(device.standing("elsewhere", "x").expect("there")["forbidden"], true, "the server has no such scope");
    device.unsubscribe("elsewhere", "x");
    (0..SCOPES_MAX).for_each(|n| device.subscribe("project", &format!("p{n}")));
    let refused = device.order(Order::Subscribe(key("project", "one more"))).expect_err("refused");
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    device.sync();
    assert_eq!(device.tasks(), ["a", "b", "c"]);
}

#[test]
fn a_collection_with_parts_here_is_not_evicted() {
    let (world, _) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    assert_eq!(device.order(Order::Evict("tasks".to_owned())).expect_err("refused").code, ErrorCode::InvalidArgument);
    device.unsubscribe("project", "p1");
    device.order(Order::Evict("tasks".to_owned())).expect("nothing is there");
}

#[test]
fn an_insert_over_what_is_not_here_is_settled_by_the_server() {
    let (world, writer) = filled();
    let device = Device::with(&world, 1, &[("project", "p1")]);
    device.sync();
    device.write("tasks", Insert, &json!(["c", { "title": "mine", "project": "p1" }]));
    device.sync();
    writer.sync();
    assert_eq!(
        (device.title("c"), writer.title("c")),
        (json!("mine"), json!("mine")),
        "the fields of both, the later wins"
    );
}

//! Pages, checkpoints, resets, tombstones, lives of the database.

mod support;

use std::collections::BTreeMap;

use holm_protocol::{ErrorCode, PullRequest, Seq};
use holm_server::{Life, Rules, Server};
use serde_json::{Value, json};
use support::*;

const DAY_MS: u64 = 86_400_000;

fn filled(count: u64) -> Server {
    let mut server = server();
    push(&mut server, (1..=count).map(|seq| create(&format!("r{seq}"), "x").seq(seq)).collect());
    server
}

fn checkpoint(response: &holm_protocol::PullResponse) -> Option<String> {
    Some(response.scopes[0].checkpoint.clone())
}

#[test]
fn a_walk_in_pages() {
    let server = filled(5);
    let first = pull(&server, None, 2);
    assert_eq!(
        (ids(&first), first.scopes[0].more, first.scopes[0].total),
        (vec!["r1".into(), "r2".into()], true, Some(5))
    );
    let second = pull(&server, checkpoint(&first), 2);
    assert_eq!((ids(&second).len(), second.scopes[0].more, second.scopes[0].total), (2, true, None));
    let third = pull(&server, checkpoint(&second), 2);
    assert_eq!((ids(&third), third.scopes[0].more, third.scopes[0].reset), (vec!["r5".into()], false, false));
    let fourth = pull(&server, checkpoint(&third), 2);
    assert_eq!((ids(&fourth).len(), fourth.scopes[0].more, checkpoint(&fourth)), (0, false, checkpoint(&third)));
}

#[test]
fn the_total_follows_what_is_made_deleted_made_again_and_forgotten() {
    let mut server = filled(3);
    let total = |server: &Server| pull(server, None, 1).scopes[0].total;
    push_as(&mut server, "c_b", vec![delete("r1").seq(1).mid("b1"), delete("r2").seq(2).mid("b2")]);
    assert_eq!(total(&server), Some(1));
    push_as(&mut server, "c_b", vec![delete("r2").seq(3).mid("b3"), create("r1", "again").seq(4).mid("b4")]);
    assert_eq!(total(&server), Some(2), "deleted twice is deleted once");
    push_as(&mut server, "c_b", vec![patch("r1", json!({ "title": "y" })).seq(5).mid("b5")]);
    assert!(server.collect(u64::MAX / 2).expect("collects") > 0);
    assert_eq!(total(&server), Some(2), "a tombstone is not counted, and its end neither");
    let empty = server_with(Rules::default());
    assert_eq!(total(&empty), Some(0));
}

#[test]
fn a_page_that_fills_up_exactly_is_the_last() {
    let server = filled(4);
    let first = pull(&server, None, 4);
    assert_eq!((ids(&first).len(), first.scopes[0].more), (4, false));
}

#[test]
fn what_changes_during_a_walk_comes_again() {
    let mut server = filled(4);
    let first = pull(&server, None, 2);
    push_as(
        &mut server,
        "c_b",
        vec![
            delete("r1").seq(1).mid("b1"),
            patch("r2", json!({ "title": "y" })).seq(2).mid("b2"),
            delete("r4").seq(3).mid("b3"),
        ],
    );
    let rest = pull(&server, checkpoint(&first), 9);
    assert_eq!((ids(&rest), rest.scopes[0].more), (vec!["r3".into(), "-r1".into(), "r2".into(), "-r4".into()], false));
    let fresh = pull(&server, None, 9);
    assert_eq!(ids(&fresh), ["r3", "r2"], "a first walk needs no old tombstones");
    assert_eq!(fresh.scopes[0].total, Some(2));
}

#[test]
fn a_walk_skips_the_tombstones_from_before_it_to_its_end() {
    let mut server = filled(4);
    push_as(&mut server, "c_b", vec![delete("r2").seq(1).mid("b1")]);
    let first = pull(&server, None, 1);
    assert_eq!(server.collect(NOW_MS + 91 * DAY_MS).expect("collects"), 1);
    let second = pull(&server, checkpoint(&first), 1);
    assert!(!second.scopes[0].reset, "a tombstone that the walk would have skipped is forgotten");
    push_as(&mut server, "c_b", vec![delete("r1").seq(2).mid("b2")]);
    let rest = pull(&server, checkpoint(&second), 9);
    assert_eq!([ids(&first), ids(&second), ids(&rest)].concat(), ["r1", "r3", "r4", "-r1"]);

    push_as(&mut server, "c_b", vec![delete("r3").seq(3).mid("b3")]);
    let first = pull(&server, None, 0);
    push_as(&mut server, "c_b", vec![put("r5", json!({})).seq(4).mid("b4")]);
    assert_eq!([ids(&first), ids(&pull(&server, checkpoint(&first), 9))].concat(), ["r4", "r5"]);
}

#[test]
fn a_page_is_fresh_as_long_as_none_of_its_rows_can_have_come_before() {
    let mut server = filled(3);
    let first = pull(&server, None, 2);
    push_as(&mut server, "c_b", vec![put("r1", json!({ "again": true })).seq(1).mid("b1")]);
    let second = pull(&server, checkpoint(&first), 1);
    let third = pull(&server, checkpoint(&second), 1);
    let rows: Vec<_> = [&first, &second, &third].iter().map(|page| (ids(page), page.scopes[0].fresh)).collect();
    let expected = [(vec!["r1", "r2"], true), (vec!["r3"], true), (vec!["r1"], false)];
    assert_eq!(rows, expected.map(|(ids, fresh)| (ids.into_iter().map(str::to_owned).collect(), fresh)));
}

#[test]
fn a_client_that_follows_ends_with_the_servers_rows() {
    let mut server = filled(3);
    let mut copy: BTreeMap<String, Value> = BTreeMap::new();
    let mut at = None;
    for round in 0..20u64 {
        let id = format!("r{}", round % 5);
        let change = if round % 3 == 0 { delete(&id) } else { put(&id, json!({ "round": round })) };
        push_as(&mut server, "c_b", vec![change.seq(round + 1).mid(&format!("b{round}"))]);
        let page = pull(&server, at, 2);
        for change in &page.scopes[0].changes {
            match change.deleted {
                true => copy.remove(&change.id),
                false => copy.insert(change.id.clone(), json!(change.data.data().expect("JSON"))),
            };
        }
        at = checkpoint(&page);
    }
    loop {
        let page = pull(&server, at, 2);
        for change in &page.scopes[0].changes {
            copy.insert(
                change.id.clone(),
                if change.deleted { Value::Null } else { json!(change.data.data().expect("JSON")) },
            );
        }
        at = checkpoint(&page);
        if !page.scopes[0].more {
            break;
        }
    }
    copy.retain(|_, data| !data.is_null());
    let rows = server.rows().expect("rows").into_iter().filter(|row| !row.deleted);
    assert_eq!(copy, rows.map(|row| (row.id, json!(row.data))).collect());
}

#[test]
fn acked_and_results_travel_with_the_changes() {
    let mut server = server();
    push(&mut server, vec![create("a", "x").seq(1), patch("none", json!({})).seq(2)]);
    let page = server.pull(USER, &pull_request("c_a", None, 9), NOW_MS).expect("answered");
    assert_eq!((page.acked, page.results.len(), ids(&page).len()), (Seq(2), 1, 1));
    assert_eq!(pull(&server, None, 9).acked, Seq(0), "an unknown client has done nothing");
}

#[test]
fn a_checkpoint_that_is_no_use_is_a_reset() {
    let server = filled(3);
    let good = pull(&server, None, 9).scopes[0].checkpoint.clone();
    let other_scope = {
        let mut request = pull_request("c_reader", None, 9);
        request.scopes[0].name = "notes".to_owned();
        server.pull(USER, &request, NOW_MS).expect("answered").scopes[0].checkpoint.clone()
    };
    assert!(!pull(&server, Some(good.clone()), 9).scopes[0].reset);
    let foreign = [
        String::new(),
        "nonsense".to_owned(),
        "'; DROP TABLE rows; --".to_owned(),
        good.replace("e-life1", "e-other"),
        good.replace(".life1.", ".life0."),
        good.replace(".3.", ".4."),
        good.replace(".3.", ".-1."),
        good.replace(".3.", ".99999999999999999999."),
        good.replace(".3.", ".1~9."),
        good.replace(".3.", ".9~1."),
        format!("{good}.x"),
        other_scope,
    ];
    for text in foreign {
        let page = pull(&server, Some(text.clone()), 9);
        assert_eq!((page.scopes[0].reset, ids(&page).len(), page.scopes[0].total), (true, 3, Some(3)), "{text}");
    }
}

#[test]
fn a_checkpoint_older_than_the_tombstones_is_a_reset() {
    let mut server = filled(3);
    let before = pull(&server, None, 9);
    let halfway = pull(&server, None, 1);
    push_as(&mut server, "c_b", vec![delete("r1").seq(1).mid("b1")]);
    let after = pull(&server, checkpoint(&before), 9);
    assert_eq!(ids(&after), ["-r1"]);
    assert_eq!(server.collect(NOW_MS + 89 * DAY_MS).expect("collects"), 0);
    assert_eq!(server.collect(NOW_MS + 91 * DAY_MS).expect("collects"), 1);
    assert!(pull(&server, checkpoint(&before), 9).scopes[0].reset);
    assert!(pull(&server, checkpoint(&halfway), 9).scopes[0].reset);
    let fresh = pull(&server, checkpoint(&after), 9);
    assert_eq!((fresh.scopes[0].reset, ids(&fresh).len()), (false, 0));
    assert_eq!(row(&server, "r1"), Value::Null);
}

#[test]
fn an_answer_is_bounded_whatever_is_asked() {
    let mut server = server();
    let text = "x".repeat(600_000);
    for seq in 1..=6 {
        push(&mut server, vec![put(&format!("r{seq}"), json!({ "text": text })).seq(seq)]);
    }
    let page = pull(&server, None, u32::MAX);
    assert_eq!((ids(&page).len(), page.scopes[0].more), (4, true));
    assert_eq!(ids(&pull(&server, checkpoint(&page), 0)).len(), 1, "a limit of 0 still moves on");
}

#[test]
fn scopes_are_checked() {
    let server = server();
    let with = |change: &dyn Fn(&mut PullRequest)| {
        let mut request = pull_request("c_a", None, 9);
        change(&mut request);
        server.pull(USER, &request, NOW_MS).map_err(|refusal| refusal.code())
    };
    assert_eq!(with(&|request| request.v = 2), Err(ErrorCode::InvalidRequest));
    assert_eq!(with(&|request| request.scopes[0].name.clear()), Err(ErrorCode::InvalidRequest));
    assert_eq!(with(&|request| request.scopes.push(request.scopes[0].clone())), Err(ErrorCode::InvalidRequest));
    assert!(with(&|request| request.scopes.clear()).is_ok());
}

#[test]
fn a_restored_backup_is_noticed() {
    let folder = std::env::temp_dir().join(format!("holm-restore-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (file, backup) = (folder.join("data.sqlite"), folder.join("backup.sqlite"));
    let open = |life: &str| Server::open(&file, Rules::default(), &Life::Named(life.to_owned())).expect("opens");

    let mut server = open("life1");
    let early = settled(&mut server, "c_a", create("a", "x"));
    let early_checkpoint = checkpoint(&pull(&server, None, 9));
    server.checkpoint().expect("checkpoints");
    std::fs::copy(&file, &backup).expect("copies");
    let lost = settled(&mut server, "c_b", create("lost", "x"));
    let lost_checkpoint = checkpoint(&pull(&server, None, 9));
    drop(server);

    for name in ["data.sqlite", "data.sqlite-wal", "data.sqlite-shm"] {
        std::fs::remove_file(folder.join(name)).ok();
    }
    std::fs::copy(&backup, &file).expect("copies");
    let mut server = open("life2");
    assert_eq!(
        settled(&mut server, "c_c", create("new", "x")).as_str().split('-').next(),
        lost.as_str().split('-').next()
    );
    assert!(!pull(&server, early_checkpoint, 9).scopes[0].reset, "what both timelines share is good");
    assert!(pull(&server, lost_checkpoint, 9).scopes[0].reset, "the same number, another timeline");
    assert_ne!(server.rows().expect("rows")[1].rev, lost, "no revision is given twice");
    assert_eq!(server.rows().expect("rows")[0].rev, early);
    drop(server);
    std::fs::remove_dir_all(&folder).expect("removes");
}

/// A page leaves out what has moved to the end of the log, and a backup puts that back where it was.
#[test]
fn a_walk_that_went_on_after_a_backup_is_no_use_once_that_is_restored() {
    let mut server = filled(3);
    let before = pull(&server, None, 1);
    let backup = server.backup().expect("copies");
    push_as(&mut server, "c_b", vec![patch("r2", json!({ "title": "y" })).seq(1).mid("b1")]);
    let walked = pull(&server, checkpoint(&before), 1);
    assert_eq!((ids(&walked), walked.scopes[0].more), (vec!["r3".to_owned()], true), "r2 comes later");
    let server = Server::restore(&backup, Rules::default(), &Life::Drawn).expect("opens");
    assert!(!pull(&server, checkpoint(&before), 9).scopes[0].reset);
    let again = pull(&server, checkpoint(&walked), 9);
    assert!(again.scopes[0].reset && ids(&again).contains(&"r2".to_owned()), "{:?}", ids(&again));
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let folder = std::env::temp_dir().join(format!("holm-foreign-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let open = |path: &std::path::Path| Server::open(path, Rules::default(), &Life::Drawn);
    let path = |name: &str| folder.join(name);

    std::fs::write(
        path("text"),
        "not a database, but long enough to be looked at as one by anybody who cares".repeat(20),
    )
    .expect("writes");
    let other = rusqlite::Connection::open(path("other")).expect("opens");
    other.execute_batch("CREATE TABLE theirs (x)").expect("creates");
    let newer = rusqlite::Connection::open(path("newer")).expect("opens");
    newer
        .execute_batch("CREATE TABLE meta (x); PRAGMA application_id = 1213156429; PRAGMA user_version = 9")
        .expect("creates");
    drop((other, newer));
    for name in ["text", "other", "newer"] {
        let before = std::fs::read(path(name)).expect("reads");
        let refusal = open(&path(name)).expect_err("refused");
        assert_eq!(refusal.code(), ErrorCode::ServerError, "{name}");
        assert_eq!(std::fs::read(path(name)).expect("reads"), before, "{name} is untouched");
    }

    let first = open(&path("ours")).expect("opens");
    let second = open(&path("ours")).expect_err("one server at a time");
    assert!(second.to_string().contains("another server"), "{second}");
    let epoch = first.epoch().to_owned();
    drop(first);
    assert_eq!(open(&path("ours")).expect("opens").epoch(), epoch);
    std::fs::remove_dir_all(&folder).expect("removes");
}

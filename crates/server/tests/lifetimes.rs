//! The real program under load, killed, ended, waited on.

mod support {
    pub mod program;
}

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::program::{Folder, Program, command, eventually, wal_of};

const DEBUG: &[(&str, &str)] = &[("HOLM_DEBUG", "1")];

fn push(client: &str, seqs: std::ops::Range<u64>) -> Value {
    let mutation = |seq| {
        json!({
            "seq": seq, "mid": format!("{client}-{seq}"), "kind": "put", "collection": "tasks",
            "id": format!("{client}-{seq}"), "data": { "n": seq },
        })
    };
    let mutations: Vec<Value> = seqs.map(mutation).collect();
    json!({ "v": 1, "client": client, "schema": 1, "seen": 0, "sent": format!("0199a0000000-0000-{client}"), "mutations": mutations })
}

fn pull(checkpoint: Option<&str>, wait: u32) -> Value {
    json!({ "v": 1, "client": "c_r", "schema": 1, "seen": 0, "limit": 500, "wait": wait,
        "scopes": [{ "name": "tasks", "checkpoint": checkpoint }] })
}

fn checkpoint(server: &Program) -> String {
    let answer = server.post_json("/sync/pull", &pull(None, 0)).json();
    answer["scopes"][0]["checkpoint"].as_str().expect("a checkpoint").to_owned()
}

fn mids(server: &Program, table: &str) -> Vec<String> {
    let all = server.fetch("/sync/receipts", &[]).json();
    let rows = all[table].as_array().expect("a list").iter();
    rows.map(|row| row["mid"].as_str().expect("a mid").to_owned()).collect()
}

#[test]
fn arguments_are_refused_before_anything_is_made() {
    let folder = Folder::new();
    let output = command(&folder, &[]).arg("--help").output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).expect("text");
    assert!(told.contains("HOLM_PORT") && told.contains("--help"), "{told}");
    assert!(!folder.0.join("data.sqlite").exists());
}

#[test]
fn killed_between_commit_and_answer_then_repeated_is_once() {
    let folder = Folder::new();
    let request = push("c_a", 1..21);
    for round in 0..3 {
        let server = Program::start(&folder, &[("HOLM_DEBUG", "1"), ("HOLM_DEBUG_DELAY_MS", "60000")]);
        let body = request.to_string();
        let mut stream = server.connect();
        write!(
            stream,
            "POST /sync/push HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("writes");
        eventually("the commit", || (mids(&server, "receipts").len() == 20).then_some(()));
        std::thread::sleep(Duration::from_millis(20));
        server.kill();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        assert!(answer.is_empty(), "round {round}: no answer came");
    }
    let server = Program::start(&folder, DEBUG);
    let answer = server.post_json("/sync/push", &request);
    assert_eq!((answer.status, answer.json()["acked"].clone()), (200, json!(20)));
    let effects = mids(&server, "effects");
    assert_eq!((effects.len(), effects.into_iter().collect::<BTreeSet<_>>().len()), (20, 20));
    let page = server.post_json("/sync/pull", &pull(None, 0)).json();
    assert_eq!(page["scopes"][0]["changes"].as_array().map(Vec::len), Some(20));
}

#[test]
fn killed_under_load_loses_nothing_that_was_answered() {
    let folder = Folder::new();
    let mut answered: BTreeSet<String> = BTreeSet::new();
    for round in 0..3 {
        let server = Program::start(&folder, DEBUG);
        let url = server.url.clone();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let client = format!("c_{round}{writer}");
                let url = url.clone();
                std::thread::spawn(move || {
                    let body = |seq| push(&client, seq..seq + 1).to_string();
                    let send =
                        |seq| ureq::post(format!("{url}/sync/push")).content_type("application/json").send(body(seq));
                    let sent = (1..).take_while(|seq| {
                        send(*seq).is_ok_and(|mut answer| answer.body_mut().read_to_string().is_ok())
                    });
                    sent.map(|seq| format!("{client}-{seq}")).collect::<Vec<_>>()
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        server.kill();
        answered.extend(writers.into_iter().flat_map(|writer| writer.join().expect("joins")));
    }
    assert!(answered.len() > 10, "something was written: {}", answered.len());
    let server = Program::start(&folder, DEBUG);
    let effects = mids(&server, "effects");
    let unique: BTreeSet<String> = effects.iter().cloned().collect();
    assert_eq!(effects.len(), unique.len(), "once each");
    assert_eq!(answered.difference(&unique).collect::<Vec<_>>(), Vec::<&String>::new(), "nothing answered is lost");
}

#[test]
fn many_clients_at_once() {
    let folder = Folder::new();
    let server = Program::start(&folder, DEBUG);
    std::thread::scope(|scope| {
        for client in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..10 {
                    let request = push(&format!("c_{client}"), 1 + round * 5..6 + round * 5);
                    for _ in 0..2 {
                        let answer = server.post_json("/sync/push", &request).json();
                        assert_eq!(answer["acked"], json!(5 + round * 5), "{answer}");
                    }
                    server.post_json("/sync/pull", &pull(None, 0));
                }
            });
        }
    });
    let effects = mids(&server, "effects");
    assert_eq!((effects.len(), effects.into_iter().collect::<BTreeSet<_>>().len()), (400, 400));
}

#[test]
fn one_push_sent_by_many_at_the_same_moment_is_once() {
    let folder = Folder::new();
    let server = Program::start(&folder, DEBUG);
    let request = push("c_a", 1..51);
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| server.post_json("/sync/push", &request).json()["results"].clone()))
            .collect();
        sent.into_iter().map(|sent| sent.join().expect("joins")).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(mids(&server, "effects").len(), 50);
}

#[test]
fn a_waiting_pull_is_woken_by_a_push_to_its_scope_only() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    let at = checkpoint(&server);
    let started = Instant::now();
    let nothing = server.post_json("/sync/pull", &pull(Some(&at), 1)).json();
    assert!(started.elapsed() >= Duration::from_millis(900), "held back");
    assert_eq!(nothing["scopes"][0]["changes"], json!([]));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let answer = server.post_json("/sync/pull", &pull(Some(&at), 20)).json();
            (answer, Instant::now())
        });
        std::thread::sleep(Duration::from_millis(300));
        let mut other = push("c_a", 1..2);
        other["mutations"][0]["collection"] = json!("notes");
        server.post_json("/sync/push", &other);
        std::thread::sleep(Duration::from_millis(300));
        assert!(!waiting.is_finished(), "another scope is no news");
        server.post_json("/sync/push", &push("c_a", 2..3));
        let pushed = Instant::now();
        let (answer, answered) = waiting.join().expect("joins");
        assert_eq!(answer["scopes"][0]["changes"].as_array().map(Vec::len), Some(1));
        assert!(answered < pushed + Duration::from_secs(2));
    });
}

#[test]
fn the_stream_pokes() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    let mut stream = server.connect();
    write!(stream, "GET /sync/stream HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n").expect("writes");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("a line"));
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(head.iter().any(|line| line == "content-type: text/event-stream"), "{head:?}");
    assert!(!head.iter().any(|line| line.starts_with("content-encoding")), "{head:?}");
    assert!(lines.any(|line| line.starts_with(':')), "a first comment opens the stream");
    server.post_json("/sync/push", &push("c_a", 1..4));
    assert!(lines.any(|line| line == "event: poke"));
    assert_eq!(lines.next().as_deref(), Some("data: {\"v\":1,\"scopes\":[\"tasks\"]}"));
}

#[test]
fn it_ends_cleanly() {
    for signal in ["TERM", "INT"] {
        let folder = Folder::new();
        let server = Program::start(&folder, &[("HOLM_DEBUG", "1"), ("HOLM_DEBUG_DELAY_MS", "700")]);
        let at = checkpoint(&server);
        let mut stream = server.connect();
        write!(stream, "GET /sync/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("writes");
        let mut idle = server.connect();
        let started = Instant::now();
        let running = &server;
        std::thread::scope(|scope| {
            let pushing = scope.spawn(|| running.post_json("/sync/push", &push("c_a", 1..4)));
            std::thread::sleep(Duration::from_millis(200));
            let mut others = pull(Some(&at), 20);
            others["scopes"][0]["name"] = json!("notes");
            others["scopes"][0]["checkpoint"] =
                server.post_json("/sync/pull", &others).json()["scopes"][0]["checkpoint"].clone();
            let waiting = scope.spawn(move || running.post_json("/sync/pull", &others));
            std::thread::sleep(Duration::from_millis(200));
            server.signal(signal);
            assert_eq!(pushing.join().expect("joins").json()["acked"], json!(3), "a push under way is answered");
            assert_eq!(waiting.join().expect("joins").status, 200, "a waiting pull is answered");
        });
        stream.read_to_string(&mut String::new()).expect("the stream ends");
        idle.read_to_end(&mut Vec::new()).expect("an idle connection ends");
        assert!(server.wait().success());
        assert!(started.elapsed() < Duration::from_secs(8), "without waiting for a timeout");
        assert_eq!(wal_of(&folder.0), 0, "everything is in the one file");
    }
}

#[test]
fn data_survives_a_restart() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    server.post_json("/sync/push", &push("c_a", 1..4));
    let at = checkpoint(&server);
    server.signal("TERM");
    server.wait();
    let server = Program::start(&folder, &[]);
    let page = server.post_json("/sync/pull", &pull(Some(&at), 0)).json();
    assert_eq!((&page["scopes"][0]["changes"], &page["scopes"][0].get("reset")), (&json!([]), &None));
    assert_eq!(server.post_json("/sync/push", &push("c_a", 4..5)).json()["acked"], json!(4));
}

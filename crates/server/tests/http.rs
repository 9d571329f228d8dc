//! The real program over HTTP: what is refused and how, limits, tokens, files.

mod support {
    pub mod program;
}

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use support::program::{Answer, Folder, Program, command};

fn push(seq: u64, id: &str, title: &str) -> Value {
    json!({
        "v": 1, "client": "c_a", "schema": 1, "seen": 0, "sent": "0199a0000000-0000-c_a",
        "mutations": [{ "seq": seq, "mid": format!("m{seq}"), "kind": "put", "collection": "tasks", "id": id, "data": { "title": title } }],
    })
}

fn pull() -> Value {
    json!({ "v": 1, "client": "c_a", "schema": 1, "seen": 0, "limit": 500, "scopes": [{ "name": "tasks", "checkpoint": null }] })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("encodes");
    encoder.finish().expect("encodes")
}

/// Every refusal, whatever its status, carries the marker and a code, and may not be cached.
fn assert_refusal(answer: &Answer, status: u16, code: &str, what: &str) {
    let body = answer.json();
    assert_eq!((answer.status, &body["v"], body["error"].as_str()), (status, &json!(1), Some(code)), "{what}: {body}");
    assert_eq!(
        (answer.header("cache-control"), answer.header("x-content-type-options")),
        ("no-store", "nosniff"),
        "{what}"
    );
}

#[test]
fn push_and_pull() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    let pushed = server.post_json("/sync/push", &push(1, "a", "x"));
    assert_eq!((pushed.status, &pushed.json()["results"][0]["status"]), (200, &json!("ok")));
    assert_eq!((pushed.header("content-type"), pushed.header("cache-control")), ("application/json", "no-store"));
    assert_eq!(pushed.header("x-content-type-options"), "nosniff");
    let pulled = server.post_json("/sync/pull", &pull());
    assert_eq!(pulled.json()["scopes"][0]["changes"][0]["data"], json!({ "title": "x" }));
    assert_eq!(server.fetch("/health", &[]).json()["status"], json!("ok"));
    assert_refusal(&server.post_json("/sync/push", &push(7, "b", "x")), 409, "gap", "a gap");
    assert_eq!(server.post_json("/sync/push", &push(7, "b", "x")).json()["expected"], json!(2));
}

#[test]
fn what_is_no_request() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    let body = push(1, "a", "x").to_string();
    let json_type = ("content-type", "application/json");
    let post = |headers: &[(&str, &str)], body: &[u8]| server.post("/sync/push", headers, body);

    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"] {
        assert_refusal(&post(&[("content-type", media_type)], body.as_bytes()), 415, "invalid-request", media_type);
    }
    assert_refusal(&post(&[], body.as_bytes()), 415, "invalid-request", "no content type");
    assert_refusal(&post(&[json_type, ("content-encoding", "br")], body.as_bytes()), 415, "invalid-request", "brotli");
    assert_refusal(
        &post(&[json_type, ("content-encoding", "gzip")], body.as_bytes()),
        400,
        "invalid-request",
        "not gzip",
    );
    let half = &gzip(body.as_bytes())[..40];
    assert_refusal(&post(&[json_type, ("content-encoding", "gzip")], half), 400, "invalid-request", "half a gzip");

    let mut deep = push(1, "a", "x").to_string();
    deep = deep.replace("\"x\"", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    let broken = ["", "null", "[]", "{", "<html>", "{\"v\":1}", &body.replace("\"v\":1", "\"v\":2"), &deep, "\u{0}"];
    for text in broken {
        let what = &text[..text.len().min(40)];
        assert_refusal(&post(&[json_type], text.as_bytes()), 400, "invalid-request", what);
    }
    assert_refusal(&server.fetch("/sync/push", &[]), 405, "invalid-request", "GET");
    assert_refusal(&server.fetch("/sync/nothing", &[]), 404, "not-found", "no such path");
    assert_refusal(&server.fetch("/sync/receipts", &[]), 404, "not-found", "not without HOLM_DEBUG");
    assert_refusal(&server.fetch("/", &[]), 404, "not-found", "no files");
    assert_eq!(post(&[("content-type", "Application/JSON; charset=utf-8")], body.as_bytes()).status, 200);
}

#[test]
fn limits_hold_before_and_after_decompression() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[("HOLM_LIMIT_BYTES", "100000"), ("HOLM_LIMIT_MUTATIONS", "3")]);
    let gzipped = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let fits = push(1, "a", &"x".repeat(90_000)).to_string();
    let answer = server.post("/sync/push", &gzipped, &gzip(fits.as_bytes()));
    assert_eq!((answer.status, answer.json()["limits"]["bytes"].clone()), (200, json!(100_000)));

    let bomb = gzip(&vec![b' '; 30_000_000]);
    assert!(bomb.len() < 100_000, "it looks small");
    let many: Vec<Value> = (2..6).map(|seq| push(seq, &seq.to_string(), "x")["mutations"][0].clone()).collect();
    let mut too_many = push(2, "b", "x");
    too_many["mutations"] = json!(many);
    let cases = [
        ("a bomb", server.post("/sync/push", &gzipped, &bomb)),
        ("plain", server.post_json("/sync/push", &push(2, "b", &"x".repeat(3_000_000)))),
        ("a pull", server.post_json("/sync/pull", &json!({ "v": 1, "pad": "x".repeat(200_000) }))),
        ("mutations", server.post_json("/sync/push", &too_many)),
    ];
    for (what, answer) in cases {
        assert_refusal(&answer, 413, "payload-too-large", what);
        assert_eq!(answer.json()["limits"], json!({ "mutations": 3, "bytes": 100_000 }), "{what}");
    }
    assert_eq!(server.post_json("/sync/push", &push(2, "b", "x")).status, 200);
}

#[test]
fn the_largest_record_fits_into_a_push() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    let title = "\u{1}".repeat((1 << 20) / 6 - 10);
    let answer = server.post_json("/sync/push", &push(1, "a", &title));
    assert_eq!(answer.json()["results"][0]["status"], json!("ok"));
    let answer = server.post_json("/sync/push", &push(2, "b", &"x".repeat(1 << 20)));
    assert_eq!(answer.json()["results"][0]["code"], json!("record-too-large"));
}

#[test]
fn answers_are_compressed_when_asked() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    server.post_json("/sync/push", &push(1, "a", &"x".repeat(10_000)));
    let headers = [("content-type", "application/json"), ("accept-encoding", "gzip")];
    let answer = server.post("/sync/pull", &headers, pull().to_string().as_bytes());
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert!(answer.bytes.len() < 1_000);
    assert!(server.post_json("/sync/pull", &pull()).bytes.len() > 10_000);
}

#[test]
fn a_file_that_is_packed_already_is_sent_so_and_only_to_whom_can_read_it() {
    let folder = Folder::new();
    let www = folder.0.join("www");
    std::fs::create_dir_all(&www).expect("a folder");
    let (plain, packed) = (b"\0asm and more".as_slice(), gzip(b"\0asm and more"));
    std::fs::write(www.join("engine.wasm"), plain).expect("writes");
    std::fs::write(www.join("engine.wasm.gz"), &packed).expect("writes");
    let server = Program::start(&folder, &[("HOLM_WWW", www.to_str().expect("text"))]);
    let answer = server.fetch("/engine.wasm", &[("accept-encoding", "gzip")]);
    assert_eq!((answer.header("content-encoding"), answer.header("content-type")), ("gzip", "application/wasm"));
    assert_eq!(answer.bytes, packed);
    let answer = server.fetch("/engine.wasm", &[]);
    assert_eq!((answer.header("content-encoding"), answer.bytes.as_slice()), ("", plain));
}

#[test]
fn a_token_is_needed_where_one_is_set() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[("HOLM_TOKEN", "s3cret"), ("HOLM_DEBUG", "1")]);
    let json_type = ("content-type", "application/json");
    for wrong in ["", "Bearer", "Bearer ", "Bearer wrong", "Bearer s3cre", "Bearer s3crets", "Basic s3cret", "s3cret"] {
        for answer in [
            server.post("/sync/push", &[json_type, ("authorization", wrong)], push(1, "a", "x").to_string().as_bytes()),
            server.post("/sync/pull", &[json_type, ("authorization", wrong)], b"{}"),
            server.fetch("/sync/stream", &[("authorization", wrong)]),
            server.fetch("/sync/receipts", &[("authorization", wrong)]),
        ] {
            assert_refusal(&answer, 401, "unauthorized", wrong);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "no Basic: fetch would hang");
        }
    }
    assert_refusal(&server.fetch("/sync/receipts?token=s3cret", &[]), 401, "unauthorized", "not in the address");
    let right = [json_type, ("authorization", "bearer s3cret")];
    assert_eq!(server.post("/sync/push", &right, push(1, "a", "x").to_string().as_bytes()).status, 200);
    let all = server.fetch("/sync/receipts", &right).json();
    assert_eq!((all["rows"].as_array().map(Vec::len), all["receipts"][0]["mid"].clone()), (Some(1), json!("m1")));
    assert_eq!(server.fetch("/health", &[]).status, 200);
}

#[test]
fn without_a_token_only_local_names_are_answered() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    let with_host = |host: &str| {
        server.raw(format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    };
    for local in ["127.0.0.1", "localhost:8080", "localhost", "[::1]:8080"] {
        assert!(with_host(local).starts_with("HTTP/1.1 200"), "{local}");
    }
    for foreign in ["rebound.example", "rebound.example:80", "127.0.0.1.example", ""] {
        assert!(with_host(foreign).starts_with("HTTP/1.1 403"), "{foreign}");
    }
}

type Variables<'a> = &'a [(&'a str, &'a str)];

#[test]
fn what_keeps_it_from_starting_is_one_sentence() {
    let folder = Folder::new();
    let server = Program::start(&folder, &[]);
    let port = server.url.rsplit(':').next().expect("a port").to_owned();
    let elsewhere = Folder::new();
    std::fs::write(elsewhere.0.join("text"), "no database".repeat(100)).expect("writes");
    let text = elsewhere.0.join("text");
    let cases: [(&Folder, Variables, &str); 5] = [
        (&elsewhere, &[("HOLM_HOST", "0.0.0.0")], "HOLM_HOST=0.0.0.0 needs HOLM_TOKEN"),
        (&elsewhere, &[("HOLM_PORT", "x")], "HOLM_PORT is a port"),
        (&elsewhere, &[("HOLM_PORT", &port)], "Cannot listen on 127.0.0.1:"),
        (&folder, &[], "another server has it open"),
        (&elsewhere, &[("HOLM_DATA", text.to_str().expect("text"))], "not a database"),
    ];
    for (folder, variables, sentence) in cases {
        let output = command(folder, variables).output().expect("runs");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(text.contains(sentence) && text.trim_end().lines().count() == 1, "{text}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
}

#[test]
fn files_are_served_with_their_types_and_a_policy() {
    let folder = Folder::new();
    let www = folder.0.join("www");
    std::fs::create_dir_all(www.join("pkg")).expect("a folder");
    std::fs::write(folder.0.join("secret"), "secret").expect("writes");
    let files = [
        ("/index.html", "text/html"),
        ("/app.js", "text/javascript"),
        ("/pkg/holm_bg.wasm", "application/wasm"),
        ("/pkg/service-worker.js", "text/javascript"),
        ("/style.css", "text/css"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/icon.svg", "image/svg+xml"),
    ];
    for (path, _) in files {
        std::fs::write(www.join(&path[1..]), "x").expect("writes");
    }
    let server = Program::start(&folder, &[("HOLM_WWW", www.to_str().expect("text"))]);
    for (path, media_type) in files {
        let answer = server.fetch(path, &[]);
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, b"x".as_slice()), "{path}");
        assert_eq!(answer.header("content-type").split(';').next(), Some(media_type), "{path}");
        assert_eq!(
            (answer.header("x-content-type-options"), answer.header("cache-control")),
            ("nosniff", "no-cache"),
            "{path}"
        );
        let policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
        assert_eq!(answer.header("content-security-policy"), policy, "{path}");
    }
    assert_eq!(server.fetch("/pkg/service-worker.js", &[]).header("service-worker-allowed"), "/");
    assert_eq!(server.fetch("/", &[]).header("content-type").split(';').next(), Some("text/html"));
    assert_eq!(server.fetch("/missing.js", &[]).status, 404);
    for path in ["/../secret", "/pkg/../../secret", "/%2e%2e/secret", "/..%2fsecret", "//secret"] {
        let text =
            server.raw(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(!text.contains("\r\n\r\nsecret"), "{path}: {text}");
    }
    let since = server.fetch("/app.js", &[]).header("last-modified").to_owned();
    assert_eq!(server.fetch("/app.js", &[("if-modified-since", &since)]).status, 304);
}

//! Short ways to write requests. Each test file uses a part of it.
#![allow(dead_code)]

use holm_protocol::{
    Data, ErrorCode, Hlc, Kind, Mutation, Outcome, PullRequest, PullResponse, PushRequest, Revision, ScopeRequest, Seq,
    Ways,
};
use holm_server::{Audit, Life, Rules, Server};
use serde_json::{Value, json};

pub const USER: &str = "owner";
pub const NOW_MS: u64 = 1_760_000_000_000;

pub fn server() -> Server {
    server_with(Rules::default())
}

pub fn server_with(rules: Rules) -> Server {
    let rules = Rules { audit: Audit::On, ..rules };
    Server::in_memory(rules, &Life::Named("life1".to_owned())).expect("opens")
}

/// A mutation with seq 1, mid `m<seq>` once placed, every field stamped `NOW_MS`.
pub fn mutation(kind: Kind, id: &str, data: Value) -> Mutation {
    let data: Data = holm_protocol::from_json(&data).expect("an object");
    let stamps = data.keys().map(|field| (field.clone(), at(NOW_MS))).collect();
    Mutation {
        seq: Seq(1),
        mid: "m1".into(),
        tx: None,
        n: None,
        collection: "tasks".to_owned(),
        id: id.to_owned(),
        kind,
        base: None,
        data,
        stamps,
        name: String::new(),
        args: holm_protocol::Value::Null,
        ways: Ways::new(),
    }
}

pub fn create(id: &str, title: &str) -> Mutation {
    mutation(Kind::Create, id, json!({ "title": title }))
}

pub fn put(id: &str, data: Value) -> Mutation {
    mutation(Kind::Put, id, data)
}

pub fn patch(id: &str, data: Value) -> Mutation {
    mutation(Kind::Patch, id, data)
}

pub fn delete(id: &str) -> Mutation {
    mutation(Kind::Delete, id, json!({}))
}

pub fn skip() -> Mutation {
    Mutation { collection: String::new(), ..mutation(Kind::Skip, "", json!({})) }
}

pub fn at(ms: u64) -> Hlc {
    Hlc { ms, counter: 0, client: "c_a".into() }
}

/// What tests say about a mutation after building it.
pub trait Saying {
    fn seq(self, seq: u64) -> Self;
    fn mid(self, mid: &str) -> Self;
    fn base(self, rev: &Revision) -> Self;
    fn tx(self, tx: &str, n: u32) -> Self;
    fn stamped(self, ms: u64) -> Self;
    fn removing(self, field: &str) -> Self;
}

impl Saying for Mutation {
    fn seq(mut self, seq: u64) -> Self {
        self.seq = Seq(seq);
        self.mid = format!("m{seq}").as_str().into();
        self
    }

    fn mid(mut self, mid: &str) -> Self {
        self.mid = mid.into();
        self
    }

    fn base(mut self, rev: &Revision) -> Self {
        self.base = Some(rev.clone());
        self
    }

    fn tx(mut self, tx: &str, n: u32) -> Self {
        (self.tx, self.n) = (Some(tx.to_owned()), Some(n));
        self
    }

    fn stamped(mut self, ms: u64) -> Self {
        self.stamps.values_mut().for_each(|stamp| *stamp = at(ms));
        self
    }

    fn removing(mut self, field: &str) -> Self {
        self.stamps.insert(field.to_owned(), at(NOW_MS));
        self
    }
}

/// A request as this client would send it: the stamps are its own.
pub fn push_from(client: &str, seen: u64, mut mutations: Vec<Mutation>) -> PushRequest {
    mutations
        .iter_mut()
        .flat_map(|mutation| mutation.stamps.values_mut())
        .for_each(|stamp| stamp.client = client.into());
    PushRequest { v: 1, client: client.into(), schema: 1, seen: Seq(seen), sent: at(NOW_MS), mutations }
}

/// Pushes as client `c_a` and gives the outcomes.
pub fn push(server: &mut Server, mutations: Vec<Mutation>) -> Vec<Outcome> {
    push_as(server, "c_a", mutations)
}

pub fn push_as(server: &mut Server, client: &str, mutations: Vec<Mutation>) -> Vec<Outcome> {
    let response = server.push(USER, &push_from(client, 0, mutations), NOW_MS).expect("not refused");
    response.results.into_iter().map(|result| result.outcome).collect()
}

/// Pushes one mutation that must be ok, as a client of its own, and gives the revision.
pub fn settled(server: &mut Server, client: &str, mutation: Mutation) -> Revision {
    let mid = format!("{client}-1");
    match push_as(server, client, vec![mutation.seq(1).mid(&mid)]).remove(0) {
        Outcome::Ok { rev: Some(rev) } => rev,
        other => panic!("{other:?}"),
    }
}

pub fn refused(server: &mut Server, request: &PushRequest) -> ErrorCode {
    server.push(USER, request, NOW_MS).expect_err("refused").code()
}

pub fn row(server: &Server, id: &str) -> Value {
    let rows = server.rows().expect("rows");
    let row = rows.into_iter().find(|row| row.id == id);
    row.map_or(Value::Null, |row| if row.deleted { json!("deleted") } else { json!(row.data) })
}

pub fn is_ok(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Ok { .. })
}

pub fn rejected(outcome: &Outcome) -> Option<ErrorCode> {
    match outcome {
        Outcome::Rejected { code, .. } => Some(*code),
        _ => None,
    }
}

pub fn pull_request(client: &str, checkpoint: Option<String>, limit: u32) -> PullRequest {
    let scopes = vec![ScopeRequest { name: "tasks".to_owned(), args: Data::new(), checkpoint }];
    PullRequest { v: 1, client: client.into(), schema: 1, seen: Seq(0), unanswered: Vec::new(), limit, wait: 0, scopes }
}

pub fn pull(server: &Server, checkpoint: Option<String>, limit: u32) -> PullResponse {
    server.pull(USER, &pull_request("c_reader", checkpoint, limit), NOW_MS).expect("not refused")
}

/// The ids of a page; a tombstone's with a minus.
pub fn ids(response: &PullResponse) -> Vec<String> {
    let id = |change: &holm_protocol::Change| format!("{}{}", if change.deleted { "-" } else { "" }, change.id);
    response.scopes[0].changes.iter().map(id).collect()
}

//! The messages of the sync protocol, version 1 (`docs/protocol.md`).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{ClientId, ErrorCode, Fields, FromJson, Hlc, MutationId, Revision, Seq, Unfit, read_fields, read_words};

/// The version of this protocol: the `v` of every message, and the marker that tells a Holm server from a captive portal.
pub const PROTOCOL_VERSION: u32 = 1;

/// The fields of a record, by name, in the protocol's JSON (`docs/protocol.md`, Values).
pub type Data = Map<String, Value>;

/// When each field was last written, by field name; a stamp without a field in the data is a removal.
pub type Stamps = BTreeMap<String, Hlc>;

/// `POST {base}/push`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PushRequest {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// Who sends.
    pub client: ClientId,
    /// The schema version under which the mutations were frozen.
    pub schema: u32,
    /// The highest seq whose results, with all before it, this client has durably recorded.
    pub seen: Seq,
    /// The client's clock at sending, so that the server can shift stamps.
    pub sent: Hlc,
    /// In `seq` order.
    pub mutations: Vec<Mutation>,
}

read_fields!(PushRequest { v, client, schema, seen, sent, mutations });

/// What a mutation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A new record; conflicts when it exists.
    Create,
    /// Some fields of a record that exists.
    Patch,
    /// A whole record, new or not.
    Put,
    /// Removes a record; absent is fine.
    Delete,
    /// A server-side function (level 3).
    Call,
    /// Consumes its seq without effect: answered `rejected: undeliverable`, or from the receipt if it had been applied before.
    Skip,
}

read_words!(Kind {
    Create "create", Patch "patch", Put "put", Delete "delete", Call "call", Skip "skip",
});

/// One change that a client intends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mutation {
    /// Position in this client's order, given when frozen.
    pub seq: Seq,
    /// Its identity for ever, drawn in the commit of the write.
    pub mid: MutationId,
    /// The transaction it belongs to; all members share one outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx: Option<String>,
    /// The number of members of `tx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Empty for `call` and `skip`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub collection: String,
    /// The record's id; empty for `call` and `skip`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// The revision the client saw; `None` where it saw none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Revision>,
    /// The fields written: all of them for `create` and `put`, the changed ones for `patch`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub data: Data,
    /// The changed fields. A field with a stamp and no data is removed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stamps: Stamps,
    /// The function of a `call`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The arguments of a `call`.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub args: Value,
}

read_fields!(Mutation { seq, mid, kind; tx, n, collection, id, base, data, stamps, name, args });

/// The answer to a push.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PushResponse {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// Which life of the server's data this is; another one means that it was restored or rebuilt.
    pub epoch: String,
    /// The server's clock.
    pub now: Hlc,
    /// The client's last handled seq.
    pub acked: Seq,
    /// One per mutation, in `seq` order.
    pub results: Vec<MutationResult>,
    /// What one request may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

read_fields!(PushResponse { v, epoch, now, acked, results; limits });

/// What one push may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Mutations per request.
    pub mutations: u32,
    /// Bytes of a body, uncompressed.
    pub bytes: u64,
}

read_fields!(Limits { mutations, bytes });

/// The outcome of one mutation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MutationResult {
    /// Whose.
    pub seq: Seq,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a mutation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Outcome {
    /// Applied; `rev` is the record's revision afterwards (absent for a delete of what was never there).
    Ok {
        /// The record's revision afterwards.
        #[serde(skip_serializing_if = "Option::is_none")]
        rev: Option<Revision>,
    },
    /// Not applied: the record is not what the client saw.
    Conflict {
        /// What the server has.
        server: ServerRow,
    },
    /// Not applied, and never will be.
    Rejected {
        /// Why.
        code: ErrorCode,
        /// Which field, where it was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// Why, in words.
        #[serde(skip_serializing_if = "String::is_empty")]
        message: String,
        /// For `tx-aborted`: the seq of the member that failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        culprit: Option<Seq>,
    },
    /// No effect; send it again under a new seq after so many seconds.
    Retry {
        /// Seconds.
        after: u32,
    },
}

impl FromJson for MutationResult {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self { seq: fields.take("seq")?, outcome: Outcome::take(&mut fields)? })
    }
}

impl FromJson for Outcome {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        Self::take(&mut Fields::of(value)?)
    }
}

impl Outcome {
    fn take(fields: &mut Fields) -> Result<Self, Unfit> {
        Ok(match fields.take::<String>("status")?.as_str() {
            "ok" => Self::Ok { rev: fields.take_or_default("rev")? },
            "conflict" => Self::Conflict { server: fields.take("server")? },
            "rejected" => Self::Rejected {
                code: fields.take("code")?,
                field: fields.take_or_default("field")?,
                message: fields.take_or_default("message")?,
                culprit: fields.take_or_default("culprit")?,
            },
            "retry" => Self::Retry { after: fields.take("after")? },
            _ => return Err(Unfit::expected("a status")),
        })
    }
}

/// A row as the server has it, in a conflict.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerRow {
    /// Its revision; absent where the server never had the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<Revision>,
    /// It was deleted, or never there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Its fields.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub data: Data,
    /// When each was written.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stamps: Stamps,
}

read_fields!(ServerRow { ; rev, deleted, data, stamps });

/// `POST {base}/pull`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PullRequest {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// Who asks.
    pub client: ClientId,
    /// The schema version of the app.
    pub schema: u32,
    /// As in [`PushRequest`].
    pub seen: Seq,
    /// Changes per scope and answer, at most.
    pub limit: u32,
    /// Seconds to wait for news when there are none (long poll).
    pub wait: u32,
    /// What to pull.
    pub scopes: Vec<ScopeRequest>,
}

read_fields!(PullRequest { v, client, schema, seen, limit, scopes; wait });

/// A scope, and where this client stands in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScopeRequest {
    /// The server's name for it.
    pub name: String,
    /// Its arguments.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub args: Map<String, Value>,
    /// The last checkpoint received; `None` at first.
    pub checkpoint: Option<String>,
}

read_fields!(ScopeRequest { name; args, checkpoint });

/// The answer to a pull.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PullResponse {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// As in [`PushResponse`].
    pub epoch: String,
    /// The server's clock.
    pub now: Hlc,
    /// The client's last handled seq, read in the same snapshot as the changes.
    pub acked: Seq,
    /// Every result that is not ok with `seen < seq <= acked`.
    pub results: Vec<MutationResult>,
    /// One per scope asked for.
    pub scopes: Vec<ScopeResponse>,
}

read_fields!(PullResponse { v, epoch, now, acked, scopes; results });

/// One page of a scope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScopeResponse {
    /// `name`, or `name:args` in the server's own form.
    pub key: String,
    /// Where the client stands after this page. Opaque.
    pub checkpoint: String,
    /// There is more to ask for now.
    pub more: bool,
    /// The client's checkpoint was no good: this is the first page of everything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// Rows in all, on the first page, for progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// In commit order (key order during a reset).
    pub changes: Vec<Change>,
}

read_fields!(ScopeResponse { key, checkpoint, more, changes; reset, total });

/// One row of a page: present, deleted (a tombstone) or gone (it left the scope).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// Its revision; absent for `gone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<Revision>,
    /// It was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// It left this scope.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Its fields.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub data: Data,
    /// When each was written.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stamps: Stamps,
}

read_fields!(Change { collection, id; rev, deleted, gone, data, stamps });

/// The body of an answer that refuses the whole request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorResponse {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// Why.
    pub error: ErrorCode,
    /// Why, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// For `gap`: the seq that the server waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Seq>,
    /// For `schema-unsupported`: the oldest schema served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// For `schema-unsupported`: the newest schema served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// For `payload-too-large`: what one request may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

read_fields!(ErrorResponse { v, error; message, expected, min, max, limits });

/// The data of a `poke` event of `GET {base}/stream`: these scopes have news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Poke {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// The keys of the scopes; empty when the server cannot say which.
    pub scopes: Vec<String>,
}

read_fields!(Poke { v, scopes });

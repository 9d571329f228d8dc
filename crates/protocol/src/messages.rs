//! The messages of the sync protocol, version 1 (`docs/protocol.md`).

use crate::{
    ClientId, DataText, ErrorCode, Fields, FromJson, Hlc, MutationId, Object, Parser, Revision, Seq, Stamps, ToJson,
    Unfit, Value, json_fields, json_words, to_json_text,
};

/// The version of this protocol: the `v` of every message, and the marker that tells a Holm server from a captive portal.
pub const PROTOCOL_VERSION: u32 = 1;

/// The fields of a record, by name, in the protocol's JSON (`docs/protocol.md`, Values).
pub type Data = Fields<Value>;

/// `POST {base}/push`.
#[derive(Clone, Debug, Default, PartialEq)]
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

json_fields!(PushRequest { v, client, schema, seen, sent, mutations });

/// What a mutation does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    #[default]
    Skip,
}

json_words!(Kind {
    Create "create", Patch "patch", Put "put", Delete "delete", Call "call", Skip "skip",
});

/// One change that a client intends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mutation {
    /// Position in this client's order, given when frozen.
    pub seq: Seq,
    /// Its identity for ever, drawn in the commit of the write.
    pub mid: MutationId,
    /// The transaction it belongs to; all members share one outcome.
    pub tx: Option<String>,
    /// The number of members of `tx`.
    pub n: Option<u32>,
    /// Empty for `call` and `skip`.
    pub collection: String,
    /// The record's id; empty for `call` and `skip`.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// The revision the client saw; `None` where it saw none.
    pub base: Option<Revision>,
    /// The fields written: all of them for `create` and `put`, the changed ones for `patch`.
    pub data: Data,
    /// The changed fields. A field with a stamp and no data is removed.
    pub stamps: Stamps,
    /// The function of a `call`.
    pub name: String,
    /// The arguments of a `call`.
    pub args: Value,
    /// How those of the changed fields merge that do so in a way of their own.
    #[cfg(feature = "full")]
    pub ways: crate::Ways,
}

json_fields!(Mutation { seq, mid, kind; tx, n, collection, id, base, name, args + ways; data, stamps });

#[cfg(feature = "full")]
impl Mutation {
    /// What it does to the fields of a row, by these stamps.
    #[must_use]
    pub fn edit<'e>(&'e self, stamps: &'e Stamps) -> crate::Edit<'e> {
        crate::Edit { data: &self.data, stamps, ways: &self.ways }
    }
}

/// The answer to a push.
#[derive(Clone, Debug, Default, PartialEq)]
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
    pub limits: Option<Limits>,
}

json_fields!(PushResponse { v, epoch, now, acked, results; limits });

/// What one push may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Mutations per request.
    pub mutations: u32,
    /// Bytes of a body, uncompressed.
    pub bytes: u64,
}

json_fields!(Limits { mutations, bytes });

/// The outcome of one mutation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MutationResult {
    /// Whose.
    pub seq: Seq,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a mutation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Applied; `rev` is the record's revision afterwards (absent for a delete of what was never there).
    Ok {
        /// The record's revision afterwards.
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
        field: Option<String>,
        /// Why, in words.
        message: String,
        /// For `tx-aborted`: the seq of the member that failed.
        culprit: Option<Seq>,
    },
    /// No effect; send it again under a new seq after so many seconds.
    Retry {
        /// Seconds.
        after: u32,
    },
}

impl FromJson for MutationResult {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        self.outcome = Outcome::told(2, &mut self.seq, parser)?;
        Ok(())
    }
}

impl ToJson for MutationResult {
    fn fields(&self, object: &mut Object<'_>) {
        object.field("seq", &self.seq);
        self.outcome.fields(object);
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self::Ok { rev: None }
    }
}

impl FromJson for Outcome {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        *self = Self::told(1, &mut Seq::default(), parser)?;
        Ok(())
    }
}

impl Outcome {
    fn told(needed: usize, seq: &mut Seq, parser: &mut Parser<'_>) -> Result<Self, Unfit> {
        let (mut status, mut field, mut message) = (String::new(), None, String::new());
        let (mut rev, mut server, mut code, mut culprit, mut after) = (None, None, None, None, None);
        let slots: &mut [&mut dyn FromJson] = &mut [
            &mut status,
            seq,
            &mut rev,
            &mut server,
            &mut code,
            &mut field,
            &mut message,
            &mut culprit,
            &mut after,
        ];
        parser.fill("status seq rev server code field message culprit after ", needed, slots)?;
        let missing = |name| Unfit::from("is missing").within(name);
        Ok(match status.as_str() {
            "ok" => Self::Ok { rev },
            "conflict" => Self::Conflict { server: server.ok_or_else(|| missing("server"))? },
            "rejected" => Self::Rejected { code: code.ok_or_else(|| missing("code"))?, field, message, culprit },
            "retry" => Self::Retry { after: after.ok_or_else(|| missing("after"))? },
            _ => return Err("not a status".into()),
        })
    }
}

impl ToJson for Outcome {
    fn fields(&self, object: &mut Object<'_>) {
        match self {
            Self::Ok { rev } => {
                object.field("status", &"ok");
                object.some("rev", &[rev]);
            }
            Self::Conflict { server } => object.all("status server", &[&"conflict", server]),
            Self::Rejected { code, field, message, culprit } => {
                object.most("status code field message culprit", 2, &[&"rejected", code, field, message, culprit]);
            }
            Self::Retry { after } => object.all("status after", &[&"retry", after]),
        }
    }
}

/// A row as the server has it, in a conflict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerRow {
    /// Its revision; absent where the server never had the row.
    pub rev: Option<Revision>,
    /// It was deleted, or never there.
    pub deleted: bool,
    /// Its fields.
    pub data: Data,
    /// When each was written.
    pub stamps: Stamps,
}

json_fields!(ServerRow { ; rev, deleted; data, stamps });

/// `POST {base}/pull`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PullRequest {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// Who asks.
    pub client: ClientId,
    /// The schema version of the app.
    pub schema: u32,
    /// As in [`PushRequest`].
    pub seen: Seq,
    /// What the seqs after `seen` were given to, in order.
    pub unanswered: Vec<MutationId>,
    /// Changes per scope and answer, at most.
    pub limit: u32,
    /// Seconds to wait for news when there are none (long poll).
    pub wait: u32,
    /// What to pull.
    pub scopes: Vec<ScopeRequest>,
}

json_fields!(PullRequest { v, client, schema, seen, limit, scopes; unanswered, wait });

/// A scope, and where this client stands in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeRequest {
    /// The server's name for it.
    pub name: String,
    /// Its arguments.
    pub args: Data,
    /// The last checkpoint received; `None` at first.
    pub checkpoint: Option<String>,
}

json_fields!(ScopeRequest { name, checkpoint; args });

impl ScopeRequest {
    /// The one name of a scope with its arguments: `name`, or `name:args` where it has some.
    ///
    /// ```
    /// # use holm_protocol::{Data, ScopeRequest, Value};
    /// let args = Data::from([("id".to_owned(), Value::from("p1"))]);
    /// let scope = ScopeRequest { name: "project".to_owned(), args, checkpoint: None };
    /// assert_eq!(scope.key(), r#"project:{"id":"p1"}"#);
    /// ```
    #[must_use]
    pub fn key(&self) -> String {
        match self.args.is_empty() {
            true => self.name.clone(),
            false => format!("{}:{}", self.name, to_json_text(&self.args)),
        }
    }
}

/// The answer to a pull.
#[derive(Clone, Debug, Default, PartialEq)]
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

json_fields!(PullResponse { v, epoch, now, acked, scopes; results });

/// One page of a scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeResponse {
    /// [`ScopeRequest::key`].
    pub key: String,
    /// Where the client stands after this page. Opaque; empty where the scope is forbidden.
    pub checkpoint: String,
    /// There is more to ask for now.
    pub more: bool,
    /// The client's checkpoint was no good: this is the first page of everything.
    pub reset: bool,
    /// The user may not see the scope (any more).
    pub forbidden: bool,
    /// No row of this page was on an earlier page of this walk, which began without a checkpoint.
    pub fresh: bool,
    /// Rows in all, on the first page, for progress.
    pub total: Option<u64>,
    /// In commit order (key order during a reset).
    pub changes: Vec<Change>,
}

json_fields!(ScopeResponse { key, checkpoint, more, changes; reset, fresh, total + forbidden });

/// One row of a page: present, deleted (a tombstone) or gone (it left the scope).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// Its revision; absent for `gone`.
    pub rev: Option<Revision>,
    /// It was deleted.
    pub deleted: bool,
    /// It left this scope.
    pub gone: bool,
    /// Its fields.
    pub data: DataText,
    /// When each was written that has no stamp of its own.
    pub stamp: Option<Hlc>,
    /// When the others were written, or removed.
    pub stamps: Stamps,
}

json_fields!(Change { collection, id; rev, deleted, gone, data, stamp, stamps });

/// The body of an answer that refuses the whole request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorResponse {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// Why.
    pub error: ErrorCode,
    /// Why, in words.
    pub message: String,
    /// For `gap`: the seq that the server waits for.
    pub expected: Option<Seq>,
    /// For `schema-unsupported`: the oldest schema served.
    pub min: Option<u32>,
    /// For `schema-unsupported`: the newest schema served.
    pub max: Option<u32>,
    /// For `payload-too-large`: what one request may hold.
    pub limits: Option<Limits>,
}

json_fields!(ErrorResponse { v, error; message, expected, min, max, limits });

/// The data of a `poke` event of `GET {base}/stream`: these scopes have news.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poke {
    /// [`PROTOCOL_VERSION`].
    pub v: u32,
    /// The keys of the scopes; empty when the server cannot say which.
    pub scopes: Vec<String>,
}

json_fields!(Poke { v, scopes });

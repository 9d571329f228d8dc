//! A mutation as the outbox keeps it.

use std::collections::BTreeMap;

use holm_protocol::{Data, ErrorCode, Kind, Mutation, MutationId, Revision, Seq, Stamps};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// How far a mutation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not sent yet.
    Pending,
    /// Content and seq are fixed; it may be on its way, or handled already.
    Frozen(Seq),
    /// The server applied it; no pull has covered it yet.
    Confirmed(Seq),
}

/// One change that this client intends, with its place in the local order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in this database's order of writes.
    pub order: u64,
    /// How far it is.
    pub state: State,
    /// Its identity.
    pub mid: MutationId,
    /// The transaction it belongs to, and how many members that has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx: Option<(String, u32)>,
    /// Of which collection.
    pub collection: String,
    /// Which record.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// The revision the writer saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Revision>,
    /// The fields written.
    #[serde(default, skip_serializing_if = "Data::is_empty")]
    pub data: Data,
    /// The changed fields, and when.
    #[serde(default, skip_serializing_if = "Stamps::is_empty")]
    pub stamps: Stamps,
    /// When it was written (wall clock, milliseconds; for showing only).
    pub at: u64,
    /// Not to be sent before (wall clock, milliseconds): the server asked for time.
    #[serde(default)]
    pub not_before: u64,
}

/// Where an entry stands in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Position in the order of writes.
    pub order: u64,
    /// Of which collection.
    pub collection: String,
    /// Which record.
    pub id: String,
}

impl Entry {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { order: self.order, collection: self.collection.clone(), id: self.id.clone() }
    }

    /// The entry as the wire wants it.
    ///
    /// # Errors
    /// `internal` when it was never frozen.
    pub fn to_wire(&self) -> Result<Mutation, Error> {
        let State::Frozen(seq) = self.state else {
            return Err(Error::new(ErrorCode::Internal, format!("mutation {} is not frozen", self.mid)));
        };
        Ok(Mutation {
            seq,
            mid: self.mid.clone(),
            tx: self.tx.as_ref().map(|(tx, _)| tx.clone()),
            n: self.tx.as_ref().map(|(_, n)| *n),
            collection: self.collection.clone(),
            id: self.id.clone(),
            kind: self.kind,
            base: self.base.clone(),
            data: self.data.clone(),
            stamps: self.stamps.clone(),
            name: String::new(),
            args: Value::Null,
        })
    }
}

/// The last known server state of a record that has mutations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// Its revision; absent where the server has none (or none that we know).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<Revision>,
    /// The server has no such record (any more).
    pub absent: bool,
    /// Its fields.
    #[serde(default, skip_serializing_if = "Data::is_empty")]
    pub data: Data,
    /// When each was written.
    #[serde(default, skip_serializing_if = "Stamps::is_empty")]
    pub stamps: Stamps,
    /// Fields that changed while mutations waited, each with the last order that was written not knowing of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<String, u64>,
}

impl Base {
    /// This base in the place of `before`, heard of after `last_order` was written.
    #[must_use]
    pub fn after(mut self, before: &Self, last_order: u64) -> Self {
        let fields = before.stamps.keys().chain(self.stamps.keys());
        let changed = fields.filter(|field| before.stamps.get(*field) != self.stamps.get(*field));
        let moved: Vec<_> = changed.map(|field| (field.clone(), last_order)).collect();
        self.moved.clone_from(&before.moved);
        self.moved.extend(moved);
        self
    }

    /// Whether a field changed without the writer of `entry` knowing.
    #[must_use]
    pub fn moved_from_under(&self, entry: &Entry, field: &str) -> bool {
        self.moved.get(field).is_some_and(|last_order| entry.order <= *last_order)
    }
}

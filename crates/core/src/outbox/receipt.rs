//! What became of a write, for as long as the app may ask.

use holm_protocol::{ErrorCode, Fields, FromJson, MutationId, Unfit};
use holm_store::{Draft, Read};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Planned;
use crate::keyspace;
use crate::stored::{self, encode};

/// What became of one mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptState {
    /// It waits for the server.
    Pending,
    /// The server applied it.
    Acknowledged {
        /// When we heard (wall clock, milliseconds).
        at: u64,
    },
    /// The server refused it; it is kept, parked.
    Parked {
        /// Why.
        code: ErrorCode,
        /// Why, in words.
        message: String,
    },
    /// It was parked, and the app gave it up, or sent it again as another.
    Discarded,
    /// Nothing is known of it.
    Unknown,
}

impl ReceiptState {
    fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Parked { .. } => "parked",
            Self::Discarded => "discarded",
            Self::Unknown => "unknown",
        }
    }

    fn write<M: SerializeMap>(&self, fields: &mut M) -> Result<(), M::Error> {
        fields.serialize_entry("state", self.word())?;
        match self {
            Self::Acknowledged { at } => fields.serialize_entry("at", at),
            Self::Parked { code, message } => {
                fields.serialize_entry("code", code.as_str())?;
                fields.serialize_entry("message", message.as_str())
            }
            Self::Pending | Self::Discarded | Self::Unknown => Ok(()),
        }
    }
}

impl Serialize for ReceiptState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        self.write(&mut fields)?;
        fields.end()
    }
}

impl FromJson for ReceiptState {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        let mut fields = Fields::of(value)?;
        Ok(match fields.take::<String>("state")?.as_str() {
            "pending" => Self::Pending,
            "acknowledged" => Self::Acknowledged { at: fields.take("at")? },
            "parked" => Self::Parked { code: fields.take("code")?, message: fields.take("message")? },
            "discarded" => Self::Discarded,
            _ => Self::Unknown,
        })
    }
}

/// What became of a call: the worst of its mutations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Of the call.
    pub state: ReceiptState,
    /// How many mutations it made.
    pub mutations: usize,
}

impl Serialize for Receipt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        self.state.write(&mut fields)?;
        fields.serialize_entry("mutations", &self.mutations)?;
        fields.end()
    }
}

/// The identity of the `position`-th mutation of a call.
pub(super) fn mutation_id(receipt: &str, position: usize) -> MutationId {
    if position == 0 { MutationId(receipt.to_owned()) } else { MutationId(format!("{receipt}-{position}")) }
}

/// Writes what became of a mutation.
pub(super) fn save(draft: &mut Draft<'_>, mid: &MutationId, state: &ReceiptState) {
    draft.put(&keyspace::receipt(mid.as_str()), &encode(state));
}

/// Reads what became of a call, by its receipt.
///
/// # Errors
/// [`holm_store::PlanError::Missing`]; `storage-corrupt`.
pub fn receipt(view: &dyn Read, receipt: &str) -> Planned<Receipt> {
    let mut states = Vec::new();
    loop {
        let mid = mutation_id(receipt, states.len());
        let Some(state) = stored::read(view, &keyspace::receipt(mid.as_str()), "a receipt")? else { break };
        states.push(state);
    }
    let mutations = states.len();
    let state = states.into_iter().max_by_key(rank).unwrap_or(ReceiptState::Unknown);
    Ok(Receipt { state, mutations })
}

fn rank(state: &ReceiptState) -> u8 {
    match state {
        ReceiptState::Unknown => 0,
        ReceiptState::Acknowledged { .. } => 1,
        ReceiptState::Discarded => 2,
        ReceiptState::Pending => 3,
        ReceiptState::Parked { .. } => 4,
    }
}

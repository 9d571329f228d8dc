//! What became of a write, for as long as the app may ask.

use holm_protocol::{ErrorCode, FromJson, MutationId, Object, Parser, ToJson, Unfit};
use holm_store::{Draft, Read};

use super::Planned;
use crate::stored::{self, encode};
use crate::{FULL, keyspace};

/// What became of one mutation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// It became one with another before it was sent: what becomes of that one becomes of it.
    Joined {
        /// The other.
        into: MutationId,
    },
    /// Nothing is known of it.
    #[default]
    Unknown,
}

impl ReceiptState {
    fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Parked { .. } => "parked",
            Self::Discarded => "discarded",
            Self::Joined { .. } => "joined",
            Self::Unknown => "unknown",
        }
    }
}

impl ToJson for ReceiptState {
    fn fields(&self, object: &mut Object<'_>) {
        object.field("state", &self.word());
        match self {
            Self::Acknowledged { at } => object.field("at", at),
            Self::Parked { code, message } => object.all("code message", &[code, message]),
            Self::Joined { into } => object.field("into", into),
            Self::Pending | Self::Discarded | Self::Unknown => {}
        }
    }
}

impl FromJson for ReceiptState {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        let (mut state, mut at, mut code, mut message) = (String::new(), 0, ErrorCode::Internal, String::new());
        let mut into = MutationId::default();
        let slots: &mut [&mut dyn FromJson] = &mut [&mut state, &mut at, &mut code, &mut message, &mut into];
        parser.fill("state at code message into ", 1, slots)?;
        *self = match state.as_str() {
            "pending" => Self::Pending,
            "acknowledged" => Self::Acknowledged { at },
            "parked" => Self::Parked { code, message },
            "discarded" => Self::Discarded,
            "joined" if FULL => Self::Joined { into },
            _ => Self::Unknown,
        };
        Ok(())
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

impl ToJson for Receipt {
    fn fields(&self, object: &mut Object<'_>) {
        self.state.fields(object);
        object.field("mutations", &self.mutations);
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
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn receipt(view: &dyn Read, receipt: &str) -> Planned<Receipt> {
    let mut told = Receipt { state: ReceiptState::Unknown, mutations: 0 };
    let read = |mid: &MutationId| stored::read(view, &keyspace::receipt(mid.as_str()), "a receipt");
    loop {
        let Some(mut state) = read(&mutation_id(receipt, told.mutations))? else { return Ok(told) };
        if FULL && let ReceiptState::Joined { into } = &*state {
            state = read(into)?.unwrap_or_default();
        }
        told.mutations += 1;
        if rank(&state) >= rank(&told.state) {
            told.state = *state;
        }
    }
}

fn rank(state: &ReceiptState) -> u8 {
    match state {
        ReceiptState::Unknown | ReceiptState::Joined { .. } => 0,
        ReceiptState::Acknowledged { .. } => 1,
        ReceiptState::Discarded => 2,
        ReceiptState::Pending => 3,
        ReceiptState::Parked { .. } => 4,
    }
}

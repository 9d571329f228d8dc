//! Notes: a collection whose edits meet under another policy in each run (invariants 3 and 10, for every policy).

use holm_core::ErrorCode;
use holm_core::outbox::{Entry, ReceiptState, State};
use holm_protocol::{Policy, Stamps};

use crate::dice::Dice;
use crate::history::Name;
use crate::snapshot::Snapshot;

/// The collection.
pub const NOTES: &str = "notes";

/// How conflicts of notes end in a run.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// What the schema says.
    pub declared: &'static str,
    /// What the server is told.
    pub policy: Policy,
    /// Whether a device may give an edit up by itself.
    pub gives_up: bool,
    /// Whether a person decides some conflicts that are no transaction's.
    pub asks: bool,
}

const fn ending(declared: &'static str, policy: Policy, gives_up: bool, asks: bool) -> Ending {
    Ending { declared, policy, gives_up, asks }
}

const ENDINGS: [Ending; 7] = [
    ending(r#""conflict":"server""#, Policy::Manual, true, false),
    ending(r#""conflict":"client""#, Policy::Manual, false, true),
    ending(r#""conflict":{"lastWrite":"at"}"#, Policy::Manual, true, true),
    ending(r#""conflict":"last-write""#, Policy::LastWrite, false, true),
    ending(r#""conflict":"manual""#, Policy::Manual, false, true),
    ending(r#""conflict":"manual","parked":"keep""#, Policy::Manual, false, true),
    ending(r#""parked":"keep""#, Policy::Merge, false, true),
];

impl Ending {
    /// Draws one.
    pub fn draw(dice: &Dice) -> Self {
        *dice.one_of(&ENDINGS)
    }

    /// What a receipt must not say of a note, whatever the server made of it.
    pub fn forbids(self, name: &Name, state: &ReceiptState, is_transaction: bool) -> bool {
        let is_conflict = matches!(state, ReceiptState::Parked { code: ErrorCode::Conflict, .. });
        name.0 == NOTES && !self.asks && is_conflict && !is_transaction
    }

    /// Whether an edit of the whole record had to give way to what the server had: under *last write*, to what is later.
    pub fn beats(self, name: &Name, theirs: &Stamps, mine: &Stamps) -> bool {
        name.0 == NOTES && self.policy == Policy::LastWrite && theirs.values().max() > mine.values().max()
    }

    /// Whether a note's edit may have been given up by its device.
    pub fn may_give_up(self, name: &Name) -> bool {
        name.0 == NOTES && self.gives_up
    }
}

/// Whether a mutation was refused and is shown all the same.
pub fn is_kept(entry: &Entry) -> bool {
    entry.state == State::KEPT
}

/// Whether a record shows anything that is not sent and not the server's.
pub fn shows_kept(snapshot: &Snapshot, name: &Name) -> bool {
    snapshot.lanes.get(name).is_some_and(|lane| lane.values().any(|(_, entry)| is_kept(entry)))
}

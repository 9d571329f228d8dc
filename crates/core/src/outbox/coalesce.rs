//! Writes of one record that were never sent become one mutation.
//!
//! | before | then | becomes |
//! |---|---|---|
//! | create or put | patch, put | the same, with the record as it is now |
//! | patch | patch | a patch of both |
//! | patch | put | a put |
//! | create or put of a record that the server has not | delete | nothing at all |
//! | any other | delete | a delete |
//!
//! Each has a mutation id of its own, since a restored disk may send the one before again. Transactions, deletes, what shows the
//! effect of a call, and what was sent once are left alone, and so is what was written before the server's record changed, where its
//! writer saw no record, and where what counts, is put in or typed by itself was not written in sight of what the one before left.

use holm_protocol::Kind;
use holm_store::Draft;

use super::receipt::{self, ReceiptState};
#[cfg(feature = "full")]
use super::ways;
use super::{Entry, Planned, State, drop_base, lane, remove, store_entry};

impl Entry {
    /// Whether no server can have heard of it.
    pub(super) fn was_never_sent(&self) -> bool {
        self.state == State::Pending && self.not_before == 0
    }
}

/// Queues an entry: in one with the entry before it where that may be.
pub(super) fn queue(draft: &mut Draft<'_>, mut entry: Entry, may_join: bool) -> Planned<()> {
    let mut before = if may_join { lane(draft, &entry.collection, &entry.id)? } else { Vec::new() };
    let joins = |last: &Entry| {
        let is_alone = last.tx.is_none() && entry.tx.is_none() && last.effect_of().is_none();
        #[cfg(feature = "full")]
        let is_alone = is_alone && ways::go_on(last, &entry);
        is_alone
            && last.is_of_the_clock_of(&entry)
            && last.was_never_sent()
            && last.kind != Kind::Delete
            && last.base == entry.base
    };
    let is_only = before.len() == 1;
    let Some(last) = before.pop().filter(joins) else {
        receipt::save(draft, &entry.mid, &ReceiptState::Pending);
        store_entry(draft, &entry);
        return Ok(());
    };
    let into = last.receipt().clone();
    receipt::save(draft, &entry.mid, &ReceiptState::Joined { into: into.clone() });
    if entry.kind == Kind::Delete && last.kind != Kind::Patch && last.base.is_none() && is_only {
        receipt::save(draft, &into, &ReceiptState::Acknowledged { at: entry.at });
        remove(draft, &last);
        drop_base(draft, &last.collection, &last.id);
        return Ok(());
    }
    #[cfg(feature = "full")]
    {
        (entry.ways, entry.anew) = (ways::joined(&last, &entry), last.anew);
    }
    let Entry { kind, mut stamps, mut data, .. } = last;
    if entry.kind == Kind::Patch {
        for field in entry.stamps.keys() {
            match entry.data.get(field) {
                Some(value) => data.insert(field.clone(), value.clone()),
                None => data.remove(field),
            }
        }
        entry.data = data;
    }
    entry.kind = match (kind, entry.kind) {
        (_, Kind::Delete) => Kind::Delete,
        (Kind::Patch, kind) => kind,
        (kind, _) => kind,
    };
    for (field, stamp) in &entry.stamps {
        stamps.insert(field.clone(), stamp.clone());
    }
    (entry.order, entry.at, entry.stamps) = (last.order, last.at, stamps);
    (entry.first, entry.joined) = (Some(into), Some(last.joined.unwrap_or(0) + 1));
    store_entry(draft, &entry);
    Ok(())
}

//! What the server said, recorded.

#[cfg(feature = "full")]
use std::slice;

#[cfg(feature = "full")]
use holm_protocol::{Data, Value};
use holm_protocol::{ErrorCode, Kind, MutationId, MutationResult, Outcome, Seq, ServerRow};
use holm_store::Draft;
#[cfg(feature = "full")]
use holm_store::Read;

use super::park::{Reason, mine, park};
use super::receipt::{self, ReceiptState};
#[cfg(feature = "full")]
use super::ways;
#[cfg(feature = "full")]
use super::{Base, bases, replay, save_base};
use super::{Entry, Place, Planned, State, effect, entry_at, remove, restore, store_entry};
use crate::FULL;
#[cfg(feature = "full")]
use crate::keys;
use crate::local::Local;
use crate::schema::{Collection, ConflictPolicy, Schema};
use crate::sync::{RETRY_AFTER_MS_MAX, SyncState};

/// A server may ask for no more patience with a mutation: an hour, as with a request.
const AFTER_S_MAX: u64 = RETRY_AFTER_MS_MAX / 1000;

/// What everything shares that one commit records of the server's word.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The app's schema.
    pub schema: &'a Schema,
    /// Wall clock, milliseconds.
    pub now_ms: u64,
    /// Stamps the visible records that change.
    pub touch: u64,
    /// The last place that was drawn in the order of writes.
    pub last_order: u64,
    /// The rows of a pull hold this device's mutations up to here;
    #[cfg(feature = "full")]
    pub acked: Seq,
    /// and no others, where they are the first of all: the server may have forgotten what it had applied.
    #[cfg(feature = "full")]
    pub is_anew: bool,
}

impl<'a> Moment<'a> {
    /// Draws a stamp for it.
    #[must_use]
    pub fn begin(draft: &mut Draft<'_>, local: &mut Local, schema: &'a Schema, now_ms: u64) -> Self {
        let touch = local.touch(now_ms);
        local.save(draft);
        Self {
            schema,
            now_ms,
            touch,
            last_order: local.last_order(),
            #[cfg(feature = "full")]
            acked: Seq::default(),
            #[cfg(feature = "full")]
            is_anew: false,
        }
    }
}

/// Records results in the outbox: ok is confirmed, a refusal is parked, a retry is pending again.
///
/// What is frozen up to `acked` and not named is ok. A result for what is not frozen (any more) was recorded already, and changes
/// nothing.
///
/// # Errors
/// `storage-corrupt`; [`holm_store::Halt::Missing`].
pub fn settle(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    sync: &mut SyncState,
    results: &[MutationResult],
    acked: Seq,
) -> Planned<()> {
    for (seq, place) in sync.frozen.take_all() {
        let named = results.iter().find(|result| result.seq == seq).map(|result| &result.outcome);
        let Some(outcome) = named.or((seq <= acked).then_some(&Outcome::Ok { rev: None })) else {
            sync.frozen.insert(seq, place);
            continue;
        };
        let Some(mut entry) = entry_at(draft, &place)? else { continue };
        match outcome {
            Outcome::Ok { .. } => confirm(draft, moment.now_ms, sync, (seq, place), &mut entry)?,
            Outcome::Conflict { server } => settle_conflict(draft, moment, entry, server)?,
            Outcome::Rejected { code, field, message, .. } => {
                let reason =
                    Reason { code: *code, message: message.clone(), field: field.clone(), ..Reason::default() };
                park(draft, moment, entry, reason)?;
            }
            Outcome::Retry { after } => {
                let not_before = moment.now_ms + u64::from(*after).min(AFTER_S_MAX) * 1000;
                (entry.state, entry.not_before) = (State::Pending, not_before);
                store_entry(draft, &entry);
            }
        }
    }
    sync.advance_seen();
    Ok(())
}

fn confirm(
    draft: &mut Draft<'_>,
    now_ms: u64,
    sync: &mut SyncState,
    (seq, place): (Seq, Place),
    entry: &mut Entry,
) -> Planned<()> {
    receipt::save(draft, entry.receipt(), &ReceiptState::Acknowledged { at: now_ms });
    entry.state = State::Confirmed(seq);
    store_entry(draft, entry);
    sync.confirmed.insert(seq, place);
    effect::follow(draft, entry)
}

/// A conflict that the collection's policy decides is over; any other is parked. A transaction is parked whole.
fn settle_conflict(draft: &mut Draft<'_>, moment: &Moment<'_>, entry: Box<Entry>, server: &ServerRow) -> Planned<()> {
    let collection = moment.schema.find(&entry.collection).filter(|_| FULL);
    match collection.map(|collection| (collection, collection.conflict)) {
        Some((collection, ConflictPolicy::Server)) if entry.tx.is_none() => give_up(draft, moment, collection, &entry),
        Some((collection, ConflictPolicy::Client)) if entry.tx.is_none() => {
            insist(draft, moment, collection, *entry, server)
        }
        #[cfg(feature = "full")]
        Some((collection, ConflictPolicy::Greater)) if entry.tx.is_none() => {
            match is_greater(draft, collection, &entry, server)? {
                true => insist(draft, moment, collection, *entry, server),
                false => give_up(draft, moment, collection, &entry),
            }
        }
        _ => park(draft, moment, entry, conflict(server)),
    }
}

/// Lets the server's record stand.
fn give_up(draft: &mut Draft<'_>, moment: &Moment<'_>, collection: &Collection, entry: &Entry) -> Planned<()> {
    remove(draft, entry);
    #[cfg(feature = "full")]
    ways::undo(draft, moment.touch, entry)?;
    receipt::save(draft, entry.receipt(), &ReceiptState::Discarded);
    restore(draft, collection, &entry.id, moment.touch)
}

/// Whether what the writer left has the greater value in the field that decides. No value is the least, as in an index; a record that is
/// not there has none.
#[cfg(feature = "full")]
fn is_greater(view: &dyn Read, collection: &Collection, entry: &Entry, server: &ServerRow) -> Planned<bool> {
    let mine = mine(view, Some(collection), entry)?.or_else(|| Some(entry.data.clone()));
    let field = collection.greater.as_deref().unwrap_or_default();
    let key = |data: Option<&Data>| {
        let mut key = Vec::new();
        keys::push_value(
            &mut key,
            data.and_then(|data| data.get(field)).unwrap_or(&Value::Null),
            keys::Order::Ascending,
        );
        key
    };
    Ok(key(mine.as_ref()) > key((!server.deleted).then_some(&server.data)))
}

/// Sends a mutation again, as one that was made in sight of what the server has.
fn insist(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    collection: &Collection,
    mut entry: Entry,
    server: &ServerRow,
) -> Planned<()> {
    if entry.kind != Kind::Delete && (server.deleted || entry.kind == Kind::Create) {
        let mine = mine(draft, Some(collection), &entry)?;
        if entry.kind == Kind::Patch && mine.is_none() {
            // Nobody knows the rest of the record any more.
            return park(draft, moment, Box::new(entry), conflict(server));
        }
        entry.data = mine.unwrap_or(entry.data);
        entry.kind = Kind::Put;
    }
    let first = entry.receipt().clone();
    entry.mid = MutationId(format!("{first}~{}", moment.touch));
    receipt::save(draft, &entry.mid, &ReceiptState::Joined { into: first.clone() });
    (entry.first, entry.state, entry.base) = (Some(first), State::Pending, server.rev.clone());
    store_entry(draft, &entry);
    restore(draft, collection, &entry.id, moment.touch)
}

fn conflict(server: &ServerRow) -> Reason {
    let message =
        if server.deleted { "the record was deleted on the server" } else { "the record changed on the server" };
    let (message, server) = (message.to_owned(), Some(server.clone()));
    Reason { code: ErrorCode::Conflict, message, server, ..Reason::default() }
}

/// Lets go of confirmed mutations that a complete pull has covered, and shows the server's state in their place.
///
/// # Errors
/// `storage-corrupt`; [`holm_store::Halt::Missing`].
pub fn confirm_covered(draft: &mut Draft<'_>, moment: &Moment<'_>, sync: &mut SyncState, acked: Seq) -> Planned<()> {
    for (_, place) in sync.confirmed.take_up_to(acked) {
        if let Some(entry) = entry_at(draft, &place)? {
            remove(draft, &entry);
            effect::take_effect(draft, moment, &entry)?;
            // A collection that this version of the app no longer has shows nothing.
            if let Some(collection) = moment.schema.find(&place.collection) {
                #[cfg(feature = "full")]
                take_as_told(draft, collection, &entry)?;
                restore(draft, collection, &place.id, moment.touch)?;
            }
        }
    }
    Ok(())
}

/// What the server applied is taken for what it has of a record that is in no scope here, since no pull tells of it, lest what was
/// written over come back under what still waits; and for what it had of a record that was deleted since.
#[cfg(feature = "full")]
fn take_as_told(draft: &mut Draft<'_>, collection: &Collection, entry: &Entry) -> Planned<()> {
    let Some(mut base) = bases(draft, &entry.collection, &entry.id)? else { return Ok(()) };
    let absent = base.absent;
    if !base.gone && !absent {
        return Ok(());
    }
    base.absent &= base.data.is_empty() || entry.kind != Kind::Patch;
    let now = match replay(&base, slice::from_ref(entry), collection.conflict) {
        Some((data, stamps)) => Base { data, stamps, absent, ..*base },
        None => Base { data: Data::new(), absent: true, ..*base },
    };
    save_base(draft, &entry.collection, &entry.id, &now);
    Ok(())
}

/// Makes every frozen or confirmed mutation pending again, to be sent under new seqs and the same mids.
///
/// A confirmed one is answered from its receipt, or applied again if the server lost it.
///
/// # Errors
/// `storage-corrupt`; [`holm_store::Halt::Missing`].
pub fn thaw(draft: &mut Draft<'_>, sync: &mut SyncState) -> Planned<()> {
    let mut sent = sync.frozen.take_all();
    sent.append(&mut sync.confirmed.take_all());
    for (_, place) in sent {
        if let Some(mut entry) = entry_at(draft, &place)? {
            // It was sent: nothing more may be put into it.
            (entry.state, entry.not_before) = (State::Pending, entry.not_before.max(1));
            store_entry(draft, &entry);
            effect::follow(draft, &entry)?;
        }
    }
    Ok(())
}

//! Where entries and bases stand in the keyspace.
//!
//! An entry lives in the lane of its record; while it waits for the server, the outbox's order points at it.

use std::mem::take;

use holm_protocol::Data;
use holm_store::{Draft, Read};

use super::{Base, Entry, Place, Planned, State};
use crate::keyspace::{self, LANE_CONFIRMED, LANE_PENDING};
use crate::stored::{self, decode, encode, scan, scan_limit};
use crate::{FULL, records};

/// The entries of one record, in order.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn lane(view: &dyn Read, collection: &str, id: &str) -> Planned<Vec<Entry>> {
    let rows = scan(view, &keyspace::lanes_of(collection, id))?;
    let mut entries = Vec::with_capacity(rows.len());
    for (_, value) in &rows {
        entries.push(read_entry(value)?);
    }
    Ok(entries)
}

/// The first `limit` entries that wait for the server, in the order they were written.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn pending(view: &dyn Read, limit: usize) -> Planned<Vec<Entry>> {
    let pointers = scan_limit(view, &keyspace::outbox_from(0), limit)?;
    let mut entries = Vec::with_capacity(pointers.len());
    for (_, value) in &pointers {
        let at: Place = decode(value, "an outbox pointer")?;
        entries.extend(entry_at(view, &at)?.map(|entry| *entry));
    }
    Ok(entries)
}

/// The entry at a place, if it is still there.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn entry_at(view: &dyn Read, at: &Place) -> Planned<Option<Box<Entry>>> {
    match view.get(&keyspace::lane(&at.collection, &at.id, at.order))? {
        Some(value) => Ok(Some(Box::new(read_entry(&value)?))),
        None => Ok(None),
    }
}

fn read_entry(value: &[u8]) -> Planned<Entry> {
    Ok(decode(value.get(1..).unwrap_or_default(), "an outbox entry")?)
}

/// Writes an entry where its state says.
pub fn store_entry(draft: &mut Draft<'_>, entry: &Entry) {
    let waits = !matches!(entry.state, State::Confirmed(_));
    let mut value = vec![if waits { LANE_PENDING } else { LANE_CONFIRMED }];
    value.extend(encode(entry));
    draft.put(&keyspace::lane(&entry.collection, &entry.id, entry.order), &value);
    let pointer = keyspace::outbox(entry.order);
    if entry.effect_of().is_some() {
        return;
    }
    if waits {
        draft.put(&pointer, &encode(&entry.pointer()));
    } else {
        draft.delete(&pointer);
    }
}

/// Takes an entry out of lane and order.
pub fn remove(draft: &mut Draft<'_>, entry: &Entry) {
    draft.delete(&keyspace::outbox(entry.order));
    draft.delete(&keyspace::lane(&entry.collection, &entry.id, entry.order));
}

/// The base of a record that has mutations.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn bases(view: &dyn Read, collection: &str, id: &str) -> Planned<Option<Box<Base>>> {
    stored::read(view, &keyspace::base(collection, id), "a base row")
}

/// The ids of a collection that have bases, in order.
///
/// # Errors
/// [`holm_store::Halt::Missing`].
pub fn base_ids(view: &dyn Read, collection: &str) -> Planned<Vec<String>> {
    let rows = scan(view, &keyspace::bases_in(collection))?;
    Ok(rows.iter().map(|(key, _)| keyspace::text_after(key, 1).expect("a base's key holds its id")).collect())
}

/// Writes the base of a record.
pub fn save_base(draft: &mut Draft<'_>, collection: &str, id: &str, base: &Base) {
    draft.put(&keyspace::base(collection, id), &encode(base));
}

/// Removes the base of a record.
pub fn drop_base(draft: &mut Draft<'_>, collection: &str, id: &str) {
    draft.delete(&keyspace::base(collection, id));
}

/// What is kept of a record that the server has no more, so that an edit of it is kept whole: what it was there, and in the small
/// engine what the app sees.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn leaving(view: &dyn Read, (collection, id): (&str, &str), base: &mut Base) -> Planned<Data> {
    if FULL || base.absent {
        return Ok(take(&mut base.data));
    }
    Ok(records::read(view, collection, id)?.map(|record| record.data).unwrap_or_default())
}

//! Records as they are stored, and the index entries that follow them.
//!
//! What is stored under a record's key is what the app sees: base and outbox laid over one another. Whoever replaces it does so
//! through [`store`], so that no index entry parts from its record.

mod codec;
mod entries;
mod rebuild;
mod row;
mod unique;

use holm_protocol::{Data, DataText, Revision, Stamps};
use holm_store::{Direction, Draft, Missing, Read};
use std::ops::ControlFlow;

use crate::keyspace;
use crate::schema::Collection;

pub(crate) use codec::{Written, decode, pick, readable_body};
pub use rebuild::{fill_defaults, rebuild_indexes, rebuild_slice};
pub use row::{Row, rows_json};
pub use unique::check_unique;

/// A visible record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Local stamp of the last change that can be seen.
    pub touch: u64,
    /// The server's name for the state it comes from; `None` where it never was there.
    pub rev: Option<Revision>,
    /// When each field was last written.
    pub stamps: Stamps,
    /// Its fields, without the id.
    pub data: Data,
}

/// Reads a record.
///
/// # Errors
/// [`Missing`].
pub fn read(view: &dyn Read, collection: &str, id: &str) -> Result<Option<Box<Record>>, Missing> {
    let value = view.get(&keyspace::record(collection, id))?;
    Ok(value.map(|value| Box::new(codec::decode(&value))))
}

/// Reads a record's revision; `None` where there is no record.
///
/// # Errors
/// [`Missing`].
pub(crate) fn revision(view: &dyn Read, collection: &str, id: &str) -> Result<Option<Option<Revision>>, Missing> {
    let value = view.get(&keyspace::record(collection, id))?;
    Ok(value.map(|value| codec::decode_rev(&value)))
}

/// Reads a record as a row: its fields stay text.
///
/// # Errors
/// [`Missing`].
pub fn row(view: &dyn Read, collection: &str, id: &str) -> Result<Option<Row>, Missing> {
    let value = view.get(&keyspace::record(collection, id))?;
    Ok(value.map(|value| Row::new(id.to_owned(), value)))
}

/// Asks for several keys, so that all they miss is named together: a plan over many records calls it first, or it would run again
/// for each of them.
///
/// # Errors
/// [`Missing`], of all of them.
pub fn prefetch(view: &dyn Read, keys: &[Vec<u8>]) -> Result<(), Missing> {
    let mut missing = AllMissing::default();
    for key in keys {
        if let Err(why) = view.get(key) {
            missing.add(why);
        }
    }
    missing.into_result()
}

/// What several reads miss.
#[derive(Default)]
pub(crate) struct AllMissing {
    all: Option<Missing>,
    last: Option<Missing>,
}

impl AllMissing {
    pub(crate) fn add(&mut self, why: Missing) {
        if self.last.as_ref() == Some(&why) {
            return;
        }
        self.last = Some(why.clone());
        self.all = Some(self.all.take().map_or(why.clone(), |all| all.and(why)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_none()
    }

    pub(crate) fn into_result(self) -> Result<(), Missing> {
        self.all.map_or(Ok(()), Err)
    }
}

/// The ids of a collection, in order.
///
/// # Errors
/// [`Missing`].
pub fn ids(view: &dyn Read, collection: &str) -> Result<Vec<String>, Missing> {
    let mut ids = Vec::new();
    view.visit(&keyspace::records(collection).range(), Direction::Forward, &mut |key, _| {
        ids.push(id_of(key));
        ControlFlow::Continue(())
    })?;
    Ok(ids)
}

/// Replaces a record and its index entries; `None` removes them.
///
/// # Errors
/// [`Missing`].
pub fn store(draft: &mut Draft<'_>, collection: &Collection, id: &str, new: Option<&Record>) -> Result<(), Missing> {
    let Some(Record { touch, rev, stamps, data }) = new else {
        return replace(draft, collection, id, None, Before::Any);
    };
    let (stamp, stamps) = stamps.gathered(data);
    let (rev, stamp, data) = (rev.as_ref(), stamp.as_ref(), DataText::from(data));
    let record = Written { touch: *touch, rev, stamp, stamps: &stamps, data: &data };
    replace(draft, collection, id, Some(&record), Before::Any)
}

/// What may stand where a record is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// A record, or none: it is looked up.
    Any,
    /// Nothing.
    Nothing,
}

/// As [`store`], of a record whose fields are text.
///
/// # Errors
/// [`Missing`].
pub(crate) fn replace(
    draft: &mut Draft<'_>,
    collection: &Collection,
    id: &str,
    new: Option<&Written<'_>>,
    before: Before,
) -> Result<(), Missing> {
    let key = keyspace::record(&collection.name, id);
    if !collection.indexes.is_empty() {
        let old = if before == Before::Any { draft.get(&key)? } else { None };
        let before = old.map(|old| entries::all(collection, id, codec::body(&old))).unwrap_or_default();
        let after = new.map(|record| entries::all(collection, id, record.data.as_str())).unwrap_or_default();
        for gone in before.iter().filter(|entry| !after.contains(entry)) {
            draft.delete(gone);
        }
        for added in after.iter().filter(|entry| !before.contains(entry)) {
            draft.put(added, &[]);
        }
    }
    match new {
        Some(record) => draft.put(&key, &codec::encode(record)),
        None => draft.delete(&key),
    }
    Ok(())
}

/// The id in a record's key.
pub(crate) fn id_of(key: &[u8]) -> String {
    keyspace::text_after(key, 1).expect("a record's key holds its id")
}

#[cfg(test)]
pub(crate) mod tests;

//! Records that a server whose data began anew does not have any more: kept aside, and offered to the app.

use holm_protocol::{Data, DataText, ErrorCode, json_fields, quoted, write_fields};
use holm_store::{Draft, Read};

use crate::keyspace::{self, Parsed};
use crate::outbox::{Operation, Planned, WriteContext, write};
use crate::stored::{self, encode};
use crate::{Error, records};

/// A record that the server had, and lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Orphan {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// Its fields.
    pub data: Data,
}

write_fields!(Orphan { collection, id, data });

/// An orphan as it is stored.
#[derive(Default)]
struct Kept {
    data: Data,
}

json_fields!(Kept { data });

/// Keeps what is visible of a record that is about to go.
pub(super) fn keep(draft: &mut Draft<'_>, collection: &str, id: &str) -> Planned<()> {
    if let Some(record) = records::read(draft, collection, id)? {
        draft.put(&keyspace::orphan(collection, id), &encode(&Kept { data: record.data }));
    }
    Ok(())
}

/// The fields of an orphan as it is stored.
pub(crate) fn salvaged_orphan(value: &[u8]) -> Option<Data> {
    stored::decode::<Kept>(value, "an orphan").ok().map(|kept| kept.data)
}

/// The first `limit` orphans, by collection and id.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn orphans(view: &dyn Read, limit: usize) -> Planned<Vec<Orphan>> {
    let mut all = Vec::new();
    for (key, value) in stored::scan_limit(view, &keyspace::orphans(), limit)? {
        let Ok(Parsed::Orphan(collection, id)) = keyspace::parse(&key) else { continue };
        let Kept { data } = stored::decode(&value, "an orphan")?;
        all.push(Orphan { collection, id, data });
    }
    Ok(all)
}

/// Writes an orphan as a new record, for the server to have it again.
///
/// # Errors
/// `not-found`; whatever [`write()`] refuses, such as `already-exists`: it stays an orphan then.
pub fn adopt_orphan(draft: &mut Draft<'_>, cx: &WriteContext<'_>, collection: &str, id: &str) -> Planned<()> {
    let Kept { data } = *take(draft, collection, id)?;
    write(draft, cx, collection, Operation::Insert, &[(id.to_owned(), DataText::from(&data))])
}

/// Forgets an orphan.
///
/// # Errors
/// `not-found`.
pub fn forget_orphan(draft: &mut Draft<'_>, collection: &str, id: &str) -> Planned<()> {
    take(draft, collection, id).map(drop)
}

fn take(draft: &mut Draft<'_>, collection: &str, id: &str) -> Planned<Box<Kept>> {
    let key = keyspace::orphan(collection, id);
    let found = stored::read(draft, &key, "an orphan")?;
    draft.delete(&key);
    Ok(found.ok_or_else(|| Error::new(ErrorCode::NotFound, format!("{collection}: no orphan {}", quoted(id))))?)
}

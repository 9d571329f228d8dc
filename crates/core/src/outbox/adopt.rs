//! Records written while there was no server to tell: told, once there is one.

#[cfg(feature = "full")]
use holm_protocol::Data;
use holm_protocol::Kind;
use holm_store::Draft;

#[cfg(feature = "full")]
use super::entry;
use super::receipt::{self, ReceiptState};
#[cfg(feature = "full")]
use super::ways;
use super::{Base, Entry, Planned, State, bases, save_base, store_entry};
use crate::local::Local;
use crate::schema::Schema;
use crate::{records, stored};

const KEY: &str = "local-only";

/// Remembers that records are written without a mutation.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn keep_local(draft: &mut Draft<'_>) -> Planned<()> {
    if !stored::has_meta(draft, KEY)? {
        stored::save_meta(draft, KEY, &true);
    }
    Ok(())
}

/// Queues every record that the server never saw, if this database was ever without one.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn adopt(draft: &mut Draft<'_>, schema: &Schema) -> Planned<()> {
    if !stored::has_meta(draft, KEY)? {
        return Ok(());
    }
    stored::drop_meta(draft, KEY);
    let mut local = Local::read(draft)?;
    for collection in schema.collections() {
        for id in records::ids(draft, &collection.name)? {
            let Some(record) = records::read(draft, &collection.name, &id)? else { continue };
            if record.rev.is_some() || bases(draft, &collection.name, &id)?.is_some() {
                continue;
            }
            let order = local.next_order();
            // No call waits for this mutation, so its name may come from what is unique to it here.
            let mid = receipt::mutation_id(&format!("{}-adopted", local.client), order as usize);
            #[cfg(feature = "full")]
            let ways = ways::of(collection, &Data::new(), Some(&record.data), &record.stamps, None);
            save_base(draft, &collection.name, &id, &Base { absent: true, ..Base::default() });
            receipt::save(draft, &mid, &ReceiptState::Pending);
            let entry = Entry {
                order,
                state: State::Pending,
                mid,
                first: None,
                joined: None,
                tx: None,
                collection: collection.name.clone(),
                id,
                kind: Kind::Put,
                base: None,
                data: record.data,
                stamps: record.stamps,
                at: record.touch >> 16,
                not_before: 0,
                #[cfg(feature = "full")]
                skew: local.skew.map(entry::seconds),
                #[cfg(feature = "full")]
                call: None,
                #[cfg(feature = "full")]
                of: None,
                #[cfg(feature = "full")]
                ways,
                #[cfg(feature = "full")]
                anew: false,
            };
            store_entry(draft, &entry);
        }
    }
    local.save(draft);
    Ok(())
}

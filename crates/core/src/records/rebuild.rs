//! Index entries made anew, when the schema declares other indexes than those that are stored.

use std::ops::ControlFlow;

use holm_protocol::DataText;
use holm_store::{Direction, Draft, Missing, Read};

use super::{codec, entries, id_of, store};
use crate::keyspace;
use crate::schema::Collection;

/// Makes the stored index entries of a collection those that its schema declares, in one plan.
///
/// # Errors
/// [`Missing`].
pub fn rebuild_indexes(draft: &mut Draft<'_>, collection: &Collection) -> Result<(), Missing> {
    let records = keyspace::records(&collection.name).range();
    // A plan that misses blocks runs again from its start: what is slow comes after everything is in memory.
    draft.visit(&records, Direction::Forward, &mut |_, _| ControlFlow::Continue(()))?;
    remove_undeclared(draft, collection)?;
    let mut from = None;
    loop {
        from = rebuild_slice(draft, collection, from.as_deref(), RECORDS_PER_SLICE)?;
        if from.is_none() {
            return Ok(());
        }
    }
}

/// Gives every record of a collection the defaults that it lacks, in one plan.
///
/// # Errors
/// [`Missing`].
pub fn fill_defaults(draft: &mut Draft<'_>, collection: &Collection) -> Result<(), Missing> {
    let mut filled = Vec::new();
    draft.visit(&keyspace::records(&collection.name).range(), Direction::Forward, &mut |key, value| {
        if collection.fill_text(&DataText::again(codec::body(value).to_owned())).is_some() {
            let mut record = codec::decode(value);
            collection.fill(&mut record.data);
            filled.push((id_of(key), record));
        }
        ControlFlow::Continue(())
    })?;
    filled.iter().try_for_each(|(id, record)| store(draft, collection, id, Some(record)))
}

/// Records looked at between two rounds of writes: bounds what is held beside the batch itself.
const RECORDS_PER_SLICE: usize = 1_000;

/// Makes the index entries of up to `limit` records from the id `from` on; gives the id to go on with.
///
/// # Errors
/// [`Missing`].
pub fn rebuild_slice(
    draft: &mut Draft<'_>,
    collection: &Collection,
    from: Option<&str>,
    limit: usize,
) -> Result<Option<String>, Missing> {
    let mut range = keyspace::records(&collection.name).range();
    if let Some(from) = from {
        range.from = keyspace::record(&collection.name, from);
    }
    let mut wanted = Vec::new();
    let mut next = None;
    let mut seen = 0;
    draft.visit(&range, Direction::Forward, &mut |key, value| {
        let id = id_of(key);
        if seen == limit {
            next = Some(id);
            return ControlFlow::Break(());
        }
        seen += 1;
        wanted.extend(entries::all(collection, &id, codec::body(value)));
        ControlFlow::Continue(())
    })?;
    for entry in wanted {
        if draft.get(&entry)?.is_none() {
            draft.put(&entry, &[]);
        }
    }
    Ok(next)
}

/// Removes the entries of indexes that the schema does not declare any more.
fn remove_undeclared(draft: &mut Draft<'_>, collection: &Collection) -> Result<(), Missing> {
    let declared: Vec<Vec<u8>> =
        collection.indexes.iter().map(|index| keyspace::index(&collection.name, index.number)).collect();
    let all = keyspace::indexes(&collection.name);
    let length = all.start.len() + 4;
    let mut stale = Vec::new();
    draft.visit(&all.range(), Direction::Forward, &mut |key, _| {
        if !key.get(..length).is_some_and(|prefix| declared.iter().any(|index| index == prefix)) {
            stale.push(key.to_vec());
        }
        ControlFlow::Continue(())
    })?;
    stale.iter().for_each(|key| draft.delete(key));
    Ok(())
}

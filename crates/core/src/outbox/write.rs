//! Local writes: one plan that changes the record, its indexes and the outbox together.

use std::cell::OnceCell;
use std::ops::Range;

use holm_protocol::{Data, DataText, ErrorCode, Hlc, Kind, MutationId, Revision, Stamps, ToJson, quoted};
use holm_store::{Draft, Halt, Missing, PlanError, Read};

use super::{Base, Entry, Place, Planned, State, bases, coalesce, receipt, save_base, store_entry};
#[cfg(feature = "full")]
use super::{entry, kept, lane, ways};
use crate::local::{Local, touch_of};
use crate::records::{self, Before, Record, Written};
use crate::schema::{Collection, Schema, check_id};
use crate::value::is_unset;
use crate::{Error, FULL, keyspace};

/// What a local write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The whole record, new or not.
    Put,
    /// The whole record, which must be new.
    Insert,
    /// Some fields of a record that must exist.
    Patch,
    /// Removes the record; absent is fine.
    Delete,
}

/// What a write needs to know beside its rows.
#[derive(Clone, Debug)]
pub struct WriteContext<'a> {
    /// The app's schema.
    pub schema: &'a Schema,
    /// Wall clock, milliseconds.
    pub now_ms: u64,
    /// The receipt of the call: 32 hexadecimal digits.
    pub receipt: &'a str,
    /// How many mutations of the same receipt came before.
    pub written: usize,
    /// The number of mutations that must stay together, where they must.
    pub together: Option<u32>,
    /// Whether there is a server to tell.
    pub queued: bool,
    /// The revision that the writer has before his eyes, where it is not the one that is stored.
    pub seen: Option<&'a Revision>,
    /// What is known of a parked mutation that is written again.
    #[cfg(feature = "full")]
    pub again: Again,
    /// The call whose effect is written.
    #[cfg(feature = "full")]
    pub of: Option<&'a Place>,
    /// The stamp of all that is written together, once it is drawn. With one for each row, of two transactions that are merged the
    /// one could win one row and lose another.
    pub stamp: &'a OnceCell<Hlc>,
}

/// What is known of a parked mutation that is written again; of any other write nothing.
#[cfg(feature = "full")]
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// The server was heard to have no record, and no pull has brought that yet.
    pub is_told_gone: bool,
    /// The fields that it is about, where the others repeat what its writer had left.
    pub about: Option<Vec<String>>,
}

impl WriteContext<'_> {
    /// The call whose effect is written.
    fn effect_of(&self) -> Option<&Place> {
        #[cfg(feature = "full")]
        return self.of;
        #[cfg(not(feature = "full"))]
        None
    }

    /// The identity of a mutation; what shows an effect is not one, and has a receipt nowhere.
    fn mutation_id(&self, position: usize) -> MutationId {
        match self.effect_of() {
            Some(call) => MutationId(format!("{}+{position}", call.id)),
            None => receipt::mutation_id(self.receipt, position),
        }
    }
}

/// Plans rows of one collection: `(id, fields)`, where a delete has no fields.
///
/// # Errors
/// `unknown-collection`, `invalid-id`, `invalid-record`, `record-too-large`, `already-exists`, `not-found`; nothing is written then.
pub fn write(
    draft: &mut Draft<'_>,
    cx: &WriteContext<'_>,
    collection: &str,
    operation: Operation,
    rows: &[(String, DataText)],
) -> Planned<()> {
    write_part(draft, cx, collection, operation, rows, 0..rows.len())
}

/// The same, of some of the rows.
///
/// # Errors
/// As for [`write()`].
pub fn write_part(
    draft: &mut Draft<'_>,
    cx: &WriteContext<'_>,
    collection: &str,
    operation: Operation,
    rows: &[(String, DataText)],
    part: Range<usize>,
) -> Planned<()> {
    prefetch(draft, cx.schema, collection, &rows[part.clone()])?;
    let collection = cx.schema.collection(collection)?;
    let mut local = Local::read(draft)?;
    for (position, (id, data)) in rows.iter().enumerate().take(part.end).skip(part.start) {
        let written = match is_plain_and_new(draft, cx, collection, operation, (id, data))? {
            true => write_new(draft, cx, collection, (id, data), &mut local),
            false => write_row(draft, cx, collection, operation, (id, data), &mut local, cx.written + position),
        };
        written.map_err(|why| if rows.len() > 1 { in_list(why, position) } else { why })?;
    }
    local.save(draft);
    Ok(())
}

/// Asks for all that is read to write rows.
///
/// # Errors
/// `unknown-collection`; [`PlanError`] of what is missing.
pub fn prefetch(view: &dyn Read, schema: &Schema, collection: &str, rows: &[(String, DataText)]) -> Planned<()> {
    let collection = schema.collection(collection)?;
    let mut keys = Vec::new();
    rows.iter().for_each(|(id, _)| keyspace::add_keys(&mut keys, &collection.name, id));
    Ok(records::prefetch(view, &keys)?)
}

/// Tells which of several rows was refused.
fn in_list(mut why: PlanError<Error>, position: usize) -> PlanError<Error> {
    if let Halt::Failed(error) = why.halt() {
        error.message.push_str(&format!(" (index {position} of the list)"));
    }
    why
}

/// Whether a row can be stored as the text that it is: nobody else is to be told of it, and nothing is there that it replaces.
fn is_plain_and_new(
    view: &dyn Read,
    cx: &WriteContext<'_>,
    collection: &Collection,
    operation: Operation,
    (id, data): (&str, &DataText),
) -> Result<bool, Missing> {
    let is_plain = !cx.queued
        && matches!(operation, Operation::Put | Operation::Insert)
        && collection.indexes.iter().all(|index| !index.unique)
        && check_id(id).is_ok()
        && collection.fits(data);
    Ok(is_plain
        && view.get(&keyspace::record(&collection.name, id))?.is_none()
        && view.get(&keyspace::base(&collection.name, id))?.is_none())
}

fn write_new(
    draft: &mut Draft<'_>,
    cx: &WriteContext<'_>,
    collection: &Collection,
    (id, data): (&str, &DataText),
    local: &mut Local,
) -> Planned<()> {
    let drawn = local.tick(cx.now_ms);
    let touch = touch_of(&drawn);
    let stamp = Some(cx.stamp.get_or_init(|| drawn)).filter(|_| !data.is_empty());
    let record = Written { touch, rev: None, stamp, stamps: &Stamps::new(), data };
    Ok(records::replace(draft, collection, id, Some(&record), Before::Nothing)?)
}

/// Writes one row. Who saw no record writes a new one, also over the tombstone of his own delete: without a base.
fn write_row(
    draft: &mut Draft<'_>,
    cx: &WriteContext<'_>,
    collection: &Collection,
    operation: Operation,
    (id, data): (&str, &DataText),
    local: &mut Local,
    position: usize,
) -> Planned<()> {
    check_id(id)?;
    let before = records::read(draft, &collection.name, id)?;
    let data = data.data().expect("its text was read whole");
    let after = next_value(collection, operation, id, data, before.as_deref())?;
    let drawn = local.tick(cx.now_ms);
    let (touch, stamp) = (touch_of(&drawn), cx.stamp.get_or_init(|| drawn));
    if let Some(data) = &after {
        records::check_unique(draft, collection, id, data)?;
    }
    let visible = Base::visible(before);
    let changed = changed_fields(&visible.data, after.as_ref(), stamp);
    #[cfg(feature = "full")]
    let changed = about(collection, changed, cx.again.about.as_deref(), stamp);
    let base = bases(draft, &collection.name, id)?;
    let rev = base.as_deref().unwrap_or(&visible).rev.clone();
    if cx.queued && base.is_none() {
        save_base(draft, &collection.name, id, &visible);
    }
    let stamps = with(visible.stamps, &changed);
    if cx.queued {
        let (mid, kind, is_first) = (cx.mutation_id(position), kind(operation), base.is_none());
        let entry = Entry {
            order: local.next_order(),
            state: State::Pending,
            mid,
            first: None,
            joined: None,
            tx: cx.together.map(|n| (cx.receipt.to_owned(), n)),
            collection: collection.name.clone(),
            id: id.to_owned(),
            kind,
            base: cx.seen.or(rev.as_ref().filter(|_| !visible.absent)).cloned(),
            data: entry_data(kind, after.as_ref(), &changed),
            #[cfg(feature = "full")]
            ways: ways::of(collection, &visible.data, after.as_ref(), &changed, cx.together),
            stamps: changed,
            at: cx.now_ms,
            not_before: 0,
            #[cfg(feature = "full")]
            of: cx.of.cloned(),
            #[cfg(feature = "full")]
            skew: local.skew.map(entry::seconds),
            #[cfg(feature = "full")]
            call: None,
            #[cfg(feature = "full")]
            anew: visible.absent && !is_first,
        };
        let may_join = FULL && collection.coalesce && !is_first && !visible.absent;
        #[cfg(feature = "full")]
        if queue_in_sight(draft, cx, collection, base.as_deref(), (entry, after.as_ref()), may_join)? == kept::Shown::No
        {
            return kept::uncover(draft, collection, id, touch);
        }
        #[cfg(not(feature = "full"))]
        queue(draft, cx, entry, may_join)?;
    }
    let record = after.map(|data| Record { touch, rev, stamps, data });
    Ok(records::store(draft, collection, id, record.as_ref())?)
}

/// Queues what somebody wrote in sight of what is shown. Says whether the record is shown as it was written.
#[cfg(feature = "full")]
fn queue_in_sight(
    draft: &mut Draft<'_>,
    cx: &WriteContext<'_>,
    collection: &Collection,
    base: Option<&Base>,
    (entry, after): (Entry, Option<&Data>),
    may_join: bool,
) -> Planned<kept::Shown> {
    let entry = Entry { base: revision_seen(draft, cx, base, &entry)?, ..entry };
    let (entry, shown) = kept::make_way(draft, cx, collection, base, entry, after, may_join)?;
    queue(draft, cx, entry, may_join)?;
    Ok(shown)
}

/// The revision that a writer has before his eyes. Where the server has no record he saw what waits here, and none, unless that was
/// written in sight of the delete.
#[cfg(feature = "full")]
fn revision_seen(
    view: &dyn Read,
    cx: &WriteContext<'_>,
    base: Option<&Base>,
    entry: &Entry,
) -> Planned<Option<Revision>> {
    if cx.seen.is_some() || cx.again.is_told_gone {
        return Ok(cx.seen.cloned());
    }
    let Some(rev) = entry.base.clone().filter(|_| base.is_some_and(|base| base.absent)) else {
        return Ok(entry.base.clone());
    };
    let lane = lane(view, &entry.collection, &entry.id)?;
    let is_seen = lane.iter().any(|other| other.state != State::KEPT && other.base.as_ref() == Some(&rev));
    Ok(is_seen.then_some(rev))
}

/// The record after the write; `None` after a delete.
fn next_value(
    collection: &Collection,
    operation: Operation,
    id: &str,
    data: Data,
    before: Option<&Record>,
) -> Result<Option<Data>, Error> {
    let name = &collection.name;
    match (operation, before) {
        (Operation::Delete, _) => Ok(None),
        (Operation::Insert, Some(_)) => {
            Err(Error::new(ErrorCode::AlreadyExists, format!("{name}: there is a record {} already", quoted(id))))
        }
        (Operation::Patch, None) => {
            Err(Error::new(ErrorCode::NotFound, format!("{name}: there is no record {}", quoted(id))))
        }
        (Operation::Patch, Some(record)) => {
            collection.check_patch(&data)?;
            let mut merged = record.data.clone();
            for (field, value) in &data {
                if is_unset(value) {
                    merged.remove(field);
                } else {
                    merged.insert(field.clone(), value.clone());
                }
            }
            // The rest of it stays as it is: a newer app may have given it fields that this one does not know.
            collection.fill(&mut merged);
            collection.check_size(&merged)?;
            Ok(Some(merged))
        }
        (Operation::Put | Operation::Insert, _) => collection.check(data).map(Some),
    }
}

/// Puts an entry into its lane, and where it is to be sent, into the order.
#[inline(always)] // packs better than a call of its own
fn queue(draft: &mut Draft<'_>, cx: &WriteContext<'_>, entry: Entry, may_join: bool) -> Planned<()> {
    match cx.effect_of() {
        Some(_) => store_entry(draft, &entry),
        None => coalesce::queue(draft, entry, may_join)?,
    }
    Ok(())
}

/// The stamps of a record, with those of a write over them.
#[inline(always)] // packs better than a call of its own
fn with(mut all: Stamps, changed: &Stamps) -> Stamps {
    for (field, stamp) in changed {
        all.insert(field.clone(), stamp.clone());
    }
    all
}

/// The fields that a write changes, with its stamp.
fn changed_fields(before: &Data, after: Option<&Data>, stamp: &Hlc) -> Stamps {
    let mut changed = Stamps::new();
    let Some(after) = after else { return changed };
    for (field, value) in after {
        if before.get(field) != Some(value) {
            changed.insert(field.clone(), stamp.clone());
        }
    }
    for field in before.keys() {
        if !after.contains_key(field) {
            changed.insert(field.clone(), stamp.clone());
        }
    }
    changed
}

/// The fields that a write is about, changed or not, with its stamp, where it says so.
#[cfg(feature = "full")]
fn about(collection: &Collection, changed: Stamps, names: Option<&[String]>, stamp: &Hlc) -> Stamps {
    let Some(names) = names else { return changed };
    let known = names.iter().filter(|name| collection.fields.contains_key(*name));
    known.map(|name| (name.clone(), stamp.clone())).collect()
}

/// What a mutation of this kind carries, where the record is `after` it.
fn entry_data(kind: Kind, after: Option<&Data>, changed: &Stamps) -> Data {
    let Some(after) = after else { return Data::new() };
    if kind != Kind::Patch {
        return after.clone();
    }
    let mut data = Data::new();
    for field in changed.keys() {
        if let Some(value) = after.get(field) {
            data.insert(field.clone(), value.clone());
        }
    }
    data
}

fn kind(operation: Operation) -> Kind {
    match operation {
        Operation::Put => Kind::Put,
        Operation::Insert => Kind::Create,
        Operation::Patch => Kind::Patch,
        Operation::Delete => Kind::Delete,
    }
}

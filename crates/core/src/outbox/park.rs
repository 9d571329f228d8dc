//! Mutations that the server refused: kept with their reason until the app decides.

#[cfg(feature = "full")]
use holm_protocol::Revision;
use holm_protocol::{
    Data, DataText, ErrorCode, FromJson, Kind, MutationId, Object, Parser, ServerRow, ToJson, Unfit, json_fields,
};
use holm_store::{Draft, Read};

#[cfg(feature = "full")]
use super::call;
use super::receipt::{self, ReceiptState};
#[cfg(feature = "full")]
use super::{Again, State, kept, replay, ways};
use super::{Entry, Moment, Operation, Planned, WriteContext, bases, entry_at, lane, remove, restore, write};
use crate::records::{self, Record};
use crate::schema::{Collection, Schema};
use crate::stored::{self, decode, encode};
#[cfg(feature = "full")]
use crate::value::is_unset;
use crate::value::unset;
use crate::{Error, FULL, keyspace};
use holm_protocol::order::sort;

/// Why a mutation was parked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reason {
    /// The server's code.
    pub code: ErrorCode,
    /// The server's words.
    pub message: String,
    /// The field it is about.
    pub field: Option<String>,
    /// What the server has, after a conflict.
    pub server: Option<ServerRow>,
    /// The refused mutation without which this one means nothing.
    pub after: Option<MutationId>,
}

json_fields!(Reason { code, message; field, server, after });

/// A refused mutation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parked {
    /// The mutation.
    pub entry: Box<Entry>,
    /// Why.
    pub reason: Reason,
    /// The whole record as the app saw it; absent after a delete.
    pub mine: Option<Data>,
    /// The record on the server when it was written, where that is still known; absent where there was none.
    pub before: Option<Data>,
    /// When (wall clock, milliseconds).
    pub parked_at: u64,
}

/// Written as one object: the fields of the entry, and beside them why.
impl ToJson for Parked {
    fn fields(&self, object: &mut Object<'_>) {
        self.entry.fields(object);
        object.most("reason parkedAt mine before", 2, &[&self.reason, &self.parked_at, &self.mine, &self.before]);
    }
}

impl FromJson for Parked {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        self.entry.read(&mut parser.clone())?;
        let slots: &mut [&mut dyn FromJson] =
            &mut [&mut self.reason, &mut self.parked_at, &mut self.mine, &mut self.before];
        parser.fill("reason parkedAt mine before ", 2, slots)
    }
}

/// Takes an entry out of its lane, keeps it with its reason, and shows what remains.
///
/// Where there is no record without it, what was written after it goes the same way.
pub(super) fn park(draft: &mut Draft<'_>, moment: &Moment<'_>, entry: Box<Entry>, reason: Reason) -> Planned<()> {
    let base = if FULL { bases(draft, &entry.collection, &entry.id)? } else { None };
    if FULL && entry.tx.is_none() && reason.server.is_none() {
        let mut later = made_by(draft, &entry)?;
        for place in entry.effect() {
            let Some(write) = entry_at(draft, place)? else { continue };
            later.extend(made_by(draft, &write)?);
        }
        // The last first: each is kept as its writer left it.
        for later in later.into_iter().rev() {
            let after = Some(entry.mid.clone());
            park_one(draft, moment, Box::new(later), Reason { after, ..reason.clone() }, None)?;
        }
    }
    let before = base.filter(|base| !base.absent && base.rev == entry.base).map(|base| base.data);
    park_one(draft, moment, entry, reason, before)
}

/// What patches a record that is only there by this write of it.
fn made_by(draft: &Draft<'_>, entry: &Entry) -> Planned<Vec<Entry>> {
    let base = bases(draft, &entry.collection, &entry.id)?;
    if !matches!(entry.kind, Kind::Create | Kind::Put) || !base.is_some_and(|base| base.absent) {
        return Ok(Vec::new());
    }
    let goes_along = |later: &Entry| entry.effect_of().is_some() && later.effect_of() == entry.effect_of();
    let mut later = lane(draft, &entry.collection, &entry.id)?;
    #[cfg(feature = "full")]
    later.retain(|later| later.state != State::KEPT);
    later.retain(|later| later.order > entry.order && !goes_along(later));
    let patches = later.iter().take_while(|later| is_lone_patch(later)).count();
    later.truncate(patches);
    Ok(later)
}

fn is_lone_patch(entry: &Entry) -> bool {
    entry.kind == Kind::Patch && entry.tx.is_none() && entry.effect_of().is_none()
}

fn park_one(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    entry: Box<Entry>,
    reason: Reason,
    before: Option<Data>,
) -> Planned<()> {
    let collection = moment.schema.find(&entry.collection);
    let mine = mine(draft, collection, &entry)?;
    #[cfg(feature = "full")]
    let is_shown = kept::keep(draft, collection, &entry)? == kept::Shown::Still;
    #[cfg(not(feature = "full"))]
    let is_shown = false;
    if !is_shown {
        remove(draft, &entry);
    }
    #[cfg(feature = "full")]
    ways::undo(draft, moment.touch, &entry)?;
    #[cfg(feature = "full")]
    let entry = call::keep_effect(draft, moment, entry)?;
    let state = ReceiptState::Parked { code: reason.code, message: reason.message.clone() };
    receipt::save(draft, entry.receipt(), &state);
    let id = entry.id.clone();
    let parked = Parked { entry, reason, mine, before, parked_at: moment.now_ms };
    keep(draft, &parked.entry.mid, Some(&encode(&parked)));
    collection.map_or(Ok(()), |collection| restore(draft, collection, &id, moment.touch))
}

/// The record as the writer of a mutation left it. What was written later, and counts by itself, is not in it, nor what only a call is
/// about to do, nor what was refused. Under edits of a record that was deleted meanwhile is what it was.
#[cfg(feature = "full")]
pub(super) fn mine(view: &dyn Read, collection: Option<&Collection>, entry: &Entry) -> Planned<Option<Data>> {
    let Some(collection) = collection else {
        return Ok(records::read(view, &entry.collection, &entry.id)?.map(|record| record.data));
    };
    let Some(mut base) = bases(view, &entry.collection, &entry.id)? else { return Ok(None) };
    let mut lane = lane(view, &entry.collection, &entry.id)?;
    lane.retain(|other| other.order <= entry.order && other.of.is_none() && other.state != State::KEPT);
    if lane.iter().all(|other| other.kind == Kind::Patch) {
        base.absent &= base.data.is_empty();
    }
    Ok(replay(&base, &lane, collection.conflict).map(|(mut data, _)| {
        collection.fill(&mut data);
        data
    }))
}

/// The record as the app saw it; an edit of one that was deleted meanwhile is laid over what it was.
#[cfg(not(feature = "full"))]
pub(super) fn mine(view: &dyn Read, _: Option<&Collection>, entry: &Entry) -> Planned<Option<Data>> {
    if let Some(record) = records::read(view, &entry.collection, &entry.id)? {
        return Ok(Some(record.data));
    }
    let base = bases(view, &entry.collection, &entry.id)?;
    Ok(base.filter(|base| entry.kind == Kind::Patch && !base.data.is_empty()).map(|base| {
        let mut data = base.data;
        for field in entry.stamps.keys() {
            match entry.data.get(field) {
                Some(value) => data.insert(field.clone(), value.clone()),
                None => data.remove(field),
            }
        }
        data
    }))
}

/// Every parked mutation, in no particular order.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn parked_list(view: &dyn Read) -> Planned<Vec<Parked>> {
    let rows = stored::scan(view, &keyspace::all_parked())?;
    let mut parked = Vec::with_capacity(rows.len());
    for (_, value) in &rows {
        parked.push(decode(value, "a parked mutation")?);
    }
    Ok(parked)
}

/// One parked mutation.
///
/// # Errors
/// `not-found`.
pub fn parked(view: &dyn Read, mid: &MutationId) -> Planned<Box<Parked>> {
    let found = stored::read(view, &keyspace::parked(mid.as_str()), "a parked mutation")?;
    Ok(found.ok_or_else(|| Error::new(ErrorCode::NotFound, format!("no mutation {mid} is parked")))?)
}

/// Gives a parked mutation up, with the others of its transaction.
///
/// # Errors
/// `not-found`.
pub fn discard(draft: &mut Draft<'_>, schema: &Schema, now_ms: u64, mid: &MutationId) -> Planned<()> {
    let _ = (schema, now_ms);
    for member in group(draft, mid)? {
        release(draft, &member.entry);
        #[cfg(feature = "full")]
        kept::let_go(draft, schema, now_ms, &member.entry)?;
    }
    Ok(())
}

/// Writes what a parked mutation wanted once more, as a new mutation, with the others of its transaction; `edit` goes over its fields.
///
/// # Errors
/// `not-found`, and whatever [`write()`] refuses.
pub fn retry(draft: &mut Draft<'_>, cx: &WriteContext<'_>, mid: &MutationId, edit: &Data) -> Planned<()> {
    let members = group(draft, mid)?;
    let nothing = Data::new();
    let is_transaction = members.iter().any(|member| member.entry.tx.is_some());
    let together = is_transaction.then(|| u32::try_from(members.len()).unwrap_or(u32::MAX));
    for (written, member) in members.into_iter().enumerate() {
        let cx = WriteContext { written, together, ..cx.clone() };
        release(draft, &member.entry);
        #[cfg(feature = "full")]
        kept::let_go(draft, cx.schema, cx.now_ms, &member.entry)?;
        let edit = Some(edit).filter(|_| member.entry.mid == *mid).unwrap_or(&nothing);
        retry_one(draft, &cx, member, edit)?;
    }
    Ok(())
}

fn retry_one(draft: &mut Draft<'_>, cx: &WriteContext<'_>, member: Parked, edit: &Data) -> Planned<()> {
    #[cfg(feature = "full")]
    if let Some(call) = member.entry.call {
        return call::again(draft, cx, call, edit);
    }
    let Parked { entry, mine, reason, .. } = member;
    let visible = records::read(draft, &entry.collection, &entry.id)?;
    let base = bases(draft, &entry.collection, &entry.id)?;
    let is_gone = FULL && base.as_ref().is_some_and(|base| base.absent);
    let known = base.map_or_else(|| visible.as_ref().and_then(|record| record.rev.clone()), |base| base.rev);
    // Until a pull has brought what the mutation met on the server, it is told of here alone.
    let server =
        reason.server.filter(|row| FULL && (known == entry.base || row.deleted && is_gone && entry.base.is_none()));
    #[cfg(feature = "full")]
    let is_deleted = is_deleted(draft, &entry, is_gone.then_some(known), server.as_ref())?;
    #[cfg(not(feature = "full"))]
    let is_deleted = false;
    let is_patch_of_nothing = entry.kind != Kind::Delete && mine.is_none();
    let (operation, data) = match mine {
        None if (!FULL || edit.is_empty()) && !is_patch_of_nothing => (Operation::Delete, Data::new()),
        _ if is_patch_of_nothing || visible.is_some() && !is_deleted => {
            (Operation::Patch, wanted_fields(cx.schema, &entry, &visible))
        }
        mine => (Operation::Put, mine.unwrap_or_default()),
    };
    #[cfg(feature = "full")]
    let cx = &WriteContext {
        again: again(&entry, edit, operation == Operation::Put && visible.is_some(), &server),
        ..cx.clone()
    };
    #[cfg(feature = "full")]
    let data = edited(cx.schema, &entry, operation, (data, visible), edit);
    let cx = &WriteContext { seen: server.as_ref().and_then(|row| row.rev.as_ref()), ..cx.clone() };
    write(draft, cx, &entry.collection, operation, &[(entry.id, DataText::from(&data))])
}

/// What is known of a parked mutation that is written again: a record that is made anew, though one is shown, is about the fields of the
/// mutation alone.
#[cfg(feature = "full")]
fn again(entry: &Entry, edit: &Data, is_made_anew: bool, server: &Option<ServerRow>) -> Again {
    let about = is_made_anew.then(|| entry.stamps.keys().chain(edit.keys()).cloned().collect());
    Again { is_told_gone: server.as_ref().is_some_and(|row| row.deleted), about }
}

/// What is written with an edit. A record that is made anew is as the writer of the mutation left it, but for what counts by itself: that
/// goes on from what is shown. What a newer app has put into it, this one cannot write.
#[cfg(feature = "full")]
fn edited(
    schema: &Schema,
    entry: &Entry,
    operation: Operation,
    (mut data, visible): (Data, Option<Box<Record>>),
    edit: &Data,
) -> Data {
    let mut over = Data::new();
    if let (Operation::Put, Some(collection)) = (operation, schema.find(&entry.collection)) {
        let unknown: Vec<String> = data.keys().filter(|name| !collection.fields.contains_key(*name)).cloned().collect();
        unknown.iter().for_each(|name| data.remove(name));
        if let Some(shown) = &visible {
            let wanted = wanted_fields(schema, entry, &visible);
            for (name, _) in collection.fields.iter().filter(|(_, field)| field.way.is_some()) {
                let value = wanted.get(name).or(shown.data.get(name)).cloned().unwrap_or_else(unset);
                over.insert(name.clone(), value);
            }
        }
    }
    for (name, value) in over.iter().chain(edit) {
        match operation == Operation::Put && is_unset(value) {
            true => data.remove(name),
            false => data.insert(name.clone(), value.clone()),
        }
    }
    data
}

/// Whether a record is shown that the server does not have, its tombstone having a revision or not, and that nothing which waits will
/// make: an edit of it would be refused.
#[cfg(feature = "full")]
fn is_deleted(
    view: &dyn Read,
    entry: &Entry,
    gone: Option<Option<Revision>>,
    server: Option<&ServerRow>,
) -> Planned<bool> {
    let rev = match server {
        Some(row) => row.deleted.then(|| row.rev.clone()),
        None => gone,
    };
    let Some(rev) = rev else { return Ok(false) };
    let makes_it = |other: &Entry| {
        let is_whole = other.state != State::KEPT && matches!(other.kind, Kind::Create | Kind::Put);
        // What was settled before the server said so is in what it says.
        let is_later = server.is_none() || other.order > entry.order;
        is_whole && is_later && (other.base.is_none() || other.base == rev)
    };
    Ok(!lane(view, &entry.collection, &entry.id)?.iter().any(makes_it))
}

/// The fields the mutation changed, as it would have them in a record that is `now`, removals included; but an older app, which did
/// not know of a field, has not removed it.
pub(super) fn wanted_fields(schema: &Schema, entry: &Entry, now: &Option<Box<Record>>) -> Data {
    let _ = now;
    let fields = schema.find(&entry.collection).map(|collection| &collection.fields);
    let may_lack = |name: &String| fields.and_then(|fields| fields.get(name)).is_some_and(|field| field.optional);
    let mut wanted = Data::new();
    for name in entry.stamps.keys().filter(|name| entry.data.contains_key(name) || may_lack(name)) {
        let value = entry.data.get(name).cloned().unwrap_or_else(unset);
        #[cfg(feature = "full")]
        let value = entry.edit().in_its_own_way(name, now.as_ref().and_then(|now| now.data.get(name))).unwrap_or(value);
        wanted.insert(name.clone(), value);
    }
    wanted
}

fn group(view: &dyn Read, mid: &MutationId) -> Planned<Vec<Parked>> {
    let one = parked(view, mid)?;
    let mut members = parked_list(view)?;
    members.retain(|other| {
        let is_together = one.entry.tx.is_some() && other.entry.tx == one.entry.tx;
        is_together || other.entry.mid == *mid || other.reason.after.as_ref() == Some(mid)
    });
    sort(&mut members, &|left, right| left.entry.order.cmp(&right.entry.order));
    Ok(members)
}

fn release(draft: &mut Draft<'_>, entry: &Entry) {
    keep(draft, &entry.mid, None);
    receipt::save(draft, entry.receipt(), &ReceiptState::Discarded);
}

/// What was parked is nowhere else, since no record shows it: so it is kept twice.
fn keep(draft: &mut Draft<'_>, mid: &MutationId, parked: Option<&[u8]>) {
    let key = keyspace::parked(mid.as_str());
    draft.set(&key, parked);
    draft.set(&keyspace::copied(key), parked);
}

//! Refused mutations that go on being shown: they stay in the lane of their record, and are never sent.

use holm_protocol::{Data, Kind, Stamps};
use holm_store::Draft;

use super::{Base, Entry, Moment, Planned, State, entry_at, lane, remove, restore, store_entry, ways};
use crate::local::Local;
use crate::records;
use crate::schema::{Collection, Refused, Schema};

/// Leaves a refused mutation in its lane, if its collection wants that, but for what was written over it since. Says whether it did.
pub(super) fn keep(draft: &mut Draft<'_>, collection: Option<&Collection>, entry: &Entry) -> Planned<Shown> {
    if collection.is_none_or(|collection| collection.refused == Refused::Revert) {
        return Ok(Shown::No);
    }
    let mut kept = Entry { state: State::KEPT, ..entry.clone() };
    for later in lane(draft, &entry.collection, &entry.id)? {
        let is_later = later.order > entry.order && later.state != State::KEPT;
        if is_later && write_over_one(&mut kept, later.kind, &later.stamps, Some(&later.data)) == Shown::No {
            return Ok(Shown::No);
        }
    }
    store_entry(draft, &kept);
    Ok(Shown::Still)
}

/// Whether a refused mutation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Still,
    No,
}

/// Takes what was refused out of its lane, where it is still shown.
pub(super) fn let_go(draft: &mut Draft<'_>, schema: &Schema, now_ms: u64, entry: &Entry) -> Planned<()> {
    let Some(kept) = entry_at(draft, &entry.place())?.filter(|kept| kept.state == State::KEPT) else { return Ok(()) };
    remove(draft, &kept);
    let mut local = Local::read(draft)?;
    let moment = Moment::begin(draft, &mut local, schema, now_ms);
    let collection = schema.find(&entry.collection);
    collection.map_or(Ok(()), |collection| restore(draft, collection, &entry.id, moment.touch))
}

/// Shows what follows from base and lane, where that may be other than what was written: under a delete that was refused and hid it
/// the server's record is there, and two writes that became one may put what they added in another order.
pub(super) fn uncover(draft: &mut Draft<'_>, collection: &Collection, id: &str, touch: u64) -> Planned<()> {
    records::store(draft, collection, id, None)?;
    restore(draft, collection, id, touch)
}

/// What was refused and is shown still makes way for a new write, and the new write for what was counted. Says whether the record is
/// shown as it was written. It `is_gone` also where the server alone was heard to say so.
pub(super) fn make_way(
    draft: &mut Draft<'_>,
    base: Option<&Base>,
    mut entry: Entry,
    after: Option<&Data>,
    may_join: bool,
    is_gone: bool,
) -> Planned<(Entry, Shown)> {
    let over = write_over(draft, &entry, after)?;
    let out = leave_out(draft, base, &mut entry, is_gone)?;
    let is_as_written = over == Shown::Still && out == Shown::Still && (!may_join || entry.ways.is_empty());
    Ok((entry, if is_as_written { Shown::Still } else { Shown::No }))
}

/// The user has written over what was refused: of these fields it is shown no more, lest it come back when the new write has gone.
/// Says whether all that was refused is shown still, more or less.
///
/// What counts by itself is left, since the new write went on from it.
fn write_over(draft: &mut Draft<'_>, entry: &Entry, after: Option<&Data>) -> Planned<Shown> {
    let mut all = Shown::Still;
    let lane = lane(draft, &entry.collection, &entry.id)?;
    for mut kept in lane.into_iter().filter(|other| other.state == State::KEPT) {
        match write_over_one(&mut kept, entry.kind, &entry.stamps, after) {
            Shown::Still => store_entry(draft, &kept),
            Shown::No => {
                remove(draft, &kept);
                all = Shown::No;
            }
        }
    }
    Ok(all)
}

/// A whole record that the server does not have has nothing in it of what was counted by refused writes that its writer saw, and goes on
/// being shown with that. Says whether the record is shown as it was written.
fn leave_out(draft: &Draft<'_>, base: Option<&Base>, entry: &mut Entry, is_gone: bool) -> Planned<Shown> {
    let mut as_written = Shown::Still;
    let Some(base) = base.filter(|base| entry.kind != Kind::Patch && (base.absent || is_gone)) else {
        return Ok(as_written);
    };
    for kept in in_sight(base, lane(draft, &entry.collection, &entry.id)?) {
        ways::undo_in(entry, &kept.ways, &kept.data);
        as_written = Shown::No;
    }
    Ok(as_written)
}

/// What was refused and is in what [`super::replay()`] shows.
fn in_sight(base: &Base, lane: Vec<Entry>) -> Vec<Entry> {
    let (mut absent, mut is_known, mut shown) = (base.absent, !base.data.is_empty(), Vec::new());
    for entry in lane {
        is_known &= entry.kind != Kind::Delete;
        let is_made = absent && matches!(entry.kind, Kind::Create | Kind::Put);
        if entry.kind == Kind::Delete || is_made && !(is_known && entry.changes_what_was()) {
            shown.clear();
        }
        absent = entry.kind == Kind::Delete || absent && !is_made;
        if entry.state == State::KEPT && (!absent || is_known) {
            shown.push(entry);
        }
    }
    if absent { Vec::new() } else { shown }
}

fn write_over_one(kept: &mut Entry, kind: Kind, changed: &Stamps, after: Option<&Data>) -> Shown {
    for field in changed.keys().filter(|field| !kept.ways.contains_key(field)).cloned().collect::<Vec<_>>() {
        kept.stamps.remove(&field);
        match after.and_then(|after| after.get(&field)).filter(|_| kept.kind != Kind::Patch) {
            // A whole record is whole: it has what was written last.
            Some(value) => kept.data.insert(field, value.clone()),
            None => kept.data.remove(&field),
        }
    }
    let is_over =
        kind == Kind::Delete || kept.kind == Kind::Delete || kept.kind == Kind::Patch && kept.stamps.is_empty();
    if is_over { Shown::No } else { Shown::Still }
}

//! Refused mutations that go on being shown: they stay in the lane of their record, and are never sent.

use holm_protocol::{Data, Kind};
use holm_store::Draft;

use super::{
    Base, Entry, Moment, Planned, State, WriteContext, entry_at, lane, remove, replay, restore, store_entry, ways,
};
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
        if is_later && write_over_one(&mut kept, &later, Some(&later.data)) == Shown::No {
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
/// shown as it was written.
pub(super) fn make_way(
    draft: &mut Draft<'_>,
    cx: &WriteContext<'_>,
    collection: &Collection,
    base: Option<&Base>,
    mut entry: Entry,
    after: Option<&Data>,
    may_join: bool,
) -> Planned<(Entry, Shown)> {
    let over = write_over(draft, &entry, after)?;
    let out = leave_out(draft, cx, collection, base, &mut entry)?;
    let is_all_told = (!may_join || entry.ways.is_empty()) && cx.again.about.is_none();
    let is_as_written = over == Shown::Still && out == Shown::Still && is_all_told;
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
        match write_over_one(&mut kept, entry, after) {
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
/// being shown with that: it counts from what there would be without them. Says whether the record is shown as it was written.
fn leave_out(
    draft: &Draft<'_>,
    cx: &WriteContext<'_>,
    collection: &Collection,
    base: Option<&Base>,
    entry: &mut Entry,
) -> Planned<Shown> {
    if entry.kind == Kind::Patch || entry.anew {
        return Ok(Shown::Still);
    }
    let Some(base) = base.filter(|base| base.absent || cx.again.is_told_gone) else { return Ok(Shown::Still) };
    let mut lane = lane(draft, &entry.collection, &entry.id)?;
    if lane.iter().all(|other| other.state != State::KEPT) {
        return Ok(Shown::Still);
    }
    lane.iter_mut().filter(|other| other.state == State::KEPT).for_each(|kept| ways::uncount(kept, collection));
    let mut own = replay(base, &lane, collection.conflict).map(|(data, _)| data).unwrap_or_default();
    collection.fill(&mut own);
    ways::count_from(entry, collection, &own);
    Ok(Shown::No)
}

fn write_over_one(kept: &mut Entry, later: &Entry, after: Option<&Data>) -> Shown {
    let counts_on = |kept: &Entry, field: &String| kept.ways.contains_key(field) || !kept.stamps.contains_key(field);
    let goes_on = |kept: &Entry, field: &String| later.ways.contains_key(field) && counts_on(kept, field);
    let over: Vec<String> = later.stamps.keys().filter(|field| !goes_on(kept, field)).cloned().collect();
    for field in over {
        kept.stamps.remove(&field);
        kept.ways.remove(&field);
        match after.and_then(|after| after.get(&field)).filter(|_| kept.kind != Kind::Patch) {
            // A whole record is whole: it has what was written last.
            Some(value) => kept.data.insert(field, value.clone()),
            None => kept.data.remove(&field),
        }
    }
    let is_over =
        later.kind == Kind::Delete || kept.kind == Kind::Delete || kept.kind == Kind::Patch && kept.stamps.is_empty();
    if is_over { Shown::No } else { Shown::Still }
}

//! Fields that merge in a way of their own: what a mutation remembers for it.

use holm_protocol::{Data, Kind, MutationId, OwnWay, Stamps, Value, Ways, to_json_text};
use holm_store::{Draft, Read};

use super::receipt::{self, ReceiptState};
use super::{Base, Entry, Moment, Planned, State, lane, store_entry};
use crate::schema::Collection;

/// More bytes from before are not sent along with what must stay together, and the fields that they are of merge as any other: a
/// push must hold them beside the largest record.
const BEFORE_BYTES_MAX: usize = 256 * 1024;

/// How the changed fields merge, where the record was `before` and is `after`; a field that was not there had its default. So many
/// mutations stay `together`.
pub(super) fn of(
    collection: &Collection,
    before: &Data,
    after: Option<&Data>,
    changed: &Stamps,
    together: Option<u32>,
) -> Ways {
    let mut ways = Ways::new();
    let Some(after) = after else { return ways };
    let mut room = BEFORE_BYTES_MAX / together.map_or(1, |n| n.max(1) as usize);
    for name in changed.keys() {
        let Some(field) = collection.field(name) else { continue };
        let (Some(way), Some(mine)) = (field.way, after.get(name)) else { continue };
        let before = before.get(name).or(field.default.as_ref());
        let bytes = before.map_or(0, |before| to_json_text(before).len());
        if bytes <= room && way.takes(mine) && before.is_none_or(|before| before.is_null() || way.takes(before)) {
            room -= bytes;
            ways.insert(name.clone(), OwnWay { way, before: before.cloned() });
        }
    }
    ways
}

/// Those of a mutation that is made of two writes: from what was before the first one.
pub(super) fn joined(first: &Entry, then: &Entry) -> Ways {
    let mut ways = then.ways.clone();
    for name in first.stamps.keys() {
        let is_changed_again = then.stamps.contains_key(name);
        match first.ways.get(name).filter(|_| !is_changed_again || then.ways.contains_key(name)) {
            Some(way) => ways.insert(name.clone(), way.clone()),
            None => ways.remove(name),
        }
    }
    ways
}

/// Whether the writer of the second had just what the first left before his eyes, so that both together are one difference: what lay
/// under both may have been refused, shown again, or told anew, in between.
pub(super) fn go_on(first: &Entry, then: &Entry) -> bool {
    let is_whole = first.kind != Kind::Patch;
    first.ways.keys().chain(then.ways.keys().filter(|_| is_whole)).all(|name| {
        let left = first.data.get(name);
        match then.ways.get(name) {
            Some(again) => again.before.as_ref() == left,
            None => then.stamps.contains_key(name) || then.data.get(name).is_none_or(|seen| Some(seen) == left),
        }
    })
}

/// Takes what a mutation did that is not to be out of the whole records that were written over it since: one that is made anew has no
/// other's in it, and whoever sends the one again adds it once. An edit of some fields is a difference as it is.
///
/// What was sent once stays as it is. What changes gets an id of its own, since a restored disk may send the one before again.
pub(super) fn undo(draft: &mut Draft<'_>, touch: u64, refused: &Entry) -> Planned<()> {
    let mut fields = refused.ways.clone();
    let lane = lane(draft, &refused.collection, &refused.id)?;
    let later = lane.into_iter().filter(|later| later.order > refused.order && later.state != State::KEPT);
    for mut later in later.take_while(|later| !later.anew) {
        forget_overwritten(&mut fields, &later);
        if !matches!(later.kind, Kind::Create | Kind::Put) || !later.was_never_sent() {
            continue;
        }
        let before = later.data.clone();
        undo_in(&mut later, &fields, &refused.data);
        if later.data != before {
            if later.effect_of().is_none() {
                let first = later.receipt().clone();
                later.mid = MutationId(format!("{first}~{touch}"));
                receipt::save(draft, &later.mid, &ReceiptState::Joined { into: first.clone() });
                later.first = Some(first);
            }
            store_entry(draft, &later);
        }
    }
    Ok(())
}

/// Lets a mutation count, put in and type nothing, and set no field of that kind.
pub(super) fn uncount(entry: &mut Entry, collection: &Collection) {
    for (name, _) in collection.fields.iter().filter(|(_, field)| field.way.is_some()) {
        if entry.stamps.contains_key(name) {
            match entry.ways.get(name).and_then(|own| own.before.clone()) {
                Some(before) => entry.data.insert(name.clone(), before),
                None => entry.data.remove(name),
            }
            entry.stamps.remove(name);
        }
    }
}

/// Lets a whole record count from another one than the one that its writer saw; what he only repeated is as there.
pub(super) fn count_from(entry: &mut Entry, collection: &Collection, before: &Data) {
    for (name, way) in collection.fields.iter().filter_map(|(name, field)| Some((name, field.way?))) {
        let is_changed = entry.stamps.contains_key(name);
        let Some(mine) = entry.data.get(name).or(before.get(name).filter(|_| !is_changed)).cloned() else { continue };
        let seen = match entry.ways.get(name) {
            Some(own) => own.before.clone(),
            None if is_changed => continue, // set outright
            None => Some(mine.clone()),
        };
        let Some(value) = way.merge(seen.as_ref(), &mine, before.get(name)) else { continue };
        entry.data.insert(name.clone(), value);
        if entry.ways.contains_key(name) {
            entry.ways.insert(name.clone(), OwnWay { way, before: before.get(name).cloned() });
        }
    }
}

/// Leaves out the fields that a mutation set outright: what was counted before is in none of them any more.
fn forget_overwritten(fields: &mut Ways, later: &Entry) {
    for name in later.stamps.keys() {
        if later.ways.get(name).is_none_or(|own| own.before.is_none()) {
            fields.remove(name);
        }
    }
}

/// Takes what was done to some fields out of a mutation that was written in sight of it.
fn undo_in(later: &mut Entry, fields: &Ways, mine: &Data) {
    for (name, OwnWay { way, before }) in fields {
        let without = |value: &Value| way.undo(before.as_ref(), mine.get(name)?, value);
        if let Some(before) = later.ways.get(name).and_then(|own| own.before.as_ref()).and_then(without) {
            later.ways.insert(name.clone(), OwnWay { way: *way, before: Some(before) });
        }
        if let Some(value) = later.data.get(name).and_then(without) {
            later.data.insert(name.clone(), value);
        }
    }
}

/// The changed fields of a mutation that are to be laid over a base: what a counter counted is counted once.
pub(super) fn unheld(base: &Base, entry: &Entry) -> Option<Stamps> {
    if entry.ways.is_empty() || !base.holds.contains(&entry.order) {
        return None;
    }
    let mut stamps = entry.stamps.clone();
    entry.ways.keys().for_each(|name| stamps.remove(name));
    Some(stamps)
}

/// The orders of the mutations of a lane that the server had applied when a record was as a pull tells it: those that it has acknowledged,
/// and those that the base in its place held.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn held(view: &dyn Read, moment: &Moment<'_>, (collection, id): (&str, &str), before: &Base) -> Planned<Vec<u64>> {
    let is_held = |entry: &Entry| match entry.state {
        State::KEPT => false,
        State::Confirmed(seq) if seq <= moment.acked => true,
        // A record that was deleted and is there again was made by somebody else.
        _ => !moment.is_anew && !before.absent && before.holds.contains(&entry.order),
    };
    let lane = lane(view, collection, id)?;
    Ok(lane.iter().filter(|entry| is_held(entry)).map(|entry| entry.order).collect())
}

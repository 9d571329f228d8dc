//! Scopes with arguments: their records are members of them one by one, and leave the device with the last scope that has them.

use holm_protocol::{Change, ScopeResponse};
use holm_store::{Draft, Read};

use super::change::apply_change;
use super::scopes::is_part;
use super::state::Checkpoint;
use super::{EVICTED_AT_ONCE, orphans};
use crate::keyspace::{self, Parsed};
use crate::outbox::{Moment, Planned, bases, save_base};
use crate::schema::Schema;
use crate::{records, stored};

/// What the pages of one answer have in common.
pub(super) struct Answered<'a> {
    /// The keys of all active scopes.
    pub(super) active: &'a [String],
    /// The server's data is not what it was: it begins a new life.
    pub(super) anew: bool,
}

/// Applies a page of a scope with arguments; whether there is more to ask for.
pub(super) fn apply_part(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    among: &Answered<'_>,
    key: &str,
    page: &ScopeResponse,
) -> Planned<bool> {
    let mut checkpoint = Checkpoint::read(draft, key)?;
    if page.forbidden {
        let generation = checkpoint.generation;
        Checkpoint { forbidden: true, generation, ..Checkpoint::default() }.save(draft, key);
        return leave_some(draft, moment.schema, among.active, key);
    }
    if page.reset || checkpoint.at.is_none() {
        checkpoint.generation += 1;
        checkpoint.resetting = true;
        checkpoint.orphaning |= page.reset && among.anew;
    }
    #[cfg(feature = "full")]
    let moment = &Moment { is_anew: checkpoint.resetting, ..*moment };
    let part = Part { key, generation: checkpoint.generation.to_be_bytes() };
    let mut keys = Vec::new();
    for change in &page.changes {
        keyspace::add_keys(&mut keys, &change.collection, &change.id);
    }
    records::prefetch(draft, &keys)?;
    for change in &page.changes {
        apply_one(draft, moment, among, change, &part)?;
    }
    if checkpoint.resetting && !page.more {
        for (member, named) in stored::scan(draft, &keyspace::members(key))? {
            if *named != part.generation {
                leave(draft, moment.schema, among.active, &member, &checkpoint)?;
            }
        }
        (checkpoint.resetting, checkpoint.orphaning) = (false, false);
    }
    (checkpoint.at, checkpoint.more, checkpoint.forbidden) = (Some(page.checkpoint.clone()), page.more, false);
    checkpoint.save(draft, key);
    Ok(page.more)
}

/// A scope with arguments, while a page of it is applied.
struct Part<'a> {
    key: &'a str,
    generation: [u8; 8],
}

fn apply_one(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    among: &Answered<'_>,
    change: &Change,
    part: &Part<'_>,
) -> Planned<()> {
    // A row of a collection that this app version does not know is not for it.
    let Some(collection) = moment.schema.find(&change.collection) else { return Ok(()) };
    let member = keyspace::member(part.key, &change.collection, &change.id);
    if change.gone {
        return leave(draft, moment.schema, among.active, &member, &Checkpoint::default());
    }
    if let Some(mut base) = bases(draft, &change.collection, &change.id)?
        && base.gone
    {
        // Meanwhile it was taken for what this device made of it.
        (base.gone, base.rev) = (false, None);
        save_base(draft, &change.collection, &change.id, &base);
    }
    apply_change(draft, moment, collection, change)?;
    draft.set(&member, (!change.deleted).then_some(&part.generation));
    Ok(())
}

/// Takes some records out of a scope; whether there are more.
pub(super) fn leave_some(draft: &mut Draft<'_>, schema: &Schema, active: &[String], key: &str) -> Planned<bool> {
    let some = stored::scan_limit(draft, &keyspace::members(key), EVICTED_AT_ONCE)?;
    for (member, _) in &some {
        leave(draft, schema, active, member, &Checkpoint::default())?;
    }
    Ok(some.len() == EVICTED_AT_ONCE)
}

/// Takes a record out of a scope, and off this device if it is in no other. One with mutations stays until they are settled.
fn leave(
    draft: &mut Draft<'_>,
    schema: &Schema,
    active: &[String],
    member: &[u8],
    checkpoint: &Checkpoint,
) -> Planned<()> {
    let Ok(Parsed::Member(key, name, id)) = keyspace::parse(member) else { return Ok(()) };
    draft.delete(member);
    let Some(collection) = schema.find(&name) else { return Ok(()) };
    for other in active.iter().filter(|other| **other != key) {
        if *other == name || is_part(other) && draft.get(&keyspace::member(other, &name, &id))?.is_some() {
            return Ok(());
        }
    }
    if let Some(mut base) = bases(draft, &name, &id)? {
        base.gone = true;
        save_base(draft, &name, &id, &base);
        return Ok(());
    }
    if checkpoint.orphaning {
        orphans::keep(draft, &name, &id)?;
    }
    records::store(draft, collection, &id, None)?;
    Ok(())
}

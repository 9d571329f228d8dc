//! The base with its lane laid over it: what the app sees.

#[cfg(feature = "full")]
use holm_protocol::Edit;
use holm_protocol::{Data, Kind, Stamps, merge};
use holm_store::Draft;

#[cfg(feature = "full")]
use super::ways;
use super::{Base, Entry, Planned, State, bases, drop_base, lane};
use crate::FULL;
use crate::records::{self, Record};
use crate::schema::{Collection, ConflictPolicy};

/// Lays a lane over a base: the fields and their stamps; `None` where the record is absent afterwards.
///
/// A preview of what the server will decide: fields merge by the same function as there. A record that was deleted there is what it
/// was with all edits, where somebody who did not know of it wrote it whole.
#[must_use]
pub fn replay(base: &Base, lane: &[Entry], policy: ConflictPolicy) -> Option<(Data, Stamps)> {
    let (mut data, mut stamps, mut absent) = (base.data.clone(), base.stamps.clone(), base.absent);
    #[cfg(feature = "full")]
    let mut is_known = !base.data.is_empty();
    #[cfg(not(feature = "full"))]
    let is_known = false;
    for entry in lane {
        #[cfg(feature = "full")]
        {
            is_known &= entry.kind != Kind::Delete;
            absent &= !(is_known && entry.is_in_what_was(base));
        }
        match entry.kind {
            Kind::Delete => absent = true,
            Kind::Create | Kind::Put if absent => {
                (data, stamps, absent) = (entry.data.clone(), entry.stamps.clone(), false);
            }
            Kind::Create | Kind::Put | Kind::Patch if !absent || is_known => {
                let is_kept = FULL && entry.state == State::KEPT;
                let may_lose = policy == ConflictPolicy::Merge && !is_kept;
                let moved = |field: &str| may_lose && base.moved_from_under(entry, field);
                #[cfg(feature = "full")]
                if let Some(unheld) = ways::unheld(base, entry) {
                    merge(&mut data, &mut stamps, Edit { stamps: &unheld, ..entry.edit() }, moved);
                    continue;
                }
                merge(&mut data, &mut stamps, entry.edit(), moved);
            }
            Kind::Create | Kind::Put | Kind::Patch | Kind::Call | Kind::Skip => {}
        }
    }
    (!absent).then_some((data, stamps))
}

/// Makes the visible record what base and lane say; the last entry of a lane takes the base with it.
///
/// `touch` stamps the visible record if it changes.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn restore(draft: &mut Draft<'_>, collection: &Collection, id: &str, touch: u64) -> Planned<()> {
    let Some(base) = bases(draft, &collection.name, id)? else { return Ok(()) };
    let is_gone = FULL && base.gone;
    let entries = lane(draft, &collection.name, id)?;
    let mut visible = replay(&base, &entries, collection.conflict).map(|(mut data, stamps)| {
        collection.fill(&mut data);
        Record { touch, rev: base.rev, stamps, data }
    });
    if entries.is_empty() {
        if is_gone {
            visible = None;
        }
        drop_base(draft, &collection.name, id);
    }
    let before = records::read(draft, &collection.name, id)?;
    // It keeps its touch where nothing that can be seen changed.
    if let (Some(now), Some(before)) = (&mut visible, &before)
        && now.data == before.data
    {
        now.touch = before.touch;
    }
    if visible.as_ref() != before.as_deref() {
        records::store(draft, collection, id, visible.as_ref())?;
    }
    Ok(())
}

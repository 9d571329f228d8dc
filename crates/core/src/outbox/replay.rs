//! The base with its lane laid over it: what the app sees.

use holm_protocol::{Kind, merge};
use holm_store::Draft;

use super::{Base, Entry, Planned, bases, drop_base, lane};
use crate::records::{self, Record};
use crate::schema::{Collection, ConflictPolicy};

/// Lays a lane over a base; `None` where the record is absent afterwards.
///
/// A preview of what the server will decide: fields merge by the same function as there.
#[must_use]
pub fn replay(base: &Base, lane: &[Entry], policy: ConflictPolicy) -> Option<Base> {
    let mut row = base.clone();
    for entry in lane {
        match entry.kind {
            Kind::Delete => row = Base { rev: row.rev, absent: true, ..Base::default() },
            Kind::Create | Kind::Put if row.absent => {
                let (data, stamps) = (entry.data.clone(), entry.stamps.clone());
                row = Base { absent: false, rev: row.rev, data, stamps, ..Base::default() };
            }
            Kind::Create | Kind::Put | Kind::Patch if !row.absent => lay(&mut row, base, entry, policy),
            Kind::Create | Kind::Put | Kind::Patch | Kind::Call | Kind::Skip => {}
        }
    }
    (!row.absent).then_some(row)
}

fn lay(row: &mut Base, base: &Base, entry: &Entry, policy: ConflictPolicy) {
    let moved = |field: &str| policy == ConflictPolicy::Merge && base.moved_from_under(entry, field);
    merge(&mut row.data, &mut row.stamps, &entry.data, &entry.stamps, moved);
}

/// Makes the visible record what base and lane say; the last entry of a lane takes the base with it.
///
/// `touch` stamps the visible record if it changes.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn restore(draft: &mut Draft<'_>, collection: &Collection, id: &str, touch: u64) -> Planned<()> {
    let Some(base) = bases(draft, &collection.name, id)? else { return Ok(()) };
    let entries = lane(draft, &collection.name, id)?;
    let visible = replay(&base, &entries, collection.conflict);
    if entries.is_empty() {
        drop_base(draft, &collection.name, id);
    }
    let record = visible.map(|mut row| {
        collection.fill(&mut row.data);
        Record { touch, rev: base.rev.clone(), stamps: row.stamps, data: row.data }
    });
    show(draft, collection, id, record)
}

/// Stores the visible record, keeping its touch where nothing that can be seen changed.
fn show(draft: &mut Draft<'_>, collection: &Collection, id: &str, record: Option<Record>) -> Planned<()> {
    let before = records::read(draft, &collection.name, id)?;
    let record = match (record, &before) {
        (Some(new), Some(old)) if new.data == old.data => Some(Record { touch: old.touch, ..new }),
        (new, _) => new,
    };
    if record != before {
        records::store(draft, collection, id, record.as_ref())?;
    }
    Ok(())
}

//! One row of a page, laid under what is pending here.

#[cfg(feature = "full")]
use std::mem::take;

use holm_protocol::Change;
use holm_store::Draft;

use crate::outbox::{self, Base, Moment, Planned, bases, restore, save_base};
use crate::records::{self, Before, Written};
use crate::schema::Collection;

/// Makes base or visible record what a change says, where that is news.
pub(super) fn apply_change(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    collection: &Collection,
    change: &Change,
) -> Planned<()> {
    let absent = change.deleted || change.gone;
    if let Some(mut base) = bases(draft, &collection.name, &change.id)? {
        if base.rev != change.rev || base.absent != absent {
            let (mut data, mut stamps) = (change.data.data().expect("a message was read whole"), change.stamps.clone());
            if let Some(stamp) = &change.stamp {
                stamps.spread(stamp, &data);
            }
            #[cfg(feature = "full")]
            let mut holds = outbox::held(draft, moment, (&collection.name, &change.id), &base)?;
            if absent {
                data = outbox::leaving(draft, (&collection.name, &change.id), &mut base)?;
                #[cfg(feature = "full")]
                {
                    holds = take(&mut base.holds);
                }
            }
            let now = Base { rev: change.rev.clone(), absent, data, stamps, ..Base::default() };
            #[cfg(feature = "full")]
            let now = Base { holds, ..now };
            save_base(draft, &collection.name, &change.id, &now.after(&base, moment.last_order));
            restore(draft, collection, &change.id, moment.touch)?;
        }
        return Ok(());
    }
    let before = records::revision(draft, &collection.name, &change.id)?;
    if before.as_ref().is_some_and(|rev| *rev == change.rev && !absent) || (before.is_none() && absent) {
        return Ok(());
    }
    show(draft, moment, collection, change, Before::Any)
}

/// Makes the visible record what a change says.
pub(super) fn show(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    collection: &Collection,
    change: &Change,
    before: Before,
) -> Planned<()> {
    let filled = collection.fill_text(&change.data);
    let record = Written {
        touch: moment.touch,
        rev: change.rev.as_ref(),
        stamp: change.stamp.as_ref(),
        stamps: &change.stamps,
        data: filled.as_ref().unwrap_or(&change.data),
    };
    let absent = change.deleted || change.gone;
    records::replace(draft, collection, &change.id, (!absent).then_some(&record), before)?;
    Ok(())
}

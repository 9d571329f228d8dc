//! What shows the effect of a call of the server's function until its outcome is known.
//!
//! ```text
//!  the call, in a lane of its own        pending ──▶ frozen ──ok──▶ confirmed ──pull covers it──▶ gone
//!                                           │                          │                           │
//!  its effect, in its records' lanes     pending ──────────────────▶ confirmed ──────────────────▶ gone
//!                                                    └── the call is parked ──▶ kept with it
//! ```
//!
//! It is made of writes like any other to all who read a lane, and of nothing to those who send: the outbox's order does not know of
//! them. A call goes as if it were a mutation of each record that it shows something of: after those before it, and what is written
//! there later waits for its outcome.

use holm_store::Draft;

use super::{Entry, Moment, Planned, State, entry_at, remove, restore, store_entry};

/// What shows the effect of a call goes with it: it waits with it, and is confirmed with it.
pub(super) fn follow(draft: &mut Draft<'_>, call: &Entry) -> Planned<()> {
    for place in call.effect() {
        if let Some(mut write) = entry_at(draft, place)? {
            write.state = if let State::Frozen(_) = call.state { State::Pending } else { call.state };
            store_entry(draft, &write);
        }
    }
    Ok(())
}

/// Takes what shows the effect of a call out of its lanes.
pub(super) fn take_effect(draft: &mut Draft<'_>, moment: &Moment<'_>, call: &Entry) -> Planned<Vec<Entry>> {
    let mut taken = Vec::new();
    for place in call.effect() {
        if let Some(write) = entry_at(draft, place)? {
            remove(draft, &write);
            taken.push(*write);
        }
    }
    for write in &taken {
        if let Some(collection) = moment.schema.find(&write.collection) {
            restore(draft, collection, &write.id, moment.touch)?;
        }
    }
    Ok(taken)
}

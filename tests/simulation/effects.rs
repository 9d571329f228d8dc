//! What must hold on the server at any moment: invariants 2, 4, 5, 10 and 11.

use std::collections::{BTreeMap, BTreeSet};

use holm_protocol::{Kind, PushRequest};

use crate::accounts::{ACCOUNTS, BOTH};
use crate::history::Name;
use crate::polls::server_counts_right;
use crate::timeline::Written;
use crate::world::{USERS, World};

/// Checks every effect and row.
///
/// # Errors
/// The first that should not be.
pub fn check(world: &World) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<(usize, u64, Name), u64> = BTreeMap::new();
    let mut alive: BTreeSet<(String, Name)> = BTreeSet::new();
    for effect in world.backend.effects() {
        let mid = effect.mid.0;
        if !seen.insert(mid.clone()) {
            return Err(format!("4: {mid} took effect twice"));
        }
        let Some((device, user, written)) = writer(world, &mid) else {
            return Err(format!("4: nobody wrote {mid}, which took effect"));
        };
        if user != effect.user {
            return Err(format!("11: {mid} is {user}'s, and took effect among what is {}'s", effect.user));
        }
        let name = written.name;
        let before = last.insert((device, written.life, name.clone()), written.order);
        if before.is_some_and(|before| before >= written.order) && !written.may_come_late {
            return Err(format!("5: {mid} of {name:?} (order {}) took effect after order {before:?}", written.order));
        }
        if effect.change.is_some() && written.kind == Kind::Call {
            let accounts = BOTH.map(|id| (effect.user.clone(), (ACCOUNTS.to_owned(), id.to_owned())));
            alive.extend(accounts);
        } else if effect.change.is_some() {
            comes_and_goes(&mut alive, (effect.user, name), written.kind)?;
        }
    }
    USERS.iter().try_for_each(|user| rows(world, user, &alive).and_then(|()| server_counts_right(world, user)))
}

fn writer(world: &World, mid: &str) -> Option<(usize, &'static str, Written)> {
    world.devices.borrow().iter().find_map(|device| {
        let timeline = device.timeline.borrow();
        let written = timeline.orders.get(mid)?.clone();
        let may_come_late = timeline.is_of_an_earlier_life(&written);
        Some((device.number, device.user, Written { may_come_late, ..written }))
    })
}

/// 10: nothing but a create or a put brings a record into being.
fn comes_and_goes(alive: &mut BTreeSet<(String, Name)>, row: (String, Name), kind: Kind) -> Result<(), String> {
    match kind {
        Kind::Create | Kind::Put => drop(alive.insert(row)),
        Kind::Delete => drop(alive.remove(&row)),
        _ if !alive.contains(&row) => return Err(format!("10: a patch brought {row:?} back")),
        _ => {}
    }
    Ok(())
}

/// 10: the records that live are those that were written since they were deleted. Clocks that are wrong win nothing.
fn rows(world: &World, user: &str, alive: &BTreeSet<(String, Name)>) -> Result<(), String> {
    let now_ms = world.executor.now_ms();
    for row in world.backend.rows(user) {
        let key = (row.user.clone(), (row.collection.clone(), row.id.clone()));
        if row.deleted == alive.contains(&key) {
            return Err(format!("10: of {key:?}, what was written and deleted last is not what is there: {row:?}"));
        }
        if let Some(stamp) = row.stamps.values().find(|stamp| stamp.ms > now_ms) {
            return Err(format!("10: {stamp} is later than the server's {now_ms}, in {row:?}"));
        }
    }
    Ok(())
}

/// 2, at the server: a pair is written by transactions only, so it is always equal.
pub fn pair_is_equal(world: &World, user: &str) {
    let rows = world.backend.rows(user);
    let pair: Vec<_> = rows.iter().filter(|row| row.collection == "pairs").map(|row| &row.data).collect();
    if !pair.is_empty() && (pair.len() != 2 || pair[0] != pair[1]) {
        world.history.complain(format!("2: a transaction was torn: {pair:?}"));
    }
}

/// 11: nobody sends with one's token what another wrote.
pub fn push_is_the_user_s_own(world: &World, user: &str, push: &PushRequest) {
    for mutation in &push.mutations {
        let writer = writer(world, mutation.mid.as_str());
        if writer.is_some_and(|(_, owner, _)| owner != user) {
            world.history.complain(format!("11: {user} sends {}, which another wrote", mutation.mid));
        }
    }
}

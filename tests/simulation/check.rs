//! What must hold: invariants 1 to 9, of one device at any moment, of the server at any moment, of all at the end.
//!
//! 9 is judged where it happens, by [`crate::timeline`].

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use holm_core::outbox::ReceiptState;
use holm_protocol::{Data, Revision};
use holm_server::StoredRow;

use crate::consistency;
use crate::device::Device;
use crate::history::{Call, Fate, Name};
use crate::snapshot::Snapshot;
use crate::workload::{IN_TRANSACTIONS, mutations};
use crate::world::World;

/// Looks at what a device has stored, and at the server.
pub fn look(world: &World, device: &Rc<Device>) {
    if let Err(what) = try_look(world, device) {
        world.history.complain(format!("device {}: {what}", device.number));
    }
}

fn try_look(world: &World, device: &Rc<Device>) -> Result<(), String> {
    effects_once_and_in_order(world)?;
    let Some(snapshot) = snapshot(world, device)? else { return Ok(()) };
    device.timeline.borrow_mut().resume(&snapshot);
    consistency::check(&snapshot)?;
    every_call_is_somewhere(world, device, &snapshot)?;
    checkpoints_cover_rows(world, device, &snapshot)
}

fn snapshot(world: &World, device: &Device) -> Result<Option<Snapshot>, String> {
    Snapshot::take(&device.disk.borrow(), &world.schema)
}

fn rows(world: &World) -> Vec<StoredRow> {
    world.server.borrow().rows().expect("SQLite in memory")
}

fn applied_mids(world: &World) -> BTreeSet<String> {
    world.server.borrow().effects().expect("SQLite in memory").into_iter().map(|effect| effect.mid.0).collect()
}

/// 4: no mutation took effect twice. 5: those of one record, by one device, did so in the order they were written.
fn effects_once_and_in_order(world: &World) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<(usize, u64, Name), u64> = BTreeMap::new();
    let names = mutation_names(world);
    for effect in world.server.borrow().effects().expect("SQLite in memory") {
        let mid = effect.mid.0;
        if !seen.insert(mid.clone()) {
            return Err(format!("4: {mid} took effect twice"));
        }
        let place = world.devices.borrow().iter().find_map(|device| {
            let (life, order) = *device.timeline.borrow().orders.get(&mid)?;
            Some((device.number, life, order))
        });
        let Some((device, life, order)) = place else { return Err(format!("nobody wrote {mid}, which took effect")) };
        let Some(name) = names.get(&mid) else { continue };
        let before = last.insert((device, life, name.clone()), order);
        if before.is_some_and(|before| before >= order) {
            return Err(format!("5: {mid} of {name:?} (order {order}) took effect after order {before:?}"));
        }
    }
    Ok(())
}

fn mutation_names(world: &World) -> BTreeMap<String, Name> {
    let calls = world.history.calls.borrow();
    calls.iter().flat_map(|(receipt, call)| mutations(receipt, call)).map(|(mid, name)| (mid, name.clone())).collect()
}

/// 2, at the server: a pair is written by transactions only, so it is always equal.
pub fn pair_is_equal(world: &World) {
    let rows = rows(world);
    let pair: Vec<_> = rows.iter().filter(|row| row.collection == "pairs").map(|row| &row.data).collect();
    if !pair.is_empty() && (pair.len() != 2 || pair[0] != pair[1]) {
        world.history.complain(format!("2: a transaction was torn: {pair:?}"));
    }
}

/// 1, 2, 3: what the app was told is there, whole, in exactly one of outbox, server and parked.
fn every_call_is_somewhere(world: &World, device: &Device, snapshot: &Snapshot) -> Result<(), String> {
    let applied = applied_mids(world);
    // A device that forgot some of its writes is another writer to the server, which did not.
    let is_one_writer = !device.timeline.borrow().was_rolled_back();
    let entries = snapshot.lanes.values().flat_map(BTreeMap::values);
    let waiting: BTreeSet<&str> = entries.filter(|(waits, _)| *waits).map(|(_, entry)| entry.mid.as_str()).collect();
    for (receipt, call) in world.history.calls.borrow().iter().filter(|(_, call)| call.device == device.number) {
        call_is_whole(receipt, call, snapshot)?;
        if call.is_transaction {
            let members = mutations(receipt, call).filter(|(mid, _)| applied.contains(mid)).count();
            if members != 0 && members != call.rows.len() {
                return Err(format!("2: {members} members of the transaction {receipt} took effect"));
            }
        }
        for (mid, name) in mutations(receipt, call) {
            let Some(state) = snapshot.receipts.get(&mid) else { continue };
            let is_right = match state {
                ReceiptState::Pending => waiting.contains(mid.as_str()),
                ReceiptState::Acknowledged { .. } => applied.contains(&mid),
                ReceiptState::Parked { .. } => snapshot.parked.contains_key(&mid) && !applied.contains(&mid),
                ReceiptState::Discarded => world.history.released.borrow().contains(&mid),
                ReceiptState::Unknown => false,
            };
            if !is_right {
                return Err(format!("3: the receipt of {mid} of {name:?} says {state:?}, which is not so"));
            }
            if is_one_writer && has_one_writer(name) && matches!(state, ReceiptState::Parked { .. }) {
                return Err(format!("{name:?} has one writer, and its {mid} was parked: {state:?}"));
            }
        }
    }
    Ok(())
}

/// Whether only one device writes it, so that nothing about it can be refused.
fn has_one_writer(name: &Name) -> bool {
    name.0 == "mine" && !name.1.ends_with(IN_TRANSACTIONS)
}

fn call_is_whole(receipt: &str, call: &Call, snapshot: &Snapshot) -> Result<(), String> {
    let known = mutations(receipt, call).filter(|(mid, _)| snapshot.receipts.contains_key(mid)).count();
    let all = call.rows.len();
    let is_right = match call.fate {
        Fate::Acknowledged => known == all,
        Fate::Refused => known == 0,
        Fate::Open | Fate::Unknown => known == 0 || known == all,
    };
    if is_right { Ok(()) } else { Err(format!("1, 2: {known} of {all} mutations of {receipt} are stored: {call:?}")) }
}

/// 6, and 7 at any moment: a checkpoint never goes back, and every row up to it is here.
fn checkpoints_cover_rows(world: &World, device: &Device, snapshot: &Snapshot) -> Result<(), String> {
    let rows = rows(world);
    for (scope, checkpoint) in &snapshot.checkpoints {
        let Some(at) = checkpoint.at.as_deref().map(change_of_checkpoint) else { continue };
        let before = device.checkpoints.borrow_mut().insert(scope.clone(), at);
        if before.is_some_and(|before| before > at) && !checkpoint.resetting {
            return Err(format!("6: the checkpoint of {scope} went back from {before:?} to {at}"));
        }
        for row in rows.iter().filter(|row| row.collection == *scope && change_of(&row.rev) <= at) {
            let name = (row.collection.clone(), row.id.clone());
            let (rev, is_absent) = match (snapshot.bases.get(&name), snapshot.records.get(&name)) {
                (Some(base), _) => (base.rev.as_ref(), base.absent),
                (None, Some(record)) => (record.rev.as_ref(), false),
                (None, None) => (None, true),
            };
            let is_here = if row.deleted { is_absent || checkpoint.resetting } else { rev == Some(&row.rev) };
            if !is_here {
                return Err(format!(
                    "6, 7: the checkpoint of {scope} covers {at}, but of {row:?} only {rev:?} is here"
                ));
            }
        }
    }
    Ok(())
}

/// The change number in a checkpoint of the reference server: `epoch.life.change~start.tag`.
fn change_of_checkpoint(text: &str) -> u64 {
    let place = text.split('.').nth(2).expect("a checkpoint of this server");
    place.split('~').next().and_then(|change| change.parse().ok()).expect("a checkpoint of this server")
}

/// The change number in a revision of the reference server: `change-life`.
fn change_of(rev: &Revision) -> u64 {
    rev.as_str().split('-').next().and_then(|change| change.parse().ok()).expect("a revision of this server")
}

type Replica = BTreeMap<Name, (Option<Revision>, Data)>;

fn of_the_server(world: &World) -> Replica {
    let alive = rows(world).into_iter().filter(|row| !row.deleted);
    alive.map(|row| ((row.collection, row.id), (Some(row.rev), row.data))).collect()
}

fn of_a_device(snapshot: &Snapshot) -> Replica {
    snapshot.records.iter().map(|(name, record)| (name.clone(), (record.rev.clone(), record.data.clone()))).collect()
}

/// Whether everybody has sent everything, and has what the server has.
pub fn is_settled(world: &World) -> bool {
    let server = of_the_server(world);
    world.devices.borrow().iter().all(|device| {
        let Ok(Some(snapshot)) = snapshot(world, device) else { return false };
        snapshot.lanes.is_empty()
            && of_a_device(&snapshot) == server
            && device.tabs.borrow().values().all(|tab| tab.engine.borrow().is_some())
    })
}

/// Everything, once nothing moves any more.
pub fn at_the_end(world: &World) {
    let server = of_the_server(world);
    let devices = world.devices.borrow().clone();
    for device in &devices {
        look(world, device);
        if let Err(what) = is_finished(world, device, &server) {
            world.history.complain(format!("device {}: {what}", device.number));
        }
    }
}

fn is_finished(world: &World, device: &Device, server: &Replica) -> Result<(), String> {
    let snapshot = snapshot(world, device)?.ok_or("there is no database")?;
    if !snapshot.lanes.is_empty() {
        let statuses: Vec<_> = device.engines().iter().map(|engine| engine.status()).collect();
        return Err(format!("8: mutations still wait: {:?} {statuses:?}", snapshot.lanes));
    }
    let own = of_a_device(&snapshot);
    for name in own.keys().chain(server.keys()) {
        if own.get(name) != server.get(name) {
            let (here, there) = (own.get(name), server.get(name));
            return Err(format!("7, 8: {name:?} is {here:?} here and {there:?} on the server"));
        }
    }
    for engine in device.engines() {
        let status = engine.status();
        if status.pending != 0 || status.parked != snapshot.parked.len() {
            return Err(format!("the status says {status:?}, and {} are parked", snapshot.parked.len()));
        }
    }
    one_writer_is_obeyed(device, server)
}

/// 5: a record that only one device writes is at last what that device wrote last.
fn one_writer_is_obeyed(device: &Device, server: &Replica) -> Result<(), String> {
    let timeline = device.timeline.borrow();
    if timeline.was_rolled_back() {
        return Ok(());
    }
    for (name, written) in timeline.last_written.iter().filter(|(name, _)| has_one_writer(name)) {
        let there = server.get(name).map(|(_, data)| data);
        if there != written.as_ref() {
            return Err(format!("5: {name:?} has one writer, who wrote {written:?}, and the server has {there:?}"));
        }
    }
    Ok(())
}

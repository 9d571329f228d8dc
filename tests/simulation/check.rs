//! What must hold of one device at any moment, and of all at the end. The numbers are those of the invariants, which
//! `docs/guarantees.md` lists.
//!
//! 9 is judged where it happens, by [`crate::timeline`]; 17 by a test.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use holm_core::outbox::ReceiptState;
use holm_protocol::{Data, ErrorCode, Revision};
use holm_server::StoredRow;

use crate::consistency;
use crate::device::Device;
use crate::effects;
use crate::history::{Call, Fate, Name};
use crate::notes;
use crate::polls;
use crate::snapshot::Snapshot;
use crate::workload::{IN_TRANSACTIONS, mutations};
use crate::world::{World, list_of};

/// Some tabs, each of which starts its backoff anew whenever it is started or its user asks for a sync.
const FAILURES_PER_MINUTE_MAX: usize = 300;

/// Looks at what a device has stored, and at the server.
pub fn look(world: &World, device: &Rc<Device>) {
    if let Err(what) = try_look(world, device) {
        world.history.complain(format!("device {}: {what}", device.number));
    }
}

fn try_look(world: &World, device: &Rc<Device>) -> Result<(), String> {
    effects::check(world)?;
    let Some(snapshot) = snapshot(world, device)? else { return Ok(()) };
    device.timeline.borrow_mut().resume(&snapshot);
    consistency::check(&snapshot, &world.schemas)?;
    polls::device_counts_right(world, &snapshot)?;
    every_call_is_somewhere(world, device, &snapshot)?;
    statuses_are_true(device, &snapshot)?;
    checkpoints_cover_rows(world, device, &snapshot)
}

fn snapshot(world: &World, device: &Device) -> Result<Option<Snapshot>, String> {
    Snapshot::take(&device.disk.borrow(), &world.schemas)
}

/// 1, 2, 3: what the app was told is there, whole, in exactly one of outbox, server and parked.
fn every_call_is_somewhere(world: &World, device: &Device, snapshot: &Snapshot) -> Result<(), String> {
    let (applied, ever_applied) = (applied(world), world.backend.ever_applied());
    // A device that forgot some of its writes is another writer to the server, which did not.
    let is_one_writer = !forgot(world, device);
    let entries = snapshot.lanes.values().flat_map(BTreeMap::values);
    let waiting: BTreeSet<&str> =
        entries.filter(|(waits, _)| *waits).map(|(_, entry)| entry.receipt().as_str()).collect();
    let families = families(snapshot);
    let deleted = deleted(world);
    for (receipt, call) in world.history.calls.borrow().iter().filter(|(_, call)| call.device == device.number) {
        call_is_whole(receipt, call, snapshot)?;
        if call.is_transaction {
            // One out of which something refused was taken has another id, with its own before a tilde.
            let is_applied = |mid: &str| applied.iter().any(|other| other.split('~').next() == Some(mid));
            let members = mutations(receipt, call).filter(|(mid, _)| is_applied(mid)).count();
            if members != 0 && members != call.rows.len() {
                return Err(format!("2: {members} members of the transaction {receipt} took effect"));
            }
        }
        for (mid, name) in mutations(receipt, call) {
            let Some((first, state)) = told(snapshot, &mid) else { continue };
            let any_of_it = |wanted: &dyn Fn(&String) -> bool| families[first].iter().any(wanted);
            let is_right = match state {
                ReceiptState::Pending => waiting.contains(first),
                // What was made and removed before it was sent is nobody's business.
                ReceiptState::Acknowledged { .. } => {
                    any_of_it(&|mid| ever_applied.contains(mid)) || any_of_it(&|mid| deleted.contains(mid))
                }
                ReceiptState::Parked { .. } => {
                    // What was rolled back to before it was sent may have been joined by another, and be refused with it.
                    let is_applied = is_one_writer && any_of_it(&|mid| applied.contains(mid));
                    any_of_it(&|mid| snapshot.parked.contains_key(mid)) && !is_applied
                }
                ReceiptState::Discarded => {
                    let was_applied = any_of_it(&|mid| applied.contains(mid));
                    // Of a storage that was rolled back, what had joined a write that took effect may be another now.
                    let is_untold = !was_applied || !is_one_writer;
                    let by_policy = world.ending.may_give_up(name) && !call.is_transaction && is_untold;
                    by_policy || any_of_it(&|mid| world.history.released.borrow().contains(mid))
                }
                ReceiptState::Joined { .. } | ReceiptState::Unknown => false,
            };
            if matches!(state, ReceiptState::Parked { code: ErrorCode::Undeliverable, .. }) {
                world.history.undelivered.borrow_mut().insert(name.clone());
            }
            if !is_right || world.ending.forbids(name, state, call.is_transaction) {
                return Err(format!("3: the receipt of {mid} of {name:?} says {state:?}, which is not so"));
            }
            let was_delivered = !world.history.undelivered.borrow().contains(name);
            if is_one_writer && was_delivered && has_one_writer(name) && matches!(state, ReceiptState::Parked { .. }) {
                return Err(format!("3: {name:?} has one writer, and its {mid} was parked: {state:?}"));
            }
        }
    }
    Ok(())
}

/// The mutations that became one before they were sent, with those that were made of it later, by the first.
fn families(snapshot: &Snapshot) -> BTreeMap<&str, BTreeSet<String>> {
    let mut families: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for mid in snapshot.receipts.keys() {
        if let Some((first, _)) = told(snapshot, mid) {
            families.entry(first).or_default().insert(mid.clone());
        }
    }
    families
}

/// Whose receipt tells of a mutation, and what it tells.
pub fn told<'a>(snapshot: &'a Snapshot, mid: &str) -> Option<(&'a str, &'a ReceiptState)> {
    let (mid, state) = snapshot.receipts.get_key_value(mid)?;
    match state {
        ReceiptState::Joined { into } => {
            let (first, state) = snapshot.receipts.get_key_value(into.as_str())?;
            Some((first.as_str(), state))
        }
        state => Some((mid.as_str(), state)),
    }
}

/// The mutations that remove records.
fn deleted(world: &World) -> BTreeSet<String> {
    let calls = world.history.calls.borrow();
    let deletes = calls.iter().filter(|(_, call)| call.is_delete);
    let again = world.history.deletes.borrow().clone();
    again
        .into_iter()
        .chain(deletes.flat_map(|(receipt, call)| mutations(receipt, call).map(|(mid, _)| mid).collect::<Vec<_>>()))
        .collect()
}

fn applied(world: &World) -> BTreeSet<String> {
    world.backend.effects().into_iter().map(|effect| effect.mid.0).collect()
}

/// Whether the device or the server does not know any more what it once told.
fn forgot(world: &World, device: &Device) -> bool {
    device.timeline.borrow().was_rolled_back() || world.backend.was_restored()
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

/// 15: a tab that has seen all of the log says how much waits, and how much is parked.
fn statuses_are_true(device: &Device, snapshot: &Snapshot) -> Result<(), String> {
    for tab in device.tabs.borrow().values().filter(|tab| !tab.counts_anew.get()) {
        let Some(engine) = tab.engine.borrow().clone() else { continue };
        if engine.database().tail().0 != snapshot.tail {
            continue;
        }
        let status = engine.status();
        if (status.pending, status.parked) != (snapshot.outbox.len(), snapshot.parked.len()) {
            let (waiting, parked) = (snapshot.outbox.len(), snapshot.parked.len());
            return Err(format!("15: {waiting} wait and {parked} are parked, but the status says {status:?}"));
        }
    }
    Ok(())
}

/// 12: an exchange failed. Whatever happens, a device does not storm a server that it cannot reach.
pub fn failed(world: &World, device: &Device) {
    let (now_ms, mut failed_ms) = (world.executor.now_ms(), device.failed_ms.borrow_mut());
    failed_ms.push_back(now_ms);
    while failed_ms.front().is_some_and(|at_ms| at_ms + 60_000 < now_ms) {
        failed_ms.pop_front();
    }
    if failed_ms.len() > FAILURES_PER_MINUTE_MAX {
        world.history.complain(format!("12: device {} failed {} times in a minute", device.number, failed_ms.len()));
    }
}

/// 6, and 7 at any moment: a checkpoint never goes back, and every row up to it is here.
fn checkpoints_cover_rows(world: &World, device: &Device, snapshot: &Snapshot) -> Result<(), String> {
    let rows = world.backend.rows(device.user);
    for (scope, checkpoint) in &snapshot.checkpoints {
        let Some((life, at, newest)) = checkpoint.at.as_deref().map(place_of_checkpoint) else { continue };
        let before = device.checkpoints.borrow_mut().insert(scope.clone(), (life.clone(), at));
        // What a restored server does not know will be answered with a reset.
        if !world.backend.remembers(&life, newest) {
            continue;
        }
        let went_back = |(life, before): &(String, u64)| *before > at && world.backend.remembers(life, *before);
        if before.as_ref().is_some_and(went_back) && !checkpoint.resetting {
            return Err(format!("6: the checkpoint of {scope} went back from {before:?} to {at}"));
        }
        for row in rows.iter().filter(|row| change_of(&row.rev) <= at) {
            if !is_in(row, scope) {
                let name = (row.collection.clone(), row.id.clone());
                if !checkpoint.resetting && snapshot.members.get(scope).is_some_and(|members| members.contains(&name)) {
                    return Err(format!("7: {row:?} left {scope} before {at}, and is in it here"));
                }
                continue;
            }
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

/// Whether a row is in a scope; of one that is deleted nobody knows in which list it was.
pub fn is_in(row: &StoredRow, scope: &str) -> bool {
    let list = row.data.get("list").and_then(|list| list.as_str());
    row.collection == scope
        || list.is_some_and(|list| row.collection == "items" && scope == format!(r#"list:{{"id":"{list}"}}"#))
}

/// The life, the change, and the newest change that a checkpoint of the reference server knows of:
/// `epoch.life.change~start+head.tag`.
pub fn place_of_checkpoint(text: &str) -> (String, u64, u64) {
    let mut parts = text.split('.').skip(1);
    let (life, place) = parts.next().zip(parts.next()).expect("a checkpoint of this server");
    let changes: Vec<u64> = place.split(['~', '+']).map(|change| change.parse().expect("a number")).collect();
    (life.to_owned(), changes[0], changes.iter().copied().max().expect("there is one"))
}

/// The change number in a revision of the reference server: `change-life`.
pub fn change_of(rev: &Revision) -> u64 {
    rev.as_str().split('-').next().and_then(|change| change.parse().ok()).expect("a revision of this server")
}

type Replica = BTreeMap<Name, (Option<Revision>, Data)>;

/// What a device must have: the user's rows, with the defaults that its version of the app gives them.
fn of_the_server(world: &World, device: &Device, snapshot: &Snapshot) -> Replica {
    let schema = snapshot.schema(&world.schemas);
    let kept = |row: &StoredRow| {
        row.collection != "items"
            || snapshot.scopes.iter().any(|(key, is_leaving)| {
                !is_leaving && is_in(row, key) && world.hidden.load(Ordering::Relaxed) & list_of(device.user, key) == 0
            })
    };
    let alive = world.backend.rows(device.user).into_iter().filter(|row| !row.deleted && kept(row));
    alive
        .map(|mut row| {
            schema.find(&row.collection).expect("a collection of the app").fill(&mut row.data);
            ((row.collection, row.id), (Some(row.rev), row.data))
        })
        .collect()
}

fn of_a_device(snapshot: &Snapshot) -> Replica {
    snapshot.records.iter().map(|(name, record)| (name.clone(), (record.rev.clone(), record.data.clone()))).collect()
}

/// Whether everybody has sent everything, and has what the server has.
pub fn is_settled(world: &World) -> bool {
    world.devices.borrow().iter().all(|device| {
        let Ok(Some(snapshot)) = snapshot(world, device) else { return false };
        let (own, server) = (of_a_device(&snapshot), of_the_server(world, device, &snapshot));
        snapshot.lanes.values().flat_map(BTreeMap::values).all(|(_, entry)| notes::is_kept(entry))
            && own
                .keys()
                .chain(server.keys())
                .all(|name| own.get(name) == server.get(name) || notes::shows_kept(&snapshot, name))
            && device.tabs.borrow().values().all(|tab| tab.engine.borrow().is_some())
    })
}

/// Everything, once nothing moves any more.
pub fn at_the_end(world: &World) {
    let devices = world.devices.borrow().clone();
    for device in &devices {
        look(world, device);
        if let Err(what) = is_finished(world, device) {
            world.history.complain(format!("device {}: {what}", device.number));
        }
    }
}

fn is_finished(world: &World, device: &Rc<Device>) -> Result<(), String> {
    let snapshot = snapshot(world, device)?.ok_or("13: there is no database")?;
    let server = of_the_server(world, device, &snapshot);
    if snapshot.lanes.values().flat_map(BTreeMap::values).any(|(_, entry)| !notes::is_kept(entry)) {
        let statuses: Vec<_> = device.engines().iter().map(|engine| engine.status()).collect();
        return Err(format!("13: mutations still wait: {:?} {statuses:?}", snapshot.lanes));
    }
    let own = of_a_device(&snapshot);
    for name in own.keys().chain(server.keys()) {
        if own.get(name) != server.get(name) && !notes::shows_kept(&snapshot, name) {
            let (here, there) = (own.get(name), server.get(name));
            return Err(format!("7, 8: {name:?} is {here:?} here and {there:?} on the server"));
        }
    }
    for engine in device.engines() {
        let status = engine.status();
        if status.pending != 0 || status.parked != snapshot.parked.len() {
            return Err(format!("15: the status says {status:?}, and {} are parked", snapshot.parked.len()));
        }
    }
    if !forgot(world, device) {
        polls::all_is_there(world, device, &snapshot)?;
    }
    one_writer_is_obeyed(world, device, &server)
}

/// 5: a record that only one device writes is at last what that device wrote last.
fn one_writer_is_obeyed(world: &World, device: &Device, server: &Replica) -> Result<(), String> {
    if forgot(world, device) {
        return Ok(());
    }
    let timeline = device.timeline.borrow();
    let undelivered = world.history.undelivered.borrow();
    let is_judged = |name: &Name| has_one_writer(name) && !undelivered.contains(name);
    for (name, written) in timeline.last_written.iter().filter(|(name, _)| is_judged(name)) {
        let there = server.get(name).map(|(_, data)| data);
        if there != written.as_ref() {
            return Err(format!("5: {name:?} has one writer, who wrote {written:?}, and the server has {there:?}"));
        }
    }
    Ok(())
}

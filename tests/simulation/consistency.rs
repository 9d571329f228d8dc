//! Whether what one device has stored fits together: record, outbox, base, indexes and receipts never part
//! (invariant 2).

use std::collections::{BTreeMap, BTreeSet};

use holm_core::outbox::{Base, Entry, Place, State, replay};
use holm_core::schema::Schema;
use holm_core::sync::Places;
use holm_protocol::Seq;

use crate::notes::is_kept;
use crate::snapshot::Snapshot;

/// Checks all of it.
///
/// # Errors
/// The first thing that does not fit.
pub fn check(snapshot: &Snapshot, schemas: &[Schema]) -> Result<(), String> {
    lanes_and_outbox(snapshot)?;
    records_and_bases(snapshot, snapshot.schema(schemas))?;
    states(snapshot)?;
    transactions(snapshot)?;
    calls(snapshot)?;
    let done: Vec<&str> = snapshot
        .records
        .iter()
        .filter(|(name, record)| name.0 == "tasks" && record.data.get("done") == Some(&true.into()))
        .map(|(name, _)| name.1.as_str())
        .collect();
    let found: BTreeSet<&str> = snapshot.done.iter().map(String::as_str).collect();
    if found != done.iter().copied().collect() {
        return Err(format!("2: the index finds {found:?}, the records are {done:?}"));
    }
    version(snapshot)
}

/// 16: the new version of the app has given every record what it lacked, and the new index has all of them; or the old
/// one is still in use, and knows nothing of that.
fn version(snapshot: &Snapshot) -> Result<(), String> {
    let tasks = || snapshot.records.iter().filter(|(name, _)| name.0 == "tasks");
    let ids: BTreeSet<&str> = tasks().map(|(name, _)| name.1.as_str()).collect();
    let is_new = snapshot.version == 2;
    if is_new && tasks().any(|(_, record)| record.data.get("rank").is_none()) {
        return Err(format!("16: a task of the new version has no rank: {:?}", snapshot.records));
    }
    if is_new && ids != snapshot.ranked.iter().map(String::as_str).collect() {
        return Err(format!("16: the new index finds {:?} of {ids:?}", snapshot.ranked));
    }
    Ok(())
}

fn entries(snapshot: &Snapshot) -> impl Iterator<Item = &(bool, Entry)> {
    snapshot.lanes.values().flat_map(BTreeMap::values)
}

fn lanes_and_outbox(snapshot: &Snapshot) -> Result<(), String> {
    let mut mids = BTreeSet::new();
    let mut waiting = BTreeSet::new();
    for (waits, entry) in entries(snapshot) {
        if !mids.insert(&entry.mid) || snapshot.parked.contains_key(entry.mid.as_str()) != is_kept(entry) {
            return Err(format!("3: {} is there twice", entry.mid));
        }
        if *waits == matches!(entry.state, State::Confirmed(_)) {
            return Err(format!("2: {entry:?} is marked as {}", if *waits { "waiting" } else { "confirmed" }));
        }
        if *waits {
            if entry.of.is_some() {
                continue;
            }
            waiting.insert(entry.order);
            if snapshot.outbox.get(&entry.order) != Some(&entry.pointer()) {
                return Err(format!("2: {entry:?} waits and is not in the outbox"));
            }
        }
    }
    match snapshot.outbox.keys().find(|order| !waiting.contains(order)) {
        Some(order) => Err(format!("2: the outbox has {order}, which no record has")),
        None => Ok(()),
    }
}

fn records_and_bases(snapshot: &Snapshot, schema: &Schema) -> Result<(), String> {
    let lanes = || snapshot.lanes.iter().filter(|(name, _)| !name.0.is_empty());
    if !snapshot.bases.keys().eq(lanes().map(|(name, _)| name)) {
        let (bases, lanes) = (snapshot.bases.keys(), snapshot.lanes.keys());
        return Err(format!("2: bases of {bases:?}, mutations of {lanes:?}"));
    }
    for (name, lane) in lanes() {
        let base: &Base = &snapshot.bases[name];
        let lane: Vec<Entry> = lane.values().map(|(_, entry)| entry.clone()).collect();
        let collection = schema.find(&name.0).expect("a collection of the app");
        let wanted = replay(base, &lane, collection.conflict).map(|(mut data, _)| {
            collection.fill(&mut data);
            data
        });
        let shown = snapshot.records.get(name).map(|record| record.data.clone());
        if wanted != shown {
            return Err(format!("2: {name:?} shows {shown:?}, but {wanted:?} follows from {base:?} and {lane:?}"));
        }
    }
    let unknown =
        snapshot.records.iter().find(|(name, record)| record.rev.is_none() && !snapshot.lanes.contains_key(*name));
    match unknown {
        Some((name, _)) => Err(format!("2: {name:?} is known to no server and waits for none")),
        None => Ok(()),
    }
}

/// What sync remembers of frozen and confirmed mutations is what the mutations say.
fn states(snapshot: &Snapshot) -> Result<(), String> {
    let of = |wanted: fn(State) -> Option<Seq>| {
        let sent = entries(snapshot).filter(|(_, entry)| entry.of.is_none() && !is_kept(entry));
        let found = sent.filter_map(|(_, entry)| Some((wanted(entry.state)?, entry.place())));
        let mut places = Places::default();
        found.for_each(|(seq, place)| places.insert(seq, place));
        places
    };
    let frozen = of(|state| if let State::Frozen(seq) = state { Some(seq) } else { None });
    let confirmed = of(|state| if let State::Confirmed(seq) = state { Some(seq) } else { None });
    if frozen != snapshot.sync.frozen || confirmed != snapshot.sync.confirmed {
        return Err(format!("2: {:?} does not fit frozen {frozen:?}, confirmed {confirmed:?}", snapshot.sync));
    }
    if snapshot.sync.seen > snapshot.sync.last_seq || frozen.iter().any(|(seq, _)| seq <= snapshot.sync.seen) {
        return Err(format!("3: seen does not fit in {:?}", snapshot.sync));
    }
    Ok(())
}

/// A call and what shows its effect know each other, and are as far.
fn calls(snapshot: &Snapshot) -> Result<(), String> {
    let at = |place: &Place| snapshot.lanes.get(&(place.collection.clone(), place.id.clone()))?.get(&place.order);
    for (waits, entry) in entries(snapshot) {
        if let Some(of) = &entry.of {
            let is_known = |call: &Entry| call.effect().contains(&entry.place());
            if !at(of).is_some_and(|(also, call)| also == waits && is_known(call)) {
                return Err(format!("2: {entry:?} shows the effect of a call that is not there"));
            }
        }
        for place in entry.effect() {
            if !at(place).is_some_and(|(also, write)| also == waits && write.of == Some(entry.place())) {
                return Err(format!("2: of the call {entry:?} the effect at {place:?} is not there"));
            }
        }
    }
    Ok(())
}

/// Members of a transaction wait together, and are parked together.
fn transactions(snapshot: &Snapshot) -> Result<(), String> {
    let mut waiting: BTreeMap<&(String, u32), u32> = BTreeMap::new();
    for (_, entry) in entries(snapshot).filter(|(waits, _)| *waits) {
        if let Some(tx) = &entry.tx {
            *waiting.entry(tx).or_default() += 1;
        }
    }
    let mut parked: BTreeMap<&(String, u32), u32> = BTreeMap::new();
    for tx in snapshot.parked.values().filter_map(|parked| parked.entry.tx.as_ref()) {
        *parked.entry(tx).or_default() += 1;
    }
    match waiting.iter().chain(&parked).find(|((_, members), found)| *members != **found) {
        Some(((tx, members), found)) => Err(format!("2: {found} of {members} members of {tx} are left")),
        None => Ok(()),
    }
}

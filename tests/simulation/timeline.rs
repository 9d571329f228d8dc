//! One device's log as it is applied: the order of its mutations, and whether a value came back that the user had
//! already replaced (invariant 9).
//!
//! All tabs of a device see one log; whoever applies an entry first tells it here.

use std::collections::{BTreeMap, BTreeSet};

use holm_core::keyspace::{self, Parsed};
use holm_core::outbox::{Entry, ReceiptState, State};
use holm_core::records::Record;
use holm_protocol::{Data, Kind, from_json_text};
use holm_store::{Applied, Change, Records};

use crate::history::Name;
use crate::notes::{Ending, is_kept};
use crate::snapshot::{self, Snapshot};

/// A field that a waiting mutation writes.
#[derive(Debug, Default)]
struct Track {
    /// By the order of each such mutation: what the user had before his eyes when he wrote it.
    replaced: BTreeMap<u64, BTreeSet<String>>,
    /// What he wrote last.
    latest: Option<String>,
}

/// A mutation, as it was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Of which record.
    pub name: Name,
    /// How often the storage had been rolled back.
    pub life: u64,
    /// Its place in the order of writes.
    pub order: u64,
    /// What it does.
    pub kind: Kind,
    /// A rolled-back storage may send it after what was written later.
    pub may_come_late: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Timeline {
    tail: u64,
    /// Log entries were missed; nothing is judged before the next [`Self::resume`].
    is_stale: bool,
    /// How often the storage was rolled back.
    life: u64,
    lanes: BTreeMap<Name, BTreeMap<u64, Entry>>,
    visible: BTreeMap<Name, Data>,
    tracks: BTreeMap<Name, BTreeMap<String, Track>>,
    /// The place of each mutation in the order of this device's writes.
    pub orders: BTreeMap<String, Written>,
    /// Writes that became one with another.
    joined: BTreeSet<String>,
    /// What a record was right after this device's last write of it.
    pub last_written: BTreeMap<Name, Option<Data>>,
    /// Records with a write in a log entry that was missed: what they were after it is only known once all is read.
    missed: BTreeSet<Name>,
}

impl Timeline {
    /// Takes in an applied entry; so conflicts of notes end.
    ///
    /// # Errors
    /// What flickered.
    pub fn apply(&mut self, applied: &Applied<'_>, ending: Ending) -> Result<(), String> {
        let seq = applied.seq.0;
        if seq <= self.tail {
            return Ok(());
        }
        self.is_stale |= seq != self.tail + 1;
        self.tail = seq;
        match applied.change {
            Change::Keys(writes) => self.take_in(writes, ending),
            Change::Everything => {
                self.is_stale = true;
                Ok(())
            }
        }
    }

    /// Goes on from what is stored, if anything was missed.
    pub fn resume(&mut self, snapshot: &Snapshot) {
        for (name, lane) in &snapshot.lanes {
            for (order, (_, entry)) in lane {
                let is_new = self.remember(entry, *order);
                if is_new {
                    let record = snapshot.records.get(name).map(|record| record.data.clone());
                    self.last_written.insert(name.clone(), record);
                }
            }
        }
        for (mid, state) in &snapshot.receipts {
            if let ReceiptState::Joined { into } = state
                && self.joined.insert(mid.clone())
                && let Some(Written { name, .. }) = self.orders.get(into.as_str())
            {
                let record = snapshot.records.get(name).map(|record| record.data.clone());
                self.last_written.insert(name.clone(), record);
            }
        }
        for name in std::mem::take(&mut self.missed) {
            let record = snapshot.records.get(&name).map(|record| record.data.clone());
            self.last_written.insert(name, record);
        }
        if !self.is_stale && snapshot.tail == self.tail {
            return;
        }
        self.is_stale = false;
        self.tail = self.tail.max(snapshot.tail);
        let entries =
            |lane: &BTreeMap<u64, (bool, Entry)>| lane.iter().map(|(at, (_, entry))| (*at, entry.clone())).collect();
        self.lanes = snapshot.lanes.iter().map(|(name, lane)| (name.clone(), entries(lane))).collect();
        self.visible = snapshot.records.iter().map(|(name, record)| (name.clone(), record.data.clone())).collect();
        self.tracks.clear();
    }

    /// Forgets what is not stored any more.
    pub fn roll_back(&mut self) {
        let (life, orders) = (self.life + 1, std::mem::take(&mut self.orders));
        *self = Self { life, orders, is_stale: true, ..Self::default() };
    }

    /// Whether the storage lost what it had promised to keep.
    pub fn was_rolled_back(&self) -> bool {
        self.life > 0
    }

    /// Whether a mutation was written before the storage was rolled back last: one that had become one with a later write may be back.
    pub fn is_of_an_earlier_life(&self, written: &Written) -> bool {
        written.life < self.life
    }

    fn remember(&mut self, entry: &Entry, order: u64) -> bool {
        let life = self.life;
        let mut is_new = false;
        let name = || (entry.collection.clone(), entry.id.clone());
        let written = || Written { name: name(), life, order, kind: entry.kind, may_come_late: false };
        self.orders.entry(entry.mid.0.clone()).or_insert_with(|| {
            is_new = true;
            written()
        });
        // It may have become another in the entry that it came in.
        self.orders.entry(entry.receipt().0.clone()).or_insert_with(written);
        is_new
    }

    fn take_in(&mut self, writes: &Records, ending: Ending) -> Result<(), String> {
        let mut records: BTreeMap<Name, Option<Record>> = BTreeMap::new();
        for (key, value) in writes.iter() {
            if let Ok(Parsed::Record(collection, id)) = keyspace::parse(key) {
                let record = value.map(|value| snapshot::record(&collection, &id, value));
                records.insert((collection, id), record);
            }
        }
        let mut written: BTreeSet<Name> = BTreeSet::new();
        let mut touched: BTreeSet<Name> = BTreeSet::new();
        for (key, value) in writes.iter() {
            match (keyspace::parse(key), value) {
                (Ok(Parsed::Lane(collection, id, order)), value) => {
                    let name = (collection, id);
                    touched.insert(name.clone());
                    let is_beaten = |entry: &Entry| {
                        let shown = records.get(&name).and_then(Option::as_ref);
                        shown.is_some_and(|shown| ending.beats(&name, &shown.stamps, &entry.stamps))
                    };
                    if self.take_in_lane(&name, order, value, is_beaten) {
                        written.insert(name);
                    }
                }
                // A write that became one with another, and took it back where nothing of it is left.
                (Ok(Parsed::Receipt(mid)), Some(value)) => {
                    if let Ok(ReceiptState::Joined { into }) = from_json_text(value)
                        && self.joined.insert(mid)
                    {
                        written.extend(self.orders.get(into.as_str()).map(|written| written.name.clone()));
                    }
                }
                _ => {}
            }
        }
        if self.is_stale {
            // Without its record it was written before, and this entry only says what became of it.
            let missed = written.iter().filter(|name| !records.contains_key(name)).cloned();
            self.missed.extend(missed);
        }
        for (name, record) in records {
            match record {
                Some(record) => self.visible.insert(name.clone(), record.data),
                None => self.visible.remove(&name),
            };
            touched.insert(name);
        }
        for name in written {
            let now = self.visible.get(&name).cloned();
            self.last_written.insert(name, now);
        }
        let judged = touched.iter().try_for_each(|name| self.judge(name));
        touched.iter().for_each(|name| self.forget_removed(name));
        judged
    }

    /// Whether it was a new mutation.
    fn take_in_lane(
        &mut self,
        name: &Name,
        order: u64,
        value: Option<&[u8]>,
        is_beaten: impl Fn(&Entry) -> bool,
    ) -> bool {
        let Some(value) = value else {
            let gone = self.lanes.entry(name.clone()).or_default().remove(&order);
            // What the server applied must be in sight when it goes; what it refused, or let a later write win over, need not be.
            let is_applied = |entry: &Entry| matches!(entry.state, State::Confirmed(_)) && !is_kept(entry);
            if !gone.is_some_and(|entry| is_applied(&entry) && !is_beaten(&entry)) {
                self.forget_removed(name);
            }
            return false;
        };
        let entry: Entry = from_json_text(&value[1..]).expect("the engine's own JSON");
        self.remember(&entry, order);
        let before = self.lanes.entry(name.clone()).or_default().insert(order, entry.clone());
        // What a refused write before it had counted was taken out of it, and is taken back.
        let is_other = before.as_ref().is_some_and(|before| before.data != entry.data);
        if is_other && !entry.ways.is_empty() && entry.mid.as_str().contains('~') {
            self.tracks.remove(name);
        }
        // What goes again, in sight of a conflict, was written long ago.
        let is_new = !entry.mid.as_str().contains('~') && before.is_none_or(|before| before.mid != entry.mid);
        if is_new {
            self.track(name, &entry);
        }
        is_new
    }

    fn track(&mut self, name: &Name, entry: &Entry) {
        let tracks = self.tracks.entry(name.clone()).or_default();
        if entry.kind == Kind::Delete {
            return tracks.clear();
        }
        for field in entry.stamps.keys() {
            let track = tracks.entry(field.clone()).or_default();
            let before = self.visible.get(name).and_then(|data| data.get(field));
            let latest = entry.data.get(field).map(ToString::to_string);
            let earlier = std::mem::replace(&mut track.latest, latest);
            let replaced = before.map(ToString::to_string).into_iter().chain(earlier);
            track.replaced.entry(entry.order).or_default().extend(replaced);
        }
    }

    /// Only fields that a mutation still in the lane writes are watched from here on.
    fn forget_removed(&mut self, name: &Name) {
        let (Some(lane), Some(tracks)) = (self.lanes.get(name), self.tracks.get_mut(name)) else { return };
        tracks.retain(|field, track| {
            track.replaced.retain(|order, _| lane.contains_key(order));
            let last = lane.values().rev().find(|entry| entry.stamps.contains_key(field));
            track.latest = last.and_then(|entry| entry.data.get(field)).map(ToString::to_string);
            last.is_some()
        });
    }

    fn judge(&self, name: &Name) -> Result<(), String> {
        let Some(lane) = self.lanes.get(name).filter(|_| !self.is_stale) else { return Ok(()) };
        let visible = self.visible.get(name);
        if lane.values().next_back().is_some_and(|last| matches!(last.kind, Kind::Create | Kind::Put))
            && visible.is_none()
        {
            return Err(format!("9: {name:?} is not there although a put of it waits"));
        }
        // What was refused while there was no record is shown again once there is one.
        let is_kept_on = |field: &String| lane.values().any(|entry| is_kept(entry) && entry.ways.contains_key(field));
        // A field without names in it, such as a boolean, has too few values to tell old from new.
        let is_told_apart = |value: &str| value.len() > 5;
        for (field, track) in self.tracks.get(name).into_iter().flatten() {
            let shown = visible.and_then(|data| data.get(field)).map(ToString::to_string);
            let was_replaced = |shown: &String| track.replaced.values().any(|values| values.contains(shown));
            let came_back = shown.as_ref().is_some_and(|shown| is_told_apart(shown) && was_replaced(shown));
            if came_back && shown != track.latest && !is_kept_on(field) {
                let latest = &track.latest;
                return Err(format!(
                    "9: {name:?}.{field} shows {shown:?} again, over which {latest:?} was written\n  {lane:?}"
                ));
            }
        }
        Ok(())
    }
}

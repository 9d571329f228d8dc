//! What waits for the server, by all that is left of it: the mutations, the order that names them, the receipts.

use std::collections::{BTreeMap, BTreeSet};

use holm_protocol::{Data, Kind, Object, Stamps, ToJson, from_json_text};

use crate::keyspace::{LANE_PENDING, Parsed};
use crate::outbox::{Base, Entry, Parked, Place, ReceiptState};
use crate::records::Record;

/// Collection and id.
pub(super) type RecordPlace = (String, String);

#[derive(Default)]
pub(super) struct Waiting {
    /// The mutations that wait, by their place in the order of writes: where their receipts are, and of which record they are.
    there: BTreeMap<u64, (String, RecordPlace)>,
    /// How many writes joined each.
    joined: BTreeMap<u64, Option<u64>>,
    mids: BTreeSet<String>,
    /// Places in the order of mutations that the server has, or refused.
    settled: BTreeSet<u64>,
    /// Places that the outbox's order names.
    named: BTreeSet<u64>,
    parked: BTreeSet<String>,
    /// Mutations of which the receipt says that they wait no more.
    over: BTreeSet<String>,
    discarded: BTreeSet<String>,
    /// Records of which a mutation waits.
    places: BTreeSet<RecordPlace>,
    /// Records of which a mutation is named, and not there.
    pub(super) gone: BTreeMap<RecordPlace, Gone>,
}

/// What is known of mutations that are not there.
#[derive(Default)]
pub(super) struct Gone {
    orders: Vec<u64>,
    /// What the server had of the record.
    pub(super) base: Option<Base>,
    /// Whether the record is there.
    pub(super) found: bool,
}

impl Waiting {
    /// Learns from mutations, parked ones, the order and the receipts, in this order.
    pub(super) fn learn(&mut self, key: Parsed, value: &[u8]) {
        match key {
            Parsed::Lane(.., order) if value.first() != Some(&LANE_PENDING) => drop(self.settled.insert(order)),
            Parsed::Lane(collection, id, order) => {
                let entry = from_json_text::<Entry>(&value[1..]).unwrap_or_default();
                let receipt = entry.effect_of().map_or_else(|| entry.receipt().0.clone(), |call| call.id.clone());
                self.mids.insert(receipt.clone());
                self.there.insert(order, (receipt, (collection, id)));
                self.joined.insert(order, entry.joined);
            }
            Parsed::Parked(mid) => {
                let parked = from_json_text::<Parked>(value).map(|parked| parked.entry);
                self.settled.extend(parked.as_ref().map(|entry| entry.order));
                self.parked.insert(parked.map_or(mid, |entry| entry.receipt().0.clone()));
            }
            Parsed::Outbox(order) => {
                self.named.insert(order);
                let Ok(place) = from_json_text::<Place>(value) else { return };
                // An older one is there, and the last is lost.
                if self.joined.get(&order).is_some_and(|joined| place.joined > *joined) {
                    self.there.remove(&order);
                }
                if !self.there.contains_key(&order) && !self.settled.contains(&order) {
                    self.gone.entry((place.collection, place.id)).or_default().orders.push(order);
                }
            }
            Parsed::Receipt(mid) => match from_json_text::<ReceiptState>(value) {
                Ok(ReceiptState::Acknowledged { .. }) if self.mids.contains(&mid) => drop(self.over.insert(mid)),
                Ok(ReceiptState::Discarded) if self.mids.contains(&mid) || self.parked.contains(&mid) => {
                    self.over.insert(mid.clone());
                    self.discarded.insert(mid);
                }
                Ok(ReceiptState::Parked { .. }) if self.parked.contains(&mid) => drop(self.over.insert(mid)),
                _ => {}
            },
            _ => {}
        }
    }

    /// All is learnt.
    pub(super) fn learnt(mut self) -> Self {
        let waiting = self.there.iter().filter(|(order, _)| !self.is_over(**order));
        let places: Vec<RecordPlace> = waiting.map(|(_, (_, place))| place.clone()).collect();
        self.places.extend(places.into_iter().chain(self.gone.keys().cloned()));
        self
    }

    /// Whether something of a record waits.
    pub(super) fn waits(&self, place: &RecordPlace) -> bool {
        self.places.contains(place)
    }

    /// Whether a mutation is there only because the news of its end is lost: nothing names it any more, and its receipt knows.
    pub(super) fn is_over(&self, order: u64) -> bool {
        !self.named.contains(&order) && self.there.get(&order).is_some_and(|(mid, _)| self.over.contains(mid))
    }

    /// Whether the app gave a parked mutation up.
    pub(super) fn is_discarded(&self, mid: &str) -> bool {
        self.discarded.contains(mid)
    }
}

/// What a mutation did, or several did together, as the record tells.
pub(super) struct Told {
    place: RecordPlace,
    orders: Vec<u64>,
    kind: Kind,
    data: Data,
    stamps: Stamps,
}

impl ToJson for Told {
    fn fields(&self, object: &mut Object<'_>) {
        let (collection, id) = &self.place;
        object.all("orders collection id kind", &[&self.orders, collection, id, &self.kind]);
        object.written(&self.data, &self.stamps);
    }
}

impl Gone {
    /// What a record has beyond its base.
    pub(super) fn told_by(&self, place: &RecordPlace, record: &Record) -> Told {
        let base = self.base.as_ref().filter(|base| !base.absent);
        let mut told = Told {
            place: place.clone(),
            orders: self.orders.clone(),
            kind: if base.is_some() { Kind::Patch } else { Kind::Put },
            data: Data::new(),
            stamps: Stamps::new(),
        };
        for (field, value) in &record.data {
            if base.is_none_or(|base| base.data.get(field) != Some(value)) {
                told.data.insert(field.clone(), value.clone());
            }
        }
        for (field, stamp) in record.stamps.iter() {
            let is_removed = base.is_some_and(|base| base.data.contains_key(field)) && !record.data.contains_key(field);
            if is_removed || told.data.contains_key(field) {
                told.stamps.insert(field.clone(), stamp.clone());
            }
        }
        told
    }

    /// The record is not there.
    pub(super) fn deletion(&self, place: &RecordPlace) -> Told {
        let (data, stamps) = (Data::new(), Stamps::new());
        Told { place: place.clone(), orders: self.orders.clone(), kind: Kind::Delete, data, stamps }
    }
}

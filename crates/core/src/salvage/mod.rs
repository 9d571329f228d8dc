//! Everything readable of a database, as lines of JSON: for one that is damaged, or for whoever wants all of it.
//!
//! ```text
//!   {"type":"salvage", …}      what this is, of which database, and when
//!   {"type":"record", …}       a record as the app saw it, and whether the server lacks something of it
//!   {"type":"pending", …}      a mutation that waits for the server: as the outbox has it, or by its record
//!   {"type":"parked", …}       a mutation that the server refused
//!   {"type":"orphan", …}       a record that the server lost, kept aside
//!   {"type":"kv", …}           a key-value entry
//!   {"type":"end", …}          how many there were, and what is lost
//! ```
//!
//! A mutation stands in the outbox, and what it says in the visible record; the store keeps both apart. Where the outbox's order
//! names one that is not there, it is told from what the record has beyond its base. Nothing is changed.

mod lines;
mod waiting;

use std::collections::BTreeSet;

use holm_protocol::{ErrorCode, ToJson, from_json_text, to_json_text};
use holm_store::{Disk, KeyRange, Salvage, Value};

use crate::Error;
use crate::engine::{FORMAT, disk_error};
use crate::keyspace::{self, Parsed};
use crate::kv;
use crate::outbox::{Base, Entry, Parked};
use crate::records;
use crate::sync::salvaged_orphan;
use lines::{Counts, End, Line, Raw};
use waiting::{Told, Waiting};

/// Takes the lines, some at a time.
pub type Take<'t> = dyn FnMut(&str) + 't;

/// Gives everything readable to `take`; the last line once more as what it returns.
///
/// # Errors
/// What the disk says; `newer-version-in-use` for a database of a later format.
pub async fn salvage(disk: &dyn Disk, name: &str, now_ms: u64, take: &mut Take<'_>) -> Result<String, Error> {
    let store = Salvage::open(disk).await.map_err(|error| disk_error(&error))?;
    let fence = store.fence();
    if fence.format > FORMAT {
        return Err(Error::new(ErrorCode::NewerVersion, format!("the database is of a newer format ({fence})")));
    }
    let mut export = Export { store, take, text: String::new(), counts: Counts::default(), unread: Vec::new() };
    export.line("salvage", &|object| {
        object.all("format database at schema", &[&1_u32, &name, &now_ms, &fence.schema]);
    });
    export.all(now_ms).await
}

struct Export<'e, 'd> {
    store: Salvage<'d>,
    take: &'e mut Take<'e>,
    text: String,
    counts: Counts,
    /// What is there and cannot be understood.
    unread: Vec<String>,
}

impl Export<'_, '_> {
    async fn all(mut self, now_ms: u64) -> Result<String, Error> {
        let mut waiting = self.waiting().await?;
        let told = self.records(&mut waiting).await?;
        self.pending(&waiting).await?;
        // Behind those that are there: what a record shows is what all of its mutations did together.
        told.iter().for_each(|told| self.mutation("record", told));
        self.deletions(&waiting);
        self.parked(&waiting).await?;
        self.orphans().await?;
        self.kv(now_ms).await?;
        let lost = self.store.lost().iter().map(ToString::to_string).chain(self.unread).collect();
        let end = End { counts: self.counts, lost };
        let text = to_json_text(&end);
        (self.take)(&self.text);
        (self.take)(&format!("{text}\n"));
        Ok(text)
    }

    /// What waits for the server: all that the other lines are told by.
    async fn waiting(&mut self) -> Result<Waiting, Error> {
        let mut waiting = Waiting::default();
        let parked = [keyspace::all_parked(), keyspace::all_parked_again()];
        let others = [keyspace::outbox_from(0), keyspace::receipts()];
        for span in [keyspace::all_lanes()].into_iter().chain(parked).chain(others) {
            let mut rest = Some(span.range());
            while let Some(part) = self.part(&mut rest).await? {
                part.into_iter().for_each(|(key, value)| waiting.learn(key, &value));
            }
        }
        let mut rest = Some(keyspace::bases().range());
        while !waiting.gone.is_empty()
            && let Some(part) = self.part(&mut rest).await?
        {
            for (key, value) in part {
                let Parsed::Base(collection, id) = key else { continue };
                if let Some(gone) = waiting.gone.get_mut(&(collection, id)) {
                    gone.base = from_json_text::<Base>(&value).ok();
                }
            }
        }
        Ok(waiting.learnt())
    }

    /// Gives what the records tell of mutations that are not there.
    async fn records(&mut self, waiting: &mut Waiting) -> Result<Vec<Told>, Error> {
        let mut told = Vec::new();
        let mut rest = Some(keyspace::all_records().range());
        while let Some(part) = self.part(&mut rest).await? {
            for (key, value) in part {
                let Parsed::Record(collection, id) = key else { continue };
                let Some(body) = records::readable_body(&value) else {
                    self.unread
                        .push(format!("the record {id} of {collection} is of a form that this version does not know"));
                    continue;
                };
                let place = (collection, id);
                let pending = waiting.waits(&place);
                self.counts.records += 1;
                self.line("record", &|object| {
                    object.all("collection id pending value", &[&place.0, &place.1, &pending, &Raw(body)]);
                });
                if let Some(gone) = waiting.gone.get_mut(&place) {
                    gone.found = true;
                    told.push(gone.told_by(&place, &records::decode(&value)));
                }
            }
        }
        Ok(told)
    }

    /// Mutations of records that are not there any more. With more than one place damaged nobody can tell what became of them.
    fn deletions(&mut self, waiting: &Waiting) {
        let certain = self.store.lost().len() < 2;
        for (place, gone) in waiting.gone.iter().filter(|(_, gone)| !gone.found) {
            if certain {
                self.mutation("record", &gone.deletion(place));
            } else {
                let (collection, id) = place;
                self.unread.push(format!(
                    "a pending mutation of the record {id} of {collection} is lost, and so is the record"
                ));
            }
        }
    }

    async fn pending(&mut self, waiting: &Waiting) -> Result<(), Error> {
        let mut rest = Some(keyspace::all_lanes().range());
        while let Some(part) = self.part(&mut rest).await? {
            for (key, value) in part {
                let Parsed::Lane(collection, id, order) = key else { continue };
                if waiting.is_over(order) || value.first() != Some(&keyspace::LANE_PENDING) {
                    continue;
                }
                match from_json_text::<Entry>(&value[1..]) {
                    // What shows the effect of a call is no mutation; the call is.
                    Ok(entry) if entry.effect_of().is_some() => {}
                    Ok(entry) => self.mutation("outbox", &entry),
                    Err(why) => {
                        self.unread.push(format!(
                            "a pending mutation of the record {id} of {collection} cannot be read: {why}"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn mutation(&mut self, from: &str, mutation: &dyn ToJson) {
        self.counts.pending += 1;
        self.line("pending", &|object| {
            object.field("from", &from);
            mutation.fields(object);
        });
    }

    async fn parked(&mut self, waiting: &Waiting) -> Result<(), Error> {
        let mut told = BTreeSet::new();
        for span in [keyspace::all_parked(), keyspace::all_parked_again()] {
            let mut rest = Some(span.range());
            while let Some(part) = self.part(&mut rest).await? {
                for (key, value) in part {
                    let Parsed::Parked(mid) = key else { continue };
                    if waiting.is_discarded(&mid) || told.contains(&mid) {
                        continue;
                    }
                    match from_json_text::<Parked>(&value) {
                        Ok(parked) => {
                            self.counts.parked += 1;
                            self.line("parked", &|object| parked.fields(object));
                        }
                        Err(why) => self.unread.push(format!("the parked mutation {mid} cannot be read: {why}")),
                    }
                    told.insert(mid);
                }
            }
        }
        Ok(())
    }

    async fn orphans(&mut self) -> Result<(), Error> {
        let mut rest = Some(keyspace::orphans().range());
        while let Some(part) = self.part(&mut rest).await? {
            for (key, value) in part {
                let Parsed::Orphan(collection, id) = key else { continue };
                let Some(data) = salvaged_orphan(&value) else {
                    self.unread.push(format!("the orphan {id} of {collection} cannot be read"));
                    continue;
                };
                self.counts.orphans += 1;
                self.line("orphan", &|object| object.all("collection id value", &[&collection, &id, &data]));
            }
        }
        Ok(())
    }

    async fn kv(&mut self, now_ms: u64) -> Result<(), Error> {
        let mut rest = Some(keyspace::all_kv().range());
        while let Some(part) = self.part(&mut rest).await? {
            for (key, value) in part {
                let Parsed::Kv(namespace, key) = key else { continue };
                let Some((value, expires_ms)) = kv::salvaged(&value) else {
                    self.unread
                        .push(format!("the entry {key} of {namespace} is of a form that this version does not know"));
                    continue;
                };
                if expires_ms.is_some_and(|at| at <= now_ms) {
                    continue;
                }
                self.counts.kv += 1;
                self.line("kv", &|object| {
                    object.all("namespace key value", &[&namespace, &key, &Raw(value)]);
                    object.some("expiresAt", &[&expires_ms]);
                });
            }
        }
        Ok(())
    }

    /// What lies in the next part of a range, and what of the range is left; `None` at its end. What was written so far is handed on.
    async fn part(&mut self, rest: &mut Option<KeyRange>) -> Result<Option<Vec<(Parsed, Value)>>, Error> {
        let Some(range) = rest.take() else { return Ok(None) };
        if !self.text.is_empty() {
            (self.take)(&std::mem::take(&mut self.text));
        }
        let part = self.store.part(&range).await.map_err(|error| disk_error(&error))?;
        *rest = part.rest;
        let known = part.records.into_iter().filter_map(|(key, value)| Some((keyspace::parse(&key).ok()?, value)));
        Ok(Some(known.collect()))
    }

    fn line(&mut self, kind: &str, fields: &lines::Fill<'_>) {
        Line { kind, fields }.write(&mut self.text);
        self.text.push('\n');
    }
}

//! Everything that a device has stored, read as a tab that starts now would read it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures_util::FutureExt;
use holm_core::engine::FORMAT;
use holm_core::keyspace::{self, Parsed};
use holm_core::outbox::{Base, Entry, Parked, Place, ReceiptState};
use holm_core::query::Query;
use holm_core::records::{self, Record};
use holm_core::schema::Schema;
use holm_core::sync::{Checkpoint, SyncState};
use holm_protocol::{FromJson, from_json_text};
use holm_store::{
    Database, Direction, FaultyDisk, Fence, Key, KeyRange, MemoryLocks, Missing, Options, Read, SEED_BYTES, Show, Value,
};

use crate::history::Name;

/// All families of the keyspace, decoded.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The last log entry.
    pub tail: u64,
    /// What the app sees.
    pub records: BTreeMap<Name, Record>,
    /// The mutations of each record, by order, and whether each is marked as waiting.
    pub lanes: BTreeMap<Name, BTreeMap<u64, (bool, Entry)>>,
    /// The outbox.
    pub outbox: BTreeMap<u64, Place>,
    /// The last known server state of records that have mutations.
    pub bases: BTreeMap<Name, Base>,
    /// What the server refused.
    pub parked: BTreeMap<String, Parked>,
    /// The receipt of each mutation.
    pub receipts: BTreeMap<String, ReceiptState>,
    /// How far each scope is.
    pub checkpoints: BTreeMap<String, Checkpoint>,
    /// The scopes that the app subscribed to, by their keys, and whether each is on its way out.
    pub scopes: BTreeMap<String, bool>,
    /// What is in each of them, for scopes with arguments.
    pub members: BTreeMap<String, BTreeSet<Name>>,
    /// What sync remembers.
    pub sync: SyncState,
    /// The version of the app that wrote all this last; 0 before the first.
    pub version: u64,
    /// What the index of done tasks finds.
    pub done: Vec<String>,
    /// What the index of ranks finds, which the new version of the app has.
    pub ranked: Vec<String>,
}

impl Snapshot {
    /// Reads a disk through a handle of its own; `None` where no database is yet.
    ///
    /// # Errors
    /// What is damaged.
    pub fn take(disk: &FaultyDisk, schemas: &[Schema]) -> Result<Option<Self>, String> {
        if disk.places().is_empty() {
            return Ok(None);
        }
        let newest = schemas.last().expect("at least one").version;
        let fence = Fence { format: FORMAT, schema: newest };
        let options = Options { fence, ..Options::default() };
        // It writes nothing, so that its name does not matter.
        let open = Database::open(Rc::new(disk.reopen()), Rc::new(MemoryLocks::new()), options, [0; SEED_BYTES]);
        let db =
            open.now_or_never().expect("a disk without faults does not wait").map_err(|why| format!("16: {why}"))?;
        let read = db.read(|view| Self::read(view, schemas)).now_or_never();
        let mut snapshot = read.expect("a disk without faults does not wait").map_err(|why| format!("16: {why}"))??;
        snapshot.tail = db.tail().0;
        Ok(Some(snapshot))
    }

    fn read(view: &dyn Read, schemas: &[Schema]) -> Result<Result<Self, String>, Missing> {
        let mut snapshot = Self::default();
        for (key, value) in view.scan(&KeyRange::all(), Direction::Forward, usize::MAX)? {
            if let Err(why) = snapshot.add(&key, &value) {
                return Ok(Err(why));
            }
        }
        let find = |query: &str| {
            let query = Query::parse(query, snapshot.schema(schemas)).expect("a query");
            Ok(query.run(view)?.into_iter().map(|row| row.id).collect())
        };
        let done = find(r#"{"collection":"tasks","where":{"done":true}}"#)?;
        let ranked = match snapshot.version {
            2 => find(r#"{"collection":"tasks","where":{"rank":7}}"#)?,
            _ => Vec::new(),
        };
        Ok(Ok(Self { done, ranked, ..snapshot }))
    }

    /// The schema that all this is of.
    pub fn schema<'a>(&self, schemas: &'a [Schema]) -> &'a Schema {
        schemas.iter().find(|schema| u64::from(schema.version) == self.version).unwrap_or(&schemas[0])
    }

    fn add(&mut self, key: &Key, value: &Value) -> Result<(), String> {
        match keyspace::parse(key).map_err(|_| format!("2: a key that nobody wrote: {key:?}"))? {
            Parsed::Record(collection, id) => {
                let record = record(&collection, &id, value);
                self.records.insert((collection, id), record);
            }
            Parsed::Lane(collection, id, order) => {
                let waits = value.first() == Some(&keyspace::LANE_PENDING);
                let entry = decode(value.get(1..).unwrap_or_default())?;
                self.lanes.entry((collection, id)).or_default().insert(order, (waits, entry));
            }
            Parsed::Outbox(order) => drop(self.outbox.insert(order, decode(value)?)),
            Parsed::Base(collection, id) => drop(self.bases.insert((collection, id), decode(value)?)),
            Parsed::Parked(mid) => drop(self.parked.insert(mid, decode(value)?)),
            Parsed::Receipt(mid) => drop(self.receipts.insert(mid, decode(value)?)),
            Parsed::Checkpoint(scope) => drop(self.checkpoints.insert(scope, decode(value)?)),
            Parsed::Meta(name) if name == "sync" => self.sync = decode(value)?,
            Parsed::Meta(name) if name == "scopes" => {
                let stored: serde_json::Value = serde_json::from_slice(value).map_err(|why| format!("16: {why}"))?;
                for scope in stored.as_array().ok_or("16: scopes are a list")? {
                    let key = scope["key"].as_str().ok_or("16: a scope without a key")?;
                    self.scopes.insert(key.to_owned(), scope["leaving"] == true);
                }
            }
            Parsed::Member(scope, collection, id) => {
                self.members.entry(scope).or_default().insert((collection, id));
            }
            Parsed::Meta(name) if name == "schema" => {
                let stored: serde_json::Value = serde_json::from_slice(value).map_err(|why| format!("16: {why}"))?;
                self.version = stored["version"].as_u64().ok_or("16: a schema without a version")?;
            }
            Parsed::Meta(_) | Parsed::Index(_) | Parsed::Kv(..) | Parsed::Orphan(..) => {}
        }
        Ok(())
    }
}

fn decode<T: FromJson + Default>(bytes: &[u8]) -> Result<T, String> {
    from_json_text(bytes).map_err(|why| format!("2: {why} in {}", String::from_utf8_lossy(bytes)))
}

/// Decodes the stored value of a record.
pub fn record(collection: &str, id: &str, value: &[u8]) -> Record {
    let one = One(Value::from(value));
    *records::read(&one, collection, id).ok().flatten().expect("a value that is there")
}

/// A view in which every key has one value.
struct One(Value);

impl Read for One {
    fn get(&self, _: &[u8]) -> Result<Option<Value>, Missing> {
        Ok(Some(self.0.clone()))
    }

    fn visit(&self, _: &KeyRange, _: Direction, _: &mut Show<'_>) -> Result<(), Missing> {
        Ok(())
    }
}

use std::cell::RefCell;
use std::rc::Rc;

use futures_executor::LocalPool;
use futures_util::task::LocalSpawnExt;
use holm_protocol::{ErrorCode, Hlc, Value, json};
use holm_store::{
    Applied, CommitError, Database, Durability, MemoryDisk, MemoryLocks, Options, PlanError, Read, SEED_BYTES,
};
use proptest::prelude::*;

use super::codec::Header;
use super::*;
use crate::Error;
use crate::schema::Schema;
use crate::schema::tests::every_type;
use crate::value::tests::any_value;

/// A real store on a disk in memory.
pub(crate) struct Store {
    pool: LocalPool,
    pub(crate) db: Database,
}

impl Store {
    /// Folds early and caches little, so that reads go through blocks and miss them.
    pub(crate) fn new() -> Self {
        let options = Options { cache_bytes: 4_096, fold_bytes: 8_192, ..Options::default() };
        let mut pool = LocalPool::new();
        let opened = Database::open(Rc::new(MemoryDisk::new()), Rc::new(MemoryLocks::new()), options, [7; SEED_BYTES]);
        let db = pool.run_until(opened).expect("memory opens");
        let driven = db.clone();
        pool.spawner().spawn_local(async move { driven.drive().await }).expect("the pool lives");
        Self { pool, db }
    }

    pub(crate) fn commit<R: 'static>(
        &mut self,
        plan: impl FnMut(&mut Draft<'_>) -> Result<R, PlanError<Error>> + 'static,
    ) -> Result<R, Error> {
        let done = self.pool.run_until(self.db.commit(Durability::Relaxed, plan)).map_err(|error| match error {
            CommitError::Plan(error) => error,
            CommitError::Store(error) => panic!("memory does not fail: {error}"),
        });
        self.pool.run_until_stalled();
        done
    }

    pub(crate) fn read<R>(&mut self, plan: impl FnMut(&dyn Read) -> Result<R, Missing>) -> R {
        self.pool.run_until(self.db.read(plan)).expect("memory does not fail")
    }

    pub(crate) fn put(&mut self, schema: &Schema, collection: &str, id: &str, touch: u64, data: Option<Value>) {
        let collection = schema.collection(collection).expect("declared").clone();
        let record = data.map(|data| Record { touch, data: fields(data), ..Record::default() });
        let id = id.to_owned();
        self.commit(move |draft| Ok(store(draft, &collection, &id, record.as_ref())?)).expect("stored");
    }

    /// Every key that begins with a prefix.
    pub(crate) fn keys(&mut self, prefix: &[u8]) -> Vec<Vec<u8>> {
        let range = holm_store::KeyRange::prefix(prefix);
        let found = self.read(|view| view.scan(&range, Direction::Forward, usize::MAX));
        found.into_iter().map(|(key, _)| key.to_vec()).collect()
    }
}

pub(crate) fn fields(value: Value) -> Data {
    match value {
        Value::Object(fields) => fields,
        other => panic!("not an object: {other}"),
    }
}

fn any_record() -> impl Strategy<Value = Record> {
    let client = prop_oneof![Just("c_1"), Just("c_2"), Just("")];
    let stamp = (0_u64..1 << 48, any::<u16>(), client).prop_map(|(ms, counter, client)| Hlc {
        ms,
        counter,
        client: client.into(),
    });
    let stamps = proptest::collection::btree_map(any::<String>(), stamp, 0..5);
    let rev = proptest::option::of(any::<String>().prop_map(Revision));
    let data = proptest::collection::btree_map(any::<String>(), any_value(), 0..5);
    (any::<u64>(), rev, stamps, data).prop_map(|(touch, rev, stamps, data)| {
        let data = data.into_iter().collect();
        Record { touch, rev, stamps: stamps.into_iter().collect(), data }
    })
}

proptest! {
    #[test]
    fn a_record_decodes_to_itself(record in any_record()) {
        let (stamp, stamps) = record.stamps.gathered(&record.data);
        let (rev, data) = (record.rev.as_ref(), DataText::from(&record.data));
        let bytes = codec::encode(&Written { touch: record.touch, rev, stamp: stamp.as_ref(), stamps: &stamps, data: &data });
        prop_assert_eq!(&codec::decode_rev(&bytes), &record.rev);
        prop_assert_eq!(&codec::decode(&bytes), &record);
        prop_assert_eq!(Header::of(&bytes).touch, record.touch);
        prop_assert_eq!(codec::body(&bytes), Value::Object(record.data.clone()).to_string());
        let mut names: Vec<&str> = record.data.keys().map(String::as_str).take(2).collect();
        names.push("no such field");
        let expected: Vec<Option<Value>> = names.iter().map(|name| record.data.get(name).cloned()).collect();
        prop_assert_eq!(pick(&bytes, &names), expected);
    }
}

#[test]
fn a_row_is_json_with_the_body_as_it_was_stored() {
    let mut store = Store::new();
    let schema = every_type();
    store.put(&schema, "things", "a\"b", u64::MAX, Some(json!({"s": "é", "n": 1})));
    let row = store.read(|view| row(view, "things", "a\"b")).expect("there");
    let text = r#"["a\"b","18446744073709551615",{"n":1,"s":"é"}]"#;
    assert_eq!(rows_json(&[row.clone(), row]), format!("[{text},{text}]"));
    assert_eq!(rows_json(&[]), "[]");
    assert!(store.read(|view| super::row(view, "things", "c")).is_none());
    assert_eq!(store.read(|view| ids(view, "things")), ["a\"b"]);
}

/// What the schema says that the index entries should be, told again.
fn expected_entries(schema: &Schema, records: &[(&str, Value)]) -> Vec<Vec<u8>> {
    let things = schema.collection("things").expect("declared");
    let mut keys: Vec<Vec<u8>> =
        records.iter().flat_map(|(id, data)| entries::all(things, id, &data.to_string())).collect();
    keys.sort();
    keys
}

#[test]
fn index_entries_follow_their_record() {
    let mut store = Store::new();
    let schema = every_type();
    let all = keyspace::indexes("things").start;
    let first = json!({"s": "x", "b": true, "t": 5, "list": ["p", "q", "p", null]});
    store.put(&schema, "things", "1", 1, Some(first.clone()));
    let keys = store.keys(&all);
    assert_eq!(keys, expected_entries(&schema, &[("1", first)]));
    assert_eq!(keys.len(), 1 + 3 + 3 + 1, "list and p,list have one entry for each distinct element");

    let second = json!({"s": "x", "b": true, "list": []});
    store.put(&schema, "things", "1", 2, Some(second.clone()));
    store.put(&schema, "things", "2", 2, Some(second.clone()));
    assert_eq!(store.keys(&all), expected_entries(&schema, &[("1", second.clone()), ("2", second)]));

    store.put(&schema, "things", "1", 3, None);
    store.put(&schema, "things", "2", 3, None);
    assert_eq!(store.keys(&all), Vec::<Vec<u8>>::new());
    assert_eq!(store.keys(b"r"), Vec::<Vec<u8>>::new());
}

#[test]
fn rebuilding_makes_the_entries_that_the_new_schema_declares() {
    let schema = |indexes: Value| {
        let fields = json!({"a": {"type": "integer"}, "b": {"type": "integer"}});
        let schema = json!({"version": 1, "collections": {"x": {"fields": fields, "indexes": indexes}}});
        Schema::parse(&schema.to_string()).expect("a schema")
    };
    let (old, new) = (schema(json!(["a", "b"])), schema(json!(["b", ["b", "-a"]])));
    let (mut migrated, mut fresh) = (Store::new(), Store::new());
    for number in 0..2_500 {
        let data = json!({"a": number % 10, "b": number});
        if number % 50 == 0 {
            migrated.put(&old, "x", &format!("{number:04}"), 1, Some(data.clone()));
            fresh.put(&new, "x", &format!("{number:04}"), 1, Some(data));
        }
    }
    let collection = new.collection("x").expect("declared").clone();
    migrated.commit(move |draft| Ok(rebuild_indexes(draft, &collection)?)).expect("rebuilt");
    let all = keyspace::indexes("x").start;
    assert_eq!(migrated.keys(&all), fresh.keys(&all));
    assert_eq!(migrated.keys(&all).len(), 100);
}

#[test]
fn a_rebuild_goes_on_where_a_slice_ended() {
    let schema = every_type();
    let mut store = Store::new();
    for id in ["a", "b", "c"] {
        store.put(&schema, "things", id, 1, Some(json!({"s": id})));
    }
    let things = schema.collection("things").expect("declared").clone();
    let next = store.commit(move |draft| Ok(rebuild_slice(draft, &things, None, 2)?));
    assert_eq!(next, Ok(Some("c".to_owned())));
    let things = schema.collection("things").expect("declared").clone();
    let next = store.commit(move |draft| Ok(rebuild_slice(draft, &things, Some("c"), 2)?));
    assert_eq!(next, Ok(None));
}

#[test]
fn a_unique_index_names_field_and_holder() {
    let schema = every_type();
    let mut store = Store::new();
    store.put(&schema, "things", "1", 1, Some(json!({"s": "taken"})));
    let mut check = |id: &'static str, s: Value| {
        let things = schema.collection("things").expect("declared").clone();
        store.commit(move |draft| check_unique(draft, &things, id, &fields(json!({"s": s.clone()}))))
    };
    assert_eq!(check("1", json!("taken")), Ok(()));
    assert_eq!(check("2", json!("free")), Ok(()));
    assert_eq!(check("2", json!("take")), Ok(()));
    assert_eq!(check("2", json!(null)), Ok(()));
    for id in ["0", "2"] {
        let error = check(id, json!("taken")).expect_err("taken");
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::AlreadyExists, Some("s")));
        assert!(error.message.contains("record \"1\""), "{error}");
    }
}

#[test]
fn a_commit_tells_what_it_changed() {
    let schema = every_type();
    let mut store = Store::new();
    let seen: Rc<RefCell<Vec<usize>>> = Rc::default();
    let told = Rc::clone(&seen);
    let _observer = store.db.observe(move |applied: &Applied<'_>| {
        if let holm_store::Change::Keys(keys) = applied.change {
            told.borrow_mut().push(keys.len());
        }
    });
    store.put(&schema, "things", "1", 1, Some(json!({"s": "x"})));
    store.put(&schema, "things", "1", 2, Some(json!({"s": "x", "n": 2})));
    assert_eq!(*seen.borrow(), [1 + 2, 1], "unchanged index entries are not written again");
}

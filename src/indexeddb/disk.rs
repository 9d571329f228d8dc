//! The operations of a disk.

use std::rc::Rc;

use async_trait::async_trait;
use holm_store::{BlockId, Disk, DiskError, Durability, Generation, Loaded, LogSeq, Since, StoredManifest};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{IdbFactory, IdbKeyRange};

use super::connection::IfAbsent;
use super::failure::Failure;
use super::session::{ATTEMPTS_MAX, Session};
use super::transaction::{Access, Request, What, Work};
use super::{BLOCKS, LOG, MANIFEST, StorageOptions};

/// The manifest is the only record of its object store.
const MANIFEST_KEY: f64 = 0.0;

/// A store's disk in the browser. Clones share the connection.
#[derive(Clone)]
pub struct IndexedDbDisk(Rc<Session>);

impl IndexedDbDisk {
    /// Opens the database of that name, and makes it if there is none.
    ///
    /// # Errors
    /// [`DiskError::Unavailable`] without IndexedDB, [`DiskError::Blocked`] when it does not open in time,
    /// [`DiskError::Newer`] when it has another version than this code knows.
    pub async fn open(options: StorageOptions) -> Result<Self, DiskError> {
        let session = Rc::new(Session::new(options)?);
        session.connect(IfAbsent::Create).await?;
        Ok(Self(session))
    }

    /// Opens the database of that name; `None` if there is none.
    ///
    /// # Errors
    /// As [`IndexedDbDisk::open`].
    pub async fn open_existing(options: StorageOptions) -> Result<Option<Self>, DiskError> {
        let session = Rc::new(Session::new(options)?);
        match session.connect(IfAbsent::Refuse).await {
            Ok(_) => Ok(Some(Self(session))),
            Err(_) if session.is_deleted() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens another connection by `factory`, which is used from now on.
    ///
    /// # Errors
    /// As [`IndexedDbDisk::open`]; and [`DiskError::Unavailable`] when the database is not there any more.
    pub async fn reopen(&self, factory: IdbFactory) -> Result<(), DiskError> {
        self.0.reopen(factory).await
    }

    /// Closes the connection, after the transactions that run. Every further operation fails.
    pub fn close(&self) {
        self.0.close();
    }

    /// Reads what requests find, in their order.
    async fn read(&self, stores: &[&str], ask: Vec<Request>) -> Result<Vec<JsValue>, DiskError> {
        let work = Work { stores, access: Access::Read, ask, guard: None, then: Vec::new() };
        let mut attempt = 1;
        loop {
            match self.0.transact(&work).await? {
                Err(Failure::Lost(_)) if attempt < ATTEMPTS_MAX => attempt += 1,
                Err(failure) => return Err(failure.into_read_error()),
                Ok(found) => return Ok(found),
            }
        }
    }

    async fn write(&self, work: Work<'_>) -> Result<(), DiskError> {
        self.0.transact(&work).await?.map(drop).map_err(Failure::into_write_error)
    }

    /// Makes requests to the blocks, whose results nobody wants.
    ///
    /// All transactions that write have the log among their object stores, so that the browser runs one at a time: Chromium
    /// that is killed while two of one database are written opens it no more, and throws away all that the origin has.
    async fn write_to_blocks(&self, then: Vec<Request>, durability: Durability) -> Result<(), DiskError> {
        if then.is_empty() {
            return Ok(());
        }
        let access = Access::Write(durability);
        self.write(Work { stores: &[BLOCKS, LOG], access, ask: Vec::new(), guard: None, then }).await
    }
}

#[async_trait(?Send)]
impl Disk for IndexedDbDisk {
    async fn load(&self, since: Since) -> Result<Loaded, DiskError> {
        let range = JsValue::from(IdbKeyRange::lower_bound(&number(since.seq.0)).expect(A_KEY));
        let ask = vec![
            Request { store: MANIFEST, what: What::Get { key: MANIFEST_KEY.into() } },
            Request { store: LOG, what: What::Keys { among: range.clone() } },
            Request { store: LOG, what: What::All { among: range } },
        ];
        let found = self.read(&[MANIFEST, LOG], ask).await?;
        let [manifest, keys, entries] = <[JsValue; 3]>::try_from(found).expect("three requests were made");
        let manifest = read_manifest(&manifest)?;
        let first = manifest.as_ref().map_or(since.seq, |manifest| manifest.folded.max(since.seq));
        let manifest = manifest.filter(|manifest| manifest.generation != since.generation);
        let (keys, entries): (Array, Array) = (keys.unchecked_into(), entries.unchecked_into());
        let mut loaded = Loaded { manifest, entries: Vec::new() };
        for (key, entry) in keys.iter().zip(entries.iter()) {
            let seq = LogSeq(whole(&key));
            if seq >= first {
                loaded.entries.push((seq, bytes_of(&entry)));
            }
        }
        Ok(loaded)
    }

    async fn append(&self, seq: LogSeq, entry: &[u8], durability: Durability) -> Result<(), DiskError> {
        self.write(Work {
            stores: &[LOG],
            access: Access::Write(durability),
            ask: vec![Request { store: LOG, what: What::Add { value: array_of(entry) } }],
            guard: Some(&|key| whole(key) == seq.0),
            then: Vec::new(),
        })
        .await
    }

    async fn read_blocks(&self, ids: &[BlockId]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let get = |id| Request { store: BLOCKS, what: What::Get { key: key_of(id) } };
        let found = self.read(&[BLOCKS], ids.iter().map(get).collect()).await?;
        Ok(found.iter().map(|value| (!value.is_undefined()).then(|| bytes_of(value))).collect())
    }

    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)], durability: Durability) -> Result<(), DiskError> {
        let put = |(id, bytes): &(BlockId, Vec<u8>)| Request {
            store: BLOCKS,
            what: What::Put { key: key_of(id), value: array_of(bytes) },
        };
        self.write_to_blocks(blocks.iter().map(put).collect(), durability).await
    }

    async fn publish(
        &self,
        manifest: &StoredManifest,
        drop_log_through: LogSeq,
        kept: Option<&[u8]>,
        durability: Durability,
    ) -> Result<(), DiskError> {
        let dropped = IdbKeyRange::upper_bound(&number(drop_log_through.0)).expect(A_KEY);
        let mut then = vec![
            Request { store: MANIFEST, what: What::Put { key: MANIFEST_KEY.into(), value: write_manifest(manifest) } },
            Request { store: LOG, what: What::Delete { key: dropped.into() } },
        ];
        if let Some(kept) = kept {
            let key = number(manifest.folded.0);
            then.push(Request { store: LOG, what: What::AddAt { key, value: array_of(kept) } });
        }
        self.write(Work {
            stores: &[MANIFEST, LOG],
            access: Access::Write(durability),
            ask: vec![Request { store: MANIFEST, what: What::Get { key: MANIFEST_KEY.into() } }],
            guard: Some(&|stored| generation_of(stored) + 1 == manifest.generation.0),
            then,
        })
        .await
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>, DiskError> {
        let ask = vec![Request { store: BLOCKS, what: What::Keys { among: JsValue::UNDEFINED } }];
        let found = self.read(&[BLOCKS], ask).await?;
        let mut ids = Vec::new();
        for key in found[0].unchecked_ref::<Array>().iter() {
            // Nobody else's keys are in there; of another length one would name no block.
            if let Ok(key) = bytes_of(&Uint8Array::new(&key)).try_into() {
                ids.push(id_of(key));
            }
        }
        Ok(ids)
    }

    async fn drop_blocks(&self, ids: &[BlockId], durability: Durability) -> Result<(), DiskError> {
        let delete = |id| Request { store: BLOCKS, what: What::Delete { key: key_of(id) } };
        self.write_to_blocks(ids.iter().map(delete).collect(), durability).await
    }
}

const A_KEY: &str = "a number is a key";

fn key_of(id: &BlockId) -> JsValue {
    array_of(&id.0.to_be_bytes())
}

fn id_of(key: [u8; 16]) -> BlockId {
    BlockId(u128::from_be_bytes(key))
}

/// Positions and generations count commits; none of them reaches 2^53, where a JS number stops being exact.
#[allow(clippy::cast_precision_loss)]
fn number(whole: u64) -> JsValue {
    JsValue::from_f64(whole as f64)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` takes what is no whole number for 0
fn whole(number: &JsValue) -> u64 {
    number.as_f64().unwrap_or_default() as u64
}

fn bytes_of(value: &JsValue) -> Vec<u8> {
    value.unchecked_ref::<Uint8Array>().to_vec()
}

fn array_of(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

fn property(record: &JsValue, key: &str) -> JsValue {
    Reflect::get(record, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

/// 0 where there is no manifest yet.
fn generation_of(record: &JsValue) -> u64 {
    whole(&property(record, "generation"))
}

fn read_manifest(record: &JsValue) -> Result<Option<StoredManifest>, DiskError> {
    if record.is_undefined() {
        return Ok(None);
    }
    let bytes = property(record, "bytes");
    if bytes.is_falsy() {
        return Err(DiskError::Unavailable("the manifest's record has no bytes".into()));
    }
    Ok(Some(StoredManifest {
        generation: Generation(generation_of(record)),
        folded: LogSeq(whole(&property(record, "folded"))),
        bytes: bytes_of(&bytes),
    }))
}

fn write_manifest(manifest: &StoredManifest) -> JsValue {
    let record = Object::new();
    let fields = [
        ("generation", number(manifest.generation.0)),
        ("folded", number(manifest.folded.0)),
        ("bytes", array_of(&manifest.bytes)),
    ];
    for (key, value) in fields {
        drop(Reflect::set(&record, &key.into(), &value)); // a plain object takes every property
    }
    record.into()
}

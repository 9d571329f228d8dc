//! The operations of a disk.

use std::rc::Rc;

use async_trait::async_trait;
use holm_store::{BlockId, Disk, DiskError, Durability, Generation, Loaded, LogSeq, Since, StoredManifest};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{IdbFactory, IdbKeyRange, IdbObjectStore};

use super::failure::Failure;
use super::session::{ATTEMPTS_MAX, Session};
use super::transaction::{Access, Ask, Then, Transaction, Work};
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
        Ok(Self(Rc::new(Session::open(options).await?)))
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

    /// Reads what the requests that `ask` makes find, in their order.
    async fn read(&self, stores: &[&str], ask: &Ask<'_>) -> Result<Vec<JsValue>, DiskError> {
        let work = Work { stores, access: Access::Read, ask, then: &|_, _| Ok(()) };
        let mut attempt = 1;
        loop {
            match self.0.transact(&work).await? {
                Err(Failure::Lost(_)) if attempt < ATTEMPTS_MAX => attempt += 1,
                Err(failure) => return Err(failure.into_read_error()),
                Ok(found) => return Ok(found),
            }
        }
    }

    /// Makes the requests of `ask` and, if `then` agrees with what they find, its own.
    async fn write(
        &self,
        stores: &[&str],
        durability: Durability,
        ask: &Ask<'_>,
        then: &Then<'_>,
    ) -> Result<(), DiskError> {
        let work = Work { stores, access: Access::Write(durability), ask, then };
        self.0.transact(&work).await?.map(drop).map_err(Failure::into_write_error)
    }

    /// Makes the requests of `write` to the blocks, whose results nobody wants.
    ///
    /// All transactions that write have the log among their object stores, so that the browser runs one at a time: Chromium
    /// that is killed while two of one database are written opens it no more, and throws away all that the origin has.
    async fn write_to_blocks(&self, write: &dyn Fn(&IdbObjectStore) -> Result<(), JsValue>) -> Result<(), DiskError> {
        let ask = |transaction: &Transaction| {
            write(&transaction.store(BLOCKS)?)?;
            Ok(Vec::new())
        };
        self.write(&[BLOCKS, LOG], Durability::Relaxed, &ask, &|_, _| Ok(())).await
    }
}

#[async_trait(?Send)]
impl Disk for IndexedDbDisk {
    async fn load(&self, since: Since) -> Result<Loaded, DiskError> {
        let found = self
            .read(&[MANIFEST, LOG], &|transaction| {
                let log = transaction.store(LOG)?;
                let range = IdbKeyRange::lower_bound(&number(since.seq.0))?;
                Ok(vec![
                    transaction.store(MANIFEST)?.get(&MANIFEST_KEY.into())?,
                    log.get_all_keys_with_key(&range)?,
                    log.get_all_with_key(&range)?,
                ])
            })
            .await?;
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
        let ask = |transaction: &Transaction| Ok(vec![transaction.store(LOG)?.add(&Uint8Array::from(entry))?]);
        let then = |_: &Transaction, found: &[JsValue]| {
            if whole(&found[0]) == seq.0 { Ok(()) } else { Err(Failure::Stale) }
        };
        self.write(&[LOG], durability, &ask, &then).await
    }

    async fn read_blocks(&self, ids: &[BlockId]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = self
            .read(&[BLOCKS], &|transaction| {
                let blocks = transaction.store(BLOCKS)?;
                let mut requests = Vec::new();
                for id in ids {
                    requests.push(blocks.get(&key_of(id))?);
                }
                Ok(requests)
            })
            .await?;
        Ok(found.iter().map(|value| (!value.is_undefined()).then(|| bytes_of(value))).collect())
    }

    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)]) -> Result<(), DiskError> {
        if blocks.is_empty() {
            return Ok(());
        }
        self.write_to_blocks(&|store| {
            for (id, bytes) in blocks {
                store.put_with_key(&Uint8Array::from(bytes.as_slice()), &key_of(id))?;
            }
            Ok(())
        })
        .await
    }

    async fn publish(
        &self,
        manifest: &StoredManifest,
        drop_log_through: LogSeq,
        kept: Option<&[u8]>,
    ) -> Result<(), DiskError> {
        let ask = |transaction: &Transaction| Ok(vec![transaction.store(MANIFEST)?.get(&MANIFEST_KEY.into())?]);
        let then = |transaction: &Transaction, found: &[JsValue]| {
            if generation_of(&found[0]) + 1 != manifest.generation.0 {
                return Err(Failure::Stale);
            }
            transaction.store(MANIFEST)?.put_with_key(&write_manifest(manifest)?, &MANIFEST_KEY.into())?;
            let dropped = IdbKeyRange::upper_bound(&number(drop_log_through.0))?;
            let log = transaction.store(LOG)?;
            log.delete(&dropped)?;
            if let Some(kept) = kept {
                log.put_with_key(&Uint8Array::from(kept), &number(drop_log_through.next().0))?;
            }
            Ok(())
        };
        self.write(&[MANIFEST, LOG], Durability::Relaxed, &ask, &then).await
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>, DiskError> {
        let found = self.read(&[BLOCKS], &|transaction| Ok(vec![transaction.store(BLOCKS)?.get_all_keys()?])).await?;
        let mut ids = Vec::new();
        for key in found[0].unchecked_ref::<Array>().iter() {
            // Nobody else's keys are in there; of another length one would name no block.
            if let Ok(key) = bytes_of(&Uint8Array::new(&key)).try_into() {
                ids.push(id_of(key));
            }
        }
        Ok(ids)
    }

    async fn drop_blocks(&self, ids: &[BlockId]) -> Result<(), DiskError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.write_to_blocks(&|store| {
            for id in ids {
                store.delete(&key_of(id))?;
            }
            Ok(())
        })
        .await
    }
}

fn key_of(id: &BlockId) -> JsValue {
    Uint8Array::from(&id.0.to_be_bytes()[..]).into()
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
    if !bytes.is_object() {
        return Err(DiskError::Unavailable("the manifest's record has no bytes".into()));
    }
    Ok(Some(StoredManifest {
        generation: Generation(generation_of(record)),
        folded: LogSeq(whole(&property(record, "folded"))),
        bytes: bytes_of(&bytes),
    }))
}

fn write_manifest(manifest: &StoredManifest) -> Result<JsValue, JsValue> {
    let record = Object::new();
    Reflect::set(&record, &"generation".into(), &number(manifest.generation.0))?;
    Reflect::set(&record, &"folded".into(), &number(manifest.folded.0))?;
    Reflect::set(&record, &"bytes".into(), &Uint8Array::from(manifest.bytes.as_slice()))?;
    Ok(record.into())
}

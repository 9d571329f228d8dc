//! What the tests share: a pool, and handles on one disk.
#![allow(dead_code, missing_docs)]

pub mod seeds;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use async_trait::async_trait;
use futures_executor::{LocalPool, LocalSpawner};
use futures_util::task::LocalSpawnExt;
use holm_store::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Records as plain bytes.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

pub type Store = Database;

/// What a seed gives.
pub fn random(seed: u8) -> Random {
    let rng = RefCell::new(ChaCha8Rng::from_seed([seed; 32]));
    Rc::new(move |bytes| rng.borrow_mut().fill_bytes(bytes))
}

/// Runs until nothing moves: futures that a crash left without an answer stay as they are.
#[derive(Default)]
pub struct Pool(LocalPool);

impl Pool {
    pub fn spawner(&self) -> LocalSpawner {
        self.0.spawner()
    }

    /// Runs `future` beside everything spawned; `None` if it can never end.
    pub fn run<R: 'static>(&mut self, future: impl Future<Output = R> + 'static) -> Option<R> {
        let slot = Rc::new(RefCell::new(None));
        let answer = slot.clone();
        let task = async move { *answer.borrow_mut() = Some(future.await) };
        self.0.spawner().spawn_local(task).expect("the pool lives");
        self.0.run_until_stalled();
        slot.take()
    }

    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.0.spawner().spawn_local(future).expect("the pool lives");
    }

    pub fn settle(&mut self) {
        self.0.run_until_stalled();
    }

    pub fn open(
        &mut self,
        disk: &FaultyDisk,
        locks: &MemoryLocks,
        options: Options,
        seed: u8,
    ) -> Result<Store, StoreError> {
        self.try_open(disk, locks, options, seed).expect("opening ends")
    }

    /// `None` if the disk crashed.
    pub fn try_open(
        &mut self,
        disk: &FaultyDisk,
        locks: &MemoryLocks,
        options: Options,
        seed: u8,
    ) -> Option<Result<Store, StoreError>> {
        let open = Store::open(Rc::new(disk.clone()), Rc::new(locks.clone()), options, [seed; SEED_BYTES]);
        let opened = self.run(open)?;
        if let Ok(store) = &opened {
            let driven = store.clone();
            self.spawn(async move { driven.drive().await });
        }
        Some(opened)
    }

    pub fn put(&mut self, store: &Store, key: &[u8], value: &[u8]) -> Result<(), CommitError<()>> {
        self.run(put(store, key, value)).expect("the commit ends")
    }

    pub fn get(&mut self, store: &Store, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let (store, key) = (store.clone(), key.to_vec());
        self.run(async move { store.read(|view| view.get(&key)).await.map(|value| value.map(|v| v.to_vec())) })
            .expect("the read ends")
    }

    pub fn all(&mut self, store: &Store) -> Result<Rows, StoreError> {
        let store = store.clone();
        let read = async move { store.read(|view| view.scan(&KeyRange::all(), Direction::Forward, usize::MAX)).await };
        let rows = self.run(read).expect("the read ends")?;
        Ok(rows.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
    }
}

pub fn put(store: &Store, key: &[u8], value: &[u8]) -> impl Future<Output = Result<(), CommitError<()>>> + 'static {
    let (store, key, value) = (store.clone(), key.to_vec(), value.to_vec());
    async move {
        let plan = move |draft: &mut Draft<'_>| {
            draft.put(&key, &value);
            Ok::<_, PlanError<()>>(())
        };
        store.commit(Durability::Relaxed, plan).await
    }
}

/// Reads a number, adds one, writes it.
pub fn increment(store: &Store, key: &[u8]) -> impl Future<Output = Result<u64, CommitError<()>>> + 'static {
    let (store, key) = (store.clone(), key.to_vec());
    async move {
        let plan = move |draft: &mut Draft<'_>| {
            let before = draft.get(&key)?.map_or(0, |value| number(&value));
            draft.put(&key, &(before + 1).to_be_bytes());
            Ok::<_, PlanError<()>>(before + 1)
        };
        store.commit(Durability::Relaxed, plan).await
    }
}

pub fn number(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().expect("eight bytes"))
}

/// What is done before a disk's operations.
#[async_trait(?Send)]
pub trait Before {
    async fn append(&self, _entry: &[u8]) {}

    async fn read_blocks(&self) {}

    async fn write_blocks(&self, _blocks: &[(BlockId, Vec<u8>)]) {}

    async fn publish(&self, _manifest: &StoredManifest, _kept: Option<&[u8]>) {}
}

/// A disk with something before its operations.
pub struct Watched<D, B> {
    pub disk: D,
    pub before: B,
}

#[async_trait(?Send)]
impl<D: Disk, B: Before> Disk for Watched<D, B> {
    async fn load(&self, since: Since) -> Result<Loaded, DiskError> {
        self.disk.load(since).await
    }

    async fn append(&self, seq: LogSeq, entry: &[u8], durability: Durability) -> Result<(), DiskError> {
        self.before.append(entry).await;
        self.disk.append(seq, entry, durability).await
    }

    async fn read_blocks(&self, ids: &[BlockId]) -> Result<Vec<Option<Vec<u8>>>, DiskError> {
        self.before.read_blocks().await;
        self.disk.read_blocks(ids).await
    }

    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)], durability: Durability) -> Result<(), DiskError> {
        self.before.write_blocks(blocks).await;
        self.disk.write_blocks(blocks, durability).await
    }

    async fn publish(
        &self,
        manifest: &StoredManifest,
        drop_log_through: LogSeq,
        kept: Option<&[u8]>,
        durability: Durability,
    ) -> Result<(), DiskError> {
        self.before.publish(manifest, kept).await;
        self.disk.publish(manifest, drop_log_through, kept, durability).await
    }

    async fn list_blocks(&self) -> Result<Vec<BlockId>, DiskError> {
        self.disk.list_blocks().await
    }

    async fn drop_blocks(&self, ids: &[BlockId], durability: Durability) -> Result<(), DiskError> {
        self.disk.drop_blocks(ids, durability).await
    }
}

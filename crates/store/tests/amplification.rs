//! What is handed to the disk per byte of user data. `docs/storage.md` shows what this prints at full size:
//! `cargo test --release -p holm-store --test amplification -- --ignored --nocapture`.

mod support;

use std::cell::Cell;
use std::rc::Rc;

use async_trait::async_trait;
use support::*;

use holm_store::*;

/// Counts what the disk is handed.
#[derive(Clone, Default)]
struct Counted {
    log: Rc<Cell<usize>>,
    blocks: Rc<Cell<usize>>,
    manifest: Rc<Cell<usize>>,
}

fn add(sum: &Cell<usize>, bytes: usize) {
    sum.set(sum.get() + bytes);
}

#[async_trait(?Send)]
impl Before for Counted {
    async fn append(&self, entry: &[u8]) {
        add(&self.log, entry.len());
    }

    async fn write_blocks(&self, blocks: &[(BlockId, Vec<u8>)]) {
        add(&self.blocks, blocks.iter().map(|(_, bytes)| bytes.len()).sum());
    }

    async fn publish(&self, manifest: &StoredManifest, kept: Option<&[u8]>) {
        add(&self.manifest, manifest.bytes.len());
        add(&self.log, kept.map_or(0, <[u8]>::len));
    }
}

/// How a workload picks its next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// One after another.
    Ascending,
    /// Any, evenly.
    Random,
}

struct Run {
    pool: Pool,
    counted: Counted,
    store: Store,
    random: Random,
}

const RECORD_BYTES: usize = 300;

impl Run {
    fn new(fold_bytes: usize) -> Self {
        let (mut pool, counted) = (Pool::default(), Counted::default());
        let disk = Watched { disk: MemoryDisk::default(), before: counted.clone() };
        let options = Options { fold_bytes, ..Options::default() };
        let open = Database::open(Rc::new(disk), Rc::new(MemoryLocks::new()), options, [1; SEED_BYTES]);
        let store = pool.run(open).expect("opening ends").expect("the disk works");
        let driven = store.clone();
        pool.spawn(async move { driven.drive().await });
        Self { pool, counted, store, random: random(7) }
    }

    fn draw(&self, below: u32) -> u32 {
        let mut bytes = [0; 4];
        (self.random)(&mut bytes);
        u32::from_le_bytes(bytes) % below
    }

    /// Puts so many records in commits of some; gives the log's, the blocks' and the manifests' bytes per byte put.
    fn put(&mut self, order: Order, below: u32, records: u32, in_one: u32) -> [f64; 3] {
        let Counted { log, blocks, manifest } = self.counted.clone();
        let sums = [log, blocks, manifest];
        let before: Vec<usize> = sums.iter().map(|sum| sum.get()).collect();
        let mut put = 0;
        for first in (0..records).step_by(in_one as usize) {
            let next = |n| if order == Order::Ascending { first + n } else { self.draw(below) };
            let keys: Vec<u32> = (0..in_one).map(next).collect();
            put += keys.len() * (RECORD_BYTES + 12);
            let (store, mut value) = (self.store.clone(), vec![0; RECORD_BYTES]);
            (self.random)(&mut value);
            let commit = async move {
                let plan = move |draft: &mut Draft<'_>| {
                    keys.iter().for_each(|key| draft.put(format!("key-{key:08}").as_bytes(), &value));
                    Ok::<_, PlanError<()>>(())
                };
                store.commit(Durability::Relaxed, plan).await
            };
            self.pool.run(commit).expect("the commit ends").expect("the disk works");
        }
        [0, 1, 2].map(|n| (sums[n].get() - before[n]) as f64 / put as f64)
    }
}

/// A database of so many records, at the log's size that goes with it.
fn measure(records: u32, fold_bytes: usize) {
    for (name, order) in [("in order", Order::Ascending), ("in random order", Order::Random)] {
        let mut run = Run::new(fold_bytes);
        report(&format!("{records} records {name}, 500 in a commit"), run.put(order, records, records, 500));
        let updates = run.put(Order::Random, records, records / 2, 1);
        report(&format!("then {} updates of random records, one in a commit", records / 2), updates);
    }
}

fn report(what: &str, [log, blocks, manifests]: [f64; 3]) {
    let all = log + blocks + manifests;
    println!("{what}: log {log:.2}, blocks {blocks:.2}, manifests {manifests:.3}, in all {all:.2}");
    assert!(all <= 5.0, "{what}: {all:.2} bytes are written for one");
}

#[test]
fn a_byte_is_written_five_times_at_most() {
    measure(10_000, 400 << 10);
}

#[test]
#[ignore = "half a minute: at the size that docs/storage.md shows"]
fn a_byte_is_written_five_times_at_most_at_full_size() {
    measure(100_000, Options::default().fold_bytes);
}

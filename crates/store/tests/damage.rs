//! Damage: every flipped byte is seen, named, and leaves the rest readable.

mod support;

use std::collections::BTreeMap;

use support::*;

use holm_store::*;

/// A store with two runs and three entries in the log.
fn store(pool: &mut Pool) -> (FaultyDisk, BTreeMap<Vec<u8>, Vec<u8>>) {
    let (disk, locks) = (FaultyDisk::new(), MemoryLocks::new());
    let store = pool.open(&disk, &locks, Options::default(), 1).expect("an empty store opens");
    let mut model = BTreeMap::new();
    let put = |pool: &mut Pool, keys: std::ops::Range<u32>, value: &'static [u8]| {
        let commit = store.clone();
        let range = keys.clone();
        let commit = async move {
            let plan = move |draft: &mut Draft<'_>| {
                range.clone().for_each(|n| draft.put(&n.to_be_bytes(), value));
                Ok::<_, PlanError<()>>(())
            };
            commit.commit(Durability::Relaxed, plan).await
        };
        pool.run(commit).expect("the commit ends").expect("the disk works");
        keys.for_each(|n| drop(model.insert(n.to_be_bytes().to_vec(), value.to_vec())));
    };
    let fold = |pool: &mut Pool| {
        let store = store.clone();
        assert_eq!(pool.run(async move { store.fold().await }), Some(Ok(FoldOutcome::Published)));
    };
    let mut put = put;
    put(pool, 0..1_400, b"in the oldest");
    fold(pool);
    put(pool, 100..105, b"newer");
    fold(pool);
    put(pool, 1..2, b"log 1");
    put(pool, 2..3, b"log 2");
    put(pool, 3..4, b"log 3");
    (disk, model)
}

fn places(disk: &FaultyDisk) -> Vec<(Place, usize)> {
    let places = disk.places();
    assert!(places.iter().filter(|(place, _)| matches!(place, Place::Block(_))).count() >= 4);
    assert_eq!(places.iter().filter(|(place, _)| matches!(place, Place::Entry(_))).count(), 4);
    places
}

/// Opens the store and reads all of it.
fn read_all(pool: &mut Pool, disk: &FaultyDisk) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
    let store = pool.open(disk, &MemoryLocks::new(), Options::default(), 2)?;
    Ok(pool.all(&store)?.into_iter().collect())
}

/// Everything readable of a store, and what is not.
struct Found {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    lost: Vec<Damage>,
}

fn salvage(pool: &mut Pool, disk: FaultyDisk) -> Found {
    let found = pool.run(async move {
        let mut salvage = Salvage::open(&disk).await?;
        let (mut records, mut rest) = (BTreeMap::new(), Some(KeyRange::all()));
        while let Some(range) = rest {
            let part = salvage.part(&range).await?;
            records.extend(part.records.iter().map(|(key, value)| (key.to_vec(), value.to_vec())));
            rest = part.rest;
        }
        Ok::<_, DiskError>(Found { records, lost: salvage.lost().to_vec() })
    });
    found.expect("it ends").expect("the disk works")
}

#[test]
fn every_flipped_byte_is_seen_and_named() {
    let mut pool = Pool::default();
    let (disk, model) = store(&mut pool);
    assert_eq!(read_all(&mut pool, &disk.duplicate()), Ok(model));
    let mut flips = 0;
    for (place, len) in places(&disk) {
        // Each byte of what is small; of the large blocks every seventh, and the ends.
        let step = if len > 2_000 { 7 } else { 1 };
        for at in (0..len).filter(|at| at % step == 0 || at + 20 > len) {
            let broken = disk.duplicate();
            broken.damage(&place, at);
            match read_all(&mut pool, &broken).as_ref().map_err(StoreError::trouble) {
                Err(Trouble::Corrupt(damage)) => assert_eq!(damage.place, place, "byte {at}"),
                other => panic!("byte {at} of {place}: {:?}", other.map(|rows| rows.len())),
            }
            flips += 1;
        }
    }
    println!("{flips} flipped bytes, all seen");
}

/// What the blocks and the entries of a small store hold, by key: a run, a smaller one over it, the entry that is kept, three
/// more entries.
fn layers() -> [Vec<(u8, Option<&'static str>)>; 6] {
    [
        (0..40).map(|key| (key, Some("in the oldest block"))).collect(),
        vec![(1, Some("newer")), (2, Some("newer")), (3, None)],
        Vec::new(),
        vec![(1, Some("newest"))],
        vec![(4, None), (99, Some("new"))],
        vec![(99, None)],
    ]
}

#[test]
fn whichever_byte_of_a_small_store_is_flipped_the_rest_is_salvaged() {
    let (mut pool, disk) = (Pool::default(), FaultyDisk::new());
    let store = pool.open(&disk, &MemoryLocks::new(), Options::default(), 1).expect("an empty store opens");
    for (number, layer) in layers().into_iter().enumerate().filter(|(_, layer)| !layer.is_empty()) {
        let (writer, folder) = (store.clone(), store.clone());
        let plan = move |draft: &mut Draft<'_>| {
            for (key, value) in &layer {
                match value {
                    Some(value) => draft.put(&[*key], value.as_bytes()),
                    None => draft.delete(&[*key]),
                }
            }
            Ok::<_, PlanError<()>>(())
        };
        pool.run(async move { writer.commit(Durability::Relaxed, plan).await }).expect("it ends").expect("it commits");
        if number < 2 {
            assert_eq!(pool.run(async move { folder.fold().await }), Some(Ok(FoldOutcome::Published)));
        }
    }
    let places = disk.places();
    let order = |place: &Place| match place {
        Place::Block(id) => {
            places.iter().filter(|(other, _)| matches!(other, Place::Block(before) if before < id)).count()
        }
        Place::Entry(seq) => usize::try_from(seq.0).expect("a few"),
        Place::Manifest => layers().len(),
    };
    assert_eq!(places.len(), layers().len() + 1);
    let without = |lost: usize| {
        let mut left = BTreeMap::new();
        for (_, layer) in layers().into_iter().enumerate().filter(|(layer, _)| *layer != lost) {
            for (key, value) in layer {
                match value {
                    Some(value) => drop(left.insert(vec![key], value.as_bytes().to_vec())),
                    None => drop(left.remove(&vec![key])),
                }
            }
        }
        left
    };
    for (place, len) in &places {
        let left = without(order(place));
        for at in 0..*len {
            let broken = disk.duplicate();
            broken.damage(place, at);
            let read = read_all(&mut pool, &broken);
            let read = read.as_ref().map_err(StoreError::trouble);
            assert!(matches!(read, Err(Trouble::Corrupt(damage)) if damage.place == *place), "byte {at} of {place}");
            let found = salvage(&mut pool, broken);
            let lost: Vec<&Place> = found.lost.iter().map(|damage| &damage.place).collect();
            // Of the last folded entry only its id is kept, and everything is in the blocks.
            let needed = *place != Place::Entry(LogSeq(2));
            assert_eq!(lost, if needed { vec![place] } else { Vec::new() });
            // With its length alone damaged, an entry is there whole.
            let is_whole = matches!(place, Place::Entry(_)) && at >= len - 4;
            let left = if is_whole { without(layers().len()) } else { left.clone() };
            assert_eq!(found.records, left, "byte {at} of {place}");
        }
    }
}

#[test]
fn everything_lost_is_named() {
    let mut pool = Pool::default();
    let (disk, _) = store(&mut pool);
    for (place, _) in places(&disk) {
        let broken = disk.duplicate();
        broken.lose(&place);
        match (read_all(&mut pool, &broken).as_ref().map_err(StoreError::trouble), &place) {
            // Without a manifest, a log that does not begin at 1 misses its first entry; one that ends early cannot be told.
            (Err(Trouble::Corrupt(damage)), Place::Manifest) => assert_eq!(damage.place, Place::Entry(LogSeq(1))),
            (Err(Trouble::Corrupt(damage)), _) => assert_eq!(damage.place, place),
            (Ok(rows), Place::Entry(LogSeq(5))) => assert_eq!(rows.len(), 1_400),
            (other, _) => panic!("{place}: {:?}", other.map(|rows| rows.len())),
        }
    }
}

#[test]
fn what_is_readable_stays_readable() {
    let mut pool = Pool::default();
    let (disk, model) = store(&mut pool);
    let whole = salvage(&mut pool, disk.duplicate());
    assert_eq!(whole.lost, []);
    assert_eq!(whole.records, model);
    for (place, len) in places(&disk) {
        let broken = disk.duplicate();
        broken.damage(&place, len / 2);
        let found = salvage(&mut pool, broken);
        let kept = matches!(place, Place::Entry(LogSeq(2)));
        if kept {
            assert_eq!(found.lost, [], "the entry that is kept after a fold is in the blocks");
            continue;
        }
        assert_eq!(found.lost.iter().map(|damage| &damage.place).collect::<Vec<_>>(), [&place]);
        let same = found.records.iter().filter(|(key, value)| model.get(*key) == Some(*value));
        let least = match place {
            Place::Manifest => 1_400,
            Place::Block(_) => 300,
            Place::Entry(_) => 699,
        };
        assert!(same.count() >= least, "{place}");
    }
}

#[test]
fn a_damaged_block_fails_only_the_reads_that_need_it() {
    let mut pool = Pool::default();
    let (disk, _) = store(&mut pool);
    let blocks: Vec<Place> =
        places(&disk).into_iter().map(|(place, _)| place).filter(|place| matches!(place, Place::Block(_))).collect();
    let (mut failed, mut read) = (0, 0);
    for place in blocks {
        let broken = disk.duplicate();
        broken.damage(&place, 50);
        let store = pool.open(&broken, &MemoryLocks::new(), Options::default(), 2).unwrap();
        for n in (0..1_400_u32).step_by(50) {
            match pool.get(&store, &n.to_be_bytes()).as_ref().map_err(StoreError::trouble) {
                Ok(value) => {
                    assert!(value.is_some());
                    read += 1;
                }
                Err(Trouble::Corrupt(_)) => failed += 1,
                other => panic!("{other:?}"),
            }
        }
        pool.put(&store, b"new", b"1").unwrap();
    }
    assert!(failed > 0 && read > failed, "{read} read, {failed} failed");
}

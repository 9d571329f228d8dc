//! What every disk must do, written once: each disk's tests run [`run`].
//!
//! The cases assert: the first broken rule panics with the name of the case. They use nothing but the disk, so they run
//! in a browser as well.

use std::rc::Rc;

use futures_util::future::join;

use crate::database::{Database, Options, SEED_BYTES};
use crate::disk::{BlockId, Disk, DiskError, Durability, Generation, Loaded, LogSeq, Since, StoredManifest};
use crate::draft::Draft;
use crate::error::PlanError;
use crate::fold::FoldOutcome;
use crate::key::{Direction, KeyRange};
use crate::locks::Locks;
use crate::memory::MemoryLocks;
use crate::view::Read;

/// Gives disks to try.
#[allow(async_fn_in_trait)] // every driver is single-threaded
pub trait Stand {
    /// The kind of disk.
    type Disk: Disk + 'static;

    /// A disk on an empty storage that nobody else uses.
    async fn fresh(&self) -> Self::Disk;

    /// Another handle on the storage of `disk`: as a second tab opens it.
    async fn another(&self, disk: &Self::Disk) -> Self::Disk;
}

/// Runs every case on storages of its own; gives the names of the cases.
///
/// # Panics
/// When the disk breaks a rule.
pub async fn run<S: Stand>(stand: &S) -> Vec<&'static str> {
    let mut names = Vec::new();
    macro_rules! cases {
        ($($case:ident)*) => {
            $(
                $case(stand).await;
                names.push(stringify!($case));
            )*
        };
    }
    cases! {
        an_empty_storage_holds_nothing
        entries_come_back_in_order
        a_position_is_given_once
        of_two_appends_at_once_one_is_stale
        the_tail_is_loaded_with_the_entry_that_is_known
        any_bytes_are_kept
        blocks_are_read_in_the_order_asked
        lists_may_be_empty
        blocks_are_dropped_by_name
        blocks_are_listed_in_order
        a_manifest_follows_the_one_before
        a_stale_publish_changes_nothing
        a_manifest_is_loaded_if_it_is_another
        publishing_trims_the_log
        publishing_can_add_an_entry_where_none_is
        a_trimmed_position_is_never_given_again
        a_store_lives_on_it
    }
    names
}

const RELAXED: Durability = Durability::Relaxed;

async fn append(disk: &dyn Disk, seq: u64) {
    assert_eq!(disk.append(LogSeq(seq), &entry(seq), RELAXED).await, Ok(()), "append {seq}");
}

fn entry(seq: u64) -> Vec<u8> {
    format!("entry {seq}").into_bytes()
}

fn entries(loaded: &Loaded) -> Vec<(u64, Vec<u8>)> {
    loaded.entries.iter().map(|(seq, bytes)| (seq.0, bytes.clone())).collect()
}

async fn load(disk: &dyn Disk, seq: u64, generation: u64) -> Loaded {
    let since = Since { seq: LogSeq(seq), generation: Generation(generation) };
    disk.load(since).await.expect("a load")
}

fn manifest(generation: u64, folded: u64) -> StoredManifest {
    StoredManifest { generation: Generation(generation), folded: LogSeq(folded), bytes: vec![generation as u8; 40] }
}

async fn publish(disk: &dyn Disk, generation: u64, folded: u64, drop_through: u64) {
    let published = disk.publish(&manifest(generation, folded), LogSeq(drop_through), None, RELAXED).await;
    assert_eq!(published, Ok(()), "publish {generation}");
}

fn id(name: &str) -> BlockId {
    BlockId(name.bytes().fold(0, |id, byte| id << 8 | u128::from(byte)))
}

async fn an_empty_storage_holds_nothing<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    assert_eq!(load(&disk, 0, 0).await, Loaded::default());
    assert_eq!(disk.read_blocks(&[id("a")]).await, Ok(vec![None]));
}

async fn entries_come_back_in_order<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    // Past 9 and 255, where an order by text or by one byte would show.
    for seq in 1..=300 {
        append(&disk, seq).await;
    }
    let expected: Vec<_> = (1..=300).map(|seq| (seq, entry(seq))).collect();
    assert_eq!(entries(&load(&disk, 0, 0).await), expected);
    let another = stand.another(&disk).await;
    assert_eq!(entries(&load(&another, 0, 0).await), expected);
}

async fn a_position_is_given_once<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let another = stand.another(&disk).await;
    assert_eq!(disk.append(LogSeq(2), b"too far", RELAXED).await, Err(DiskError::Stale));
    append(&disk, 1).await;
    assert_eq!(another.append(LogSeq(1), b"late", RELAXED).await, Err(DiskError::Stale));
    assert_eq!(another.append(LogSeq(3), b"too far", RELAXED).await, Err(DiskError::Stale));
    assert_eq!(disk.append(LogSeq(1), b"again", Durability::Strict).await, Err(DiskError::Stale));
    // What was refused used no position up.
    assert_eq!(another.append(LogSeq(2), &entry(2), Durability::Strict).await, Ok(()));
    append(&disk, 3).await;
    assert_eq!(entries(&load(&disk, 0, 0).await), [(1, entry(1)), (2, entry(2)), (3, entry(3))]);
}

async fn of_two_appends_at_once_one_is_stale<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let another = stand.another(&disk).await;
    for seq in 1..=20 {
        let (mine, theirs) = (entry(seq), entry(1_000 + seq));
        let both = join(disk.append(LogSeq(seq), &mine, RELAXED), another.append(LogSeq(seq), &theirs, RELAXED)).await;
        let winner = match both {
            (Ok(()), Err(DiskError::Stale)) => mine,
            (Err(DiskError::Stale), Ok(())) => theirs,
            other => panic!("append {seq}: {other:?}"),
        };
        assert_eq!(entries(&load(&disk, seq, 0).await), [(seq, winner)]);
    }
}

async fn the_tail_is_loaded_with_the_entry_that_is_known<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    for seq in 1..=3 {
        append(&disk, seq).await;
    }
    assert_eq!(entries(&load(&disk, 2, 0).await), [(2, entry(2)), (3, entry(3))]);
    assert_eq!(entries(&load(&disk, 3, 0).await), [(3, entry(3))]);
    assert_eq!(entries(&load(&disk, 4, 0).await), []);
}

async fn any_bytes_are_kept<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let every: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = every.iter().copied().cycle().take(2 << 20).collect();
    for (seq, bytes) in [(1, &every), (2, &Vec::new()), (3, &large)] {
        assert_eq!(disk.append(LogSeq(seq), bytes, RELAXED).await, Ok(()));
    }
    let blocks = [(id("every"), every.clone()), (id("none"), Vec::new()), (id("large"), large.clone())];
    assert_eq!(disk.write_blocks(&blocks, RELAXED).await, Ok(()));
    let another = stand.another(&disk).await;
    assert!(entries(&load(&another, 0, 0).await) == [(1, every.clone()), (2, Vec::new()), (3, large.clone())]);
    let read = another.read_blocks(&[id("every"), id("none"), id("large")]).await;
    assert!(read == Ok(vec![Some(every.clone()), Some(Vec::new()), Some(large.clone())]));
    let stored = StoredManifest { generation: Generation(1), folded: LogSeq(0), bytes: large };
    assert_eq!(disk.publish(&stored, LogSeq(0), None, RELAXED).await, Ok(()));
    assert!(load(&another, 0, 0).await.manifest == Some(stored));
}

async fn blocks_are_read_in_the_order_asked<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let blocks: Vec<_> = (0..20).map(|n| (id(&format!("block-{n}")), vec![n; 10])).collect();
    assert_eq!(disk.write_blocks(&blocks, RELAXED).await, Ok(()));
    let asked = [id("block-11"), id("nothing"), id("block-2"), id("block-19"), id("block-2")];
    let expected = vec![Some(vec![11; 10]), None, Some(vec![2; 10]), Some(vec![19; 10]), Some(vec![2; 10])];
    assert_eq!(disk.read_blocks(&asked).await, Ok(expected.clone()));
    assert_eq!(stand.another(&disk).await.read_blocks(&asked).await, Ok(expected));
}

async fn lists_may_be_empty<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    assert_eq!(disk.read_blocks(&[]).await, Ok(Vec::new()));
    assert_eq!(disk.write_blocks(&[], RELAXED).await, Ok(()));
    assert_eq!(disk.drop_blocks(&[], RELAXED).await, Ok(()));
}

async fn blocks_are_dropped_by_name<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let blocks = [(id("a"), vec![1]), (id("b"), vec![2]), (id("c"), vec![3])];
    assert_eq!(disk.write_blocks(&blocks, RELAXED).await, Ok(()));
    assert_eq!(disk.drop_blocks(&[id("c"), id("nothing"), id("a")], RELAXED).await, Ok(()));
    assert_eq!(disk.read_blocks(&[id("a"), id("b"), id("c")]).await, Ok(vec![None, Some(vec![2]), None]));
    assert_eq!(disk.drop_blocks(&[id("a")], RELAXED).await, Ok(()), "dropping twice");
}

async fn blocks_are_listed_in_order<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    assert_eq!(disk.list_blocks().await, Ok(Vec::new()));
    let all = [BlockId(0), BlockId(1), BlockId(255), BlockId(256), BlockId(1 << 64), BlockId(u128::MAX)];
    let blocks: Vec<_> = all.iter().rev().map(|id| (*id, vec![1])).collect();
    assert_eq!(disk.write_blocks(&blocks, RELAXED).await, Ok(()));
    assert_eq!(stand.another(&disk).await.list_blocks().await, Ok(all.to_vec()));
    assert_eq!(disk.drop_blocks(&all[1..], RELAXED).await, Ok(()));
    assert_eq!(disk.list_blocks().await, Ok(vec![BlockId(0)]));
}

async fn a_manifest_follows_the_one_before<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let another = stand.another(&disk).await;
    assert_eq!(disk.publish(&manifest(2, 0), LogSeq(0), None, RELAXED).await, Err(DiskError::Stale), "the first is 1");
    publish(&disk, 1, 0, 0).await;
    assert_eq!(another.publish(&manifest(1, 0), LogSeq(0), None, RELAXED).await, Err(DiskError::Stale), "1 is there");
    assert_eq!(another.publish(&manifest(3, 0), LogSeq(0), None, RELAXED).await, Err(DiskError::Stale), "2 is missing");
    publish(&another, 2, 0, 0).await;
    let both = join(
        disk.publish(&manifest(3, 0), LogSeq(0), None, RELAXED),
        another.publish(&manifest(3, 0), LogSeq(0), None, RELAXED),
    )
    .await;
    assert!(matches!(both, (Ok(()), Err(DiskError::Stale)) | (Err(DiskError::Stale), Ok(()))), "{both:?}");
}

async fn a_stale_publish_changes_nothing<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    publish(&disk, 1, 0, 0).await;
    for seq in 1..=3 {
        append(&disk, seq).await;
    }
    let before = load(&disk, 0, 0).await;
    assert_eq!(disk.publish(&manifest(1, 3), LogSeq(2), None, RELAXED).await, Err(DiskError::Stale));
    assert_eq!(load(&disk, 0, 0).await, before);
}

async fn a_manifest_is_loaded_if_it_is_another<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    publish(&disk, 1, 0, 0).await;
    assert_eq!(load(&disk, 0, 0).await.manifest, Some(manifest(1, 0)));
    assert_eq!(load(&disk, 0, 1).await.manifest, None);
    assert_eq!(load(&disk, 0, 7).await.manifest, Some(manifest(1, 0)), "an older one than the caller's is another");
}

async fn publishing_trims_the_log<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    publish(&disk, 1, 0, 0).await;
    for seq in 1..=5 {
        append(&disk, seq).await;
    }
    publish(&disk, 2, 3, 2).await;
    let another = stand.another(&disk).await;
    let expected =
        Loaded { manifest: Some(manifest(2, 3)), entries: (3..=5).map(|seq| (LogSeq(seq), entry(seq))).collect() };
    assert_eq!(load(&another, 0, 0).await, expected);
    assert_eq!(load(&another, 1, 1).await, expected, "from the last folded entry on");
    assert_eq!(entries(&load(&another, 4, 2).await), [(4, entry(4)), (5, entry(5))]);
    assert_eq!(disk.publish(&manifest(3, 4), LogSeq(4), Some(b"kept"), RELAXED).await, Ok(()));
    assert_eq!(entries(&load(&another, 0, 0).await), [(4, b"kept".to_vec()), (5, entry(5))]);
    append(&disk, 6).await;
}

async fn publishing_can_add_an_entry_where_none_is<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let another = stand.another(&disk).await;
    publish(&disk, 1, 0, 0).await;
    append(&disk, 1).await;
    assert_eq!(disk.publish(&manifest(2, 2), LogSeq(1), Some(b"added"), RELAXED).await, Ok(()));
    let expected = Loaded { manifest: Some(manifest(2, 2)), entries: vec![(LogSeq(2), b"added".to_vec())] };
    assert_eq!(load(&another, 1, 1).await, expected);
    assert_eq!(another.append(LogSeq(2), b"late", RELAXED).await, Err(DiskError::Stale));
    append(&another, 3).await;
    let before = load(&disk, 0, 0).await;
    assert_eq!(disk.publish(&manifest(3, 3), LogSeq(2), Some(b"late"), RELAXED).await, Err(DiskError::Stale));
    assert_eq!(load(&another, 0, 0).await, before, "what is refused changes nothing");
    let added = manifest(3, 4);
    let both =
        join(disk.publish(&added, LogSeq(3), Some(b"added"), RELAXED), another.append(LogSeq(4), b"appended", RELAXED))
            .await;
    assert!(matches!(both, (Ok(()), Err(DiskError::Stale)) | (Err(DiskError::Stale), Ok(()))), "{both:?}");
}

async fn a_trimmed_position_is_never_given_again<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let frozen = stand.another(&disk).await;
    publish(&disk, 1, 0, 0).await;
    for seq in 1..=3 {
        append(&disk, seq).await;
    }
    publish(&disk, 2, 3, 3).await;
    assert_eq!(entries(&load(&disk, 0, 0).await), []);
    for seq in 1..=3 {
        assert_eq!(frozen.append(LogSeq(seq), b"late", RELAXED).await, Err(DiskError::Stale), "append {seq}");
    }
    append(&stand.another(&disk).await, 4).await;
    assert_eq!(entries(&load(&disk, 0, 0).await), [(4, entry(4))]);
}

async fn a_store_lives_on_it<S: Stand>(stand: &S) {
    let disk = stand.fresh().await;
    let (second, third) = (stand.another(&disk).await, stand.another(&disk).await);
    let locks: Rc<dyn Locks> = Rc::new(MemoryLocks::new());
    let open = async |disk, name| Database::open(disk, locks.clone(), Options::default(), [name; SEED_BYTES]).await;
    let one = open(Rc::new(disk), 1).await.expect("an empty store opens");
    let two = open(Rc::new(second), 2).await.expect("a second handle opens");
    let work = async {
        for round in 0..4_u32 {
            for (handle, store) in [&one, &two].into_iter().enumerate() {
                let plan = move |draft: &mut Draft<'_>| {
                    let count = draft.scan(&KeyRange::all(), Direction::Forward, usize::MAX)?.len() as u32;
                    (0..200).for_each(|n| draft.put(&(count + n).to_be_bytes(), &[handle as u8; 100]));
                    Ok::<_, PlanError<()>>(count)
                };
                let count = store.commit(Durability::Relaxed, plan).await;
                assert_eq!(count, Ok((round * 2 + handle as u32) * 200), "planned over all before it");
            }
            assert_eq!(one.fold().await, Ok(FoldOutcome::Published));
        }
        one.close().await;
        two.close().await;
    };
    // The drives end when the work closes both.
    join(join(one.drive(), two.drive()), work).await;
    let three = open(Rc::new(third), 3).await.expect("a third handle opens");
    let rows = three.read(|view| view.scan(&KeyRange::all(), Direction::Backward, usize::MAX)).await.expect("a read");
    let keys: Vec<u32> =
        rows.iter().rev().map(|(key, _)| u32::from_be_bytes((**key).try_into().expect("4 bytes"))).collect();
    assert_eq!(keys, (0..1_600).collect::<Vec<_>>());
}

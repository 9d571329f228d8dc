//! Whatever bytes lie where an entry, a block or the manifest should be: nobody panics, nothing large is allocated for few
//! bytes, and what is wrong is told with its place.
//!
//! `cargo bolero test -p holm-store entry` (and `apart`, `block`, `manifest`) looks for more with libFuzzer; what it finds stays in
//! `__fuzz__`, and is read again by every `cargo test`.

#[path = "support/mod.rs"]
mod support;

use std::rc::Rc;

use proptest::prelude::*;
use support::seeds::hold_for_seeds;
use support::*;

use holm_store::machine::{BlockSet, Tables};
use holm_store::*;

/// Keys share what they begin with, so that some bytes may stand for more; but not for anything.
const ALLOCATED_TIMES_MAX: usize = 400;
/// The checksum's table is 8 KB of it.
const ALLOCATED_ALWAYS: usize = 12 << 10;

/// Where the manifest of these tests says that the log is folded to.
const FOLDED: LogSeq = LogSeq(3);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Entry,
    /// The second frame of an entry, whose first is intact.
    Apart,
    Block,
    Manifest,
}

impl Kind {
    fn read(self, frame: &[u8]) -> Result<(), StoreError> {
        let open = |loaded| Tables::open(loaded, Fence::default(), [1; 16]).map(drop);
        match self {
            Self::Entry => open(Loaded { manifest: None, entries: vec![(LogSeq(1), frame.to_vec())] }),
            Self::Apart => {
                let first = [0; 34]; // its names, its fence, and no records
                let entry =
                    [&frame_of(b'e', &[&first[..], &[0; 2]].concat()), frame, &(frame.len() as u32).to_le_bytes()];
                open(Loaded { manifest: None, entries: vec![(LogSeq(1), entry.concat())] })
            }
            Self::Block => BlockSet::default().take(BlockId(1), frame),
            Self::Manifest => {
                let manifest = StoredManifest { generation: Generation(1), folded: FOLDED, bytes: frame.to_vec() };
                open(Loaded { manifest: Some(manifest), entries: Vec::new() })
            }
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Entry | Self::Apart => Place::Entry(LogSeq(1)),
            Self::Block => Place::Block(BlockId(1)),
            Self::Manifest => Place::Manifest,
        }
    }

    /// Gives a body what a frame has around it; an entry of one frame says that there is no second.
    fn seal(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Entry => [&frame_of(b'e', body)[..], &[0; 4]].concat(),
            Self::Apart => frame_of(b'a', body),
            Self::Block => frame_of(b'b', body),
            Self::Manifest => frame_of(b'm', body),
        }
    }

    /// The body in what a store wrote.
    fn body(self, bytes: &[u8]) -> Vec<u8> {
        let behind = if matches!(self, Self::Entry) { 8 } else { 4 };
        bytes[3..bytes.len() - behind].to_vec()
    }

    /// Reads bytes as a frame, and as what is inside one.
    fn hold(self, bytes: &[u8]) {
        for frame in [bytes.to_vec(), self.seal(bytes)] {
            let mut read = Ok(());
            let allocated = allocation_counter::measure(|| read = self.read(&frame)).bytes_max;
            let most = (ALLOCATED_ALWAYS + ALLOCATED_TIMES_MAX * frame.len()) as u64;
            assert!(allocated <= most, "{allocated} bytes for {} of {self:?}", frame.len());
            match read.as_ref().map_err(StoreError::trouble) {
                Ok(()) | Err(Trouble::NewerVersion(_)) => {}
                Err(Trouble::Corrupt(damage)) => {
                    // A manifest that can be read names a log that is not there.
                    let no_log = matches!(self, Self::Manifest) && damage.place == Place::Entry(FOLDED);
                    assert!(damage.place == self.place() || no_log, "{damage}");
                }
                Err(other) => panic!("{self:?}: {other}"),
            }
        }
    }
}

fn frame_of(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = [&[b'h', kind, 1], body].concat();
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&frame);
    frame.extend_from_slice(&sum.to_le_bytes());
    frame
}

#[test]
fn entry() {
    bolero::check!().for_each(|bytes: &[u8]| Kind::Entry.hold(bytes));
}

#[test]
fn apart() {
    bolero::check!().for_each(|bytes: &[u8]| Kind::Apart.hold(bytes));
}

#[test]
fn block() {
    bolero::check!().for_each(|bytes: &[u8]| Kind::Block.hold(bytes));
}

#[test]
fn manifest() {
    bolero::check!().for_each(|bytes: &[u8]| Kind::Manifest.hold(bytes));
}

#[test]
fn few_bytes_that_stand_for_many_are_damage() {
    // Each key is the one before and a zero: 4 bytes that stand for up to 2,000.
    let (count, mut records) = (2_000_u16, Vec::new());
    for shared in 0..count {
        records.extend([0x80 | shared as u8 & 0x7f, (shared >> 7) as u8, 1, 0, 0]);
    }
    let count = [0x80 | count as u8 & 0x7f, (count >> 7) as u8];
    let says = |bytes: &[u8]| [&count, bytes, &records].concat();
    let read = |bytes: &[u8]| Kind::Block.read(&Kind::Block.seal(&says(bytes)));
    let damaged = |bytes| matches!(read(bytes), Err(error) if matches!(error.trouble(), Trouble::Corrupt(_)));
    assert!(damaged(&[100]));
    assert!(damaged(&[0xff, 0xff, 0xff, 0xff, 0x7f]));
    Kind::Block.hold(&says(&[100]));
    assert_eq!(read(&[0xc8, 0x91, 0x7a]), Ok(()), "2,001,000 bytes, as it says");
}

/// What a store wrote: entries, of one frame and of two, the second of one alone, some blocks and the manifest that names them.
fn written() -> Vec<(Kind, Vec<u8>)> {
    let (mut pool, disk) = (Pool::default(), MemoryDisk::new());
    let locks = Rc::new(MemoryLocks::new());
    let open = Store::open(Rc::new(disk.clone()), locks, Options::default(), [1; SEED_BYTES]);
    let store = pool.run(open).expect("opening ends").expect("it opens");
    let driven = store.clone();
    pool.spawn(async move { driven.drive().await });
    for round in 0..FOLDED.0 {
        let (filled, folded) = (store.clone(), store.clone());
        let plan = move |draft: &mut Draft<'_>| {
            (0..600_u32 >> round).for_each(|n| draft.put(format!("key {n:04}").as_bytes(), &n.to_le_bytes()));
            draft.delete(b"key 0003");
            Ok::<_, PlanError<()>>(())
        };
        pool.run(async move { filled.commit(Durability::Relaxed, plan).await }).expect("it ends").expect("it commits");
        pool.run(async move { folded.fold().await }).expect("it ends").expect("it folds");
    }
    pool.put(&store, b"key", b"value").expect("it commits");
    pool.put(&store, b"key 0001", b"").expect("it commits");
    let (twofold, keys) = (store.clone(), [&b"key 0002"[..], &[APART, 1], &[APART, 2], &[0xff]]);
    let plan = move |draft: &mut Draft<'_>| {
        keys.iter().for_each(|key| draft.put(key, b"value"));
        Ok::<_, PlanError<()>>(())
    };
    pool.run(async move { twofold.commit(Durability::Relaxed, plan).await }).expect("it ends").expect("it commits");
    let frames = pool.run(async move {
        let mut frames = Vec::new();
        let loaded = disk.load(Since::default()).await?;
        for (_, entry) in loaded.entries {
            let (frames_of, second) =
                entry.split_last_chunk::<4>().expect("an entry says how long its second frame is");
            let second = &frames_of[frames_of.len() - u32::from_le_bytes(*second) as usize..];
            frames.extend((!second.is_empty()).then(|| (Kind::Apart, second.to_vec())));
            frames.push((Kind::Entry, entry));
        }
        frames.extend(loaded.manifest.map(|stored| (Kind::Manifest, stored.bytes)));
        let blocks = disk.read_blocks(&disk.list_blocks().await?).await?;
        frames.extend(blocks.into_iter().flatten().map(|frame| (Kind::Block, frame)));
        Ok::<_, DiskError>(frames)
    });
    frames.expect("it ends").expect("the disk works")
}

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Edit {
    Set(u8),
    Flip(u8),
    Insert(Vec<u8>),
    Remove(u8),
    /// The bytes from here on once more.
    Repeat(u8),
    End,
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>, at: usize) {
        let at = at % (bytes.len() + 1);
        let until = |len: &u8| (at + usize::from(*len)).min(bytes.len());
        match self {
            Self::Set(byte) => bytes.get_mut(at).into_iter().for_each(|old| *old = *byte),
            Self::Flip(bit) => bytes.get_mut(at).into_iter().for_each(|old| *old ^= 1 << (bit % 8)),
            Self::Insert(more) => drop(bytes.splice(at..at, more.iter().copied())),
            Self::Remove(len) => drop(bytes.drain(at..until(len))),
            Self::Repeat(len) => {
                let again = bytes[at..until(len)].to_vec();
                bytes.splice(at..at, again);
            }
            Self::End => bytes.truncate(at),
        }
    }
}

/// Where, and what. Lengths and counts stand at the beginning, so half of them are there.
fn edits() -> impl Strategy<Value = Vec<(usize, Edit)>> {
    let bytes = prop_oneof![any::<u8>(), Just(0), Just(0x7f), Just(0x80), Just(0xff)];
    let edit = prop_oneof![
        4 => bytes.clone().prop_map(Edit::Set),
        2 => any::<u8>().prop_map(Edit::Flip),
        2 => prop::collection::vec(bytes, 1..12).prop_map(Edit::Insert),
        1 => (1..20_u8).prop_map(Edit::Remove),
        1 => (1..60_u8).prop_map(Edit::Repeat),
        1 => Just(Edit::End),
    ];
    prop::collection::vec((prop_oneof![0..80_usize, 0..20_000_usize], edit), 1..5)
}

#[test]
fn what_a_store_wrote_and_somebody_changed() {
    let written = written();
    let of = |kind: &str| written.iter().filter(|(found, _)| format!("{found:?}") == kind).count();
    assert!(of("Entry") >= 4 && of("Apart") == 1 && of("Block") >= 3 && of("Manifest") == 1);
    hold_for_seeds("what_a_store_wrote_and_somebody_changed", &edits(), |edits| {
        for (kind, frame) in &written {
            // With the checksum of before, and with one that fits.
            let (mut damaged, mut body) = (frame.clone(), kind.body(frame));
            for (at, edit) in edits {
                edit.apply(&mut damaged, *at);
                edit.apply(&mut body, *at);
            }
            kind.hold(&damaged);
            kind.hold(&body);
        }
        written.len()
    });
}

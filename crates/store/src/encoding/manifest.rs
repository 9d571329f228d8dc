//! The manifest: which blocks hold everything up to a position of the log.

use crate::disk::{BlockId, Generation, LogSeq, StoredManifest};
use crate::encoding::{DecodeError, EntryId, Kind, Reader, Writer};
use crate::error::{Place, StoreError};
use crate::fence::Fence;
use crate::key::{Key, KeyRange};
use crate::sorted::SortedMap;

/// One block of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BlockRef {
    pub first: Key,
    pub id: BlockId,
    pub bytes: u32,
}

/// Blocks in key order that do not overlap; the directory of first keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    pub blocks: Vec<BlockRef>,
}

impl Run {
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| u64::from(block.bytes)).sum()
    }

    /// How many blocks begin inside a range.
    pub(crate) fn begin_in(&self, range: &KeyRange) -> usize {
        let before = |key: &[u8]| self.blocks.partition_point(|block| &*block.first < key);
        range.until.as_deref().map_or(self.blocks.len(), before).saturating_sub(before(&range.from))
    }

    /// Which block could hold `key`.
    pub(crate) fn position(&self, key: &[u8]) -> Option<usize> {
        self.blocks.partition_point(|block| &*block.first <= key).checked_sub(1)
    }
}

/// The last entry of each of the latest writers: tells a writer whether its entry is among those folded and trimmed.
///
/// Bounded: the writers that wrote longest ago are forgotten first, and `forgotten` says up to where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Writers {
    pub last: SortedMap<u64, (u64, LogSeq)>,
    pub forgotten: LogSeq,
}

/// Handles that may write between a lost answer and its settling, with room: each takes about 20 bytes of the manifest.
const WRITERS_MAX: usize = 256;

impl Writers {
    pub(crate) fn record(&mut self, id: EntryId, seq: LogSeq) {
        self.last.insert(id.writer, (id.number, seq));
        if self.last.len() > WRITERS_MAX {
            let oldest = self.last.iter().min_by_key(|(_, (_, seq))| *seq).map(|(writer, (_, seq))| (*writer, *seq));
            if let Some((writer, seq)) = oldest {
                self.last.remove(&writer);
                self.forgotten = self.forgotten.max(seq);
            }
        }
    }
}

/// A decoded manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Manifest {
    pub database: [u8; 16],
    /// Who published it: tells a folder whether a publish of unknown outcome was its own.
    pub publisher: EntryId,
    pub fence: Fence,
    pub folded: LogSeq,
    /// The id of the entry at `folded`, which stays in the log.
    pub folded_id: EntryId,
    pub writers: Writers,
    /// Newest first: each hides those after it.
    pub runs: Vec<Run>,
    /// Blocks that fell out, and in which generation.
    pub retired: Vec<(Generation, BlockId)>,
}

impl Manifest {
    pub(crate) fn store(&self, generation: Generation) -> StoredManifest {
        let mut writer = Writer::new(Kind::Manifest, 1024 + 32 * self.blocks().count());
        writer.raw(&self.database);
        self.publisher.write(&mut writer);
        self.fence.write(&mut writer);
        writer.number(self.folded.0);
        self.folded_id.write(&mut writer);
        writer.number(self.writers.forgotten.0);
        writer.number(self.writers.last.len() as u64);
        for (id, (number, seq)) in self.writers.last.iter() {
            writer.raw(&id.to_le_bytes());
            writer.number(*number);
            writer.number(seq.0);
        }
        writer.number(self.runs.len() as u64);
        for run in &self.runs {
            writer.number(run.blocks.len() as u64);
            let (mut key, mut id): (&[u8], _) = (&[], [0; 16]);
            for block in &run.blocks {
                writer.bytes_after(key, &block.first);
                writer.bytes_after(&id, &block.id.0.to_be_bytes());
                writer.number(u64::from(block.bytes));
                (key, id) = (&block.first, block.id.0.to_be_bytes());
            }
        }
        writer.number(self.retired.len() as u64);
        let mut before = [0; 16];
        for (generation, id) in &self.retired {
            writer.number(generation.0);
            writer.bytes_after(&before, &id.0.to_be_bytes());
            before = id.0.to_be_bytes();
        }
        StoredManifest { generation, folded: self.folded, bytes: writer.finish() }
    }

    /// # Errors
    /// Damage in the manifest, or a newer format.
    pub(crate) fn decode(stored: &StoredManifest) -> Result<Self, StoreError> {
        let decoded = read(&stored.bytes).and_then(|manifest| match manifest.folded == stored.folded {
            true => Ok(manifest),
            false => Err(DecodeError::Damaged("it disagrees with itself about what is folded")),
        });
        decoded.map_err(|error| {
            let lost = format!("everything up to log entry {} is unreachable", stored.folded.0);
            error.at(Place::Manifest, &lost)
        })
    }

    /// Whether `id` is a block of this manifest, in use or retired.
    pub(crate) fn names(&self, id: &BlockId) -> bool {
        self.blocks().any(|block| block.id == *id) || self.retired.iter().any(|(_, retired)| retired == id)
    }

    /// Takes out of `ids`, which are in order, the blocks of this manifest.
    pub(crate) fn without_named(&self, ids: &[BlockId]) -> Vec<BlockId> {
        let mut named = vec![false; ids.len()];
        let retired = self.retired.iter().map(|(_, id)| id);
        for id in self.blocks().map(|block| &block.id).chain(retired) {
            if let Ok(at) = ids.binary_search(id) {
                named[at] = true;
            }
        }
        let mut rest = Vec::new();
        for (id, named) in ids.iter().zip(named) {
            if !named {
                rest.push(*id);
            }
        }
        rest
    }

    fn blocks(&self) -> impl Iterator<Item = &BlockRef> {
        self.runs.iter().flat_map(|run| &run.blocks)
    }
}

/// The next block's name, by the one before it.
fn read_block_id(reader: &mut Reader<'_>, before: &mut Vec<u8>) -> BlockId {
    reader.bytes_after(before);
    let id = before.as_slice().try_into().unwrap_or_else(|_| {
        reader.fail("a block's name is too short");
        [0; 16]
    });
    BlockId(u128::from_be_bytes(id))
}

fn read_run(reader: &mut Reader<'_>) -> Run {
    let count = reader.count();
    let mut blocks: Vec<BlockRef> = Vec::with_capacity(count);
    let (mut key, mut id) = (Vec::new(), vec![0; 16]);
    for _ in 0..count {
        reader.bytes_after(&mut key);
        let first = Key::from(key.as_slice());
        if blocks.last().is_some_and(|last| last.first >= first) {
            reader.fail("the blocks are out of order");
        }
        blocks.push(BlockRef { first, id: read_block_id(reader, &mut id), bytes: reader.number_u32() });
    }
    Run { blocks }
}

fn read(frame: &[u8]) -> Result<Manifest, DecodeError> {
    let mut reader = Reader::open(Kind::Manifest, frame)?;
    let database = reader.array();
    let publisher = EntryId::read(&mut reader);
    let fence = Fence::read(&mut reader);
    let folded = LogSeq(reader.number());
    let folded_id = EntryId::read(&mut reader);
    let mut writers = Writers { forgotten: LogSeq(reader.number()), last: SortedMap::new() };
    for _ in 0..reader.count() {
        let id = u64::from_le_bytes(reader.array());
        writers.last.insert(id, (reader.number(), LogSeq(reader.number())));
    }
    let mut runs = Vec::new();
    for _ in 0..reader.count() {
        runs.push(read_run(&mut reader));
    }
    let count = reader.count();
    let mut retired = Vec::with_capacity(count);
    let mut before = vec![0; 16];
    for _ in 0..count {
        retired.push((Generation(reader.number()), read_block_id(&mut reader, &mut before)));
    }
    reader.end()?;
    Ok(Manifest { database, publisher, fence, folded, folded_id, writers, runs, retired })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Trouble;

    fn manifest() -> Manifest {
        let block = |first: &[u8], id| BlockRef { first: Key::from(first), id: BlockId(id), bytes: 900 };
        let mut writers = Writers::default();
        writers.record(EntryId { writer: 5, number: 2 }, LogSeq(9));
        Manifest {
            database: [7; 16],
            publisher: EntryId { writer: 1, number: 2 },
            fence: Fence { format: 1, schema: 2 },
            folded: LogSeq(9),
            folded_id: EntryId { writer: 5, number: 2 },
            writers,
            runs: vec![Run { blocks: vec![block(b"m", 1)] }, Run { blocks: vec![block(b"a", 2), block(b"n", 3)] }],
            retired: vec![(Generation(3), BlockId(1 << 100))],
        }
    }

    #[test]
    fn a_manifest_comes_back_as_it_went() {
        let stored = manifest().store(Generation(4));
        assert_eq!(Manifest::decode(&stored), Ok(manifest()));
        let ids = [0, 1, 2, 4, 1 << 100].map(BlockId);
        assert_eq!(manifest().without_named(&ids), [BlockId(0), BlockId(4)]);
        assert!(manifest().names(&BlockId(1 << 100)) && !manifest().names(&BlockId(4)));
        let other = StoredManifest { folded: LogSeq(8), ..stored };
        assert!(matches!(Manifest::decode(&other), Err(error) if matches!(error.trouble(), Trouble::Corrupt(_))));
    }

    #[test]
    fn the_writers_that_wrote_longest_ago_are_forgotten() {
        let mut writers = Writers::default();
        for writer in 0..WRITERS_MAX as u64 + 3 {
            writers.record(EntryId { writer, number: 1 }, LogSeq(writer + 1));
        }
        assert_eq!(writers.last.len(), WRITERS_MAX);
        assert_eq!(writers.forgotten, LogSeq(3));
    }
}

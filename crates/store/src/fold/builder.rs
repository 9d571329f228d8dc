//! Cuts a stream of records into blocks.

use crate::disk::BlockId;
use crate::encoding::{BlockRef, Records, write_block};
use crate::key::{APART, Key};

/// A block ends at so many records: index entries are small, and of 256 of them a block would hold some 8 KB …
const RECORDS_MAX: usize = 512;

/// … or at so many bytes: up to here a block costs hardly more to write than a small one.
const BYTES_MAX: usize = 32 << 10;

/// Records below this part of both limits make a stub: it is merged with its neighbour rather than left alone.
const STUB_PART: usize = 4;

/// A stored block of fewer bytes is a stub as well; 256 records are hardly ever that small.
const STUB_BYTES: u32 = 1 << 10;

/// Whether a stored block of so many bytes is merged with what lies before it, whenever a fold comes by.
pub(super) fn is_stub(bytes: u32) -> bool {
    bytes < STUB_BYTES
}

/// Records that wait to be cut, at most two blocks of them, the name of the next block, and the blocks so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Builder {
    writer: u64,
    fold: u64,
    blocks: u64,
    waiting: Records,
    /// All blocks in key order, those that were kept as they are among them.
    pub(super) output: Vec<BlockRef>,
    /// New ones, as they go to the disk.
    pub(super) unwritten: Vec<(BlockId, Vec<u8>)>,
}

impl Builder {
    /// `writer` and `fold` together name nobody else's blocks.
    pub(super) fn new(writer: u64, fold: u64) -> Self {
        Self { writer, fold, blocks: 0, waiting: Records::default(), output: Vec::new(), unwritten: Vec::new() }
    }

    /// Whether a block cut now would be a stub.
    pub(super) fn holds_stub(&self) -> bool {
        let (count, bytes) = (self.waiting.len(), self.waiting.bytes());
        count > 0 && count < RECORDS_MAX / STUB_PART && bytes < BYTES_MAX / STUB_PART
    }

    /// Takes the next record, in key order; makes a block when two would be full. No block holds keys that are kept apart, and others.
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        if is_apart(key) && !self.waiting.is_empty() && !is_apart(self.waiting.key(0)) {
            self.flush();
        }
        self.waiting.push(key, value);
        if self.waiting.len() >= 2 * RECORDS_MAX || self.waiting.bytes() >= 2 * BYTES_MAX {
            self.cut(RECORDS_MAX, BYTES_MAX);
        }
    }

    /// Takes the next block as it is.
    pub(super) fn keep(&mut self, block: BlockRef) {
        self.flush();
        self.output.push(block);
    }

    /// Cuts all that waits into one block, or two of the same size.
    pub(super) fn flush(&mut self) {
        let (count, bytes) = (self.waiting.len(), self.waiting.bytes());
        if count > RECORDS_MAX || bytes > BYTES_MAX {
            self.cut(count.div_ceil(2).min(RECORDS_MAX), bytes.div_ceil(2));
        }
        if !self.waiting.is_empty() {
            self.cut(usize::MAX, usize::MAX);
        }
    }

    /// Makes a block of the first records up to a limit, at least one.
    fn cut(&mut self, records: usize, bytes: usize) {
        let count = self.waiting.count_within(bytes).min(records).max(1);
        let first = Key::from(self.waiting.key(0));
        let frame = write_block(&self.waiting, count);
        self.waiting.drop_before(count);
        self.blocks += 1;
        let id = BlockId(u128::from(self.writer) << 64 | u128::from(self.fold << 32 | self.blocks));
        let bytes = u32::try_from(frame.len()).expect("a block is far below 4 GiB");
        self.output.push(BlockRef { first, id, bytes });
        self.unwritten.push((id, frame));
    }
}

fn is_apart(key: &[u8]) -> bool {
    key.first().is_some_and(|first| *first >= APART)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(records: usize, value: usize) -> Vec<u32> {
        let mut builder = Builder::new(1, 1);
        for n in 0..records as u32 {
            builder.push(&n.to_be_bytes(), Some(&vec![0; value]));
        }
        builder.flush();
        assert_eq!(builder.output.len(), builder.unwritten.len());
        builder.output.iter().map(|block| block.bytes).collect()
    }

    #[test]
    fn blocks_are_of_like_size_and_none_is_a_stub() {
        for records in [1, 255, 256, 257, 511, 512, 513, 5_000] {
            let sizes = build(records, 10);
            assert_eq!(sizes.len(), records.div_ceil(RECORDS_MAX), "{records}");
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(records < RECORDS_MAX || least * 3 > *most, "{records}: {sizes:?}");
        }
        assert_eq!(build(0, 0), Vec::<u32>::new());
    }

    #[test]
    fn what_is_kept_apart_shares_no_block() {
        let mut builder = Builder::new(1, 1);
        for n in 0..=u8::MAX {
            builder.push(&[n], None);
        }
        builder.flush();
        let firsts: Vec<&[u8]> = builder.output.iter().map(|block| &*block.first).collect();
        assert_eq!(firsts, [&[0][..], &[APART]]);
    }

    #[test]
    fn large_records_make_blocks_of_few() {
        assert_eq!(build(10, BYTES_MAX).len(), 10);
        assert!(build(100, 1_000).iter().all(|bytes| (*bytes as usize) < BYTES_MAX + 3_000));
    }
}

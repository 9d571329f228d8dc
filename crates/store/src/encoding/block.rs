//! A block: up to some hundred records in key order, found by a table of offsets.
//!
//! ```text
//!   body:  record … record   offset … offset   count
//!                            u32 each          u32        (little endian)
//!   record: key length, value length + 1 (0 is a tombstone), key, value
//! ```

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::disk::BlockId;
use crate::encoding::{self, DecodeError, Kind, Reader, Writer};
use crate::error::{Damage, Place, StoreError};
use crate::fence::Fence;

/// A record as it lies in a block; `None` is a tombstone.
pub(crate) type Record<'a> = (&'a [u8], Option<&'a [u8]>);

/// A checked block, read in spot.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Block {
    frame: Vec<u8>,
    count: usize,
    table: usize,
}

/// Where a record lies, so that a walk parses it once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    key: usize,
    value: usize,
    /// Nothing for a tombstone.
    end: Option<usize>,
}

const HEAD: usize = 3;

impl Block {
    /// # Errors
    /// Damage in block `id`, or a newer format.
    pub(crate) fn decode(id: &BlockId, frame: Vec<u8>) -> Result<Self, StoreError> {
        check(frame).map_err(|wrong| match wrong {
            DecodeError::Newer(format) => StoreError::NewerVersion(Fence { format: u32::from(format), schema: 0 }),
            DecodeError::Damaged(what) => {
                Damage::new(Place::Block(*id), format!("{what}; the records of this block are lost")).into()
            }
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.frame.len()
    }

    /// The record at `index`, which is below [`Self::len`].
    pub(crate) fn record(&self, index: usize) -> Record<'_> {
        self.at(self.locate(index))
    }

    /// Where the record at `index` lies, which is below [`Self::len`].
    pub(crate) fn locate(&self, index: usize) -> Spot {
        self.parse(index).expect("every record was walked when the block was decoded")
    }

    /// The record at a place of this block.
    pub(crate) fn at(&self, spot: Spot) -> Record<'_> {
        let value = spot.end.map(|end| &self.frame[spot.value..end]);
        (&self.frame[spot.key..spot.value], value)
    }

    pub(crate) fn key(&self, index: usize) -> &[u8] {
        self.record(index).0
    }

    /// The first index whose key is not below `key`.
    pub(crate) fn lower_bound(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.key(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// `None` if the key is not here, `Some(None)` if it is deleted here.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        let index = self.lower_bound(key);
        if index == self.count {
            return None;
        }
        let (found, value) = self.record(index);
        (found == key).then_some(value)
    }

    /// The first and the last index in `from..until`, if any record is in it.
    pub(crate) fn inside(&self, from: &[u8], until: Option<&[u8]>) -> Option<(usize, usize)> {
        let first = self.lower_bound(from);
        let end = until.map_or(self.count, |until| self.lower_bound(until));
        (first < end).then(|| (first, end - 1))
    }

    fn parse(&self, index: usize) -> Result<Spot, DecodeError> {
        let offset = HEAD + u32_at(&self.frame, self.table + index * 4)? as usize;
        let rest = self.frame[..self.table].get(offset..).ok_or(DecodeError::Damaged("an offset points outside"))?;
        let mut reader = Reader::over(rest);
        let key_len = reader.length()?;
        let value_len = reader.length()?;
        let key = offset + reader.position();
        reader.raw(key_len)?;
        reader.raw(value_len.saturating_sub(1))?;
        let value = key + key_len;
        Ok(Spot { key, value, end: value_len.checked_sub(1).map(|len| value + len) })
    }
}

fn check(frame: Vec<u8>) -> Result<Block, DecodeError> {
    let body_len = encoding::body(Kind::Block, &frame)?.len();
    let body_end = HEAD + body_len;
    let count_at = body_end.checked_sub(4).filter(|at| *at >= HEAD).ok_or(DecodeError::Damaged("no count"))?;
    let count = u32_at(&frame, count_at)? as usize;
    let table = count
        .checked_mul(4)
        .and_then(|bytes| count_at.checked_sub(bytes))
        .filter(|at| *at >= HEAD)
        .ok_or(DecodeError::Damaged("the table does not fit"))?;
    let block = Block { frame, count, table };
    let mut last: Option<&[u8]> = None;
    for index in 0..block.count {
        let (key, _) = block.at(block.parse(index)?);
        if last.is_some_and(|last| last >= key) {
            return Err(DecodeError::Damaged("the keys are out of order"));
        }
        last = Some(key);
    }
    Ok(block)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, DecodeError> {
    let four = bytes.get(at..at + 4).and_then(|bytes| bytes.first_chunk::<4>());
    four.map(|four| u32::from_le_bytes(*four)).ok_or(DecodeError::Damaged("an offset is missing"))
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("count", &self.count).field("bytes", &self.frame.len()).finish()
    }
}

impl Hash for Block {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.frame.hash(state);
    }
}

/// Builds a block from records that come in key order.
pub(crate) struct BlockWriter {
    writer: Writer,
    offsets: Vec<u32>,
}

impl BlockWriter {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { writer: Writer::new(Kind::Block, capacity), offsets: Vec::new() }
    }

    pub(crate) fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.offsets.push(u32::try_from(self.writer.body_len()).expect("a block is far below 4 GiB"));
        self.writer.number(key.len() as u64);
        self.writer.number(value.map_or(0, |value| value.len() as u64 + 1));
        self.writer.raw(key);
        self.writer.raw(value.unwrap_or_default());
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        for offset in &self.offsets {
            self.writer.raw(&offset.to_le_bytes());
        }
        let count = u32::try_from(self.offsets.len()).expect("a block holds some hundred records");
        self.writer.raw(&count.to_le_bytes());
        self.writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> Vec<u8> {
        let mut writer = BlockWriter::new(64);
        writer.push(b"b", Some(b"1"));
        writer.push(b"d", None);
        writer.push(b"f", Some(b""));
        writer.finish()
    }

    #[test]
    fn records_are_found() {
        let block = Block::decode(&BlockId::default(), block()).unwrap();
        assert_eq!(block.len(), 3);
        assert_eq!(block.find(b"b"), Some(Some(&b"1"[..])));
        assert_eq!(block.find(b"d"), Some(None));
        assert_eq!(block.find(b"f"), Some(Some(&b""[..])));
        assert_eq!(block.find(b"a"), None);
        assert_eq!(block.find(b"g"), None);
        assert_eq!(block.inside(b"c", Some(b"f")), Some((1, 1)));
        assert_eq!(block.inside(b"c", None), Some((1, 2)));
        assert_eq!(block.inside(b"c", Some(b"d")), None);
    }

    #[test]
    fn records_out_of_order_and_tables_that_lie_are_damage() {
        let mut writer = BlockWriter::new(64);
        writer.push(b"b", None);
        writer.push(b"a", None);
        assert!(matches!(Block::decode(&BlockId::default(), writer.finish()), Err(StoreError::Corrupt(_))));
        let mut writer = Writer::new(Kind::Block, 8);
        writer.raw(&u32::MAX.to_le_bytes());
        assert!(matches!(Block::decode(&BlockId::default(), writer.finish()), Err(StoreError::Corrupt(_))));
        let empty = BlockWriter::new(0).finish();
        assert_eq!(Block::decode(&BlockId::default(), empty).unwrap().len(), 0);
    }
}

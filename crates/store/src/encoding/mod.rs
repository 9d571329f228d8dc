//! The stored bytes: one frame for entries, blocks and manifests.
//!
//! ```text
//!   'h'  kind  format  body …                      crc32 of all before, little endian
//!   1 B  1 B   1 B                                 4 B
//! ```
//!
//! Numbers in a body are LEB128 unless a table says otherwise. The checksum is looked at first, so that a flipped
//! format byte reads as damage and an intact one that is greater than ours as a newer version.

mod block;
mod checksum;
mod entry;
mod manifest;
mod records;

pub(crate) use block::{read_block, write_block};
use checksum::checksum;
pub use entry::EntryId;
pub(crate) use entry::{Entry, halves};
pub(crate) use manifest::{BlockRef, Manifest, Run, Writers};
pub use records::Records;

use crate::error::{Damage, Place, StoreError, Trouble};
use crate::fence::Fence;
use crate::key::shared;

/// The format of the frames that this code writes.
pub(crate) const FORMAT: u8 = 1;

const FRAME_BYTES: usize = 3 + 4;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Entry = b'e' as isize,
    /// What an entry holds apart.
    Apart = b'a' as isize,
    Block = b'b' as isize,
    Manifest = b'm' as isize,
}

/// Why bytes could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// They are not what was written.
    Damaged(&'static str),
    /// They are intact and of a format after ours.
    Newer(u8),
}

impl DecodeError {
    /// As whoever asked for what lies there is told.
    pub(crate) fn at(self, place: Place, lost: &str) -> StoreError {
        match self {
            Self::Newer(format) => Trouble::NewerVersion(Fence { format: u32::from(format), schema: 0 }).into(),
            Self::Damaged(what) => Damage::new(place, format!("{what}; {lost}")).into(),
        }
    }
}

/// Builds one frame.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    /// Where the frame begins.
    from: usize,
}

impl Writer {
    pub(crate) fn new(kind: Kind, capacity: usize) -> Self {
        Self::after(Vec::with_capacity(capacity + FRAME_BYTES), kind)
    }

    /// A frame behind others.
    pub(crate) fn after(mut bytes: Vec<u8>, kind: Kind) -> Self {
        let from = bytes.len();
        bytes.extend_from_slice(&[b'h', kind as u8, FORMAT]);
        Self { bytes, from }
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Bytes that begin as those before them do.
    pub(crate) fn bytes_after(&mut self, before: &[u8], bytes: &[u8]) {
        let shared = shared(before, bytes);
        self.number(shared as u64);
        self.bytes(&bytes[shared..]);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let sum = checksum(&self.bytes[self.from..]);
        self.bytes.extend_from_slice(&sum.to_le_bytes());
        self.bytes
    }
}

/// Walks the body of a frame. What is read past damage is zeros and nothing; whoever has read all asks [`Reader::end`].
pub(crate) struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    damage: Option<&'static str>,
}

impl<'a> Reader<'a> {
    /// Opens a frame: checksum, then kind, then format.
    pub(crate) fn open(kind: Kind, frame: &'a [u8]) -> Result<Self, DecodeError> {
        Ok(Self { body: body(kind, frame)?, at: 0, damage: None })
    }

    /// How many bytes are left.
    pub(crate) fn rest(&self) -> usize {
        self.body.len() - self.at
    }

    /// The bytes are not what was written: the first reason counts, and there is nothing left to read.
    pub(crate) fn fail(&mut self, what: &'static str) {
        self.damage.get_or_insert(what);
        self.at = self.body.len();
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.damage.is_some()
    }

    pub(crate) fn raw(&mut self, len: usize) -> &'a [u8] {
        if len > self.rest() {
            self.fail(SHORT);
            return &[];
        }
        let from = self.at;
        self.at += len;
        &self.body[from..self.at]
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.raw(N).try_into().unwrap_or([0; N])
    }

    pub(crate) fn number(&mut self) -> u64 {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.body.get(self.at) else {
                self.fail(SHORT);
                return 0;
            };
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return number;
            }
        }
        self.fail("a number has no end");
        0
    }

    pub(crate) fn number_u32(&mut self) -> u32 {
        u32::try_from(self.number()).unwrap_or_else(|_| {
            self.fail("a number is too great");
            0
        })
    }

    pub(crate) fn length(&mut self) -> usize {
        usize::try_from(self.number()).unwrap_or(usize::MAX) // more than there is in either case
    }

    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = self.length();
        self.raw(len)
    }

    /// What [`Writer::bytes_after`] wrote, put together in place of the bytes before.
    pub(crate) fn bytes_after(&mut self, before: &mut Vec<u8>) {
        let shared = self.length();
        if shared > before.len() {
            self.fail(SHORT);
        }
        before.truncate(shared);
        before.extend_from_slice(self.bytes());
    }

    /// A count of things that take at least one byte each, so that damage cannot ask for endless memory.
    pub(crate) fn count(&mut self) -> usize {
        let count = self.length();
        if count > self.rest() {
            self.fail(SHORT);
            return 0;
        }
        count
    }

    /// # Errors
    /// Damage that a read has met, or bytes that nobody has read.
    pub(crate) fn end(mut self) -> Result<(), DecodeError> {
        if self.rest() > 0 {
            self.fail("bytes are left over");
        }
        self.damage.map_or(Ok(()), |what| Err(DecodeError::Damaged(what)))
    }
}

const SHORT: &str = "the bytes end too early";

/// The checked body of a frame.
pub(crate) fn body(kind: Kind, frame: &[u8]) -> Result<&[u8], DecodeError> {
    let Some((checked, sum)) = frame.split_last_chunk::<4>() else {
        return Err(DecodeError::Damaged(SHORT));
    };
    if checksum(checked) != u32::from_le_bytes(*sum) {
        return Err(DecodeError::Damaged("the checksum differs"));
    }
    match checked {
        [b'h', found, format, body @ ..] if *found == kind as u8 => match *format {
            FORMAT => Ok(body),
            newer if newer > FORMAT => Err(DecodeError::Newer(newer)),
            _ => Err(DecodeError::Damaged("the format is none that was ever written")),
        },
        _ => Err(DecodeError::Damaged("something else is stored here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Vec<u8> {
        let mut writer = Writer::new(Kind::Entry, 16);
        writer.number(300);
        writer.bytes(b"body");
        writer.finish()
    }

    #[test]
    fn what_is_written_is_read() {
        let frame = frame();
        let mut reader = Reader::open(Kind::Entry, &frame).unwrap();
        assert_eq!(reader.number(), 300);
        assert_eq!(reader.bytes(), b"body");
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn what_is_not_there_is_damage_and_reads_as_nothing() {
        let frame = frame();
        let mut reader = Reader::open(Kind::Entry, &frame).unwrap();
        reader.raw(8);
        assert_eq!((reader.number(), reader.bytes(), reader.count()), (0, &b""[..], 0));
        assert_eq!(reader.end(), Err(DecodeError::Damaged(SHORT)));
        let mut reader = Reader::open(Kind::Entry, &frame).unwrap();
        reader.number();
        assert_eq!(reader.end(), Err(DecodeError::Damaged("bytes are left over")));
    }

    #[test]
    fn every_flipped_bit_is_damage_and_not_a_newer_format() {
        let whole = frame();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(body(Kind::Entry, &bytes), Err(DecodeError::Damaged(_))), "bit {bit}");
        }
        for len in 0..whole.len() {
            assert!(matches!(body(Kind::Entry, &whole[..len]), Err(DecodeError::Damaged(_))), "length {len}");
        }
    }

    #[test]
    fn an_intact_frame_of_a_later_format_is_newer() {
        let mut bytes = frame();
        bytes.truncate(bytes.len() - 4);
        bytes[2] = FORMAT + 1;
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        assert_eq!(body(Kind::Entry, &bytes), Err(DecodeError::Newer(FORMAT + 1)));
        assert!(matches!(body(Kind::Block, &frame()), Err(DecodeError::Damaged(_))));
    }
}

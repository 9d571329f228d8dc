//! A log entry: who wrote it, under which fence, and its batch.
//!
//! ```text
//!   frame 'e': id, store, fence, records      frame 'a': the records apart      length of the second frame, u32
//! ```
//!
//! Each frame has its own checksum, so that damage in the one leaves the other to [`halves`]. Without keys apart there is no
//! second frame. The length has none: with a wrong one neither checksum fits.

use std::rc::Rc;

use crate::disk::LogSeq;
use crate::encoding::{DecodeError, FORMAT, Kind, Reader, Records, Writer};
use crate::error::{Place, StoreError};
use crate::fence::Fence;
use crate::key::APART;

/// The name of an entry: its writer's random number and how many entries that writer made before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Drawn at random by each handle.
    pub writer: u64,
    /// Counts from 1 in each handle.
    pub number: u64,
}

impl EntryId {
    pub(super) fn write(self, writer: &mut Writer) {
        writer.raw(&self.writer.to_le_bytes());
        writer.raw(&self.number.to_le_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self { writer: u64::from_le_bytes(reader.array()), number: u64::from_le_bytes(reader.array()) }
    }
}

impl Fence {
    pub(super) fn write(self, writer: &mut Writer) {
        writer.number(u64::from(self.format));
        writer.number(u64::from(self.schema));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self { format: reader.number_u32(), schema: reader.number_u32() }
    }
}

/// A decoded entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub id: EntryId,
    pub fence: Fence,
    pub database: [u8; 16],
    /// The last word on each key of the batch.
    pub ops: Rc<Records>,
}

/// Bytes of an entry besides its keys and values, at most.
const OVERHEAD_BYTES: usize = 64;

impl Entry {
    pub(crate) fn encode(id: EntryId, fence: Fence, database: &[u8; 16], ops: &Records) -> Vec<u8> {
        let mut writer = Writer::new(Kind::Entry, ops.bytes() + OVERHEAD_BYTES);
        id.write(&mut writer);
        writer.raw(database);
        fence.write(&mut writer);
        let apart = ops.lower_bound(&[APART]);
        ops.write(0..apart, &mut writer);
        let mut bytes = writer.finish();
        let first = bytes.len();
        if apart < ops.len() {
            let mut writer = Writer::after(bytes, Kind::Apart);
            ops.write(apart..ops.len(), &mut writer);
            bytes = writer.finish();
        }
        let second = (bytes.len() - first) as u32; // an entry is far below 4 GiB
        bytes.extend_from_slice(&second.to_le_bytes());
        bytes
    }

    /// # Errors
    /// Damage at `seq`, or a newer format.
    pub(crate) fn decode(seq: LogSeq, bytes: &[u8]) -> Result<Self, StoreError> {
        read(bytes).map_err(|error| error.at(Place::Entry(seq), "the writes of this entry are lost"))
    }
}

fn read(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let (first, second) = split(bytes).ok_or(DecodeError::Damaged("it has no end"))?;
    let mut reader = Reader::open(Kind::Entry, first)?;
    let (id, database, fence) = (EntryId::read(&mut reader), reader.array(), Fence::read(&mut reader));
    let mut ops = Records::default();
    ops.read(&mut reader);
    reader.end()?;
    if !second.is_empty() {
        read_second(second, &mut ops)?;
    }
    Ok(Entry { id, fence, database, ops: Rc::new(ops) })
}

/// The two frames, as the length at the end says.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (frames, second) = bytes.split_last_chunk()?;
    frames.split_at_checked(frames.len().checked_sub(u32::from_le_bytes(*second) as usize)?)
}

fn read_second(frame: &[u8], ops: &mut Records) -> Result<(), DecodeError> {
    let mut reader = Reader::open(Kind::Apart, frame)?;
    ops.read(&mut reader);
    reader.end()
}

/// What is readable of a damaged entry: what its first frame holds, and what its second does.
///
/// Where the length itself is damaged, the second frame is looked for by its first bytes.
pub(crate) fn halves(bytes: &[u8]) -> [Option<Rc<Records>>; 2] {
    let begins = bytes.windows(FRAME_START.len()).enumerate().filter(|(_, window)| *window == FRAME_START);
    let frames = bytes.len().saturating_sub(size_of::<u32>());
    let said = split(bytes).map(|(first, _)| first.len());
    let (mut ops, mut apart) = (None, None);
    for at in said.into_iter().chain(begins.map(|(at, _)| at)).chain([frames]).filter(|at| *at <= frames) {
        let (first, second) = bytes[..frames].split_at(at);
        let alone = [first, &[0; size_of::<u32>()]].concat();
        ops = ops.or(read(&alone).ok().map(|entry| entry.ops));
        let mut records = Records::default();
        let is_intact = read_second(second, &mut records).is_ok();
        apart = apart.or(is_intact.then(|| Rc::new(records)));
    }
    [ops, apart]
}

const FRAME_START: [u8; 3] = [b'h', Kind::Apart as u8, FORMAT];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Trouble;

    #[test]
    fn an_entry_comes_back_as_it_went() {
        let id = EntryId { writer: u64::MAX, number: 7 };
        let fence = Fence { format: 1, schema: 300 };
        let large = vec![9; 70_000];
        let ops = [(&b""[..], Some(&b""[..])), (b"a", None), (b"b", Some(&large))];
        let ops: Rc<Records> = Rc::new(ops.into_iter().collect());
        let frame = Entry::encode(id, fence, &[3; 16], &ops);
        let entry = Entry::decode(LogSeq(1), &frame).unwrap();
        assert_eq!(entry, Entry { id, fence, database: [3; 16], ops });
    }

    #[test]
    fn whichever_byte_is_flipped_the_damage_is_seen_and_one_half_is_left() {
        let ops = [(&b"a"[..], Some(&b"1"[..])), (b"b", None), (&[APART, 1], Some(b"2")), (&[0xff], None)];
        let ops: Records = ops.into_iter().collect();
        for count in [2, 4] {
            let ops: Records = ops.iter().take(count).collect();
            let whole = Entry::encode(EntryId { writer: 1, number: 2 }, Fence::default(), &[3; 16], &ops);
            let halves_of = |bytes: &[u8]| halves(bytes).map(|half| half.map(|half| half.len()));
            let apart = (count > 2).then_some(2);
            assert_eq!(halves_of(&whole), [Some(2), apart]);
            for (at, flip) in (0..whole.len()).flat_map(|at| [(at, 0x01), (at, 0x80), (at, 0xff)]) {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                assert!(Entry::decode(LogSeq(1), &bytes).is_err(), "byte {at}");
                let second = whole.len() - 4 - whole[whole.len() - 4] as usize;
                let left = if at < second { [None, apart] } else { [Some(2), None] };
                let left = if at >= whole.len() - 4 { [Some(2), apart] } else { left };
                assert_eq!(halves_of(&bytes), left, "byte {at}");
            }
        }
    }

    #[test]
    fn damage_names_the_entry() {
        let mut frame = Entry::encode(EntryId::default(), Fence::default(), &[0; 16], &Records::default());
        frame[5] ^= 1;
        let error = Entry::decode(LogSeq(12), &frame).expect_err("detected");
        let Trouble::Corrupt(damage) = error.trouble() else { panic!("{error}") };
        assert_eq!(damage.place, Place::Entry(LogSeq(12)));
    }
}

//! A log entry: who wrote it, under which fence, and its batch.

use std::rc::Rc;

use crate::disk::LogSeq;
use crate::encoding::{DecodeError, Kind, Reader, Records, Writer};
use crate::error::{Damage, Place, StoreError, Trouble};
use crate::fence::Fence;

/// The name of an entry: its writer's random number and how many entries that writer made before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Drawn at random by each handle.
    pub writer: u64,
    /// Counts from 1 in each handle.
    pub number: u64,
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
        writer.raw(&id.writer.to_le_bytes());
        writer.raw(&id.number.to_le_bytes());
        writer.raw(database);
        writer.number(u64::from(fence.format));
        writer.number(u64::from(fence.schema));
        ops.write(ops.len(), &mut writer);
        writer.finish()
    }

    /// # Errors
    /// Damage at `seq`, or a newer format.
    pub(crate) fn decode(seq: LogSeq, frame: &[u8]) -> Result<Self, StoreError> {
        read(frame).map_err(|error| match error {
            DecodeError::Newer(format) => Trouble::NewerVersion(Fence { format: u32::from(format), schema: 0 }).into(),
            DecodeError::Damaged(what) => {
                Damage::new(Place::Entry(seq), format!("{what}; the writes of this entry are lost")).into()
            }
        })
    }
}

fn read(frame: &[u8]) -> Result<Entry, DecodeError> {
    let mut reader = Reader::open(Kind::Entry, frame)?;
    let id = EntryId { writer: u64::from_le_bytes(reader.array()), number: u64::from_le_bytes(reader.array()) };
    let database = reader.array();
    let fence = Fence { format: reader.number_u32(), schema: reader.number_u32() };
    let ops = Rc::new(Records::read(&mut reader));
    reader.end()?;
    Ok(Entry { id, fence, database, ops })
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn damage_names_the_entry() {
        let mut frame = Entry::encode(EntryId::default(), Fence::default(), &[0; 16], &Records::default());
        frame[5] ^= 1;
        let error = Entry::decode(LogSeq(12), &frame).expect_err("detected");
        let Trouble::Corrupt(damage) = error.trouble() else { panic!("{error}") };
        assert_eq!(damage.place, Place::Entry(LogSeq(12)));
    }
}

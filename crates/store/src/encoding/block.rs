//! A block: up to some hundred records in key order, in a frame of its own.

use crate::disk::BlockId;
use crate::encoding::{DecodeError, Kind, Reader, Records, Writer};
use crate::error::{Place, StoreError};

/// The frame of the first `count` of `records`.
pub(crate) fn write_block(records: &Records, count: usize) -> Vec<u8> {
    let mut writer = Writer::new(Kind::Block, records.bytes());
    records.write(0..count, &mut writer);
    writer.finish()
}

/// # Errors
/// Damage in block `id`, or a newer format.
pub(crate) fn read_block(id: &BlockId, frame: &[u8]) -> Result<Records, StoreError> {
    read(frame).map_err(|error| error.at(Place::Block(*id), "the records of this block are lost"))
}

fn read(frame: &[u8]) -> Result<Records, DecodeError> {
    let mut reader = Reader::open(Kind::Block, frame)?;
    let mut records = Records::default();
    records.read(&mut reader);
    reader.end()?;
    Ok(records)
}

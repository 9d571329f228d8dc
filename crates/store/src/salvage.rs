//! Reading what is readable of a damaged store.

use std::collections::BTreeMap;

use crate::disk::{BlockId, Disk, DiskError, LogSeq, Since};
use crate::encoding::{Entry, Manifest, Records, read_block};
use crate::error::{Damage, Place, StoreError, Trouble};
use crate::key::{Key, Value};

/// What was read, and what is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    /// Every readable record. Where something newer was lost, an older value may stand here, or one that was deleted.
    pub records: BTreeMap<Key, Value>,
    /// Everything that could not be read.
    pub lost: Vec<Damage>,
}

/// Blocks read at once: some 2 MiB.
const SLICE_BLOCKS: usize = 64;

/// Reads every intact block and entry, oldest first, and changes nothing. Without a manifest these are all blocks that are
/// there, those of one handle in its order.
///
/// # Errors
/// What the disk says; damage is in the result.
pub async fn salvage(disk: &dyn Disk) -> Result<Salvage, DiskError> {
    let loaded = disk.load(Since::default()).await?;
    let mut salvage = Salvage::default();
    let mut next = LogSeq(1);
    if let Some(stored) = &loaded.manifest {
        next = stored.folded.next();
        match Manifest::decode(stored) {
            Ok(manifest) => {
                for run in manifest.runs.iter().rev() {
                    let ids: Vec<BlockId> = run.blocks.iter().map(|block| block.id).collect();
                    salvage.read_blocks(disk, &ids).await?;
                }
            }
            Err(error) => {
                salvage.note(Place::Manifest, error);
                salvage.read_blocks(disk, &disk.list_blocks().await?).await?;
            }
        }
    }
    for (seq, frame) in loaded.entries {
        if loaded.manifest.as_ref().is_some_and(|stored| seq <= stored.folded) {
            continue;
        }
        while next < seq {
            salvage.lost.push(Damage::new(Place::Entry(next), "it is not in the log; its writes are lost"));
            next = next.next();
        }
        next = seq.next();
        match Entry::decode(seq, &frame) {
            Ok(entry) => salvage.apply(&entry.ops),
            Err(error) => salvage.note(Place::Entry(seq), error),
        }
    }
    Ok(salvage)
}

impl Salvage {
    async fn read_blocks(&mut self, disk: &dyn Disk, ids: &[BlockId]) -> Result<(), DiskError> {
        for slice in ids.chunks(SLICE_BLOCKS) {
            let frames = disk.read_blocks(slice).await?;
            for (id, frame) in slice.iter().zip(frames) {
                let Some(frame) = frame else {
                    self.lost.push(Damage::new(Place::Block(*id), "it is not there; its records are lost"));
                    continue;
                };
                match read_block(id, &frame) {
                    Ok(records) => self.apply(&records),
                    Err(error) => self.note(Place::Block(*id), error),
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, records: &Records) {
        for (key, value) in records.iter() {
            match value {
                Some(value) => drop(self.records.insert(Key::from(key), Value::from(value))),
                None => drop(self.records.remove(key)),
            }
        }
    }

    fn note(&mut self, place: Place, error: StoreError) {
        self.lost.push(match error.trouble() {
            Trouble::Corrupt(damage) => (**damage).clone(),
            other => Damage::new(place, other.to_string()),
        });
    }
}

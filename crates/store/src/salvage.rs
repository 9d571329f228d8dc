//! Reading what is readable of a damaged store.
//!
//! ```text
//!   log, newest first          entry, or the half of it that is intact
//!   runs                       of each the block that may hold the keys of a part, and those after it, read ahead
//!   ─────────────────────────► part by part, up to where the first of these blocks ends
//! ```
//!
//! Without a manifest, what one handle wrote in one fold counts as a run, in the order of their names.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::disk::{BlockId, Disk, DiskError, Loaded, LogSeq, Since};
use crate::encoding::{Entry, Manifest, Records, halves, read_block};
use crate::error::{Damage, Place, StoreError, Trouble};
use crate::fence::Fence;
use crate::key::{Key, KeyRange, Value};

/// A store of which everything readable is read, and nothing changed.
///
/// Where something newer was lost, an older value may be found, or one that was deleted.
pub struct Salvage<'d> {
    disk: &'d dyn Disk,
    /// Oldest first.
    runs: Vec<SalvagedRun>,
    /// Oldest first.
    log: Vec<Rc<Records>>,
    fence: Fence,
    lost: Vec<Damage>,
}

/// Readable records with keys that follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SalvagedPart {
    /// The records, as the newest that is readable says.
    pub records: BTreeMap<Key, Value>,
    /// What of the range is left; `None` at its end.
    pub rest: Option<KeyRange>,
}

#[derive(Default)]
struct SalvagedRun {
    /// In key order.
    blocks: Vec<(Key, BlockId)>,
    /// The blocks that were read last, by their places; `None` for one that cannot be read.
    held: BTreeMap<usize, Option<Records>>,
}

/// Blocks of a run that are read at once: half a megabyte.
const SLICE_BLOCKS: usize = 16;

impl<'d> Salvage<'d> {
    /// Reads the log, and where the blocks are.
    ///
    /// # Errors
    /// What the disk says; damage is in [`Self::lost`].
    pub async fn open(disk: &'d dyn Disk) -> Result<Self, DiskError> {
        let loaded = disk.load(Since::default()).await?;
        let mut salvage = Self { disk, runs: Vec::new(), log: Vec::new(), fence: Fence::default(), lost: Vec::new() };
        match loaded.manifest.as_ref().map(Manifest::decode) {
            Some(Ok(manifest)) => {
                salvage.fence = manifest.fence;
                for run in manifest.runs.iter().rev() {
                    let blocks = run.blocks.iter().map(|block| (block.first.clone(), block.id)).collect();
                    salvage.runs.push(SalvagedRun { blocks, ..SalvagedRun::default() });
                }
            }
            Some(Err(error)) => {
                salvage.note(Place::Manifest, &error);
                salvage.find_blocks(&disk.list_blocks().await?).await?;
            }
            None => salvage.find_blocks(&disk.list_blocks().await?).await?,
        }
        salvage.read_log(loaded);
        Ok(salvage)
    }

    /// What could not be read, as far as it was asked for.
    #[must_use]
    pub fn lost(&self) -> &[Damage] {
        &self.lost
    }

    /// The highest fence found.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// The readable records at the beginning of a range.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn part(&mut self, range: &KeyRange) -> Result<SalvagedPart, DiskError> {
        let ends = self.runs.iter().filter_map(|run| run.blocks.get(run.after(&range.from)));
        let ends = ends.map(|(first, _)| first.to_vec()).chain(range.until.clone());
        let until = ends.min();
        let mut found = BTreeMap::new();
        for at in 0..self.runs.len() {
            let Some(block) = self.runs[at].after(&range.from).checked_sub(1) else { continue };
            self.hold(at, block).await?;
            if let Some(Some(records)) = self.runs[at].held.get(&block) {
                lay(&mut found, records, &range.from, until.as_deref());
            }
        }
        self.log.iter().for_each(|ops| lay(&mut found, ops, &range.from, until.as_deref()));
        let records = found.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        let rest = until.filter(|until| range.until.as_ref() != Some(until));
        Ok(SalvagedPart { records, rest: rest.map(|from| KeyRange { from, until: range.until.clone() }) })
    }

    fn read_log(&mut self, loaded: Loaded) {
        let folded = loaded.manifest.map_or(LogSeq::default(), |stored| stored.folded);
        let mut next = folded.next();
        for (seq, bytes) in loaded.entries.into_iter().filter(|(seq, _)| *seq > folded) {
            if next < seq {
                let missing =
                    format!("{} entries from here on are not in the log; their writes are lost", seq.0 - next.0);
                self.lost.push(Damage::new(Place::Entry(next), missing));
            }
            next = seq.next();
            match Entry::decode(seq, &bytes) {
                Ok(entry) => {
                    self.fence = self.fence.highest(entry.fence);
                    self.log.push(entry.ops);
                }
                Err(error) if matches!(error.trouble(), Trouble::Corrupt(_)) => self.read_halves(seq, &bytes),
                Err(error) => self.note(Place::Entry(seq), &error),
            }
        }
    }

    fn read_halves(&mut self, seq: LogSeq, bytes: &[u8]) {
        let halves = halves(bytes);
        let lost = match &halves {
            [None, None] => "the writes of this entry are lost",
            [None, Some(_)] => "of the writes of this entry those that are kept apart are left",
            [Some(_), None] => "the writes of this entry that are kept apart are lost, if there were any",
            [Some(_), Some(_)] => "all writes of this entry are left",
        };
        self.lost.push(Damage::new(Place::Entry(seq), format!("it is damaged; {lost}")));
        self.log.extend(halves.into_iter().flatten());
    }

    /// Reads every block once, for its first key.
    async fn find_blocks(&mut self, ids: &[BlockId]) -> Result<(), DiskError> {
        for fold in ids.chunk_by(|one, two| one.0 >> 32 == two.0 >> 32) {
            let mut run = SalvagedRun::default();
            for slice in fold.chunks(SLICE_BLOCKS) {
                for (id, records) in slice.iter().zip(self.read(slice).await?) {
                    if let Some(records) = records.filter(|records| !records.is_empty()) {
                        run.blocks.push((Key::from(records.key(0)), *id));
                    }
                }
            }
            run.blocks.sort();
            self.runs.push(run);
        }
        Ok(())
    }

    /// Holds a block of a run, and lets go of those before it.
    async fn hold(&mut self, run: usize, block: usize) -> Result<(), DiskError> {
        if self.runs[run].held.contains_key(&block) {
            return Ok(());
        }
        let ids: Vec<BlockId> = self.runs[run].blocks[block..].iter().take(SLICE_BLOCKS).map(|(_, id)| *id).collect();
        let read = self.read(&ids).await?;
        self.runs[run].held = (block..).zip(read).collect();
        Ok(())
    }

    async fn read(&mut self, ids: &[BlockId]) -> Result<Vec<Option<Records>>, DiskError> {
        let mut read = Vec::new();
        for (id, frame) in ids.iter().zip(self.disk.read_blocks(ids).await?) {
            read.push(match frame.map(|frame| read_block(id, &frame)) {
                Some(Ok(records)) => Some(records),
                Some(Err(error)) => {
                    self.note(Place::Block(*id), &error);
                    None
                }
                None => {
                    self.note_once(Damage::new(Place::Block(*id), "it is not there; its records are lost"));
                    None
                }
            });
        }
        Ok(read)
    }

    fn note(&mut self, place: Place, error: &StoreError) {
        self.note_once(match error.trouble() {
            Trouble::Corrupt(damage) => (**damage).clone(),
            other => Damage::new(place, other.to_string()),
        });
    }

    /// A block is read again for each range that it is in.
    fn note_once(&mut self, damage: Damage) {
        if !self.lost.contains(&damage) {
            self.lost.push(damage);
        }
    }
}

impl SalvagedRun {
    /// The first block that begins after `key`; the one before it may hold it.
    fn after(&self, key: &[u8]) -> usize {
        self.blocks.partition_point(|(first, _)| **first <= *key)
    }
}

fn lay(found: &mut BTreeMap<Key, Option<Value>>, records: &Records, from: &[u8], until: Option<&[u8]>) {
    let Some((first, last)) = records.inside(from, until) else { return };
    for index in first..=last {
        let (key, value) = records.record(index);
        found.insert(Key::from(key), value.map(Value::from));
    }
}

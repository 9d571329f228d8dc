//! The disk of the search: atomic operations on plain data, and the mistakes that a disk could make.

use std::collections::BTreeMap;
use std::rc::Rc;

use holm_store::machine::{FoldAnswer, FoldRequest, Tables};
use holm_store::{BlockId, DiskError, Fence, Loaded, LogSeq, Since, StoredManifest};

/// What is built wrongly on purpose; `None` is the disk as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mistake {
    None,
    /// `append` takes any key that is free, as explicit keys do.
    FreeKeys,
    /// `publish` drops the last folded entry too.
    DropsLastFolded,
    /// `publish` drops the log up to its end, not up to what was folded.
    DropsWholeLog,
    /// `publish` does not look at the generation.
    PublishesAnyGeneration,
    /// A fold that sweeps drops what no manifest names before it has published, not after.
    SweepsAtOnce,
    /// A fold drops what its manifest will name no more before it has published it.
    DropsBeforePublishing,
    /// `publish` adds an entry over that of another.
    AddsOverAnother,
    /// A writer takes an unknown outcome for a failure, and plans again.
    NoSettling,
    /// A writer that lost, or does not know, looks at the log's length but not for its own id.
    NoIdCheck,
    /// A writer looks for its id in the log alone, where a checkpoint may have trimmed it.
    LooksInLogOnly,
}

/// What a disk operation may do besides being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    None,
    UnknownApplied,
    UnknownLost,
    Abort,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelDisk {
    log: BTreeMap<LogSeq, Rc<Vec<u8>>>,
    last_key: LogSeq,
    blocks: BTreeMap<BlockId, Rc<Vec<u8>>>,
    manifest: Option<Rc<StoredManifest>>,
}

impl ModelDisk {
    /// An empty store.
    pub fn new() -> Self {
        let mut disk = Self { log: BTreeMap::new(), last_key: LogSeq(0), blocks: BTreeMap::new(), manifest: None };
        let tables = Tables::open(Loaded::default(), Fence::default(), [1; 16]).expect("nothing is there");
        disk.manifest = Some(Rc::new(tables.first_manifest()));
        disk
    }

    /// The last position that was given.
    pub fn last_key(&self) -> LogSeq {
        self.last_key
    }

    pub fn load(&self, since: Since) -> Loaded {
        let folded = self.manifest.as_ref().map_or(LogSeq(0), |stored| stored.folded);
        let entries = self.log.range(since.seq.max(folded)..).map(|(seq, entry)| (*seq, entry.to_vec())).collect();
        let newer = self.manifest.as_ref().filter(|stored| stored.generation != since.generation);
        Loaded { manifest: newer.map(|stored| (**stored).clone()), entries }
    }

    pub fn append(&mut self, seq: LogSeq, entry: &Rc<Vec<u8>>, mistake: Mistake) -> Result<(), DiskError> {
        let refused = match mistake {
            Mistake::FreeKeys => self.log.contains_key(&seq),
            _ => self.last_key.next() != seq,
        };
        if refused {
            return Err(DiskError::Stale);
        }
        self.last_key = self.last_key.max(seq);
        self.log.insert(seq, entry.clone());
        Ok(())
    }

    pub fn read_blocks(&self, ids: &[BlockId]) -> Vec<Option<Vec<u8>>> {
        ids.iter().map(|id| self.blocks.get(id).map(|frame| (**frame).clone())).collect()
    }

    pub fn write_blocks(&mut self, blocks: &[(BlockId, Vec<u8>)]) {
        self.blocks.extend(blocks.iter().map(|(id, frame)| (*id, Rc::new(frame.clone()))));
    }

    pub fn publish(
        &mut self,
        manifest: &Rc<StoredManifest>,
        drop_log_through: LogSeq,
        kept: &Rc<Vec<u8>>,
        mistake: Mistake,
    ) -> Result<(), DiskError> {
        let stored = self.manifest.as_ref().map_or(0, |stored| stored.generation.0);
        if stored + 1 != manifest.generation.0 && mistake != Mistake::PublishesAnyGeneration {
            return Err(DiskError::Stale);
        }
        let is_taken = manifest.folded > drop_log_through && self.last_key >= manifest.folded;
        if is_taken && mistake != Mistake::AddsOverAnother {
            return Err(DiskError::Stale);
        }
        self.manifest = Some(manifest.clone());
        let (through, kept) = match mistake {
            Mistake::DropsLastFolded => (manifest.folded, None),
            Mistake::DropsWholeLog if self.last_key > manifest.folded => (LogSeq(self.last_key.0 - 1), None),
            _ => (drop_log_through, Some(kept)),
        };
        self.log = self.log.split_off(&through.next());
        self.log.extend(kept.map(|kept| (manifest.folded, kept.clone())));
        self.last_key = self.last_key.max(manifest.folded);
        Ok(())
    }

    /// Does what a fold asks for.
    pub fn answer(&mut self, request: FoldRequest, fault: Fault, mistake: Mistake) -> FoldAnswer {
        match request {
            FoldRequest::List => FoldAnswer::Listed(outcome(fault, || Ok(self.list_blocks()))),
            FoldRequest::Load(since) => FoldAnswer::Loaded(outcome(fault, || Ok(self.load(since)))),
            FoldRequest::Turn => FoldAnswer::Turned,
            FoldRequest::Read(ids) => FoldAnswer::Blocks(outcome(fault, || Ok(self.read_blocks(&ids)))),
            FoldRequest::Drop(ids) => FoldAnswer::Done(outcome(fault, || {
                self.drop_blocks(&ids);
                Ok(())
            })),
            FoldRequest::Write(blocks) => FoldAnswer::Done(outcome(fault, || {
                self.write_blocks(&blocks);
                Ok(())
            })),
            FoldRequest::Publish { manifest, drop_log_through, kept } => {
                FoldAnswer::Done(outcome(fault, || self.publish(&manifest, drop_log_through, &kept, mistake)))
            }
        }
    }

    pub fn list_blocks(&self) -> Vec<BlockId> {
        self.blocks.keys().copied().collect()
    }

    pub fn drop_blocks(&mut self, ids: &[BlockId]) {
        self.blocks.retain(|id, _| !ids.contains(id));
    }
}

/// What an operation answers, which may be done and its answer lost.
pub fn outcome<R>(fault: Fault, act: impl FnOnce() -> Result<R, DiskError>) -> Result<R, DiskError> {
    match fault {
        Fault::None => act(),
        Fault::UnknownApplied => act().and_then(|_| Err(DiskError::Unknown("lost".into()))),
        Fault::UnknownLost => Err(DiskError::Unknown("lost".into())),
        Fault::Abort => Err(DiskError::Aborted("no".into())),
    }
}

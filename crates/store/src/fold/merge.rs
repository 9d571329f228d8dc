//! The merge inside a fold: changes over the blocks of one run, piece by piece.
//!
//! The target run is cut at its blocks' first keys. For each piece: no change and no stub near it keeps the block; else
//! the block is read and merged with the changes.

use std::ops::ControlFlow;

use crate::blocks::BlockSet;
use crate::disk::BlockId;
use crate::encoding::{BlockRef, EntryId, Run};
use crate::error::StoreError;
use crate::fold::builder::{Builder, Built, is_stub};
use crate::key::{Direction, Key, KeyRange, Value};
use crate::layers::{Blocks, Layers};
use crate::memtable::Memory;
use crate::missing::Missing;
use crate::tables::Tables;

/// Blocks in one transaction: 400 at once held appends up for 230 ms, a few for some 30 ms.
const SLICE_BLOCKS: usize = 8;

/// What the merge needs from the disk.
pub(super) enum Need {
    Read(Vec<BlockId>),
    Write(Vec<(BlockId, Vec<u8>)>),
    /// Nothing any more: these are the runs of the next manifest, and what is in none of them any more.
    Nothing {
        level0: Run,
        base: Run,
        fell: Vec<BlockId>,
    },
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Merge {
    frozen: Memory,
    level0: Run,
    base: Run,
    /// Level 0 goes into the base too, and deletions end.
    into_base: bool,
    position: usize,
    loaded: BlockSet,
    /// Blocks of level 0 before this one are merged and out of memory.
    passed: usize,
    builder: Builder,
    output: Vec<BlockRef>,
    /// Blocks of the manifest before that are merged into others.
    fell: Vec<BlockId>,
    unwritten: Vec<(BlockId, Vec<u8>)>,
}

type Changes = Vec<(Key, Option<Value>)>;

impl Merge {
    pub(super) fn new(tables: &Tables, id: EntryId) -> Self {
        let (level0, base) = (tables.manifest.level0.clone(), tables.manifest.base.clone());
        let upper = level0.bytes() + tables.memory_bytes() as u64;
        Self {
            frozen: tables.memory.clone(),
            into_base: upper > base.bytes() / 8,
            level0,
            base,
            position: 0,
            loaded: BlockSet::default(),
            passed: 0,
            builder: Builder::new(id.writer, id.number),
            output: Vec::new(),
            fell: Vec::new(),
            unwritten: Vec::new(),
        }
    }

    /// Takes a block that was read.
    pub(super) fn take(&mut self, id: BlockId, frame: Vec<u8>) -> Result<(), StoreError> {
        self.loaded.take(id, frame)
    }

    /// Merges until the disk is needed.
    pub(super) fn advance(&mut self) -> Need {
        let pieces = self.target().blocks.len().max(1);
        while self.unwritten.len() < SLICE_BLOCKS {
            if self.position == pieces {
                let last = self.builder.flush();
                self.put_out(last);
                break;
            }
            let range = self.piece(self.position);
            let changes = match self.changes(&range) {
                Ok(changes) => changes,
                Err(missing) => return Need::Read(missing.into_blocks()),
            };
            if let Err(missing) = self.merge_piece(changes) {
                return Need::Read(missing.into_blocks());
            }
            self.forget_passed(range.until.as_deref());
            self.position += 1;
        }
        if !self.unwritten.is_empty() {
            return Need::Write(std::mem::take(&mut self.unwritten));
        }
        let output = Run { blocks: std::mem::take(&mut self.output) };
        let mut fell = std::mem::take(&mut self.fell);
        if self.into_base {
            fell.extend(self.level0.blocks.iter().map(|block| block.id));
            return Need::Nothing { level0: Run::default(), base: output, fell };
        }
        Need::Nothing { level0: output, base: self.base.clone(), fell }
    }

    fn target(&self) -> &Run {
        if self.into_base { &self.base } else { &self.level0 }
    }

    /// The keys of the target's block at `position`; the first piece begins before the first block.
    fn piece(&self, position: usize) -> KeyRange {
        let blocks = &self.target().blocks;
        let from = blocks.get(position).filter(|_| position > 0).map_or_else(Vec::new, |block| block.first.to_vec());
        KeyRange { from, until: blocks.get(position + 1).map(|block| block.first.to_vec()) }
    }

    fn changes(&self, range: &KeyRange) -> Result<Changes, Missing> {
        let layers = Layers {
            maps: [None, None, Some(&self.frozen)],
            runs: [self.into_base.then_some(&self.level0), None],
            blocks: &self.loaded,
        };
        let mut changes = Changes::new();
        layers.walk(range, Direction::Forward, &mut |key, value| {
            changes.push((Key::from(key), value.map(Value::from)));
            ControlFlow::Continue(())
        })?;
        Ok(changes)
    }

    fn merge_piece(&mut self, changes: Changes) -> Result<(), Missing> {
        let Some(target) = self.target().blocks.get(self.position).cloned() else {
            for (key, value) in changes {
                self.keep(key, value);
            }
            return Ok(());
        };
        if changes.is_empty() && !self.builder.holds_stub() && !is_stub(target.bytes) {
            let before = self.builder.flush();
            self.put_out(before);
            self.output.push(target);
            return Ok(());
        }
        let Some(block) = self.loaded.remove(&target.id) else { return Err(self.needed()) };
        self.fell.push(target.id);
        let mut changes = changes.into_iter().peekable();
        for index in 0..block.len() {
            let (key, value) = block.record(index);
            while let Some((before, change)) = changes.next_if(|(changed, _)| **changed < *key) {
                self.keep(before, change);
            }
            match changes.next_if(|(changed, _)| **changed == *key) {
                Some((changed, change)) => self.keep(changed, change),
                None => self.keep(Key::from(key), value.map(Value::from)),
            }
        }
        for (key, value) in changes {
            self.keep(key, value);
        }
        Ok(())
    }

    /// The target's block at this position and those after it that will be needed too, as far as memory tells.
    fn needed(&self) -> Missing {
        let mut ids = Vec::new();
        let ahead = self.target().blocks.iter().enumerate().skip(self.position).take(SLICE_BLOCKS);
        for (position, block) in ahead {
            let range = self.piece(position);
            let touched = self.into_base && !self.level0.blocks.is_empty()
                || self.frozen.range::<[u8], _>(range.bounds()).next().is_some();
            if (touched || position == self.position) && self.loaded.block(&block.id).is_none() {
                ids.push(block.id);
            }
        }
        Missing::new(ids)
    }

    fn keep(&mut self, key: Key, value: Option<Value>) {
        if value.is_none() && self.into_base {
            return;
        }
        let built = self.builder.push(key, value);
        self.put_out(built);
    }

    fn put_out(&mut self, built: impl IntoIterator<Item = Built>) {
        for (block, frame) in built {
            self.unwritten.push((block.id, frame));
            self.output.push(block);
        }
    }

    /// Lets go of the level 0 blocks that end before `until`.
    fn forget_passed(&mut self, until: Option<&[u8]>) {
        while self.into_base && self.passed < self.level0.blocks.len() {
            let end = self.level0.blocks.get(self.passed + 1).map(|block| &*block.first);
            let passed = match (end, until) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(end), Some(until)) => end <= until,
            };
            if !passed {
                return;
            }
            self.loaded.remove(&self.level0.blocks[self.passed].id);
            self.passed += 1;
        }
    }
}

//! The merge inside a fold: changes over the blocks of one run, step by step.
//!
//! ```text
//!   memory as it was, and the runs that are merged too  ──► changes ─┐
//!   the oldest of those runs, the target, block by block ────────────┴─► new blocks, and blocks kept as they are
//! ```
//!
//! Which runs: those that are no larger than all that is merged above them, so that a record is written some few times in
//! its life; and so many that no more than [`RUNS_MAX`] are left. Blocks of the target are kept where nothing changed and
//! no stub is near. A step handles at most [`STEP_BYTES`] of changes, so that whoever drives it can stop for a while.

use std::ops::ControlFlow;
use std::rc::Rc;

use crate::blocks::BlockSet;
use crate::disk::BlockId;
use crate::encoding::{BlockRef, EntryId, Records, Run};
use crate::error::StoreError;
use crate::fold::builder::{Builder, is_stub};
use crate::key::{Direction, KeyRange, successor};
use crate::layers::{Blocks, Layers};
use crate::memtable::Segment;
use crate::missing::Missing;
use crate::tables::Tables;

/// Blocks in one transaction: 400 at once held appends up for 230 ms, a few for some 30 ms.
const SLICE_BLOCKS: usize = 16;

/// A read of a key that is nowhere looks into one block of each.
const RUNS_MAX: usize = 4;

/// Changes of one step: a millisecond or two of work.
const STEP_BYTES: usize = 32 << 10;

/// What the merge needs.
pub(super) enum Need {
    Read(Vec<BlockId>),
    Write(Vec<(BlockId, Vec<u8>)>),
    /// Another step, now or later.
    Turn,
    /// Nothing any more: these are the runs of the next manifest, and what is in none of them any more.
    Nothing {
        runs: Vec<Run>,
        fell: Vec<BlockId>,
    },
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Merge {
    frozen: Vec<Segment>,
    /// Runs whose records are changes, newest first; with how many of their blocks are merged and out of memory.
    upper: Vec<Run>,
    passed: Vec<usize>,
    target: Run,
    /// Runs that stay.
    lower: Vec<Run>,
    /// The block of the target that is merged, and whether it is begun.
    position: usize,
    begun: bool,
    /// Everything before this key is merged.
    next: Vec<u8>,
    loaded: BlockSet,
    builder: Builder,
    /// Blocks of the manifest before that are merged into others.
    fell: Vec<BlockId>,
}

impl Merge {
    pub(super) fn new(tables: &mut Tables, id: EntryId, adopted: Option<&Rc<Records>>) -> Self {
        let mut upper = tables.manifest.runs.clone();
        let mut frozen = tables.memory.freeze();
        frozen.extend(adopted.map(|ops| Segment::of(tables.tail().next(), ops.clone())));
        let memory_bytes: usize = frozen.iter().map(Segment::bytes).sum();
        let lower = upper.split_off(merged_runs(memory_bytes as u64, &upper));
        let target = upper.pop().unwrap_or_default();
        Self {
            frozen,
            passed: vec![0; upper.len()],
            upper,
            target,
            lower,
            position: 0,
            begun: false,
            next: Vec::new(),
            loaded: BlockSet::default(),
            builder: Builder::new(id.writer, id.number),
            fell: Vec::new(),
        }
    }

    /// Takes a block that was read.
    pub(super) fn take(&mut self, id: BlockId, frame: &[u8]) -> Result<(), StoreError> {
        self.loaded.take(id, frame)
    }

    /// Merges a step further.
    pub(super) fn advance(&mut self) -> Need {
        let at_end = self.is_at_end();
        if at_end {
            self.builder.flush();
        } else if let Err(missing) = self.step() {
            return Need::Read(missing.into_blocks());
        }
        let unwritten = &mut self.builder.unwritten;
        if unwritten.len() >= SLICE_BLOCKS || at_end && !unwritten.is_empty() {
            return Need::Write(std::mem::take(unwritten));
        }
        if !at_end {
            return Need::Turn;
        }
        let mut fell = std::mem::take(&mut self.fell);
        fell.extend(self.upper.iter().flat_map(|run| &run.blocks).map(|block| block.id));
        let merged = Run { blocks: std::mem::take(&mut self.builder.output) };
        let mut runs = std::mem::take(&mut self.lower);
        if !merged.blocks.is_empty() {
            runs.insert(0, merged);
        }
        Need::Nothing { runs, fell }
    }

    /// A step while what was asked for is under way; `false` if there is none, or it needs something.
    pub(super) fn advance_meanwhile(&mut self) -> bool {
        !self.is_at_end() && self.builder.unwritten.len() < SLICE_BLOCKS && self.step().is_ok()
    }

    fn is_at_end(&self) -> bool {
        self.position == self.target.blocks.len().max(1)
    }

    fn step(&mut self) -> Result<(), Missing> {
        let end = self.target.blocks.get(self.position + 1).map(|block| block.first.to_vec());
        let (changes, complete) = self.changes(end.as_deref())?;
        let until = match complete {
            true => end,
            false => Some(successor(changes.key(changes.len() - 1))),
        };
        let target = self.target.blocks.get(self.position).cloned();
        let is_kept = |block: &BlockRef| {
            complete && changes.is_empty() && !self.begun && !self.builder.holds_stub() && !is_stub(block.bytes)
        };
        match target {
            None => self.keep_all(&changes, 0..changes.len()),
            Some(block) if is_kept(&block) => self.builder.keep(block),
            Some(block) => self.merge_block(&block, &changes, until.as_deref())?,
        }
        self.begun = !complete;
        if complete {
            self.position += 1;
        }
        self.forget_passed(until.as_deref());
        self.next = until.unwrap_or_default();
        Ok(())
    }

    /// The changes from `next` on, and whether these are all before `end`.
    fn changes(&self, end: Option<&[u8]>) -> Result<(Records, bool), Missing> {
        let layers = Layers { batch: None, memory: &self.frozen, runs: &self.upper, blocks: &self.loaded };
        let mut changes = Records::default();
        let mut complete = true;
        let range = KeyRange { from: self.next.clone(), until: end.map(<[u8]>::to_vec) };
        layers.walk(&range, Direction::Forward, &mut |key, value| {
            if changes.bytes() >= STEP_BYTES {
                complete = false;
                return ControlFlow::Break(());
            }
            changes.push(key, value);
            ControlFlow::Continue(())
        })?;
        Ok((changes, complete))
    }

    /// Merges the changes with the records of a block from `next` to `until`.
    fn merge_block(&mut self, target: &BlockRef, changes: &Records, until: Option<&[u8]>) -> Result<(), Missing> {
        let Some(block) = self.loaded.block(&target.id) else { return Err(self.needed()) };
        if !self.begun {
            self.fell.push(target.id);
        }
        let mut merged = 0;
        if let Some((first, last)) = block.inside(&self.next, until) {
            for index in first..=last {
                let (key, value) = block.record(index);
                let before = changes.lower_bound(key);
                self.keep_all(changes, merged..before);
                merged = before;
                if before == changes.len() || changes.key(before) != key {
                    self.keep(key, value);
                }
            }
        }
        self.keep_all(changes, merged..changes.len());
        Ok(())
    }

    /// The target's block at this position and those after it that will be needed too, as far as memory tells.
    fn needed(&self) -> Missing {
        let mut ids = Vec::new();
        for (index, block) in self.target.blocks.iter().enumerate().skip(self.position).take(SLICE_BLOCKS) {
            let until = self.target.blocks.get(index + 1).map(|next| &*next.first);
            let in_memory = |segment: &Segment| segment.records.inside(&block.first, until).is_some();
            let touched = index == self.position || !self.upper.is_empty() || self.frozen.iter().any(in_memory);
            if touched && self.loaded.block(&block.id).is_none() {
                ids.push(block.id);
            }
        }
        Missing::new(ids)
    }

    fn keep_all(&mut self, changes: &Records, which: std::ops::Range<usize>) {
        for index in which {
            let (key, value) = changes.record(index);
            self.keep(key, value);
        }
    }

    /// In the oldest run deletions end.
    fn keep(&mut self, key: &[u8], value: Option<&[u8]>) {
        if value.is_some() || !self.lower.is_empty() {
            self.builder.push(key, value);
        }
    }

    /// Lets go of the blocks that end before `until`.
    fn forget_passed(&mut self, until: Option<&[u8]>) {
        if let Some(block) = self.position.checked_sub(1).and_then(|before| self.target.blocks.get(before)) {
            self.loaded.remove(&block.id);
        }
        for (run, passed) in self.upper.iter().zip(&mut self.passed) {
            while let Some(block) = run.blocks.get(*passed) {
                let end = run.blocks.get(*passed + 1).map(|next| &*next.first);
                if until.is_some_and(|until| end.is_none_or(|end| end > until)) {
                    break;
                }
                self.loaded.remove(&block.id);
                *passed += 1;
            }
        }
    }
}

/// How many runs, the newest first, are merged with so many bytes of memory.
fn merged_runs(memory_bytes: u64, runs: &[Run]) -> usize {
    let (mut count, mut bytes) = (0, memory_bytes);
    for (index, run) in runs.iter().enumerate() {
        let left = runs.len() - index + 1;
        if run.bytes() > bytes && left <= RUNS_MAX {
            break;
        }
        bytes += run.bytes();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    #[test]
    fn what_is_no_larger_is_merged_and_few_runs_are_left() {
        let run = |bytes| Run { blocks: vec![BlockRef { first: Key::from(&b""[..]), id: BlockId(1), bytes }] };
        let merged = |memory, runs: &[u32]| merged_runs(memory, &runs.iter().copied().map(run).collect::<Vec<_>>());
        assert_eq!(merged(10, &[]), 0);
        assert_eq!(merged(10, &[11, 30]), 0);
        assert_eq!(merged(10, &[10, 30]), 1);
        assert_eq!(merged(10, &[10, 20, 40]), 3);
        assert_eq!(merged(10, &[100, 1_000, 10_000]), 0);
        assert_eq!(merged(10, &[100, 1_000, 10_000, 100_000]), 1, "else there would be five");
    }
}

//! One ordered sequence out of several: newer layers hide older ones, record by record.
//!
//! ```text
//!   own writes          (BTreeMap)   newest
//!   overlay of a group  (BTreeMap)
//!   memory              (BTreeMap)
//!   level 0             (blocks)
//!   base                (blocks)     oldest
//! ```
//!
//! A block that is not in memory ends the walk with [`Missing`]; nothing here waits.

use std::collections::btree_map;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::disk::BlockId;
use crate::encoding::{Block, Run, Spot};
use crate::key::{Direction, Key, KeyRange, Value};
use crate::memtable::{Memory, Slot};
use crate::missing::Missing;

/// Gives the blocks that are in memory.
pub(crate) trait Blocks {
    fn block(&self, id: &BlockId) -> Option<Rc<Block>>;

    /// How many blocks of a run to name in one [`Missing`].
    fn read_ahead(&self) -> usize;
}

/// The layers that a walk goes over, newest first.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub maps: [Option<&'a Memory>; 3],
    pub runs: [Option<&'a Run>; 2],
    pub blocks: &'a dyn Blocks,
}

/// What a walk shows: tombstones included.
type ShowAll<'v> = dyn FnMut(&[u8], Option<&[u8]>) -> ControlFlow<()> + 'v;

impl<'a> Layers<'a> {
    /// The value of `key`; deleted and never written are alike.
    pub(crate) fn find(&self, key: &[u8]) -> Result<Option<Value>, Missing> {
        for map in self.maps.iter().flatten() {
            if let Some(slot) = map.get(key) {
                return Ok(slot.value.clone());
            }
        }
        let mut missing = Vec::new();
        for run in self.runs.iter().flatten() {
            let Some(position) = run.position(key) else {
                continue;
            };
            let id = &run.blocks[position].id;
            match self.blocks.block(id) {
                None => missing.push(*id),
                Some(block) if missing.is_empty() => {
                    if let Some(value) = block.find(key) {
                        return Ok(value.map(Value::from));
                    }
                }
                Some(_) => {}
            }
        }
        if missing.is_empty() { Ok(None) } else { Err(Missing::new(missing)) }
    }

    /// Shows the newest word on each key of `range`, tombstones included, until told to stop.
    pub(crate) fn walk(&self, range: &KeyRange, direction: Direction, show: &mut ShowAll<'_>) -> Result<(), Missing> {
        if range.is_empty() {
            return Ok(());
        }
        let mut sources = self.sources(range, direction)?;
        loop {
            let Some(best) = newest_next(&sources, direction) else {
                return Ok(());
            };
            let Some((key, value)) = sources[best].current() else {
                return Ok(());
            };
            let flow = show(key, value);
            let mut same = 0_u32;
            for (index, source) in sources.iter().enumerate() {
                if source.current().is_some_and(|(other, _)| other == key) {
                    same |= 1 << index;
                }
            }
            if flow.is_break() {
                return Ok(());
            }
            for (index, source) in sources.iter_mut().enumerate() {
                if same & (1 << index) != 0 {
                    source.advance(direction, self.blocks)?;
                }
            }
        }
    }

    fn sources<'w>(&self, range: &'w KeyRange, direction: Direction) -> Result<Vec<Source<'w>>, Missing>
    where
        'a: 'w,
    {
        let mut sources: Vec<Source<'w>> = Vec::with_capacity(5);
        for map in self.maps.into_iter().flatten() {
            if !map.is_empty() {
                sources.push(Source::Map { entries: map.range::<[u8], _>(range.bounds()), current: None });
            }
        }
        let mut missing = Vec::new();
        for source in &mut sources {
            source.advance(direction, self.blocks)?;
        }
        for run in self.runs.iter().flatten() {
            match RunCursor::begin(run, range, direction, self.blocks) {
                Ok(cursor) => sources.push(Source::Run(cursor)),
                Err(lack) => missing.extend(lack.into_blocks()),
            }
        }
        if missing.is_empty() { Ok(sources) } else { Err(Missing::new(missing)) }
    }
}

/// The source whose key comes next; of equal keys the newest.
fn newest_next(sources: &[Source<'_>], direction: Direction) -> Option<usize> {
    let mut best: Option<(usize, &[u8])> = None;
    for (index, source) in sources.iter().enumerate() {
        let Some((key, _)) = source.current() else {
            continue;
        };
        let before = best.is_none_or(|(_, other)| match direction {
            Direction::Forward => key < other,
            Direction::Backward => key > other,
        });
        if before {
            best = Some((index, key));
        }
    }
    best.map(|(index, _)| index)
}

enum Source<'a> {
    Map { entries: btree_map::Range<'a, Key, Slot>, current: Option<(&'a Key, &'a Slot)> },
    Run(RunCursor<'a>),
}

impl Source<'_> {
    fn current(&self) -> Option<(&[u8], Option<&[u8]>)> {
        match self {
            Self::Map { current, .. } => current.map(|(key, slot)| (&**key, slot.value.as_deref())),
            Self::Run(cursor) => cursor.current(),
        }
    }

    fn advance(&mut self, direction: Direction, blocks: &dyn Blocks) -> Result<(), Missing> {
        match self {
            Self::Map { entries, current } => {
                *current = match direction {
                    Direction::Forward => entries.next(),
                    Direction::Backward => entries.next_back(),
                }
            }
            Self::Run(cursor) => cursor.advance(direction, blocks)?,
        }
        Ok(())
    }
}

/// Walks the records of a run inside a range.
struct RunCursor<'a> {
    run: &'a Run,
    range: &'a KeyRange,
    /// `None` at the end.
    at: Option<At>,
}

/// A record in a block, and the last that the walk shows of that block.
struct At {
    position: usize,
    block: Rc<Block>,
    index: usize,
    last: usize,
    spot: Spot,
}

impl<'a> RunCursor<'a> {
    fn begin(run: &'a Run, range: &'a KeyRange, direction: Direction, blocks: &dyn Blocks) -> Result<Self, Missing> {
        let mut cursor = Self { run, range, at: None };
        let first = match direction {
            Direction::Forward => Some(run.position(&cursor.range.from).unwrap_or(0)),
            Direction::Backward => match &cursor.range.until {
                None => run.blocks.len().checked_sub(1),
                Some(until) => run.blocks.partition_point(|block| &*block.first < until.as_slice()).checked_sub(1),
            },
        };
        cursor.enter(first, direction, blocks)?;
        Ok(cursor)
    }

    fn current(&self) -> Option<(&[u8], Option<&[u8]>)> {
        self.at.as_ref().map(|at| at.block.at(at.spot))
    }

    fn advance(&mut self, direction: Direction, blocks: &dyn Blocks) -> Result<(), Missing> {
        let Some(at) = &mut self.at else { return Ok(()) };
        if at.index == at.last {
            let following = neighbour(at.position, direction);
            self.at = None;
            return self.enter(following, direction, blocks);
        }
        match direction {
            Direction::Forward => at.index += 1,
            Direction::Backward => at.index -= 1,
        }
        at.spot = at.block.locate(at.index);
        Ok(())
    }

    /// Goes to the first block from `position` on that has a record in the range.
    fn enter(&mut self, position: Option<usize>, direction: Direction, blocks: &dyn Blocks) -> Result<(), Missing> {
        let mut next = position;
        while let Some(position) = next.filter(|position| self.may_hold(*position)) {
            let Some(block) = blocks.block(&self.run.blocks[position].id) else {
                return Err(self.missing(position, direction, blocks));
            };
            let inside = block.inside(&self.range.from, self.range.until.as_deref());
            if let Some((first, last)) = inside {
                let (index, last) = match direction {
                    Direction::Forward => (first, last),
                    Direction::Backward => (last, first),
                };
                let spot = block.locate(index);
                self.at = Some(At { position, block, index, last, spot });
                return Ok(());
            }
            next = neighbour(position, direction);
        }
        Ok(())
    }

    /// Whether the block at `position` can have a record in the range, by the directory.
    fn may_hold(&self, position: usize) -> bool {
        let Some(block) = self.run.blocks.get(position) else {
            return false;
        };
        let begins_before_end = self.range.until.as_deref().is_none_or(|until| &*block.first < until);
        let next = self.run.blocks.get(position + 1);
        begins_before_end && next.is_none_or(|next| *next.first > *self.range.from)
    }

    /// The block that is needed now and those that the walk will need after it.
    fn missing(&self, position: usize, direction: Direction, blocks: &dyn Blocks) -> Missing {
        let mut ids = Vec::new();
        let mut next = Some(position);
        while let Some(position) = next.filter(|position| self.may_hold(*position)) {
            if ids.len() == blocks.read_ahead() {
                break;
            }
            let id = &self.run.blocks[position].id;
            if blocks.block(id).is_none() {
                ids.push(*id);
            }
            next = neighbour(position, direction);
        }
        Missing::new(ids)
    }
}

fn neighbour(position: usize, direction: Direction) -> Option<usize> {
    match direction {
        Direction::Forward => Some(position + 1),
        Direction::Backward => position.checked_sub(1),
    }
}

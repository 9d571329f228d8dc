//! One ordered sequence out of several: newer layers hide older ones, record by record.
//!
//! ```text
//!   batch      own writes, and those of the group before      newest
//!   memory     segments, the newest first
//!   runs       blocks, the newest first                        oldest
//! ```
//!
//! A block that is not in memory ends the walk with [`Missing`]; nothing here waits.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::rc::Rc;

use crate::batch::{Batch, Sorted};
use crate::disk::BlockId;
use crate::encoding::{Records, Run};
use crate::filter::KeyHash;
use crate::key::{self, Direction, KeyRange, Value};
use crate::memtable::Segment;
use crate::missing::Missing;

/// Gives the blocks that are in memory.
pub(crate) trait Blocks {
    fn block(&self, id: &BlockId) -> Option<Rc<Records>>;

    /// How many blocks of a run to name in one [`Missing`].
    fn read_ahead(&self) -> usize;
}

/// The layers that a walk goes over.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub batch: Option<&'a Batch>,
    /// Oldest first.
    pub memory: &'a [Segment],
    /// Newest first.
    pub runs: &'a [Run],
    pub blocks: &'a dyn Blocks,
}

/// What a walk shows: tombstones included.
type ShowAll<'v> = dyn FnMut(&[u8], Option<&[u8]>) -> ControlFlow<()> + 'v;

impl<'a> Layers<'a> {
    /// The value of `key`; deleted and never written are alike.
    pub(crate) fn find(&self, key: &[u8]) -> Result<Option<Value>, Missing> {
        let hash = KeyHash::of(key);
        let in_batch = self.batch.and_then(|batch| batch.find(key, hash));
        let in_memory = || self.memory.iter().rev().find_map(|segment| segment.find(key, hash));
        if let Some(value) = in_batch.or_else(in_memory) {
            return Ok(value.map(Value::from));
        }
        let mut missing = Vec::new();
        for run in self.runs {
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
        // The source whose key comes next is the first; of equal keys the newest.
        for index in (0..sources.len()).rev() {
            settle(&mut sources[index..], direction);
        }
        while let Some((first, others)) = sources.split_first_mut() {
            // Most often many records of one source come before the next of any other.
            let bound = others.first().and_then(Source::current).map(|(key, _)| key);
            while let Some((key, value)) = first.current() {
                if bound.is_some_and(|bound| in_order(key, bound, direction).is_ge()) {
                    break;
                }
                if show(key, value).is_break() {
                    return Ok(());
                }
                first.advance(direction, self.blocks)?;
            }
            settle(&mut sources, direction);
            let Some((key, value)) = sources.first().and_then(Source::current) else { return Ok(()) };
            let is_same = |source: &&Source<'_>| source.current().is_some_and(|(other, _)| other == key);
            let same = sources.iter().take_while(is_same).count();
            if same == 1 {
                continue;
            }
            if show(key, value).is_break() {
                return Ok(());
            }
            for index in (0..same).rev() {
                sources[index].advance(direction, self.blocks)?;
                settle(&mut sources[index..], direction);
            }
        }
        Ok(())
    }

    /// Those that have something in `range`.
    fn sources<'w>(&self, range: &'w KeyRange, direction: Direction) -> Result<Vec<Source<'w>>, Missing>
    where
        'a: 'w,
    {
        let mut sources: Vec<Source<'w>> = Vec::with_capacity(1 + self.memory.len() + self.runs.len());
        let mut add = |at: At<'w>| sources.push(Source { age: sources.len(), at });
        if let Some(batch) = self.batch {
            for (sorted, inside) in batch.range(range) {
                add(At::Batch { batch, sorted, place: Place::begin(inside, direction) });
            }
        }
        for segment in self.memory.iter().rev() {
            if let Some(inside) = segment.records.inside(&range.from, range.until.as_deref()) {
                add(At::Segment { records: &segment.records, place: Place::begin(inside, direction) });
            }
        }
        let mut missing = Vec::new();
        for run in self.runs {
            match RunCursor::begin(run, range, direction, self.blocks) {
                Ok(Some(cursor)) => add(At::Run(cursor)),
                Ok(None) => {}
                Err(lack) => missing.extend(lack.into_blocks()),
            }
        }
        if missing.is_empty() { Ok(sources) } else { Err(Missing::new(missing)) }
    }
}

/// By the next key, those at their end last; of equal keys the newest first.
fn compare(one: &Source<'_>, two: &Source<'_>, direction: Direction) -> Ordering {
    let by_key = match (one.current(), two.current()) {
        (Some((one, _)), Some((two, _))) => in_order(one, two, direction),
        (one, two) => two.is_some().cmp(&one.is_some()),
    };
    by_key.then(one.age.cmp(&two.age))
}

fn in_order(one: &[u8], two: &[u8], direction: Direction) -> Ordering {
    match direction {
        Direction::Forward => key::compare(one, two),
        Direction::Backward => key::compare(two, one),
    }
}

/// Brings the first of otherwise sorted sources to its place; most often it is there.
fn settle(sources: &mut [Source<'_>], direction: Direction) {
    for index in 1..sources.len() {
        if compare(&sources[index - 1], &sources[index], direction).is_lt() {
            return;
        }
        sources.swap(index - 1, index);
    }
}

/// One layer of a walk.
struct Source<'a> {
    /// The newest is 0.
    age: usize,
    at: At<'a>,
}

/// Where a walk stands in a layer.
enum At<'a> {
    Batch { batch: &'a Batch, sorted: Sorted, place: Place },
    Segment { records: &'a Records, place: Place },
    Run(RunCursor<'a>),
    End,
}

impl Source<'_> {
    fn current(&self) -> Option<(&[u8], Option<&[u8]>)> {
        match &self.at {
            At::Batch { batch, sorted, place } => Some(batch.record(sorted[place.index])),
            At::Segment { records, place } => Some(records.record(place.index)),
            At::Run(cursor) => Some(cursor.block.record(cursor.place.index)),
            At::End => None,
        }
    }

    fn advance(&mut self, direction: Direction, blocks: &dyn Blocks) -> Result<(), Missing> {
        let goes_on = match &mut self.at {
            At::Batch { place, .. } | At::Segment { place, .. } => place.advance(direction),
            At::Run(cursor) => cursor.advance(direction, blocks)?,
            At::End => false,
        };
        if !goes_on {
            self.at = At::End;
        }
        Ok(())
    }
}

/// A record of a list, and the last that the walk shows of that list.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    last: usize,
}

impl Place {
    fn begin((first, last): (usize, usize), direction: Direction) -> Self {
        match direction {
            Direction::Forward => Self { index: first, last },
            Direction::Backward => Self { index: last, last: first },
        }
    }

    /// `false` at the end.
    fn advance(&mut self, direction: Direction) -> bool {
        if self.index == self.last {
            return false;
        }
        match direction {
            Direction::Forward => self.index += 1,
            Direction::Backward => self.index -= 1,
        }
        true
    }
}

/// Walks the records of a run inside a range.
struct RunCursor<'a> {
    run: &'a Run,
    range: &'a KeyRange,
    position: usize,
    block: Rc<Records>,
    place: Place,
}

impl<'a> RunCursor<'a> {
    fn begin(
        run: &'a Run,
        range: &'a KeyRange,
        direction: Direction,
        blocks: &dyn Blocks,
    ) -> Result<Option<Self>, Missing> {
        let first = match direction {
            Direction::Forward => Some(run.position(&range.from).unwrap_or(0)),
            Direction::Backward => match &range.until {
                None => run.blocks.len().checked_sub(1),
                Some(until) => run.blocks.partition_point(|block| &*block.first < until.as_slice()).checked_sub(1),
            },
        };
        let mut cursor = Self { run, range, position: 0, block: Rc::default(), place: Place { index: 0, last: 0 } };
        Ok(cursor.enter(first, direction, blocks)?.then_some(cursor))
    }

    /// `false` at the end.
    fn advance(&mut self, direction: Direction, blocks: &dyn Blocks) -> Result<bool, Missing> {
        if self.place.advance(direction) {
            return Ok(true);
        }
        self.enter(neighbour(self.position, direction), direction, blocks)
    }

    /// Goes to the first block from `position` on that has a record in the range; `false` if there is none.
    fn enter(&mut self, position: Option<usize>, direction: Direction, blocks: &dyn Blocks) -> Result<bool, Missing> {
        let mut next = position;
        while let Some(position) = next.filter(|position| self.may_hold(*position)) {
            let Some(block) = blocks.block(&self.run.blocks[position].id) else {
                return Err(self.missing(position, direction, blocks));
            };
            if let Some(inside) = block.inside(&self.range.from, self.range.until.as_deref()) {
                self.place = Place::begin(inside, direction);
                (self.position, self.block) = (position, block);
                return Ok(true);
            }
            next = neighbour(position, direction);
        }
        Ok(false)
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

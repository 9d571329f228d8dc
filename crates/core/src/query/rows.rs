//! A plan carried out: walk the path, filter, sort, stop at the limit.

use std::ops::ControlFlow;

use holm_store::{Direction, KeyRange, Missing, Read, Value};

use super::condition::{Condition, Filter, ID, Test};
use super::plan::{IndexPath, Path, Plan, Sorted};
use super::{Query, SortKey, Tally};
use crate::keys::{Order, push_text, push_value, read_text, skip_value};
use crate::keyspace::{self, LANE_PENDING};
use crate::records::{AllMissing, Row, pick};
use holm_protocol::order::{sort, sort_keys};

/// Records fetched before the first are shown, where a filter may still refuse them.
const FETCH_MIN: usize = 64;

/// Records held at once between being fetched and being shown.
const FETCH_MAX: usize = 4_096;

/// A record that matches.
struct Found<'a> {
    /// The id as it stands at the end of keys.
    tail: &'a [u8],
    record: Stored<'a>,
}

enum Stored<'a> {
    Shared(Value),
    Borrowed(&'a [u8]),
}

impl Found<'_> {
    fn bytes(&self) -> &[u8] {
        match &self.record {
            Stored::Shared(value) => value,
            Stored::Borrowed(bytes) => bytes,
        }
    }

    fn into_row(self) -> Row {
        let id = id_of(self.tail);
        match self.record {
            Stored::Shared(value) => Row::new(id, value),
            Stored::Borrowed(bytes) => Row::new(id, Value::from(bytes)),
        }
    }
}

/// Takes a match; breaks when it wants no more.
type See<'s> = dyn FnMut(Found<'_>) -> ControlFlow<()> + 's;

pub(super) fn run(query: &Query, view: &dyn Read, limit: Option<usize>) -> Result<Vec<Row>, Missing> {
    let limit = limit.unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let plan = query.plans.choose(view);
    if plan.sorted == Sorted::Not {
        return sorted_rows(query, plan, view, limit);
    }
    let mut rows = Vec::new();
    Walk::new(query, plan, view, limit).matches(&mut |found| {
        rows.push(found.into_row());
        if rows.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(rows)
}

fn sorted_rows(query: &Query, plan: &Plan, view: &dyn Read, limit: usize) -> Result<Vec<Row>, Missing> {
    let keys: Vec<&SortKey> = query.order.iter().filter(|key| key.field != ID).collect();
    let fields: Vec<&str> = keys.iter().map(|key| key.field.as_str()).collect();
    let tie = query.order.iter().find(|key| key.field == ID).map_or(Order::Ascending, |key| key.order);
    let mut found: Vec<(Vec<u8>, Row)> = Vec::new();
    Walk::new(query, plan, view, usize::MAX).matches(&mut |one| {
        let mut sort = Vec::new();
        for (value, key) in pick(one.bytes(), &fields).iter().zip(&keys) {
            push_value(&mut sort, value.as_ref().unwrap_or(&holm_protocol::Value::Null), key.order);
        }
        let at = sort.len();
        sort.extend_from_slice(one.tail);
        if tie == Order::Descending {
            sort[at..].iter_mut().for_each(|byte| *byte = !*byte);
        }
        found.push((sort, one.into_row()));
        if found.len() / 2 > limit.max(FETCH_MIN) {
            keep_first(&mut found, limit);
        }
        ControlFlow::Continue(())
    })?;
    keep_first(&mut found, limit);
    let mut rows = Vec::with_capacity(found.len());
    found.into_iter().for_each(|(_, row)| rows.push(row));
    Ok(rows)
}

/// Sorts what was found, and forgets all after the first `limit`.
fn keep_first(found: &mut Vec<(Vec<u8>, Row)>, limit: usize) {
    sort(found, &|left, right| left.0.cmp(&right.0));
    found.truncate(limit);
}

pub(super) fn count(query: &Query, view: &dyn Read, tally: &mut Tally) -> Result<usize, Missing> {
    let plan = query.plans.choose(view);
    let ranges: Vec<&KeyRange> = match (query.plans.whole(view), &plan.path) {
        (Some(whole), _) => vec![whole],
        (None, Path::Index(index)) => index.ranges.iter().map(|(_, range)| range).collect(),
        (None, Path::Scan(range, _)) => vec![range],
        (None, Path::Ids(_) | Path::Outbox) => Vec::new(),
    };
    if !ranges.is_empty() && plan.residual.is_empty() {
        return tally.count(view, &ranges);
    }
    let mut count = 0;
    Walk::new(query, plan, view, usize::MAX).matches(&mut |_| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    Ok(count)
}

/// A walk along the path of a query.
struct Walk<'q> {
    query: &'q Query,
    plan: &'q Plan,
    view: &'q dyn Read,
    filter: Filter<'q>,
    pending: Vec<bool>,
    /// How many entries to read, and records to fetch, before the first is shown.
    size: usize,
    prefix: Vec<u8>,
}

impl<'q> Walk<'q> {
    fn new(query: &'q Query, plan: &'q Plan, view: &'q dyn Read, limit: usize) -> Self {
        let residual: Vec<&Condition> = plan.residual.iter().map(|position| &query.conditions[*position]).collect();
        let pending =
            residual.iter().filter_map(|is| if let Test::Pending(asked) = is.test { Some(asked) } else { None });
        let pending: Vec<bool> = pending.collect();
        let size = if residual.is_empty() { limit } else { limit.max(FETCH_MIN) };
        let prefix = keyspace::records(&query.collection).start;
        Self { query, plan, view, filter: Filter::new(&residual), pending, size, prefix }
    }

    /// Shows every match, in the order that the path gives.
    fn matches(&self, see: &mut See<'_>) -> Result<(), Missing> {
        match &self.plan.path {
            Path::Scan(range, direction) => self.scan(range, *direction, see),
            Path::Ids(ids) => self.fetch(&ids.iter().map(|id| tail_of(id)).collect::<Vec<_>>(), see).map(drop),
            Path::Outbox => self.fetch(&self.waiting()?, see).map(drop),
            Path::Index(index) => self.index(index, see),
        }
    }

    fn scan(&self, range: &KeyRange, direction: Direction, see: &mut See<'_>) -> Result<(), Missing> {
        if self.size == usize::MAX {
            // A walk that misses blocks begins again from its start: nothing is parsed before everything is in memory.
            self.view.visit(range, direction, &mut |_, _| ControlFlow::Continue(()))?;
        }
        let mut missing = None;
        self.view.visit(range, direction, &mut |key, bytes| {
            let tail = &key[self.prefix.len()..];
            match self.accepts(tail, bytes) {
                Ok(false) => ControlFlow::Continue(()),
                Ok(true) => see(Found { tail, record: Stored::Borrowed(bytes) }),
                Err(why) => {
                    missing = Some(why);
                    ControlFlow::Break(())
                }
            }
        })?;
        missing.map_or(Ok(()), Err)
    }

    /// The ids of records with mutations that the server has not acknowledged.
    fn waiting(&self) -> Result<Vec<Vec<u8>>, Missing> {
        let lanes = keyspace::lanes_in(&self.query.collection);
        let mut tails: Vec<Vec<u8>> = Vec::new();
        self.view.visit(&lanes.range(), Direction::Forward, &mut |key, value| {
            let tail = &key[lanes.start.len()..key.len() - size_of::<u64>()];
            if value.first() == Some(&LANE_PENDING) && tails.last().is_none_or(|last| last != tail) {
                tails.push(tail.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        Ok(tails)
    }

    fn index(&self, index: &IndexPath, see: &mut See<'_>) -> Result<(), Missing> {
        for (same, range) in &index.ranges {
            if self.index_range(index, *same, range.clone(), see)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn index_range(
        &self,
        index: &IndexPath,
        same: usize,
        mut range: KeyRange,
        see: &mut See<'_>,
    ) -> Result<ControlFlow<()>, Missing> {
        let groups = match self.plan.sorted {
            Sorted::Groups(columns, tie) => Some((columns, tie)),
            Sorted::Whole | Sorted::Not => None,
        };
        // A group is known to be whole when the next one begins.
        let mut size = if groups.is_some() { self.size.saturating_add(1) } else { self.size };
        let mut waiting: Vec<Vec<u8>> = Vec::new();
        let mut group: Vec<u8> = Vec::new();
        loop {
            let page = keys(self.view, &range, index.direction, size)?;
            for key in &page {
                let (columns, tail) = split(&key[same..], &index.rest, groups.map_or(0, |(columns, _)| columns));
                if groups.is_some() && columns != group.as_slice() {
                    if self.flush(&mut waiting, groups, see)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    group = columns.to_vec();
                }
                waiting.push(tail.to_vec());
            }
            let ended = page.len() < size;
            if (groups.is_none() || ended) && self.flush(&mut waiting, groups, see)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let Some(last) = page.last().filter(|_| !ended) else { return Ok(ControlFlow::Continue(())) };
            match index.direction {
                Direction::Forward => range.from = [last.as_slice(), &[0]].concat(),
                Direction::Backward => range.until = Some(last.clone()),
            }
            size = size.saturating_mul(4);
        }
    }

    /// Shows what waits, sorted by id where it is a group.
    fn flush(
        &self,
        waiting: &mut Vec<Vec<u8>>,
        groups: Option<(usize, Order)>,
        see: &mut See<'_>,
    ) -> Result<ControlFlow<()>, Missing> {
        match groups {
            Some((_, Order::Ascending)) => sort_keys(waiting),
            Some((_, Order::Descending)) => {
                sort_keys(waiting);
                waiting.reverse();
            }
            // In the order of the records what is fetched together lies together.
            None if self.plan.sorted == Sorted::Not => sort_keys(waiting),
            None => {}
        }
        let flow = self.fetch(waiting, see)?;
        waiting.clear();
        Ok(flow)
    }

    /// Reads records by id and shows those that match. Once one is missing the rest is only asked for, so that all that is
    /// missing is named together.
    fn fetch(&self, tails: &[Vec<u8>], see: &mut See<'_>) -> Result<ControlFlow<()>, Missing> {
        let mut missing = AllMissing::default();
        for tails in tails.chunks(self.size.clamp(1, FETCH_MAX)) {
            let mut found = Vec::with_capacity(tails.len());
            for tail in tails {
                match self.view.get(&[self.prefix.as_slice(), tail].concat()) {
                    Ok(Some(value)) => found.push((tail, value)),
                    Ok(None) => {}
                    Err(why) => missing.add(why),
                }
            }
            let found = if missing.is_empty() { found } else { Vec::new() };
            for (tail, value) in found {
                if self.accepts(tail, &value)? && see(Found { tail, record: Stored::Shared(value) }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        missing.into_result().map(ControlFlow::Continue)
    }

    fn accepts(&self, tail: &[u8], record: &[u8]) -> Result<bool, Missing> {
        if !self.filter.matches(&|| id_of(tail), record) {
            return Ok(false);
        }
        if self.pending.is_empty() {
            return Ok(true);
        }
        let waits = self.waits(tail)?;
        Ok(self.pending.iter().all(|asked| *asked == waits))
    }

    fn waits(&self, tail: &[u8]) -> Result<bool, Missing> {
        let lane = [keyspace::lanes_in(&self.query.collection).start.as_slice(), tail].concat();
        let mut waits = false;
        self.view.visit(&KeyRange::prefix(&lane), Direction::Forward, &mut |_, value| {
            waits = value.first() == Some(&LANE_PENDING);
            if waits { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(waits)
    }
}

fn keys(view: &dyn Read, range: &KeyRange, direction: Direction, size: usize) -> Result<Vec<Vec<u8>>, Missing> {
    let mut keys = Vec::new();
    view.visit(range, direction, &mut |key, _| {
        keys.push(key.to_vec());
        if keys.len() == size { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(keys)
}

/// The first `columns` of the columns before an id, and the id, as bytes.
fn split<'k>(key: &'k [u8], rest: &[Order], columns: usize) -> (&'k [u8], &'k [u8]) {
    let mut tail = key;
    let mut group = 0;
    for (position, order) in rest.iter().enumerate() {
        if position == columns {
            group = key.len() - tail.len();
        }
        skip_value(&mut tail, *order).expect("an index entry has the columns of its index");
    }
    if columns >= rest.len() {
        group = key.len() - tail.len();
    }
    (&key[..group], tail)
}

fn tail_of(id: &str) -> Vec<u8> {
    let mut tail = Vec::with_capacity(id.len() + 2);
    push_text(&mut tail, id);
    tail
}

fn id_of(mut tail: &[u8]) -> String {
    read_text(&mut tail).expect("a key ends with an id")
}

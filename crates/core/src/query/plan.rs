//! Which way to the records: the one that leaves least to look at.

use std::rc::Rc;

use holm_store::{Direction, KeyRange, Read};

use super::SortKey;
use super::condition::{Condition, ID, Key, Range, Test};
use crate::keys::{Order, after_prefix, flipped, read_string};
use crate::keyspace;
use crate::schema::{Collection, Column, Index};
use holm_protocol::order::sort_distinct;

/// Ranges of one index that a plan walks, made by `in`: more are filtered instead.
const RANGES_MAX: usize = 200;

/// How a query is answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    /// The way to the records.
    pub path: Path,
    /// Positions of the conditions that the path does not decide.
    pub residual: Vec<usize>,
    /// What the path does for the order.
    pub sorted: Sorted,
}

/// A way to the records.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Path {
    /// These ids, ascending.
    Ids(Vec<String>),
    /// The records that have mutations, by id.
    Outbox,
    /// Entries of an index.
    Index(IndexPath),
    /// The records themselves, by id.
    Scan(KeyRange, Direction),
}

/// Entries of an index.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IndexPath {
    /// The index as the schema spells it.
    pub spec: String,
    /// What to walk: the length of the part that is the same in all keys of the range, and the range.
    pub ranges: Vec<(usize, KeyRange)>,
    /// Which way to walk.
    pub direction: Direction,
    /// The columns that stand between the same part and the id.
    pub rest: Vec<Order>,
}

/// What a path does for the order of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sorted {
    /// Everything.
    Whole,
    /// Entries with so many equal columns stand together, in order; among themselves they are to be sorted by id.
    Groups(usize, Order),
    /// Nothing.
    Not,
}

/// What the order of a query comes down to, once fields that have one value only are left out.
struct Wanted<'q> {
    keys: Vec<&'q SortKey>,
    tie: Order,
}

/// How a query may be answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plans {
    best: Rc<Plan>,
    /// One that gives rows in order and stops at the limit, and one that leaves fewer, all of them to be sorted. Which is
    /// better only the store knows.
    either: Option<(Rc<Plan>, Rc<Plan>)>,
    limit: u64,
    /// Where nothing is asked: ranges with one key for each record.
    whole: Vec<KeyRange>,
}

/// Plans a query.
pub(super) fn plans(
    collection: &Collection,
    conditions: &[Condition],
    order: &[SortKey],
    limit: Option<usize>,
) -> Plans {
    let wanted = wanted(conditions, order);
    let exact = by_ids(conditions, &wanted).or_else(|| by_outbox(conditions, &wanted));
    if let Some(best) = exact {
        return Plans { best: Rc::new(best), either: None, limit: 0, whole: Vec::new() };
    }
    let (scan, score) = by_scan(collection, conditions, &wanted);
    let mut ways = vec![(Rc::new(scan), score)];
    for index in &collection.indexes {
        if let Some((plan, score)) = by_index(collection, index, conditions, &wanted, limit) {
            ways.push((Rc::new(plan), score));
        }
    }
    let best_of = |fits: &dyn Fn(&Plan) -> bool| {
        let mut best: Option<&(Rc<Plan>, u32)> = None;
        for way in ways.iter().filter(|(plan, _)| fits(plan)) {
            if best.is_none_or(|(_, score)| way.1 > *score) {
                best = Some(way);
            }
        }
        best.map(|(plan, _)| Rc::clone(plan))
    };
    let ordered = best_of(&|plan| plan.sorted != Sorted::Not && !plan.residual.is_empty());
    let narrow = best_of(&|plan| plan.sorted == Sorted::Not && plan.residual.len() < conditions.len());
    let best = best_of(&|_| true).expect("there is always the scan");
    let open = best.sorted == Sorted::Not || !best.residual.is_empty();
    Plans {
        best,
        either: limit.filter(|_| open).and(ordered.zip(narrow)),
        limit: limit.map_or(0, |limit| limit as u64),
        whole: if conditions.is_empty() { whole(collection) } else { Vec::new() },
    }
}

/// Records, and the entries of each index that has one for each of them.
fn whole(collection: &Collection) -> Vec<KeyRange> {
    let mut ranges = vec![keyspace::records(&collection.name).range()];
    for index in collection.indexes.iter().filter(|index| index.each_column().is_none()) {
        ranges.push(KeyRange::prefix(&keyspace::index(&collection.name, index.number)));
    }
    ranges
}

/// Some records of a block, and of a stretch in which none begins: for estimates.
const RECORDS_OF_BLOCK: u64 = 256;
const RECORDS_OF_STRETCH: u64 = 16;

impl Plans {
    /// The plan to follow in what `view` shows.
    ///
    /// Of `all` entries that stand in order, `few` match as far as an index tells: so a walk in order finds `limit` of them
    /// after looking at `limit × all ÷ few` records, and the other way looks at `few`.
    pub(super) fn choose(&self, view: &dyn Read) -> &Plan {
        let Some((ordered, narrow)) = &self.either else { return &self.best };
        let (all, few) = (ordered.path.estimate(view), narrow.path.estimate(view));
        match () {
            // So little lies in memory, where it hardly matters.
            () if all < RECORDS_OF_BLOCK => &self.best,
            () if few * few < self.limit.saturating_mul(all) => narrow,
            () => ordered,
        }
    }

    /// The range with one key for each record that is read in the least blocks, if the query asks for all records.
    pub(super) fn whole(&self, view: &dyn Read) -> Option<&KeyRange> {
        self.whole.iter().min_by_key(|range| view.blocks(range))
    }
}

impl Path {
    /// How many entries or records it looks at, roughly.
    fn estimate(&self, view: &dyn Read) -> u64 {
        let of = |range: &KeyRange| RECORDS_OF_BLOCK * view.blocks(range) as u64 + RECORDS_OF_STRETCH;
        match self {
            Self::Index(index) => index.ranges.iter().map(|(_, range)| of(range)).sum(),
            Self::Scan(range, _) => of(range),
            Self::Ids(_) | Self::Outbox => 0,
        }
    }
}

fn wanted<'q>(conditions: &[Condition], order: &'q [SortKey]) -> Wanted<'q> {
    let fixed = |field: &str| conditions.iter().any(|is| is.field == field && matches!(is.test, Test::Eq(_)));
    let tie = order.iter().find(|key| key.field == ID).map_or(Order::Ascending, |key| key.order);
    Wanted { keys: order.iter().filter(|key| key.field != ID && !fixed(&key.field)).collect(), tie }
}

impl Wanted<'_> {
    fn by_id_ascending(&self) -> Sorted {
        if self.keys.is_empty() && self.tie == Order::Ascending { Sorted::Whole } else { Sorted::Not }
    }
}

fn all_but(conditions: &[Condition], used: &[usize]) -> Vec<usize> {
    let mut rest = Vec::new();
    for position in 0..conditions.len() {
        if !used.contains(&position) {
            rest.push(position);
        }
    }
    rest
}

fn by_ids(conditions: &[Condition], wanted: &Wanted<'_>) -> Option<Plan> {
    let position = conditions.iter().position(|is| is.field == ID && matches!(is.test, Test::Eq(_) | Test::In(_)))?;
    let mut ids = Vec::new();
    for key in values(&conditions[position].test)? {
        // Null is no id.
        if let Ok(id) = read_string(&mut key.as_slice()) {
            ids.push(id);
        }
    }
    let residual = all_but(conditions, &[position]);
    Some(Plan { path: Path::Ids(ids), residual, sorted: wanted.by_id_ascending() })
}

/// The values that a test leaves a field, where they are few.
fn values(test: &Test) -> Option<&[Key]> {
    match test {
        Test::Eq(key) => Some(std::slice::from_ref(key)),
        Test::In(keys) => Some(keys),
        _ => None,
    }
}

fn by_outbox(conditions: &[Condition], wanted: &Wanted<'_>) -> Option<Plan> {
    let position = conditions.iter().position(|is| is.test == Test::Pending(true))?;
    let residual = all_but(conditions, &[position]);
    Some(Plan { path: Path::Outbox, residual, sorted: wanted.by_id_ascending() })
}

fn by_scan(collection: &Collection, conditions: &[Condition], wanted: &Wanted<'_>) -> (Plan, u32) {
    let (range, used) = range_of(conditions, ID);
    let all = keyspace::records(&collection.name);
    let keys = match range {
        None => all.range(),
        Some(range) => {
            // In a record's key the id stands without the tag of a string.
            let bound = |key: &Key, tag: &Key| key.strip_prefix(tag.as_slice()).map(|id| [&all.start, id].concat());
            let tag = crate::keys::string_prefix("");
            let from = bound(&range.from, &tag).unwrap_or_else(|| all.end.clone());
            let until = bound(&range.until, &tag).unwrap_or_else(|| all.end.clone());
            KeyRange::between(&from, &until)
        }
    };
    let direction = match wanted.tie {
        Order::Ascending => Direction::Forward,
        Order::Descending => Direction::Backward,
    };
    let sorted = if wanted.keys.is_empty() { Sorted::Whole } else { Sorted::Not };
    let score = if used.is_empty() { 0 } else { RANGE };
    (Plan { path: Path::Scan(keys, direction), residual: all_but(conditions, &used), sorted }, score)
}

/// What a column with one value, a range and an order are worth, one against another.
const EQUAL: u32 = 10;
const RANGE: u32 = 6;
const ORDERED_LIMIT: u32 = 8;
const ORDERED: u32 = 1;

fn by_index(
    collection: &Collection,
    index: &Index,
    conditions: &[Condition],
    wanted: &Wanted<'_>,
    limit: Option<usize>,
) -> Option<(Plan, u32)> {
    let mut prefixes = vec![keyspace::index(&collection.name, index.number)];
    let mut used = Vec::new();
    let mut equal = 0;
    for column in &index.columns {
        let Some((position, keys)) = one_of(conditions, &column.field, column.each) else { break };
        if prefixes.len() * keys.len() > RANGES_MAX {
            break;
        }
        let mut directed = Vec::new();
        for key in keys {
            directed.push(if column.order == Order::Descending { flipped(key) } else { key.clone() });
        }
        sort_distinct(&mut directed);
        let mut longer = Vec::new();
        for prefix in &prefixes {
            directed.iter().for_each(|key| longer.push([prefix.as_slice(), key].concat()));
        }
        prefixes = longer;
        used.push(position);
        equal += 1;
    }
    let rest = &index.columns[equal..];
    if rest.iter().any(|column| column.each) {
        // An entry for each element: records would come twice, and those with an empty array never.
        return None;
    }
    let range = rest.first().and_then(|column| {
        let (range, positions) = range_of(conditions, &column.field);
        used.extend(positions);
        range.map(|range| directed_range(&range, column.order))
    });
    let mut ranges = Vec::with_capacity(prefixes.len());
    prefixes.iter().for_each(|prefix| ranges.push((prefix.len(), key_range(prefix, range.as_ref()))));
    let (sorted, direction) =
        if ranges.len() == 1 { order_of(rest, wanted) } else { (Sorted::Not, Direction::Forward) };
    let ordered = match (sorted, limit) {
        (Sorted::Not, _) => 0,
        (Sorted::Whole, Some(_)) => ORDERED_LIMIT,
        (Sorted::Groups(..), Some(_)) => ORDERED_LIMIT - 1,
        (_, None) if used.is_empty() => 0,
        (_, None) => ORDERED,
    };
    let score = u32::try_from(equal).unwrap_or(0) * EQUAL + if range.is_some() { RANGE } else { 0 } + ordered;
    let rest = rest.iter().map(|column| column.order).collect();
    let path = Path::Index(IndexPath { spec: index.spec(), ranges, direction, rest });
    Some((Plan { path, residual: all_but(conditions, &used), sorted }, score))
}

/// The condition that leaves a column few values, and these.
fn one_of<'q>(conditions: &'q [Condition], field: &str, each: bool) -> Option<(usize, &'q [Key])> {
    let mut found: Option<(usize, &[Key])> = None;
    for (position, is) in conditions.iter().enumerate().filter(|(_, is)| is.field == field) {
        let keys = match &is.test {
            Test::Has(key) if each => Some(std::slice::from_ref(key)),
            test if !each => values(test),
            _ => None,
        };
        let Some(keys) = keys else { continue };
        if found.is_none_or(|(_, least)| keys.len() < least.len()) {
            found = Some((position, keys));
        }
    }
    found
}

/// What all ranges on a field have in common, and which conditions that settles.
fn range_of(conditions: &[Condition], field: &str) -> (Option<Range>, Vec<usize>) {
    let mut found: Option<Range> = None;
    let mut used = Vec::new();
    for (position, is) in conditions.iter().enumerate().filter(|(_, is)| is.field == field) {
        let Test::Within(range) = &is.test else { continue };
        used.push(position);
        found = Some(match found {
            None => range.clone(),
            Some(other) => other.and(range),
        });
    }
    (found, used)
}

/// The range as a column of this order has it.
fn directed_range(range: &Range, order: Order) -> Range {
    match order {
        Order::Ascending => range.clone(),
        Order::Descending => {
            Range { from: after_prefix(&flipped(&range.until)), until: after_prefix(&flipped(&range.from)) }
        }
    }
}

fn key_range(prefix: &[u8], range: Option<&Range>) -> KeyRange {
    match range {
        None => KeyRange::prefix(prefix),
        Some(range) => KeyRange::between(&[prefix, &range.from].concat(), &[prefix, &range.until].concat()),
    }
}

/// What the columns after the equal ones do for the order, and which way to walk for it.
fn order_of(rest: &[Column], wanted: &Wanted<'_>) -> (Sorted, Direction) {
    let keys = &wanted.keys;
    let same = rest.iter().zip(keys).take_while(|(column, key)| column.field == key.field).count();
    if same < keys.len() || (keys.is_empty() && !rest.is_empty()) {
        return (Sorted::Not, Direction::Forward);
    }
    let first = rest.iter().zip(keys).next().map_or(wanted.tie, |(column, key)| relative(column.order, key.order));
    if rest.iter().zip(keys).any(|(column, key)| relative(column.order, key.order) != first) {
        return (Sorted::Not, Direction::Forward);
    }
    let direction = if first == Order::Ascending { Direction::Forward } else { Direction::Backward };
    let whole = rest.len() == keys.len() && first == wanted.tie;
    (if whole { Sorted::Whole } else { Sorted::Groups(keys.len(), wanted.tie) }, direction)
}

/// Ascending where an index column sorts as the query wants, descending where it sorts the other way.
fn relative(column: Order, wanted: Order) -> Order {
    if column == wanted { Order::Ascending } else { Order::Descending }
}

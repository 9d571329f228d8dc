//! How much a query looks at.

use std::cell::{Cell, RefCell};

use holm_protocol::json;
use holm_store::{Direction, KeyRange, Show};

use super::schema;
use crate::query::*;
use crate::records;
use crate::records::tests::{Store, fields};

/// Counts what it shows, and may lie about how large everything is.
pub(super) struct Counted<'v> {
    view: &'v dyn Read,
    shown: Cell<usize>,
    /// Blocks of a range that is one prefix, and of another one.
    weights: Option<[usize; 2]>,
    /// The first bytes of the ranges visited.
    visited: RefCell<Vec<u8>>,
}

impl<'v> Counted<'v> {
    fn new(view: &'v dyn Read) -> Self {
        Self::lying(view, None)
    }

    pub(super) fn lying(view: &'v dyn Read, weights: Option<[usize; 2]>) -> Self {
        Self { view, shown: Cell::new(0), weights, visited: RefCell::default() }
    }
}

impl Read for Counted<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<holm_store::Value>, Missing> {
        self.shown.set(self.shown.get() + 1);
        self.view.get(key)
    }

    fn visit(&self, range: &KeyRange, direction: Direction, show: &mut Show<'_>) -> Result<(), Missing> {
        self.visited.borrow_mut().push(range.from[0]);
        self.view.visit(range, direction, &mut |key, value| {
            self.shown.set(self.shown.get() + 1);
            show(key, value)
        })
    }

    fn blocks(&self, range: &KeyRange) -> usize {
        let part = range != &KeyRange::prefix(&range.from);
        self.weights.map_or_else(|| self.view.blocks(range), |weights| weights[usize::from(part)])
    }
}

/// Records in the order of their number, with a name that says no more.
fn numbered(count: u32) -> Store {
    let mut store = Store::new();
    for from in (0..count).step_by(500) {
        store
            .commit(move |draft| {
                let schema = schema();
                let tasks = schema.collection("tasks").expect("declared");
                for number in from..(from + 500).min(count) {
                    let name = format!("{:05}", number.wrapping_mul(7_919) % count);
                    let data = fields(json!({"at": number, "name": name, "any": "much to read ".repeat(20)}));
                    let record = records::Record { touch: 1, data, ..Default::default() };
                    records::store(draft, tasks, &format!("{number:05}"), Some(&record))?;
                }
                Ok(())
            })
            .expect("stored");
    }
    store
}

#[test]
fn what_an_index_leaves_is_weighed_against_a_walk_in_order() {
    let mut store = numbered(5_000);
    for (prefix, limit, index) in [("000", 50, "-name,at"), ("00", 1, "at"), ("0", 50, "at")] {
        let query =
            json!({"collection": "tasks", "where": {"name": {"startsWith": prefix}}, "orderBy": "-at", "limit": limit});
        let query = Query::parse(&query.to_string(), &schema()).expect("a query");
        let (explanation, found, looked) = store.read(|view| {
            let counted = Counted::new(view);
            Ok((query.explain(view), query.run(&counted)?.len(), counted.shown.get()))
        });
        assert_eq!((explanation.index.as_deref(), found), (Some(index), limit), "{prefix} {limit}");
        assert!(looked < 1_500, "{prefix} {limit}: looked at {looked} of 5,000");
    }
}

#[test]
fn all_records_are_counted_where_that_reads_least() {
    let mut store = numbered(5_000);
    for (collection, conditions, family) in [
        ("tasks", json!({}), keyspace::index("tasks", 0)[0]),
        ("plain", json!({}), keyspace::records("plain").start[0]),
    ] {
        let query = json!({"collection": collection, "where": conditions});
        let query = Query::parse(&query.to_string(), &schema()).expect("a query");
        let (count, visited) = store.read(|view| {
            let counted = Counted::new(view);
            Ok((query.count(&counted)?, counted.visited.take()))
        });
        assert_eq!(count, if collection == "tasks" { 5_000 } else { 0 });
        assert_eq!(visited, [family], "{collection}");
    }
}

#[test]
fn a_limit_reads_no_more_than_it_needs() {
    let mut store = Store::new();
    store
        .commit(|draft| {
            let schema = schema();
            let tasks = schema.collection("tasks").expect("declared");
            for number in 0..3_000 {
                let data = fields(json!({"at": number, "done": number % 3 == 0, "any": number % 7}));
                let record = records::Record { touch: 1, data, ..Default::default() };
                records::store(draft, tasks, &format!("{number:05}"), Some(&record))?;
            }
            Ok(())
        })
        .expect("stored");
    for (order, filter, first, count, most) in [
        ("-at", json!({}), "02999", 3_000, 6 + 5),
        ("at", json!({"done": true}), "00000", 1_000, 6 + 5),
        ("-at", json!({"done": true, "any": 6}), "02988", 143, 2 * (65 + 260)),
        ("-at", json!({"any": 6}), "02995", 428, 2 * 65),
    ] {
        let query = json!({"collection": "tasks", "where": filter, "orderBy": order, "limit": 5});
        let parsed = Query::parse(&query.to_string(), &schema()).expect("a query");
        let (rows, shown, sorts) = store.read(|view| {
            let counted = Counted::new(view);
            Ok((parsed.run(&counted)?, counted.shown.get(), parsed.explain(view).sorts))
        });
        assert!(!sorts, "{query}");
        assert_eq!((rows.len(), rows[0].id.as_str()), (5, first), "{query}");
        assert!(shown <= most, "{query} looked at {shown}");
        assert_eq!(store.read(|view| parsed.count(view)), count, "{query}");
    }
}

#[test]
fn a_long_count_lets_others_have_their_turn_and_is_that_of_one_moment() {
    let mut store = numbered(1_000);
    let query = Query::parse(r#"{"collection":"tasks","where":{"at":{"gte":0}}}"#, &schema()).expect("a query");
    for changes in [0, 2, 9] {
        let (mut tally, mut turns, mut added) = (Tally::of(64), 0, 0);
        let counted = loop {
            let counted = store.read(|view| match query.count_on(view, &mut tally) {
                Err(missing) if missing.blocks().is_empty() => Ok(None),
                counted => counted.map(Some),
            });
            if let Some(counted) = counted {
                break counted;
            }
            turns += 1;
            if turns % 10 == 0 && added < changes {
                store.put(&schema(), "tasks", &format!("{changes} {added}"), 1, Some(json!({"at": added})));
                added += 1;
            }
        };
        assert_eq!(counted, store.read(|view| query.count(view)), "{changes} changes");
        let expected = if changes > 3 { 30 } else { 10 * changes + 15 };
        assert!((expected..expected + 3).contains(&turns), "{turns} turns, {changes} changes");
    }
}

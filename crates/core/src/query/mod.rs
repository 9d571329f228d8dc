//! Queries: what to find in one collection, in which order, and how many.
//!
//! ```text
//!  JSON ──parse──▶ conditions, order, limit ──plan──▶ a path: ids · outbox · index · scan
//!                                                        │
//!                           rows ◀── sort, limit ◀── filter what the path does not decide
//! ```
//!
//! Whatever the path, the rows are those of a filter over all records, sorted by the keys and then by id, ascending.
//! A comparison never crosses kinds: `lt: 5` finds no string and no null. An absent field counts as null.

mod condition;
mod diff;
mod explain;
mod needle;
mod parse;
mod plan;
mod rows;
mod tally;

use holm_store::{Applied, Change, Missing, Read};

use crate::Error;
use crate::keys::Order;
use crate::keyspace;
use crate::records::id_of;
use crate::schema::Schema;

pub use crate::records::{Row, rows_json};
use condition::Condition;
pub use diff::{Diff, diff};
pub use explain::{Explanation, PathKind};
use plan::Plans;
pub use tally::Tally;

/// A query, checked against the schema and planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    collection: String,
    conditions: Vec<Condition>,
    order: Vec<SortKey>,
    limit: Option<usize>,
    plans: Plans,
}

/// One key to sort by; the field `id` is the record's id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SortKey {
    field: String,
    order: Order,
}

impl Query {
    /// Reads the query as the package sends it.
    ///
    /// # Errors
    /// `unknown-collection`; `invalid-query` for a field, an operator or an operand that does not fit, naming it.
    pub fn parse(json: &str, schema: &Schema) -> Result<Self, Error> {
        parse::query(json, schema)
    }

    /// Finds the rows, in order, no more than the limit.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn run(&self, view: &dyn Read) -> Result<Vec<Row>, Missing> {
        rows::run(self, view, self.limit)
    }

    /// Counts what matches, whatever the limit.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn count(&self, view: &dyn Read) -> Result<usize, Missing> {
        rows::count(self, view, &mut Tally::of(usize::MAX))
    }

    /// The same in turns, where there is much to count: called again with the same tally, it goes on.
    ///
    /// # Errors
    /// [`Missing`], also for a turn.
    pub fn count_on(&self, view: &dyn Read, tally: &mut Tally) -> Result<usize, Missing> {
        rows::count(self, view, tally)
    }

    /// Whether a commit may change what the query finds.
    #[must_use]
    pub fn touches(&self, applied: &Applied<'_>) -> bool {
        self.touches_shown(applied, |_| true)
    }

    /// Whether a commit may change what the query finds, when it is known which ids it found: a record that was not found and
    /// does not match afterwards changes nothing.
    #[must_use]
    pub fn touches_shown(&self, applied: &Applied<'_>, shown: impl Fn(&str) -> bool) -> bool {
        let Change::Keys(writes) = applied.change else { return true };
        let records = keyspace::records(&self.collection);
        let lanes = keyspace::lanes_in(&self.collection);
        let asks_pending = self.conditions.iter().any(Condition::is_pending);
        writes.iter().any(|(key, value)| {
            if !records.contains(key) {
                return asks_pending && lanes.contains(key);
            }
            let id = id_of(key);
            shown(&id) || value.is_some_and(|value| asks_pending || self.matches_stored(&id, value))
        })
    }

    /// Whether a stored record matches, as far as the record itself tells.
    fn matches_stored(&self, id: &str, value: &[u8]) -> bool {
        let conditions: Vec<&Condition> = self.conditions.iter().collect();
        condition::Filter::new(&conditions).matches(&|| id.to_owned(), value)
    }
}

#[cfg(test)]
mod tests;

//! Why a query is fast or slow, in terms of its author.

use std::collections::BTreeSet;

use super::Query;
use super::plan::{Path, Sorted};

/// How a query is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The way to the records.
    pub path: PathKind,
    /// The index, as the schema spells it.
    pub index: Option<String>,
    /// How many stretches of it, or ids, are looked at.
    pub ranges: usize,
    /// Fields that are looked at in each record found so far.
    pub filters: BTreeSet<String>,
    /// Everything found is sorted before the first row is known.
    pub sorts: bool,
}

/// A way to the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// By id.
    Ids,
    /// Through the outbox.
    Outbox,
    /// Through a declared index.
    Index,
    /// Over all records of the collection, or a range of ids.
    Scan,
}

impl Query {
    /// How the query is answered.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let (path, index, ranges) = match &self.plan.path {
            Path::Ids(ids) => (PathKind::Ids, None, ids.len()),
            Path::Outbox => (PathKind::Outbox, None, 1),
            Path::Index(index) => (PathKind::Index, Some(index.spec.clone()), index.ranges.len()),
            Path::Scan(..) => (PathKind::Scan, None, 1),
        };
        let filters = self.plan.residual.iter().map(|position| self.conditions[*position].field.clone()).collect();
        Explanation { path, index, ranges, filters, sorts: self.plan.sorted == Sorted::Not }
    }
}

//! Why a query is fast or slow, in terms of its author.

use holm_protocol::{json_words, write_fields};
use holm_store::Read;

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
    pub filters: Vec<String>,
    /// Everything found is sorted before the first row is known.
    pub sorts: bool,
}

write_fields!(Explanation { path, index, ranges, filters, sorts });

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

json_words!(PathKind { Ids "ids", Outbox "outbox", Index "index", Scan "scan" });

impl Query {
    /// How the query is answered over what `view` shows.
    #[must_use]
    pub fn explain(&self, view: &dyn Read) -> Explanation {
        let plan = self.plans.choose(view);
        let (path, index, ranges) = match &plan.path {
            Path::Ids(ids) => (PathKind::Ids, None, ids.len()),
            Path::Outbox => (PathKind::Outbox, None, 1),
            Path::Index(index) => (PathKind::Index, Some(index.spec.clone()), index.ranges.len()),
            Path::Scan(..) => (PathKind::Scan, None, 1),
        };
        let fields = plan.residual.iter().map(|position| self.conditions[*position].field.clone());
        let mut filters: Vec<String> = fields.collect();
        filters.dedup();
        Explanation { path, index, ranges, filters, sorts: plan.sorted == Sorted::Not }
    }
}

//! What became of the rows of a query.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Row;

/// The ids of rows that came, changed and went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Found now, and not before.
    pub added: Vec<String>,
    /// Found before and now, and changed in between.
    pub changed: Vec<String>,
    /// Found before, and not now.
    pub removed: Vec<String>,
}

impl Diff {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// Compares what a query found before and now.
#[must_use]
pub fn diff(before: &[Row], now: &[Row]) -> Diff {
    let mut known: BTreeMap<&str, &Row> = before.iter().map(|row| (row.id.as_str(), row)).collect();
    let mut diff = Diff::default();
    for row in now {
        match known.remove(row.id.as_str()) {
            None => diff.added.push(row.id.clone()),
            Some(old) if old.touch != row.touch => diff.changed.push(row.id.clone()),
            Some(_) => {}
        }
    }
    diff.removed = before.iter().filter(|row| known.contains_key(row.id.as_str())).map(|row| row.id.clone()).collect();
    diff
}

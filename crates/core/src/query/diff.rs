//! What became of the rows of a query.

use holm_protocol::write_fields;

use super::Row;
use holm_protocol::order::order;

/// The ids of rows that came, changed and went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Found now, and not before.
    pub added: Vec<String>,
    /// Found before and now, and changed in between.
    pub changed: Vec<String>,
    /// Found before, and not now.
    pub removed: Vec<String>,
}

write_fields!(Diff { added, changed, removed });

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
    let by_id = order(before.len(), &|left, right| before[left].id.cmp(&before[right].id));
    let mut is_gone = vec![true; before.len()];
    let mut diff = Diff::default();
    for row in now {
        let Ok(found) = by_id.binary_search_by(|position| before[*position].id.cmp(&row.id)) else {
            diff.added.push(row.id.clone());
            continue;
        };
        is_gone[by_id[found]] = false;
        if before[by_id[found]].touch != row.touch {
            diff.changed.push(row.id.clone());
        }
    }
    for (row, is_gone) in before.iter().zip(is_gone) {
        if is_gone {
            diff.removed.push(row.id.clone());
        }
    }
    diff
}

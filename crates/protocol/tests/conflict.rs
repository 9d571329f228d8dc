//! The whole table of policies, kinds, bases and rows.

use Decision::{Apply, Conflict, Delete, LastWrite, Merge, Nothing, Write};
use holm_protocol::{Decision, Kind, Policy, Revision, Standing, decide};

/// Rows: what is there and the base given; columns: merge, last-write, manual.
const TABLE: &[(Kind, &str, &str, [Decision; 3])] = &[
    (Kind::Create, "absent", "none", [Write, Write, Write]),
    (Kind::Create, "deleted", "none", [Write, Write, Write]),
    (Kind::Create, "live", "none", [Merge, Conflict, Conflict]),
    (Kind::Put, "absent", "none", [Write, Write, Write]),
    (Kind::Put, "absent", "old", [Conflict, Conflict, Conflict]),
    (Kind::Put, "deleted", "none", [Write, Write, Write]),
    (Kind::Put, "deleted", "old", [Conflict, Conflict, Conflict]),
    (Kind::Put, "deleted", "same", [Write, Write, Write]),
    (Kind::Put, "live", "none", [Merge, LastWrite, Conflict]),
    (Kind::Put, "live", "old", [Merge, LastWrite, Conflict]),
    (Kind::Put, "live", "same", [Apply, Write, Write]),
    (Kind::Patch, "absent", "none", [Conflict, Conflict, Conflict]),
    (Kind::Patch, "absent", "old", [Conflict, Conflict, Conflict]),
    (Kind::Patch, "deleted", "none", [Conflict, Conflict, Conflict]),
    (Kind::Patch, "deleted", "same", [Conflict, Conflict, Conflict]),
    (Kind::Patch, "live", "none", [Merge, LastWrite, Conflict]),
    (Kind::Patch, "live", "old", [Merge, LastWrite, Conflict]),
    (Kind::Patch, "live", "same", [Apply, Apply, Apply]),
    (Kind::Delete, "absent", "none", [Nothing, Nothing, Nothing]),
    (Kind::Delete, "absent", "old", [Nothing, Nothing, Nothing]),
    (Kind::Delete, "deleted", "old", [Nothing, Nothing, Nothing]),
    (Kind::Delete, "live", "none", [Delete, Delete, Conflict]),
    (Kind::Delete, "live", "old", [Delete, Delete, Conflict]),
    (Kind::Delete, "live", "same", [Delete, Delete, Delete]),
    (Kind::Skip, "live", "none", [Nothing, Nothing, Nothing]),
    (Kind::Call, "live", "none", [Nothing, Nothing, Nothing]),
];

#[test]
fn every_cell_of_the_table() {
    let rev = Revision::from("7");
    for (kind, row, base, expected) in TABLE {
        let standing = match *row {
            "absent" => Standing::Absent,
            "deleted" => Standing::Deleted(&rev),
            _ => Standing::Live(&rev),
        };
        let base = match *base {
            "none" => None,
            "old" => Some(Revision::from("3")),
            _ => Some(rev.clone()),
        };
        for (policy, expected) in [Policy::Merge, Policy::LastWrite, Policy::Manual].into_iter().zip(expected) {
            assert_eq!(decide(policy, *kind, base.as_ref(), standing), *expected, "{policy:?} {kind:?} {row} {base:?}");
        }
    }
}

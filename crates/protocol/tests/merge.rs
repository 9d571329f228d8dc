//! Field merge as a property: whatever the order, replicas end alike, and nothing unstamped moves.

use holm_protocol::{Data, Hlc, Stamps, Value, Ways, json, last_write};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Edit {
    data: Data,
    stamps: Stamps,
}

const NONE: &Ways = &Ways::new();

impl Edit {
    fn merge_into(&self, row: &mut Self, changed_since_base: impl Fn(&str) -> bool) -> Vec<&str> {
        let edit = holm_protocol::Edit { data: &self.data, stamps: &self.stamps, ways: NONE };
        holm_protocol::merge(&mut row.data, &mut row.stamps, edit, changed_since_base)
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (0..4i32).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ]
}

/// Few fields and few times, so that ties happen; `None` removes the field. All stamps are one client's.
fn edits(client: &'static str) -> impl Strategy<Value = Edit> {
    let field = (0..4u64, 0..2u16, prop::option::of(values()));
    prop::collection::btree_map("[w-z]", field, 0..4).prop_map(move |fields| {
        let mut edit = Edit { data: Data::new(), stamps: Stamps::new() };
        for (name, (ms, counter, value)) in fields {
            edit.stamps.insert(name.clone(), Hlc { ms, counter, client: client.into() });
            edit.data.extend(value.map(|value| (name, value)));
        }
        edit
    })
}

fn many() -> impl Strategy<Value = [Edit; 4]> {
    (edits("a"), edits("b"), edits("c"), edits("d")).prop_map(|(a, b, c, d)| [a, b, c, d])
}

fn after(start: &Edit, edits: &[&Edit]) -> (Data, Stamps) {
    let mut row = start.clone();
    for edit in edits {
        edit.merge_into(&mut row, |_| true);
    }
    (row.data, row.stamps)
}

proptest! {
    #[test]
    fn concurrent_edits_commute(start in edits("s"), a in edits("a"), b in edits("b")) {
        prop_assert_eq!(after(&start, &[&a, &b]), after(&start, &[&b, &a]));
    }

    #[test]
    fn any_order_of_many_edits_ends_alike(start in edits("s"), edits in many(), order in Just([0, 1, 2, 3]).prop_shuffle()) {
        let in_order = after(&start, &edits.iter().collect::<Vec<_>>());
        let shuffled: Vec<&Edit> = order.into_iter().map(|index| &edits[index]).collect();
        prop_assert_eq!(in_order, after(&start, &shuffled));
    }

    #[test]
    fn a_clients_later_edit_wins_over_its_earlier_one(start in edits("s"), a in edits("a"), later in edits("a")) {
        let (data, _) = after(&start, &[&a, &later]);
        let (earlier, stamps) = after(&start, &[&a]);
        for field in later.stamps.keys().filter(|field| stamps.get(field).is_some_and(|stamp| stamp.client.as_str() == "a")) {
            prop_assert_eq!(data.get(field), later.data.get(field), "was {:?}", earlier.get(field));
        }
    }

    #[test]
    fn merging_twice_is_merging_once(start in edits("s"), a in edits("a"), b in edits("b")) {
        prop_assert_eq!(after(&start, &[&a, &b, &a]), after(&start, &[&a, &b]));
    }

    #[test]
    fn every_stamped_field_is_applied_or_lost(start in edits("a"), a in prop_oneof![edits("a"), edits("b")], changed in any::<bool>()) {
        let mut row = start.clone();
        let lost = a.merge_into(&mut row, |_| changed);
        prop_assert!(changed || lost.is_empty());
        prop_assert!(lost.iter().all(|field| a.stamps.contains_key(field)));
        for field in a.stamps.keys() {
            let is_lost = lost.contains(&field.as_str());
            prop_assert_eq!(row.data.get(field), if is_lost { &start } else { &a }.data.get(field));
            if is_lost {
                prop_assert_eq!(row.stamps.get(field), start.stamps.get(field));
            }
        }
    }

    #[test]
    fn stamps_never_go_back(start in edits("a"), a in prop_oneof![edits("a"), edits("b")], changed in any::<bool>()) {
        let mut row = start.clone();
        a.merge_into(&mut row, |_| changed);
        for (field, before) in start.stamps.iter() {
            let now = row.stamps.get(field).expect("a stamp stays");
            prop_assert!((now.ms, now.counter) >= (before.ms, before.counter));
        }
    }

    #[test]
    fn fields_without_a_stamp_stay(start in edits("s"), a in edits("a"), repeated in values()) {
        let mut edit = a.clone();
        edit.data.insert("unstamped".to_owned(), repeated);
        prop_assert_eq!(after(&start, &[&edit]), after(&start, &[&a]));
    }

    #[test]
    fn the_last_write_is_the_same_from_both_sides(a in edits("a"), b in edits("b")) {
        prop_assert!(last_write(&a.stamps, &b.stamps) || last_write(&b.stamps, &a.stamps));
        if a.stamps.values().max() != b.stamps.values().max() {
            prop_assert!(last_write(&a.stamps, &b.stamps) != last_write(&b.stamps, &a.stamps));
        }
    }

    #[test]
    fn a_clients_own_last_write_is_the_one_that_comes_last(a in edits("a"), b in edits("a")) {
        prop_assert!(b.stamps.is_empty() || last_write(&a.stamps, &b.stamps));
    }
}

#[test]
fn an_edit_in_sight_of_a_later_stamp_wins_and_stays_ahead() {
    let stamp = |text: &str| text.parse::<Hlc>().expect("a stamp");
    let field = |value: &str, at: &str| Edit {
        data: Data::from_iter([("t".to_owned(), json!(value))]),
        stamps: Stamps::from([("t".to_owned(), stamp(at))]),
    };
    let mut row = field("theirs", "000000000064-0000-c_a");
    let mine = field("mine", "00000000005a-0000-c_b");
    mine.merge_into(&mut row, |_| false);
    assert_eq!((row.data.get("t"), row.stamps.get("t")), (Some(&json!("mine")), Some(&stamp("000000000064-0001-c_b"))));
    let between = field("late", "00000000005f-0000-c_c");
    let lost = between.merge_into(&mut row, |_| true);
    assert_eq!(lost, ["t"]);
}

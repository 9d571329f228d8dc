//! Counters, sets and texts as properties: nothing that somebody did is lost or done twice, in whatever order a server takes it.

use std::collections::BTreeSet;

use holm_protocol::{Data, Edit, Hlc, OwnWay, Stamps, Value, Way, Ways, from_json_text, merge, to_json_text};
use proptest::prelude::*;
use proptest::sample::Index;

/// A client that edits one field without seeing the others' edits; the server takes what comes in its order.
#[derive(Debug)]
struct Client<'n> {
    name: &'n str,
    sees: Option<Value>,
}

fn edit(client: &mut Client<'_>, way: Way, makes: Value, ms: u64) -> (Data, Stamps, Ways) {
    let field = || "field".to_owned();
    let before = client.sees.replace(makes.clone());
    let stamp = Hlc { ms, counter: 0, client: client.name.into() };
    let own = OwnWay { way, before };
    (Data::from([(field(), makes)]), Stamps::from([(field(), stamp)]), Ways::from([(field(), own)]))
}

/// What a row has after these edits of some clients, each of which sees its own alone. `order` draws whose edit comes next.
fn after(way: Way, start: Option<&Value>, all: &[Vec<Value>], order: &[Index]) -> Option<Value> {
    let names = ["a", "b", "c", "d"];
    let mut clients: Vec<_> = names.iter().map(|name| Client { name, sees: start.cloned() }).collect();
    let mut left: Vec<(usize, usize)> = (0..all.len()).map(|client| (client, 0)).collect();
    let (mut data, mut stamps) = (Data::new(), Stamps::new());
    if let Some(start) = start {
        data.insert("field".to_owned(), start.clone());
    }
    let mut drawn = order.iter().cycle();
    while !left.is_empty() {
        let at = drawn.next().map_or(0, |index| index.index(left.len()));
        let (client, next) = left[at];
        match all[client].get(next) {
            None => drop(left.remove(at)),
            Some(makes) => {
                left[at].1 += 1;
                // Clocks are wrong, and it does not matter.
                let (of, when, ways) = edit(&mut clients[client], way, makes.clone(), 7 * (client as u64 + 1) % 5);
                let edit = Edit { data: &of, stamps: &when, ways: &ways };
                assert!(merge(&mut data, &mut stamps, edit, |_| at == 0).is_empty());
            }
        }
    }
    data.get("field").cloned()
}

fn orders() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 1..40)
}

fn number(text: &str) -> Value {
    from_json_text(text.as_bytes()).expect("a number")
}

/// A number of hundredths, as an app may count money.
fn hundredths(sum: i64) -> Value {
    number(&format!("{}{}.{:02}", if sum < 0 { "-" } else { "" }, sum.abs() / 100, sum.abs() % 100))
}

proptest! {
    #[test]
    fn a_counter_ends_at_the_sum_of_all_that_was_added(
        start in -1_000_000..1_000_000_i64,
        added in prop::collection::vec(prop::collection::vec(-9_999..9_999_i64, 0..5), 1..5),
        order in orders(),
        scale in prop_oneof![Just(1_i64), Just(1_000_000_007)],
    ) {
        let writes = |sum: fn(i64) -> Value| -> Vec<Vec<Value>> {
            let of_one = |added: &Vec<i64>| {
                let mut so_far = start;
                added.iter().map(|more| { so_far += more * scale; sum(so_far) }).collect()
            };
            added.iter().map(of_one).collect()
        };
        let sum = start + added.iter().flatten().sum::<i64>() * scale;
        let whole: fn(i64) -> Value = |sum| number(&sum.to_string());
        prop_assert_eq!(after(Way::Counter, Some(&whole(start)), &writes(whole), &order), Some(whole(sum)));
        prop_assert_eq!(after(Way::Counter, Some(&hundredths(start)), &writes(hundredths), &order), Some(hundredths(sum)));
    }

    #[test]
    fn numbers_are_added_as_others_add_them(theirs in any::<i64>(), before in any::<i64>(), mine in any::<i64>()) {
        let sum = i128::from(theirs) + i128::from(mine) - i128::from(before);
        let value = |of: i64| number(&of.to_string());
        let merged = Way::Counter.merge(Some(&value(before)), &value(mine), Some(&value(theirs)));
        prop_assert_eq!(merged, Some(number(&sum.to_string())));
    }

    #[test]
    fn any_numbers_can_be_counted_back(theirs in any::<f64>(), moved in any::<f64>()) {
        prop_assume!(theirs.is_finite() && moved.is_finite());
        let (theirs, moved) = (number(&format!("{theirs:e}")), number(&format!("{moved:e}")));
        let zero = number("0");
        if let Some(there) = Way::Counter.merge(Some(&zero), &moved, Some(&theirs)) {
            prop_assert_eq!(Way::Counter.merge(Some(&moved), &zero, Some(&there)), Some(theirs));
        }
    }

    #[test]
    fn a_set_has_what_somebody_put_in_and_nobody_took_out(
        start in prop::collection::btree_set(0..12_i32, 0..8),
        // Each client has items of its own to put in, and takes out what was there.
        of_each in prop::collection::vec(prop::collection::vec((any::<bool>(), 0..12_i32), 0..6), 1..5),
        order in orders(),
    ) {
        let value = |items: &BTreeSet<i32>| Value::Array(items.iter().map(|item| Value::from(*item)).collect());
        let (mut put_in, mut taken_out) = (start.clone(), BTreeSet::new());
        let mut writes = Vec::new();
        for (client, steps) in (1..).zip(&of_each) {
            let mut sees = start.clone();
            let mut own = Vec::new();
            for (puts, item) in steps {
                let item = if *puts { client * 100 + item } else { *item };
                if *puts {
                    sees.insert(item);
                    put_in.insert(item);
                } else if sees.remove(&item) {
                    taken_out.insert(item);
                }
                own.push(value(&sees));
            }
            writes.push(own);
        }
        let merged = after(Way::Set, Some(&value(&start)), &writes, &order).expect("a set");
        let found: Vec<i32> = merged.as_array().expect("a list").iter().map(|item| item.to_string().parse().expect("a number")).collect();
        prop_assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "each once");
        prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), put_in.difference(&taken_out).copied().collect::<BTreeSet<_>>());
    }

    #[test]
    fn in_a_text_all_that_was_typed_is_there_and_nothing_that_was_deleted(
        mine in prop::collection::vec((any::<bool>(), "[A-M]{0,3}"), 0..24),
        theirs in prop::collection::vec((any::<bool>(), "[N-Z]{0,3}"), 0..24),
    ) {
        // No character is there twice, so that each tells what became of it.
        let before: Vec<char> = "abcdefghijklmnopqrstuvwxyz".chars().take(mine.len().max(theirs.len())).collect();
        let edited = |edits: &[(bool, String)]| -> String {
            let kept = |at: usize| edits.get(at).is_none_or(|(keeps, _)| *keeps);
            let typed = |at: usize| edits.get(at).map_or("", |(_, typed)| typed);
            before.iter().enumerate().map(|(at, old)| format!("{}{}", typed(at), if kept(at) { old.to_string() } else { String::new() })).collect()
        };
        let (one, other) = (edited(&mine), edited(&theirs));
        let text = |of: &str| Value::from(of);
        let merge = |mine: &str, theirs: &str| {
            let merged = Way::Text.merge(Some(&text(&before.iter().collect::<String>())), &text(mine), Some(&text(theirs)));
            merged.expect("a text").as_str().expect("a text").to_owned()
        };
        let merged = merge(&one, &other);
        let only = |of: &str, wanted: &dyn Fn(char) -> bool| of.chars().filter(|found| wanted(*found)).collect::<String>();
        let kept = |of: &char| one.contains(*of) && other.contains(*of);
        prop_assert_eq!(only(&merged, &|found| found.is_ascii_lowercase()), before.iter().filter(|old| kept(old)).collect::<String>());
        prop_assert_eq!(only(&merged, &|found| ('A'..='M').contains(&found)), only(&one, &|found| found.is_ascii_uppercase()));
        prop_assert_eq!(only(&merged, &|found| ('N'..='Z').contains(&found)), only(&other, &|found| found.is_ascii_uppercase()));
        let same: BTreeSet<char> = merge(&other, &one).chars().collect();
        prop_assert_eq!(same, merged.chars().collect::<BTreeSet<_>>());
    }

    #[test]
    fn who_changed_nothing_changes_nothing(before in "[ab ]{0,12}", other in "[ab ]{0,12}", items in prop::collection::vec(0..4_i32, 0..6), others in prop::collection::vec(0..4_i32, 0..6)) {
        let list = |items: &[i32]| Value::Array(items.iter().map(|item| Value::from(*item)).collect());
        let (count, recount) = (Value::from(i32::try_from(before.len()).expect("few")), Value::from(i32::try_from(other.len()).expect("few")));
        for (way, before, other) in [
            (Way::Text, Value::from(before.as_str()), Value::from(other.as_str())),
            (Way::Set, list(&items), list(&others)),
            (Way::Counter, count, recount),
        ] {
            prop_assert_eq!(way.merge(Some(&before), &other, Some(&before)), Some(other.clone()));
            prop_assert_eq!(way.merge(Some(&before), &before, Some(&other)), Some(other));
        }
    }

    #[test]
    fn a_difference_is_found_in_texts_of_few_letters(before in "[ab]{0,40}", mine in "[ab]{0,40}", tail in "[c]{1,3}") {
        // The others typed at the end, which is beside everything that was done within.
        let text = |of: String| Value::from(of);
        let (theirs, wanted) = (text(format!("{before}{tail}")), text(format!("{mine}{tail}")));
        let merged = Way::Text.merge(Some(&text(before)), &text(mine), Some(&theirs)).expect("a text");
        prop_assert_eq!(sorted(&merged), sorted(&wanted));
    }
}

fn sorted(text: &Value) -> Vec<char> {
    let mut letters: Vec<char> = text.as_str().expect("a text").chars().collect();
    letters.sort_unstable();
    letters
}

#[test]
fn texts_that_differ_too_much_keep_what_is_typed_too() {
    let text =
        |from: char| (0..3_000).map(|at| char::from_u32(from as u32 + at).expect("a letter")).collect::<String>();
    let (before, mine) = (text('\u{4e00}'), text('\u{7000}'));
    let theirs = format!("{before}!");
    let merged = Way::Text.merge(Some(&before.as_str().into()), &mine.as_str().into(), Some(&theirs.as_str().into()));
    assert_eq!(merged, Some(format!("{mine}!").into()));
}

#[test]
fn a_long_text_is_merged_at_once() {
    let before = "ab".repeat(400_000);
    let (mine, theirs) = ("ba".repeat(400_000), format!("{}c", "b".repeat(800_000)));
    let began = std::time::Instant::now();
    let merged = Way::Text.merge(Some(&before.as_str().into()), &mine.as_str().into(), Some(&theirs.as_str().into()));
    assert!(merged.expect("a text").as_str().expect("a text").contains('c'));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

/// What the JavaScript server of the test kit decides as well: `[way, before, mine, theirs, merged]`, where null for merged stands
/// for a field that merges as any other.
#[test]
fn the_table() {
    let table: Vec<Vec<Value>> = from_json_text(include_bytes!("ways.json")).expect("a list of lists");
    assert!(table.len() > 20);
    for row in table {
        let [way, before, mine, theirs, merged] = row.as_slice() else { panic!("five of them: {row:?}") };
        let found = Way::named(way.as_str().expect("a way")).merge(Some(before), mine, Some(theirs));
        assert_eq!(found.unwrap_or_default(), *merged, "{way} {before} {mine} {theirs}");
    }
}

#[test]
fn numbers_too_far_apart_are_not_added() {
    assert_eq!(Way::Counter.merge(None, &number("1e-900"), Some(&number("1"))), None);
    assert_eq!(Way::Counter.merge(None, &number("1e-99999999999"), Some(&number("1"))), None);
}

#[test]
fn a_way_that_is_not_known_is_that_of_any_field() {
    let ways: Ways = from_json_text(br#"{"a":{"way":"counter","before":1},"b":{"way":"of tomorrow"}}"#).expect("ways");
    assert_eq!(ways.get("b"), Some(&OwnWay { way: Way::Latest, before: None }));
    assert_eq!(to_json_text(&ways), r#"{"a":{"way":"counter","before":1},"b":{"way":"latest"}}"#);
}

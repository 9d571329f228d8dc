mod looks;

use std::cmp::Ordering;

use holm_protocol::{Data, Value, json};
use holm_store::{Applied, Change, LogSeq, Origin};
use proptest::prelude::*;

use looks::Counted;

use super::*;
use crate::keys::tests::compare;
use crate::records::tests::Store;
use crate::schema::tests::every_type;
use crate::value::{Shape, tagged};
use crate::{ErrorCode, records};

/// One collection with indexes of every form, and one without any.
fn schema() -> Schema {
    let fields = json!({
        "done": {"type": "boolean", "optional": true},
        "at": {"type": "timestamp", "optional": true},
        "name": {"type": "string", "nullable": true, "optional": true},
        "tags": {"type": "array", "of": {"type": "string"}, "optional": true},
        "any": {"type": "json", "optional": true, "nullable": true},
    });
    let indexes = json!([
        ["done", "-at"],
        ["at"],
        ["-name", "at"],
        ["tags[]", "-at"],
        ["name", "done", "at"],
        ["done", "-tags[]", "name"],
        ["tags"]
    ]);
    let schema = json!({"version": 1, "collections": {
        "tasks": {"fields": fields, "indexes": indexes}, "plain": {"fields": fields}}});
    Schema::parse(&schema.to_string()).expect("a schema")
}

#[derive(Clone, Debug)]
struct Task {
    id: String,
    data: Data,
    /// The first bytes of its lane entries.
    lane: Vec<u8>,
}

fn any_tasks() -> impl Strategy<Value = Vec<Task>> {
    let id = prop_oneof!["[a-c]{1,3}", "[a\0\u{ff}]{1,2}"];
    let at = prop_oneof![(-2_i64..4).prop_map(|n| json!(n)), Just(json!(1.5)), Just(tagged_zero())];
    let data = (
        proptest::option::of(any::<bool>().prop_map(Value::Bool)),
        proptest::option::of(at),
        proptest::option::of(prop_oneof![Just(Value::Null), any_name().prop_map(Value::String)]),
        proptest::option::of(proptest::collection::vec(any_name(), 0..4).prop_map(|names| json!(names))),
        proptest::option::of(any_json()),
    );
    let task = (data, proptest::collection::vec(prop_oneof![Just(b'p'), Just(b'c')], 0..3));
    proptest::collection::btree_map(id, task, 0..30).prop_map(|tasks| {
        let made = tasks.into_iter().map(|(id, ((done, at, name, tags, any), lane))| {
            let all = [("done", done), ("at", at), ("name", name), ("tags", tags), ("any", any)];
            let data = all.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect();
            Task { id, data, lane }
        });
        made.collect()
    })
}

fn tagged_zero() -> Value {
    crate::value::tests::number(-0.0).expect("finite")
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[ab\"]{0,2}", Just("a\0".to_owned())]
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0_i64..3).prop_map(|n| json!(n)),
        any_name().prop_map(Value::String),
        (0_i64..3).prop_map(|ms| tagged("date", json!(ms))),
        Just(tagged("bigint", json!("2"))),
        Just(json!({"k": 1})),
    ]
}

fn any_query() -> impl Strategy<Value = Value> {
    let at = || prop_oneof![(-2_i64..4).prop_map(|n| json!(n)), Just(json!(1.5)), Just(tagged_zero())];
    let name = || any_name().prop_map(Value::String);
    let range = |operand: BoxedStrategy<Value>| {
        (prop_oneof![Just("lt"), Just("lte"), Just("gt"), Just("gte")], operand)
            .prop_map(|(op, value)| json!({op: value}))
    };
    let between = (at(), at()).prop_map(|(low, high)| json!({"gte": low, "lt": high}));
    let condition = prop_oneof![
        3 => any::<bool>().prop_map(|done| ("done", json!(done))),
        1 => Just(("done", json!(null))),
        2 => range(at().boxed()).prop_map(|asked| ("at", asked)),
        1 => between.prop_map(|asked| ("at", asked)),
        1 => at().prop_map(|value| ("at", value)),
        1 => at().prop_map(|value| ("at", json!({"ne": value}))),
        1 => proptest::collection::vec(at(), 0..4).prop_map(|values| ("at", json!({"in": values}))),
        2 => name().prop_map(|value| ("name", value)),
        1 => range(name().boxed()).prop_map(|asked| ("name", asked)),
        1 => name().prop_map(|value| ("name", json!({"startsWith": value}))),
        1 => name().prop_map(|value| ("name", json!({"contains": value}))),
        1 => Just(("name", json!({"contains": "\""}))),
        1 => any_name().prop_map(|value| ("any", json!({"contains": value}))),
        1 => proptest::collection::vec(prop_oneof![name(), Just(Value::Null)], 0..4).prop_map(|values| ("name", json!({"in": values}))),
        2 => name().prop_map(|value| ("tags", json!({"has": value}))),
        1 => proptest::collection::vec(any_name(), 0..2).prop_map(|value| ("tags", json!({"eq": value}))),
        1 => any_json().prop_map(|value| ("any", json!({"eq": value}))),
        1 => any_json().prop_filter("an operand", |value| !value.is_null()).prop_map(|value| ("any", json!({"gte": value}))),
        1 => any::<bool>().prop_map(|pending| ("$pending", json!(pending))),
        1 => "[a-c]{1,2}".prop_map(|id| ("id", json!(id))),
        1 => proptest::collection::vec("[a-c]{1,2}", 0..4).prop_map(|ids| ("id", json!({"in": ids}))),
        1 => "[a-c]{0,2}".prop_map(|id| ("id", json!({"startsWith": id}))),
        1 => "[a-c]{0,2}".prop_map(|id| ("id", json!({"contains": id}))),
        1 => range("[a-c]{1,2}".prop_map(Value::String).boxed()).prop_map(|asked| ("id", asked)),
    ];
    let key = prop_oneof!["-?(done|at|name|tags)", "-?id"];
    let order = prop_oneof![
        2 => Just(vec![]),
        2 => proptest::sample::select(vec![vec!["at"], vec!["-at"], vec!["name"], vec!["-name"], vec!["done", "-at"], vec!["-done", "at"],
            vec!["name", "-at"], vec!["-at", "-id"], vec!["at", "id"]]).prop_map(|keys| keys.into_iter().map(str::to_owned).collect()),
        1 => proptest::collection::vec(key, 1..4),
    ];
    let collection = prop_oneof![4 => Just("tasks"), 1 => Just("plain")];
    (collection, proptest::collection::vec(condition, 0..4), order, proptest::option::of(0_usize..6)).prop_map(
        |(collection, conditions, order, limit)| {
            let asked: Data = conditions.into_iter().map(|(field, asked)| (field.to_owned(), asked)).collect();
            let mut fields = std::collections::BTreeSet::new();
            let order: Vec<String> =
                order.into_iter().filter(|key| fields.insert(key.trim_start_matches('-').to_owned())).collect();
            json!({"collection": collection, "where": asked, "orderBy": order, "limit": limit})
        },
    )
}

fn kind(value: &Value) -> u8 {
    match Shape::of(value) {
        Shape::Null | Shape::Unset => 0,
        Shape::Bool(_) => 1,
        Shape::Number(_) => 2,
        Shape::BigInt(_) => 3,
        Shape::Date(_) => 4,
        Shape::String(_) => 5,
        Shape::Bytes(_) => 6,
        Shape::Array(_) => 7,
        Shape::Object(_) => 8,
    }
}

/// The filter, told again over values.
fn holds(asked: &Value, value: &Value) -> bool {
    let Value::Object(operators) = asked else { return compare(value, asked).is_eq() };
    if operators.contains_key("$holm") {
        return compare(value, asked).is_eq();
    }
    operators.iter().all(|(operator, operand)| {
        let ordered = |wanted: &[Ordering]| kind(value) == kind(operand) && wanted.contains(&compare(value, operand));
        match operator.as_str() {
            "eq" => compare(value, operand).is_eq(),
            "ne" => compare(value, operand).is_ne(),
            "lt" => ordered(&[Ordering::Less]),
            "lte" => ordered(&[Ordering::Less, Ordering::Equal]),
            "gt" => ordered(&[Ordering::Greater]),
            "gte" => ordered(&[Ordering::Greater, Ordering::Equal]),
            "in" => operand.as_array().expect("a list").iter().any(|one| compare(value, one).is_eq()),
            "has" => value.as_array().is_some_and(|items| items.iter().any(|item| compare(item, operand).is_eq())),
            "startsWith" => value.as_str().is_some_and(|text| text.starts_with(operand.as_str().expect("a string"))),
            "contains" => value.as_str().is_some_and(|text| text.contains(operand.as_str().expect("a string"))),
            other => panic!("{other}"),
        }
    })
}

/// Filter, sort and limit without any index.
fn brute_force(tasks: &[Task], query: &Value) -> Vec<String> {
    let value = |task: &Task, field: &str| match field {
        "id" => json!(task.id),
        "$pending" => json!(task.lane.contains(&b'p')),
        _ => task.data.get(field).cloned().unwrap_or(Value::Null),
    };
    let asked = query["where"].as_object().expect("conditions");
    let matches = |task: &&Task| asked.iter().all(|(field, asked)| holds(asked, &value(task, field)));
    let mut found: Vec<&Task> = tasks.iter().filter(matches).collect();
    found.sort_by(|left, right| {
        let keys = query["orderBy"].as_array().expect("keys").iter().map(|key| key.as_str().expect("a key"));
        let mut by_keys = keys.map(|key| match key.strip_prefix('-') {
            Some(field) => compare(&value(right, field), &value(left, field)),
            None => compare(&value(left, key), &value(right, key)),
        });
        by_keys.find(|order| order.is_ne()).unwrap_or_else(|| left.id.as_bytes().cmp(right.id.as_bytes()))
    });
    found.into_iter().map(|task| task.id.clone()).collect()
}

fn stored(tasks: &[Task]) -> Store {
    let mut store = Store::new();
    let tasks = tasks.to_vec();
    store
        .commit(move |draft| {
            let schema = schema();
            for name in ["tasks", "plain"] {
                let collection = schema.collection(name).expect("declared");
                for task in &tasks {
                    let record = records::Record { touch: 1, data: task.data.clone(), ..Default::default() };
                    records::store(draft, collection, &task.id, Some(&record))?;
                    for (order, first) in (0..).zip(&task.lane) {
                        draft.put(&keyspace::lane(name, &task.id, order), &[*first, b'x']);
                    }
                }
            }
            Ok(())
        })
        .expect("stored");
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn every_plan_finds_what_brute_force_finds(tasks in any_tasks(), queries in proptest::collection::vec(any_query(), 8)) {
        let mut store = stored(&tasks);
        for json in queries {
            let query = Query::parse(&json.to_string(), &schema()).expect("a query");
            let expected = brute_force(&tasks, &json);
            let limit = json["limit"].as_u64().map_or(usize::MAX, |limit| limit as usize);
            // What the planner is told of sizes changes the way, never what is found.
            let seen = store.read(|view| {
                let tell = |weights| {
                    let told = Counted::lying(view, weights);
                    Ok((query.run(&told)?, query.count(&told)?, query.explain(&told)))
                };
                [None, Some([40, 1]), Some([1, 40])].into_iter().map(tell).collect::<Result<Vec<_>, Missing>>()
            });
            for (rows, count, explanation) in &seen {
                let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
                prop_assert_eq!(&ids, &expected[..expected.len().min(limit)], "{} {:?}", json, explanation);
                prop_assert_eq!(*count, expected.len(), "{}", json);
            }
            for row in seen.into_iter().flat_map(|(rows, _, _)| rows) {
                let task = tasks.iter().find(|task| task.id == row.id).expect("there");
                prop_assert_eq!(row.body(), Value::Object(task.data.clone()).to_string());
            }
        }
    }
}

fn explained(query: Value) -> Explanation {
    let query = Query::parse(&query.to_string(), &schema()).expect("a query");
    Store::new().read(|view| Ok(query.explain(view)))
}

#[test]
fn the_planner_takes_the_index_that_leaves_least() {
    let asked = |conditions: Value, order: Value, limit: Value| {
        explained(json!({"collection": "tasks", "where": conditions, "orderBy": order, "limit": limit}))
    };
    let by = |explanation: &Explanation| {
        (explanation.path, explanation.index.clone().unwrap_or_default(), explanation.sorts)
    };
    for (conditions, order, path, index, sorts) in [
        (json!({"done": false}), json!("-at"), PathKind::Index, "done,-at", false),
        (json!({"done": false}), json!("at"), PathKind::Index, "done,-at", false),
        (json!({"done": false, "at": {"gt": 1}}), json!([]), PathKind::Index, "done,-at", true),
        (json!({"at": {"gt": 1}}), json!("at"), PathKind::Index, "at", false),
        (json!({}), json!("-at"), PathKind::Index, "at", false),
        (json!({}), json!(["name", "-at"]), PathKind::Index, "-name,at", false),
        (json!({"tags": {"has": "a"}}), json!("-at"), PathKind::Index, "tags[],-at", false),
        (json!({"name": "a", "done": true}), json!("at"), PathKind::Index, "name,done,at", false),
        (json!({"name": {"in": ["a", "b"]}}), json!("at"), PathKind::Index, "-name,at", true),
        (json!({"$pending": true}), json!("-at"), PathKind::Outbox, "", true),
        (json!({"id": "a", "done": true}), json!("-at"), PathKind::Ids, "", true),
        (json!({"any": 1}), json!([]), PathKind::Scan, "", false),
        (json!({"any": 1}), json!("-id"), PathKind::Scan, "", false),
    ] {
        let explanation = asked(conditions.clone(), order.clone(), json!(10));
        assert_eq!(by(&explanation), (path, index.to_owned(), sorts), "{conditions} {order}");
    }
    assert_eq!(explained(json!({"collection": "tasks", "where": {"name": {"in": ["a", "b"]}}})).ranges, 2);
    let told =
        holm_protocol::to_json_text(&explained(json!({"collection": "tasks", "where": {"done": true, "any": 1}})));
    let expected = json!({"path": "index", "index": "done,-at", "ranges": 1, "filters": ["any"], "sorts": true});
    assert_eq!(holm_protocol::parse(told.as_bytes()), Ok(expected));
}

#[test]
fn wrong_queries_name_what_does_not_fit() {
    for (query, code, field) in [
        (json!([]), ErrorCode::InvalidQuery, Some("query")),
        (json!({}), ErrorCode::InvalidQuery, Some("collection")),
        (json!({"collection": "thing"}), ErrorCode::UnknownCollection, None),
        (json!({"collection": "things", "wher": {}}), ErrorCode::InvalidQuery, Some("wher")),
        (json!({"collection": "things", "where": []}), ErrorCode::InvalidQuery, Some("where")),
        (json!({"collection": "things", "where": {"x": 1}}), ErrorCode::InvalidQuery, Some("x")),
        (json!({"collection": "things", "where": {"__proto__": 1}}), ErrorCode::InvalidQuery, Some("__proto__")),
        (json!({"collection": "things", "where": {"$pending": 1}}), ErrorCode::InvalidQuery, Some("$pending")),
        (json!({"collection": "things", "where": {"s": 1}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"s": {}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"s": {"equals": "a"}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"s": {"lt": 1}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"s": {"lt": null}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"s": {"in": "a"}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"s": {"in": [1]}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"s": {"has": "a"}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"list": {"has": 1}}}), ErrorCode::InvalidQuery, Some("list")),
        (json!({"collection": "things", "where": {"n": {"startsWith": "a"}}}), ErrorCode::InvalidQuery, Some("n")),
        (json!({"collection": "things", "where": {"s": {"startsWith": 1}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"s": {"contains": null}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"list": {"contains": "a"}}}), ErrorCode::InvalidQuery, Some("list")),
        (json!({"collection": "things", "where": {"s": {"$holm": ["date", 1]}}}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "where": {"e": "mid"}}), ErrorCode::InvalidQuery, Some("e")),
        (json!({"collection": "things", "where": {"e": {"gt": 1}}}), ErrorCode::InvalidQuery, Some("e")),
        (json!({"collection": "things", "where": {"id": 1}}), ErrorCode::InvalidQuery, Some("id")),
        (json!({"collection": "things", "where": {"id": {"lt": 1}}}), ErrorCode::InvalidQuery, Some("id")),
        (json!({"collection": "things", "orderBy": "x"}), ErrorCode::InvalidQuery, Some("x")),
        (json!({"collection": "things", "orderBy": ["s", "-s"]}), ErrorCode::InvalidQuery, Some("s")),
        (json!({"collection": "things", "orderBy": ["any"]}), ErrorCode::InvalidQuery, Some("any")),
        (json!({"collection": "things", "orderBy": ["list[]"]}), ErrorCode::InvalidQuery, Some("list")),
        (json!({"collection": "things", "orderBy": 1}), ErrorCode::InvalidQuery, Some("orderBy")),
        (json!({"collection": "things", "limit": -1}), ErrorCode::InvalidQuery, Some("limit")),
        (json!({"collection": "things", "limit": 1.5}), ErrorCode::InvalidQuery, Some("limit")),
    ] {
        let error = Query::parse(&query.to_string(), &every_type()).expect_err(&query.to_string());
        assert_eq!((error.code, error.field.as_deref()), (code, field), "{query}: {error}");
    }
    for fine in [
        json!({"e": {"gte": "l"}}),
        json!({"i": {"lt": 1.5}}),
        json!({"p": {"startsWith": "x"}}),
        json!({"p": {"gt": ""}}),
        json!({"any": {"contains": "x"}}),
        json!({"any": {"lt": "z"}}),
        json!({"s": null}),
        json!({"n": {"ne": null}}),
        json!({"place": {"eq": {"street": "s"}}}),
    ] {
        let query = json!({"collection": "things", "where": fine, "orderBy": null, "limit": null});
        assert!(Query::parse(&query.to_string(), &every_type()).is_ok(), "{query}");
    }
}

#[test]
fn a_query_tells_which_commits_touch_it() {
    let query = |json: Value| Query::parse(&json.to_string(), &schema()).expect("a query");
    let done = query(json!({"collection": "tasks", "where": {"done": true}}));
    let pending = query(json!({"collection": "tasks", "where": {"$pending": true}}));
    let mut store = Store::new();
    store.put(&schema(), "tasks", "yes", 1, Some(json!({"done": true})));
    store.put(&schema(), "tasks", "no", 1, Some(json!({"done": false})));
    let mut change = |id: &str| {
        let key = keyspace::record("tasks", id);
        let value = store.read(|view| view.get(&key));
        holm_store::Records::from_iter([(key, value)])
    };
    let touched = |query: &Query, keys: &holm_store::Records, shown: &[&str]| {
        let applied = Applied { seq: LogSeq(1), origin: Origin::Own, change: Change::Keys(keys) };
        (query.touches(&applied), query.touches_shown(&applied, |id| shown.contains(&id)))
    };
    assert_eq!(touched(&done, &change("yes"), &[]), (true, true));
    assert_eq!(touched(&done, &change("no"), &[]), (true, false));
    assert_eq!(touched(&done, &change("no"), &["no"]), (true, true));
    assert_eq!(touched(&done, &change("gone"), &[]), (true, false));
    assert_eq!(touched(&pending, &change("no"), &[]), (true, true));
    let deleted = |key| holm_store::Records::from_iter([(key, None::<Vec<u8>>)]);
    let lane = deleted(keyspace::lane("tasks", "no", 1));
    assert_eq!(touched(&done, &lane, &[]), (false, false));
    assert_eq!(touched(&pending, &lane, &[]), (true, true));
    let elsewhere = deleted(keyspace::record("plain", "yes"));
    assert_eq!(touched(&done, &elsewhere, &["yes"]), (false, false));
    let everything = Applied { seq: LogSeq(1), origin: Origin::Foreign, change: Change::Everything };
    assert!(done.touches(&everything) && done.touches_shown(&everything, |_| false));
}

#[test]
fn a_diff_names_what_came_changed_and_went() {
    let mut store = Store::new();
    let all = Query::parse(r#"{"collection":"tasks"}"#, &schema()).expect("a query");
    for (id, touch) in [("a", 1), ("b", 1), ("c", 1)] {
        store.put(&schema(), "tasks", id, touch, Some(json!({})));
    }
    let before = store.read(|view| all.run(view));
    store.put(&schema(), "tasks", "a", 2, Some(json!({})));
    store.put(&schema(), "tasks", "b", 2, None);
    store.put(&schema(), "tasks", "d", 2, Some(json!({})));
    let now = store.read(|view| all.run(view));
    let text = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let expected = Diff { added: text(&["d"]), changed: text(&["a"]), removed: text(&["b"]) };
    assert_eq!(diff(&before, &now), expected);
    assert!(diff(&now, &now).is_empty());
    assert_eq!(holm_protocol::to_json_text(&expected), r#"{"added":["d"],"changed":["a"],"removed":["b"]}"#);
}

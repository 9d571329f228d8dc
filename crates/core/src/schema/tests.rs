use holm_protocol::{Data, DataText, ErrorCode, RECORD_BYTES_MAX, Value, json};

use super::*;
use crate::value::tagged;

/// A schema with a field of every type.
pub(crate) fn every_type() -> Schema {
    let schema = json!({"version": 3, "collections": {
        "projects": {"fields": {"name": {"type": "string"}}},
        "things": {
            "fields": {
                "s": {"type": "string"},
                "n": {"type": "number", "nullable": true, "default": null},
                "i": {"type": "integer", "default": 7},
                "b": {"type": "boolean", "default": false},
                "t": {"type": "timestamp", "optional": true},
                "d": {"type": "date", "optional": true},
                "big": {"type": "bigint", "optional": true},
                "raw": {"type": "bytes", "optional": true},
                "any": {"type": "json", "optional": true, "nullable": true},
                "list": {"type": "array", "of": {"type": "string", "nullable": true}, "default": []},
                "place": {"type": "object", "optional": true, "fields": {
                    "street": {"type": "string"}, "no": {"type": "integer", "optional": true}}},
                "p": {"type": "ref", "to": "projects", "optional": true},
                "e": {"type": "enum", "values": ["low", "high"], "optional": true},
            },
            "indexes": [["b", "-t"], "list[]", ["p", "list[]"], {"fields": ["s"], "unique": true}],
            "conflict": "manual",
        },
    }});
    Schema::parse(&schema.to_string()).expect("a schema")
}

fn data(value: Value) -> Data {
    match value {
        Value::Object(fields) => fields,
        other => panic!("not an object: {other}"),
    }
}

fn with(name: &str, value: Value) -> Data {
    data(json!({"s": "x", name: value}))
}

#[test]
fn a_schema_is_read_whole() {
    let schema = every_type();
    let things = schema.collection("things").expect("declared");
    assert_eq!((schema.version, things.fields.len(), things.conflict), (3, 13, ConflictPolicy::Manual));
    let specs: Vec<String> = things.indexes.iter().map(Index::spec).collect();
    assert_eq!(specs, ["b,-t", "list[]", "p,list[]", "s"]);
    assert!(things.indexes[3].unique && !things.indexes[0].unique);
    assert_eq!(things.index_fingerprint(), "1 b,-t list[] p,list[] s");
    let error = schema.collection("task").expect_err("unknown");
    assert_eq!(error.code, ErrorCode::UnknownCollection);
    assert_eq!(error.message, "the schema has no collection \"task\"; it has projects, things");
}

#[test]
fn wrong_schemas_name_the_place() {
    let with_field = |field: Value| json!({"version": 1, "collections": {"a": {"fields": {"f": field}}}});
    let with_index = |index: Value| json!({"version": 1, "collections": {"a": {"fields": {"f": {"type": "string"}, "j": {"type": "json"}, "l": {"type": "array", "of": {"type": "string"}}}, "indexes": index}}});
    let named = |name: &str| json!({"version": 1, "collections": {"a": {"fields": {name: {"type": "string"}}}}});
    for (schema, place) in [
        (json!([]), "schema"),
        (json!({"collections": {}}), "schema.version"),
        (json!({"version": 0, "collections": {}}), "schema.version"),
        (json!({"version": 1.5, "collections": {}}), "schema.version"),
        (json!({"version": 1}), "schema.collections"),
        (json!({"version": 1, "collections": {}, "extra": 1}), "schema.extra"),
        (json!({"version": 1, "collections": {"": {"fields": {}}}}), "collections."),
        (json!({"version": 1, "collections": {"__proto__": {"fields": {}}}}), "collections.__proto__"),
        (json!({"version": 1, "collections": {"a": {}}}), "collections.a.fields"),
        (json!({"version": 1, "collections": {"a": {"fields": {}, "conflict": "mine"}}}), "collections.a.conflict"),
        (json!({"version": 1, "collections": {"a": {"fields": {}, "index": []}}}), "collections.a.index"),
        (named("id"), "collections.a.fields.id"),
        (named("__proto__"), "collections.a.fields.__proto__"),
        (named("$x"), "collections.a.fields.$x"),
        (named("a.b"), "collections.a.fields.a.b"),
        (with_field(json!({})), "collections.a.fields.f.type"),
        (with_field(json!({"type": "strin"})), "collections.a.fields.f.type"),
        (with_field(json!({"type": "string", "optinal": true})), "collections.a.fields.f.optinal"),
        (with_field(json!({"type": "string", "optional": 1})), "collections.a.fields.f.optional"),
        (with_field(json!({"type": "string", "default": 1})), "collections.a.fields.f.default"),
        (with_field(json!({"type": "array"})), "collections.a.fields.f.of"),
        (with_field(json!({"type": "array", "of": {"type": "x"}})), "collections.a.fields.f.of.type"),
        (
            with_field(json!({"type": "array", "of": {"type": "string", "default": ""}})),
            "collections.a.fields.f.of.default",
        ),
        (
            with_field(json!({"type": "object", "fields": {"__proto__": {"type": "string"}}})),
            "collections.a.fields.f.fields.__proto__",
        ),
        (with_field(json!({"type": "ref", "to": "b"})), "collections.a.fields.f.to"),
        (with_field(json!({"type": "array", "of": {"type": "ref", "to": "b"}})), "collections.a.fields.f.of.to"),
        (with_field(json!({"type": "enum", "values": []})), "collections.a.fields.f.values"),
        (with_index(json!("f")), "collections.a.indexes"),
        (with_index(json!([[]])), "collections.a.indexes[0]"),
        (with_index(json!([["g"]])), "collections.a.indexes[0]"),
        (with_index(json!([["id"]])), "collections.a.indexes[0]"),
        (with_index(json!([["j"]])), "collections.a.indexes[0]"),
        (with_index(json!([["f[]"]])), "collections.a.indexes[0]"),
        (with_index(json!([["f", "-f"]])), "collections.a.indexes[0]"),
        (with_index(json!([["f"], "f"])), "collections.a.indexes[1]"),
        (with_index(json!([{"fields": ["f"], "uniq": true}])), "collections.a.indexes[0].uniq"),
    ] {
        let error = Schema::parse(&schema.to_string()).expect_err(&schema.to_string());
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidSchema, Some(place)), "{error}");
    }
    let deep = (0..60).fold(json!({"type": "string"}), |of, _| json!({"type": "array", "of": of}));
    assert!(Schema::parse(&with_field(deep).to_string()).is_err());
    assert_eq!(Schema::parse("{").expect_err("not JSON").code, ErrorCode::InvalidSchema);
}

#[test]
fn a_whole_record_gets_its_defaults() {
    let schema = every_type();
    let things = schema.collection("things").expect("declared");
    let checked = things.check(data(json!({"s": "x", "i": 1, "any": {"a": [2]}}))).expect("fits");
    let expected = json!({"s": "x", "n": null, "i": 1, "b": false, "list": [], "any": {"a": [2]}});
    assert_eq!(Value::Object(checked).to_string(), expected.to_string());
}

#[test]
fn a_text_fits_where_nothing_is_to_be_filled_in_or_refused() {
    let schema = every_type();
    let things = schema.collection("things").expect("declared");
    let whole = json!({"s": "x", "n": null, "i": 1, "b": true, "list": ["a", null]});
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!("low"),
        json!(""),
        json!("__proto__"),
        json!([]),
        json!(["a"]),
        json!([1]),
        json!([["a"]]),
        json!({}),
        json!({"street": "x"}),
        json!({"street": 1}),
        json!({"$holm": ["-0"]}),
        json!({"$holm": ["unset"]}),
        tagged("date", json!(0)),
        tagged("date", json!(0.5)),
        tagged("bigint", json!("-12")),
        tagged("bytes", json!("AAE=")),
        tagged("bytes", json!("A")),
        json!("x".repeat(RECORD_BYTES_MAX)),
        (0..120).fold(json!(1), |inner, _| json!([inner])),
    ];
    let mut fit = 0;
    for name in things.fields.keys().map(String::as_str).chain(["other"]) {
        let mut lacking = data(whole.clone());
        lacking.remove(name);
        let changed = values.iter().map(|value| {
            let mut changed = data(whole.clone());
            changed.insert(name.to_owned(), value.clone());
            changed
        });
        for record in changed.chain([lacking]) {
            let fits = things.fits(&DataText::from(&record));
            assert_eq!(fits, things.check(record.clone()).is_ok_and(|checked| checked == record), "{name}: {record:?}");
            fit += usize::from(fits);
        }
    }
    assert!(fit > 50, "{fit} fit");
}

#[test]
fn every_type_takes_its_own() {
    let schema = every_type();
    let things = schema.collection("things").expect("declared");
    for (name, value) in [
        ("s", json!("")),
        ("n", json!(-1.5)),
        ("n", json!(null)),
        ("n", json!({"$holm": ["-0"]})),
        ("i", json!(9_007_199_254_740_991_i64)),
        ("b", json!(true)),
        ("t", json!(1.5)),
        ("d", tagged("date", json!(0))),
        ("big", tagged("bigint", json!("-12"))),
        ("raw", tagged("bytes", json!("AAE="))),
        ("any", json!(null)),
        ("any", json!({"deep": [tagged("date", json!(1))]})),
        ("list", json!(["a", null])),
        ("place", json!({"street": "s"})),
        ("p", json!("p1")),
        ("e", json!("low")),
    ] {
        let record = with(name, value);
        assert!(things.check(record.clone()).is_ok(), "{record:?}");
        assert!(things.check_patch(&record).is_ok(), "{record:?}");
    }
}

#[test]
fn wrong_records_name_the_field() {
    let schema = every_type();
    let things = schema.collection("things").expect("declared");
    let deep = (0..101).fold(json!(1), |inner, _| json!([inner]));
    for (name, value, field, code) in [
        ("s", json!(1), "s", ErrorCode::InvalidRecord),
        ("s", json!(null), "s", ErrorCode::InvalidRecord),
        ("n", json!("1"), "n", ErrorCode::InvalidRecord),
        ("i", json!(1.5), "i", ErrorCode::InvalidRecord),
        ("i", json!(9_007_199_254_740_992_i64), "i", ErrorCode::InvalidRecord),
        ("b", json!(0), "b", ErrorCode::InvalidRecord),
        ("t", json!("2020"), "t", ErrorCode::InvalidRecord),
        ("t", json!(null), "t", ErrorCode::InvalidRecord),
        ("d", json!(1), "d", ErrorCode::InvalidRecord),
        ("big", json!(1), "big", ErrorCode::InvalidRecord),
        ("raw", tagged("bytes", json!("!")), "raw", ErrorCode::InvalidRecord),
        ("any", json!({"$holm": 1}), "any", ErrorCode::InvalidValue),
        ("any", json!({"a": {"__proto__": 1}}), "any.a.__proto__", ErrorCode::InvalidRecord),
        ("any", deep.clone(), &format!("any{}", "[0]".repeat(100)), ErrorCode::InvalidValue),
        ("list", json!(["a", 1]), "list[1]", ErrorCode::InvalidRecord),
        ("place", json!({}), "place.street", ErrorCode::InvalidRecord),
        ("place", json!({"street": "s", "x": 1}), "place.x", ErrorCode::InvalidRecord),
        ("place", json!({"street": 1}), "place.street", ErrorCode::InvalidRecord),
        ("p", json!(""), "p", ErrorCode::InvalidRecord),
        ("e", json!("mid"), "e", ErrorCode::InvalidRecord),
        ("x", json!(1), "x", ErrorCode::InvalidRecord),
        ("id", json!("1"), "id", ErrorCode::InvalidRecord),
        ("__proto__", json!({}), "__proto__", ErrorCode::InvalidRecord),
        ("any", json!("x".repeat(RECORD_BYTES_MAX)), "any", ErrorCode::RecordTooLarge),
    ] {
        for error in [
            things.check(with(name, value.clone())).expect_err(name),
            things.check_patch(&with(name, value)).expect_err(name),
        ] {
            assert_eq!((error.code, error.field.as_deref()), (code, Some(field)), "{error}");
            assert!(error.message.starts_with("things: "), "{error}");
        }
    }
    let error = things.check(Data::new()).expect_err("nothing");
    assert_eq!(error.message, "things: s is missing: it has no default and is not optional");
    let error = things.check(with("n", json!(true))).expect_err("boolean");
    assert_eq!(error.message, "things: n must be a number, not a boolean");
}

#[test]
fn a_patch_removes_optional_fields_only() {
    let schema = every_type();
    let things = schema.collection("things").expect("declared");
    assert!(things.check_patch(&data(json!({"t": {"$holm": ["unset"]}}))).is_ok());
    for name in ["s", "i"] {
        let error = things.check_patch(&data(json!({name: {"$holm": ["unset"]}}))).expect_err(name);
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidRecord, Some(name)));
    }
    assert!(things.check(with("t", json!({"$holm": ["unset"]}))).is_err());
    assert!(things.check(with("any", json!({"$holm": ["unset"]}))).is_err());
    assert!(things.check_patch(&with("any", json!([{"$holm": ["unset"]}]))).is_err());
}

#[test]
fn ids_are_any_text_but_for_three() {
    for id in ["a", "constructor", " ", "\0", "😀", &"x".repeat(512)] {
        assert_eq!(check_id(id), Ok(()), "{id:?}");
    }
    for id in ["", "__proto__", &"x".repeat(513), &"é".repeat(257)] {
        let error = check_id(id).expect_err(id);
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidId, Some("id")));
    }
}

#[test]
fn the_index_fingerprint_tells_what_decides_entries() {
    let fingerprint = |indexes: Value| {
        let fields = json!({"a": {"type": "string"}, "b": {"type": "string"}});
        let schema = json!({"version": 1, "collections": {"x": {"fields": fields, "indexes": indexes}}});
        Schema::parse(&schema.to_string()).expect("a schema").collection("x").expect("declared").index_fingerprint()
    };
    assert_eq!(fingerprint(json!(["a", "b"])), fingerprint(json!(["b", "a"])));
    assert_eq!(fingerprint(json!(["a"])), fingerprint(json!([{"fields": ["a"], "unique": true}])));
    assert_ne!(fingerprint(json!(["a"])), fingerprint(json!(["-a"])));
    assert_ne!(fingerprint(json!([["a", "b"]])), fingerprint(json!([["b", "a"]])));
    assert_ne!(fingerprint(json!(["a"])), fingerprint(json!([])));
}

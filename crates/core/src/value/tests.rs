use base64ct::{Base64, Encoding};
use holm_protocol::{ErrorCode, Value, json};
use proptest::prelude::*;

use super::*;

/// A number as JSON: −0 tagged; `None` for what is not finite.
pub(crate) fn number(number: f64) -> Option<Value> {
    if number == 0.0 && number.is_sign_negative() {
        return Some(json!({ TAG: ["-0"] }));
    }
    holm_protocol::parse(number.to_string().as_bytes()).ok()
}

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Any valid value in its one form.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<f64>().prop_filter_map("finite", number),
        (-40_i64..40).prop_map(|n| json!(n)),
        any::<i128>().prop_map(|n| tagged("bigint", json!(n.to_string()))),
        (-8_640_000_000_000_000_i64..=8_640_000_000_000_000).prop_map(|ms| tagged("date", json!(ms))),
        any::<String>().prop_map(Value::String),
        "[a-c\0]{0,3}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| tagged("bytes", json!(encode_base64(&bytes)))),
        proptest::collection::vec(0_u8..2, 0..4).prop_map(|bytes| tagged("bytes", json!(encode_base64(&bytes)))),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![Just("a".to_owned()), Just(TAG.to_owned()), any::<String>()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map(name, inner, 0..4).prop_map(|fields| object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_printed_value_parses_to_itself(value in any_value()) {
        prop_assert_eq!(parse(&value.to_string(), "x"), Ok(value));
    }

    #[test]
    fn base64_is_what_the_library_takes_for_it(text in "[A-D+/09az=*]{0,9}", bytes: Vec<u8>) {
        prop_assert_eq!(decode_base64(&text), Base64::decode_vec(&text).ok());
        prop_assert_eq!(decode_base64(&encode_base64(&bytes)), Some(bytes));
    }

    #[test]
    fn parsing_never_panics(text in ".*") {
        let _ = parse(&text, "x");
    }
}

fn refused(text: &str) -> crate::Error {
    parse(text, "tasks").expect_err(text)
}

#[test]
fn numbers_that_javascript_holds_equal_are_equal() {
    for (text, same) in [
        ("1.0", "1"),
        ("1e2", "100"),
        ("1.50e-07", "1.5e-7"),
        ("12345678901234567890.00", "12345678901234567890"),
        ("-0.0", "0"),
    ] {
        assert_eq!(parse(text, "x"), parse(same, "x"), "{text}");
    }
}

#[test]
fn what_is_no_value_is_refused() {
    for text in [
        "",
        "{",
        "NaN",
        "Infinity",
        "1e400",
        "undefined",
        r#""\ud800""#,
        r#"{"$holm":1}"#,
        r#"{"$holm":[]}"#,
        r#"{"$holm":["date","1"]}"#,
        r#"{"$holm":["date",1.5]}"#,
        r#"{"$holm":["date",9e15]}"#,
        r#"{"$holm":["bigint","01"]}"#,
        r#"{"$holm":["bigint","-0"]}"#,
        r#"{"$holm":["bigint",""]}"#,
        r#"{"$holm":["bigint",1]}"#,
        r#"{"$holm":["bytes","a"]}"#,
        r#"{"$holm":["bytes","YR=="]}"#,
        r#"{"$holm":["object",{"a":1}]}"#,
        r#"{"$holm":["date",1],"a":1}"#,
        r#"{"$holm":["unset"]}"#,
        r#"[{"$holm":["nothing"]}]"#,
    ] {
        assert_eq!(refused(text).code, ErrorCode::InvalidValue, "{text}");
    }
}

#[test]
fn proto_is_refused_at_any_depth() {
    let error = refused(r#"{"a":[{"__proto__":{}}]}"#);
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidRecord, Some("a[0].__proto__")));
    assert_eq!(refused(r#"{"$holm":["object",{"$holm":1,"__proto__":1}]}"#).code, ErrorCode::InvalidRecord);
    assert!(parse(r#"{"constructor":"__proto__"}"#, "x").is_ok());
}

#[test]
fn depth_has_a_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(DEPTH_MAX), "x").is_ok());
    for depth in [DEPTH_MAX + 1, 127, 128, 10_000, 1_000_000] {
        let error = refused(&nested(depth));
        assert_eq!(error.code, ErrorCode::InvalidValue);
        let limit = if depth > 128 { 128 } else { DEPTH_MAX };
        assert!(error.message.contains(&format!("nests deeper than {limit} levels")), "{error}");
    }
    let wrapped = (0..40).fold(json!(1), |inner, _| object([(TAG.to_owned(), inner)].into_iter().collect()));
    assert!(check(&wrapped, "x").is_err());
}

//! Reading, held against serde_json.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn any_json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|bool| bool.to_string()),
        "-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        any::<String>().prop_map(|text| json!(text).to_string()),
        "\"(\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}|\\\\ud83d\\\\ude00|[a-zé€😀])*\"",
    ];
    let space = "[ \n\r\t]{0,2}";
    scalar.prop_recursive(3, 20, 4, move |inner| {
        let list = proptest::collection::vec((space, inner.clone(), space), 0..4);
        let fields = proptest::collection::vec(("[a-c]?", space, inner, space), 0..4);
        prop_oneof![
            list.prop_map(|items| {
                let items: Vec<String> = items.into_iter().map(|(a, item, b)| [a, item, b].concat()).collect();
                format!("[{}]", items.join(","))
            }),
            fields.prop_map(|fields| {
                let field = |(name, a, value, b)| format!("{a}\"{name}\"{b}:{a}{value}{b}");
                let fields: Vec<String> = fields.into_iter().map(field).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// What another reader makes of it, its numbers as we write them.
fn expected(text: &str) -> Option<Value> {
    fn ours(value: serde_json::Value) -> Option<Value> {
        Some(match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(bool) => Value::Bool(bool),
            serde_json::Value::Number(number) => Value::Number(Number::parse(number.as_str())?),
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Array(items) => Value::Array(items.into_iter().map(ours).collect::<Option<_>>()?),
            serde_json::Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| Some((name, ours(value)?)));
                Value::Object(fields.collect::<Option<_>>()?)
            }
        })
    }
    ours(serde_json::from_str(text).ok()?)
}

proptest! {
    #[test]
    fn it_reads_what_others_read(text in any_json()) {
        prop_assert_eq!(parse(text.as_bytes()).ok(), expected(&text), "{}", text);
    }

    #[test]
    fn broken_text_is_refused_where_others_refuse_it(text in any_json(), at in any::<prop::sample::Index>(), byte in "[\"\\\\{}\\[\\],:0-9a-z\x01 -]?") {
        let mut broken: Vec<char> = text.chars().collect();
        let at = at.index(broken.len());
        broken.splice(at..=at, byte.chars());
        let broken: String = broken.into_iter().collect();
        prop_assert_eq!(parse(broken.as_bytes()).ok(), expected(&broken), "{}", broken);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'['), Just(b'u')], 0..20)) {
        let _ = (parse(&bytes), pick(&bytes, &["a"]));
    }

    #[test]
    fn picked_fields_are_those_of_the_whole(text in any_json(), names in proptest::collection::vec("[a-d]?", 0..4)) {
        prop_assume!(parse(text.as_bytes()).is_ok());
        let whole = parse(format!("{{\"a\":{text},\"b\":{text},\"c\":1}}").as_bytes()).expect("JSON");
        let names: Vec<&str> = names.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let found = pick(super::super::to_json_text(&whole).as_bytes(), &names).expect("an object");
        for (name, value) in names.iter().zip(found) {
            prop_assert_eq!(value.as_ref(), whole.as_object().and_then(|fields| fields.get(name)));
        }
    }
}

proptest! {
    #[test]
    fn the_text_of_an_object_is_as_it_would_be_written(a in any_json(), b in any_json(), wild in any_json()) {
        let fields = format!("{{\"a\":{a},\"b\":{b}}}");
        prop_assume!(parse(fields.as_bytes()).is_ok());
        let written = parse(fields.as_bytes()).map(|value| to_json_text(&value)).expect("JSON");
        for text in [fields, written.clone(), format!("{{\"b\":{b}, \"a\":{a}}}")] {
            let found = super::super::from_json_text::<super::super::DataText>(text.as_bytes());
            prop_assert_eq!(found.as_ref().map(super::super::DataText::as_str), Ok(&*written), "{}", text);
        }
        let is_object = matches!(parse(wild.as_bytes()), Ok(Value::Object(_)));
        prop_assert_eq!(super::super::from_json_text::<super::super::DataText>(wild.as_bytes()).is_ok(), is_object);
    }

    #[test]
    fn broken_text_is_never_kept(text in any_json(), at in any::<prop::sample::Index>(), byte in "[\"\\\\{}\\[\\],:0-9a-z\x01 -]?") {
        let mut broken: Vec<char> = format!("{{\"a\":{text}}}").chars().collect();
        let at = at.index(broken.len());
        broken.splice(at..=at, byte.chars());
        let broken: String = broken.into_iter().collect();
        let expected = parse(broken.as_bytes()).ok().filter(|value| value.as_object().is_some()).map(|value| to_json_text(&value));
        let found = super::super::from_json_text::<super::super::DataText>(broken.as_bytes()).ok();
        prop_assert_eq!(found.map(|text| text.as_str().to_owned()), expected, "{}", broken);
    }
}

#[test]
fn a_key_of_a_librarys_own_is_a_key_like_others() {
    let text = r#"{"$serde_json::private::Number":"12","a":[1e2]}"#;
    let value = parse(text.as_bytes()).expect("JSON");
    assert_eq!(value["$serde_json::private::Number"].as_str(), Some("12"));
    assert_eq!(super::super::to_json_text(&value), r#"{"$serde_json::private::Number":"12","a":[100]}"#);
}

#[test]
fn bytes_that_are_no_utf_8_and_control_characters_are_refused() {
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\x00\"",
        b"\"\n\"",
        b"\"\\ud800\"",
        b"\"\\ud800\\u0041\"",
        b"\"\\udc00\"",
        b"1 2",
        b"\xef\xbb\xbf1",
    ] {
        assert!(parse(bytes).is_err(), "{bytes:?}");
    }
}

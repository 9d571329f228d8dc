use std::cmp::Ordering;

use holm_protocol::{Data, Value, json};
use proptest::prelude::*;

use super::decode::{read_escaped, take};
use super::*;
use crate::value::tests::{any_value, encode_base64, number};
use crate::value::{Shape, decode_base64, object, tagged};

fn encoded(value: &Value, order: Order) -> Vec<u8> {
    let mut out = Vec::new();
    push_value(&mut out, value, order);
    out
}

/// The order of values, told again without bytes.
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match Shape::of(value) {
        Shape::Null | Shape::Unset => 0,
        Shape::Bool(false) => 1,
        Shape::Bool(true) => 2,
        Shape::Number(_) => 3,
        Shape::BigInt(_) => 4,
        Shape::Date(_) => 5,
        Shape::String(_) => 6,
        Shape::Bytes(_) => 7,
        Shape::Array(_) => 8,
        Shape::Object(_) => 9,
    };
    rank(left).cmp(&rank(right)).then_with(|| match (Shape::of(left), Shape::of(right)) {
        (Shape::Number(left), Shape::Number(right)) | (Shape::Date(left), Shape::Date(right)) => {
            left.partial_cmp(&right).expect("finite")
        }
        (Shape::BigInt(left), Shape::BigInt(right)) => {
            left.parse::<i128>().expect("small").cmp(&right.parse().expect("small"))
        }
        (Shape::String(left), Shape::String(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Shape::Bytes(left), Shape::Bytes(right)) => decode_base64(left).cmp(&decode_base64(right)),
        (Shape::Array(left), Shape::Array(right)) => {
            lexicographic(left.iter().zip(right).map(|(l, r)| compare(l, r)), left.len(), right.len())
        }
        (Shape::Object(left), Shape::Object(right)) => lexicographic(
            left.iter().zip(right).map(|(l, r)| l.0.as_bytes().cmp(r.0.as_bytes()).then_with(|| compare(l.1, r.1))),
            left.len(),
            right.len(),
        ),
        _ => Ordering::Equal,
    })
}

fn lexicographic(mut pairs: impl Iterator<Item = Ordering>, left: usize, right: usize) -> Ordering {
    pairs.find(|order| order.is_ne()).unwrap_or(left.cmp(&right))
}

/// The value of an ascending component.
fn ascending(bytes: &mut &[u8]) -> Result<Value, KeyError> {
    let first = take(bytes, 1)?[0];
    Ok(match first {
        tag::NULL => Value::Null,
        tag::FALSE => Value::Bool(false),
        tag::TRUE => Value::Bool(true),
        tag::NUMBER => number(read_number(bytes)?).ok_or(KeyError)?,
        tag::DATE => tagged("date", number(read_number(bytes)?).ok_or(KeyError)?),
        tag::BIGINT_NEGATIVE | tag::BIGINT_POSITIVE => tagged("bigint", json!(read_bigint(bytes, first)?)),
        tag::STRING => Value::String(read_text(bytes)?),
        tag::BYTES => tagged("bytes", json!(encode_base64(&read_escaped(bytes)?))),
        tag::ARRAY => {
            let mut items = Vec::new();
            while !at_end(bytes)? {
                items.push(ascending(bytes)?);
            }
            Value::Array(items)
        }
        tag::OBJECT => {
            let mut fields = Data::new();
            while !at_end(bytes)? {
                let Value::String(name) = ascending(bytes)? else { return Err(KeyError) };
                fields.insert(name, ascending(bytes)?);
            }
            object(fields)
        }
        _ => return Err(KeyError),
    })
}

fn at_end(bytes: &mut &[u8]) -> Result<bool, KeyError> {
    let end = *bytes.first().ok_or(KeyError)? == END;
    if end {
        take(bytes, 1)?;
    }
    Ok(end)
}

fn read_number(bytes: &mut &[u8]) -> Result<f64, KeyError> {
    let mut ordered = [0; 8];
    ordered.copy_from_slice(take(bytes, 8)?);
    let ordered = u64::from_be_bytes(ordered);
    let bits = if ordered >> 63 == 1 { ordered & !(1 << 63) } else { !ordered };
    Ok(f64::from_bits(bits))
}

fn read_bigint(bytes: &mut &[u8], first: u8) -> Result<String, KeyError> {
    let mask = if first == tag::BIGINT_NEGATIVE { 0xFF } else { 0x00 };
    let mut count = [0; 4];
    count.copy_from_slice(take(bytes, 4)?);
    let count = u32::from_be_bytes(count.map(|byte| byte ^ mask)) as usize;
    let digits = take(bytes, count)?.iter().map(|byte| char::from(byte ^ mask));
    let sign = (mask == 0xFF).then_some('-');
    Ok(sign.into_iter().chain(digits).collect())
}

fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Ascending), Just(Order::Descending)]
}

proptest! {
    #[test]
    fn bytes_sort_like_values(left in any_value(), right in any_value(), order in any_order()) {
        let values = compare(&left, &right);
        let expected = if order == Order::Ascending { values } else { values.reverse() };
        prop_assert_eq!(encoded(&left, order).cmp(&encoded(&right, order)), expected);
    }

    #[test]
    fn compound_keys_sort_by_component(
        left in (any_value(), any_value(), any_value()),
        right in (any_value(), any_value(), any_value()),
        same in 0..4,
        orders in (any_order(), any_order(), any_order()),
    ) {
        let mut right = right;
        if same > 0 { right.0 = left.0.clone(); }
        if same > 1 { right.1 = left.1.clone(); }
        let key = |value: &(Value, Value, Value)| {
            let mut out = Vec::new();
            push_value(&mut out, &value.0, orders.0);
            push_value(&mut out, &value.1, orders.1);
            push_value(&mut out, &value.2, orders.2);
            out
        };
        let directed = |ordering: Ordering, order| if order == Order::Ascending { ordering } else { ordering.reverse() };
        let expected = directed(compare(&left.0, &right.0), orders.0)
            .then(directed(compare(&left.1, &right.1), orders.1))
            .then(directed(compare(&left.2, &right.2), orders.2));
        prop_assert_eq!(key(&left).cmp(&key(&right)), expected);
    }

    #[test]
    fn keys_decode_to_their_values(first in any_value(), second in any_value(), order in any_order()) {
        let mut key = encoded(&first, order);
        push_value(&mut key, &second, order);
        push_text(&mut key, "id\0");
        let mut rest = key.as_slice();
        skip_value(&mut rest, order).expect("a component");
        let mut component = key[..key.len() - rest.len()].to_vec();
        if order == Order::Descending {
            component = flipped(&component);
        }
        let decoded = ascending(&mut component.as_slice()).expect("a component");
        prop_assert_eq!(compare(&decoded, &first), Ordering::Equal);
        skip_value(&mut rest, order).expect("a component");
        prop_assert_eq!(read_text(&mut rest), Ok("id\0".to_owned()));
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x80), Just(0x60), Just(0x00)], 0..20), order in any_order()) {
        let _ = skip_value(&mut bytes.as_slice(), order);
        let _ = read_string(&mut bytes.as_slice());
        let _ = read_text(&mut bytes.as_slice());
    }

    #[test]
    fn a_string_prefix_covers_exactly_the_strings_that_start_with_it(prefix in "[a\0\u{ff}]{0,2}", value in prop_oneof![any_value(), "[a\0\u{ff}]{0,3}".prop_map(Value::String)]) {
        let low = string_prefix(&prefix);
        let key = encoded(&value, Order::Ascending);
        let inside = key >= low && key < after_prefix(&low);
        prop_assert_eq!(inside, value.as_str().is_some_and(|text| text.starts_with(&prefix)));
    }

    #[test]
    fn a_class_covers_exactly_its_kind(value in any_value(), other in any_value()) {
        let class = Class::of(&encoded(&value, Order::Ascending));
        let key = encoded(&other, Order::Ascending);
        prop_assert_eq!(key >= class.first() && key < class.end(), Class::of(&key) == class);
    }
}

#[test]
fn the_order_of_kinds_is_as_documented() {
    let values = [
        json!(null),
        json!(false),
        json!(true),
        json!(-1e300),
        json!(-2),
        json!(-0.5),
        json!(0),
        json!(5e-324),
        json!(1),
        json!(10),
        tagged("bigint", json!("-100")),
        tagged("bigint", json!("-12")),
        tagged("bigint", json!("-11")),
        tagged("bigint", json!("0")),
        tagged("bigint", json!("9")),
        tagged("bigint", json!("10")),
        tagged("date", json!(-1)),
        tagged("date", json!(1)),
        json!(""),
        json!("\0"),
        json!("a"),
        json!("a\0"),
        json!("ab"),
        json!("b"),
        json!("é"),
        json!("\u{ffff}"),
        json!("😀"),
        tagged("bytes", json!("")),
        tagged("bytes", json!("AA==")),
        json!([]),
        json!([null]),
        json!([1]),
        json!([1, 2]),
        json!([2]),
        json!({}),
        json!({"a": 1}),
    ];
    for pair in values.windows(2) {
        assert!(encoded(&pair[0], Order::Ascending) < encoded(&pair[1], Order::Ascending), "{} {}", pair[0], pair[1]);
        assert!(encoded(&pair[0], Order::Descending) > encoded(&pair[1], Order::Descending), "{} {}", pair[0], pair[1]);
    }
    assert_eq!(encoded(&number(-0.0).expect("finite"), Order::Ascending), encoded(&json!(0), Order::Ascending));
}

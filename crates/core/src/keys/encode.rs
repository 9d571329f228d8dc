//! Values to bytes.

use super::{END, tag};
use crate::value::{Shape, decode_base64};
use holm_protocol::Value;

/// Which way a component sorts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// Small before great.
    #[default]
    Ascending,
    /// Great before small.
    Descending,
}

/// Appends a value as one component. The value must be one that [`crate::value::check`] accepts.
pub fn push_value(out: &mut Vec<u8>, value: &Value, order: Order) {
    let start = out.len();
    ascending(out, value);
    if order == Order::Descending {
        flip(&mut out[start..]);
    }
}

/// Appends null as one component: what an absent field is in an index.
pub fn push_null(out: &mut Vec<u8>, order: Order) {
    push_value(out, &Value::Null, order);
}

/// Appends a string as one ascending component.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(tag::STRING);
    push_text(out, text);
}

/// Appends a text without a tag: for the names and ids of the keyspace.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    push_escaped(out, text.as_bytes());
    out.extend_from_slice(&[END, 0x01]);
}

/// The bytes with which every string that starts with `prefix`, and nothing else, begins as an ascending component.
#[must_use]
pub fn string_prefix(prefix: &str) -> Vec<u8> {
    let mut out = vec![tag::STRING];
    push_escaped(&mut out, prefix.as_bytes());
    out
}

/// The first bytes after all that begin with `prefix`.
///
/// # Panics
/// If no byte of `prefix` is below 0xFF; the keyspace has no such key.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let last =
        prefix.iter().rposition(|byte| *byte != 0xFF).expect("a key of the keyspace begins with a byte below 0xFF");
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    end
}

/// All bits flipped: an ascending component as a descending one, and back.
#[must_use]
pub fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    flip(&mut out);
    out
}

/// Flips all bits, which turns the order of self-ending components round.
pub(super) fn flip(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = !*byte;
    }
}

fn ascending(out: &mut Vec<u8>, value: &Value) {
    match Shape::of(value) {
        Shape::Null | Shape::Unset => out.push(tag::NULL),
        Shape::Bool(false) => out.push(tag::FALSE),
        Shape::Bool(true) => out.push(tag::TRUE),
        Shape::Number(number) => {
            out.push(tag::NUMBER);
            push_number(out, number);
        }
        Shape::BigInt(digits) => push_bigint(out, digits),
        Shape::Date(ms) => {
            out.push(tag::DATE);
            push_number(out, ms);
        }
        Shape::String(text) => push_string(out, text),
        Shape::Bytes(base64) => {
            out.push(tag::BYTES);
            push_escaped(out, &decode_base64(base64).unwrap_or_default());
            out.extend_from_slice(&[END, 0x01]);
        }
        Shape::Array(items) => {
            out.push(tag::ARRAY);
            for item in items {
                ascending(out, item);
            }
            out.push(END);
        }
        Shape::Object(fields) => {
            out.push(tag::OBJECT);
            for (name, value) in fields {
                push_string(out, name);
                ascending(out, value);
            }
            out.push(END);
        }
    }
}

/// 0x00 becomes 0x00 0xFF, so that 0x00 0x01 can end the text.
fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 2);
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == 0x00) {
        out.extend_from_slice(&rest[..=at]);
        out.push(0xFF);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// IEEE 754 sorts like its bits once negative numbers are flipped and positive ones moved above them.
fn push_number(out: &mut Vec<u8>, number: f64) {
    let positive_zero = number + 0.0;
    let bits = positive_zero.to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    out.extend_from_slice(&ordered.to_be_bytes());
}

/// The sign in the tag, then how many digits, then the digits; all flipped for negative ones.
fn push_bigint(out: &mut Vec<u8>, text: &str) {
    let (tag, digits) = match text.strip_prefix('-') {
        Some(digits) => (tag::BIGINT_NEGATIVE, digits),
        None => (tag::BIGINT_POSITIVE, text),
    };
    out.push(tag);
    let start = out.len();
    let count = u32::try_from(digits.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(digits.as_bytes());
    if tag == tag::BIGINT_NEGATIVE {
        flip(&mut out[start..]);
    }
}

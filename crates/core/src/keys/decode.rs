//! Bytes back to values.

use std::fmt;

use serde_json::{Map, Number, Value, json};

use super::encode::flip;
use super::{END, Order, tag};
use crate::value::{encode_base64, tagged};

/// Bytes that no value encodes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the bytes of a key")
    }
}

impl std::error::Error for KeyError {}

/// Takes one component off the front of `bytes` and gives its value.
///
/// # Errors
/// [`KeyError`] when `bytes` does not begin with a component of this order.
pub fn read_value(bytes: &mut &[u8], order: Order) -> Result<Value, KeyError> {
    let whole = *bytes;
    skip_value(bytes, order)?;
    let mut component = whole[..whole.len() - bytes.len()].to_vec();
    if order == Order::Descending {
        flip(&mut component);
    }
    ascending(&mut component.as_slice())
}

/// Takes one component off the front of `bytes`.
///
/// # Errors
/// [`KeyError`] when `bytes` does not begin with a component of this order.
pub fn skip_value(bytes: &mut &[u8], order: Order) -> Result<(), KeyError> {
    let mask = if order == Order::Descending { 0xFF } else { 0x00 };
    let mut open = 0_usize;
    loop {
        let first = *take(bytes, 1)?.first().ok_or(KeyError)? ^ mask;
        match first {
            END if open > 0 => open -= 1,
            tag::NULL | tag::FALSE | tag::TRUE => {}
            tag::NUMBER | tag::DATE => {
                take(bytes, 8)?;
            }
            tag::BIGINT_NEGATIVE | tag::BIGINT_POSITIVE => {
                let flipped = if first == tag::BIGINT_NEGATIVE { !mask } else { mask };
                let mut count = [0; 4];
                count.copy_from_slice(take(bytes, 4)?);
                let count = u32::from_be_bytes(count.map(|byte| byte ^ flipped));
                take(bytes, count as usize)?;
            }
            tag::STRING | tag::BYTES => skip_escaped(bytes, mask)?,
            tag::ARRAY | tag::OBJECT => open += 1,
            _ => return Err(KeyError),
        }
        if open == 0 {
            return Ok(());
        }
    }
}

/// Takes a text without a tag off the front of `bytes`.
///
/// # Errors
/// [`KeyError`] when `bytes` does not begin with a text.
pub fn read_text(bytes: &mut &[u8]) -> Result<String, KeyError> {
    String::from_utf8(read_escaped(bytes)?).map_err(|_| KeyError)
}

/// Takes a text without a tag off the front of `bytes`, unread.
///
/// # Errors
/// [`KeyError`] when `bytes` does not begin with a text.
pub fn skip_text(bytes: &mut &[u8]) -> Result<(), KeyError> {
    skip_escaped(bytes, 0x00)
}

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
            let mut fields = Map::new();
            while !at_end(bytes)? {
                let Value::String(name) = ascending(bytes)? else { return Err(KeyError) };
                fields.insert(name, ascending(bytes)?);
            }
            crate::value::object(fields)
        }
        _ => return Err(KeyError),
    })
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], KeyError> {
    let (head, tail) = bytes.split_at_checked(count).ok_or(KeyError)?;
    *bytes = tail;
    Ok(head)
}

fn at_end(bytes: &mut &[u8]) -> Result<bool, KeyError> {
    let end = *bytes.first().ok_or(KeyError)? == END;
    if end {
        take(bytes, 1)?;
    }
    Ok(end)
}

fn skip_escaped(bytes: &mut &[u8], mask: u8) -> Result<(), KeyError> {
    loop {
        let zero = bytes.iter().position(|byte| byte ^ mask == 0x00).ok_or(KeyError)?;
        take(bytes, zero + 1)?;
        match take(bytes, 1)?[0] ^ mask {
            0x01 => return Ok(()),
            0xFF => {}
            _ => return Err(KeyError),
        }
    }
}

fn read_escaped(bytes: &mut &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut text = Vec::new();
    loop {
        let zero = bytes.iter().position(|byte| *byte == 0x00).ok_or(KeyError)?;
        text.extend_from_slice(take(bytes, zero)?);
        match take(bytes, 2)?[1] {
            0x01 => return Ok(text),
            0xFF => text.push(0x00),
            _ => return Err(KeyError),
        }
    }
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

fn number(number: f64) -> Option<Value> {
    crate::value::number(number).or_else(|| Number::from_f64(number).map(Value::Number))
}

//! Bytes back to texts, and past values.

use std::fmt;

use super::{END, Order, tag};

/// Bytes that no value encodes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the bytes of a key")
    }
}

impl std::error::Error for KeyError {}

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

/// Takes a string, as one ascending component, off the front of `bytes`.
///
/// # Errors
/// [`KeyError`] when `bytes` does not begin with a string.
pub fn read_string(bytes: &mut &[u8]) -> Result<String, KeyError> {
    if take(bytes, 1)? != [tag::STRING] {
        return Err(KeyError);
    }
    read_text(bytes)
}

/// Takes a text without a tag off the front of `bytes`, unread.
///
/// # Errors
/// [`KeyError`] when `bytes` does not begin with a text.
pub fn skip_text(bytes: &mut &[u8]) -> Result<(), KeyError> {
    skip_escaped(bytes, 0x00)
}

pub(super) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], KeyError> {
    let (head, tail) = bytes.split_at_checked(count).ok_or(KeyError)?;
    *bytes = tail;
    Ok(head)
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

pub(super) fn read_escaped(bytes: &mut &[u8]) -> Result<Vec<u8>, KeyError> {
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

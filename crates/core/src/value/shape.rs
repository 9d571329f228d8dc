//! What a piece of tagged JSON stands for.

use holm_protocol::{Data, Value};

use super::{BIGINT_DIGITS_MAX, TAG};

/// What a piece of tagged JSON stands for, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, −0 included.
    Number(f64),
    /// A bigint in decimal digits.
    BigInt(&'a str),
    /// A date in milliseconds since 1970.
    Date(f64),
    /// A string.
    String(&'a str),
    /// Bytes in base64.
    Bytes(&'a str),
    /// An array.
    Array(&'a [Value]),
    /// An object, without the wrapping that it may need.
    Object(&'a Data),
    /// Not a value: in a patch, the field is removed.
    Unset,
}

impl<'a> Shape<'a> {
    /// What `value` stands for; an object that is no valid tagged form stands for itself.
    #[must_use]
    pub fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => Self::Number(number.to_f64()),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(items),
            Value::Object(fields) => match fields.get(TAG) {
                Some(Value::Array(parts)) if fields.len() == 1 => {
                    Self::of_tagged(parts).unwrap_or(Self::Object(fields))
                }
                _ => Self::Object(fields),
            },
        }
    }

    fn of_tagged(parts: &'a [Value]) -> Option<Self> {
        let (kind, rest) = parts.split_first()?;
        match (kind.as_str()?, rest) {
            ("bigint", [Value::String(digits)]) if bigint_is_canonical(digits) => Some(Self::BigInt(digits)),
            ("date", [Value::Number(ms)]) => Some(ms.to_f64()).filter(|ms| date_is_valid(*ms)).map(Self::Date),
            ("bytes", [Value::String(base64)]) => Some(Self::Bytes(base64)),
            ("-0", []) => Some(Self::Number(-0.0)),
            ("object", [Value::Object(fields)]) if fields.contains_key(TAG) => Some(Self::Object(fields)),
            ("unset", []) => Some(Self::Unset),
            _ => None,
        }
    }

    /// What to call it in an error message.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::BigInt(_) => "a bigint",
            Self::Date(_) => "a date",
            Self::String(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
            Self::Unset => "a removal",
        }
    }
}

/// A tagged form with one part: `{"$holm":[kind, part]}`.
#[must_use]
pub fn tagged(kind: &str, part: Value) -> Value {
    form(vec![Value::from(kind), part])
}

fn form(parts: Vec<Value>) -> Value {
    let mut fields = Data::new();
    fields.insert(TAG.to_owned(), Value::Array(parts));
    Value::Object(fields)
}

/// An object as tagged JSON: wrapped where it has the key `$holm`.
#[must_use]
pub fn object(fields: Data) -> Value {
    if fields.contains_key(TAG) {
        return tagged("object", Value::Object(fields));
    }
    Value::Object(fields)
}

/// What removes a field in a patch.
#[must_use]
pub fn unset() -> Value {
    form(vec![Value::from("unset")])
}

/// Whether `value` removes a field.
#[must_use]
pub fn is_unset(value: &Value) -> bool {
    Shape::of(value) == Shape::Unset
}

/// Whether this is how a bigint is spelled: digits without leading zeros, `-` before them if it is below 0.
#[must_use]
pub fn bigint_is_canonical(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() <= BIGINT_DIGITS_MAX
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && match digits.as_bytes() {
            [] => false,
            [b'0', ..] => text == "0",
            _ => true,
        }
}

/// Whether JavaScript has this date: whole milliseconds, 100 million days to both sides of 1970.
#[must_use]
pub fn date_is_valid(ms: f64) -> bool {
    ms.fract() == 0.0 && ms.abs() <= 8.64e15 && (ms != 0.0 || ms.is_sign_positive())
}

/// The bytes that canonical base64 stands for: with its padding, and no bit set that belongs to no byte (RFC 4648).
#[must_use]
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u16, 0);
    for digit in digits.bytes() {
        held = held << 6 | u16::from(sextet(digit)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    let is_whole = text.len().is_multiple_of(4) && text.len() - digits.len() <= 2;
    (is_whole && held == 0).then_some(bytes)
}

fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

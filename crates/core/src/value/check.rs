//! Values are looked through once, where they come in.

use holm_protocol::{Data, ErrorCode, Value, quoted, to_json_text};

use super::{DEPTH_MAX, Refusal, Shape, TAG, decode_base64};
use crate::Error;

/// Reads one value.
///
/// `whose` begins the message of an error.
///
/// # Errors
/// `invalid-value` for text that is not JSON, that nests deeper than [`DEPTH_MAX`], or that holds a tagged form which stands for nothing;
/// `invalid-record` for a field named `__proto__`.
pub fn parse(text: &str, whose: &str) -> Result<Value, Error> {
    let value = parse_json(text, ErrorCode::InvalidValue, whose)?;
    check(&value, whose)?;
    Ok(value)
}

/// Looks through a value.
///
/// # Errors
/// As for [`parse`].
pub fn check(value: &Value, whose: &str) -> Result<(), Error> {
    look_through(value, 1).map_err(|refusal| refusal.into_error(whose))
}

/// Reads JSON whatever it stands for; the parser's own recursion limit (128) guards the stack.
pub(crate) fn parse_json(text: &str, code: ErrorCode, whose: &str) -> Result<Value, Error> {
    holm_protocol::parse(text.as_bytes()).map_err(|why| Error::new(code, format!("{whose}: {why}")))
}

/// Whether an array or object may stand at this depth.
pub(crate) fn shallow(depth: usize) -> Result<(), Refusal> {
    if depth > DEPTH_MAX {
        return Err(Refusal::new(ErrorCode::InvalidValue, format!("nests deeper than {DEPTH_MAX} levels")));
    }
    Ok(())
}

/// As [`check`], for a value whose outermost array or object stands at `depth`.
pub(crate) fn look_through(value: &Value, depth: usize) -> Result<(), Refusal> {
    match value {
        Value::Array(items) => {
            shallow(depth)?;
            for (index, item) in items.iter().enumerate() {
                look_through(item, depth + 1).map_err(|refusal| refusal.in_item(index))?;
            }
            Ok(())
        }
        Value::Object(fields) if fields.contains_key(TAG) => tagged_form(value, fields, depth),
        Value::Object(fields) => all_fields(fields, depth),
        _ => Ok(()),
    }
}

fn tagged_form(value: &Value, fields: &Data, depth: usize) -> Result<(), Refusal> {
    match Shape::of(value) {
        Shape::Object(inner) if !std::ptr::eq(inner, fields) => all_fields(inner, depth + 2),
        Shape::Object(_) => {
            let why = format!("has a {} that stands for nothing: {}", quoted(TAG), shortened(value));
            Err(Refusal::new(ErrorCode::InvalidValue, why))
        }
        Shape::Unset => {
            Err(Refusal::new(ErrorCode::InvalidValue, "cannot be a removal here, only a field of a patch can"))
        }
        Shape::Bytes(base64) if decode_base64(base64).is_none() => {
            Err(Refusal::new(ErrorCode::InvalidValue, "has bytes that are not canonical base64"))
        }
        _ => Ok(()),
    }
}

fn all_fields(fields: &Data, depth: usize) -> Result<(), Refusal> {
    shallow(depth)?;
    for (name, value) in fields {
        if name == "__proto__" {
            let why = "must not be named \"__proto__\": JavaScript would change the object's prototype";
            return Err(Refusal::new(ErrorCode::InvalidRecord, why).in_field(name));
        }
        look_through(value, depth + 1).map_err(|refusal| refusal.in_field(name))?;
    }
    Ok(())
}

fn shortened(value: &Value) -> String {
    let text = to_json_text(value);
    if text.chars().count() <= 60 {
        return text;
    }
    text.chars().take(60).chain(['…']).collect()
}

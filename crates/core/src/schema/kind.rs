//! Fields and their types, checked at run time.

#[cfg(feature = "full")]
use holm_protocol::Way;
use holm_protocol::{Data, ErrorCode, Parser, Unfit, Value, quoted, to_json_text};
use holm_store::SortedMap;

use super::{check_id, joined};
use crate::value::{Refusal, Shape, decode_base64, look_through, shallow};

/// A declared field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it holds.
    pub kind: Kind,
    /// It may be absent.
    pub optional: bool,
    /// It may be null.
    pub nullable: bool,
    /// What it holds where a new record does not say.
    pub default: Option<Value>,
    /// In which way of its own it merges, if it has one.
    #[cfg(feature = "full")]
    pub way: Option<Way>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A string.
    String,
    /// A finite number.
    Number,
    /// A whole number that JavaScript holds exactly.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A moment, as a number: milliseconds since 1970.
    Timestamp,
    /// A `Date`.
    Date,
    /// A bigint.
    BigInt,
    /// A `Uint8Array`.
    Bytes,
    /// Anything.
    Json,
    /// An array of one type.
    Array(Box<Field>),
    /// An object with declared fields.
    Object(SortedMap<String, Field>),
    /// The id of a record of a collection.
    Ref(String),
    /// One of these strings.
    Enum(Vec<String>),
}

/// The greatest whole number that JavaScript tells from its neighbours.
const INTEGER_MAX: f64 = 9_007_199_254_740_991.0;

impl Field {
    /// Whether `value`, at `depth`, may stand in this field.
    pub(crate) fn check(&self, value: &Value, depth: usize) -> Result<(), Refusal> {
        if self.nullable && value.is_null() {
            return Ok(());
        }
        self.kind.check(value, depth)
    }

    /// Whether the value that comes next in a text, at `depth`, may stand in this field; goes past it.
    pub(crate) fn fits(&self, parser: &mut Parser<'_>, depth: usize) -> Result<bool, Unfit> {
        match (&self.kind, parser.peek()) {
            (Kind::String, Some(b'"'))
            | (Kind::Boolean, Some(b't' | b'f'))
            | (Kind::Number | Kind::Timestamp, Some(b'-' | b'0'..=b'9')) => parser.skip().map(|()| true),
            (Kind::Array(of), Some(b'[')) => {
                let mut fit = shallow(depth).is_ok();
                parser.items(&mut |parser| {
                    fit &= of.fits(parser, depth + 1)?;
                    Ok(())
                })?;
                Ok(fit)
            }
            _ => Ok(self.check(&parser.value()?, depth).is_ok()),
        }
    }
}

impl Kind {
    /// What to call it in an error message.
    #[must_use]
    pub fn noun(&self) -> String {
        let noun = match self {
            Self::String => "a string",
            Self::Number => "a number",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::Timestamp => "a timestamp (milliseconds since 1970)",
            Self::Date => "a date",
            Self::BigInt => "a bigint",
            Self::Bytes => "bytes",
            Self::Json => "a value",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
            Self::Ref(to) => return format!("the id of a record in {}", quoted(to)),
            Self::Enum(values) => return format!("one of {}", listed(values)),
        };
        noun.to_owned()
    }

    fn check(&self, value: &Value, depth: usize) -> Result<(), Refusal> {
        let shape = Shape::of(value);
        let fits = match (self, shape) {
            (Self::Json, _) => return look_through(value, depth),
            (Self::Array(of), Shape::Array(items)) => return items_fit(of, items, depth),
            (Self::Object(fields), Shape::Object(found)) => return fields_fit(fields, found, depth),
            (Self::Ref(_), Shape::String(id)) => {
                return check_id(id).map_err(|error| {
                    Refusal::new(ErrorCode::InvalidRecord, format!("must be {}: {}", self.noun(), error.message))
                });
            }
            (Self::Bytes, Shape::Bytes(base64)) => decode_base64(base64).is_some(),
            (Self::Integer, Shape::Number(number)) => number.fract() == 0.0 && number.abs() <= INTEGER_MAX,
            (Self::Enum(values), Shape::String(text)) => values.iter().any(|value| value == text),
            (Self::String, Shape::String(_))
            | (Self::Number | Self::Timestamp, Shape::Number(_))
            | (Self::Boolean, Shape::Bool(_))
            | (Self::Date, Shape::Date(_))
            | (Self::BigInt, Shape::BigInt(_)) => true,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let found = match shape {
            Shape::Number(_) => to_json_text(value),
            Shape::String(text) if matches!(self, Self::Enum(_)) => quoted(text),
            other => other.noun().to_owned(),
        };
        Err(Refusal::new(ErrorCode::InvalidRecord, format!("must be {}, not {found}", self.noun())))
    }
}

fn items_fit(of: &Field, items: &[Value], depth: usize) -> Result<(), Refusal> {
    shallow(depth)?;
    for (index, item) in items.iter().enumerate() {
        of.check(item, depth + 1).map_err(|refusal| refusal.in_item(index))?;
    }
    Ok(())
}

fn fields_fit(fields: &SortedMap<String, Field>, found: &Data, depth: usize) -> Result<(), Refusal> {
    shallow(depth)?;
    if let Some(unknown) = found.keys().find(|name| !fields.contains_key(*name)) {
        return Err(Refusal::new(ErrorCode::InvalidRecord, "is not a declared field").in_field(unknown));
    }
    for (name, field) in fields.iter() {
        let fits = match found.get(name) {
            Some(value) => field.check(value, depth + 1),
            None if field.optional => Ok(()),
            None => Err(Refusal::new(ErrorCode::InvalidRecord, "is missing")),
        };
        fits.map_err(|refusal| refusal.in_field(name))?;
    }
    Ok(())
}

fn listed(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    joined(&texts, ", ")
}

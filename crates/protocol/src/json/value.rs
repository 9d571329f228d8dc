//! JSON of any shape: what belongs to the app.

use std::fmt;

use super::{FromJson, Number, Parser, ToJson, Unfit, to_json_text};
use crate::Data;

/// Any JSON.
#[derive(Clone, Debug, Default, Eq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Data),
}

impl PartialEq for Value {
    #[inline(never)] // derived, it is compiled in several places
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(mine), Self::Bool(other)) => mine == other,
            (Self::Number(mine), Self::Number(other)) => mine == other,
            (Self::String(mine), Self::String(other)) => mine == other,
            (Self::Array(mine), Self::Array(other)) => mine == other,
            (Self::Object(mine), Self::Object(other)) => mine == other,
            _ => false,
        }
    }
}

impl Value {
    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What it is, if that is `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(bool) = self { Some(*bool) } else { None }
    }

    /// The whole number from 0 that it is.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        if let Self::Number(number) = self { number.as_str().parse().ok() } else { None }
    }

    /// The text that it is.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The items of the array that it is.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The fields of the object that it is.
    #[must_use]
    pub fn as_object(&self) -> Option<&Data> {
        if let Self::Object(fields) = self { Some(fields) } else { None }
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

/// Its JSON text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_json_text(self))
    }
}

impl FromJson for Value {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        *self = parser.value()?;
        Ok(())
    }
}

impl ToJson for Value {
    fn write(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(bool) => bool.write(text),
            Self::Number(number) => text.push_str(number.as_str()),
            Self::String(content) => content.write(text),
            Self::Array(items) => items.write(text),
            Self::Object(fields) => fields.write(text),
        }
    }

    fn is_empty(&self) -> bool {
        self.is_null()
    }
}

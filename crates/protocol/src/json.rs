//! From parsed JSON to messages: one small reader in place of code that is derived for each of them.
//!
//! Text is parsed once, to a [`Value`]; a message then takes its fields out of it. Fields that it does not know are left over.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::Data;

/// Made from parsed JSON.
pub trait FromJson: Sized {
    /// Takes what it needs out of `value`.
    ///
    /// # Errors
    /// [`Unfit`], which names the field that is missing or of another type.
    fn from_json(value: Value) -> Result<Self, Unfit>;
}

/// Why JSON is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(String);

impl Unfit {
    /// Something else was expected.
    #[must_use]
    pub fn expected(what: &str) -> Self {
        Self(format!("not {what}"))
    }

    fn within(self, name: &str) -> Self {
        Self(format!("{name}: {}", self.0))
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

/// Parses JSON text.
///
/// # Errors
/// [`Unfit`] for what is not JSON or not a `T`.
pub fn from_json_text<T: FromJson>(text: &[u8]) -> Result<T, Unfit> {
    let value = serde_json::from_slice(text).map_err(|why| Unfit(why.to_string()))?;
    T::from_json(value)
}

/// The fields of a JSON object that are not taken yet.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// The fields of `value`.
    ///
    /// # Errors
    /// [`Unfit`] for what is no object.
    pub fn of(value: Value) -> Result<Self, Unfit> {
        Ok(Self(Map::from_json(value)?))
    }

    /// Takes a field that must be there.
    ///
    /// # Errors
    /// [`Unfit`] when it is missing or of another type.
    pub fn take<T: FromJson>(&mut self, name: &str) -> Result<T, Unfit> {
        let value = self.0.remove(name).ok_or_else(|| Unfit(format!("{name} is missing")))?;
        T::from_json(value).map_err(|unfit| unfit.within(name))
    }

    /// Takes a field that may be absent.
    ///
    /// # Errors
    /// [`Unfit`] when it is of another type.
    pub fn take_or_default<T: FromJson + Default>(&mut self, name: &str) -> Result<T, Unfit> {
        match self.0.remove(name) {
            Some(value) => T::from_json(value).map_err(|unfit| unfit.within(name)),
            None => Ok(T::default()),
        }
    }
}

/// Makes a struct [`FromJson`], field by field; those after the semicolon may be absent.
///
/// ```
/// # use holm_protocol::{from_json_text, read_fields};
/// #[derive(Debug, PartialEq)]
/// struct Place { name: String, floor: Option<u32> }
/// read_fields!(Place { name; floor });
/// assert_eq!(from_json_text(br#"{"name":"a"}"#), Ok(Place { name: "a".to_owned(), floor: None }));
/// ```
#[macro_export]
macro_rules! read_fields {
    ($type:ident { $($field:ident $(as $name:literal)?),* $(; $($optional:ident $(as $other:literal)?),*)? }) => {
        impl $crate::FromJson for $type {
            fn from_json(value: $crate::Value) -> Result<Self, $crate::Unfit> {
                let mut fields = $crate::Fields::of(value)?;
                Ok(Self {
                    $($field: fields.take($crate::field_name!($field $($name)?))?,)*
                    $($($optional: fields.take_or_default($crate::field_name!($optional $($other)?))?,)*)?
                })
            }
        }
    };
}

/// A field's name in JSON.
#[doc(hidden)]
#[macro_export]
macro_rules! field_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// Makes an enum without content [`FromJson`], by the words for its variants.
#[macro_export]
macro_rules! read_words {
    ($type:ident { $($variant:ident $word:literal),* $(,)? }) => {
        impl $crate::FromJson for $type {
            fn from_json(value: $crate::Value) -> Result<Self, $crate::Unfit> {
                match value.as_str() {
                    $(Some($word) => Ok(Self::$variant),)*
                    _ => Err($crate::Unfit::expected(stringify!($type))),
                }
            }
        }
    };
}

impl FromJson for Value {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        Ok(value)
    }
}

impl FromJson for Data {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        match value {
            Value::Object(fields) => Ok(fields),
            _ => Err(Unfit::expected("an object")),
        }
    }
}

impl FromJson for String {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err(Unfit::expected("a string")),
        }
    }
}

impl FromJson for bool {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        value.as_bool().ok_or_else(|| Unfit::expected("true or false"))
    }
}

impl FromJson for u64 {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        value.as_u64().ok_or_else(|| Unfit::expected("a whole number from 0"))
    }
}

macro_rules! smaller_numbers {
    ($($type:ident)*) => {
        $(impl FromJson for $type {
            fn from_json(value: Value) -> Result<Self, Unfit> {
                let number = u64::from_json(value)?;
                Self::try_from(number).map_err(|_| Unfit::expected(concat!("within ", stringify!($type))))
            }
        })*
    };
}

smaller_numbers!(u16 u32 usize);

/// Null stands for none.
impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        if value.is_null() { Ok(None) } else { T::from_json(value).map(Some) }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        match value {
            Value::Array(items) => items.into_iter().map(T::from_json).collect(),
            _ => Err(Unfit::expected("a list")),
        }
    }
}

/// A list of two.
impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        let pair: [Value; 2] = Vec::from_json(value)?.try_into().map_err(|_| Unfit::expected("a list of two"))?;
        let [first, second] = pair;
        Ok((A::from_json(first)?, B::from_json(second)?))
    }
}

impl<T: FromJson> FromJson for BTreeMap<String, T> {
    fn from_json(value: Value) -> Result<Self, Unfit> {
        let mut read = Self::new();
        for (name, value) in Data::from_json(value)? {
            let item = T::from_json(value).map_err(|unfit| unfit.within(&name))?;
            read.insert(name, item);
        }
        Ok(read)
    }
}

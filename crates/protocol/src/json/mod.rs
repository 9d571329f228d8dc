//! Messages from and to JSON: one small reader and writer in place of code that is derived for each of them.
//!
//! A message that stands there with its defaults reads its fields from the text, one after another; those that it does not know are
//! passed over. Only what belongs to the app becomes a [`Value`].

mod data_text;
mod number;
mod parse;
#[cfg(feature = "serde")]
mod serde;
mod value;
mod write;

use std::collections::BTreeMap;
use std::fmt;

pub use data_text::DataText;
#[cfg(feature = "full")]
pub(crate) use number::Decimal;
pub use number::Number;
pub use parse::{Parser, parse, pick};
pub use value::Value;
pub use write::{Object, quoted, to_json_text};

/// Read from JSON text, in place of a default.
pub trait FromJson {
    /// Becomes what comes next in the text.
    ///
    /// # Errors
    /// [`Unfit`], which names the field that is missing or of another type; and for what is not JSON.
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit>;
}

/// Written as JSON.
pub trait ToJson {
    /// Appends its text.
    fn write(&self, text: &mut String) {
        let mut object = Object::begin(text);
        self.fields(&mut object);
        object.end();
    }

    /// Appends its fields, where it is an object.
    fn fields(&self, _object: &mut Object<'_>) {}

    /// Whether a field may be left out when it holds this.
    fn is_empty(&self) -> bool {
        false
    }
}

/// Why JSON is not what was expected.
#[derive(Clone, PartialEq, Eq)]
pub struct Unfit(Box<Reason>);

#[derive(Clone, PartialEq, Eq)]
struct Reason {
    place: String,
    what: &'static str,
}

impl Unfit {
    pub(crate) fn within(mut self, name: &str) -> Self {
        self.0.place.insert_str(0, ": ");
        self.0.place.insert_str(0, name);
        self
    }
}

/// What it is: `not a stamp`.
impl From<&'static str> for Unfit {
    fn from(what: &'static str) -> Self {
        Self(Box::new(Reason { place: String::new(), what }))
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.place)?;
        f.write_str(self.0.what)
    }
}

impl fmt::Debug for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Unfit {}

/// A `T` from what is shown as JSON text.
///
/// # Errors
/// As for [`from_json_text`].
pub fn from_json<T: FromJson + Default>(value: &dyn fmt::Display) -> Result<T, Unfit> {
    from_json_text(value.to_string().as_bytes())
}

/// A `T` from JSON text.
///
/// # Errors
/// [`Unfit`] for what is not JSON or not a `T`.
pub fn from_json_text<T: FromJson + Default>(text: &[u8]) -> Result<T, Unfit> {
    let mut read = T::default();
    read_json_text(text, &mut read)?;
    Ok(read)
}

/// What stands there with its defaults becomes what JSON text says.
///
/// # Errors
/// As for [`from_json_text`].
pub fn read_json_text(text: &[u8], read: &mut dyn FromJson) -> Result<(), Unfit> {
    Parser::whole(text, &mut |parser| read.read(parser))
}

/// Makes a struct [`FromJson`] and [`ToJson`], field by field; those after the semicolon are left out where they are empty, those after
/// a `+` are for a [`FULL`](crate::FULL) engine alone, and after a second semicolon stand `data, stamps`, which are written as
/// [`Object::written`] says.
///
/// ```
/// # use holm_protocol::{from_json_text, json_fields, to_json_text};
/// #[derive(Debug, Default, PartialEq)]
/// struct Place { name: String, floor: Option<u32> }
/// json_fields!(Place { name; floor });
/// let place = Place { name: "a".to_owned(), floor: None };
/// assert_eq!(to_json_text(&place), r#"{"name":"a"}"#);
/// assert_eq!(from_json_text(br#"{"name":"a"}"#), Ok(place));
/// ```
#[macro_export]
macro_rules! json_fields {
    ($type:ident {
        $($field:ident $(as $name:literal)?),* $(; $($optional:ident $(as $other:literal)?),* $(+ $($full:ident),*)? $(; $data:ident, $stamps:ident)?)?
    }) => {
        impl $crate::FromJson for $type {
            fn read(&mut self, parser: &mut $crate::Parser<'_>) -> Result<(), $crate::Unfit> {
                $($(let mut $stamps: Option<$crate::Hlc> = None;)?)?
                let names = concat!(
                    $($crate::field_name!($field $($name)?), " ",)*
                    $($($crate::field_name!($optional $($other)?), " ",)* $($($crate::full_name!($full),)*)? $(stringify!($data), " stamp ", stringify!($stamps), " ",)?)?
                );
                parser.fill(names, const { <[&str]>::len(&[$(stringify!($field)),*]) }, &mut [
                    $(&mut self.$field,)* $($(&mut self.$optional,)* $($(#[cfg(feature = "full")] &mut self.$full,)*)? $(&mut self.$data, &mut $stamps, &mut self.$stamps)?)?
                ])?;
                $($(if let Some(stamp) = $stamps {
                    self.$stamps.spread(&stamp, &self.$data);
                })?)?
                Ok(())
            }
        }
        $crate::write_fields!($type {
            $($field $(as $name)?),* $(; $($optional $(as $other)?),* $(+ $($full),*)? $(; $data, $stamps)?)?
        });
    };
}

/// Makes a struct [`ToJson`], as [`json_fields`](crate::json_fields) does.
#[macro_export]
macro_rules! write_fields {
    ($type:ident {
        $($field:ident $(as $name:literal)?),* $(; $($optional:ident $(as $other:literal)?),* $(+ $($full:ident),*)? $(; $data:ident, $stamps:ident)?)?
    }) => {
        impl $crate::ToJson for $type {
            fn fields(&self, object: &mut $crate::Object<'_>) {
                let names = concat!(
                    $($crate::field_name!($field $($name)?), " ",)*
                    $($($crate::field_name!($optional $($other)?), " ",)* $($($crate::full_name!($full),)*)? $(stringify!($data), " stamp ", stringify!($stamps), " ",)?)?
                );
                object.most(names, const { <[&str]>::len(&[$(stringify!($field)),*]) }, &[
                    $(&self.$field,)* $($(&self.$optional,)* $($(#[cfg(feature = "full")] &self.$full,)*)?)?
                ]);
                $($(object.written(&self.$data, &self.$stamps);)?)?
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

/// The name of a field that a [`FULL`](crate::FULL) engine alone reads and writes, and a blank.
#[doc(hidden)]
#[cfg(feature = "full")]
#[macro_export]
macro_rules! full_name {
    ($field:ident) => {
        concat!(stringify!($field), " ")
    };
}

/// Nothing: see [`FULL`](crate::FULL).
#[doc(hidden)]
#[cfg(not(feature = "full"))]
#[macro_export]
macro_rules! full_name {
    ($field:ident) => {
        ""
    };
}

/// Makes an enum without content [`FromJson`] and [`ToJson`], by the words for its variants.
#[macro_export]
macro_rules! json_words {
    ($type:ident { $($variant:ident $word:literal),* $(,)? }) => {
        impl $type {
            /// The word for it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl $crate::FromJson for $type {
            fn read(&mut self, parser: &mut $crate::Parser<'_>) -> Result<(), $crate::Unfit> {
                const ALL: &[$type] = &[$($type::$variant),*];
                *self = ALL[parser.one_of(concat!($($word, " "),*), concat!("not a word for ", stringify!($type)))?];
                Ok(())
            }
        }

        impl $crate::ToJson for $type {
            fn write(&self, text: &mut String) {
                self.word().write(text);
            }
        }
    };
}

impl FromJson for String {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        *self = parser.string()?.into_owned();
        Ok(())
    }
}

impl ToJson for String {
    fn write(&self, text: &mut String) {
        write::string(text, self);
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl ToJson for &str {
    fn write(&self, text: &mut String) {
        write::string(text, self);
    }
}

impl FromJson for bool {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        *self = parser.value()?.as_bool().ok_or("not true or false")?;
        Ok(())
    }
}

impl ToJson for bool {
    fn write(&self, text: &mut String) {
        text.push_str(if *self { "true" } else { "false" });
    }

    fn is_empty(&self) -> bool {
        !self
    }
}

fn whole(parser: &mut Parser<'_>) -> Result<u64, Unfit> {
    Ok(parser.value()?.as_u64().ok_or("not a whole number from 0")?)
}

macro_rules! whole_numbers {
    ($($type:ident)*) => {
        $(
            impl FromJson for $type {
                fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
                    *self = whole(parser)?.try_into().map_err(|_| concat!("not within ", stringify!($type)))?;
                    Ok(())
                }
            }

            impl ToJson for $type {
                fn write(&self, text: &mut String) {
                    write::whole(text, u64::try_from(*self).unwrap_or(u64::MAX));
                }
            }
        )*
    };
}

whole_numbers!(u16 u32 u64 usize);

#[cfg(feature = "full")]
impl FromJson for i64 {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        let Value::Number(number) = parser.value()? else { return Err("not a number".into()) };
        *self = number.as_str().parse().map_err(|_| "not a whole number")?;
        Ok(())
    }
}

#[cfg(feature = "full")]
impl ToJson for i64 {
    fn write(&self, text: &mut String) {
        text.push_str(&self.to_string());
    }
}

/// Null stands for none.
impl<T: FromJson + Default> FromJson for Option<T> {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        *self = None;
        if parser.null()? { Ok(()) } else { self.insert(T::default()).read(parser) }
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write(&self, text: &mut String) {
        match self {
            Some(value) => value.write(text),
            None => text.push_str("null"),
        }
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl<T: FromJson + Default> FromJson for Vec<T> {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        parser.items(&mut |parser| {
            self.push(T::default());
            self.last_mut().map_or(Ok(()), |last| last.read(parser))
        })
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write(&self, text: &mut String) {
        write::list(text, self.len(), &|text, position| self[position].write(text));
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// A list of two.
impl<A: FromJson, B: FromJson> FromJson for (A, B) {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        parser.pair([&mut self.0, &mut self.1])
    }
}

impl<A: ToJson, B: ToJson> ToJson for (A, B) {
    fn write(&self, text: &mut String) {
        write::pair(text, &self.0, &self.1);
    }
}

impl<T: FromJson + Default> FromJson for BTreeMap<String, T> {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        parser.fields(&mut |name, parser| {
            let mut item = T::default();
            item.read(parser).map_err(|unfit| unfit.within(&name))?;
            self.insert(name.into_owned(), item);
            Ok(())
        })
    }
}

impl<T: ToJson> ToJson for BTreeMap<String, T> {
    fn fields(&self, object: &mut Object<'_>) {
        self.iter().for_each(|(name, value)| object.field(name, value));
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

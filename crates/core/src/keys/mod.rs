//! One encoding of values as bytes whose order is the order of the values.
//!
//! null < false < true < numbers < bigints < dates < strings < bytes < arrays < objects. Strings compare by their UTF-8 bytes,
//! arrays element by element (a shorter one first), objects like arrays of their sorted entries. −0 and 0 are one key.
//! Every encoded value ends by itself, so that values stand one after another in a compound key; a descending component
//! has all its bits flipped.

mod decode;
mod encode;

pub use decode::{KeyError, read_string, read_text, skip_text, skip_value};
pub use encode::{Order, after_prefix, flipped, push_null, push_string, push_text, push_value, string_prefix};

/// What a component begins with. No tag is 0x00 or 0xFF: those end and escape.
mod tag {
    pub const NULL: u8 = 0x10;
    pub const FALSE: u8 = 0x20;
    pub const TRUE: u8 = 0x21;
    pub const NUMBER: u8 = 0x30;
    pub const BIGINT_NEGATIVE: u8 = 0x40;
    pub const BIGINT_POSITIVE: u8 = 0x41;
    pub const DATE: u8 = 0x50;
    pub const STRING: u8 = 0x60;
    pub const BYTES: u8 = 0x70;
    pub const ARRAY: u8 = 0x80;
    pub const OBJECT: u8 = 0x90;
}

/// Ends an array or an object; smaller than every tag.
const END: u8 = 0x00;

/// The kinds of value that `lt`, `gt` and their like never cross: a number is not below a string, null is below nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class(u8);

impl Class {
    /// The class of an encoded ascending value.
    #[must_use]
    pub fn of(encoded: &[u8]) -> Self {
        Self(encoded.first().map_or(0, |tag| tag & 0xF0))
    }

    /// The first bytes of the class: no smaller key is of it.
    #[must_use]
    pub fn first(self) -> Vec<u8> {
        vec![self.0]
    }

    /// The first bytes after the class: no key from here on is of it.
    #[must_use]
    pub fn end(self) -> Vec<u8> {
        vec![self.0 + 0x10]
    }

    /// Whether this is the class of null, which has no order.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0 == tag::NULL
    }
}

#[cfg(test)]
pub(crate) mod tests;

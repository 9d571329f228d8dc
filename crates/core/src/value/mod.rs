//! The JSON in which values cross borders: plain JSON, and one tagged form for what JSON would change.
//!
//! `{"$holm":["bigint","12"]}`, `["date",ms]`, `["bytes","<base64>"]`, `["-0"]`; an object that itself has the key `$holm` is
//! wrapped as `{"$holm":["object",{…}]}`, and in a patch `{"$holm":["unset"]}` removes a field. Each value has one form only, so
//! that equal values are equal JSON; the reader gives numbers theirs.

mod check;
mod refusal;
mod shape;

pub use check::{check, parse};
pub(crate) use check::{look_through, parse_json, shallow};
pub(crate) use refusal::Refusal;
pub use shape::{Shape, bigint_is_canonical, date_is_valid, decode_base64, is_unset, object, tagged, unset};

/// The key that marks the tagged form.
pub const TAG: &str = "$holm";

/// How deep arrays and objects may nest, counted in the JSON that carries them: deeper ones overflow stacks, here and in the app.
pub const DEPTH_MAX: usize = 100;

/// How many digits a bigint may have: reading decimal digits takes time that grows with their square.
pub const BIGINT_DIGITS_MAX: usize = 4_096;

#[cfg(test)]
pub(crate) mod tests;

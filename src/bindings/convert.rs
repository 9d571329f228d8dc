//! Values on their way to JavaScript.

use holm_core::query::Diff;
use holm_core::records::{Row, rows_json};
#[cfg(feature = "full")]
use holm_core::value;
use holm_core::{Error, ErrorCode, FULL};
#[cfg(feature = "full")]
use holm_protocol::Value;
use holm_protocol::{Data, ToJson, from_json_text, to_json_text};

/// JSON text of what the engine answers.
pub fn json(value: &dyn ToJson) -> String {
    to_json_text(value)
}

/// Reads a JSON list of ids.
///
/// # Errors
/// `invalid-id`.
pub fn read_ids(text: &str) -> Result<Vec<String>, Error> {
    from_json_text(text.as_bytes()).map_err(|_| Error::new(ErrorCode::InvalidId, "ids are a list of strings"))
}

/// Reads a JSON object of fields.
///
/// # Errors
/// `invalid-record`; `invalid-argument` for any field where the engine is not [`FULL`].
pub fn read_fields(text: &str) -> Result<Data, Error> {
    if !FULL {
        let is_empty = matches!(text, "" | "{}");
        let refused = || Error::new(ErrorCode::InvalidArgument, "only holm/full edits it");
        return if is_empty { Ok(Data::new()) } else { Err(refused()) };
    }
    from_json_text(text.as_bytes()).map_err(|_| Error::new(ErrorCode::InvalidRecord, "a record is an object of fields"))
}

/// Reads what a call gives its function.
///
/// # Errors
/// `invalid-value`.
#[cfg(feature = "full")]
pub fn read_value(text: &str) -> Result<Value, Error> {
    value::parse(text, "args")
}

/// `{"rows": […], "diff": {…}}`.
pub fn watched_json(rows: &[Row], diff: &Diff) -> String {
    format!("{{\"rows\":{},\"diff\":{}}}", rows_json(rows), json(diff))
}

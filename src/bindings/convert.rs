//! Values on their way to JavaScript.

use holm_core::query::Diff;
use holm_core::records::{Row, rows_json};
use holm_core::{Error, ErrorCode};
use holm_protocol::{ToJson, from_json_text, to_json_text};

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

/// `{"rows": […], "diff": {…}}`.
pub fn watched_json(rows: &[Row], diff: &Diff) -> String {
    format!("{{\"rows\":{},\"diff\":{}}}", rows_json(rows), json(diff))
}

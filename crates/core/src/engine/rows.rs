//! Rows as they cross from JavaScript.

use holm_protocol::{Data, ErrorCode, Value, from_json_text, quoted};

use crate::Error;
use crate::outbox::Operation;

/// Reads `[[id, {fields}], …]`; `null` for an id has one drawn where the operation may make a record.
///
/// # Errors
/// `invalid-argument`, `invalid-id`.
pub fn parse_rows(operation: Operation, json: &str, draw: &dyn Fn() -> String) -> Result<Vec<(String, Data)>, Error> {
    let rows: Vec<Vec<Value>> = from_json_text(json.as_bytes())
        .map_err(|why| Error::new(ErrorCode::InvalidArgument, format!("the rows cannot be read: {why}")))?;
    let may_draw = matches!(operation, Operation::Put | Operation::Insert);
    let mut parsed = Vec::with_capacity(rows.len());
    for row in rows {
        let mut row = row.into_iter();
        let id = match row.next() {
            Some(Value::String(id)) => id,
            None | Some(Value::Null) if may_draw => draw(),
            _ => return Err(Error::new(ErrorCode::InvalidId, "the id of a record is a string")),
        };
        let data = match row.next() {
            Some(Value::Object(data)) => data,
            None if operation == Operation::Delete => Data::new(),
            _ => {
                return Err(Error::new(
                    ErrorCode::InvalidRecord,
                    format!("{}: a record is an object of fields", quoted(&id)),
                ));
            }
        };
        parsed.push((id, data));
    }
    Ok(parsed)
}

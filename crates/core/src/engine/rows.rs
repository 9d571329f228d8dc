//! Rows as they cross from JavaScript.

use holm_protocol::{DataText, ErrorCode, FromJson, Parser, Unfit, Value, from_json_text, quoted};

use crate::Error;
use crate::outbox::Operation;

/// Ids, each with the fields that are written.
pub type Rows = Vec<(String, DataText)>;

/// Reads `[[id, {fields}], …]`; `null` for an id has one drawn where the operation may make a record.
///
/// # Errors
/// `invalid-argument`, `invalid-id`.
pub fn parse_rows(operation: Operation, json: &[u8], draw: &dyn Fn() -> String) -> Result<Rows, Error> {
    let rows: Vec<Row> = from_json_text(json)
        .map_err(|why| Error::new(ErrorCode::InvalidArgument, format!("the rows cannot be read: {why}")))?;
    let may_draw = matches!(operation, Operation::Put | Operation::Insert);
    let mut parsed = Vec::with_capacity(rows.len());
    for row in rows {
        let id = match row.id {
            Value::String(id) => id,
            Value::Null if may_draw => draw(),
            _ => return Err(Error::new(ErrorCode::InvalidId, "the id of a record is a string")),
        };
        let data = match row.fields {
            Fields::Object(data) => data,
            Fields::None if operation == Operation::Delete => DataText::default(),
            _ => {
                let message = format!("{}: a record is an object of fields", quoted(&id));
                return Err(Error::new(ErrorCode::InvalidRecord, message));
            }
        };
        parsed.push((id, data));
    }
    Ok(parsed)
}

/// `[id, {fields}]`.
#[derive(Default)]
struct Row {
    id: Value,
    fields: Fields,
}

#[derive(Default)]
enum Fields {
    #[default]
    None,
    Object(DataText),
    /// Something else.
    Other,
}

impl FromJson for Row {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        let mut parts = [&mut self.id as &mut dyn FromJson, &mut self.fields].into_iter();
        parser.items(&mut |parser| match parts.next() {
            Some(part) => part.read(parser),
            None => parser.skip(),
        })
    }
}

impl FromJson for Fields {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        if parser.peek() != Some(b'{') {
            *self = Self::Other;
            return parser.skip();
        }
        let mut text = DataText::default();
        text.read(parser)?;
        *self = Self::Object(text);
        Ok(())
    }
}

//! A record on its way to JavaScript: found, and not read.

use holm_protocol::ToJson;
use holm_store::Value;

use super::codec::{self, Header};

/// A record as a query finds it; its fields stay the JSON text that is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Local stamp of the last change that can be seen.
    pub touch: u64,
    record: Value,
}

impl Row {
    pub(crate) fn new(id: String, record: Value) -> Self {
        Self { id, touch: Header::of(&record).touch, record }
    }

    /// The fields as JSON text, without the id.
    #[must_use]
    pub fn body(&self) -> &str {
        codec::body(&self.record)
    }

    /// Appends `[id, touch, {…}]`; `touch` is a string, since JavaScript's numbers would lose its last bits.
    pub fn write_json(&self, out: &mut String) {
        out.push('[');
        self.id.write(out);
        out.push_str(",\"");
        self.touch.write(out);
        out.push_str("\",");
        out.push_str(self.body());
        out.push(']');
    }
}

/// `[[id, touch, {…}], …]`.
#[must_use]
pub fn rows_json(rows: &[Row]) -> String {
    let bytes: usize = rows.iter().map(|row| row.record.len() + row.id.len() + 32).sum();
    let mut out = String::with_capacity(bytes);
    out.push('[');
    for (position, row) in rows.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        row.write_json(&mut out);
    }
    out.push(']');
    out
}

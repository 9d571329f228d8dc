//! Objects, lists and texts as JSON.

use super::ToJson;
use crate::{Data, Stamps};

/// The JSON text of a value.
#[must_use]
pub fn to_json_text(value: &dyn ToJson) -> String {
    let mut text = String::new();
    value.write(&mut text);
    text
}

/// A text in quotes, as JSON writes it.
#[must_use]
pub fn quoted(text: &str) -> String {
    to_json_text(&text)
}

/// A JSON object that is being written.
pub struct Object<'t> {
    text: &'t mut String,
    is_empty: bool,
}

impl<'t> Object<'t> {
    /// One without fields.
    pub(crate) fn begin(text: &'t mut String) -> Self {
        text.push('{');
        Self { text, is_empty: true }
    }

    /// It has all its fields.
    pub(crate) fn end(self) {
        self.text.push('}');
    }

    /// Writes an object with one field.
    pub fn one(text: &'t mut String, name: &str, value: &dyn ToJson) {
        let mut object = Self::begin(text);
        object.field(name, value);
        object.end();
    }

    /// Writes a field.
    pub fn field(&mut self, name: &str, value: &dyn ToJson) {
        if !self.is_empty {
            self.text.push(',');
        }
        self.is_empty = false;
        string(self.text, name);
        self.text.push(':');
        value.write(self.text);
    }

    /// Writes fields, whose names stand in one text with spaces between them.
    pub fn all(&mut self, names: &str, values: &[&dyn ToJson]) {
        self.most(names, values.len(), values);
    }

    /// Writes fields, and leaves out those that are empty.
    pub fn some(&mut self, names: &str, values: &[&dyn ToJson]) {
        self.most(names, 0, values);
    }

    /// Writes fields, and leaves out those that are empty but for the first ones, which are `needed`.
    pub fn most(&mut self, names: &str, needed: usize, values: &[&dyn ToJson]) {
        let mut rest = names;
        for (position, value) in values.iter().enumerate() {
            let end = rest.bytes().position(|byte| byte == b' ').unwrap_or(rest.len());
            let name = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            if position < needed || !value.is_empty() {
                self.field(name, *value);
            }
        }
    }

    /// Writes `data`, and the stamps of its fields: in `stamp` the one that most of them have, if each has one, and in `stamps` those
    /// of the other fields and of what was removed.
    pub fn written(&mut self, data: &Data, stamps: &Stamps) {
        let (stamp, others) = stamps.gathered(data);
        self.some("data stamp stamps", &[data, &stamp, &others]);
    }
}

/// Writes a list of so many parts.
pub(super) fn list(text: &mut String, count: usize, part: &dyn Fn(&mut String, usize)) {
    text.push('[');
    for position in 0..count {
        if position > 0 {
            text.push(',');
        }
        part(text, position);
    }
    text.push(']');
}

/// Writes a list of two.
pub(super) fn pair(text: &mut String, first: &dyn ToJson, second: &dyn ToJson) {
    text.push('[');
    first.write(text);
    text.push(',');
    second.write(text);
    text.push(']');
}

pub(super) fn whole(text: &mut String, number: u64) {
    text.push_str(&number.to_string());
}

pub(super) fn string(text: &mut String, content: &str) {
    text.push('"');
    let mut rest = content;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        text.push_str(&rest[..at]);
        escape(text, rest.as_bytes()[at]);
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
    text.push('"');
}

fn escape(text: &mut String, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => char::from(byte),
        0x08 => 'b',
        0x0C => 'f',
        b'\n' => 'n',
        b'\r' => 'r',
        b'\t' => 't',
        _ => {
            text.push_str("\\u00");
            text.push(char::from(b'0' + (byte >> 4)));
            text.push(char::from(b"0123456789abcdef"[usize::from(byte & 0xF)]));
            return;
        }
    };
    text.push('\\');
    text.push(short);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::Value;

    proptest! {
        #[test]
        fn strings_are_written_as_others_write_them(text in any::<String>(), controls in "[\x00-\x7f\"\\\\]{0,20}") {
            for text in [text, controls] {
                let value = json!({ &*text: [text, null, true, 1, {}] });
                prop_assert_eq!(to_json_text(&Value::from(value.clone())), value.to_string());
            }
        }
    }
}

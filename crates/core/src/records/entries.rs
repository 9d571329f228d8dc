//! The index entries of a record: one for each index, or one for each distinct element of its array.

use holm_protocol::{Value, pick};

use crate::keys::{push_text, push_value};
use crate::keyspace;
use crate::schema::{Collection, Index};
use holm_protocol::order::sort_distinct;

/// Finds a field of a record.
pub(super) type Find<'f> = dyn Fn(&str) -> Option<&'f Value> + 'f;

/// The keys of all index entries of a record, whose fields are JSON text.
pub(super) fn all(collection: &Collection, id: &str, data: &str) -> Vec<Vec<u8>> {
    let mut names: Vec<&str> = Vec::new();
    for column in collection.indexes.iter().flat_map(|index| &index.columns) {
        if !names.contains(&&*column.field) {
            names.push(&column.field);
        }
    }
    let fields = pick(data.as_bytes(), &names).expect("a record's fields are the text of an object");
    let find = |name: &str| names.iter().zip(&fields).find(|(known, _)| **known == name)?.1.as_ref();
    let mut entries = Vec::with_capacity(collection.indexes.len());
    for index in &collection.indexes {
        of_index(collection, index, &find, &mut |mut columns| {
            push_text(&mut columns, id);
            entries.push(columns);
        });
    }
    entries
}

/// Shows what the entries of one index begin with, before the id.
pub(super) fn of_index(collection: &Collection, index: &Index, find: &Find<'_>, show: &mut dyn FnMut(Vec<u8>)) {
    let prefix = keyspace::index(&collection.name, index.number);
    let Some(each) = index.each_column() else {
        return show(columns(&prefix, index, find, None));
    };
    let Some(Value::Array(elements)) = find(&each.field) else { return };
    let mut entries = Vec::with_capacity(elements.len());
    elements.iter().for_each(|element| entries.push(columns(&prefix, index, find, Some(element))));
    sort_distinct(&mut entries);
    entries.into_iter().for_each(show);
}

/// Room for columns and id at once, in most keys.
const KEY_BYTES: usize = 64;

fn columns(prefix: &[u8], index: &Index, find: &Find<'_>, element: Option<&Value>) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + KEY_BYTES);
    key.extend_from_slice(prefix);
    for column in &index.columns {
        let value = if column.each { element } else { find(&column.field) };
        push_value(&mut key, value.unwrap_or(&Value::Null), column.order);
    }
    key
}

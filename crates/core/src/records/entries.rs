//! The index entries of a record: one for each index, or one for each distinct element of its array.

use holm_protocol::Data;
use serde_json::Value;

use crate::keys::{push_text, push_value};
use crate::keyspace;
use crate::order::sort_distinct;
use crate::schema::{Collection, Index};

/// The keys of all index entries of a record.
pub(super) fn all(collection: &Collection, id: &str, data: &Data) -> Vec<Vec<u8>> {
    let mut entries = Vec::with_capacity(collection.indexes.len());
    for index in &collection.indexes {
        of_index(collection, index, data, &mut |mut columns| {
            push_text(&mut columns, id);
            entries.push(columns);
        });
    }
    entries
}

/// Shows what the entries of one index begin with, before the id.
pub(super) fn of_index(collection: &Collection, index: &Index, data: &Data, show: &mut dyn FnMut(Vec<u8>)) {
    let prefix = keyspace::index(&collection.name, index.number);
    let Some(each) = index.each_column() else {
        return show(columns(prefix, index, data, None));
    };
    let Some(Value::Array(elements)) = data.get(&each.field) else { return };
    let mut entries = elements.iter().map(|element| columns(prefix.clone(), index, data, Some(element))).collect();
    sort_distinct(&mut entries);
    entries.into_iter().for_each(show);
}

fn columns(mut key: Vec<u8>, index: &Index, data: &Data, element: Option<&Value>) -> Vec<u8> {
    for column in &index.columns {
        let value = if column.each { element } else { data.get(&column.field) };
        push_value(&mut key, value.unwrap_or(&Value::Null), column.order);
    }
    key
}

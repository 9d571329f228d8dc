//! Unique indexes: enforced where the app writes, not where the server's word is applied.

use std::ops::ControlFlow;

use holm_protocol::{Data, ErrorCode, Value, quoted};
use holm_store::{Direction, KeyRange, PlanError, Read};

use super::entries;
use crate::Error;
use crate::keys::push_text;
use crate::schema::{Collection, Index};

/// Checks that no other record has the same values in a unique index; null, and a field that is absent, equal nothing.
///
/// # Errors
/// `already-exists`, naming the field and the other record; [`holm_store::Halt::Missing`].
pub fn check_unique(view: &dyn Read, collection: &Collection, id: &str, data: &Data) -> Result<(), PlanError<Error>> {
    for index in collection.indexes.iter().filter(|index| index.unique && has_all(index, data)) {
        let mut prefixes = Vec::new();
        entries::of_index(collection, index, &|name| data.get(name), &mut |columns| prefixes.push(columns));
        for prefix in prefixes {
            let mut own = prefix.clone();
            push_text(&mut own, id);
            let mut other = None;
            view.visit(&KeyRange::prefix(&prefix), Direction::Forward, &mut |key, _| {
                if key == own {
                    return ControlFlow::Continue(());
                }
                let mut rest = &key[prefix.len()..];
                other = crate::keys::read_text(&mut rest).ok();
                ControlFlow::Break(())
            })?;
            if let Some(other) = other {
                return Err(PlanError::failed(taken(collection, index, &other)));
            }
        }
    }
    Ok(())
}

fn has_all(index: &Index, data: &Data) -> bool {
    index.columns.iter().all(|column| !matches!(data.get(&column.field), None | Some(Value::Null)))
}

fn taken(collection: &Collection, index: &Index, other: &str) -> Error {
    let message =
        format!("{}: record {} has the same {} already, which is unique", collection.name, quoted(other), index.spec());
    let field = index.columns.first().map_or("", |column| &column.field);
    Error::new(ErrorCode::AlreadyExists, message).with_field(field)
}

//! Reading and writing this crate's own values, as JSON, in the keyspace.

use holm_protocol::{ErrorCode, FromJson, ToJson, read_json_text, to_json_text};
use holm_store::{Direction, Draft, Key, KeyRange, Missing, Read, Value};

use crate::Error;
use crate::keyspace::{Span, checkpoint, meta};
use crate::outbox::Planned;

/// Everything in a span.
pub(crate) fn scan(view: &dyn Read, span: &Span) -> Result<Vec<(Key, Value)>, Missing> {
    scan_limit(view, span, usize::MAX)
}

/// The first `limit` of a span.
pub(crate) fn scan_limit(view: &dyn Read, span: &Span, limit: usize) -> Result<Vec<(Key, Value)>, Missing> {
    view.scan(&KeyRange::between(&span.start, &span.end), Direction::Forward, limit)
}

/// Reads what this crate wrote.
///
/// # Errors
/// `storage-corrupt`, naming `what`.
pub(crate) fn decode<T: FromJson + Default>(bytes: &[u8], what: &str) -> Result<T, Error> {
    let mut value = T::default();
    decode_into(bytes, what, &mut value)?;
    Ok(value)
}

fn decode_into(bytes: &[u8], what: &str, value: &mut dyn FromJson) -> Result<(), Error> {
    read_json_text(bytes, value)
        .map_err(|why| Error::new(ErrorCode::StorageCorrupt, format!("{what} cannot be read: {why}")))
}

/// Writes what [`decode`] reads.
pub(crate) fn encode(value: &dyn ToJson) -> Vec<u8> {
    to_json_text(value).into_bytes()
}

/// Reads the value at a key. Boxed like all that is read, so that its fields are not moved from caller to caller.
pub(crate) fn read<T: FromJson + Default>(view: &dyn Read, key: &[u8], what: &str) -> Planned<Option<Box<T>>> {
    let mut value = Box::<T>::default();
    Ok(read_into(view, key, what, &mut *value)?.then_some(value))
}

/// Whether there is one.
fn read_into(view: &dyn Read, key: &[u8], what: &str, value: &mut dyn FromJson) -> Planned<bool> {
    let Some(bytes) = view.get(key)? else { return Ok(false) };
    decode_into(&bytes, what, value)?;
    Ok(true)
}

/// Reads a meta value.
pub(crate) fn read_meta<T: FromJson + Default>(view: &dyn Read, name: &str) -> Planned<Option<Box<T>>> {
    read(view, &meta(name), name)
}

/// Reads a meta value in place of its default, where there is one.
pub(crate) fn read_meta_into(view: &dyn Read, name: &str, value: &mut dyn FromJson) -> Planned<()> {
    read_into(view, &meta(name), name, value).map(drop)
}

/// Whether there is a meta value.
pub(crate) fn has_meta(view: &dyn Read, name: &str) -> Planned<bool> {
    Ok(view.get(&meta(name))?.is_some())
}

/// Writes a meta value.
pub(crate) fn save_meta(draft: &mut Draft<'_>, name: &str, value: &dyn ToJson) {
    draft.put(&meta(name), &encode(value));
}

/// Removes a meta value.
pub(crate) fn drop_meta(draft: &mut Draft<'_>, name: &str) {
    draft.delete(&meta(name));
}

/// Reads the checkpoint of a scope in place of its default, where there is one.
pub(crate) fn read_checkpoint_into(view: &dyn Read, scope: &str, value: &mut dyn FromJson) -> Planned<()> {
    read_into(view, &checkpoint(scope), "a checkpoint", value).map(drop)
}

/// Writes the checkpoint of a scope.
pub(crate) fn save_checkpoint(draft: &mut Draft<'_>, scope: &str, value: &dyn ToJson) {
    draft.put(&checkpoint(scope), &encode(value));
}

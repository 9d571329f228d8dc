//! Key-value: small settings beside the records, local to this device, some of them for a while only.
//!
//! An entry is when it expires (milliseconds since 1970, 0 for never) as eight bytes, then its value as JSON text.

use std::ops::ControlFlow;

use holm_protocol::{ErrorCode, ID_BYTES_MAX, RECORD_BYTES_MAX, to_json_text};
use holm_store::{Direction, Draft, Missing, Read};

use crate::outbox::Planned;
use crate::value::parse;
use crate::{Error, keyspace};

/// Sets a key of a namespace, for `ttl_ms` or for ever.
///
/// # Errors
/// `invalid-argument` for a namespace or key that is empty or over 512 bytes; `invalid-value`; `record-too-large`.
pub fn set(
    draft: &mut Draft<'_>,
    namespace: &str,
    key: &str,
    json: &str,
    ttl_ms: Option<u64>,
    now_ms: u64,
) -> Planned<()> {
    check_name(namespace, "namespace")?;
    check_name(key, "key")?;
    let whose = format!("kv {namespace}.{key}");
    let text = to_json_text(&parse(json, &whose)?);
    if text.len() > RECORD_BYTES_MAX {
        let message =
            format!("{whose}: a value has at most {RECORD_BYTES_MAX} bytes of JSON; this one has {}", text.len());
        return Err(Error::new(ErrorCode::RecordTooLarge, message).into());
    }
    let expires_ms = ttl_ms.map_or(0, |ttl_ms| now_ms.saturating_add(ttl_ms).max(1));
    let mut value = expires_ms.to_be_bytes().to_vec();
    value.extend_from_slice(text.as_bytes());
    draft.put(&keyspace::kv(namespace, key), &value);
    Ok(())
}

/// Reads a key of a namespace, as JSON text; `None` where there is none, or none any more.
///
/// # Errors
/// [`Missing`].
pub fn read(view: &dyn Read, namespace: &str, key: &str, now_ms: u64) -> Result<Option<String>, Missing> {
    let value = view.get(&keyspace::kv(namespace, key))?;
    let live = value.filter(|value| is_live(value, now_ms));
    Ok(live.and_then(|value| String::from_utf8(value[EXPIRES_BYTES..].to_vec()).ok()))
}

/// Removes a key of a namespace, if it is there.
pub fn delete(draft: &mut Draft<'_>, namespace: &str, key: &str) {
    draft.delete(&keyspace::kv(namespace, key));
}

/// The live keys of a namespace, in order.
///
/// # Errors
/// [`Missing`].
pub fn keys(view: &dyn Read, namespace: &str, now_ms: u64) -> Result<Vec<String>, Missing> {
    let mut keys = Vec::new();
    view.visit(&keyspace::kv_in(namespace).range(), Direction::Forward, &mut |key, value| {
        if is_live(value, now_ms) {
            keys.push(keyspace::text_after(key, 1).expect("a key-value key ends with its key"));
        }
        ControlFlow::Continue(())
    })?;
    Ok(keys)
}

/// Entries that one sweep removes: a commit of some 50 KB.
const SWEPT_MAX: usize = 1_000;

/// Removes entries that have expired, 1,000 at most.
///
/// # Errors
/// [`Missing`].
pub fn sweep(draft: &mut Draft<'_>, now_ms: u64) -> Result<(), Missing> {
    let mut expired = Vec::new();
    draft.visit(&keyspace::all_kv().range(), Direction::Forward, &mut |key, value| {
        if !is_live(value, now_ms) {
            expired.push(key.to_vec());
        }
        if expired.len() < SWEPT_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    expired.iter().for_each(|key| draft.delete(key));
    Ok(())
}

/// The value of a stored entry, and when it expires; `None` for bytes that are no entry.
pub(crate) fn salvaged(value: &[u8]) -> Option<(&str, Option<u64>)> {
    let (expires_ms, value) = value.split_first_chunk()?;
    let expires_ms = u64::from_be_bytes(*expires_ms);
    Some((std::str::from_utf8(value).ok()?, (expires_ms > 0).then_some(expires_ms)))
}

const EXPIRES_BYTES: usize = size_of::<u64>();

fn is_live(value: &[u8], now_ms: u64) -> bool {
    let expires_ms = value.first_chunk::<EXPIRES_BYTES>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    expires_ms == 0 || now_ms < expires_ms
}

fn check_name(name: &str, what: &str) -> Planned<()> {
    let why = match name.len() {
        0 => "must not be empty".to_owned(),
        bytes if bytes > ID_BYTES_MAX => format!("has at most {ID_BYTES_MAX} bytes; this one has {bytes}"),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorCode::InvalidArgument, format!("kv: a {what} {why}")).with_field(what).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::Store;

    fn put(store: &mut Store, namespace: &str, key: &str, json: &str, ttl_ms: Option<u64>) -> Result<(), Error> {
        let (namespace, key, json) = (namespace.to_owned(), key.to_owned(), json.to_owned());
        store.commit(move |draft| set(draft, &namespace, &key, &json, ttl_ms, 1_000))
    }

    #[test]
    fn an_entry_lives_as_long_as_it_was_told_to() {
        let mut store = Store::new();
        put(&mut store, "s", "theme", r#"{"a": 1.0}"#, None).expect("set");
        put(&mut store, "s", "token", "1", Some(500)).expect("set");
        put(&mut store, "other", "gone", "null", Some(0)).expect("set");
        assert_eq!(store.read(|view| read(view, "s", "theme", u64::MAX)).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(store.read(|view| read(view, "s", "token", 1_499)).as_deref(), Some("1"));
        assert_eq!(store.read(|view| read(view, "s", "token", 1_500)), None);
        assert_eq!(store.read(|view| read(view, "other", "gone", 1_000)), None);
        assert_eq!(store.read(|view| keys(view, "s", 1_000)), ["theme", "token"]);
        assert_eq!(store.read(|view| keys(view, "s", 1_500)), ["theme"]);

        assert_eq!(store.keys(b"k").len(), 3);
        store.commit(|draft| Ok(sweep(draft, 1_500)?)).expect("swept");
        assert_eq!(store.keys(b"k"), [keyspace::kv("s", "theme")]);
        store
            .commit(|draft| {
                delete(draft, "s", "theme");
                Ok(())
            })
            .expect("deleted");
        assert_eq!(store.keys(b"k"), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn wrong_entries_are_refused() {
        let mut store = Store::new();
        let long = "x".repeat(ID_BYTES_MAX + 1);
        for (namespace, key, json, code) in [
            ("", "k", "1", ErrorCode::InvalidArgument),
            ("n", "", "1", ErrorCode::InvalidArgument),
            ("n", &long, "1", ErrorCode::InvalidArgument),
            ("n", "k", "", ErrorCode::InvalidValue),
            ("n", "k", r#"{"$holm":1}"#, ErrorCode::InvalidValue),
            ("n", "k", &format!("\"{}\"", "x".repeat(RECORD_BYTES_MAX)), ErrorCode::RecordTooLarge),
        ] {
            assert_eq!(
                put(&mut store, namespace, key, json, None).expect_err("refused").code,
                code,
                "{namespace:?} {key:?}"
            );
        }
    }
}

//! Which scopes are active: those that the database was opened with, and those that the app subscribed to since.
//!
//! A scope is known by its key: the name of a collection, or `name:args` for a part of the server's rows.

use std::borrow::Cow;

use holm_protocol::{Data, ErrorCode, Object, ScopeRequest, ToJson, from_json_text, json_fields, quoted};
use holm_store::{Draft, Read};

use super::members::leave_some;
use super::state::Checkpoint;
use super::{SyncContext, pull};
use crate::outbox::Planned;
use crate::{Error, FULL, keyspace, stored};

const KEY: &str = "scopes";

/// Scopes that one database has at most: one pull asks for all of them.
pub const SCOPES_MAX: usize = 100;

/// A scope that the app subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Subscription {
    key: String,
    /// The app wants it no more; its records are on their way out.
    leaving: bool,
}

json_fields!(Subscription { key; leaving });

/// Where a scope stands, for the app.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    name: String,
    args: Data,
    checkpoint: Checkpoint,
    leaving: bool,
}

impl ToJson for Standing {
    fn fields(&self, object: &mut Object<'_>) {
        let Checkpoint { at, more, resetting, forbidden, .. } = &self.checkpoint;
        let complete = at.is_some() && !more && !resetting;
        object.all(
            "name args complete forbidden leaving",
            &[&self.name, &self.args, &complete, forbidden, &self.leaving],
        );
    }
}

/// The key of a scope as it is always written, by one that a person may have written.
///
/// ```
/// # use holm_core::sync::scope_key;
/// assert_eq!(scope_key(r#"project:{ "id": "p1" }"#).expect("a key"), r#"project:{"id":"p1"}"#);
/// assert_eq!(scope_key("tasks").expect("a key"), "tasks");
/// ```
///
/// # Errors
/// `invalid-argument`.
pub fn key(text: &str) -> Result<String, Error> {
    let (name, args) = text.split_once(':').unwrap_or((text, "{}"));
    let args: Data = from_json_text(args.as_bytes()).map_err(|_| wrong("the arguments of a scope are an object"))?;
    if name.is_empty() {
        return Err(wrong("a scope has a name"));
    }
    Ok(ScopeRequest { name: name.to_owned(), args, checkpoint: None }.key())
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

/// What is asked for a scope that stands there.
pub(super) fn request(key: &str, checkpoint: Option<String>) -> ScopeRequest {
    let (name, args) = parts(key);
    ScopeRequest { name: name.to_owned(), args, checkpoint }
}

/// The key of what was asked for.
pub(super) fn key_of(asked: &ScopeRequest) -> Cow<'_, str> {
    if FULL { Cow::Owned(asked.key()) } else { Cow::Borrowed(&asked.name) }
}

/// Whether a scope has arguments: its records are members of it one by one.
pub(super) fn is_part(key: &str) -> bool {
    FULL && key.contains(':')
}

fn parts(key: &str) -> (&str, Data) {
    if !FULL {
        return (key, Data::new());
    }
    match key.split_once(':') {
        Some((name, args)) => (name, from_json_text(args.as_bytes()).unwrap_or_default()),
        None => (key, Data::new()),
    }
}

/// The keys of all active scopes.
pub(super) fn active<'a>(view: &dyn Read, cx: &SyncContext<'a>) -> Planned<Cow<'a, [String]>> {
    if !FULL {
        return Ok(Cow::Borrowed(cx.scopes));
    }
    let mut keys = cx.scopes.to_vec();
    keys.extend(subscriptions(view)?.into_iter().filter(|one| !one.leaving).map(|one| one.key));
    Ok(Cow::Owned(keys))
}

/// Where every scope stands.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn standings(view: &dyn Read, opened: &[String]) -> Planned<Vec<Standing>> {
    let opened = opened.iter().map(|key| Subscription { key: key.clone(), leaving: false });
    let mut all = Vec::new();
    for Subscription { key, leaving } in opened.chain(subscriptions(view)?) {
        let (name, args) = parts(&key);
        all.push(Standing { name: name.to_owned(), args, checkpoint: *Checkpoint::read(view, &key)?, leaving });
    }
    Ok(all)
}

/// Adds a scope to those that are pulled, from the next pull on. One that is there already stays as it is.
///
/// # Errors
/// `invalid-argument` for one too many.
pub fn subscribe(draft: &mut Draft<'_>, cx: &SyncContext<'_>, key: &str) -> Planned<()> {
    let mut all = subscriptions(draft)?;
    if cx.scopes.iter().any(|opened| opened == key) {
        return Ok(());
    }
    let count = all.len() + cx.scopes.len();
    match all.iter_mut().find(|one| one.key == key) {
        Some(known) => known.leaving = false,
        None if count >= SCOPES_MAX => {
            let message = format!("there are {SCOPES_MAX} scopes already; unsubscribe from some first");
            return Err(Error::new(ErrorCode::InvalidArgument, message).into());
        }
        None => all.push(Subscription { key: key.to_owned(), leaving: false }),
    }
    save(draft, &all);
    Ok(())
}

/// Takes a scope out of those that are pulled, and some of its records off this device: those that are in no other scope and have
/// no mutation that waits. It is to be called until the scope is not among [`standings`] any more.
///
/// # Errors
/// `invalid-argument` for a scope that the database was opened with.
pub fn unsubscribe(draft: &mut Draft<'_>, cx: &SyncContext<'_>, key: &str) -> Planned<()> {
    if cx.scopes.iter().any(|opened| opened == key) {
        let message = format!("the database was opened with the scope {}: open it without", quoted(key));
        return Err(Error::new(ErrorCode::InvalidArgument, message).into());
    }
    let mut all = subscriptions(draft)?;
    let Some(known) = all.iter_mut().find(|one| one.key == key) else { return Ok(()) };
    known.leaving = true;
    // Whoever wants it again before the last record is gone begins a walk that these are not named by.
    let generation = Checkpoint::read(draft, key)?.generation;
    Checkpoint { generation, ..Checkpoint::default() }.save(draft, key);
    save(draft, &all);
    empty(draft, cx, key)
}

/// Goes on with the scopes that the app wants no more, in case it did not come to the end.
pub(super) fn leave_on(draft: &mut Draft<'_>, cx: &SyncContext<'_>) -> Planned<()> {
    for left in subscriptions(draft)?.into_iter().filter(|one| one.leaving) {
        empty(draft, cx, &left.key)?;
    }
    Ok(())
}

/// Takes some records of a scope that is no more off this device; with the last of them the scope is forgotten.
fn empty(draft: &mut Draft<'_>, cx: &SyncContext<'_>, key: &str) -> Planned<()> {
    let others = active(draft, cx)?;
    let more = match cx.schema.find(key) {
        Some(collection) => pull::evict_some(draft, collection)?,
        None => leave_some(draft, cx.schema, &others, key)?,
    };
    if !more {
        let mut all = subscriptions(draft)?;
        all.retain(|one| one.key != key);
        save(draft, &all);
    }
    Ok(())
}

/// Whether an active scope has records of a collection.
pub(super) fn has(view: &dyn Read, active: &[String], collection: &str) -> Planned<bool> {
    for key in active.iter().filter(|key| is_part(key)) {
        if !stored::scan_limit(view, &keyspace::members_in(key, collection), 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(active.iter().any(|key| key == collection))
}

fn subscriptions(view: &dyn Read) -> Planned<Vec<Subscription>> {
    Ok(stored::read_meta(view, KEY)?.map(|all| *all).unwrap_or_default())
}

fn save(draft: &mut Draft<'_>, all: &Vec<Subscription>) {
    stored::save_meta(draft, KEY, all);
}

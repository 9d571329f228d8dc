//! What the browser's errors mean to the store.

use holm_store::{DiskError, Why};
use js_sys::Reflect;
use wasm_bindgen::prelude::*;

/// Why a transaction did not happen, before it is known what else went wrong.
#[derive(Debug)]
pub(super) enum Failure {
    /// The plan was made on an older state: somebody else's entry is where ours was to be.
    Stale,
    /// The quota is reached.
    Full(Why),
    /// It aborted; nothing was written.
    Aborted(Why),
    /// It did not end in time and was then aborted; nothing was written.
    Slow(Why),
    /// The connection is gone, and what became of the transaction is not known.
    Lost(Why),
}

impl Failure {
    /// Reads a `DOMException` of any realm, or whatever else was thrown.
    pub(super) fn of(error: &JsValue) -> Self {
        let why = Why::from(describe(error));
        match name(error).as_str() {
            "ConstraintError" => Self::Stale,
            "QuotaExceededError" => Self::Full(why),
            "UnknownError" | "InvalidStateError" | "TimeoutError" => Self::Lost(why),
            _ => Self::Aborted(why),
        }
    }

    /// What this means when the whole transaction only read.
    pub(super) fn into_read_error(self) -> DiskError {
        match self {
            Self::Lost(why) => DiskError::Unavailable(why),
            other => other.into_write_error(),
        }
    }

    /// What this means when something was to be written.
    pub(super) fn into_write_error(self) -> DiskError {
        match self {
            Self::Stale => DiskError::Stale,
            Self::Full(why) => DiskError::Full(why),
            Self::Aborted(why) => DiskError::Aborted(why),
            Self::Slow(why) => DiskError::Blocked(why),
            Self::Lost(why) => DiskError::Unknown(why),
        }
    }
}

impl From<JsValue> for Failure {
    fn from(error: JsValue) -> Self {
        Self::of(&error)
    }
}

/// Why a database did not open.
#[derive(Debug)]
pub(super) enum OpenFailure {
    /// There is no such database, and none was to be made.
    Absent,
    /// This factory opens nothing; another realm's may.
    Dead(Why),
    /// Any other reason.
    Other(DiskError),
}

impl OpenFailure {
    /// Reads what an open threw or ended with.
    pub(super) fn of(error: &JsValue) -> Self {
        let why = Why::from(describe(error));
        match name(error).as_str() {
            "VersionError" => Self::Other(DiskError::Newer(why)),
            "QuotaExceededError" => Self::Other(DiskError::Full(why)),
            "SecurityError" => Self::Other(DiskError::Unavailable(why)),
            _ => Self::Dead(why),
        }
    }
}

impl From<OpenFailure> for DiskError {
    fn from(failure: OpenFailure) -> Self {
        match failure {
            OpenFailure::Absent => Self::Unavailable("the database is not there any more".into()),
            OpenFailure::Dead(why) => Self::Unavailable(why),
            OpenFailure::Other(error) => error,
        }
    }
}

/// The error's name, or "" where it has none.
fn name(error: &JsValue) -> String {
    property(error, "name").unwrap_or_default()
}

fn describe(error: &JsValue) -> String {
    match (property(error, "name"), property(error, "message")) {
        (Some(name), Some(message)) => format!("{name}: {message}"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => String::from("no reason was given"),
    }
}

fn property(value: &JsValue, key: &str) -> Option<String> {
    Reflect::get(value, &JsValue::from_str(key)).ok()?.as_string().filter(|text| !text.is_empty())
}

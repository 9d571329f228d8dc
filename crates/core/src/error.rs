//! The one error of the engine.

use std::fmt;
use std::ops::{Deref, DerefMut};

use holm_protocol::ErrorCode;

/// Why an operation failed: a code from the closed list, and in words what and which.
///
/// ```
/// use holm_core::{Error, ErrorCode};
/// let error = Error::new(ErrorCode::InvalidRecord, "tasks: title must be a string, not a number").with_field("title");
/// assert_eq!(error.to_string(), "invalid-record: tasks: title must be a string, not a number");
/// ```
///
/// One word wide, for it stands in the result of nearly every function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Said>);

/// What an [`Error`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Which of the closed list.
    pub code: ErrorCode,
    /// What went wrong, and with what.
    pub message: String,
    /// The field, where it was one.
    pub field: Option<String>,
}

impl Error {
    /// An error with a code and its words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Said { code, message: message.into(), field: None }))
    }

    /// The same error, naming the field it is about.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl Deref for Error {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Said {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

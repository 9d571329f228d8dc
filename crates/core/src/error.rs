//! The one error of the engine.

use std::fmt;

use holm_protocol::ErrorCode;

/// Why an operation failed: a code from the closed list, and in words what and which.
///
/// ```
/// use holm_core::{Error, ErrorCode};
/// let error = Error::new(ErrorCode::InvalidRecord, "tasks: title must be a string, not a number").with_field("title");
/// assert_eq!(error.to_string(), "invalid-record: tasks: title must be a string, not a number");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
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
        Self { code, message: message.into(), field: None }
    }

    /// The same error, naming the field it is about.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

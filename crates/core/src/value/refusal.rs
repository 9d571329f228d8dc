//! Where in a value something is wrong, found on the way out of the recursion.

use holm_protocol::ErrorCode;

use crate::Error;

/// A value that is refused: the code, the reason, and the path to it.
#[derive(Debug)]
pub(crate) struct Refusal(Error);

impl Refusal {
    pub(crate) fn new(code: ErrorCode, why: impl Into<String>) -> Self {
        Self(Error::new(code, why))
    }

    pub(crate) fn in_field(self, name: &str) -> Self {
        self.within(name.to_owned())
    }

    pub(crate) fn in_item(self, index: usize) -> Self {
        self.within(format!("[{index}]"))
    }

    fn within(mut self, mut path: String) -> Self {
        if let Some(rest) = self.0.field.take() {
            if !rest.starts_with('[') {
                path.push('.');
            }
            path.push_str(&rest);
        }
        self.0.field = Some(path);
        self
    }

    /// `whose: path why`, naming the path as the field.
    pub(crate) fn into_error(mut self, whose: &str) -> Error {
        let path = self.0.field.as_deref().map_or_else(String::new, |path| format!("{path} "));
        self.0.message = format!("{whose}: {path}{}", self.0.message);
        self.0
    }

    /// `path: why`, naming the path as the field.
    pub(crate) fn into_placed(mut self, code: ErrorCode) -> Error {
        let path = self.0.field.as_deref().unwrap_or_default();
        self.0.message = format!("{path}: {}", self.0.message);
        self.0.code = code;
        self.0
    }
}

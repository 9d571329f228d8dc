//! Where in a value something is wrong, found on the way out of the recursion.

use std::fmt::Write;

use holm_protocol::ErrorCode;

use crate::Error;

/// A value that is refused: the code, the reason, and the path to it, innermost step first.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: ErrorCode,
    why: String,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Item(usize),
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, why: impl Into<String>) -> Self {
        Self { code, why: why.into(), steps: Vec::new() }
    }

    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.steps.push(Step::Field(name.to_owned()));
        self
    }

    pub(crate) fn in_item(mut self, index: usize) -> Self {
        self.steps.push(Step::Item(index));
        self
    }

    /// `whose: path why`, naming the path as the field.
    pub(crate) fn into_error(self, whose: &str) -> Error {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Field(name) if path.is_empty() => path.push_str(name),
                Step::Field(name) => write!(path, ".{name}").expect("a String takes every write"),
                Step::Item(index) => write!(path, "[{index}]").expect("a String takes every write"),
            }
        }
        if path.is_empty() {
            return Error::new(self.code, format!("{whose}: {}", self.why));
        }
        Error::new(self.code, format!("{whose}: {path} {}", self.why)).with_field(path)
    }
}

//! Why a whole request is refused: nothing of it had any effect.

use std::fmt;

use holm_protocol::{ErrorCode, ErrorResponse, Limits, PROTOCOL_VERSION, Seq};

/// A refused request: what the client is told, and what only the operator should read.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The answer's body.
    pub body: ErrorResponse,
    /// For the server's log; never sent.
    pub detail: Option<String>,
    status: u16,
}

impl Refusal {
    /// A refusal with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let body = ErrorResponse {
            v: PROTOCOL_VERSION,
            error: code,
            message: message.into(),
            expected: None,
            min: None,
            max: None,
            limits: None,
        };
        Self { status: usual_status(code), body, detail: None }
    }

    /// The request cannot be read, or contradicts itself.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    pub(crate) fn gap(came: Seq, expected: Seq) -> Self {
        let mut refusal = Self::new(ErrorCode::Gap, format!("seq {came} came, seq {expected} is next"));
        refusal.body.expected = Some(expected);
        refusal
    }

    pub(crate) fn too_large(message: impl Into<String>, limits: Limits) -> Self {
        let mut refusal = Self::new(ErrorCode::PayloadTooLarge, message);
        refusal.body.limits = Some(limits);
        refusal
    }

    pub(crate) fn failed(detail: impl fmt::Display) -> Self {
        let mut refusal = Self::new(ErrorCode::ServerError, "the server failed");
        refusal.detail = Some(detail.to_string());
        refusal
    }

    /// Why.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.body.error
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The same with another status than its code usually has.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

fn usual_status(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::Unauthorized => 401,
        ErrorCode::Forbidden => 403,
        ErrorCode::NotFound => 404,
        ErrorCode::Timeout => 408,
        ErrorCode::Gap | ErrorCode::SeqReused | ErrorCode::ClientUnknown => 409,
        ErrorCode::PayloadTooLarge => 413,
        ErrorCode::SchemaUnsupported => 426,
        ErrorCode::RateLimited => 429,
        ErrorCode::ServerError => 500,
        _ => 400,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.body.error, self.body.message)?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, " ({detail})"))
    }
}

impl std::error::Error for Refusal {}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::failed(error)
    }
}

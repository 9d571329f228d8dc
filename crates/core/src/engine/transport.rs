//! The way to the server, as the engine needs it.

use std::fmt;

use async_trait::async_trait;

/// One request of the protocol: a POST of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `push` or `pull`, to be appended to the sync address.
    pub path: &'static str,
    /// JSON text.
    pub body: String,
    /// Give up after so many milliseconds.
    pub timeout_ms: u32,
}

/// What came back, whoever sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// How long its headers ask to wait before the next request, in milliseconds: `Retry-After`, or those that say that none is left.
    pub retry_after_ms: Option<u64>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {} with {} bytes", self.status, self.body.len())
    }
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection, or it broke.
    Network(String),
    /// No answer in time.
    Timeout,
    /// The address redirects; a POST must not follow.
    Redirect,
    /// The body passed every sensible size.
    TooLarge,
}

/// The outcome of a request, and when it was known (wall clock, milliseconds).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What came back, or why nothing did.
    pub outcome: Result<Answer, Failure>,
    /// When.
    pub at_ms: u64,
}

/// Sends requests. The token is its business.
#[async_trait(?Send)] // every driver is single-threaded
pub trait Transport {
    /// Sends one request and reads the answer whole.
    async fn send(&self, request: &Request) -> Reply;

    /// Asks the app for another token, after the server refused the last; `false` when there is none.
    async fn refresh_token(&self) -> bool;
}

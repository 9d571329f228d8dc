//! Who may speak to the server at all.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use holm_protocol::ErrorCode;
use sha2::{Digest, Sha256};

use super::App;
use crate::Refusal;

/// Lets sync requests through that carry the token, if there is one.
pub(super) async fn token(State(app): State<App>, request: Request, next: Next) -> Response {
    let allowed = match &app.token {
        None => true,
        Some(expected) => bearer(request.headers()).is_some_and(|given| Digested::of(given) == *expected),
    };
    match allowed {
        true => next.run(request).await,
        false => Refusal::new(ErrorCode::Unauthorized, "a bearer token is needed").into_response(),
    }
}

/// Without a token, answers to local names only: a foreign site whose name was pointed to 127.0.0.1 must not read along.
pub(super) async fn local_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if app.token.is_some() || ["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return next.run(request).await;
    }
    Refusal::new(ErrorCode::Forbidden, "without a token this server answers to local names only").into_response()
}

/// A token as its digest: comparing two tells nothing about how far a guess was right.
#[derive(PartialEq, Eq)]
pub(super) struct Digested([u8; 32]);

impl Digested {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

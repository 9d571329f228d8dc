//! Answers: messages and refusals as JSON, never kept by a cache.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use holm_protocol::{ErrorCode, ToJson, to_json_text};

use crate::Refusal;

/// A 200 with a message.
pub(super) fn message(body: &dyn ToJson) -> Response {
    json(StatusCode::OK, body)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Some(detail) = &self.detail {
            eprintln!("holm-server: {}: {detail}", self.body.error);
        }
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(status, &self.body);
        if self.code() == ErrorCode::Unauthorized {
            // Never `Basic`: a browser would open a dialogue, and `fetch` would wait for it.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Sets a header on an answer.
pub(super) fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

fn json(status: StatusCode, body: &dyn ToJson) -> Response {
    let mut response = Response::new(Body::from(to_json_text(body)));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/json");
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

//! The demo's files.

use std::path::Path;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use holm_protocol::ErrorCode;
use tower_http::services::ServeDir;

use super::answer::set;
use crate::Refusal;

/// Scripts and wasm of this origin only; `wasm-unsafe-eval` is what compiling wasm needs.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// A router for everything that is not the API. A file with its `.gz` beside it is sent as that.
pub(super) fn router<S: Clone + Send + Sync + 'static>(folder: Option<&Path>) -> Router<S> {
    match folder {
        None => Router::new().fallback(missing),
        Some(folder) => {
            Router::new().fallback_service(ServeDir::new(folder).precompressed_gzip()).layer(from_fn(headers))
        }
    }
}

/// A refusal for a path that does not exist.
pub(super) async fn missing() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "there is nothing here")
}

/// A refusal for a method that a path does not have.
pub(super) async fn wrong_method() -> Refusal {
    Refusal::invalid("this path has another method").with_status(405)
}

/// Files are always checked again (304 when unchanged): a new build must not meet parts of an old one.
async fn headers(request: Request, next: Next) -> Response {
    let is_worker = request.uri().path().ends_with("worker.js") || request.uri().path().ends_with("/sw.js");
    let mut response = next.run(request).await.into_response();
    set(&mut response, header::CONTENT_SECURITY_POLICY, POLICY);
    set(&mut response, header::CACHE_CONTROL, "no-cache");
    if is_worker {
        set(&mut response, header::HeaderName::from_static("service-worker-allowed"), "/");
    }
    response
}

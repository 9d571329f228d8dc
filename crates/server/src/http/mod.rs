//! HTTP around the logic: routes, limits, who may speak, waiting, files.

mod answer;
mod body;
mod config;
mod guard;
mod listen;
mod news;
mod pool;
mod site;
mod sync;

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use holm_protocol::Limits;
use tokio::sync::watch;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;

pub use self::config::{Config, Debugging};
use self::guard::Digested;
pub use self::listen::serve;
use self::news::News;
use self::pool::Pool;

/// A first sync of 135,233 rows takes half the time of level 6, for a tenth more bytes.
const COMPRESSION: CompressionLevel = CompressionLevel::Precise(3);

/// What every request may use.
type App = Arc<Shared>;

struct Shared {
    pool: Pool,
    news: News,
    token: Option<Digested>,
    limits: Limits,
    debug: Option<Debugging>,
    /// Becomes true when the server ends.
    closing: watch::Receiver<bool>,
}

fn router(app: App, config: &Config) -> Router {
    let mut api = Router::new()
        .route("/sync/push", post(sync::push))
        .route("/sync/pull", post(sync::pull))
        .route("/sync/stream", get(sync::stream));
    if config.debug.is_some() {
        api = api.route("/sync/receipts", get(sync::receipts));
    }
    let api = api
        .route("/sync/{*path}", axum::routing::any(site::missing))
        .method_not_allowed_fallback(site::wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), guard::token));
    Router::new()
        .merge(api)
        .route("/health", get(sync::health))
        .merge(site::router(config.www.as_deref()))
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(CompressionLayer::new().quality(COMPRESSION))
        .layer(map_response(no_sniffing))
        .layer(from_fn_with_state(Arc::clone(&app), guard::local_host))
        .with_state(app)
}

async fn no_sniffing(mut response: Response) -> Response {
    answer::set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

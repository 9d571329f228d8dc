//! The endpoints of the protocol, around the logic.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use holm_protocol::{
    ErrorCode, PROTOCOL_VERSION, Poke, PullRequest, PullResponse, PushRequest, json, to_json_text, write_fields,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{App, answer, body};
use crate::logic::is_no_news;
use crate::{Effect, Refusal, StoredReceipt, StoredRow};

/// Everybody who has the token, or reaches the server where none is needed, is this user.
const OWNER: &str = "owner";

/// A pull is held back at most this long: proxies cut silent requests after 60 seconds, some after 30.
const WAIT_MAX: Duration = Duration::from_secs(25);

const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// `POST /sync/push`
pub(super) async fn push(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let request: PushRequest = body::read(&headers, body, app.limits).await?;
    let news = app.clone();
    let work = move |server: &mut crate::Server| {
        let response = server.push(OWNER, &request, now_ms())?;
        news.news.tell(&request, &response);
        Ok(response)
    };
    let response = app.pool.write(work).await?;
    if let Some(debugging) = app.debug {
        sleep(debugging.delay).await;
    }
    Ok(answer::message(&response))
}

/// `POST /sync/pull`
pub(super) async fn pull(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let request: PullRequest = body::read(&headers, body, app.limits).await?;
    let response = pull_or_wait(&app, request).await?;
    Ok(answer::message(&response))
}

/// `GET /sync/stream`
pub(super) async fn stream(State(app): State<App>) -> Response {
    let hello = stream::iter([Ok::<_, Infallible>(Event::default().comment("holm"))]);
    let pokes = stream::unfold((app.news.listen(), app.closing.clone()), |(mut listener, mut closing)| async move {
        let scopes = tokio::select! {
            scopes = listener.next() => scopes?,
            _ = closing.wait_for(|closing| *closing) => return None,
        };
        let poke = Poke { v: PROTOCOL_VERSION, scopes };
        let event = Event::default().event("poke").data(to_json_text(&poke));
        Some((Ok(event), (listener, closing)))
    });
    Sse::new(hello.chain(pokes)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("")).into_response()
}

/// `GET /health`
pub(super) async fn health(State(app): State<App>) -> Result<Response, Refusal> {
    let epoch = app.pool.read(|reader| reader.ping()).await?;
    Ok(answer::message(&json!({ "v": PROTOCOL_VERSION, "status": "ok", "epoch": epoch })))
}

/// `GET /sync/receipts`, for tests
pub(super) async fn receipts(State(app): State<App>) -> Result<Response, Refusal> {
    let all = app.pool.read(|reader| Ok((reader.rows()?, reader.receipts()?, reader.effects()?))).await?;
    let (rows, receipts, effects) = all;
    Ok(answer::message(&Everything { v: PROTOCOL_VERSION, rows, receipts, effects }))
}

/// All that a test may look at.
struct Everything {
    v: u32,
    rows: Vec<StoredRow>,
    receipts: Vec<StoredReceipt>,
    effects: Vec<Effect>,
}

write_fields!(Everything { v, rows, receipts, effects });

async fn pull_or_wait(app: &App, request: PullRequest) -> Result<PullResponse, Refusal> {
    let until = Instant::now() + Duration::from_secs(request.wait.into()).min(WAIT_MAX);
    let wanted: BTreeSet<String> = request.scopes.iter().map(|scope| scope.name.clone()).collect();
    let mut closing = app.closing.clone();
    let mut last = None;
    loop {
        // Before the pull, so that no push falls between the two.
        let mut listener = app.news.listen();
        let again = request.clone();
        let answered = app.pool.read(move |reader| reader.pull(OWNER, &again, now_ms())).await;
        let response = match (answered, last.take()) {
            // The client has pushed meanwhile, and said that it saw more; what it asked was right when it did.
            (Err(refusal), Some(before)) if refusal.code() == ErrorCode::SeqReused => return Ok(before),
            (answered, _) => answered?,
        };
        if !is_no_news(&response) || Instant::now() >= until {
            return Ok(response);
        }
        tokio::select! {
            () = listener.of(&wanted) => {}
            () = sleep_until(until) => return Ok(response),
            _ = closing.wait_for(|closing| *closing) => return Ok(response),
        }
        last = Some(response);
    }
}

/// Milliseconds since 1970. A clock before that is broken; 0 then loses every tie and nothing else.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

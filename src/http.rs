//! One request to the server, by `fetch`.
//!
//! It carries and limits, it does not judge: which status means what is the sync machine's business. A redirect is never
//! followed (it turns a POST into an empty GET), nothing comes from a cache, and an answer is read only up to a limit.

use gloo_net::http::{Request, RequestBuilder, Response};
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, ReadableStreamDefaultReader, RequestCache, RequestCredentials, RequestRedirect,
    ResponseType,
};

use crate::limit::{Sleep, within};

/// A POST of JSON.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Where to; relative ones count from the page or the worker.
    pub url: &'a str,
    /// The JSON.
    pub body: &'a str,
    /// Sent as a bearer token.
    pub token: Option<&'a str>,
    /// How long request and answer together may take.
    pub timeout_ms: u32,
    /// How long the answer's body may be, unpacked.
    pub answer_bytes_max: usize,
}

/// An answer, of whatever status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection, or it broke; the server may have done what was asked.
    Network(String),
    /// The time was over; the server may have done what was asked.
    Timeout,
    /// The answer is longer than the limit.
    TooLarge,
    /// The server wants the request elsewhere.
    Redirect,
    /// The URL or the token cannot be sent at all.
    Unsendable(String),
}

/// Sends a request and reads the whole answer. Dropping the future breaks the request off.
///
/// # Errors
/// Whenever there is no whole answer; see [`Failure`].
pub async fn send(call: &Call<'_>, sleep: &Sleep) -> Result<Answer, Failure> {
    let abort = AbortOnDrop(AbortController::new().map_err(|error| Failure::Network(describe(&error)))?);
    let request = build(call, &abort.0.signal())?;
    within(sleep, call.timeout_ms, exchange(request, call.answer_bytes_max)).await.unwrap_or(Err(Failure::Timeout))
}

struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort(); // does nothing to a request that has ended
    }
}

fn build(call: &Call<'_>, signal: &AbortSignal) -> Result<Request, Failure> {
    let mut builder = Request::post(call.url)
        .header("Content-Type", "application/json")
        .redirect(RequestRedirect::Manual) // `error` would look like a lost connection
        .cache(RequestCache::NoStore)
        .credentials(RequestCredentials::SameOrigin)
        .abort_signal(Some(signal));
    if let Some(token) = call.token {
        builder = with_token(builder, token)?;
    }
    builder.body(call.body).map_err(|error| Failure::Unsendable(error.to_string()))
}

/// The browser throws at a header it cannot send, and that would stop the engine. The token is not named: it is a secret.
fn with_token(builder: RequestBuilder, token: &str) -> Result<RequestBuilder, Failure> {
    let is_sendable = token.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !is_sendable {
        return Err(Failure::Unsendable(String::from("the token has a character that no header may have")));
    }
    Ok(builder.header("Authorization", &format!("Bearer {token}")))
}

async fn exchange(request: Request, bytes_max: usize) -> Result<Answer, Failure> {
    let response = request.send().await.map_err(|error| Failure::Network(error.to_string()))?;
    if response.type_() == ResponseType::Opaqueredirect {
        return Err(Failure::Redirect);
    }
    Ok(Answer {
        status: response.status(),
        retry_after: response.headers().get("Retry-After"),
        body: read(&response, bytes_max).await?,
    })
}

/// Reads chunk by chunk: a small packed answer can be a huge one unpacked.
async fn read(response: &Response, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let Some(stream) = response.body() else {
        return Ok(Vec::new());
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut body = Vec::new();
    loop {
        let step = JsFuture::from(reader.read()).await.map_err(|error| Failure::Network(describe(&error)))?;
        if property(&step, "done").is_truthy() {
            return Ok(body);
        }
        let chunk: Uint8Array = property(&step, "value").unchecked_into();
        if body.len() + chunk.length() as usize > bytes_max {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&chunk.to_vec());
    }
}

fn property(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

fn describe(error: &JsValue) -> String {
    property(error, "message").as_string().unwrap_or_else(|| String::from("no reason was given"))
}

//! One request to the server, by `fetch`.
//!
//! It carries and limits, it does not judge: which status means what is the sync machine's business. A redirect is never
//! followed (it turns a POST into an empty GET), nothing comes from a cache, and an answer is read only up to a limit.

use gloo_net::http::Request;
#[cfg(feature = "full")]
use holm_core::sync::rest_ms;
use js_sys::{Date, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, ReadableStreamDefaultReader, Response};

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
    /// How long its headers ask to wait before the next request, in milliseconds.
    pub retry_after_ms: Option<u64>,
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
    let headers = object(&[("Content-Type", "application/json".into())]);
    if let Some(token) = call.token {
        set(&headers, "Authorization", &bearer(token)?.into());
    }
    let options = object(&[
        ("method", "POST".into()),
        ("headers", headers.into()),
        ("body", call.body.into()),
        ("redirect", "manual".into()), // `error` would look like a lost connection
        ("cache", "no-store".into()),
        ("credentials", "same-origin".into()),
        ("signal", signal.into()),
    ]);
    let request = web_sys::Request::new_with_str_and_init(call.url, options.unchecked_ref());
    request.map(Request::from).map_err(|error| Failure::Unsendable(describe(&error)))
}

/// The browser throws at a header it cannot send, and would name it; the token is a secret.
fn bearer(token: &str) -> Result<String, Failure> {
    let is_sendable = token.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if !is_sendable {
        return Err(Failure::Unsendable(String::from("the token has a character that no header may have")));
    }
    Ok(format!("Bearer {token}"))
}

async fn exchange(request: Request, bytes_max: usize) -> Result<Answer, Failure> {
    let response = request.send().await.map_err(|error| Failure::Network(words(error)))?;
    let response = Response::from(response);
    if property(&response, "type").as_string().as_deref() == Some("opaqueredirect") {
        return Err(Failure::Redirect);
    }
    Ok(Answer {
        status: response.status(),
        retry_after_ms: wait_ms(&response),
        body: read(&response, bytes_max).await?,
    })
}

fn words(error: gloo_net::Error) -> String {
    match error {
        gloo_net::Error::JsError(error) => error.message,
        gloo_net::Error::GlooError(message) => message,
    }
}

/// How long the headers ask to wait: `Retry-After`, else those that say that no request is left.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, and not before 1970
fn wait_ms(response: &Response) -> Option<u64> {
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let asked = header("Retry-After").and_then(|header| delay_ms(&header));
    #[cfg(feature = "full")]
    let asked = asked.or_else(|| rest_ms(&header, Date::now() as u64));
    asked
}

/// What `Retry-After` asks for: seconds, or an HTTP date (RFC 9110, section 10.2.3); nothing for garbage.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` takes what is past for 0
fn delay_ms(header: &str) -> Option<u64> {
    let seconds = JsValue::from_str(header).unchecked_into_f64();
    let ms = if seconds.is_nan() { Date::parse(header) - Date::now() } else { seconds * 1_000.0 };
    (!ms.is_nan()).then_some(ms as u64)
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

fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    fields.iter().for_each(|(key, value)| set(&object, key, value));
    object
}

/// A plain object takes every property.
fn set(object: &Object, key: &str, value: &JsValue) {
    drop(Reflect::set(object, &key.into(), value));
}

fn property(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

fn describe(error: &JsValue) -> String {
    property(error, "message").as_string().unwrap_or_else(|| String::from("no reason was given"))
}

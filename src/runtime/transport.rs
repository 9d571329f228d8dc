//! The way to the server: requests by fetch, with the token the app gives.

use std::cell::RefCell;

use async_trait::async_trait;
use holm_core::engine::{Answer, Failure, Reply, Request, Transport};
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::http::{self, Call};
use crate::limit::{Sleep, within};
use crate::scope;

/// No answer of this protocol is longer, unpacked.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The app's function for tokens gets this long.
const TOKEN_MS: u32 = 30_000;

/// Sends requests to one server. The token lives in memory only.
pub struct HttpTransport {
    url: String,
    ask_token: Option<Function>,
    token: RefCell<Option<String>>,
    sleep: Sleep,
}

impl HttpTransport {
    /// Requests go to `url` and below it.
    pub fn new(url: &str, ask_token: Option<Function>, sleep: Sleep) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), ask_token, token: RefCell::new(None), sleep }
    }

    /// Where a path of the protocol lies.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    /// The token in use, asked for the first time where there is none yet.
    pub async fn token(&self) -> Option<String> {
        if self.token.borrow().is_none() {
            let token = self.ask("start").await;
            *self.token.borrow_mut() = token;
        }
        self.token.borrow().clone()
    }

    async fn ask(&self, reason: &str) -> Option<String> {
        let ask = self.ask_token.as_ref()?;
        let promise = Promise::resolve(&ask.call1(&JsValue::UNDEFINED, &reason.into()).ok()?);
        let answer = within(&self.sleep, TOKEN_MS, JsFuture::from(promise)).await?;
        answer.ok()?.as_string()
    }
}

#[async_trait(?Send)]
impl Transport for HttpTransport {
    async fn send(&self, request: &Request) -> Reply {
        let token = self.token().await;
        let call = Call {
            url: &self.url(request.path),
            body: &request.body,
            token: token.as_deref(),
            timeout_ms: request.timeout_ms,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let outcome = match http::send(&call, &self.sleep).await {
            Ok(answer) => {
                Ok(Answer { status: answer.status, retry_after_ms: answer.retry_after_ms, body: answer.body })
            }
            Err(http::Failure::Network(why) | http::Failure::Unsendable(why)) => Err(Failure::Network(why)),
            Err(http::Failure::Timeout) => Err(Failure::Timeout),
            Err(http::Failure::TooLarge) => Err(Failure::TooLarge),
            Err(http::Failure::Redirect) => Err(Failure::Redirect),
        };
        Reply { outcome, at_ms: scope::now_ms() }
    }

    async fn refresh_token(&self) -> bool {
        let token = self.ask("refused").await;
        let found = token.is_some();
        *self.token.borrow_mut() = token;
        found
    }
}

//! `http`, against the server that serves the tests, and against nothing.

use holm::http::{self, Answer, Call, Failure};
use holm::timer;
use wasm_bindgen_test::wasm_bindgen_test;

use super::stage::{impatient, js};

fn call(url: &str) -> Call<'_> {
    Call { url, body: "{}", token: None, timeout_ms: 5_000, answer_bytes_max: 1 << 20 }
}

async fn send(call: Call<'_>) -> Result<Answer, Failure> {
    http::send(&call, &timer::sleeper()).await
}

#[wasm_bindgen_test]
async fn any_status_is_an_answer() {
    assert_eq!(send(call("/there-is-no-such-page")).await.expect("an answer").status, 404);
    let fetch = "async () => new Response('well', { status: 418 })";
    let answer = with_fetch(fetch, call("/"), 5_000).await.expect("an answer");
    assert_eq!(answer, Answer { status: 418, retry_after_ms: None, body: b"well".to_vec() });
}

#[wasm_bindgen_test]
async fn nothing_there_is_a_network_failure() {
    assert!(matches!(send(call("http://127.0.0.1:9/")).await, Err(Failure::Network(_))));
}

#[wasm_bindgen_test]
async fn a_body_over_the_limit_is_not_read() {
    let fetch = "async () => new Response('x'.repeat(1_000))";
    let limited = |answer_bytes_max| Call { answer_bytes_max, ..call("/") };
    assert_eq!(with_fetch(fetch, limited(999), 5_000).await, Err(Failure::TooLarge));
    assert_eq!(with_fetch(fetch, limited(1_000), 5_000).await.expect("an answer").body, vec![b'x'; 1_000]);
}

#[wasm_bindgen_test]
async fn what_cannot_be_sent_is_refused_and_the_token_is_not_named() {
    for token in ["two\nlines", "Grüße", "nul\0"] {
        let refused = send(Call { token: Some(token), ..call("/") }).await;
        let Err(Failure::Unsendable(why)) = refused else { panic!("{refused:?}") };
        assert!(!why.contains(token));
    }
    assert!(matches!(send(call("http://[")).await, Err(Failure::Unsendable(_))));
}

/// Puts a `fetch` of our own in the place of the browser's, and takes it away again.
async fn with_fetch(fetch: &str, call: Call<'_>, ms: u32) -> Result<Answer, Failure> {
    js(&format!("globalThis.realFetch ??= fetch; globalThis.fetch = {fetch}"), "").await;
    let answer = http::send(&call, &impatient(ms)).await;
    js("globalThis.fetch = globalThis.realFetch", "").await;
    answer
}

#[wasm_bindgen_test]
async fn a_silent_server_is_a_timeout_and_the_request_is_broken_off() {
    let fetch = "request => { globalThis.asked = request; return new Promise(() => {}) }";
    assert_eq!(with_fetch(fetch, call("/"), 20).await, Err(Failure::Timeout));
    assert_eq!(js("return globalThis.asked.signal.aborted", "").await, true);
}

#[wasm_bindgen_test]
async fn a_body_that_never_ends_is_a_timeout() {
    let fetch = "async () => new Response(new ReadableStream({ start(sink) { sink.enqueue(new Uint8Array(10)) } }))";
    assert_eq!(with_fetch(fetch, call("/"), 20).await, Err(Failure::Timeout));
}

#[wasm_bindgen_test]
async fn a_body_that_breaks_is_a_network_failure() {
    let fetch = "async () => new Response(new ReadableStream({ start(sink) { sink.error(new TypeError('broken')) } }))";
    assert_eq!(with_fetch(fetch, call("/"), 5_000).await, Err(Failure::Network(String::from("broken"))));
}

#[wasm_bindgen_test]
async fn a_post_carries_json_and_the_token_and_no_redirect_is_followed() {
    let fetch = "async request => {
        const all = [request.method, request.redirect, request.cache, request.credentials,
            request.headers.get('content-type'), request.headers.get('authorization'), await request.text()];
        return new Response(all.join(' | '), { status: 503, headers: { 'retry-after': '7' } });
    }";
    let post = Call { body: "{\"a\":1}", token: Some("secret"), ..call("/sync") };
    let answer = with_fetch(fetch, post, 5_000).await.expect("an answer");
    assert_eq!((answer.status, answer.retry_after_ms), (503, Some(7_000)));
    assert_eq!(
        String::from_utf8(answer.body).expect("text"),
        "POST | manual | no-store | same-origin | application/json | Bearer secret | {\"a\":1}"
    );
}

#[wasm_bindgen_test]
async fn retry_after_is_seconds_or_a_date_and_garbage_is_nothing() {
    let after = async |header: &str| {
        let fetch = format!("async () => new Response('', {{ status: 503, headers: {{ 'retry-after': {header} }} }})");
        with_fetch(&fetch, call("/"), 5_000).await.expect("an answer").retry_after_ms
    };
    assert_eq!(after("'7'").await, Some(7_000));
    assert_eq!(after("'99999999999999999999999'").await, Some(u64::MAX));
    assert_eq!(after("'soon'").await, None);
    assert_eq!(after("'Sun, 06 Nov 1994 08:49:37 GMT'").await, Some(0));
    let wait_ms = after("new Date(Date.now() + 90_000).toUTCString()").await.expect("a delay");
    assert!((85_000..=90_000).contains(&wait_ms), "{wait_ms}");
}

#[wasm_bindgen_test]
async fn an_answer_of_any_status_may_say_that_no_request_is_left() {
    let wait_ms = async |headers: &str| {
        let fetch = format!("async () => new Response('', {{ headers: {{ {headers} }} }})");
        with_fetch(&fetch, call("/"), 5_000).await.expect("an answer").retry_after_ms
    };
    assert_eq!(wait_ms(r#"RateLimit: '"default";r=0;t=30'"#).await, Some(30_000));
    assert_eq!(wait_ms(r#"RateLimit: '"default";r=2;t=30'"#).await, None);
    assert_eq!(wait_ms("'ratelimit-remaining': '0', 'ratelimit-reset': '9'").await, Some(9_000));
    assert_eq!(wait_ms("'ratelimit-remaining': '0', 'ratelimit-reset': '9', 'retry-after': '5'").await, Some(5_000));
}

#[wasm_bindgen_test]
async fn a_redirect_is_told_apart() {
    let fetch = "async () => Object.defineProperty(new Response(), 'type', { value: 'opaqueredirect' })";
    assert_eq!(with_fetch(fetch, call("/"), 5_000).await, Err(Failure::Redirect));
}

//! Opening a database, in a page or for one event of a service worker.

use std::rc::Rc;

use holm_core::sync::Event;
use holm_core::{Error, ErrorCode};
use holm_protocol::read_json_text;
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::engine::JsEngine;
use super::promise::promise;
use crate::runtime::{HttpTransport, OnEvent, OpenOptions, Runtime};
use crate::{leader, service_worker, timer};

/// Opens a database by options in JSON; `ask_token` gives the bearer token, `on_event` hears of commits, status and storage.
///
/// The promise rejects as [`Runtime::open`] fails.
#[wasm_bindgen]
pub fn open_engine(options: String, ask_token: Option<Function>, on_event: Function) -> Promise {
    let tell: OnEvent = Rc::new(move |kind, json| {
        // What the app's listener throws is the app's; the engine goes on.
        drop(on_event.call2(&JsValue::UNDEFINED, &kind.into(), &json.into()));
    });
    promise(Box::pin(async move {
        let (options, transport) = prepared(&options, ask_token)?;
        let runtime = Runtime::open(options, transport, tell).await?;
        runtime.start();
        leader::start(&runtime);
        Ok(JsEngine::new(runtime).into())
    }))
}

/// Opens, syncs until the outbox is drained, closes: the work of one `sync` event. Storage is `short` where that is 1.
///
/// The promise rejects with what sync failed with, so that the browser tries again.
#[wasm_bindgen]
pub fn run_sync_event(options: String, ask_token: Option<Function>, short: u32) -> Promise {
    promise(Box::pin(async move {
        let (options, transport) = prepared(&options, ask_token)?;
        service_worker::run_sync_event(options, transport, Event::Short(short == 1)).await?;
        Ok(JsValue::UNDEFINED)
    }))
}

fn prepared(json: &str, ask_token: Option<Function>) -> Result<(Box<OpenOptions>, Rc<HttpTransport>), Error> {
    let mut options = Box::<OpenOptions>::default();
    read_json_text(json.as_bytes(), &mut *options)
        .map_err(|why| Error::new(ErrorCode::InvalidArgument, format!("the options cannot be read: {why}")))?;
    let url = options.sync_url.as_deref().unwrap_or_default();
    let transport = Rc::new(HttpTransport::new(url, ask_token, timer::sleeper()));
    Ok((options, transport))
}

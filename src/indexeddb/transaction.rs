//! One transaction from its beginning to its end.
//!
//! ```text
//! begin ── work ── Ok ──────── complete ── Ok(value)
//!            │     └─ aborted by the browser ── Full | Aborted | Lost
//!            ├─── Err ── abort() ── abort ── the error
//!            └─── over time ── abort() ── abort ── Slow
//!                                      └─ complete after all ── Ok(value), or Lost if there is no value yet
//!                                      └─ neither ── Lost
//! ```
//!
//! A transaction that is dropped before its end is aborted: an `add` whose key nobody compared must not commit.

use std::cell::Cell;

use holm_store::Durability;
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbRequest, IdbTransaction};

use super::failure::Failure;
use super::listen::{Listener, result};
use crate::limit::{Sleep, within};

/// How long a transaction may take. Another tab that hogs the store must not hang ours for ever.
pub const TRANSACTION_MS_MAX: u32 = 10_000;
/// How long an aborted transaction may take to say so.
pub const ABORT_MS_MAX: u32 = 5_000;

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase` with the third argument of `transaction`, which `web-sys` calls unstable.
    type DurableDatabase;

    #[wasm_bindgen(method, catch)]
    fn transaction(
        this: &DurableDatabase,
        stores: &Array,
        mode: &str,
        options: &Object,
    ) -> Result<IdbTransaction, JsValue>;

    /// `IDBTransaction` with `commit`, which `web-sys` marks as deprecated.
    type CommittingTransaction;

    #[wasm_bindgen(method, catch)]
    fn commit(this: &CommittingTransaction) -> Result<(), JsValue>;
}

/// What a transaction may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Only read.
    Read,
    /// Read and write.
    Write(Durability),
}

/// What is done in one transaction: requests, and more requests if what the first ones find is right. It is data, so that
/// nothing else is awaited in between, which would close the transaction, and what surrounds it is compiled once.
pub(super) struct Work<'w> {
    pub(super) stores: &'w [&'w str],
    pub(super) access: Access,
    /// Requests whose results are wanted.
    pub(super) ask: Vec<Request>,
    /// Whether what they find lets the others be made; else the work is stale.
    pub(super) guard: Option<&'w Guard<'w>>,
    /// Requests whose results nobody wants.
    pub(super) then: Vec<Request>,
}

/// Judges what the first request found.
pub(super) type Guard<'w> = dyn Fn(&JsValue) -> bool + 'w;

/// A request to an object store.
pub(super) struct Request {
    pub(super) store: &'static str,
    pub(super) what: What,
}

/// What a request is for; keys may be ranges of keys.
pub(super) enum What {
    Get { key: JsValue },
    Keys { among: JsValue },
    All { among: JsValue },
    Add { value: JsValue },
    AddAt { key: JsValue, value: JsValue },
    Put { key: JsValue, value: JsValue },
    Delete { key: JsValue },
}

/// A transaction that has begun.
pub(super) struct Transaction {
    raw: IdbTransaction,
    end: Listener,
    ended: Cell<bool>,
}

impl Transaction {
    /// Begins one. When this throws, nothing was sent.
    pub(super) fn begin(db: &IdbDatabase, work: &Work<'_>) -> Result<Self, JsValue> {
        let names: Array = work.stores.iter().map(|name| JsValue::from_str(name)).collect();
        let options = Object::new();
        let mode = match work.access {
            Access::Read => "readonly",
            Access::Write(durability) => {
                let hint = match durability {
                    Durability::Relaxed => "relaxed",
                    Durability::Strict => "strict",
                };
                Reflect::set(&options, &"durability".into(), &hint.into())?;
                "readwrite"
            }
        };
        let raw = db.unchecked_ref::<DurableDatabase>().transaction(&names, mode, &options)?;
        let end = Listener::new(&raw, ["complete", "abort"]);
        Ok(Self { raw, end, ended: Cell::new(false) })
    }

    fn request(&self, request: &Request) -> Result<IdbRequest, JsValue> {
        let store = self.raw.object_store(request.store)?;
        match &request.what {
            What::Get { key } => store.get(key),
            What::Keys { among } => store.get_all_keys_with_key(among),
            What::All { among } => store.get_all_with_key(among),
            What::Add { value } => store.add(value),
            What::AddAt { key, value } => store.add_with_key(value, key),
            What::Put { key, value } => store.put_with_key(value, key),
            What::Delete { key } => store.delete(key),
        }
    }

    /// Does `work` in it and waits for `complete`; aborts it if `work` fails. Gives what the requests found.
    pub(super) async fn run(&self, sleep: &Sleep, work: &Work<'_>) -> Result<Vec<JsValue>, Failure> {
        let found = Cell::new(None);
        let whole = async {
            found.set(Some(self.work(work).await?));
            self.end().await
        };
        let failure = match within(sleep, TRANSACTION_MS_MAX, whole).await {
            Some(Ok(())) => None,
            Some(Err(failure)) => self.abort(sleep, failure).await,
            None => self.abort(sleep, too_slow()).await,
        };
        let completed = || Failure::Lost("completed while it was aborted".into());
        failure.map_or_else(|| found.take().ok_or_else(completed), Err)
    }

    async fn work(&self, work: &Work<'_>) -> Result<Vec<JsValue>, Failure> {
        let mut asked = Vec::new();
        for request in &work.ask {
            asked.push(self.request(request)?);
        }
        if work.access == Access::Read {
            self.commit()?;
        }
        if let Some(last) = asked.last() {
            result(last).await?; // requests succeed in order
        }
        let mut found = Vec::new();
        for request in asked {
            found.push(request.result()?);
        }
        if work.guard.is_some_and(|guard| !guard(&found[0])) {
            return Err(Failure::Stale);
        }
        for request in &work.then {
            self.request(request)?;
        }
        if work.access != Access::Read {
            self.commit()?;
        }
        Ok(found)
    }

    /// Tells the browser that no further request will come, so that it ends, and lets others begin, also while this thread is busy:
    /// a page that handed over 100,000 records held the other tabs up for a second and a half by a read it had begun before.
    fn commit(&self) -> Result<(), JsValue> {
        self.raw.unchecked_ref::<CommittingTransaction>().commit()
    }

    /// Aborts because of `failure`; what the browser says about it counts more. `None`: it completed all the same.
    async fn abort(&self, sleep: &Sleep, failure: Failure) -> Option<Failure> {
        let _ = self.raw.abort(); // it throws when the browser was quicker
        match within(sleep, ABORT_MS_MAX, self.end()).await {
            Some(Ok(())) => None,
            Some(Err(Failure::Aborted(_))) => Some(failure),
            Some(Err(browser)) => Some(browser),
            None => Some(Failure::Lost("neither complete nor abort came".into())),
        }
    }

    async fn end(&self) -> Result<(), Failure> {
        let completed = (&self.end).await;
        self.ended.set(true);
        if completed {
            return Ok(());
        }
        match self.raw.error() {
            Some(error) => Err(Failure::of(&error)),
            None => Err(Failure::Aborted("aborted".into())),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.ended.get() {
            let _ = self.raw.abort(); // it throws when it ended a moment ago
        }
    }
}

fn too_slow() -> Failure {
    Failure::Slow(format!("no end within {TRANSACTION_MS_MAX} ms").into())
}

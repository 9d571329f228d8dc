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
use web_sys::{IdbDatabase, IdbObjectStore, IdbRequest, IdbTransaction};

use super::failure::Failure;
use super::listen::{Listener, result};
use crate::limit::{Sleep, Within, within};

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

/// What is done in one transaction: requests, and what follows from what they find. Neither waits, so the transaction
/// stays open, and all that surrounds them is compiled once.
pub(super) struct Work<'w> {
    pub(super) stores: &'w [&'w str],
    pub(super) access: Access,
    pub(super) ask: &'w Ask<'w>,
    pub(super) then: &'w Then<'w>,
}

/// Makes requests; gives those whose results are wanted.
pub(super) type Ask<'w> = dyn Fn(&Transaction) -> Result<Vec<IdbRequest>, Failure> + 'w;

/// Judges what the requests found, in their order, and may make more, whose results nobody wants.
pub(super) type Then<'w> = dyn Fn(&Transaction, &[JsValue]) -> Result<(), Failure> + 'w;

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
        let end = Listener::new(&raw, &["complete", "abort"]);
        Ok(Self { raw, end, ended: Cell::new(false) })
    }

    /// One of its object stores.
    pub(super) fn store(&self, name: &str) -> Result<IdbObjectStore, JsValue> {
        self.raw.object_store(name)
    }

    /// Does `work` in it and waits for `complete`; aborts it if `work` fails. Gives what the requests found.
    pub(super) async fn run(&self, sleep: &Sleep, work: &Work<'_>) -> Result<Vec<JsValue>, Failure> {
        match within(sleep, TRANSACTION_MS_MAX, self.work(work)).await {
            Some(Ok(found)) => self.complete(sleep, found).await,
            Some(Err(failure)) => Err(self.abort(sleep, failure).await),
            None => match self.give_up(sleep).await {
                Some(failure) => Err(failure),
                None => Err(Failure::Lost(String::from("completed while it was given up"))),
            },
        }
    }

    async fn work(&self, work: &Work<'_>) -> Result<Vec<JsValue>, Failure> {
        let requests = (work.ask)(self)?;
        if let Some(last) = requests.last() {
            result(last).await?; // requests succeed in order
        }
        let mut found = Vec::new();
        for request in requests {
            found.push(request.result()?);
        }
        (work.then)(self, &found)?;
        if work.access != Access::Read {
            // tells the browser that no further request will come
            self.raw.unchecked_ref::<CommittingTransaction>().commit()?;
        }
        Ok(found)
    }

    async fn complete(&self, sleep: &Sleep, found: Vec<JsValue>) -> Result<Vec<JsValue>, Failure> {
        match self.end_within(sleep, TRANSACTION_MS_MAX).await {
            Some(Ok(())) => Ok(found),
            Some(Err(failure)) => Err(failure),
            None => self.give_up(sleep).await.map_or(Ok(found), Err),
        }
    }

    /// Aborts because of `failure`; what the browser says about it counts more.
    async fn abort(&self, sleep: &Sleep, failure: Failure) -> Failure {
        let _ = self.raw.abort(); // it throws when the browser was quicker
        match self.end_within(sleep, ABORT_MS_MAX).await {
            Some(Ok(())) => Failure::Lost(String::from("completed while it was aborted")),
            Some(Err(Failure::Aborted(_))) => failure,
            Some(Err(browser)) => browser,
            None => Failure::Lost(String::from("neither complete nor abort came")),
        }
    }

    /// Aborts because the time is over. `None`: it completed all the same.
    async fn give_up(&self, sleep: &Sleep) -> Option<Failure> {
        let slow = Failure::Slow(format!("no end within {TRANSACTION_MS_MAX} ms"));
        let _ = self.raw.abort(); // it throws when it is committing
        match self.end_within(sleep, ABORT_MS_MAX).await {
            Some(Ok(())) => None,
            Some(Err(Failure::Aborted(_))) => Some(slow),
            Some(Err(browser)) => Some(browser),
            None => Some(Failure::Lost(String::from("neither complete nor abort came"))),
        }
    }

    fn end_within(&self, sleep: &Sleep, ms: u32) -> Within<'_, Result<(), Failure>> {
        within(sleep, ms, self.end())
    }

    async fn end(&self) -> Result<(), Failure> {
        let name = (&self.end).await;
        self.ended.set(true);
        if name == "complete" {
            return Ok(());
        }
        match self.raw.error() {
            Some(error) => Err(Failure::of(&error)),
            None => Err(Failure::Aborted(String::from("aborted"))),
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

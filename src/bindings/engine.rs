//! The open engine, as the package's JavaScript holds it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use holm_core::engine::{Transaction, WatchId};
use holm_core::outbox::Operation;
use holm_core::sync::Event;
use holm_core::{Error, ErrorCode};
use holm_store::SortedMap;
use js_sys::{Function, Promise};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::convert::{found_json, json, query_json, read_ids, to_js, watched_json};
use super::promise::{promise, tx_promise};
use crate::connectivity::Hint;
use crate::runtime::{BrowserEngine, Runtime};
use crate::scope;

/// An open database. Every method shares it; what takes time gives a promise, and an error has a `code`.
#[wasm_bindgen(js_name = Engine)]
pub struct JsEngine {
    runtime: Rc<Runtime>,
    transactions: Rc<RefCell<SortedMap<u32, Rc<Transaction>>>>,
    next: Cell<u32>,
}

impl JsEngine {
    pub(super) fn new(runtime: Rc<Runtime>) -> Self {
        Self { runtime, transactions: Rc::default(), next: Cell::new(0) }
    }

    fn engine(&self) -> BrowserEngine {
        self.runtime.engine().clone()
    }

    fn transaction(&self, handle: u32) -> Result<Rc<Transaction>, Error> {
        let found = self.transactions.borrow().get(&handle).cloned();
        found.ok_or_else(|| Error::new(ErrorCode::Closed, "the transaction has ended"))
    }
}

#[wasm_bindgen(js_class = Engine)]
impl JsEngine {
    /// Draws a receipt.
    pub fn draw(&self) -> String {
        self.runtime.engine().draw()
    }

    /// Draws a record id.
    #[wasm_bindgen(js_name = newId)]
    pub fn new_id(&self) -> String {
        self.runtime.engine().new_id(scope::now_ms())
    }

    /// Writes rows of one collection; gives their ids as JSON.
    pub fn write(&self, operation: String, collection: String, rows: String, receipt: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            let operation = read_operation(&operation)?;
            let ids = engine.write(scope::now_ms(), &receipt, &collection, operation, &rows).await?;
            Ok(json(&ids).into())
        }))
    }

    /// Reads records by id: a JSON list of rows and nulls.
    pub fn read(&self, collection: String, ids: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            let rows = engine.records(&collection, read_ids(&ids)?).await?;
            Ok(found_json(&rows).into())
        }))
    }

    /// Runs a query: `{"rows": […]}`.
    pub fn query(&self, query: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            let rows = engine.query(&engine.parse_query(&query)?).await?;
            Ok(query_json(&rows).into())
        }))
    }

    /// Counts what a query finds.
    pub fn count(&self, query: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            let count = engine.count(&engine.parse_query(&query)?).await?;
            #[allow(clippy::cast_precision_loss)] // no memory holds 2^53 records
            Ok(JsValue::from_f64(count as f64))
        }))
    }

    /// Watches a query; the callback gets `{"rows": […], "diff": {…}}`, or null and an error.
    ///
    /// # Errors
    /// `invalid-query`, `unknown-collection`, `closed`.
    pub fn watch(&self, query: String, callback: Function) -> Result<u32, JsValue> {
        let engine = self.engine();
        let query = engine.parse_query(&query).map_err(|error| to_js(&error))?;
        let watching = engine.watch(query, move |told| {
            // What the app's callback throws is reported by the package; the engine goes on.
            drop(match told {
                Ok((rows, diff)) => callback.call1(&JsValue::UNDEFINED, &watched_json(rows, diff).into()),
                Err(error) => callback.call2(&JsValue::UNDEFINED, &JsValue::NULL, &to_js(error)),
            });
        });
        watching.map(|id| id.0).map_err(|error| to_js(&error))
    }

    /// Stops watching.
    pub fn unwatch(&self, handle: u32) {
        self.runtime.engine().unwatch(WatchId(handle));
    }

    /// Begins a transaction.
    pub fn begin(&self) -> u32 {
        let handle = self.next.get();
        self.next.set(handle.wrapping_add(1));
        self.transactions.borrow_mut().insert(handle, Rc::default());
        handle
    }

    /// Reads records inside a transaction.
    #[wasm_bindgen(js_name = txRead)]
    pub fn tx_read(&self, tx: u32, collection: String, ids: String) -> Promise {
        let (engine, tx) = (self.engine(), self.transaction(tx));
        tx_promise(Box::pin(async move {
            let rows = engine.tx_records(&*tx?, scope::now_ms(), &collection, read_ids(&ids)?).await?;
            Ok(found_json(&rows).into())
        }))
    }

    /// Runs a query inside a transaction.
    #[wasm_bindgen(js_name = txQuery)]
    pub fn tx_query(&self, tx: u32, query: String) -> Promise {
        let (engine, tx) = (self.engine(), self.transaction(tx));
        tx_promise(Box::pin(async move {
            let rows = engine.tx_query(&*tx?, scope::now_ms(), &engine.parse_query(&query)?).await?;
            Ok(query_json(&rows).into())
        }))
    }

    /// Writes inside a transaction; nothing is kept before the commit.
    #[wasm_bindgen(js_name = txWrite)]
    pub fn tx_write(&self, tx: u32, operation: String, collection: String, rows: String) -> Promise {
        let (engine, tx) = (self.engine(), self.transaction(tx));
        tx_promise(Box::pin(async move {
            let operation = read_operation(&operation)?;
            let ids = engine.tx_write(&*tx?, scope::now_ms(), &collection, operation, &rows).await?;
            Ok(json(&ids).into())
        }))
    }

    /// Commits a transaction, and ends it.
    #[wasm_bindgen(js_name = txCommit)]
    pub fn tx_commit(&self, tx: u32, receipt: String) -> Promise {
        let (engine, transaction) = (self.engine(), self.transaction(tx));
        self.transactions.borrow_mut().remove(&tx);
        tx_promise(Box::pin(async move {
            engine.tx_commit(&*transaction?, scope::now_ms(), &receipt).await?;
            Ok("null".into())
        }))
    }

    /// Forgets a transaction.
    #[wasm_bindgen(js_name = txRollback)]
    pub fn tx_rollback(&self, tx: u32) {
        self.transactions.borrow_mut().remove(&tx);
    }

    /// Sets a key of a namespace.
    #[wasm_bindgen(js_name = kvSet)]
    pub fn kv_set(&self, space: String, key: String, value: String, ttl_ms: Option<f64>) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            // saturates; the package checked the range
            let ttl_ms = ttl_ms.map(|ttl| ttl as u64);
            engine.kv_set(scope::now_ms(), &space, &key, &value, ttl_ms).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// Reads a key of a namespace.
    #[wasm_bindgen(js_name = kvRead)]
    pub fn kv_read(&self, space: String, key: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            let found = engine.kv_read(scope::now_ms(), &space, &key).await?;
            Ok(found.into())
        }))
    }

    /// Removes a key of a namespace.
    #[wasm_bindgen(js_name = kvDelete)]
    pub fn kv_delete(&self, space: String, key: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            engine.kv_delete(&space, &key).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// The keys of a namespace, as a JSON list.
    #[wasm_bindgen(js_name = kvKeys)]
    pub fn kv_keys(&self, space: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            let keys = engine.kv_keys(scope::now_ms(), &space).await?;
            Ok(json(&keys).into())
        }))
    }

    /// The status, as a flat object.
    ///
    /// # Errors
    /// Never, in practice: the object is our own.
    pub fn status(&self) -> Result<JsValue, JsValue> {
        let flat = serde_wasm_bindgen::Serializer::json_compatible();
        Ok(self.runtime.status().serialize(&flat)?)
    }

    /// What became of a call, as JSON.
    pub fn receipt(&self, receipt: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move { Ok(json(&engine.receipt(&receipt).await?).into()) }))
    }

    /// Resolves when the server has acknowledged a call.
    pub fn synced(&self, receipt: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            engine.synced(&receipt).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// Pushes and pulls now.
    #[wasm_bindgen(js_name = syncNow)]
    pub fn sync_now(&self) -> Promise {
        let runtime = Rc::clone(&self.runtime);
        promise(Box::pin(async move {
            runtime.sync_now().await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// Leaves the network alone until `resume`.
    pub fn pause(&self) {
        self.runtime.engine().happened(scope::now_ms(), Event::Paused);
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.runtime.engine().happened(scope::now_ms(), Event::Resumed);
    }

    /// Passes a hint on: `online`, `offline`, `visible`, `hidden`, `message`.
    pub fn nudge(&self, hint: &str) {
        match hint {
            "online" | "message" => self.runtime.nudge(Hint::Online),
            "offline" => self.runtime.nudge(Hint::Offline),
            "visible" => self.runtime.nudge(Hint::Visible),
            "hidden" => self.runtime.nudge(Hint::Hidden),
            _ => {}
        }
    }

    /// Every parked mutation, as JSON.
    pub fn parked(&self) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move { Ok(json(&engine.parked().await?).into()) }))
    }

    /// Sends a parked mutation once more.
    #[wasm_bindgen(js_name = retryParked)]
    pub fn retry_parked(&self, mid: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            engine.retry_parked(scope::now_ms(), &mid).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// Gives a parked mutation up.
    #[wasm_bindgen(js_name = discardParked)]
    pub fn discard_parked(&self, mid: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move {
            engine.discard_parked(&mid).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// Why a record is not on the server yet, as JSON.
    pub fn explain(&self, collection: String, id: String) -> Promise {
        let engine = self.engine();
        promise(Box::pin(async move { Ok(json(&engine.explain(&collection, &id).await?).into()) }))
    }

    /// Closes the database; every later call fails with `closed`.
    pub fn close(&self) -> Promise {
        let runtime = Rc::clone(&self.runtime);
        self.transactions.borrow_mut().clear();
        promise(Box::pin(async move {
            runtime.close().await;
            Ok(JsValue::UNDEFINED)
        }))
    }
}

fn read_operation(operation: &str) -> Result<Operation, Error> {
    match operation {
        "put" => Ok(Operation::Put),
        "insert" => Ok(Operation::Insert),
        "patch" => Ok(Operation::Patch),
        "delete" => Ok(Operation::Delete),
        other => Err(Error::new(ErrorCode::InvalidArgument, format!("no such operation: {other}"))),
    }
}

//! The open engine, as the package's JavaScript holds it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use holm_core::engine::{Transaction, WatchId};
use holm_core::outbox::Operation;
use holm_core::sync::Event;
use holm_core::{Error, ErrorCode};
use js_sys::Function;
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::convert::{found_json, json, query_json, read_ids, to_js, tx_to_js, watched_json};
use crate::connectivity::Hint;
use crate::runtime::{BrowserEngine, Runtime};
use crate::scope;

/// An open database. Every method shares it; none holds it across an await.
#[wasm_bindgen(js_name = Engine)]
pub struct JsEngine {
    runtime: Rc<Runtime>,
    transactions: Rc<RefCell<BTreeMap<u32, Rc<Transaction>>>>,
    next: Cell<u32>,
}

impl JsEngine {
    pub(super) fn new(runtime: Rc<Runtime>) -> Self {
        Self { runtime, transactions: Rc::default(), next: Cell::new(0) }
    }

    fn engine(&self) -> BrowserEngine {
        self.runtime.engine().clone()
    }

    fn transaction(&self, handle: u32) -> Result<Rc<Transaction>, JsValue> {
        let found = self.transactions.borrow().get(&handle).cloned();
        found.ok_or_else(|| to_js(&Error::new(ErrorCode::Closed, "the transaction has ended")))
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
    ///
    /// # Errors
    /// As the engine's `write`.
    pub async fn write(
        &self,
        operation: String,
        collection: String,
        rows: String,
        receipt: String,
    ) -> Result<String, JsValue> {
        let engine = self.engine();
        let operation = read_operation(&operation)?;
        let ids = engine.write(scope::now_ms(), &receipt, &collection, operation, &rows).await;
        ids.map(|ids| json(&ids)).map_err(|error| to_js(&error))
    }

    /// Reads records by id: a JSON list of rows and nulls.
    ///
    /// # Errors
    /// As the engine's `records`.
    pub async fn read(&self, collection: String, ids: String) -> Result<String, JsValue> {
        let engine = self.engine();
        let ids = read_ids(&ids)?;
        let rows = engine.records(&collection, &ids).await.map_err(|error| to_js(&error))?;
        Ok(found_json(&rows))
    }

    /// Runs a query: `{"rows": […]}`.
    ///
    /// # Errors
    /// As the engine's `query`.
    pub async fn query(&self, query: String) -> Result<String, JsValue> {
        let engine = self.engine();
        let query = engine.parse_query(&query).map_err(|error| to_js(&error))?;
        let rows = engine.query(&query).await.map_err(|error| to_js(&error))?;
        Ok(query_json(&rows))
    }

    /// Counts what a query finds.
    ///
    /// # Errors
    /// As the engine's `count`.
    pub async fn count(&self, query: String) -> Result<f64, JsValue> {
        let engine = self.engine();
        let query = engine.parse_query(&query).map_err(|error| to_js(&error))?;
        let count = engine.count(&query).await.map_err(|error| to_js(&error))?;
        #[allow(clippy::cast_precision_loss)] // no memory holds 2^53 records
        Ok(count as f64)
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
    ///
    /// # Errors
    /// With `retry` set where the package should run the app's function again.
    #[wasm_bindgen(js_name = txRead)]
    pub async fn tx_read(&self, tx: u32, collection: String, ids: String) -> Result<String, JsValue> {
        let (engine, tx) = (self.engine(), self.transaction(tx)?);
        let ids = read_ids(&ids)?;
        let rows = engine.tx_records(&tx, scope::now_ms(), &collection, &ids).await;
        rows.map(|rows| found_json(&rows)).map_err(|error| tx_to_js(&error))
    }

    /// Runs a query inside a transaction.
    ///
    /// # Errors
    /// With `retry` set where the package should run the app's function again.
    #[wasm_bindgen(js_name = txQuery)]
    pub async fn tx_query(&self, tx: u32, query: String) -> Result<String, JsValue> {
        let (engine, tx) = (self.engine(), self.transaction(tx)?);
        let query = engine.parse_query(&query).map_err(|error| to_js(&error))?;
        let rows = engine.tx_query(&tx, scope::now_ms(), &query).await;
        rows.map(|rows| query_json(&rows)).map_err(|error| tx_to_js(&error))
    }

    /// Writes inside a transaction; nothing is kept before the commit.
    ///
    /// # Errors
    /// With `retry` set where the package should run the app's function again.
    #[wasm_bindgen(js_name = txWrite)]
    pub async fn tx_write(
        &self,
        tx: u32,
        operation: String,
        collection: String,
        rows: String,
    ) -> Result<String, JsValue> {
        let (engine, tx) = (self.engine(), self.transaction(tx)?);
        let operation = read_operation(&operation)?;
        let ids = engine.tx_write(&tx, scope::now_ms(), &collection, operation, &rows).await;
        ids.map(|ids| json(&ids)).map_err(|error| tx_to_js(&error))
    }

    /// Commits a transaction, and ends it.
    ///
    /// # Errors
    /// With `retry` set where the package should run the app's function again.
    #[wasm_bindgen(js_name = txCommit)]
    pub async fn tx_commit(&self, tx: u32, receipt: String) -> Result<String, JsValue> {
        let (engine, transaction) = (self.engine(), self.transaction(tx)?);
        self.transactions.borrow_mut().remove(&tx);
        let done = engine.tx_commit(&transaction, scope::now_ms(), &receipt).await;
        done.map(|()| "null".to_owned()).map_err(|error| tx_to_js(&error))
    }

    /// Forgets a transaction.
    #[wasm_bindgen(js_name = txRollback)]
    pub fn tx_rollback(&self, tx: u32) {
        self.transactions.borrow_mut().remove(&tx);
    }

    /// Sets a key of a namespace.
    ///
    /// # Errors
    /// As the engine's `kv_set`.
    #[wasm_bindgen(js_name = kvSet)]
    pub async fn kv_set(&self, space: String, key: String, value: String, ttl_ms: Option<f64>) -> Result<(), JsValue> {
        let engine = self.engine();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates; the package checked the range
        let ttl_ms = ttl_ms.map(|ttl| ttl as u64);
        engine.kv_set(scope::now_ms(), &space, &key, &value, ttl_ms).await.map_err(|error| to_js(&error))
    }

    /// Reads a key of a namespace.
    ///
    /// # Errors
    /// As the engine's `kv_read`.
    #[wasm_bindgen(js_name = kvRead)]
    pub async fn kv_read(&self, space: String, key: String) -> Result<Option<String>, JsValue> {
        let engine = self.engine();
        engine.kv_read(scope::now_ms(), &space, &key).await.map_err(|error| to_js(&error))
    }

    /// Removes a key of a namespace.
    ///
    /// # Errors
    /// As the engine's `kv_delete`.
    #[wasm_bindgen(js_name = kvDelete)]
    pub async fn kv_delete(&self, space: String, key: String) -> Result<(), JsValue> {
        let engine = self.engine();
        engine.kv_delete(&space, &key).await.map_err(|error| to_js(&error))
    }

    /// The keys of a namespace, as a JSON list.
    ///
    /// # Errors
    /// As the engine's `kv_keys`.
    #[wasm_bindgen(js_name = kvKeys)]
    pub async fn kv_keys(&self, space: String) -> Result<String, JsValue> {
        let engine = self.engine();
        let keys = engine.kv_keys(scope::now_ms(), &space).await.map_err(|error| to_js(&error))?;
        Ok(json(&keys))
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
    ///
    /// # Errors
    /// As the engine's `receipt`.
    pub async fn receipt(&self, receipt: String) -> Result<String, JsValue> {
        let engine = self.engine();
        engine.receipt(&receipt).await.map(|receipt| json(&receipt)).map_err(|error| to_js(&error))
    }

    /// Resolves when the server has acknowledged a call.
    ///
    /// # Errors
    /// As the engine's `synced`.
    pub async fn synced(&self, receipt: String) -> Result<(), JsValue> {
        let engine = self.engine();
        engine.synced(&receipt).await.map_err(|error| to_js(&error))
    }

    /// Pushes and pulls now.
    ///
    /// # Errors
    /// As the engine's `sync_now`.
    #[wasm_bindgen(js_name = syncNow)]
    pub async fn sync_now(&self) -> Result<(), JsValue> {
        let runtime = Rc::clone(&self.runtime);
        runtime.sync_now().await.map_err(|error| to_js(&error))
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
    ///
    /// # Errors
    /// As the engine's `parked`.
    pub async fn parked(&self) -> Result<String, JsValue> {
        let engine = self.engine();
        engine.parked().await.map(|parked| json(&parked)).map_err(|error| to_js(&error))
    }

    /// Sends a parked mutation once more.
    ///
    /// # Errors
    /// As the engine's `retry_parked`.
    #[wasm_bindgen(js_name = retryParked)]
    pub async fn retry_parked(&self, mid: String) -> Result<(), JsValue> {
        let engine = self.engine();
        engine.retry_parked(scope::now_ms(), &mid).await.map_err(|error| to_js(&error))
    }

    /// Gives a parked mutation up.
    ///
    /// # Errors
    /// As the engine's `discard_parked`.
    #[wasm_bindgen(js_name = discardParked)]
    pub async fn discard_parked(&self, mid: String) -> Result<(), JsValue> {
        let engine = self.engine();
        engine.discard_parked(&mid).await.map_err(|error| to_js(&error))
    }

    /// Why a record is not on the server yet, as JSON.
    ///
    /// # Errors
    /// As the engine's `explain`.
    pub async fn explain(&self, collection: String, id: String) -> Result<String, JsValue> {
        let engine = self.engine();
        engine.explain(&collection, &id).await.map(|told| json(&told)).map_err(|error| to_js(&error))
    }

    /// Closes the database; every later call fails with `closed`.
    pub async fn close(&self) {
        let runtime = Rc::clone(&self.runtime);
        self.transactions.borrow_mut().clear();
        runtime.close().await;
    }
}

fn read_operation(operation: &str) -> Result<Operation, JsValue> {
    match operation {
        "put" => Ok(Operation::Put),
        "insert" => Ok(Operation::Insert),
        "patch" => Ok(Operation::Patch),
        "delete" => Ok(Operation::Delete),
        other => Err(to_js(&Error::new(ErrorCode::InvalidArgument, format!("no such operation: {other:?}")))),
    }
}

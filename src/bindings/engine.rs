//! The open database as the package's JavaScript holds it.
//!
//! It has two doors: `call` for what takes time, `now` for what takes none. What is wanted is said by name, with its
//! arguments behind it, so the machinery of an export is compiled twice and not forty times. The names, with the
//! arguments and the answer of each, stand in `pkg-template/engine.d.ts`; the build knocks at the doors with each of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use holm_core::engine::{Promised, Rows, Transaction, WatchId};
use holm_core::outbox::Operation;
use holm_core::sync::Event;
use holm_core::{Error, ErrorCode};
use holm_store::SortedMap;
use js_sys::{Array, Function};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::convert::{json, read_ids, to_js, watched_json};
use super::given::Given;
use super::promise::{Work, promise, result_or_promise};
use crate::runtime::Runtime;
use crate::scope;

/// An open database.
#[wasm_bindgen(js_name = Engine)]
pub struct JsEngine(Rc<Held>);

struct Held {
    runtime: Rc<Runtime>,
    /// Rows of lists that are on their way, by their receipts.
    lists: RefCell<SortedMap<String, Rows>>,
    transactions: RefCell<SortedMap<u32, Rc<Transaction>>>,
    next: Cell<u32>,
}

impl JsEngine {
    pub(super) fn new(runtime: Rc<Runtime>) -> Self {
        Self(Rc::new(Held { runtime, lists: RefCell::default(), transactions: RefCell::default(), next: Cell::new(0) }))
    }
}

#[wasm_bindgen(js_class = Engine)]
impl JsEngine {
    /// Does what takes time; the promise gives JSON text, or nothing. What is read from memory is given without one.
    ///
    /// # Errors
    /// As the engine's, where there is no promise; each has a `code`.
    #[wasm_bindgen(variadic)]
    pub fn call(&self, name: String, given: Array) -> Result<JsValue, JsValue> {
        let held = Rc::clone(&self.0);
        let reads = matches!(name.as_str(), "read" | "query" | "count" | "txRead" | "txQuery" | "txCount");
        let work: Work = Box::pin(async move { Ok(held.call(&name, &Given(given)).await?.into()) });
        if reads { result_or_promise(work) } else { Ok(promise(work).into()) }
    }

    /// Does what takes no time.
    ///
    /// # Errors
    /// As the engine's; each has a `code`.
    #[wasm_bindgen(variadic)]
    pub fn now(&self, name: &str, given: Array) -> Result<JsValue, JsValue> {
        self.0.now(name, &Given(given)).map_err(|error| to_js(&error))
    }
}

impl Held {
    async fn call(&self, name: &str, given: &Given) -> Result<Option<String>, Error> {
        let (engine, now_ms) = (self.runtime.engine(), scope::now_ms());
        let (first, second) = (given.text(0), given.text(1));
        let answer = match name {
            "write" => {
                let (operation, receipt) = (operation(&first)?, given.text(3));
                let mut rows = self.lists.borrow_mut().remove(&receipt).unwrap_or_default();
                rows.extend(engine.rows(now_ms, operation, &given.bytes(2))?);
                engine.write(now_ms, &receipt, &second, operation, rows)
            }
            "read" => engine.records(&first, read_ids(&second)?),
            "query" => engine.query(&engine.parse_query(&first)?),
            "count" => engine.count(&engine.parse_query(&first)?),
            "plan" => engine.explain_query(&engine.parse_query(&first)?),
            "kvRead" => return engine.kv_read(now_ms, &first, &second).await,
            "kvKeys" => engine.kv_keys(now_ms, &first),
            "receipt" => engine.receipt(&first),
            "parked" => engine.parked(),
            "explain" => engine.explain(&first, &second),
            "txAgain" => return self.again(given).await.map(|number| Some(number.to_string())),
            "txRead" | "txQuery" | "txCount" | "txWrite" => self.step(name, given)?,
            _ => return self.order(name, given).await.map(|()| None),
        };
        answer.await.map(Some)
    }

    /// What has nothing to answer.
    async fn order(&self, name: &str, given: &Given) -> Result<(), Error> {
        let (engine, now_ms) = (self.runtime.engine(), scope::now_ms());
        let (first, second) = (given.text(0), given.text(1));
        let done = match name {
            "kvSet" => engine.kv_set(now_ms, &first, &second, &given.text(2), given.whole(3)),
            "kvDelete" => engine.kv_delete(&first, &second),
            "txCommit" => {
                let transaction = self.transaction(given)?;
                engine.tx_commit(&transaction, now_ms, &second)
            }
            "retryParked" => engine.retry_parked(now_ms, &first),
            "discardParked" => engine.discard_parked(&first),
            "synced" => return engine.synced(&first).await,
            "syncNow" => return self.runtime.sync_now().await,
            "close" => {
                self.transactions.borrow_mut().clear();
                self.runtime.close().await;
                return Ok(());
            }
            _ => return Err(unknown(name)),
        };
        done.await
    }

    /// A step of a transaction; its number is given first.
    fn step(&self, name: &str, given: &Given) -> Result<Promised<String>, Error> {
        let (engine, now_ms, transaction) = (self.runtime.engine(), scope::now_ms(), self.transaction(given)?);
        let (first, second) = (given.text(1), given.text(2));
        Ok(match name {
            "txRead" => engine.tx_records(&transaction, now_ms, &first, read_ids(&second)?),
            "txQuery" => engine.tx_query(&transaction, now_ms, &engine.parse_query(&first)?),
            "txCount" => engine.tx_count(&transaction, now_ms, &engine.parse_query(&first)?),
            _ => {
                let (operation, rows) = (operation(&first)?, given.bytes(3));
                engine.tx_write(&transaction, now_ms, &second, operation, &rows)
            }
        })
    }

    fn now(&self, name: &str, given: &Given) -> Result<JsValue, Error> {
        let engine = self.runtime.engine();
        match name {
            "draw" => return Ok(engine.draw().into()),
            "rows" => {
                let (read, receipt) =
                    (engine.rows(scope::now_ms(), operation(&given.text(0))?, &given.bytes(1))?, given.text(2));
                let mut lists = self.lists.borrow_mut();
                match lists.find_mut(&receipt) {
                    Some(rows) => rows.extend(read),
                    None => drop(lists.insert(receipt, read)),
                }
            }
            "forget" => drop(self.lists.borrow_mut().remove(&given.text(0))),
            "status" => return Ok(json(&self.runtime.status()).into()),
            "watch" => return self.watch(&given.text(0), given.function(1)).map(JsValue::from),
            "begin" => return Ok(self.keep(Rc::default()).into()),
            "unwatch" => engine.unwatch(WatchId(given.handle(0))),
            "end" => self.end(given),
            "pause" => engine.happened(scope::now_ms(), Event::Paused),
            "resume" => engine.happened(scope::now_ms(), Event::Resumed),
            _ => return Err(unknown(name)),
        }
        Ok(JsValue::UNDEFINED)
    }

    /// The callback gets `{"rows": […], "diff": {…}}`, or null and an error.
    fn watch(&self, query: &str, callback: Function) -> Result<u32, Error> {
        let engine = self.runtime.engine();
        let watching = engine.watch(engine.parse_query(query)?, move |told| {
            // What the app's callback throws is reported by the package; the engine goes on.
            drop(match told {
                Ok((rows, diff)) => callback.call1(&JsValue::UNDEFINED, &watched_json(rows, diff).into()),
                Err(error) => callback.call2(&JsValue::UNDEFINED, &JsValue::NULL, &to_js(error)),
            });
        });
        watching.map(|id| id.0)
    }

    /// Gives a transaction its number.
    fn keep(&self, transaction: Rc<Transaction>) -> u32 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        self.transactions.borrow_mut().insert(number, transaction);
        number
    }

    /// The number of the next run of a transaction, in its turn; that of the run before means nothing any more.
    async fn again(&self, given: &Given) -> Result<u32, Error> {
        let again = self.runtime.tx_again(&*self.transaction(given)?).await?;
        self.transactions.borrow_mut().remove(&given.handle(0));
        Ok(self.keep(Rc::new(again)))
    }

    fn transaction(&self, given: &Given) -> Result<Rc<Transaction>, Error> {
        let found = self.transactions.borrow().get(&given.handle(0)).cloned();
        found.ok_or_else(|| Error::new(ErrorCode::Closed, "the transaction has ended"))
    }

    fn end(&self, given: &Given) {
        if let Some(transaction) = self.transactions.borrow_mut().remove(&given.handle(0)) {
            transaction.end_turn();
        }
    }
}

fn operation(name: &str) -> Result<Operation, Error> {
    match name {
        "put" => Ok(Operation::Put),
        "insert" => Ok(Operation::Insert),
        "patch" => Ok(Operation::Patch),
        "delete" => Ok(Operation::Delete),
        _ => Err(Error::new(ErrorCode::InvalidArgument, "a write is a put, insert, patch or delete")),
    }
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, format!("the engine knows no {name}"))
}

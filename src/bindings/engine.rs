//! The open database as the package's JavaScript holds it.
//!
//! It has two doors: `call` for what takes time, `now` for what takes none. What is wanted is said by name, with its
//! arguments behind it, so the machinery of an export is compiled twice and not forty times. The names, with the
//! arguments and the answer of each, stand in `pkg-template/engine.d.ts`; the build knocks at the doors with each of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::{self, FutureExt, LocalBoxFuture};
use holm_core::engine::{Order, Promised, Question, Rows, Transaction, WatchId};
#[cfg(feature = "full")]
use holm_core::outbox;
use holm_core::outbox::Operation;
use holm_core::query::Tally;
use holm_core::sync::Event;
#[cfg(feature = "full")]
use holm_core::sync::scope_key;
use holm_core::{Error, ErrorCode};
use holm_protocol::MutationId;
use holm_store::{Durability, SortedMap};
use js_sys::{Array, Function};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(feature = "full")]
use super::convert::read_value;
use super::convert::{json, read_fields, read_ids, watched_json};
use super::failure::to_js;
use super::given::Given;
use super::names::{CALLS, Call, Deed, INSTANTS, Instant, OPERATIONS, Subject, meant};
use super::promise::{Work, promise};
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
    pub fn call(&self, name: &str, given: Array) -> Result<JsValue, JsValue> {
        let call = meant(CALLS, name).ok_or_else(|| unknown(name))?;
        let work = self.0.call(call, &Given(given)).unwrap_or_else(|error| Box::pin(future::err(error)));
        match call {
            Call::TxAsk(_) | Call::Ask(Subject::Records | Subject::Query | Subject::Count) => result_or_promise(work),
            _ => Ok(promise(work).into()),
        }
    }

    /// Does what takes no time.
    ///
    /// # Errors
    /// As the engine's; each has a `code`.
    #[wasm_bindgen(variadic)]
    pub fn now(&self, name: &str, given: Array) -> Result<JsValue, JsValue> {
        let instant = meant(INSTANTS, name).ok_or_else(|| unknown(name))?;
        self.0.now(instant, &Given(given)).map_err(|error| to_js(&error))
    }
}

impl Held {
    fn call(self: &Rc<Self>, call: Call, given: &Given) -> Result<Work, Error> {
        let (engine, now_ms) = (self.runtime.engine(), scope::now_ms());
        Ok(text(match call {
            Call::Ask(subject) => engine.ask(now_ms, self.question(subject, given, 0)?),
            Call::TxAsk(subject) => {
                engine.tx_ask(&*self.transaction(given)?, now_ms, self.question(subject, given, 1)?)
            }
            Call::Write => {
                let (operation, receipt) = (operation(given, 0)?, given.text(3));
                let mut rows = self.lists.borrow_mut().remove(&receipt).unwrap_or_default();
                rows.extend(engine.rows(now_ms, operation, &given.bytes(2))?);
                engine.write(now_ms, &receipt, &given.text(1), operation, rows)
            }
            Call::TxWrite => {
                let (tx, operation) = (self.transaction(given)?, operation(given, 1)?);
                engine.tx_write(&tx, now_ms, &given.text(2), operation, &given.bytes(3))
            }
            Call::TxAgain => return Ok(Box::pin(Rc::clone(self).again(given.handle(0)))),
            Call::Do(deed) => return self.perform(deed, given),
        }))
    }

    /// What is asked; its arguments begin at `at`.
    fn question(&self, subject: Subject, given: &Given, at: u32) -> Result<Question, Error> {
        let engine = self.runtime.engine();
        let (first, second) = (given.text(at), given.text(at + 1));
        Ok(match subject {
            Subject::Records => Question::Records { collection: first, ids: read_ids(&second)? },
            Subject::Query => Question::Query(engine.parse_query(&first)?),
            Subject::Count => Question::Count(engine.parse_query(&first)?, Tally::default()),
            Subject::Plan => Question::Plan(engine.parse_query(&first)?),
            Subject::Kv => Question::Kv { space: first, key: second },
            Subject::KvKeys => Question::KvKeys(first),
            Subject::Receipt => Question::Receipt(first),
            Subject::Parked => Question::Parked,
            Subject::Explain => Question::Explain { collection: first, id: second },
            #[cfg(feature = "full")]
            Subject::Scopes => Question::Scopes,
            #[cfg(feature = "full")]
            Subject::Orphans => Question::Orphans(
                given.whole(at).map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            ),
        })
    }

    fn perform(self: &Rc<Self>, deed: Deed, given: &Given) -> Result<Work, Error> {
        let (held, now_ms) = (Rc::clone(self), scope::now_ms());
        let (first, second) = (given.text(0), given.text(1));
        let order = match deed {
            Deed::KvSet => Order::KvSet { space: first, key: second, json: given.text(2), ttl_ms: given.whole(3) },
            Deed::KvDelete => Order::KvDelete { space: first, key: second },
            Deed::RetryParked => {
                let (mid, receipt, edit) = (MutationId(first), held.runtime.engine().draw(), read_fields(&second)?);
                Order::Retry { mid, receipt, edit }
            }
            Deed::DiscardParked => Order::Discard(MutationId(first)),
            Deed::Evict => Order::Evict(first),
            #[cfg(feature = "full")]
            Deed::Subscribe => Order::Subscribe(scope_key(&first)?),
            #[cfg(feature = "full")]
            Deed::Unsubscribe => Order::Unsubscribe(scope_key(&first)?),
            #[cfg(feature = "full")]
            Deed::Adopt => Order::Adopt { collection: first, id: second, receipt: held.runtime.engine().draw() },
            #[cfg(feature = "full")]
            Deed::ForgetOrphan => Order::Forget { collection: first, id: second },
            Deed::TxCommit => {
                let tx = self.transaction(given)?;
                let durability = if given.text(2) == "strict" { Durability::Strict } else { Durability::Relaxed };
                return Ok(nothing(Box::pin(held.runtime.engine().tx_commit(&tx, now_ms, &second, durability))));
            }
            #[cfg(feature = "full")]
            Deed::TxCall => {
                let tx = self.transaction(given)?;
                let call = outbox::Call::new(&given.text(3), read_value(&given.text(4))?)?;
                let durability = if given.text(2) == "strict" { Durability::Strict } else { Durability::Relaxed };
                let called = held.runtime.engine().tx_call(&tx, now_ms, &second, call, durability);
                return Ok(nothing(Box::pin(called)));
            }
            Deed::Synced => return Ok(nothing(Box::pin(async move { held.runtime.engine().synced(&first).await }))),
            Deed::SyncNow => return Ok(nothing(Box::pin(async move { held.runtime.sync_now().await }))),
            Deed::Close => return Ok(nothing(Box::pin(held.close()))),
        };
        Ok(nothing(Box::pin(held.runtime.engine().order(now_ms, order))))
    }

    async fn close(self: Rc<Self>) -> Result<(), Error> {
        self.transactions.borrow_mut().clear();
        self.runtime.close().await;
        Ok(())
    }

    fn now(&self, instant: Instant, given: &Given) -> Result<JsValue, Error> {
        let engine = self.runtime.engine();
        match instant {
            Instant::Rows => self.collect(operation(given, 0)?, given)?,
            Instant::Forget => drop(self.lists.borrow_mut().remove(&given.text(0))),
            Instant::Status => return Ok(json(&self.runtime.status()).into()),
            Instant::Watch => return self.watch(&given.text(0), given.function(1)).map(JsValue::from),
            Instant::Begin => return Ok(self.keep(Rc::default()).into()),
            Instant::Unwatch => engine.unwatch(WatchId(given.handle(0))),
            Instant::End => self.end(given),
            Instant::Pause => engine.happened(scope::now_ms(), Event::Paused),
            Instant::Resume => engine.happened(scope::now_ms(), Event::Resumed),
            Instant::Short => engine.happened(scope::now_ms(), Event::Short(given.whole(0) == Some(1))),
        }
        Ok(JsValue::UNDEFINED)
    }

    /// Keeps rows of a list, of which the call with its receipt brings the last.
    fn collect(&self, operation: Operation, given: &Given) -> Result<(), Error> {
        let read = self.runtime.engine().rows(scope::now_ms(), operation, &given.bytes(1))?;
        let (mut lists, receipt) = (self.lists.borrow_mut(), given.text(2));
        match lists.find_mut(&receipt) {
            Some(rows) => rows.extend(read),
            None => drop(lists.insert(receipt, read)),
        }
        Ok(())
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
    async fn again(self: Rc<Self>, lost: u32) -> Result<JsValue, Error> {
        let again = self.runtime.tx_again(&*self.numbered(lost)?).await?;
        self.transactions.borrow_mut().remove(&lost);
        Ok(self.keep(Rc::new(again)).to_string().into())
    }

    /// The transaction whose number is given first.
    fn transaction(&self, given: &Given) -> Result<Rc<Transaction>, Error> {
        self.numbered(given.handle(0))
    }

    fn numbered(&self, number: u32) -> Result<Rc<Transaction>, Error> {
        let found = self.transactions.borrow().get(&number).cloned();
        found.ok_or_else(|| Error::new(ErrorCode::Closed, "the transaction has ended"))
    }

    fn end(&self, given: &Given) {
        if let Some(transaction) = self.transactions.borrow_mut().remove(&given.handle(0)) {
            transaction.end_turn();
        }
    }
}

/// What is answered: JSON text, or nothing.
fn text(answer: Promised<String>) -> Work {
    Box::pin(async move {
        let text = answer.await?;
        Ok(if text.is_empty() { JsValue::UNDEFINED } else { text.into() })
    })
}

/// Boxed, so that this is compiled once.
fn nothing(done: LocalBoxFuture<'static, Result<(), Error>>) -> Work {
    Box::pin(async move { done.await.map(|()| JsValue::UNDEFINED) })
}

fn operation(given: &Given, at: u32) -> Result<Operation, Error> {
    let found = meant(OPERATIONS, &given.text(at));
    found.ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "a write is a put, insert, patch or delete"))
}

fn unknown(name: &str) -> JsValue {
    to_js(&Error::new(ErrorCode::InvalidArgument, format!("the engine knows no {name}; holm/full may")))
}

/// Does work as far as it goes at once: its result where nothing had to be waited for, else its promise.
fn result_or_promise(mut work: Work) -> Result<JsValue, JsValue> {
    match (&mut work).now_or_never() {
        Some(done) => done.map_err(|error| to_js(&error)),
        None => Ok(promise(work).into()),
    }
}

//! What the app reads, as data: so the machinery around a read is compiled once, in a transaction and outside.

use std::rc::Rc;

use holm_protocol::to_json_text;
use holm_store::Read;

use super::promised::{Promised, Writes};
use super::transaction::Script;
use super::{Engine, Transaction};
use crate::outbox::{self, Planned};
use crate::query::{Query, Tally};
use crate::records::{self, rows_json};
use crate::schema::{Collection, check_id};
use crate::sync::{orphans, standings};
use crate::{Error, FULL, kv};

/// A read; its answer is JSON text.
pub enum Question {
    /// Records by id, in the order asked, as rows; null for what is not there.
    Records {
        /// Their collection.
        collection: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// What a query finds: `{"rows": […]}`.
    Query(Rc<Query>),
    /// How many records a query finds, and how far they are counted.
    Count(Rc<Query>, Tally),
    /// How a query is answered.
    Plan(Rc<Query>),
    /// The value of a key; an empty text where there is none, or none any more.
    Kv {
        /// Its namespace.
        space: String,
        /// The key.
        key: String,
    },
    /// The keys of a namespace.
    KvKeys(String),
    /// What became of a call, by its receipt.
    Receipt(String),
    /// Every parked mutation.
    Parked,
    /// Why a record is not on the server yet.
    Explain {
        /// Its collection.
        collection: String,
        /// Its id.
        id: String,
    },
    /// Where every scope stands.
    Scopes,
    /// The first so many records that the server lost.
    Orphans(usize),
}

impl Engine {
    /// Reads what is committed.
    ///
    /// # Errors
    /// `unknown-collection`, `invalid-id`; `storage-…`; `closed`.
    pub fn ask(&self, now_ms: u64, question: Question) -> Promised<String> {
        self.asked(Writes::Forget, self.script(Vec::new(), now_ms, ""), question)
    }

    /// Reads as the transaction sees it, its own writes included.
    ///
    /// # Errors
    /// `contention` when what it read before has changed: run it again; otherwise as [`Engine::ask`].
    pub fn tx_ask(&self, tx: &Transaction, now_ms: u64, question: Question) -> Promised<String> {
        self.asked(Writes::Rehearse(tx.clone()), self.script(tx.steps(), now_ms, ""), question)
    }

    fn asked(&self, writes: Writes, script: Script, mut question: Question) -> Promised<String> {
        let engine = self.clone();
        self.plan(writes, move |draft| {
            script.play(draft)?;
            engine.answer(draft, script.now_ms, &mut question)
        })
    }

    fn answer(&self, view: &dyn Read, now_ms: u64, question: &mut Question) -> Planned<String> {
        Ok(match question {
            Question::Records { collection, ids } => {
                rows(view, self.inner.options.schema.collection(collection)?, ids)?
            }
            Question::Query(query) => format!("{{\"rows\":{}}}", rows_json(&query.run(view)?)),
            Question::Count(query, tally) => query.count_on(view, tally)?.to_string(),
            Question::Plan(query) => to_json_text(&query.explain(view)),
            Question::Kv { space, key } => kv::read(view, space, key, now_ms)?.unwrap_or_default(),
            Question::KvKeys(space) => to_json_text(&kv::keys(view, space, now_ms)?),
            Question::Receipt(receipt) => to_json_text(&outbox::receipt(view, receipt)?),
            Question::Parked => to_json_text(&outbox::parked_list(view)?),
            Question::Scopes if FULL => {
                to_json_text(&standings(view, self.inner.options.scopes.as_deref().unwrap_or_default())?)
            }
            Question::Orphans(limit) if FULL => to_json_text(&orphans(view, *limit)?),
            Question::Scopes | Question::Orphans(_) => String::new(),
            Question::Explain { collection, id } => to_json_text(&self.explanation(view, collection, id)?),
        })
    }

    /// Reads a query.
    ///
    /// # Errors
    /// `invalid-query`, `unknown-collection`.
    pub fn parse_query(&self, json: &str) -> Result<Rc<Query>, Error> {
        Query::parse(json, &self.inner.options.schema).map(Rc::new)
    }
}

fn rows(view: &dyn Read, collection: &Collection, ids: &[String]) -> Planned<String> {
    let mut out = String::from("[");
    for (position, id) in ids.iter().enumerate() {
        check_id(id)?;
        if position > 0 {
            out.push(',');
        }
        match records::row(view, &collection.name, id)? {
            Some(row) => row.write_json(&mut out),
            None => out.push_str("null"),
        }
    }
    out.push(']');
    Ok(out)
}

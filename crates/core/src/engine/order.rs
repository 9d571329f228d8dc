//! Writes that answer nothing, as data: so the machinery around them is compiled once.

use std::cell::OnceCell;
use std::rc::Rc;

use holm_protocol::{Data, MutationId};
use holm_store::Draft;

use super::promised::Promised;
use super::{Engine, Options};
use crate::kv;
use crate::outbox::{self, Planned, WriteContext};
use crate::sync::pull;

/// A write that answers nothing.
pub enum Order {
    /// Sets a key of a namespace; it stays on this device.
    KvSet {
        /// The namespace.
        space: String,
        /// The key.
        key: String,
        /// The value, as JSON text.
        json: String,
        /// How long it lasts; for ever where that is not said.
        ttl_ms: Option<u64>,
    },
    /// Removes a key of a namespace.
    KvDelete {
        /// The namespace.
        space: String,
        /// The key.
        key: String,
    },
    /// Removes settings whose time is over, some at a time; those that are left are as good as gone.
    KvSweep,
    /// Writes what a parked mutation wanted once more.
    Retry {
        /// The mutation.
        mid: MutationId,
        /// What the new write is known by.
        receipt: String,
        /// Fields that it is to have instead, removals included.
        edit: Data,
    },
    /// Gives a parked mutation up.
    Discard(MutationId),
    /// Removes some records of a collection that the server has too.
    Evict(String),
}

impl Engine {
    /// Commits an order.
    ///
    /// # Errors
    /// As [`kv::set`]; as [`outbox::retry`]; `not-found` for what is not parked; as [`pull::evict`]; `storage-…`; `closed`.
    pub fn order(&self, now_ms: u64, order: Order) -> Promised<()> {
        let options = Rc::clone(&self.inner.options);
        self.commit(move |draft| follow(draft, &options, now_ms, &order))
    }
}

fn follow(draft: &mut Draft<'_>, options: &Options, now_ms: u64, order: &Order) -> Planned<()> {
    let Options { schema, scopes, .. } = options;
    match order {
        Order::KvSet { space, key, json, ttl_ms } => kv::set(draft, space, key, json, *ttl_ms, now_ms)?,
        Order::KvDelete { space, key } => kv::delete(draft, space, key),
        Order::KvSweep => kv::sweep(draft, now_ms)?,
        Order::Retry { mid, receipt, edit } => {
            let (written, together, queued, seen, stamp) = (0, None, true, None, &OnceCell::new());
            let cx = WriteContext { schema, now_ms, receipt, written, together, queued, seen, stamp };
            outbox::retry(draft, &cx, mid, edit)?;
        }
        Order::Discard(mid) => outbox::discard(draft, schema, now_ms, mid)?,
        Order::Evict(name) => pull::evict(draft, schema.collection(name)?, scopes.as_deref())?,
    }
    Ok(())
}

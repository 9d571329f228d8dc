//! Writes that answer nothing, as data: so the machinery around them is compiled once.

use std::cell::OnceCell;
use std::rc::Rc;

use holm_protocol::{Data, ErrorCode, Hlc, MutationId};
use holm_store::Draft;

use super::promised::Promised;
use super::{Engine, Options};
use crate::outbox::{self, Planned, WriteContext};
use crate::sync::{self, SyncContext, pull};
use crate::{Error, FULL, kv};

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
    /// Has a scope pulled, by its key, from the next pull on.
    Subscribe(String),
    /// Has a scope pulled no more, and takes some of its records off this device.
    Unsubscribe(String),
    /// Writes a record that the server lost once more.
    Adopt {
        /// Its collection.
        collection: String,
        /// Its id.
        id: String,
        /// What the new write is known by.
        receipt: String,
    },
    /// Forgets a record that the server lost.
    Forget {
        /// Its collection.
        collection: String,
        /// Its id.
        id: String,
    },
}

impl Engine {
    /// Commits an order.
    ///
    /// # Errors
    /// As [`kv::set`]; as [`outbox::retry`]; `not-found` for what is not parked; as [`pull::evict`], [`sync::subscribe`],
    /// [`sync::unsubscribe`] and [`sync::adopt_orphan`]; `storage-…`; `closed`.
    pub fn order(&self, now_ms: u64, order: Order) -> Promised<()> {
        let options = Rc::clone(&self.inner.options);
        self.commit(move |draft| follow(draft, &options, now_ms, &order))
    }
}

fn follow(draft: &mut Draft<'_>, options: &Options, now_ms: u64, order: &Order) -> Planned<()> {
    let Options { schema, scopes, .. } = options;
    let cx = scopes.as_deref().map(|scopes| SyncContext {
        schema,
        scopes,
        now_ms,
        #[cfg(feature = "full")]
        skew: None,
    });
    match order {
        Order::KvSet { space, key, json, ttl_ms } => kv::set(draft, space, key, json, *ttl_ms, now_ms)?,
        Order::KvDelete { space, key } => kv::delete(draft, space, key),
        Order::KvSweep => kv::sweep(draft, now_ms)?,
        Order::Retry { mid, receipt, edit } => {
            let stamp = &OnceCell::new();
            let cx = WriteContext { queued: true, ..write_context(options, now_ms, receipt, stamp) };
            outbox::retry(draft, &cx, mid, edit)?;
        }
        Order::Discard(mid) => outbox::discard(draft, schema, now_ms, mid)?,
        Order::Evict(name) => pull::evict(draft, schema.collection(name)?, cx.as_ref())?,
        Order::Subscribe(key) if FULL => sync::subscribe(draft, &cx.ok_or_else(no_server)?, key)?,
        Order::Unsubscribe(key) if FULL => sync::unsubscribe(draft, &cx.ok_or_else(no_server)?, key)?,
        Order::Adopt { collection, id, receipt } if FULL => {
            sync::adopt_orphan(draft, &write_context(options, now_ms, receipt, &OnceCell::new()), collection, id)?;
        }
        Order::Forget { collection, id } if FULL => sync::forget_orphan(draft, collection, id)?,
        Order::Subscribe(_) | Order::Unsubscribe(_) | Order::Adopt { .. } | Order::Forget { .. } => {}
    }
    Ok(())
}

fn write_context<'a>(
    options: &'a Options,
    now_ms: u64,
    receipt: &'a str,
    stamp: &'a OnceCell<Hlc>,
) -> WriteContext<'a> {
    let (schema, queued) = (&options.schema, options.scopes.is_some());
    WriteContext {
        schema,
        now_ms,
        receipt,
        written: 0,
        together: None,
        queued,
        seen: None,
        #[cfg(feature = "full")]
        again: outbox::Again::default(),
        #[cfg(feature = "full")]
        of: None,
        stamp,
    }
}

fn no_server() -> Error {
    Error::new(ErrorCode::InvalidArgument, "it was opened without `sync`")
}

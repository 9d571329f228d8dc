//! What an app decides about its server: how collections settle conflicts, what is valid, what a request may hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use holm_protocol::{Data, ErrorCode, Limits, Mutation, Policy};

use crate::{Caller, Refusal};

/// 200 mutations, and room for the largest record (1 MiB) with all that JSON may add to it.
const LIMITS: Limits = Limits { mutations: 200, bytes: 2_000_000 };

const DAY_MS: u64 = 86_400_000;

/// A mutation that is about to be applied.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Whose it is.
    pub user: &'a str,
    /// What it wants.
    pub mutation: &'a Mutation,
    /// The record as it is, if it lives.
    pub row: Option<&'a Data>,
}

/// An app's verdict on an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Accept,
    /// Never.
    Reject {
        /// Why.
        code: ErrorCode,
        /// Which field, where it is one.
        field: Option<String>,
        /// Why, in words.
        message: String,
    },
    /// Not now; again after so many seconds.
    Retry {
        /// Seconds.
        after: u32,
    },
}

/// An app's check of each attempt.
pub type Check = Box<dyn Fn(Attempt<'_>) -> Verdict + Send + Sync>;

/// Whether a user may see a scope with arguments, by its key (`ScopeRequest::key`).
pub type MayRead = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// A function that apps may call: it reads and writes the user's rows inside the push, all of it or, unless it accepts, nothing.
///
/// An error of SQLite, or a write that no row can hold, is given on: the whole push fails then.
pub type Function = Box<dyn Fn(&mut Caller<'_>) -> Result<Verdict, Refusal> + Send + Sync>;

/// Whether receipts do their work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipts {
    /// As the protocol demands.
    On,
    /// Repeated mutations are applied again. For simulations, to show that it matters.
    Off,
}

/// Whether every effect is written down for tests and debugging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// No.
    Off,
    /// Each applied mutation leaves an [`crate::Effect`], for ever.
    On,
}

/// Everything an app decides. [`Rules::default`] merges, accepts everything and takes any schema version.
pub struct Rules {
    /// How collections that are not in `policies` settle conflicts.
    pub policy: Policy,
    /// How each collection settles conflicts.
    pub policies: BTreeMap<String, Policy>,
    /// The collections that exist; `None` takes any name.
    pub collections: Option<BTreeSet<String>>,
    /// Fields that only the server may write; in `data` they are rejected as `forbidden`.
    pub server_owned: BTreeSet<String>,
    /// The schema versions that may push.
    pub schema: RangeInclusive<u32>,
    /// What one push may hold.
    pub limits: Limits,
    /// The app's own check.
    pub check: Check,
    /// What clients may subscribe to beside whole collections, by name: in which field, of each collection in it, a row says to which
    /// `id` of the scope it belongs. A field that holds a list belongs to each of its items.
    pub scopes: BTreeMap<String, BTreeMap<String, String>>,
    /// Who may see which of these.
    pub may_read: MayRead,
    /// The functions that apps may call, by name.
    pub functions: BTreeMap<String, Function>,
    /// Whether receipts do their work.
    pub receipts: Receipts,
    /// Whether effects are written down.
    pub audit: Audit,
    /// How long a tombstone is kept; an older checkpoint gets `reset`.
    pub tombstones_ms: u64,
    /// How long a receipt is kept after its client has seen it.
    pub receipts_ms: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            policy: Policy::Merge,
            policies: BTreeMap::new(),
            collections: None,
            server_owned: BTreeSet::new(),
            schema: 0..=u32::MAX,
            limits: LIMITS,
            check: Box::new(|_| Verdict::Accept),
            scopes: BTreeMap::new(),
            may_read: Box::new(|_, _| true),
            functions: BTreeMap::new(),
            receipts: Receipts::On,
            audit: Audit::Off,
            tombstones_ms: 90 * DAY_MS,
            receipts_ms: 400 * DAY_MS,
        }
    }
}

impl Rules {
    pub(crate) fn policy_of(&self, collection: &str) -> Policy {
        self.policies.get(collection).copied().unwrap_or(self.policy)
    }

    pub(crate) fn has_collection(&self, name: &str) -> bool {
        self.collections.as_ref().is_none_or(|known| known.contains(name))
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("policy", &self.policy)
            .field("policies", &self.policies)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

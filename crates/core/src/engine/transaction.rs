//! Transactions: reads of one moment, writes kept back, one guarded commit.
//!
//! What is read is remembered; a read that finds it changed, and a commit that finds it changed, fail with `contention`,
//! and the app's function is run again. So a transaction that commits saw what nobody changed meanwhile, in any tab.
//!
//! ```text
//!   1st run, on its own ── contention ──► waits for its turn ──► again, in its turn ── contention ──► again …
//!                                           (one after another,       the 4th time: the turn insists, and no one
//!                                            of all tabs)             else commits until it ends
//! ```
//!
//! Who does not lose waits for nobody. A turn ends with its transaction, or when the owner's clock says so: the app's
//! function may never end, and it may await another transaction, or a write, that waits for the very turn it holds. What
//! it waits for then goes on, and the function, without its turn, runs on as in the first run.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use holm_protocol::ErrorCode;
#[cfg(feature = "full")]
use holm_protocol::MutationId;
use holm_store::{Draft, Durability, ReadSet, Turn};

use super::promised::{Promised, Writes, contention};
use super::{Engine, Options, Rows, ids};
use crate::Error;
#[cfg(feature = "full")]
use crate::outbox::Call;
use crate::outbox::{self, Operation, Place, Planned, WriteContext};
use crate::sync::push::{BYTES_PER_PUSH, MUTATIONS_PER_PUSH};

/// A transaction that lost so often holds up the others until it is through.
const LOST_MAX: u8 = 4;

/// An effect of more writes would be taken back and laid out again in one long breath.
#[cfg(feature = "full")]
const EFFECT_WRITES_MAX: usize = 1_000;

/// Writes of one transaction, in order.
#[derive(Clone, Debug)]
pub(super) struct Step {
    collection: String,
    operation: Operation,
    rows: Rows,
}

/// A transaction under way. Clones are the same.
#[derive(Clone, Default)]
pub struct Transaction(Rc<Notes>);

#[derive(Default)]
struct Notes {
    reads: RefCell<ReadSet>,
    steps: RefCell<Vec<Step>>,
    /// How many runs before this one were in vain.
    lost: u8,
    turn: Rc<RefCell<Option<Turn>>>,
}

impl Transaction {
    /// Lets the next one have its turn, when this one is over or took too long.
    pub fn end_turn(&self) {
        drop(self.0.turn.take());
    }

    fn has_turn(&self) -> bool {
        self.0.turn.borrow().is_some()
    }

    /// What it wrote so far.
    pub(super) fn steps(&self) -> Vec<Step> {
        self.0.steps.borrow().clone()
    }

    pub(super) fn reads(&self) -> &RefCell<ReadSet> {
        &self.0.reads
    }
}

/// What its plan needs again and again.
pub(super) struct Script {
    options: Rc<Options>,
    steps: Vec<Step>,
    receipt: String,
    pub(super) now_ms: u64,
}

impl Script {
    fn mutations(&self) -> usize {
        self.steps.iter().map(|step| step.rows.len()).sum()
    }

    /// Lays the transaction's own writes into the draft.
    pub(super) fn play(&self, draft: &mut Draft<'_>) -> Planned<()> {
        let n = self.mutations();
        let together = (n > 1).then(|| u32::try_from(n).unwrap_or(u32::MAX));
        self.play_as(draft, together, None)
    }

    /// Queues a call, with the writes as its effect.
    #[cfg(feature = "full")]
    fn play_call(&self, draft: &mut Draft<'_>, call: &Call) -> Planned<()> {
        let place = outbox::begin(draft, &MutationId(self.receipt.clone()))?;
        self.play_as(draft, None, Some(&place))?;
        let mut records = Vec::with_capacity(self.mutations());
        for step in &self.steps {
            records.extend(step.rows.iter().map(|(id, _)| (step.collection.as_str(), id.as_str())));
        }
        outbox::save(draft, self.now_ms, place, call, &records)
    }

    #[cfg_attr(not(feature = "full"), allow(unused_variables))] // there are no calls
    fn play_as(&self, draft: &mut Draft<'_>, together: Option<u32>, of: Option<&Place>) -> Planned<()> {
        let (mut written, stamp) = (0, OnceCell::new());
        for step in &self.steps {
            let cx = WriteContext {
                schema: &self.options.schema,
                now_ms: self.now_ms,
                receipt: &self.receipt,
                written,
                together,
                queued: self.options.scopes.is_some(),
                seen: None,
                #[cfg(feature = "full")]
                again: outbox::Again::default(),
                #[cfg(feature = "full")]
                of,
                stamp: &stamp,
            };
            outbox::write(draft, &cx, &step.collection, step.operation, &step.rows)?;
            written += step.rows.len();
        }
        Ok(())
    }

    /// Refuses what no push could carry.
    fn check_size(&self) -> Result<(), Error> {
        let rows = self.steps.iter().flat_map(|step| &step.rows);
        let bytes: usize = rows.map(|(_, data)| data.as_str().len()).sum();
        let mutations = self.mutations();
        if self.options.scopes.is_some() && (mutations > MUTATIONS_PER_PUSH || bytes > BYTES_PER_PUSH) {
            let message = format!(
                "{mutations} writes of {bytes} bytes do not fit into one push ({MUTATIONS_PER_PUSH} writes, {BYTES_PER_PUSH} bytes)"
            );
            return Err(Error::new(ErrorCode::TransactionTooLarge, message));
        }
        Ok(())
    }
}

impl Engine {
    /// Begins a transaction again that failed with `contention`: in its turn, which the caller ends.
    ///
    /// # Errors
    /// `closed`.
    pub async fn tx_again(&self, tx: &Transaction) -> Result<Transaction, Error> {
        let (lost, mut turn) = (tx.0.lost + 1, Rc::clone(&tx.0.turn));
        if !tx.has_turn() {
            // Not the slot of the turn that was ended: its clock may still run.
            turn = Rc::new(RefCell::new(Some(self.inner.db.turn().await)));
        }
        self.ensure_open()?;
        if let Some(turn) = turn.borrow().as_ref().filter(|_| lost >= LOST_MAX) {
            turn.insist();
        }
        Ok(Transaction(Rc::new(Notes { lost, turn, ..Notes::default() })))
    }

    /// Adds writes to the transaction, and checks them against what it sees.
    ///
    /// # Errors
    /// As [`Engine::write`], and `contention`.
    pub fn tx_write(
        &self,
        tx: &Transaction,
        now_ms: u64,
        collection: &str,
        operation: Operation,
        rows: &[u8],
    ) -> Promised<String> {
        let rows = self.rows(now_ms, operation, rows);
        let (engine, tx, collection) = (self.clone(), tx.clone(), collection.to_owned());
        self.plan(Writes::Rehearse(tx.clone()), move |draft| {
            let rows = rows.as_ref().map_err(Error::clone)?;
            let step = Step { collection: collection.clone(), operation, rows: rows.clone() };
            let mut script = engine.script(tx.steps(), now_ms, "");
            script.steps.push(step.clone());
            script.play(draft)?;
            // A rehearsal that comes to its end is not run again.
            tx.0.steps.borrow_mut().push(step);
            Ok(ids(rows))
        })
    }

    /// Commits what the transaction wrote, if nothing that it read has changed, as durable as it is to be.
    ///
    /// # Errors
    /// `contention`: run it again; `transaction-too-large`; `storage-…`.
    pub fn tx_commit(&self, tx: &Transaction, now_ms: u64, receipt: &str, durability: Durability) -> Promised<()> {
        let script = self.script(tx.steps(), now_ms, receipt);
        let reads = tx.0.reads.borrow().clone();
        let writes = if tx.has_turn() { Writes::CommitInTurn(durability) } else { Writes::Commit(durability) };
        self.plan(writes, move |draft| {
            script.check_size()?;
            draft.validate(&reads).map_err(|_| contention())?;
            script.play(draft)
        })
    }

    /// Commits a call of a server's function, with what the transaction wrote as its effect here.
    ///
    /// # Errors
    /// `invalid-argument` without a server; otherwise as [`Engine::tx_commit`].
    #[cfg(feature = "full")]
    pub fn tx_call(
        &self,
        tx: &Transaction,
        now_ms: u64,
        receipt: &str,
        call: Call,
        durability: Durability,
    ) -> Promised<()> {
        let script = self.script(tx.steps(), now_ms, receipt);
        let reads = tx.0.reads.borrow().clone();
        let writes = if tx.has_turn() { Writes::CommitInTurn(durability) } else { Writes::Commit(durability) };
        self.plan(writes, move |draft| {
            if script.options.scopes.is_none() {
                return Err(Error::new(ErrorCode::InvalidArgument, "a call needs a database with `sync`").into());
            }
            if script.mutations() > EFFECT_WRITES_MAX {
                let message = format!("the effect of a call is at most {EFFECT_WRITES_MAX} writes");
                return Err(Error::new(ErrorCode::TransactionTooLarge, message).into());
            }
            draft.validate(&reads).map_err(|_| contention())?;
            script.play_call(draft, &call)
        })
    }

    pub(super) fn script(&self, steps: Vec<Step>, now_ms: u64, receipt: &str) -> Script {
        Script { options: Rc::clone(&self.inner.options), steps, receipt: receipt.to_owned(), now_ms }
    }
}

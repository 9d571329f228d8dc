//! Transactions: reads of one moment, writes kept back, one guarded commit.
//!
//! What is read is remembered; a read that finds it changed, and a commit that finds it changed, fail with `contention`,
//! and the app's function is run again. So a transaction that commits saw what nobody changed meanwhile, in any tab.

use std::cell::RefCell;
use std::rc::Rc;

use holm_protocol::{Data, ErrorCode};
use holm_store::{Draft, ReadSet};

use super::{Engine, RAN, contention, parse_rows, rows};
use crate::Error;
use crate::local::Local;
use crate::outbox::{self, Operation, Planned, WriteContext};
use crate::query::Query;
use crate::records::Row;
use crate::schema::{Schema, check_id};
use crate::sync::push::{BYTES_PER_PUSH, MUTATIONS_PER_PUSH};

/// Writes of one transaction, in order.
#[derive(Clone, Debug)]
struct Step {
    collection: String,
    operation: Operation,
    rows: Vec<(String, Data)>,
}

/// A transaction under way.
#[derive(Debug, Default)]
pub struct Transaction {
    reads: RefCell<ReadSet>,
    steps: RefCell<Vec<Step>>,
}

/// What its plan needs again and again.
#[derive(Clone)]
struct Script {
    schema: Rc<Schema>,
    steps: Vec<Step>,
    receipt: String,
    now_ms: u64,
    queued: bool,
}

impl Script {
    fn mutations(&self) -> usize {
        self.steps.iter().map(|step| step.rows.len()).sum()
    }

    /// Lays the transaction's own writes into the draft.
    fn play(&self, draft: &mut Draft<'_>) -> Planned<()> {
        let n = self.mutations();
        let together = (n > 1).then(|| u32::try_from(n).unwrap_or(u32::MAX));
        let mut written = 0;
        for step in &self.steps {
            let cx = WriteContext {
                schema: &self.schema,
                now_ms: self.now_ms,
                receipt: &self.receipt,
                written,
                together,
                queued: self.queued,
            };
            outbox::write(draft, &cx, &step.collection, step.operation, &step.rows)?;
            written += step.rows.len();
        }
        Ok(())
    }

    /// Refuses what no push could carry.
    fn check_size(&self) -> Result<(), Error> {
        let rows = self.steps.iter().flat_map(|step| &step.rows);
        let bytes: usize = rows.map(|(_, data)| serde_json::to_vec(data).map_or(0, |text| text.len())).sum();
        let mutations = self.mutations();
        if self.queued && (mutations > MUTATIONS_PER_PUSH || bytes > BYTES_PER_PUSH) {
            let message = format!(
                "{mutations} writes of {bytes} bytes do not fit into one push ({MUTATIONS_PER_PUSH} writes, {BYTES_PER_PUSH} bytes)"
            );
            return Err(Error::new(ErrorCode::TransactionTooLarge, message));
        }
        Ok(())
    }
}

impl Engine {
    /// Reads records as the transaction sees them, its own writes included.
    ///
    /// # Errors
    /// `contention` when what it read before has changed: run it again; otherwise as [`Engine::records`].
    pub async fn tx_records(
        &self,
        tx: &Transaction,
        now_ms: u64,
        collection: &str,
        ids: &[String],
    ) -> Result<Vec<Option<Row>>, Error> {
        let collection = self.inner.schema.collection(collection)?.name.clone();
        ids.iter().try_for_each(|id| check_id(id))?;
        self.tx_read(tx, now_ms, |draft| rows(draft, &collection, ids)).await
    }

    /// Runs a query as the transaction sees it, its own writes included.
    ///
    /// # Errors
    /// `contention` when what it read before has changed: run it again; otherwise as [`Engine::query`].
    pub async fn tx_query(&self, tx: &Transaction, now_ms: u64, query: &Query) -> Result<Vec<Row>, Error> {
        self.tx_read(tx, now_ms, |draft| Ok(query.run(draft)?)).await
    }

    /// Adds writes to the transaction, and checks them against what it sees.
    ///
    /// # Errors
    /// As [`Engine::write`], and `contention`.
    pub async fn tx_write(
        &self,
        tx: &Transaction,
        now_ms: u64,
        collection: &str,
        operation: Operation,
        rows: &str,
    ) -> Result<Vec<String>, Error> {
        let rows = parse_rows(operation, rows, || self.new_id(now_ms))?;
        let ids = rows.iter().map(|(id, _)| id.clone()).collect();
        tx.steps.borrow_mut().push(Step { collection: collection.to_owned(), operation, rows });
        let checked = self.tx_read(tx, now_ms, |_| Ok(())).await;
        if checked.is_err() {
            tx.steps.borrow_mut().pop();
        }
        checked.map(|()| ids)
    }

    /// Commits what the transaction wrote, if nothing that it read has changed.
    ///
    /// # Errors
    /// `contention`: run it again; `transaction-too-large`; `storage-…`.
    pub async fn tx_commit(&self, tx: &Transaction, now_ms: u64, receipt: &str) -> Result<(), Error> {
        let script = self.script(tx, now_ms, receipt);
        script.check_size()?;
        let reads = tx.reads.borrow().clone();
        self.commit(self.inner.durability, move |draft| {
            draft.validate(&reads).map_err(|_| contention())?;
            script.play(draft)
        })
        .await
    }

    async fn tx_read<R>(
        &self,
        tx: &Transaction,
        now_ms: u64,
        mut f: impl FnMut(&mut Draft<'_>) -> Planned<R>,
    ) -> Result<R, Error> {
        let script = self.script(tx, now_ms, "");
        let mut found = None;
        let mut rehearsal = |draft: &mut Draft<'_>| {
            script.play(draft)?;
            found = Some(f(draft)?);
            Ok(())
        };
        let played = self.look(Some(&tx.reads), &mut rehearsal).await;
        // Every write moves the clock and the order; a transaction does not depend on where they stand.
        tx.reads.borrow_mut().forget(&Local::key());
        played?;
        Ok(found.expect(RAN))
    }

    fn script(&self, tx: &Transaction, now_ms: u64, receipt: &str) -> Script {
        Script {
            schema: Rc::clone(&self.inner.schema),
            steps: tx.steps.borrow().clone(),
            receipt: receipt.to_owned(),
            now_ms,
            queued: self.inner.scopes.is_some(),
        }
    }
}

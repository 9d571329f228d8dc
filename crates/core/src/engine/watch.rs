//! Live queries: a commit that touches what a query reads has it run again, and the difference told.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use holm_store::{Applied, Change, Signal};

use super::Engine;
use crate::Error;
use crate::query::{self, Diff, Query};
use crate::records::Row;

/// A watched query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchId(pub u32);

/// What a watcher is told.
pub type Watched<'a> = Result<(&'a [Row], &'a Diff), &'a Error>;

struct Watcher {
    id: WatchId,
    query: Rc<Query>,
    rows: RefCell<Option<Vec<Row>>>,
    dirty: Cell<bool>,
    tell: Box<dyn Fn(Watched<'_>)>,
}

/// Of a commit that writes more, only the keys are looked at: to run a query again takes less than to read so many records.
const LOOKED_AT_MAX: usize = 64;

impl Watcher {
    /// Whether a commit may change what was found, which is what was there just before it.
    fn is_touched(&self, applied: &Applied<'_>) -> bool {
        match (&*self.rows.borrow(), applied.change) {
            (Some(rows), Change::Keys(writes)) if writes.len() <= LOOKED_AT_MAX => {
                self.query.touches_shown(applied, |id| rows.iter().any(|row| row.id == id))
            }
            _ => self.query.touches(applied),
        }
    }
}

/// All watched queries of one engine.
#[derive(Default)]
pub(super) struct Watchers {
    next: Cell<u32>,
    all: RefCell<Vec<Rc<Watcher>>>,
    signal: Signal,
}

impl Watchers {
    /// Marks the queries that a commit touches.
    pub(super) fn notice(&self, applied: &Applied<'_>) {
        let mut any = false;
        for watcher in self.all.borrow().iter() {
            if !watcher.dirty.get() && watcher.is_touched(applied) {
                watcher.dirty.set(true);
                any = true;
            }
        }
        if any {
            self.signal.notify();
        }
    }

    /// Has the loop look again.
    pub(super) fn wake(&self) {
        self.signal.notify();
    }

    pub(super) fn clear(&self) {
        self.all.borrow_mut().clear();
        self.signal.notify();
    }

    fn next_dirty(&self) -> Option<Rc<Watcher>> {
        let all = self.all.borrow();
        let watcher = all.iter().find(|watcher| watcher.dirty.get())?;
        watcher.dirty.set(false);
        Some(Rc::clone(watcher))
    }
}

impl Engine {
    /// Tells what `query` finds, now and after every commit that changes it.
    ///
    /// # Errors
    /// `closed`.
    pub fn watch(&self, query: Rc<Query>, tell: impl Fn(Watched<'_>) + 'static) -> Result<WatchId, Error> {
        self.ensure_open()?;
        let watchers = &self.inner.watchers;
        let id = WatchId(watchers.next.get());
        watchers.next.set(id.0 + 1);
        let watcher = Watcher { id, query, rows: RefCell::new(None), dirty: Cell::new(true), tell: Box::new(tell) };
        watchers.all.borrow_mut().push(Rc::new(watcher));
        watchers.signal.notify();
        Ok(id)
    }

    /// Stops telling.
    pub fn unwatch(&self, id: WatchId) {
        self.inner.watchers.all.borrow_mut().retain(|watcher| watcher.id != id);
    }

    /// Runs touched queries, and counts what waits anew where commits were missed, until the engine closes.
    pub(super) async fn drive_watchers(self) {
        while !self.is_closed() {
            let seen = self.inner.watchers.signal.count();
            if self.inner.census.borrow().stale {
                // Storage that fails now is asked again after the next commit that was missed.
                let _counted = self.take_census().await;
            }
            while let Some(watcher) = self.inner.watchers.next_dirty() {
                self.run_again(&watcher).await;
            }
            self.inner.watchers.signal.after(seen).await;
        }
    }

    async fn run_again(&self, watcher: &Watcher) {
        let query = Rc::clone(&watcher.query);
        let found = self.read(move |view| Ok(query.run(view)?)).await;
        if self.is_closed() {
            return;
        }
        match found {
            Err(error) => (watcher.tell)(Err(&error)),
            Ok(rows) => {
                let before = watcher.rows.borrow_mut().take();
                let first = before.is_none();
                let difference = query::diff(&before.unwrap_or_default(), &rows);
                *watcher.rows.borrow_mut() = Some(rows.clone());
                if first || !difference.is_empty() {
                    (watcher.tell)(Ok((&rows, &difference)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use holm_protocol::json;
    use holm_store::{LogSeq, Origin, Records};

    use super::*;
    use crate::keyspace;
    use crate::records::tests::Store;
    use crate::schema::tests::every_type;

    #[test]
    fn a_query_is_run_again_only_for_what_it_shows_or_would_show() {
        let query =
            Query::parse(r#"{"collection":"things","where":{"id":{"lt":"b"}}}"#, &every_type()).expect("a query");
        let watcher = Watcher {
            id: WatchId(0),
            query: Rc::new(query),
            rows: RefCell::new(None),
            dirty: Cell::new(false),
            tell: Box::new(|_| {}),
        };
        let mut store = Store::new();
        store.put(&every_type(), "things", "z", 1, Some(json!({})));
        let stored = store.read(|view| view.get(&keyspace::record("things", "z"))).expect("there");
        let touched = |ids: &[&str]| {
            let one = |id: &&str| (keyspace::record("things", id), Some(stored.clone()));
            let writes: Records = ids.iter().map(one).collect();
            watcher.is_touched(&Applied { seq: LogSeq(1), origin: Origin::Own, change: Change::Keys(&writes) })
        };
        assert!(touched(&["z"]), "before it ran");
        watcher.rows.replace(Some(vec![Row::new("x".to_owned(), stored.clone())]));
        assert!(!touched(&["z"]));
        assert!(touched(&["z", "x"]), "one that is shown");
        assert!(touched(&["z", "a"]), "one that matches");
        assert!(touched(&["z"; LOOKED_AT_MAX + 1]), "too many to look at");
    }
}

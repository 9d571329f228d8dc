//! What tabs of one database tell each other. A message only says *look*: what it is about lies in the store.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use holm_core::sync::{Event, Status};
use holm_protocol::{from_json_text, to_json_text};
use holm_store::Origin;

use super::{Runtime, beside};
use crate::broadcast::Broadcast;
use crate::scope;

/// Something was committed.
const COMMITTED: &str = "committed";
/// Whoever leads: sync now.
pub(super) const ASK: &str = "ask";

/// Somebody has joined. Everybody answers that something was committed, so that all know that they are not alone: what
/// was committed in between is seen with the answer.
pub(super) const HELLO: &str = "hello";

/// A commit of this tab does not get through: everybody lets it go first.
const MAKE_WAY: &str = "make-way";

/// The leader's status changed: any other text is that, as JSON.
pub(super) fn status(status: &Status) -> String {
    to_json_text(status)
}

/// Listens to other tabs, and tells them of our commits.
pub(super) struct News {
    runtime: Weak<Runtime>,
}

impl News {
    pub(super) fn new(runtime: &Rc<Runtime>) -> Self {
        Self { runtime: Rc::downgrade(runtime) }
    }

    /// Joins the channel of this database.
    pub(super) fn join(&self) -> Option<Broadcast> {
        let runtime = self.runtime.upgrade()?;
        let weak = self.runtime.clone();
        let loading = Rc::new(Cell::new(Loading::Idle));
        Some(Broadcast::join(&runtime.options.name, move |text| {
            if let Some(runtime) = weak.upgrade() {
                hear(&runtime, &text, &loading);
            }
        }))
    }

    /// Asks the others to make way when a commit of this tab does not get through.
    pub(super) fn ask_others(&self) {
        let weak = self.runtime.clone();
        if let Some(runtime) = self.runtime.upgrade() {
            runtime.engine.database().ask_others(move || {
                if let Some(runtime) = weak.upgrade() {
                    runtime.post(MAKE_WAY);
                }
            });
        }
    }

    /// Tells the app of each commit, and the others of each of this tab, until the engine closes.
    pub(super) fn tell_commits(&self) -> Option<holm_store::Observer> {
        let runtime = self.runtime.upgrade()?;
        let weak = self.runtime.clone();
        Some(runtime.engine.database().observe(move |applied| {
            let Some(runtime) = weak.upgrade() else { return };
            (runtime.on_event)("commit", "");
            if applied.origin == Origin::Own && runtime.others.get() {
                runtime.post(COMMITTED);
            }
        }))
    }
}

/// Whether a look at the store is under way, and another one due after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loading {
    Idle,
    Busy,
    Again,
}

fn hear(runtime: &Rc<Runtime>, text: &str, loading: &Rc<Cell<Loading>>) {
    runtime.others.set(true);
    match text {
        COMMITTED => look(runtime, loading),
        HELLO => {
            runtime.post(COMMITTED);
            runtime.post_status();
        }
        MAKE_WAY => runtime.engine.database().make_way(),
        ASK => runtime.engine.happened(scope::now_ms(), Event::Asked),
        status => {
            // One that cannot be read comes from another version of this code.
            if let Ok(status) = from_json_text(status.as_bytes()) {
                runtime.engine.hear_status(status);
            }
        }
    }
}

fn look(runtime: &Rc<Runtime>, loading: &Rc<Cell<Loading>>) {
    if loading.get() != Loading::Idle {
        loading.set(Loading::Again);
        return;
    }
    loading.set(Loading::Busy);
    let (runtime, loading) = (Rc::clone(runtime), Rc::clone(loading));
    beside(Box::pin(async move {
        loop {
            // What fails here is read with the next message, or by the next commit of this tab.
            let _ = runtime.engine.refresh().await;
            if loading.replace(Loading::Busy) != Loading::Again {
                break;
            }
        }
        loading.set(Loading::Idle);
    }));
}

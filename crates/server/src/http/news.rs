//! Who waits for news: held pulls and streams.

use std::collections::BTreeSet;
use std::sync::Arc;

use holm_protocol::{Outcome, PushRequest, PushResponse};
use tokio::sync::broadcast::{self, error::RecvError};

/// News that a slow listener may lag behind before it is told "anything may have changed".
const BACKLOG: usize = 256;

/// The names of the scopes that a push touched.
type Touched = Arc<BTreeSet<String>>;

/// Where pushes tell what they touched.
pub(super) struct News(broadcast::Sender<Touched>);

/// Hears of every push after it subscribed.
pub(super) struct Listener(broadcast::Receiver<Touched>);

impl News {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    pub(super) fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }

    /// Tells of a push, repeated ones included: one poke too many costs a pull.
    pub(super) fn tell(&self, request: &PushRequest, response: &PushResponse) {
        let applied = request.mutations.iter().zip(&response.results);
        let applied = applied.filter(|(_, result)| matches!(result.outcome, Outcome::Ok { .. }));
        let touched: BTreeSet<String> =
            applied.map(|(mutation, _)| mutation.collection.clone()).filter(|name| !name.is_empty()).collect();
        if !touched.is_empty() {
            // Nobody listening is fine.
            drop(self.0.send(Arc::new(touched)));
        }
    }
}

impl Listener {
    /// The next news: the scopes touched, or none of them by name when some news were missed. `None` when there are no more.
    pub(super) async fn next(&mut self) -> Option<Vec<String>> {
        match self.0.recv().await {
            Ok(touched) => Some(touched.iter().cloned().collect()),
            Err(RecvError::Lagged(_)) => Some(Vec::new()),
            Err(RecvError::Closed) => None,
        }
    }

    /// Waits for news of any of these scopes.
    pub(super) async fn of(&mut self, wanted: &BTreeSet<String>) {
        while let Some(touched) = self.next().await {
            if touched.is_empty() || touched.iter().any(|scope| wanted.contains(scope)) {
                return;
            }
        }
    }
}

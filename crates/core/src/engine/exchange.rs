//! One exchange with the server at a time: plan, send, record.

use std::rc::Rc;

use holm_protocol::{ClientId, ErrorCode, PullRequest, PushRequest, to_json_text};
use holm_store::Durability;

use super::promised::Writes;
use super::{Engine, Request};
use crate::Error;
use crate::sync::pull::{self, Page};
use crate::sync::push::{self, Frozen};
use crate::sync::{
    Action, Connection, Event, Exchange, Failed, Lease, Phase, PushLimits, Refused, StatusError, SyncContext, Why,
    read_pull, read_push,
};

/// Any request gets this long.
const TIMEOUT_MS: u32 = 20_000;
/// What is about to be sent is on the medium first.
const STRICT: Writes = Writes::Commit(Durability::Strict);
/// Slow links get a second more for so many bytes of body.
const BYTES_PER_SECOND: u32 = 4_096;

/// What a leader does after one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask again at once.
    Again,
    /// Ask again then (wall clock, milliseconds), or when woken.
    Wait(u64),
    /// Ask again when woken.
    Idle,
    /// Somebody else leads, or the database is closed.
    Ended,
}

impl Engine {
    /// Becomes the one who talks to the server; the caller holds the lock `Sync`.
    ///
    /// # Errors
    /// `storage-…`; `newer-version-in-use`; `closed`.
    pub async fn lead(&self) -> Result<(), Error> {
        let token = self.draw();
        let relaxed = Writes::Commit(Durability::Relaxed);
        let lease = self.plan(relaxed, move |draft| Lease::take(draft, token.clone())).await?;
        *self.inner.lease.borrow_mut() = Some(lease);
        self.edit_status(&mut |status| status.leader = true);
        Ok(())
    }

    /// Does at most one exchange, and says what is next.
    pub async fn step(&self, now_ms: u64) -> Step {
        if self.inner.closed.get() || self.inner.scopes.is_none() {
            return Step::Ended;
        }
        let Some(lease) = self.inner.lease.borrow().clone() else { return Step::Ended };
        let action = self.inner.machine.borrow().next(now_ms);
        let done = match action {
            Action::Push => self.push(now_ms, lease).await,
            Action::Pull => self.pull(now_ms, lease).await,
            Action::Wait { until_ms, why } => {
                self.show_wait(Some(until_ms), why);
                return Step::Wait(until_ms);
            }
            Action::Idle(why) => {
                self.show_wait(None, why);
                return Step::Idle;
            }
        };
        match done {
            Ok(()) => Step::Again,
            Err(error) => self.stumble(now_ms, action, &error),
        }
    }

    /// Takes note of what happened outside.
    pub fn happened(&self, now_ms: u64, event: Event) {
        self.inner.machine.borrow_mut().handle(now_ms, event);
        self.inner.wake.notify();
    }

    /// Whether everything was sent and heard.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.inner.machine.borrow().is_settled()
    }

    async fn push(&self, now_ms: u64, lease: Lease) -> Result<(), Error> {
        let limits = self.inner.push_limits.get();
        let frozen = self.freeze(now_ms, lease.clone(), limits).await?;
        let request = match frozen {
            Frozen::Nothing => return self.note(now_ms, Event::Drained),
            Frozen::NotBefore(at_ms) => return self.note(now_ms, Event::NotBefore(at_ms)),
            Frozen::Request(request) => request,
        };
        let in_flight = request.mutations.len();
        self.edit_status(&mut |status| (status.phase, status.in_flight) = (Phase::Pushing, in_flight));
        let (answer, at_ms) = self.send("push", to_json_text(&*request)).await;
        self.edit_status(&mut |status| status.in_flight = 0);
        let response = match read_push(answer, at_ms) {
            Ok(response) => response,
            Err(failed) => return self.push_failed(at_ms, lease, failed, &request).await,
        };
        self.inner.seq_reused.set(false);
        if let Some(limits) = response.limits {
            self.inner.push_limits.set(self.inner.push_limits.get().within(limits));
        }
        let cx = self.context(at_ms);
        self.commit(move |draft| push::pushed(draft, &cx.borrow(), &lease, &response)).await?;
        self.succeeded(at_ms, Event::Pushed)
    }

    async fn freeze(&self, now_ms: u64, lease: Lease, limits: PushLimits) -> Result<Frozen, Error> {
        let cx = self.context(now_ms);
        self.plan(STRICT, move |draft| push::freeze(draft, &cx.borrow(), &lease, limits)).await
    }

    async fn pull(&self, now_ms: u64, lease: Lease) -> Result<(), Error> {
        let cx = self.context(now_ms);
        let request: PullRequest = self.read(move |view| pull::request(view, &cx.borrow())).await?;
        self.edit_status(&mut |status| status.phase = Phase::Pulling);
        let (answer, at_ms) = self.send("pull", to_json_text(&request)).await;
        let response = match read_pull(answer, at_ms) {
            Ok(response) if response.scopes.len() == request.scopes.len() => response,
            Ok(_) => return self.failed(at_ms, Exchange::Pull, &not_all_scopes()),
            Err(failed) => return self.pull_failed(at_ms, lease, failed).await,
        };
        let cx = self.context(at_ms);
        let guard = lease.clone();
        let page = self.commit(move |draft| pull::apply(draft, &cx.borrow(), &guard, &request, &response)).await?;
        match page {
            Page::RolledBack => self.start_over(at_ms, lease).await,
            Page::More => self.succeeded(at_ms, Event::Pulled(true)),
            Page::Complete => self.succeeded(at_ms, Event::Pulled(false)),
        }
    }

    async fn send(&self, path: &'static str, body: String) -> (Result<super::Answer, super::Failure>, u64) {
        let extra = u32::try_from(body.len()).unwrap_or(u32::MAX) / BYTES_PER_SECOND;
        let request = Request { path, body, timeout_ms: TIMEOUT_MS.saturating_add(extra.saturating_mul(1_000)) };
        let mut reply = self.inner.transport.send(&request).await;
        let refused = matches!(&reply.outcome, Ok(answer) if answer.status == 401);
        if refused && self.inner.transport.refresh_token().await {
            reply = self.inner.transport.send(&request).await;
        }
        (reply.outcome, reply.at_ms)
    }

    async fn push_failed(&self, at_ms: u64, lease: Lease, failed: Failed, request: &PushRequest) -> Result<(), Error> {
        match failed.refused {
            Some(Refused::TooLarge) if request.mutations.len() > 1 => {
                let limits = PushLimits { mutations: request.mutations.len(), ..self.inner.push_limits.get() };
                self.inner.push_limits.set(limits.halved());
                self.note(at_ms, Event::LocalWrite)
            }
            Some(Refused::SeqReused) if !self.inner.seq_reused.replace(true) => {
                self.refresh().await?;
                self.note(at_ms, Event::LocalWrite)
            }
            Some(Refused::StartOver | Refused::SeqReused) => self.start_over(at_ms, lease).await,
            _ => self.failed(at_ms, Exchange::Push, &failed),
        }
    }

    async fn pull_failed(&self, at_ms: u64, lease: Lease, failed: Failed) -> Result<(), Error> {
        match failed.refused {
            Some(Refused::StartOver) => self.start_over(at_ms, lease).await,
            _ => self.failed(at_ms, Exchange::Pull, &failed),
        }
    }

    /// Becomes a new client; what is unanswered goes again under the same mids.
    async fn start_over(&self, at_ms: u64, lease: Lease) -> Result<(), Error> {
        let client = ClientId(format!("c_{}", self.draw()));
        self.inner.seq_reused.set(false);
        self.plan(STRICT, move |draft| push::start_over(draft, &lease, client.clone())).await?;
        // A server that never agrees must not get a storm: the next try waits like one after a failure.
        let entropy = self.entropy();
        self.note(at_ms, Event::Failed { exchange: Exchange::Push, unreachable: true, floor_ms: 0, entropy })
    }

    fn succeeded(&self, at_ms: u64, event: Event) -> Result<(), Error> {
        self.edit_status(&mut |status| {
            (status.online, status.error) = (Connection::Online, None);
            (status.why, status.next_attempt_at) = (None, None);
            match event {
                Event::Pushed => status.last_push_at = Some(at_ms),
                Event::Pulled(false) => {
                    (status.last_pull_at, status.initial_sync_done) = (Some(at_ms), true);
                }
                _ => {}
            }
        });
        self.note(at_ms, event)
    }

    fn failed(&self, at_ms: u64, exchange: Exchange, failed: &Failed) -> Result<(), Error> {
        let code = failed.error.code;
        let unreachable =
            matches!(code, ErrorCode::Offline | ErrorCode::Timeout | ErrorCode::NotHolm | ErrorCode::Redirected);
        self.edit_status(&mut |status| {
            status.online = if unreachable { Connection::Offline } else { Connection::Online };
            status.error = Some(status_error(&failed.error));
        });
        let stop = match failed.refused {
            Some(Refused::Token) => Some(Why::Token),
            Some(Refused::Forbidden) => Some(Why::Forbidden),
            Some(Refused::Schema) if exchange == Exchange::Pull => Some(Why::Schema),
            _ => None,
        };
        let (floor_ms, entropy) = (failed.floor_ms, self.entropy());
        let event = Event::Failed { exchange, unreachable, floor_ms, entropy };
        self.note(at_ms, stop.map_or(event, Event::Stopped))
    }

    /// A failure on this device: another leader, or storage.
    fn stumble(&self, now_ms: u64, action: Action, error: &Error) -> Step {
        self.edit_status(&mut |status| status.in_flight = 0);
        if matches!(error.code, ErrorCode::Closed | ErrorCode::Contention | ErrorCode::NewerVersion) {
            *self.inner.lease.borrow_mut() = None;
            self.edit_status(&mut |status| status.leader = false);
            return Step::Ended;
        }
        self.edit_status(&mut |status| status.error = Some(status_error(error)));
        let exchange = if action == Action::Push { Exchange::Push } else { Exchange::Pull };
        let event = Event::Failed { exchange, unreachable: true, floor_ms: 0, entropy: self.entropy() };
        self.inner.machine.borrow_mut().handle(now_ms, event);
        Step::Again
    }

    fn note(&self, at_ms: u64, event: Event) -> Result<(), Error> {
        self.inner.machine.borrow_mut().handle(at_ms, event);
        Ok(())
    }

    fn show_wait(&self, until_ms: Option<u64>, why: Why) {
        let resting = why == Why::Poll;
        self.edit_status(&mut |status| {
            status.phase = match (until_ms, resting) {
                (_, true) => Phase::Idle,
                (Some(_), false) => Phase::Waiting,
                (None, false) => Phase::Paused,
            };
            status.next_attempt_at = until_ms;
            status.why = Some(why.as_str().to_owned());
        });
    }

    fn context(&self, now_ms: u64) -> OwnedContext {
        let scopes = self.inner.scopes.clone().unwrap_or_default();
        OwnedContext { schema: Rc::clone(&self.inner.schema), scopes, now_ms }
    }
}

/// A [`SyncContext`] that a plan can keep.
struct OwnedContext {
    schema: Rc<crate::schema::Schema>,
    scopes: Rc<Vec<String>>,
    now_ms: u64,
}

impl OwnedContext {
    fn borrow(&self) -> SyncContext<'_> {
        SyncContext { schema: &self.schema, scopes: &self.scopes, now_ms: self.now_ms }
    }
}

fn status_error(error: &Error) -> StatusError {
    StatusError { code: error.code, message: error.message.clone(), retryable: error.code.is_retryable() }
}

fn not_all_scopes() -> Failed {
    let message = "the answer to a pull does not name every scope that was asked for";
    Failed { error: Error::new(ErrorCode::NotHolm, message), floor_ms: 0, refused: None }
}

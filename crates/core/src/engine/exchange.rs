//! One exchange with the server at a time: plan, send, record.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use futures_util::future::{LocalBoxFuture, MaybeDone, join, maybe_done};
use holm_protocol::{ClientId, ErrorCode, PullRequest, PullResponse, PushRequest, PushResponse, to_json_text};
use holm_store::Durability;

use super::promised::{Promised, Writes};
use super::{Answer, Engine, Failure, Options, Request};
use crate::Error;
#[cfg(feature = "full")]
use crate::sync::Skew;
use crate::sync::pull::{self, Page};
use crate::sync::push::{self, Frozen};
use crate::sync::{
    Action, Connection, Event, Exchange, Failed, Lease, Phase, PushLimits, Refused, StatusError, SyncContext, Why,
    read_pull, read_push,
};

/// Any request gets this long.
pub(super) const TIMEOUT_MS: u32 = 20_000;
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

/// What is to be sent.
struct Outgoing {
    /// How many mutations a push has.
    mutations: usize,
    /// Else it is a pull.
    pull: Option<Box<PullRequest>>,
    body: String,
}

impl Outgoing {
    fn push(request: &PushRequest) -> Self {
        Self { mutations: request.mutations.len(), pull: None, body: to_json_text(request) }
    }

    fn pull(request: Box<PullRequest>) -> Self {
        Self { mutations: 0, body: to_json_text(&*request), pull: Some(request) }
    }
}

/// What is to be sent, or what happens as there is nothing to be sent.
type Ask = Result<Outgoing, Event>;

/// What follows from what came back.
pub(super) enum Next {
    Succeeded(Event),
    Failed(Event),
    /// The page came too late; it is asked for again.
    Late,
    /// Another tab may know better.
    Refresh,
    /// This client is none any more.
    StartOver,
}

type Answered = Result<Answer, Failure>;

/// A commit to be made, and the pull that follows it at once.
type Recorded = (Promised<Next>, Option<Box<PullRequest>>);

/// A page whose commit was begun, and is not waited for yet.
pub(super) type Recording = Pin<Box<MaybeDone<Promised<Next>>>>;

/// The answer to a pull that was asked for, and read, while the page before it was applied.
pub(super) struct Ahead {
    request: Box<PullRequest>,
    response: Box<PullResponse>,
    at_ms: u64,
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
        #[cfg(feature = "full")]
        self.recall().await?;
        *self.inner.lease.borrow_mut() = Some(Rc::new(lease));
        self.edit_status(&mut |status| status.leader = true);
        Ok(())
    }

    /// Does at most one exchange, and says what is next. Of a pull of several pages the next one is asked for ahead.
    pub async fn step(&self, now_ms: u64) -> Step {
        if self.inner.closed.get() || self.inner.options.scopes.is_none() {
            return Step::Ended;
        }
        let Some(lease) = self.inner.lease.borrow().clone() else { return Step::Ended };
        let action = self.inner.machine.borrow().next(now_ms);
        let exchange = match action {
            Action::Push => Exchange::Push,
            Action::Pull => Exchange::Pull,
            Action::Wait { until_ms, why } => {
                self.show_wait(Some(until_ms), why);
                return Step::Wait(until_ms);
            }
            Action::Idle(why) => {
                self.show_wait(None, why);
                return Step::Idle;
            }
        };
        #[cfg(feature = "full")]
        if !self.may_try() {
            let until_ms = Self::probed_until_ms(now_ms);
            self.show_wait(Some(until_ms), Why::Backoff);
            return Step::Wait(until_ms);
        }
        #[cfg(feature = "full")]
        let own = Rc::clone(&lease);
        let exchanged = self.exchange(now_ms, lease, exchange).await;
        #[cfg(feature = "full")]
        {
            self.tried(now_ms);
            self.keep_attempts(now_ms, own).await;
        }
        match exchanged {
            Ok(()) => Step::Again,
            Err(error) => self.stumble(now_ms, exchange, &error),
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

    async fn exchange(&self, now_ms: u64, lease: Rc<Lease>, exchange: Exchange) -> Result<(), Error> {
        let ahead = if exchange == Exchange::Pull { self.inner.ahead.take() } else { None };
        let (mutations, recorded, at_ms) = match ahead {
            Some(Ahead { request, response, at_ms }) => (0, self.record_pull(at_ms, &lease, request, response), at_ms),
            None => {
                // What was begun is part of what the next request is made from.
                if let Next::StartOver = self.recorded().await? {
                    return self.start_over(now_ms, lease).await;
                }
                let Outgoing { mutations, pull, body } = match self.to_send(now_ms, &lease, exchange).await? {
                    Ok(outgoing) => outgoing,
                    Err(event) => return self.note(now_ms, event),
                };
                let (path, phase) = match pull {
                    None => ("push", Phase::Pushing),
                    Some(_) => ("pull", Phase::Pulling),
                };
                self.inner.ahead.take();
                self.edit_status(&mut |status| (status.phase, status.in_flight) = (phase, mutations));
                let (answer, at_ms) = self.send(path, body).await;
                let recorded = match pull {
                    None => read_push(answer).map(|response| {
                        #[cfg(feature = "full")]
                        self.learn(now_ms, at_ms, &response.now);
                        self.record_push(at_ms, &lease, response)
                    }),
                    Some(request) => read_pull(answer).and_then(|response| {
                        #[cfg(feature = "full")]
                        self.learn(now_ms, at_ms, &response.now);
                        self.record_pull(at_ms, &lease, request, response)
                    }),
                };
                (mutations, recorded, at_ms)
            }
        };
        self.edit_status(&mut |status| status.in_flight = 0);
        #[cfg(feature = "full")]
        self.inner.way.reached.set(Some(match &recorded {
            Ok(_) => true,
            Err(failed) => !failed.is_unreachable() && failed.floor_ms == 0,
        }));
        let next = match recorded {
            #[cfg(feature = "full")]
            Ok((recorded, following)) => {
                let following = following.filter(|_| !self.inner.machine.borrow().is_sparing(at_ms));
                self.recording(recorded, following).await?
            }
            #[cfg(not(feature = "full"))]
            Ok((recorded, following)) => self.recording(recorded, following).await?,
            Err(failed) => self.failed(exchange, mutations, &failed),
        };
        match next {
            Next::Late => self.note(at_ms, Event::Pulled(true)),
            Next::Failed(event) => self.note(at_ms, event),
            Next::Succeeded(event) => self.succeeded(at_ms, event),
            Next::Refresh => {
                self.refresh().await?;
                self.note(at_ms, Event::LocalWrite)
            }
            Next::StartOver => self.start_over(at_ms, lease).await,
        }
    }

    /// Plans what to send.
    fn to_send(&self, now_ms: u64, lease: &Rc<Lease>, exchange: Exchange) -> Promised<Ask> {
        let (cx, mut limits, lease) = (self.context(now_ms), self.inner.push_limits.get(), Rc::clone(lease));
        #[cfg(feature = "full")]
        {
            limits = self.within_what_was_found(now_ms, limits);
        }
        limits.mutations = limits.mutations.min(self.inner.machine.borrow().prefix());
        match exchange {
            Exchange::Push => self.plan(STRICT, move |draft| {
                Ok(match push::freeze(draft, &cx.borrow(), &lease, limits)? {
                    Frozen::Nothing => Err(Event::Drained),
                    Frozen::NotBefore(at_ms) => Err(Event::NotBefore(at_ms)),
                    Frozen::Request(request) => Ok(Outgoing::push(&request)),
                })
            }),
            Exchange::Pull => self.read(move |view| Ok(Ok(Outgoing::pull(pull::request(view, &cx.borrow())?)))),
        }
    }

    /// Plans what the answer to a pull changes here; with it, the pull that follows at once.
    fn record_pull(
        &self,
        at_ms: u64,
        lease: &Rc<Lease>,
        request: Box<PullRequest>,
        response: Box<PullResponse>,
    ) -> Result<Recorded, Box<Failed>> {
        if response.scopes.len() != request.scopes.len() {
            return Err(not_all_scopes());
        }
        let (cx, lease) = (self.context(at_ms), Rc::clone(lease));
        let following = pull::following(&request, &response);
        let recorded = self.commit(move |draft| {
            Ok(match pull::apply(draft, &cx.borrow(), &lease, &request, &response)? {
                Page::RolledBack => Next::StartOver,
                Page::Late => Next::Late,
                Page::More => Next::Succeeded(Event::Pulled(true)),
                Page::Complete => Next::Succeeded(Event::Pulled(false)),
            })
        });
        Ok((recorded, following))
    }

    fn record_push(&self, at_ms: u64, lease: &Rc<Lease>, response: Box<PushResponse>) -> Recorded {
        let (cx, lease) = (self.context(at_ms), Rc::clone(lease));
        self.inner.seq_reused.set(false);
        if let Some(limits) = response.limits {
            self.inner.push_limits.set(self.inner.push_limits.get().within(limits));
        }
        let recorded = self.commit(move |draft| {
            push::pushed(draft, &cx.borrow(), &lease, &response)?;
            Ok(Next::Succeeded(Event::Pushed))
        });
        (recorded, None)
    }

    /// Records what was said. Where a page follows at once, that is asked for meanwhile, and only the page before is waited for: two are
    /// recorded at a time, at most, so that neither disk nor processor waits for the other.
    async fn recording(&self, recorded: Promised<Next>, following: Option<Box<PullRequest>>) -> Result<Next, Error> {
        let Some(following) = following else {
            self.recorded().await?;
            // Planned in a task of its own: to read a first page and to plan it, with nothing compiled yet, each takes some 20 ms.
            self.inner.options.pace.turn().await;
            return recorded.await;
        };
        let mut begun = Box::pin(maybe_done(recorded));
        poll_fn(|context| {
            let _begun = begun.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        let before = self.inner.recording.replace(Some(begun));
        let (before, ()) = join(outcome(before), self.ask_ahead(following)).await;
        if !matches!(before, Ok(Next::Succeeded(_))) {
            self.inner.ahead.take();
        }
        before
    }

    /// Waits for the page whose commit was begun, if there is one.
    fn recorded(&self) -> impl Future<Output = Result<Next, Error>> {
        outcome(self.inner.recording.take())
    }

    /// Asks for the next page, and reads it. A failure is forgotten, since the request then comes again in its turn.
    async fn ask_ahead(&self, request: Box<PullRequest>) {
        let (answer, at_ms) = self.send("pull", to_json_text(&*request)).await;
        let read = read_pull(answer).ok();
        self.inner.ahead.replace(read.map(|response| Ahead { request, response, at_ms }));
    }

    fn send(&self, path: &'static str, body: String) -> LocalBoxFuture<'_, (Answered, u64)> {
        Box::pin(async move {
            let extra = u32::try_from(body.len()).unwrap_or(u32::MAX) / BYTES_PER_SECOND;
            let request = Request { path, body, timeout_ms: TIMEOUT_MS.saturating_add(extra.saturating_mul(1_000)) };
            let mut reply = self.inner.transport.send(&request).await;
            let refused = matches!(&reply.outcome, Ok(answer) if answer.status == 401);
            if refused && self.inner.transport.refresh_token().await {
                reply = self.inner.transport.send(&request).await;
            }
            #[cfg(feature = "full")]
            if let Ok(Answer { status: 200, retry_after_ms: Some(ms), .. }) = reply.outcome {
                self.inner.machine.borrow_mut().handle(reply.at_ms, Event::Rest(ms));
            }
            (reply.outcome, reply.at_ms)
        })
    }

    /// Becomes a new client; what is unanswered goes again under the same mids.
    async fn start_over(&self, at_ms: u64, lease: Rc<Lease>) -> Result<(), Error> {
        let client = ClientId(format!("c_{}", self.draw()));
        self.inner.seq_reused.set(false);
        self.plan(STRICT, move |draft| push::start_over(draft, &lease, client.clone())).await?;
        // A server that never agrees must not get a storm: the next try waits like one after a failure.
        let entropy = self.entropy();
        self.note(
            at_ms,
            Event::Failed { exchange: Exchange::Push, unreachable: true, floor_ms: 0, entropy, suspects: 0 },
        )
    }

    fn succeeded(&self, at_ms: u64, event: Event) -> Result<(), Error> {
        // A pull that succeeds does not hide what is wrong with the pushes.
        let is_cured = event == Event::Pushed || !self.inner.machine.borrow().is_push_failing();
        self.edit_status(&mut |status| {
            status.online = Connection::Online;
            if is_cured {
                status.error = None;
            }
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

    /// What follows from an exchange of so many mutations that brought nothing.
    fn failed(&self, exchange: Exchange, mutations: usize, failed: &Failed) -> Next {
        match failed.refused {
            Some(Refused::TooLarge) if mutations > 1 => {
                let limits = PushLimits { mutations, ..self.inner.push_limits.get() };
                self.inner.push_limits.set(limits.halved());
                #[cfg(feature = "full")]
                self.halve(limits.halved());
                return Next::Failed(Event::LocalWrite);
            }
            Some(Refused::SeqReused) if !self.inner.seq_reused.replace(true) => return Next::Refresh,
            Some(Refused::SeqReused | Refused::StartOver) => return Next::StartOver,
            _ => {}
        }
        let unreachable = failed.is_unreachable();
        self.edit_status(&mut |status| {
            status.online = if unreachable { Connection::Offline } else { Connection::Online };
            status.error = Some(status_error(&failed.error));
        });
        let (floor_ms, entropy) = (failed.floor_ms, self.entropy());
        let suspects = if failed.is_of_the_request() { u16::try_from(mutations).unwrap_or(0) } else { 0 };
        Next::Failed(match failed.refused {
            Some(Refused::Token) => Event::Stopped(Why::Token),
            Some(Refused::Forbidden) => Event::Stopped(Why::Forbidden),
            Some(Refused::Schema) if exchange == Exchange::Pull => Event::Stopped(Why::Schema),
            _ => Event::Failed { exchange, unreachable, floor_ms, entropy, suspects },
        })
    }

    /// A failure on this device: another leader, or storage.
    fn stumble(&self, now_ms: u64, exchange: Exchange, error: &Error) -> Step {
        self.edit_status(&mut |status| status.in_flight = 0);
        if matches!(error.code, ErrorCode::Closed | ErrorCode::Contention | ErrorCode::NewerVersion) {
            *self.inner.lease.borrow_mut() = None;
            self.edit_status(&mut |status| status.leader = false);
            return Step::Ended;
        }
        self.edit_status(&mut |status| status.error = Some(status_error(error)));
        let event = Event::Failed { exchange, unreachable: true, floor_ms: 0, entropy: self.entropy(), suspects: 0 };
        self.inner.machine.borrow_mut().handle(now_ms, event);
        Step::Again
    }

    fn note(&self, at_ms: u64, event: Event) -> Result<(), Error> {
        self.inner.machine.borrow_mut().handle(at_ms, event);
        Ok(())
    }

    fn show_wait(&self, until_ms: Option<u64>, why: Why) {
        let resting = why == Why::Poll;
        #[cfg(feature = "full")]
        let resting = resting || why == Why::SaveData;
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
        OwnedContext {
            options: Rc::clone(&self.inner.options),
            now_ms,
            #[cfg(feature = "full")]
            skew: self.skew(),
        }
    }
}

/// What became of a page whose commit was begun.
async fn outcome(begun: Option<Recording>) -> Result<Next, Error> {
    let Some(mut begun) = begun else { return Ok(Next::Succeeded(Event::Pulled(true))) };
    begun.as_mut().await;
    begun.as_mut().take_output().expect("it is done, and was not asked before")
}

/// A [`SyncContext`] that a plan can keep.
struct OwnedContext {
    options: Rc<Options>,
    now_ms: u64,
    #[cfg(feature = "full")]
    skew: Option<Skew>,
}

impl OwnedContext {
    fn borrow(&self) -> SyncContext<'_> {
        let scopes = self.options.scopes.as_deref().unwrap_or_default();
        SyncContext {
            schema: &self.options.schema,
            scopes,
            now_ms: self.now_ms,
            #[cfg(feature = "full")]
            skew: self.skew,
        }
    }
}

fn status_error(error: &Error) -> StatusError {
    StatusError { code: error.code, message: error.message.clone(), retryable: error.code.is_retryable() }
}

fn not_all_scopes() -> Box<Failed> {
    let message = "the answer to a pull does not name every scope that was asked for";
    Failed::new(ErrorCode::NotHolm, message)
}

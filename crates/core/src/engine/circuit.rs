//! What is known of the way to a server, here and by the other databases of the page, and what of it a reload must not forget.
//!
//! ```text
//!   there ──a request finds no way──▶ lost: nobody tries before the time that was drawn
//!     ▲                                 │
//!     │                                 ▼ the first of them to try
//!     └──── it gets through ───── probed: one request, the others wait for its outcome ── no way ──▶ lost
//! ```
//!
//! Databases that share a [`Circuit`] share one such state; each is a circuit of its own otherwise, and has one request at a time anyway.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use holm_protocol::Hlc;
use holm_store::Durability;

use super::exchange::TIMEOUT_MS;
use super::promised::Writes;
use super::{Engine, Inner};
use crate::Error;
use crate::local::Local;
use crate::sync::{Attempts, Event, Halved, Lease, PushLimits, Skew};

/// What one push may hold is found out anew after a day: the server may have been told to take more.
const HALVED_MS: u64 = 24 * 3_600_000;

/// The way to one server, as the databases of a page that sync with it know it.
#[derive(Default)]
pub struct Circuit {
    members: RefCell<Vec<Weak<Inner>>>,
    is_lost: Cell<bool>,
    prober: RefCell<Weak<Inner>>,
}

/// What one engine knows of the way.
#[derive(Default)]
pub(super) struct Way {
    circuit: RefCell<Option<Rc<Circuit>>>,
    /// Whether the last request found a server.
    pub(super) reached: Cell<Option<bool>>,
    /// What is stored of the tries.
    kept: Cell<Attempts>,
    /// What was found out just now.
    halved: Cell<Option<PushLimits>>,
    skew: Cell<Option<Skew>>,
}

impl Circuit {
    fn others(&self, own: &Rc<Inner>) -> Vec<Rc<Inner>> {
        let mut members = self.members.borrow_mut();
        members.retain(|member| member.strong_count() > 0);
        members.iter().filter_map(Weak::upgrade).filter(|member| !Rc::ptr_eq(member, own)).collect()
    }

    fn is_probed_by_another(&self, own: &Rc<Inner>) -> bool {
        self.prober.borrow().upgrade().is_some_and(|prober| !Rc::ptr_eq(&prober, own) && !prober.closed.get())
    }
}

/// Whether what was found still holds; a clock that was set back does not make it last.
fn is_fresh(halved: &Halved, now_ms: u64) -> bool {
    now_ms.abs_diff(halved.at_ms) < HALVED_MS
}

impl Engine {
    /// Shares what is known of the way to the server with the others that share the circuit.
    pub fn share(&self, circuit: &Rc<Circuit>) {
        circuit.members.borrow_mut().push(Rc::downgrade(&self.inner));
        self.inner.way.circuit.replace(Some(Rc::clone(circuit)));
    }

    /// Whether a request may go out now: where the way is lost, only the one that probes it.
    pub(super) fn may_try(&self) -> bool {
        let Some(circuit) = self.inner.way.circuit.borrow().clone() else { return true };
        if !circuit.is_lost.get() {
            return true;
        }
        if circuit.is_probed_by_another(&self.inner) {
            return false;
        }
        circuit.prober.replace(Rc::downgrade(&self.inner));
        true
    }

    /// How long the outcome of another's probe is waited for at most.
    pub(super) fn probed_until_ms(now_ms: u64) -> u64 {
        now_ms + u64::from(TIMEOUT_MS)
    }

    /// Tells the others what came of a try.
    pub(super) fn tried(&self, now_ms: u64) {
        let reached = self.inner.way.reached.take();
        let Some(circuit) = self.inner.way.circuit.borrow().clone() else { return };
        let was_lost = circuit.is_lost.replace(reached.map_or(circuit.is_lost.get(), |reached| !reached));
        if was_lost && !circuit.is_probed_by_another(&self.inner) {
            circuit.prober.replace(Weak::new());
        }
        let event = match reached {
            Some(false) => Some(Event::HeldBack(self.inner.machine.borrow().tries_again_ms())),
            Some(true) if was_lost => Some(Event::Freed),
            _ => None,
        };
        if !was_lost && event.is_none() {
            return;
        }
        for other in circuit.others(&self.inner) {
            if let Some(event) = event {
                other.machine.borrow_mut().handle(now_ms, event);
            }
            other.wake.notify();
        }
    }

    /// Goes on from the tries of the leader before, also of one in a page that is gone.
    pub(super) async fn recall(&self) -> Result<(), Error> {
        let (attempts, skew) = self.read(|view| Ok((*Attempts::read(view)?, Local::read(view)?.skew))).await?;
        self.inner.way.skew.set(skew);
        self.inner.way.kept.set(attempts);
        self.inner.machine.borrow_mut().recall(&attempts);
        Ok(())
    }

    /// How far the server's clock is ahead, once it is known.
    pub(super) fn skew(&self) -> Option<Skew> {
        self.inner.way.skew.get()
    }

    /// Learns how far the server's clock is ahead from an answer.
    pub(super) fn learn(&self, asked_ms: u64, heard_ms: u64, now: &Hlc) {
        let way = &self.inner.way;
        let Some(skew) = Skew::of(asked_ms, heard_ms, now.ms) else { return };
        way.skew.set(Some(skew.after(way.skew.get())));
        let ahead_ms = way.skew.get().map(|skew| skew.ahead_ms);
        self.edit_status(&mut |status| status.skew = ahead_ms);
    }

    /// No more than one push was found to hold within the last day.
    pub(super) fn within_what_was_found(&self, now_ms: u64, limits: PushLimits) -> PushLimits {
        match self.inner.way.kept.get().halved.filter(|halved| is_fresh(halved, now_ms)) {
            Some(Halved { mutations, bytes, .. }) => {
                PushLimits { mutations: limits.mutations.min(mutations), bytes: limits.bytes.min(bytes) }
            }
            None => limits,
        }
    }

    /// One push was too large; this is what the next one may hold.
    pub(super) fn halve(&self, limits: PushLimits) {
        self.inner.way.halved.set(Some(limits));
    }

    /// Stores what the next leader is to know of the tries, where that changed. What cannot be stored is not worth a failure.
    pub(super) async fn keep_attempts(&self, now_ms: u64, lease: Rc<Lease>) {
        let kept = self.inner.way.kept.get();
        let found = self.inner.way.halved.take();
        let found = found.map(|PushLimits { mutations, bytes }| Halved { mutations, bytes, at_ms: now_ms });
        let halved = found.or(kept.halved.filter(|halved| is_fresh(halved, now_ms)));
        let attempts = Attempts { halved, ..self.inner.machine.borrow().attempts() };
        if attempts == kept {
            return;
        }
        self.inner.way.kept.set(attempts);
        let saved = self.plan(Writes::Commit(Durability::Relaxed), move |draft| {
            lease.guard(draft)?;
            attempts.save(draft);
            Ok(())
        });
        drop(saved.await);
    }
}

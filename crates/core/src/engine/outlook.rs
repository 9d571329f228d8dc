//! What the app may ask about the fate of its writes.

use holm_protocol::{ErrorCode, json_words, quoted, write_fields};
use holm_store::Read;

use super::Engine;
use crate::Error;
use crate::outbox::{self, Entry, Parked, Planned, Reason, ReceiptState, State};
use crate::schema::check_id;
use crate::sync::{Connection, Event, Phase, Status};

/// Why a record is not on the server yet, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is, as far as this device knows.
    Synced,
    /// This database has no server.
    LocalOnly,
    /// A mutation of it is on its way, or was sent and not answered.
    InFlight,
    /// It waits for its turn.
    Queued,
    /// It waits for a way to the server.
    Offline,
    /// Sync waits or stands still: `why` tells.
    Waiting,
    /// The server refused a mutation of it.
    Parked,
}

json_words!(Standing {
    Synced "synced", LocalOnly "local-only", InFlight "in-flight", Queued "queued", Offline "offline", Waiting "waiting",
    Parked "parked",
});

/// One mutation of an explained record.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    mid: String,
    kind: holm_protocol::Kind,
    state: &'static str,
    /// When it was written (wall clock, milliseconds).
    at: u64,
    code: Option<ErrorCode>,
    message: Option<String>,
}

write_fields!(Explained { mid, kind, state, at; code, message });

/// Why a record is not on the server yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// In one word.
    pub standing: Standing,
    /// Why sync does nothing now, where it does nothing.
    pub why: Option<String>,
    /// When the next try is due (wall clock, milliseconds).
    pub next_attempt_at: Option<u64>,
    /// Its mutations, in order.
    pub mutations: Vec<Explained>,
}

write_fields!(Explanation { standing, why, next_attempt_at as "nextAttemptAt", mutations });

impl Engine {
    /// Why a record is not on the server yet.
    pub(super) fn explanation(&self, view: &dyn Read, collection: &str, id: &str) -> Planned<Explanation> {
        let name = &self.inner.options.schema.collection(collection)?.name;
        check_id(id)?;
        let mut parked = outbox::parked_list(view)?;
        parked.retain(|parked| parked.entry.collection == *name && parked.entry.id == id);
        let lane = outbox::lane(view, name, id)?;
        #[cfg(feature = "full")]
        let lane: Vec<Entry> = lane.into_iter().filter(|entry| entry.state != State::KEPT).collect();
        #[cfg(feature = "full")]
        let lane = with_calls(view, lane)?;
        let status = self.status();
        let standing = match self.inner.options.scopes {
            None => Standing::LocalOnly,
            Some(_) => standing(&lane, &parked, &status),
        };
        let mut mutations = Vec::new();
        parked.iter().for_each(|is| mutations.push(explained(&is.entry, "parked", Some(&is.reason))));
        lane.iter().for_each(|entry| mutations.push(explained(entry, word(entry.state), None)));
        let Status { why, next_attempt_at, .. } = status;
        Ok(Explanation { standing, why, next_attempt_at, mutations })
    }

    /// Waits until the server has acknowledged every mutation of a call.
    ///
    /// # Errors
    /// The server's code when it refused one; `not-found` for a receipt that this database does not know;
    /// `invalid-argument` without a server; `closed`.
    pub async fn synced(&self, receipt: &str) -> Result<(), Error> {
        if self.inner.options.scopes.is_none() {
            return Err(Error::new(ErrorCode::InvalidArgument, "it was opened without `sync`"));
        }
        loop {
            let seen = self.status_changes();
            let known = receipt.to_owned();
            match self.read(move |view| outbox::receipt(view, &known)).await?.state {
                ReceiptState::Acknowledged { .. } => return Ok(()),
                ReceiptState::Parked { code, message } => return Err(Error::new(code, message)),
                ReceiptState::Discarded => {
                    return Err(Error::new(
                        ErrorCode::NotFound,
                        "the refused write was given up, or sent again as another",
                    ));
                }
                ReceiptState::Unknown | ReceiptState::Joined { .. } => {
                    return Err(Error::new(
                        ErrorCode::NotFound,
                        format!("nothing is known of the receipt {}", quoted(receipt)),
                    ));
                }
                ReceiptState::Pending => self.status_changed(seen).await,
            }
        }
    }

    /// Pushes and pulls now, whatever the backoff says, and waits for the outcome.
    ///
    /// # Errors
    /// As the exchange failed; `invalid-argument` without a server, or while the app paused sync; `storage-quota` while storage is
    /// short; `closed`.
    pub async fn sync_now(&self, now_ms: u64) -> Result<(), Error> {
        self.ensure_open()?;
        if self.inner.options.scopes.is_none() {
            return Err(Error::new(ErrorCode::InvalidArgument, "it was opened without `sync`"));
        }
        // What is on its way already may fail for what was before; only an exchange begun from now on answers the call.
        let mut begun_before = matches!(self.status().phase, Phase::Pushing | Phase::Pulling);
        self.edit_status(&mut |status| status.error = None);
        self.happened(now_ms, Event::Asked);
        loop {
            let seen = self.status_changes();
            let status = self.status();
            if let Some(error) = status.error {
                if std::mem::take(&mut begun_before) {
                    self.edit_status(&mut |status| status.error = None);
                    self.happened(now_ms, Event::Asked);
                    continue;
                }
                return Err(Error::new(error.code, error.message));
            }
            if status.last_pull_at >= Some(now_ms) && status.phase == Phase::Idle {
                return Ok(());
            }
            match status.why.as_deref() {
                // Of a pause that is over, the status of the one who leads says so a moment later.
                Some("paused") if !status.leader || self.inner.machine.borrow().is_paused() => {
                    return Err(Error::new(ErrorCode::InvalidArgument, "sync is paused; resume it first"));
                }
                Some("storage") => {
                    return Err(Error::new(ErrorCode::StorageFull, "storage is short"));
                }
                _ => {}
            }
            self.status_changed(seen).await;
            self.ensure_open()?;
        }
    }
}

/// What shows the effect of a call stands where the call stands.
#[cfg(feature = "full")]
fn with_calls(view: &dyn Read, mut lane: Vec<Entry>) -> Planned<Vec<Entry>> {
    for entry in &mut lane {
        if let Some(call) = entry.of.clone()
            && let Some(call) = outbox::entry_at(view, &call)?
        {
            *entry = *call;
        }
    }
    Ok(lane)
}

/// Where a record of a database with a server stands.
fn standing(lane: &[Entry], parked: &[Parked], status: &Status) -> Standing {
    let any = |wanted: fn(&State) -> bool| lane.iter().any(|entry| wanted(&entry.state));
    if !parked.is_empty() {
        Standing::Parked
    } else if any(|state| matches!(state, State::Frozen(_))) && status.phase == Phase::Pushing {
        Standing::InFlight
    } else if !any(|state| !matches!(state, State::Confirmed(_))) {
        Standing::Synced
    } else if status.online == Connection::Offline {
        Standing::Offline
    } else if matches!(status.phase, Phase::Waiting | Phase::Paused) {
        Standing::Waiting
    } else {
        Standing::Queued
    }
}

fn explained(entry: &Entry, state: &'static str, reason: Option<&Reason>) -> Explained {
    Explained {
        mid: entry.mid.0.clone(),
        kind: entry.kind,
        state,
        at: entry.at,
        code: reason.map(|reason| reason.code),
        message: reason.map(|reason| reason.message.clone()),
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Frozen(_) => "sent",
        State::Confirmed(_) => "confirmed",
    }
}

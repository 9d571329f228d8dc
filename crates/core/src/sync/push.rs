//! Pushing: which mutations go, and what their answer means.

use holm_protocol::{
    ClientId, Hlc, Kind, Limits, Mutation, PROTOCOL_VERSION, PushRequest, PushResponse, Seq, to_json_text,
};
use holm_store::{Draft, SortedMap};

use super::backoff::is_due;
use super::state::SyncState;
use super::{Lease, SyncContext};
use crate::keyspace;
use crate::local::Local;
use crate::outbox::{self, Entry, Moment, Place, Planned, State, entry_at, pending, settle, store_entry};

/// Mutations that one push holds at most, before the server says otherwise.
pub const MUTATIONS_PER_PUSH: usize = 100;
/// Bytes of mutations that one push holds at most, before the server says otherwise.
pub const BYTES_PER_PUSH: usize = 512 * 1024;
/// How far into the outbox one push looks for mutations that may go.
const LOOK_AHEAD: usize = 1_000;

/// What one push may hold now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushLimits {
    /// Mutations per request; none at all: the first, or the transaction that it belongs to, is skipped.
    pub mutations: usize,
    /// Bytes of mutations per request.
    pub bytes: usize,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self { mutations: MUTATIONS_PER_PUSH, bytes: BYTES_PER_PUSH }
    }
}

impl PushLimits {
    /// No more than the server takes; a third of its bytes are left for what surrounds the mutations.
    #[must_use]
    pub fn within(self, server: Limits) -> Self {
        let bytes = usize::try_from(server.bytes).unwrap_or(usize::MAX) / 3 * 2;
        Self { mutations: self.mutations.min(server.mutations as usize).max(1), bytes: self.bytes.min(bytes) }
    }

    /// Half of it, at least one mutation.
    #[must_use]
    pub fn halved(self) -> Self {
        Self { mutations: (self.mutations / 2).max(1), bytes: (self.bytes / 2).max(16 * 1024) }
    }
}

/// What there is to push.
#[derive(Clone, Debug, PartialEq)]
pub enum Frozen {
    /// A request that fits; it may be sent any number of times.
    Request(Box<PushRequest>),
    /// Everything that waits was asked to wait until then (wall clock, milliseconds).
    NotBefore(u64),
    /// Nothing waits.
    Nothing,
}

/// Fixes seq and content of the next mutations, or takes those that are fixed and unanswered.
///
/// At most one mutation per record outside one transaction; a lane sends its next only after the result before it is
/// stored; a transaction goes whole.
///
/// # Errors
/// `contention` when another leader took over; `storage-corrupt`.
pub fn freeze(draft: &mut Draft<'_>, cx: &SyncContext<'_>, lease: &Lease, limits: PushLimits) -> Planned<Frozen> {
    let mut sync = lease.guard(draft)?;
    let mut local = Local::read(draft)?;
    let mut later = None;
    if sync.frozen.is_empty() {
        let waiting = pending(draft, LOOK_AHEAD)?;
        later = waiting.iter().map(|entry| entry.not_before).filter(|at| *at > cx.now_ms).min();
        for mut entry in choose(waiting, cx.now_ms, limits) {
            sync.last_seq = sync.last_seq.next();
            entry.state = State::Frozen(sync.last_seq);
            store_entry(draft, &entry);
            sync.frozen.insert(sync.last_seq, entry.place());
        }
    }
    if sync.frozen.is_empty() {
        return Ok(later.map_or(Frozen::Nothing, Frozen::NotBefore));
    }
    sync.save(draft);
    let sent = local.tick(cx.now_ms);
    #[cfg(feature = "full")]
    let sent = Hlc { counter: sent.counter, ..local.wall(cx.now_ms) };
    local.save(draft);
    Ok(Frozen::Request(request(draft, &sync, cx, limits, &local, sent)?))
}

fn request(
    draft: &Draft<'_>,
    sync: &SyncState,
    cx: &SyncContext<'_>,
    limits: PushLimits,
    local: &Local,
    sent: Hlc,
) -> Planned<Box<PushRequest>> {
    let mut mutations: Vec<Mutation> = Vec::new();
    let mut bytes = 0;
    for (seq, place) in sync.frozen.iter() {
        let Some(mut entry) = frozen_entry(draft, place, seq)? else { continue };
        let size = size(&entry);
        let inside = entry.tx.is_some()
            && entry.tx.as_ref().map(|(tx, _)| tx) == mutations.last().and_then(|last| last.tx.as_ref());
        let full = mutations.len() >= limits.mutations || bytes + size > limits.bytes;
        if full && !inside && !mutations.is_empty() {
            break;
        }
        if limits.mutations == 0 {
            entry.kind = Kind::Skip;
        }
        #[cfg(feature = "full")]
        entry.restamp(cx.skew.or(local.skew));
        mutations.push(entry.into_wire()?);
        bytes += size;
    }
    Ok(Box::new(PushRequest {
        v: PROTOCOL_VERSION,
        client: local.client.clone(),
        schema: cx.schema.version,
        seen: sync.seen,
        sent,
        mutations,
    }))
}

fn frozen_entry(draft: &Draft<'_>, place: &Place, seq: Seq) -> Planned<Option<Box<Entry>>> {
    Ok(entry_at(draft, place)?.filter(|entry| entry.state == State::Frozen(seq)))
}

fn size(entry: &Entry) -> usize {
    to_json_text(entry).len()
}

/// The entries that may go now, whole transactions at a time.
fn choose(waiting: Vec<Entry>, now_ms: u64, limits: PushLimits) -> Vec<Entry> {
    let mut busy: SortedMap<Vec<u8>, bool> = SortedMap::new();
    let mut chosen: Vec<Entry> = Vec::new();
    let mut bytes = 0;
    for group in groups(waiting) {
        let free = group.iter().all(|entry| {
            !busy.contains_key(&record(entry))
                && is_due(entry.not_before, now_ms)
                && entry.effect().iter().all(|place| !busy.contains_key(&shown(place)))
        });
        for entry in &group {
            busy.insert(record(entry), true);
            for place in entry.effect() {
                busy.insert(shown(place), true);
            }
        }
        if !free {
            continue;
        }
        let weight: usize = group.iter().map(size).sum();
        let full = chosen.len() + group.len() > limits.mutations || bytes + weight > limits.bytes;
        if full && !chosen.is_empty() {
            break;
        }
        bytes += weight;
        chosen.extend(group);
    }
    chosen
}

fn record(entry: &Entry) -> Vec<u8> {
    keyspace::record(&entry.collection, &entry.id)
}

/// A record that shows the effect of a call, which goes as if it were a mutation of it.
fn shown(place: &Place) -> Vec<u8> {
    keyspace::record(&place.collection, &place.id)
}

/// Entries by transaction; a transaction that the look-ahead cut off is left out.
fn groups(waiting: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut groups: Vec<Vec<Entry>> = Vec::new();
    for entry in waiting {
        let joins = |group: &Vec<Entry>| entry.tx.is_some() && group.first().is_some_and(|first| first.tx == entry.tx);
        match groups.last_mut() {
            Some(group) if joins(group) => group.push(entry),
            _ => groups.push(vec![entry]),
        }
    }
    groups.retain(|group| match &group[0].tx {
        Some((_, n)) => group.len() == *n as usize,
        None => true,
    });
    groups
}

/// Records the answer to a push.
///
/// # Errors
/// `contention` when another leader took over; `storage-corrupt`.
pub fn pushed(draft: &mut Draft<'_>, cx: &SyncContext<'_>, lease: &Lease, response: &PushResponse) -> Planned<()> {
    let mut sync = lease.guard(draft)?;
    let mut local = Local::read(draft)?;
    #[cfg(feature = "full")]
    {
        local.skew = cx.skew.or(local.skew);
    }
    let moment = Moment::begin(draft, &mut local, cx.schema, cx.now_ms);
    settle(draft, &moment, &mut sync, &response.results, Seq(0))?;
    sync.limits = response.limits.or(sync.limits);
    sync.pushed_at = Some(cx.now_ms);
    sync.save(draft);
    Ok(())
}

/// Becomes a new client: everything unanswered is sent again under new seqs and the same mids.
///
/// # Errors
/// `contention` when another leader took over; `storage-corrupt`.
pub fn start_over(draft: &mut Draft<'_>, lease: &Lease, client: ClientId) -> Planned<()> {
    let mut sync = lease.guard(draft)?;
    outbox::thaw(draft, &mut sync)?;
    let mut local = Local::read(draft)?;
    local.client = client;
    local.save(draft);
    (sync.last_seq, sync.seen) = (Seq::default(), Seq::default());
    sync.save(draft);
    Ok(())
}

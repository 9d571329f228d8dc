//! Pulling: pages of server changes laid under what is pending here.

use std::mem::take;

use holm_protocol::{Change, ErrorCode, PROTOCOL_VERSION, PullRequest, PullResponse, ScopeResponse};
use holm_store::{Draft, Key, Read};

use super::change::{apply_change, show};
use super::members::{Answered, apply_part};
use super::state::{Checkpoint, SyncState};
use super::{EVICTED_AT_ONCE, Lease, SyncContext, orphans, scopes};
use crate::local::Local;
use crate::outbox::{Base, Moment, Planned, base_ids, bases, confirm_covered, entry_at, restore, save_base, settle};
use crate::records::{self, Before};
use crate::schema::Collection;
use crate::{Error, FULL, keyspace, stored};

/// Changes per scope and page: large enough to amortise a commit, small enough for one slice of work.
pub const CHANGES_PER_PAGE: u32 = 1_000;

/// What a page left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Every scope is at its end.
    Complete,
    /// There is more to ask for.
    More,
    /// It was computed from a state that is not there: nothing changed.
    Late,
    /// The server has seen seqs that this database never gave, or has forgotten some that it answered: storage was rolled back, here
    /// or there.
    RolledBack,
}

/// The request for the next page of every scope.
///
/// # Errors
/// `storage-corrupt`.
pub fn request(view: &dyn Read, cx: &SyncContext<'_>) -> Planned<Box<PullRequest>> {
    let sync = SyncState::read(view)?;
    let mut asked = Vec::new();
    for key in &*scopes::active(view, cx)? {
        asked.push(scopes::request(key, Checkpoint::read(view, key)?.at));
    }
    let mut unanswered = Vec::new();
    for (_, place) in sync.frozen.iter() {
        let Some(entry) = entry_at(view, place)? else { break };
        unanswered.push(entry.mid);
    }
    let client = Local::read(view)?.client;
    let (schema, seen) = (cx.schema.version, sync.seen);
    let (v, limit) = (PROTOCOL_VERSION, CHANGES_PER_PAGE);
    Ok(Box::new(PullRequest { v, client, schema, seen, unanswered, limit, wait: 0, scopes: asked }))
}

/// The request that goes out while this answer is applied, if there is more to ask for. Beside a first page none does: the app
/// sees its rows before the next ones take the processor.
#[must_use]
pub fn following(request: &PullRequest, response: &PullResponse) -> Option<Box<PullRequest>> {
    let mut next = Box::new(request.clone());
    let mut wanted = response.scopes.iter().any(|scope| scope.more);
    for (scope, answered) in next.scopes.iter_mut().zip(&response.scopes) {
        wanted &= scope.checkpoint.replace(answered.checkpoint.clone()).is_some();
    }
    wanted.then_some(next)
}

/// Applies one page: results, rows, checkpoints and rebased mutations in one commit.
///
/// The commit is guarded by the lease and by the checkpoints the page was computed from; a page that is late changes
/// nothing and is asked for again.
///
/// # Errors
/// `contention` when another leader took over; `storage-corrupt`.
pub fn apply(
    draft: &mut Draft<'_>,
    cx: &SyncContext<'_>,
    lease: &Lease,
    request: &PullRequest,
    response: &PullResponse,
) -> Planned<Page> {
    let mut sync = lease.guard(draft)?;
    let mut local = Local::read(draft)?;
    if local.client != request.client {
        return Ok(Page::Late);
    }
    if response.acked > sync.last_seq || response.acked < request.seen {
        return Ok(Page::RolledBack);
    }
    let active = scopes::active(draft, cx)?;
    for (asked, _) in request.scopes.iter().zip(&response.scopes) {
        let key = scopes::key_of(asked);
        let is_active = !FULL || active.iter().any(|known| *known == key);
        if !is_active || Checkpoint::read(draft, &key)?.at != asked.checkpoint {
            return Ok(Page::Late);
        }
    }
    #[cfg(feature = "full")]
    {
        local.skew = cx.skew.or(local.skew);
    }
    let moment = Moment::begin(draft, &mut local, cx.schema, cx.now_ms);
    settle(draft, &moment, &mut sync, &response.results, response.acked)?;

    if FULL {
        scopes::leave_on(draft, cx)?;
    }
    // What was subscribed to since is asked for before this is all.
    let mut more = FULL && active.len() > request.scopes.len();
    let anew = FULL && !sync.epoch.is_empty() && sync.epoch != response.epoch;
    let among = Answered { active: &active, anew };
    for (asked, answered) in request.scopes.iter().zip(&response.scopes) {
        #[cfg(feature = "full")]
        let moment = Moment { acked: response.acked, ..moment };
        let key = scopes::key_of(asked);
        more |= match scopes::is_part(&key) {
            true => apply_part(draft, &moment, &among, &key, answered)?,
            false => apply_scope(draft, &moment, &among, &key, answered)?,
        };
    }
    sync.epoch.clone_from(&response.epoch);
    if !more {
        confirm_covered(draft, &moment, &mut sync, response.acked)?;
        sync.caught_up = true;
        sync.pulled_at = Some(cx.now_ms);
    }
    sync.save(draft);
    Ok(if more { Page::More } else { Page::Complete })
}

fn apply_scope(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    among: &Answered<'_>,
    name: &str,
    page: &ScopeResponse,
) -> Planned<bool> {
    let mut checkpoint = Checkpoint::read(draft, name)?;
    if page.reset {
        forget_members(draft, name)?;
    }
    checkpoint.resetting |= page.reset;
    checkpoint.orphaning |= page.reset && among.anew;
    checkpoint.from_nothing = !page.reset && is_from_nothing(draft, &checkpoint, name)?;
    let unknown = Unknown::of(draft, &checkpoint, name, page)?;
    #[cfg(feature = "full")]
    let moment = &Moment { is_anew: checkpoint.resetting, ..*moment };
    let mut keys = Vec::new();
    for change in page.changes.iter().filter(|change| !unknown.has(change)) {
        keyspace::add_keys(&mut keys, &change.collection, &change.id);
    }
    records::prefetch(draft, &keys)?;
    for change in &page.changes {
        // A row of a collection that this app version does not know is not for it.
        let Some(collection) = moment.schema.find(&change.collection) else { continue };
        match unknown.has(change) {
            true => show(draft, moment, collection, change, Before::Nothing)?,
            false => apply_change(draft, moment, collection, change)?,
        }
        if checkpoint.resetting {
            draft.put(&keyspace::member(name, &change.collection, &change.id), &[]);
        }
    }
    if checkpoint.resetting && !page.more {
        if let Some(collection) = moment.schema.find(name) {
            sweep(draft, moment, collection, &checkpoint)?;
        }
        forget_members(draft, name)?;
        (checkpoint.resetting, checkpoint.orphaning) = (false, false);
    }
    checkpoint.at = Some(page.checkpoint.clone());
    checkpoint.more = page.more;
    checkpoint.from_nothing &= page.more;
    checkpoint.save(draft, name);
    Ok(page.more)
}

/// Whether the walk began where there was no record of the scope's collection.
fn is_from_nothing(view: &dyn Read, checkpoint: &Checkpoint, name: &str) -> Planned<bool> {
    let is_first = checkpoint.at.is_none();
    Ok(checkpoint.from_nothing || is_first && stored::scan_limit(view, &keyspace::records(name), 1)?.is_empty())
}

/// The rows of a page that cannot be here, so that nothing needs to be read to store them: 135,000 records would be looked for in vain.
///
/// A walk from nothing brings them for the first time, and who writes a record of that id meanwhile leaves a base.
struct Unknown<'a> {
    /// The collection of these rows, if there are any.
    collection: Option<&'a str>,
    bases: Vec<String>,
}

impl<'a> Unknown<'a> {
    fn of(view: &dyn Read, checkpoint: &Checkpoint, name: &'a str, page: &ScopeResponse) -> Planned<Self> {
        if !(checkpoint.from_nothing && page.fresh) {
            return Ok(Self { collection: None, bases: Vec::new() });
        }
        Ok(Self { collection: Some(name), bases: base_ids(view, name)? })
    }

    fn has(&self, change: &Change) -> bool {
        self.collection == Some(&change.collection) && self.bases.binary_search(&change.id).is_err()
    }
}

/// Removes what the server did not name during a reset, unless it is pending here.
fn sweep(draft: &mut Draft<'_>, moment: &Moment<'_>, collection: &Collection, checkpoint: &Checkpoint) -> Planned<()> {
    let scope = &collection.name;
    let members = stored::scan(draft, &keyspace::members_in(scope, &collection.name))?;
    let named: Vec<Key> = members.into_iter().map(|(key, _)| key).collect(); // in order, as they were scanned
    // A record that a waiting delete hides has a base and is not seen.
    let mut ids = records::ids(draft, &collection.name)?;
    let mut hidden = base_ids(draft, &collection.name)?;
    hidden.retain(|id| ids.binary_search(id).is_err());
    ids.extend(hidden);
    for id in ids {
        let member = keyspace::member(scope, &collection.name, &id);
        if named.binary_search_by(|key| (**key).cmp(&member)).is_ok() {
            continue;
        }
        if let Some(mut base) = bases(draft, &collection.name, &id)? {
            let data = take(&mut base.data);
            let now = Base { absent: true, data, ..Base::default() }.after(&base, moment.last_order);
            #[cfg(feature = "full")]
            let now = Base { holds: take(&mut base.holds), ..now };
            save_base(draft, &collection.name, &id, &now);
            restore(draft, collection, &id, moment.touch)?;
        } else {
            if FULL && checkpoint.orphaning {
                orphans::keep(draft, &collection.name, &id)?;
            }
            records::store(draft, collection, &id, None)?;
        }
    }
    Ok(())
}

fn forget_members(draft: &mut Draft<'_>, scope: &str) -> Planned<()> {
    for (key, _) in stored::scan(draft, &keyspace::members(scope))? {
        draft.delete(&key);
    }
    Ok(())
}

/// Removes some records of a scope that this device has no mutation of, and forgets how far it was pulled: who wants them again pulls
/// all of it. It is to be called until none is left.
///
/// # Errors
/// `invalid-argument` where the scope is active, or there is no server that has them; `storage-corrupt`.
pub fn evict(draft: &mut Draft<'_>, collection: &Collection, cx: Option<&SyncContext<'_>>) -> Planned<()> {
    let is_needed = match cx {
        Some(cx) if FULL => scopes::has(draft, &scopes::active(draft, cx)?, &collection.name)?,
        Some(cx) => cx.scopes.contains(&collection.name),
        None => true,
    };
    if is_needed {
        let message = "it is synced, or nowhere else";
        return Err(Error::new(ErrorCode::InvalidArgument, message).into());
    }
    evict_some(draft, collection).map(drop)
}

/// Removes some records that this device has no mutation of; whether there are more.
pub(super) fn evict_some(draft: &mut Draft<'_>, collection: &Collection) -> Planned<bool> {
    let name = &collection.name;
    let kept = base_ids(draft, name)?;
    let mut ids = records::ids(draft, name)?;
    ids.retain(|id| kept.binary_search(id).is_err());
    let more = ids.len() > EVICTED_AT_ONCE;
    ids.truncate(EVICTED_AT_ONCE);
    forget_members(draft, name)?;
    Checkpoint::default().save(draft, name);
    for id in &ids {
        records::store(draft, collection, id, None)?;
    }
    Ok(more)
}

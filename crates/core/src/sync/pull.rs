//! Pulling: pages of server changes laid under what is pending here.

use holm_protocol::{
    Change, Data, ErrorCode, PROTOCOL_VERSION, PullRequest, PullResponse, ScopeRequest, ScopeResponse,
};
use holm_store::{Draft, Key, Read};

use super::state::{Checkpoint, SyncState};
use super::{Lease, SyncContext};
use crate::Error;
use crate::local::Local;
#[cfg(feature = "full")]
use crate::outbox;
use crate::outbox::{Base, Moment, Planned, base_ids, bases, confirm_covered, restore, save_base, settle};
use crate::records::{self, Before, Written};
use crate::schema::Collection;
use crate::{keyspace, stored};

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
    let mut scopes = Vec::new();
    for name in cx.scopes {
        let checkpoint = Checkpoint::read(view, name)?.at;
        scopes.push(ScopeRequest { name: name.clone(), args: Data::new(), checkpoint });
    }
    let client = Local::read(view)?.client;
    let (schema, seen) = (cx.schema.version, sync.seen);
    Ok(Box::new(PullRequest { v: PROTOCOL_VERSION, client, schema, seen, limit: CHANGES_PER_PAGE, wait: 0, scopes }))
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
    for (asked, _) in request.scopes.iter().zip(&response.scopes) {
        if Checkpoint::read(draft, &asked.name)?.at != asked.checkpoint {
            return Ok(Page::Late);
        }
    }
    let moment = Moment::begin(draft, &mut local, cx.schema, cx.now_ms);
    settle(draft, &moment, &mut sync, &response.results, response.acked)?;

    let mut more = false;
    for (asked, answered) in request.scopes.iter().zip(&response.scopes) {
        #[cfg(feature = "full")]
        let moment = Moment { acked: response.acked, ..moment };
        more |= apply_scope(draft, &moment, &asked.name, answered)?;
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

fn apply_scope(draft: &mut Draft<'_>, moment: &Moment<'_>, name: &str, page: &ScopeResponse) -> Planned<bool> {
    let mut checkpoint = Checkpoint::read(draft, name)?;
    if page.reset {
        forget_members(draft, name)?;
    }
    checkpoint.resetting |= page.reset;
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
            sweep(draft, moment, collection, name)?;
        }
        forget_members(draft, name)?;
        checkpoint.resetting = false;
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

fn apply_change(draft: &mut Draft<'_>, moment: &Moment<'_>, collection: &Collection, change: &Change) -> Planned<()> {
    let absent = change.deleted || change.gone;
    if let Some(base) = bases(draft, &collection.name, &change.id)? {
        if base.rev != change.rev || base.absent != absent {
            let (data, mut stamps) = (change.data.data().expect("a message was read whole"), change.stamps.clone());
            if let Some(stamp) = &change.stamp {
                stamps.spread(stamp, &data);
            }
            let now = Base { rev: change.rev.clone(), absent, data, stamps, ..Base::default() };
            #[cfg(feature = "full")]
            let now = Base { holds: outbox::held(draft, moment, (&collection.name, &change.id), &base)?, ..now };
            save_base(draft, &collection.name, &change.id, &now.after(&base, moment.last_order));
            restore(draft, collection, &change.id, moment.touch)?;
        }
        return Ok(());
    }
    let before = records::revision(draft, &collection.name, &change.id)?;
    if before.as_ref().is_some_and(|rev| *rev == change.rev && !absent) || (before.is_none() && absent) {
        return Ok(());
    }
    show(draft, moment, collection, change, Before::Any)
}

/// Makes the visible record what a change says.
fn show(
    draft: &mut Draft<'_>,
    moment: &Moment<'_>,
    collection: &Collection,
    change: &Change,
    before: Before,
) -> Planned<()> {
    let filled = collection.fill_text(&change.data);
    let record = Written {
        touch: moment.touch,
        rev: change.rev.as_ref(),
        stamp: change.stamp.as_ref(),
        stamps: &change.stamps,
        data: filled.as_ref().unwrap_or(&change.data),
    };
    let absent = change.deleted || change.gone;
    records::replace(draft, collection, &change.id, (!absent).then_some(&record), before)?;
    Ok(())
}

/// Removes what the server did not name during a reset, unless it is pending here.
fn sweep(draft: &mut Draft<'_>, moment: &Moment<'_>, collection: &Collection, scope: &str) -> Planned<()> {
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
        if let Some(base) = bases(draft, &collection.name, &id)? {
            let now = Base { absent: true, ..Base::default() }.after(&base, moment.last_order);
            save_base(draft, &collection.name, &id, &now);
            restore(draft, collection, &id, moment.touch)?;
        } else {
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

/// Records that one commit evicts: a page that gives back many of them goes on in between.
const EVICTED_AT_ONCE: usize = 2_000;

/// Removes some records of a scope that this device has no mutation of, and forgets how far it was pulled: who wants them again pulls
/// all of it. It is to be called until none is left.
///
/// # Errors
/// `invalid-argument` where the scope is active, or there is no server that has them; `storage-corrupt`.
pub fn evict(draft: &mut Draft<'_>, collection: &Collection, active: Option<&[String]>) -> Planned<()> {
    let name = &collection.name;
    if active.is_none_or(|active| active.contains(name)) {
        let message = "it is synced, or nowhere else";
        return Err(Error::new(ErrorCode::InvalidArgument, message).into());
    }
    let kept = base_ids(draft, name)?;
    let mut ids = records::ids(draft, name)?;
    ids.retain(|id| kept.binary_search(id).is_err());
    ids.truncate(EVICTED_AT_ONCE);
    forget_members(draft, name)?;
    Checkpoint::default().save(draft, name);
    for id in &ids {
        records::store(draft, collection, id, None)?;
    }
    Ok(())
}

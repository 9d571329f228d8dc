//! One mutation against the rows: checked, decided, written.

use std::collections::BTreeMap;

use holm_protocol::{
    Decision, Edit, ErrorCode, Hlc, ID_BYTES_MAX, Kind, Mutation, Outcome, RECORD_BYTES_MAX, Revision, Stamps, decide,
    last_write, merge, to_json_text,
};
use rusqlite::{Connection, params};

use super::rows::{self, Place, Row};
use super::{call, members, tables};
use crate::{Attempt, Audit, Refusal, Rules, Verdict};

/// A collection's name holds at most this many bytes.
pub(super) const NAME_BYTES_MAX: usize = 128;

/// What is the same for every mutation of a push.
pub(super) struct Applier<'a> {
    pub(super) connection: &'a Connection,
    pub(super) rules: &'a Rules,
    pub(super) life: &'a str,
    pub(super) user: &'a str,
    /// The client's clock when it sent.
    pub(super) sent: &'a Hlc,
    /// The server's clock.
    pub(super) now: &'a Hlc,
}

impl Applier<'_> {
    /// Applies a mutation. Anything but `ok` has written nothing.
    pub(super) fn apply(&self, mutation: &Mutation) -> Result<Outcome, Refusal> {
        if let Some(refused) = self.refuse(mutation) {
            return Ok(refused);
        }
        if mutation.kind == Kind::Call {
            return call::call(self, mutation);
        }
        let place = Place { user: self.user, collection: &mutation.collection, id: &mutation.id };
        let row = rows::find(self.connection, place)?;
        let alive = row.as_ref().filter(|row| !row.deleted).map(|row| &row.data);
        let verdict = (self.rules.check)(Attempt { user: self.user, mutation, row: alive });
        if let Some(refused) = refused_by(verdict) {
            return Ok(refused);
        }
        let policy = self.rules.policy_of(&mutation.collection);
        let decision = decide(policy, mutation.kind, mutation.base.as_ref(), Row::standing(row.as_ref()));
        let before = row.as_ref().map(|row| row.rev.clone());
        let after = match self.planned(decision, mutation, row.as_ref())? {
            Planned::Keep => return self.audited(mutation, None, before),
            Planned::Refuse => {
                return Ok(Outcome::Conflict { server: Row::for_conflict(row) });
            }
            Planned::Save(after) => after,
        };
        if to_json_text(&after.data).len() > RECORD_BYTES_MAX {
            return Ok(rejected(ErrorCode::RecordTooLarge, None));
        }
        let (change, rev) = self.save(place, row.as_ref(), after)?;
        self.audited(mutation, Some(change), Some(rev))
    }

    /// What no row needs to be read for.
    fn refuse(&self, mutation: &Mutation) -> Option<Outcome> {
        match mutation.kind {
            Kind::Skip => return Some(rejected(ErrorCode::Undeliverable, None)),
            Kind::Call => return call::refuse(self.rules, mutation),
            Kind::Create | Kind::Patch | Kind::Put | Kind::Delete => {}
        }
        if let Some(code) = self.misplaced(&mutation.collection, &mutation.id) {
            return Some(rejected(code, None));
        }
        let owned =
            mutation.data.keys().chain(mutation.stamps.keys()).find(|field| self.rules.server_owned.contains(*field));
        owned.map(|field| rejected(ErrorCode::Forbidden, Some(field.clone())))
    }

    /// Why no row may stand there.
    pub(super) fn misplaced(&self, collection: &str, id: &str) -> Option<ErrorCode> {
        if collection.is_empty() || collection.len() > NAME_BYTES_MAX || !self.rules.has_collection(collection) {
            return Some(ErrorCode::UnknownCollection);
        }
        (id.is_empty() || id.len() > ID_BYTES_MAX).then_some(ErrorCode::InvalidId)
    }

    fn planned(&self, decision: Decision, mutation: &Mutation, row: Option<&Row>) -> Result<Planned, Refusal> {
        let stamps = self.stamps(mutation, row);
        let whole = |stamps| Planned::Save(Row { data: mutation.data.clone(), stamps, ..Row::default() });
        let Some(row) = row else {
            return Ok(match decision {
                Decision::Conflict => Planned::Refuse,
                Decision::Nothing => Planned::Keep,
                _ => whole(stamps),
            });
        };
        Ok(match decision {
            Decision::Conflict => Planned::Refuse,
            Decision::Nothing => Planned::Keep,
            Decision::Delete => Planned::Save(Row { deleted: true, ..Row::default() }),
            Decision::Write => whole(stamps),
            Decision::LastWrite if !last_write(&row.stamps, &stamps) => Planned::Keep,
            Decision::LastWrite if mutation.kind != Kind::Patch => whole(stamps),
            Decision::Apply | Decision::LastWrite => merged(row, mutation.edit(&stamps), |_| false),
            Decision::Merge => match self.change_seen(mutation.base.as_ref())? {
                Some(change) => merged(row, mutation.edit(&stamps), |field| row.changed_after(field, change)),
                None => merged(row, mutation.edit(&stamps), |_| true),
            },
        })
    }

    /// The mutation's stamps by the server's clock. Where there are none at all, everything was written when it was sent.
    fn stamps(&self, mutation: &Mutation, row: Option<&Row>) -> Stamps {
        let offset_ms = self.now.ms.cast_signed().saturating_sub(self.sent.ms.cast_signed());
        let shift = |stamp: &Hlc| stamp.shift(offset_ms, self.now);
        if !mutation.stamps.is_empty() {
            return mutation.stamps.iter().map(|(field, stamp)| (field.clone(), shift(stamp))).collect();
        }
        let replaced = row.filter(|_| mutation.kind == Kind::Put).map(|row| row.data.keys());
        let fields = mutation.data.keys().chain(replaced.into_iter().flatten());
        fields.map(|field| (field.clone(), shift(self.sent))).collect()
    }

    /// The change that the base stands for, if it is one that this database remembers.
    fn change_seen(&self, base: Option<&Revision>) -> Result<Option<u64>, Refusal> {
        let Some((change, life)) = base.and_then(rows::parse_revision) else {
            return Ok(None);
        };
        Ok(tables::remembers(self.connection, life, change)?.then_some(change))
    }

    /// Writes a row as the next change. Gives that, and the revision.
    pub(super) fn save(
        &self,
        place: Place<'_>,
        before: Option<&Row>,
        mut after: Row,
    ) -> Result<(u64, Revision), Refusal> {
        let change = tables::next_change(self.connection)?;
        after.change = change;
        after.rev = rows::revision(change, self.life);
        after.fields = field_changes(before, &after);
        rows::save(self.connection, place, &after, self.now.ms)?;
        members::save(self.connection, place, self.rules, before, &after, self.now.ms)?;
        Ok((change, after.rev))
    }

    pub(super) fn audited(
        &self,
        mutation: &Mutation,
        change: Option<u64>,
        rev: Option<Revision>,
    ) -> Result<Outcome, Refusal> {
        if self.rules.audit == Audit::On {
            self.connection
                .prepare_cached("INSERT INTO effects (user, mid, change, at_ms) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![self.user, mutation.mid.as_str(), change, self.now.ms])?;
        }
        Ok(Outcome::Ok { rev })
    }
}

/// What a decision comes to.
enum Planned {
    Keep,
    Refuse,
    Save(Row),
}

fn merged(row: &Row, edit: Edit<'_>, changed_since_base: impl Fn(&str) -> bool) -> Planned {
    let mut after = row.clone();
    let lost = merge(&mut after.data, &mut after.stamps, edit, changed_since_base);
    if lost.len() == edit.stamps.len() { Planned::Keep } else { Planned::Save(after) }
}

/// Which change wrote each field: `after.change` where value or stamp moved, else as before.
fn field_changes(before: Option<&Row>, after: &Row) -> BTreeMap<String, u64> {
    if after.deleted {
        return BTreeMap::new();
    }
    let empty = Row::default();
    let before = before.unwrap_or(&empty);
    let names = before.fields.keys().chain(before.data.keys()).chain(after.data.keys()).chain(after.stamps.keys());
    let same = |field: &str| {
        before.data.get(field) == after.data.get(field) && before.stamps.get(field) == after.stamps.get(field)
    };
    names
        .map(|field| match before.fields.get(field) {
            Some(change) if same(field) => (field.clone(), *change),
            _ => (field.clone(), after.change),
        })
        .collect()
}

/// What a mutation is answered that the app does not accept.
pub(super) fn refused_by(verdict: Verdict) -> Option<Outcome> {
    match verdict {
        Verdict::Accept => None,
        Verdict::Reject { code, field, message } => Some(Outcome::Rejected { code, field, message, culprit: None }),
        Verdict::Retry { after } => Some(Outcome::Retry { after }),
    }
}

fn rejected(code: ErrorCode, field: Option<String>) -> Outcome {
    Outcome::Rejected { code, field, message: code.advice().to_owned(), culprit: None }
}

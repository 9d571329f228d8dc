//! A mutation as the outbox keeps it.

#[cfg(feature = "full")]
use holm_protocol::Ways;
use holm_protocol::{
    Data, Edit, ErrorCode, FromJson, Kind, Mutation, MutationId, Object, Parser, Revision, Seq, Stamps, ToJson, Unfit,
    Value, json_fields,
};

use crate::Error;
use crate::records::Record;
#[cfg(feature = "full")]
use crate::sync::Skew;

/// How far a mutation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not sent yet.
    #[default]
    Pending,
    /// Content and seq are fixed; it may be on its way, or handled already.
    Frozen(Seq),
    /// The server applied it; no pull has covered it yet.
    Confirmed(Seq),
}

impl State {
    /// It was refused, and goes on being shown: no server confirms under a seq that is never given, so that an engine that does not know
    /// of this shows it likewise.
    pub const KEPT: Self = Self::Confirmed(Seq(0));
}

impl FromJson for State {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        let state = parser.value()?;
        let seq = |name: &str| state.as_object()?.get(name)?.as_u64().map(Seq);
        *self = match (state.as_str() == Some("pending"), seq("frozen"), seq("confirmed")) {
            (true, ..) => Self::Pending,
            (_, Some(seq), _) => Self::Frozen(seq),
            (_, _, Some(seq)) => Self::Confirmed(seq),
            _ => return Err("not a state".into()),
        };
        Ok(())
    }
}

impl ToJson for State {
    fn write(&self, text: &mut String) {
        match self {
            Self::Pending => "pending".write(text),
            Self::Frozen(seq) => Object::one(text, "frozen", seq),
            Self::Confirmed(seq) => Object::one(text, "confirmed", seq),
        }
    }
}

/// One change that this client intends, with its place in the local order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Position in this database's order of writes.
    pub order: u64,
    /// How far it is.
    pub state: State,
    /// Its identity.
    pub mid: MutationId,
    /// The mutation that it began as, whose receipt tells of it.
    pub first: Option<MutationId>,
    /// How many writes joined it.
    pub joined: Option<u64>,
    /// The transaction it belongs to, and how many members that has.
    pub tx: Option<(String, u32)>,
    /// Of which collection.
    pub collection: String,
    /// Which record.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// The revision the writer saw.
    pub base: Option<Revision>,
    /// The fields written.
    pub data: Data,
    /// The changed fields, and when.
    pub stamps: Stamps,
    /// When it was written (wall clock, milliseconds; for showing only).
    pub at: u64,
    /// Not to be sent before (wall clock, milliseconds): the server asked for time.
    pub not_before: u64,
    /// How many seconds the server's clock was ahead of the one that the stamps are of, where that was known.
    #[cfg(feature = "full")]
    pub skew: Option<i64>,
    /// What a call calls.
    #[cfg(feature = "full")]
    pub call: Option<Called>,
    /// The call whose effect this is: it is shown, and never sent.
    #[cfg(feature = "full")]
    pub of: Option<Place>,
    /// How those of the changed fields merge that do so in a way of their own.
    #[cfg(feature = "full")]
    pub ways: Ways,
    /// Its writer saw no record, whatever else waits before it.
    #[cfg(feature = "full")]
    pub anew: bool,
}

json_fields!(Entry {
    order, state, mid, collection, id, kind, at; first, joined, tx, base, not_before + skew, call, of, ways, anew; data, stamps
});

/// A function of the server that is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Called {
    /// Which.
    pub name: String,
    /// What it is given.
    pub args: Value,
    /// Where the writes stand that show what it is about to do.
    pub effect: Vec<Place>,
    /// The same writes, while the call is parked and they stand nowhere.
    pub kept: Vec<Entry>,
}

json_fields!(Called { name; args, effect, kept });

/// What clocks differ by less is the way's doing, or nobody's business.
#[cfg(feature = "full")]
const SECONDS_OF_JITTER: i64 = 5;

/// A skew as entries keep it.
#[cfg(feature = "full")]
pub(super) fn seconds(skew: Skew) -> i64 {
    skew.ahead_ms.div_euclid(1_000)
}

/// Where an entry stands in the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Position in the order of writes.
    pub order: u64,
    /// Of which collection.
    pub collection: String,
    /// Which record.
    pub id: String,
    /// In the outbox's order: [`Entry::joined`] of what stands there.
    pub joined: Option<u64>,
}

json_fields!(Place { order, collection, id; joined });

impl Entry {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { order: self.order, collection: self.collection.clone(), id: self.id.clone(), joined: None }
    }

    /// What the outbox's order says of it.
    #[must_use]
    pub fn pointer(&self) -> Place {
        Place { joined: self.joined, ..self.place() }
    }

    /// Where its receipt is.
    #[must_use]
    pub fn receipt(&self) -> &MutationId {
        self.first.as_ref().unwrap_or(&self.mid)
    }

    /// Where the writes stand that show what a call is about to do.
    #[must_use]
    pub fn effect(&self) -> &[Place] {
        #[cfg(feature = "full")]
        return self.call.as_ref().map_or(&[], |call| &call.effect);
        #[cfg(not(feature = "full"))]
        &[]
    }

    /// The call whose effect this is.
    #[must_use]
    pub fn effect_of(&self) -> Option<&Place> {
        #[cfg(feature = "full")]
        return self.of.as_ref();
        #[cfg(not(feature = "full"))]
        None
    }

    /// Whether it is a whole record that goes on from what was there before a record was deleted, or is in that already; any other makes
    /// a new record.
    #[cfg(feature = "full")]
    pub(super) fn is_in_what_was(&self, base: &Base) -> bool {
        match self.kind {
            Kind::Put if self.base.is_some() && !self.anew => true,
            Kind::Put | Kind::Create => base.holds.contains(&self.order),
            _ => false,
        }
    }

    /// What it does to the fields of a row.
    #[must_use]
    pub fn edit(&self) -> Edit<'_> {
        Edit {
            data: &self.data,
            stamps: &self.stamps,
            #[cfg(feature = "full")]
            ways: &self.ways,
        }
    }

    /// The clock may have been set since this was written, and be ahead of the server's by so much now: its stamps are moved to what they
    /// would be by the clock of now.
    #[cfg(feature = "full")]
    pub(crate) fn restamp(&mut self, now: Option<Skew>) {
        let moved_s = self.skew.zip(now).map_or(0, |(then, now)| then.saturating_sub(seconds(now)));
        if moved_s.abs() > SECONDS_OF_JITTER {
            for stamp in self.stamps.values_mut() {
                stamp.ms = stamp.ms.saturating_add_signed(moved_s.saturating_mul(1_000));
            }
        }
    }

    /// Whether the clock was not set between this and `later`, so that the stamps of both mean the same.
    #[cfg(feature = "full")]
    pub(super) fn is_of_the_clock_of(&self, later: &Self) -> bool {
        let is_as_far = |skew: i64| later.skew.is_some_and(|later| (later - skew).abs() <= SECONDS_OF_JITTER);
        self.skew.is_none_or(is_as_far)
    }

    /// Who does not know clocks cannot tell.
    #[cfg(not(feature = "full"))]
    pub(super) fn is_of_the_clock_of(&self, _later: &Self) -> bool {
        true
    }

    /// The entry as the wire wants it; of one that is skipped nothing but its names.
    ///
    /// # Errors
    /// `internal` when it was never frozen.
    pub fn into_wire(self) -> Result<Mutation, Error> {
        let State::Frozen(seq) = self.state else {
            return Err(Error::new(ErrorCode::Internal, format!("mutation {} is not frozen", self.mid)));
        };
        let (tx, n) = self.tx.unzip();
        if self.kind == Kind::Skip {
            return Ok(Mutation { seq, mid: self.mid, tx, n, kind: self.kind, ..Mutation::default() });
        }
        #[cfg(feature = "full")]
        if let Some(Called { name, args, .. }) = self.call {
            return Ok(Mutation { seq, mid: self.mid, kind: self.kind, name, args, ..Mutation::default() });
        }
        #[cfg(feature = "full")]
        let ways = self.ways;
        let Self { mid, collection, id, kind, base, data, stamps, .. } = self;
        let (name, args) = (String::new(), Value::Null);
        Ok(Mutation {
            seq,
            mid,
            tx,
            n,
            collection,
            id,
            kind,
            base,
            data,
            stamps,
            name,
            args,
            #[cfg(feature = "full")]
            ways,
        })
    }
}

/// The last known server state of a record that has mutations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Base {
    /// Its revision; absent where the server has none (or none that we know).
    pub rev: Option<Revision>,
    /// The server has no such record (any more).
    pub absent: bool,
    /// Its fields; of one that is absent now, those that it had: an edit of it is kept whole.
    pub data: Data,
    /// When each was written.
    pub stamps: Stamps,
    /// Fields that changed while mutations waited, each with the last order that was written not knowing of it.
    pub moved: Vec<(String, u64)>,
    /// It is in no scope of this device any more, and goes with its last mutation.
    pub gone: bool,
    /// The orders of the mutations of its lane that the server had applied when it was so.
    #[cfg(feature = "full")]
    pub holds: Vec<u64>,
}

json_fields!(Base { absent; rev, moved + gone, holds; data, stamps });

impl Base {
    /// What is visible, where the record has no mutations yet.
    #[must_use]
    pub fn visible(record: Option<Box<Record>>) -> Self {
        let Some(record) = record else { return Self { absent: true, ..Self::default() } };
        let Record { rev, stamps, data, .. } = *record;
        Self { rev, stamps, data, ..Self::default() }
    }

    /// This base in the place of `before`, heard of after `last_order` was written.
    #[must_use]
    pub fn after(mut self, before: &Self, last_order: u64) -> Self {
        let mut moved = Vec::new();
        for field in before.stamps.keys().chain(self.stamps.keys()) {
            if before.stamps.get(field) != self.stamps.get(field) {
                moved.push((field.clone(), last_order));
            }
        }
        for known in &before.moved {
            if moved.iter().all(|(field, _)| *field != known.0) {
                moved.push(known.clone());
            }
        }
        self.moved = moved;
        self
    }

    /// Whether a field changed without the writer of `entry` knowing.
    #[must_use]
    pub fn moved_from_under(&self, entry: &Entry, field: &str) -> bool {
        self.moved.iter().find(|(moved, _)| moved == field).is_some_and(|(_, last_order)| entry.order <= *last_order)
    }
}

//! What sync remembers across restarts.

use holm_protocol::{FromJson, Limits, Parser, Seq, ToJson, Unfit, json_fields};
use holm_store::{Draft, Read};

use crate::outbox::{Place, Planned};
use crate::stored;

const KEY: &str = "sync";

/// What sync remembers across restarts: one value in the keyspace, guarded by the lease.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncState {
    /// Drawn by whoever became leader last; a commit of anybody else is refused.
    pub lease: String,
    /// The highest seq given to a mutation of this client.
    pub last_seq: Seq,
    /// The highest seq whose results, with all before it, are recorded here.
    pub seen: Seq,
    /// The life of the server's data that the checkpoints belong to.
    pub epoch: String,
    /// What one push may hold, as the server said.
    pub limits: Option<Limits>,
    /// Mutations whose seq is fixed and whose result is not recorded.
    pub frozen: Places,
    /// Mutations that the server applied and no pull has covered.
    pub confirmed: Places,
    /// Every scope was pulled to its end at least once.
    pub caught_up: bool,
    /// When the last push was answered (wall clock, milliseconds).
    pub pushed_at: Option<u64>,
    /// When the last pull came to its end (wall clock, milliseconds).
    pub pulled_at: Option<u64>,
}

json_fields!(SyncState {
    lease, last_seq, seen; epoch, limits, frozen, confirmed, caught_up, pushed_at, pulled_at
});

impl SyncState {
    /// Reads it; the default before the first time.
    ///
    /// # Errors
    /// `storage-corrupt`.
    pub fn read(view: &dyn Read) -> Planned<Box<Self>> {
        let mut state = Box::<Self>::default();
        stored::read_meta_into(view, KEY, &mut *state)?;
        Ok(state)
    }

    /// Writes it.
    pub fn save(&self, draft: &mut Draft<'_>) {
        stored::save_meta(draft, KEY, self);
    }

    /// Moves `seen` up to the last seq before the first that is unanswered.
    pub(crate) fn advance_seen(&mut self) {
        let answered = self.frozen.iter().next().map_or(self.last_seq.0, |(first, _)| first.0 - 1);
        self.seen = Seq(self.seen.0.max(answered));
    }
}

/// Where mutations stand, by seq.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places(Vec<(Seq, Place)>);

impl FromJson for Places {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        self.0.read(parser)
    }
}

impl ToJson for Places {
    fn write(&self, text: &mut String) {
        self.0.write(text);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Places {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, the smallest seq first.
    pub fn iter(&self) -> impl Iterator<Item = (Seq, &Place)> {
        self.0.iter().map(|(seq, place)| (*seq, place))
    }

    /// Adds one, or puts it in place of the one that has its seq.
    pub fn insert(&mut self, seq: Seq, place: Place) {
        drop(self.remove(seq));
        let position = self.count_up_to(seq);
        self.0.insert(position, (seq, place));
    }

    /// Takes one out.
    pub fn remove(&mut self, seq: Seq) -> Option<Place> {
        let position = self.0.iter().position(|(known, _)| *known == seq)?;
        Some(self.0.remove(position).1)
    }

    /// Takes out all up to `seq`, with it.
    pub fn take_up_to(&mut self, seq: Seq) -> Vec<(Seq, Place)> {
        let count = self.count_up_to(seq);
        let later = self.0.split_off(count);
        std::mem::replace(&mut self.0, later)
    }

    /// Takes out all.
    pub fn take_all(&mut self) -> Vec<(Seq, Place)> {
        std::mem::take(&mut self.0)
    }

    fn count_up_to(&self, seq: Seq) -> usize {
        self.0.partition_point(|(known, _)| *known <= seq)
    }
}

/// Where this client stands in a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The server's word for it; `None` before the first page.
    pub at: Option<String>,
    /// A reset is going on: rows that it does not name will be swept at its end.
    pub resetting: bool,
    /// There was more to ask for.
    pub more: bool,
    /// The walk that goes on began where there was no record: what it brings for the first time is not here yet.
    pub from_nothing: bool,
    /// Which reset of a scope with arguments this is: each names its members.
    pub generation: u64,
    /// The user may not see the scope.
    pub forbidden: bool,
    /// What the reset does not name is kept aside.
    pub orphaning: bool,
}

json_fields!(Checkpoint { ; at, resetting, more, from_nothing + generation, forbidden, orphaning });

impl Checkpoint {
    /// Reads the one of a scope.
    ///
    /// # Errors
    /// `storage-corrupt`.
    pub fn read(view: &dyn Read, scope: &str) -> Planned<Box<Self>> {
        let mut checkpoint = Box::<Self>::default();
        stored::read_checkpoint_into(view, scope, &mut *checkpoint)?;
        Ok(checkpoint)
    }

    /// Writes it.
    pub fn save(&self, draft: &mut Draft<'_>, scope: &str) {
        stored::save_checkpoint(draft, scope, self);
    }
}

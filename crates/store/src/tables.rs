//! What one handle knows of the store: the log's tail in memory over the blocks that the manifest names.
//!
//! ```text
//!             folded                     tail
//!   log   ……────┼──────────────────────────┤          entries up to `folded` are in blocks; the one at `folded` is
//!               └── memory: segments ──────┘          kept in the log, so that its id tells whether it is this log
//!   blocks      runs, the newest first
//! ```
//!
//! Decides how loaded things are taken in, what counts as damage, and whether an entry of ours is there. Does no IO.

use std::rc::Rc;

use crate::disk::{Generation, Loaded, LogSeq, Since, StoredManifest};
use crate::encoding::{Entry, EntryId, Manifest, Records, Writers};
use crate::error::{Damage, Place, StoreError, Trouble};
use crate::fence::Fence;
use crate::memtable::Memory;

/// Something that changed what reads give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The position reached by it.
    pub seq: LogSeq,
    /// The entry that did it.
    pub id: EntryId,
    /// What it wrote; `None` when entries were missed and everything may have changed.
    pub ops: Option<Rc<Records>>,
}

/// What came of loading.
#[derive(Debug, Default)]
pub struct Absorbed {
    /// What was applied, in order.
    pub events: Vec<Event>,
    /// Why not all of it was applied.
    pub failure: Option<StoreError>,
}

/// Where an entry of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// In the log, or in the blocks.
    Committed,
    /// Nowhere, and its position is free.
    Free,
    /// Nowhere, and its position is another's.
    Taken,
    /// Too many others wrote since to tell.
    Forgotten,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tables {
    pub(crate) database: [u8; 16],
    ours: Fence,
    fence: Fence,
    generation: Generation,
    tail: LogSeq,
    tail_id: EntryId,
    trimmed: LogSeq,
    pub(crate) memory: Memory,
    pub(crate) manifest: Rc<Manifest>,
    pub(crate) writers: Writers,
}

impl Tables {
    /// Takes in the first load of a handle, made with `Since::default()`.
    ///
    /// `database` names the store if nothing is there yet.
    ///
    /// # Errors
    /// A fence above `ours`, damage in the manifest or the log.
    pub fn open(loaded: Loaded, ours: Fence, database: [u8; 16]) -> Result<Self, StoreError> {
        let named = match &loaded.manifest {
            Some(stored) => Manifest::decode(stored)?.database,
            None => match loaded.entries.first() {
                Some((seq, entry)) => Entry::decode(*seq, entry)?.database,
                None => database,
            },
        };
        let mut tables = Self {
            database: named,
            ours,
            fence: ours,
            generation: Generation::default(),
            tail: LogSeq::default(),
            tail_id: EntryId::default(),
            trimmed: LogSeq::default(),
            memory: Memory::default(),
            manifest: Rc::new(Manifest::default()),
            writers: Writers::default(),
        };
        match tables.absorb(Since::default(), loaded).failure {
            None => Ok(tables),
            Some(error) => Err(error),
        }
    }

    /// The manifest that a store without one begins with.
    #[must_use]
    pub fn first_manifest(&self) -> StoredManifest {
        let first = Manifest { database: self.database, fence: self.fence, ..Manifest::default() };
        first.store(Generation(1))
    }

    /// The last entry applied.
    #[must_use]
    pub fn tail(&self) -> LogSeq {
        self.tail
    }

    /// The manifest in use.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The random name of the store.
    #[must_use]
    pub fn database_id(&self) -> [u8; 16] {
        self.database
    }

    /// The highest fence seen, ours included.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// The fence of this handle.
    #[must_use]
    pub fn own_fence(&self) -> Fence {
        self.ours
    }

    /// What to ask the disk for.
    #[must_use]
    pub fn since(&self) -> Since {
        Since { seq: self.tail, generation: self.generation }
    }

    /// Roughly what the log holds that is not folded.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.memory.logged()
    }

    /// Takes in what a load with `since` gave. What was loaded before something else moved these tables on is skipped.
    pub fn absorb(&mut self, since: Since, loaded: Loaded) -> Absorbed {
        let mut events = Vec::new();
        let failure = self.take_in(since, &loaded, &mut events).err();
        Absorbed { events, failure }
    }

    /// Applies the entry at `tail + 1`. One that is applied already is left out.
    pub(crate) fn apply(&mut self, seq: LogSeq, id: EntryId, ops: &Rc<Records>) -> bool {
        if seq != self.tail.next() {
            return false;
        }
        self.memory.push(seq, ops.clone());
        self.writers.record(id, seq);
        self.tail = seq;
        self.tail_id = id;
        true
    }

    /// Takes a published manifest; gives the event if entries were missed by it.
    pub(crate) fn install(&mut self, generation: Generation, manifest: Rc<Manifest>) -> Option<Event> {
        let folded = manifest.folded;
        let mut event = None;
        if self.tail < folded {
            self.tail = folded;
            self.tail_id = manifest.folded_id;
            self.writers = manifest.writers.clone();
            event = Some(Event { seq: folded, id: manifest.folded_id, ops: None });
        }
        self.memory.drop_through(folded);
        self.trimmed = self.trimmed.max(folded);
        self.generation = generation;
        self.manifest = manifest;
        event
    }

    /// Where our entry `id`, meant for `seq`, is.
    pub(crate) fn settle(&self, id: EntryId, seq: LogSeq) -> Settled {
        match self.writers.last.get(&id.writer) {
            Some((number, _)) if *number == id.number => Settled::Committed,
            _ if seq > self.tail => Settled::Free,
            _ if seq <= self.writers.forgotten => Settled::Forgotten,
            _ => Settled::Taken,
        }
    }

    /// Whether memory still holds every change after `seq`.
    pub(crate) fn remembers(&self, seq: LogSeq) -> bool {
        seq >= self.trimmed
    }

    /// The id of the entry at the tail.
    pub(crate) fn tail_id(&self) -> EntryId {
        self.tail_id
    }

    fn take_in(&mut self, since: Since, loaded: &Loaded, events: &mut Vec<Event>) -> Result<(), StoreError> {
        if let Some(stored) = &loaded.manifest {
            self.take_manifest(since, stored, events)?;
        }
        self.check_begin(since, loaded)?;
        for (seq, frame) in &loaded.entries {
            events.extend(self.follow(*seq, frame)?);
        }
        Ok(())
    }

    /// Applies the next entry as it was loaded; one that is applied already is left out.
    pub(crate) fn follow(&mut self, seq: LogSeq, frame: &[u8]) -> Result<Option<Event>, StoreError> {
        if seq <= self.tail {
            return Ok(None);
        }
        if seq != self.tail.next() {
            let missing = Damage::new(Place::Entry(self.tail.next()), "it is not in the log; its writes are lost");
            return Err(missing.into());
        }
        let entry = Entry::decode(seq, frame)?;
        if entry.database != self.database {
            return Err(Trouble::Replaced.into());
        }
        self.meet(entry.fence)?;
        self.apply(seq, entry.id, &entry.ops);
        Ok(Some(Event { seq, id: entry.id, ops: Some(entry.ops) }))
    }

    fn take_manifest(
        &mut self,
        since: Since,
        stored: &StoredManifest,
        events: &mut Vec<Event>,
    ) -> Result<(), StoreError> {
        if stored.generation < since.generation {
            return Err(Trouble::Replaced.into());
        }
        if stored.generation <= self.generation {
            return Ok(());
        }
        let manifest = Manifest::decode(stored)?;
        if manifest.database != self.database {
            return Err(Trouble::Replaced.into());
        }
        self.meet(manifest.fence)?;
        events.extend(self.install(stored.generation, Rc::new(manifest)));
        Ok(())
    }

    /// The log must begin with the last entry that the caller, or the manifest, holds; else it is another log.
    fn check_begin(&self, since: Since, loaded: &Loaded) -> Result<(), StoreError> {
        let folded = loaded.manifest.as_ref().map_or(LogSeq::default(), |stored| stored.folded);
        let begin = since.seq.max(folded);
        let first = loaded.entries.first();
        if begin == LogSeq::default() {
            return Ok(());
        }
        match first {
            Some((seq, frame)) if *seq == begin => {
                let moved_on = begin != self.tail;
                if moved_on || Entry::decode(*seq, frame)?.id == self.tail_id {
                    Ok(())
                } else {
                    Err(Trouble::Replaced.into())
                }
            }
            _ if folded >= begin => {
                Err(Damage::new(Place::Entry(begin), "the last folded entry is not in the log").into())
            }
            _ => Err(Trouble::Replaced.into()),
        }
    }

    fn meet(&mut self, fence: Fence) -> Result<(), StoreError> {
        self.fence = self.fence.highest(fence);
        if fence.exceeds(self.ours) { Err(Trouble::NewerVersion(fence).into()) } else { Ok(()) }
    }
}

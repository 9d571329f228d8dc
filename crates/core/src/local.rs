//! What this database knows of itself: its client id, its clock, its order of writes.

use holm_protocol::{ClientId, Clock, ErrorCode, Hlc, json_fields};
use holm_store::{Draft, Read};

use crate::outbox::Planned;
#[cfg(feature = "full")]
use crate::sync::Skew;
use crate::{Error, keyspace, stored};

const KEY: &str = "local";

/// One value in the keyspace, rewritten by every write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Local {
    /// This installation, to the server.
    pub client: ClientId,
    /// This installation, in stamps: the first client id, so that what it wrote stays its own when that changes.
    author: ClientId,
    clock: Clock,
    order: u64,
    /// How far the server's clock is ahead of the wall clock here.
    #[cfg(feature = "full")]
    pub skew: Option<Skew>,
}

json_fields!(Local { client, author, clock, order; + skew });

impl Local {
    /// A new installation.
    #[must_use]
    pub fn new(client: ClientId) -> Self {
        Self { author: client.clone(), client, ..Self::default() }
    }

    /// Where it is kept.
    #[must_use]
    pub fn key() -> Vec<u8> {
        keyspace::meta(KEY)
    }

    /// Reads it.
    ///
    /// # Errors
    /// `internal` before the database was set up.
    pub fn read(view: &dyn Read) -> Planned<Box<Self>> {
        Ok(Self::find(view)?.ok_or_else(|| Error::new(ErrorCode::Internal, "the database was never set up"))?)
    }

    /// Reads it where it is.
    ///
    /// # Errors
    /// `storage-corrupt`.
    pub fn find(view: &dyn Read) -> Planned<Option<Box<Self>>> {
        stored::read_meta(view, KEY)
    }

    /// Writes it.
    pub fn save(&self, draft: &mut Draft<'_>) {
        stored::save_meta(draft, KEY, self);
    }

    /// Draws the next stamp.
    pub fn tick(&mut self, now_ms: u64) -> Hlc {
        self.clock.tick(now_ms, &self.author)
    }

    /// The wall clock as a stamp, for the server to tell its own from. The clock of stamps never goes back, and may be ahead of it.
    #[cfg(feature = "full")]
    #[must_use]
    pub fn wall(&self, now_ms: u64) -> Hlc {
        Hlc { ms: now_ms, counter: 0, client: self.author.clone() }
    }

    /// Draws the next stamp as the `touch` of a record.
    pub fn touch(&mut self, now_ms: u64) -> u64 {
        touch_of(&self.tick(now_ms))
    }

    /// The last place that was drawn in the order of writes.
    #[must_use]
    pub fn last_order(&self) -> u64 {
        self.order
    }

    /// Draws the next place in the order of writes.
    pub fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }
}

/// A stamp as the `touch` of a record.
#[must_use]
pub fn touch_of(stamp: &Hlc) -> u64 {
    (stamp.ms << 16) | u64::from(stamp.counter)
}

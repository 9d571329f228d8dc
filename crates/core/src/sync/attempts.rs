//! What a reload must not forget of the tries before it: a page that is loaded again does not storm a server that is down.

use holm_protocol::json_fields;
use holm_store::{Draft, Read};

use crate::outbox::Planned;
use crate::stored;

const KEY: &str = "attempts";

/// What failed, how often in a row, and when to try again (wall clock, milliseconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Pushes that failed.
    pub pushes: u32,
    /// Not to be pushed before.
    pub push_after_ms: u64,
    /// Pulls that failed.
    pub pulls: u32,
    /// Not to be pulled before.
    pub pull_after_ms: u64,
    /// Nothing before: the server has none left.
    pub rest_until_ms: u64,
    /// What one push may hold, after one that was too large.
    pub halved: Option<Halved>,
}

json_fields!(Attempts { pushes, push_after_ms, pulls, pull_after_ms, rest_until_ms; halved });

/// What one push may hold, as found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Halved {
    /// Mutations.
    pub mutations: usize,
    /// Bytes of mutations.
    pub bytes: usize,
    /// Found when (wall clock, milliseconds).
    pub at_ms: u64,
}

json_fields!(Halved { mutations, bytes, at_ms });

impl Attempts {
    /// Reads them; none before the first failure, and after a success.
    ///
    /// # Errors
    /// `storage-corrupt`.
    pub fn read(view: &dyn Read) -> Planned<Box<Self>> {
        let mut attempts = Box::<Self>::default();
        stored::read_meta_into(view, KEY, &mut *attempts)?;
        Ok(attempts)
    }

    /// Writes them, or removes what was written.
    pub fn save(&self, draft: &mut Draft<'_>) {
        match *self == Self::default() {
            true => stored::drop_meta(draft, KEY),
            false => stored::save_meta(draft, KEY, self),
        }
    }
}

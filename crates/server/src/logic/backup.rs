//! Copies of a database, kept in memory: for simulations of a server that is started again, or from a backup.

use std::fmt;

use rusqlite::Connection;
use rusqlite::backup::{Backup as Copying, StepResult};

use super::Server;
use super::tables::Life;
use crate::{Refusal, Rules};

/// A whole database as it was at one moment.
pub struct Backup(Connection);

impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backup").finish_non_exhaustive()
    }
}

impl Server {
    /// Copies the database.
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn backup(&self) -> Result<Backup, Refusal> {
        Ok(Backup(copy(&self.reader.connection)?))
    }

    /// Opens a copy of a backup in memory: the same data, in another life.
    ///
    /// # Errors
    ///
    /// `server-error` if SQLite fails.
    pub fn restore(backup: &Backup, rules: Rules, life: &Life) -> Result<Self, Refusal> {
        Self::with(copy(&backup.0)?, None, rules, life)
    }
}

fn copy(from: &Connection) -> Result<Connection, Refusal> {
    let mut to = Connection::open_in_memory()?;
    // All of it in one step: nobody writes meanwhile.
    let end = Copying::new(from, &mut to)?.step(-1)?;
    if end == StepResult::Done { Ok(to) } else { Err(Refusal::failed(format!("the copy stopped: {end:?}"))) }
}

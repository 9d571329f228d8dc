//! Functions of the server: what a mutation of the kind `call` runs.
//!
//! A function runs inside the write transaction of the push, as a whole or not at all, so that its effect is made durable together
//! with its receipt: it happens once, however often the call comes.

use holm_protocol::{
    Data, Edit, ErrorCode, Hlc, Mutation, Outcome, RECORD_BYTES_MAX, Stamps, Value, Ways, merge, to_json_text,
};

use super::apply::{Applier, refused_by};
use super::rows::{self, Place, Row};
use crate::{Attempt, Refusal, Rules};

/// What a function has of the one who calls it: the arguments, and the rows of this user.
pub struct Caller<'a> {
    applier: &'a Applier<'a>,
    mutation: &'a Mutation,
    last_change: Option<u64>,
}

impl Caller<'_> {
    /// Whose call it is.
    #[must_use]
    pub fn user(&self) -> &str {
        self.applier.user
    }

    /// What the app gave.
    #[must_use]
    pub fn args(&self) -> &Value {
        &self.mutation.args
    }

    /// The server's clock, milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.applier.now.ms
    }

    /// The fields of a record; `None` where there is none.
    ///
    /// # Errors
    /// `server-error` if SQLite fails.
    pub fn read(&self, collection: &str, id: &str) -> Result<Option<Data>, Refusal> {
        Ok(self.row(collection, id)?.filter(|row| !row.deleted).map(|row| row.data))
    }

    /// The ids of a collection, in order.
    ///
    /// # Errors
    /// `server-error` if SQLite fails.
    pub fn ids(&self, collection: &str) -> Result<Vec<String>, Refusal> {
        rows::ids_alive(self.applier.connection, self.applier.user, collection)
    }

    /// Makes a record of exactly these fields, new or not. Those that change are stamped with the server's clock, in the name of the
    /// client that called: what its user writes later wins over them, as over his own.
    ///
    /// # Errors
    /// `server-error` for what no row can hold, and if SQLite fails.
    pub fn write(&mut self, collection: &str, id: &str, data: Data) -> Result<(), Refusal> {
        if to_json_text(&data).len() > RECORD_BYTES_MAX {
            return Err(self.impossible(collection, id, ErrorCode::RecordTooLarge));
        }
        let before = self.row(collection, id)?;
        let alive = before.as_ref().filter(|row| !row.deleted);
        let mut after = alive.map_or_else(Row::default, |row| Row {
            data: row.data.clone(),
            stamps: row.stamps.clone(),
            ..Row::default()
        });
        let stamps = self.changed(&after.data, &data);
        if alive.is_some() && stamps.is_empty() {
            return Ok(());
        }
        let written = Edit { data: &data, stamps: &stamps, ways: &Ways::new() };
        merge(&mut after.data, &mut after.stamps, written, |_| false);
        self.save(collection, id, before.as_ref(), after)
    }

    /// Removes a record; absent is fine.
    ///
    /// # Errors
    /// `server-error` if SQLite fails.
    pub fn delete(&mut self, collection: &str, id: &str) -> Result<(), Refusal> {
        match self.row(collection, id)? {
            Some(before) if !before.deleted => {
                self.save(collection, id, Some(&before), Row { deleted: true, ..Row::default() })
            }
            _ => Ok(()),
        }
    }

    fn row(&self, collection: &str, id: &str) -> Result<Option<Row>, Refusal> {
        match self.applier.misplaced(collection, id) {
            Some(code) => Err(self.impossible(collection, id, code)),
            None => rows::find(self.applier.connection, self.place(collection, id)),
        }
    }

    fn place<'p>(&'p self, collection: &'p str, id: &'p str) -> Place<'p> {
        Place { user: self.applier.user, collection, id }
    }

    fn save(&mut self, collection: &str, id: &str, before: Option<&Row>, after: Row) -> Result<(), Refusal> {
        let (change, _) = self.applier.save(self.place(collection, id), before, after)?;
        self.last_change = Some(change);
        Ok(())
    }

    fn changed(&self, before: &Data, after: &Data) -> Stamps {
        let stamp = Hlc { client: self.applier.sent.client.clone(), ..self.applier.now.clone() };
        let written = after.iter().filter(|(field, value)| before.get(field) != Some(value)).map(|(field, _)| field);
        let removed = before.keys().filter(|field| !after.contains_key(field));
        written.chain(removed).map(|field| (field.clone(), stamp.clone())).collect()
    }

    fn impossible(&self, collection: &str, id: &str, code: ErrorCode) -> Refusal {
        Refusal::failed(format!("the function {} wants {collection}/{id}: {code}", self.mutation.name))
    }
}

/// What no function needs to be run for.
pub(super) fn refuse(rules: &Rules, mutation: &Mutation) -> Option<Outcome> {
    let message = match rules.functions.contains_key(&mutation.name) {
        true => return None,
        false if rules.functions.is_empty() => "this server has no functions".to_owned(),
        false => format!("this server has no function {}", mutation.name),
    };
    Some(Outcome::Rejected { code: ErrorCode::ServerRejected, field: None, message, culprit: None })
}

/// Runs the function of a call. Anything but `ok` has written nothing.
pub(super) fn call(applier: &Applier<'_>, mutation: &Mutation) -> Result<Outcome, Refusal> {
    let attempt = Attempt { user: applier.user, mutation, row: None };
    if let Some(refused) = refused_by((applier.rules.check)(attempt)) {
        return Ok(refused);
    }
    let mut caller = Caller { applier, mutation, last_change: None };
    applier.connection.execute_batch("SAVEPOINT call")?;
    let verdict = applier.rules.functions[&mutation.name](&mut caller)?;
    match refused_by(verdict) {
        Some(refused) => {
            applier.connection.execute_batch("ROLLBACK TO call; RELEASE call")?;
            Ok(refused)
        }
        None => {
            applier.connection.execute_batch("RELEASE call")?;
            applier.audited(mutation, caller.last_change, None)
        }
    }
}

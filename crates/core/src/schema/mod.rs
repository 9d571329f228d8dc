//! What the app declares: collections, their fields and indexes.
//!
//! The schema is made of the JSON that the package sends, refused whole where any of it is wrong, and never changes afterwards.

mod change;
mod check;
mod index;
mod kind;
mod parse;

use holm_protocol::{ErrorCode, quoted};
use holm_store::SortedMap;

use crate::Error;
use holm_protocol::order::sort;

pub(crate) use change::difference;
pub use check::check_id;
pub use index::{Column, Index};
pub use kind::{Field, Kind};

/// All that the app declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// The app's number for this schema, from 1.
    pub version: u32,
    collections: SortedMap<String, Collection>,
    /// As it was given.
    text: String,
}

/// A collection: records of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// Its fields by name; the id is not among them.
    pub fields: SortedMap<String, Field>,
    /// Its indexes, in the order declared.
    pub indexes: Vec<Index>,
    /// Who wins when two devices change one record.
    pub conflict: ConflictPolicy,
    /// Whether writes of one record that were never sent become one mutation.
    pub coalesce: bool,
    /// The field whose greater value wins, under [`ConflictPolicy::Greater`].
    #[cfg(feature = "full")]
    pub greater: Option<String>,
    /// Whether a refused write goes on being shown.
    #[cfg(feature = "full")]
    pub refused: Refused,
}

/// What is shown of a write that the server refused, until somebody decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refused {
    /// What the server has.
    #[default]
    Revert,
    /// The write, as if it still waited.
    Keep,
}

/// Who wins when two devices change one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Per field, the newest stamp.
    #[default]
    Merge,
    /// The newest stamp takes the whole record.
    LastWrite,
    /// The server's record.
    Server,
    /// This device's record.
    Client,
    /// The record that has the greater value in a field.
    Greater,
    /// A function of the app.
    Custom,
    /// A person, later.
    Manual,
}

impl Schema {
    /// Reads the schema as the package sends it.
    ///
    /// # Errors
    /// `invalid-schema`, naming the collection and the field.
    pub fn parse(json: &str) -> Result<Self, Error> {
        parse::schema(json)
    }

    /// The text that it was made of.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The collection of this name.
    ///
    /// # Errors
    /// `unknown-collection`, naming it and those there are.
    pub fn collection(&self, name: &str) -> Result<&Collection, Error> {
        self.collections.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.collections.keys().map(String::as_str).collect();
            let message = format!("the schema has no collection {}; it has {}", quoted(name), known.join(", "));
            Error::new(ErrorCode::UnknownCollection, message)
        })
    }

    /// The collection of this name, if there is one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Collection> {
        self.collections.get(name)
    }

    /// All collections, by name.
    pub fn collections(&self) -> impl Iterator<Item = &Collection> {
        self.collections.values()
    }
}

impl Collection {
    /// What decides the stored index entries, as one text: another text means that they must be built again.
    #[must_use]
    pub fn index_fingerprint(&self) -> String {
        const KEY_ENCODING: &str = "1";
        let mut specs: Vec<String> = self.indexes.iter().map(Index::spec).collect();
        sort(&mut specs, &Ord::cmp);
        specs.insert(0, KEY_ENCODING.to_owned());
        joined(&specs, " ")
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }
}

/// One text of many: slices are joined elsewhere too, so that it is compiled once.
fn joined(texts: &[String], between: &str) -> String {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.join(between)
}

#[cfg(test)]
pub(crate) mod tests;

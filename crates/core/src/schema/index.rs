//! Index declarations: `done`, `-updatedAt`, `tags[]`, and several of them.

use std::fmt;

use super::joined;
use crate::keys::Order;

/// A declared index: its entries sort by the columns, then by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name in keys: drawn from the columns, so that it survives reordering the declarations.
    pub number: u32,
    /// What it sorts by.
    pub columns: Vec<Column>,
    /// No two records may have equal columns, none of them null.
    pub unique: bool,
}

/// One column of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field.
    pub field: String,
    /// Which way it sorts.
    pub order: Order,
    /// One entry for each distinct element of the field's array.
    pub each: bool,
}

impl Index {
    /// An index over these columns.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        let mut index = Self { number: 0, columns, unique: false };
        index.number = fnv1a(index.spec().as_bytes());
        index
    }

    /// The same index, unique.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Its columns as the schema spells them, with commas.
    #[must_use]
    pub fn spec(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(Column::to_string).collect();
        joined(&columns, ",")
    }

    /// The column with one entry for each element, if it has one.
    #[must_use]
    pub fn each_column(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.each)
    }
}

impl Column {
    /// Reads `field`, `-field`, `field[]` or `-field[]`.
    #[must_use]
    pub fn parse(spec: &str) -> Self {
        let (order, rest) = match spec.strip_prefix('-') {
            Some(rest) => (Order::Descending, rest),
            None => (Order::Ascending, spec),
        };
        let (field, each) = match rest.strip_suffix("[]") {
            Some(field) => (field, true),
            None => (rest, false),
        };
        Self { field: field.to_owned(), order, each }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.order == Order::Descending { "-" } else { "" };
        let each = if self.each { "[]" } else { "" };
        write!(f, "{sign}{}{each}", self.field)
    }
}

/// FNV-1a, 32 bits: a stable short name; two indexes of a collection with one name are refused by the schema.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

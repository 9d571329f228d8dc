//! To and from serde_json's values, which have a macro: for a server and for tests.

use std::ops::Index;

use serde::{Serialize, Serializer};

use super::{Value, parse, to_json_text};
use crate::Fields;

/// A [`Value`](crate::Value) written as JSON, with Rust in it: `json!({ "title": title })`.
#[macro_export]
macro_rules! json {
    ($($json:tt)+) => {
        $crate::Value::from($crate::serde_json::json!($($json)+))
    };
}

/// Numbers beyond every `f64` panic.
impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        parse(value.to_string().as_bytes()).expect("another's JSON is JSON")
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value = serde_json::from_str(&to_json_text(self)).expect("our JSON is JSON");
        value.serialize(serializer)
    }
}

impl<T: Serialize> Serialize for Fields<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Null where there is no such field.
impl Index<&str> for Value {
    type Output = Self;

    fn index(&self, field: &str) -> &Self {
        self.as_object().and_then(|fields| fields.get(field)).unwrap_or(&Self::Null)
    }
}

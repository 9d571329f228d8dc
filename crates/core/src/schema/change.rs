//! What became of a schema since records were stored by it.

use std::mem::discriminant;

use holm_protocol::Value;

use super::{Collection, Field, Kind};

/// The place of the first thing in which two declarations differ; the order of a list means nothing.
pub(crate) fn difference(old: &Value, new: &Value) -> Option<String> {
    match (old, new) {
        (Value::Object(before), Value::Object(now)) => before.keys().chain(now.keys()).find_map(|name| {
            let inner = match (before.get(name), now.get(name)) {
                (Some(before), Some(now)) => difference(before, now)?,
                _ => String::new(),
            };
            Some(if inner.is_empty() { name.clone() } else { format!("{name}.{inner}") })
        }),
        (Value::Array(before), Value::Array(now))
            if before.len() == now.len() && now.iter().all(|item| before.contains(item)) =>
        {
            None
        }
        _ => (old != new).then(String::new),
    }
}

impl Collection {
    /// Why there may be records of `old` that this collection could not have: the field, and what it must be.
    #[must_use]
    pub fn misfit(&self, old: &Self) -> Option<(&str, &'static str)> {
        let fields = self.fields.iter();
        fields.filter_map(|(name, field)| Some((name.as_str(), field.misfit(old.fields.get(name))?))).next()
    }
}

impl Field {
    fn misfit(&self, old: Option<&Self>) -> Option<&'static str> {
        if !self.optional && self.default.is_none() && old.is_none_or(|old| old.optional) {
            return Some("must be optional or have a default: there are records without it");
        }
        let old = old?;
        if old.nullable && !self.nullable {
            return Some("must be nullable: there may be records in which it is null");
        }
        (!self.kind.takes(&old.kind)).then_some("has another type in the records that are there: give it another name")
    }
}

impl Kind {
    /// Whether whatever fits `old` fits here too.
    fn takes(&self, old: &Self) -> bool {
        match (self, old) {
            (Self::Json, _)
            | (Self::Number | Self::Timestamp, Self::Number | Self::Timestamp | Self::Integer)
            | (Self::String, Self::Enum(_) | Self::Ref(_)) => true,
            (Self::Enum(values), Self::Enum(old)) => old.iter().all(|value| values.contains(value)),
            (Self::Array(of), Self::Array(old)) => of.misfit(Some(old)).is_none(),
            (Self::Object(fields), Self::Object(old)) => {
                let known = old.iter().all(|(name, _)| fields.contains_key(name));
                known && fields.iter().all(|(name, field)| field.misfit(old.get(name)).is_none())
            }
            (Self::Ref(to), Self::Ref(old)) => to == old,
            _ => discriminant(self) == discriminant(old),
        }
    }
}

//! What became of a schema since records were stored by it.

use super::{Collection, Field, Index, Kind, Schema};

impl Schema {
    /// The place of the first thing in which it differs from `old`, and how; the version apart.
    #[must_use]
    pub fn difference(&self, old: &Self) -> Option<String> {
        let mut found = None;
        let mut tell = |what: String| found = found.take().or(Some(what));
        for (name, collection) in self.collections.iter() {
            match old.collections.get(name) {
                None => tell(format!("collections.{name} is new")),
                Some(before) => collection.differs(before, &mut tell),
            }
        }
        for (name, _) in old.collections.iter().filter(|(name, _)| !self.collections.contains_key(*name)) {
            tell(format!("collections.{name} is gone"));
        }
        found
    }

    /// The collection of this name, if there is one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Collection> {
        self.collections.get(name)
    }
}

impl Collection {
    fn differs(&self, old: &Self, tell: &mut dyn FnMut(String)) {
        let place = |what: &str| format!("collections.{}.{what}", self.name);
        for (name, field) in self.fields.iter() {
            match old.fields.get(name) {
                Some(before) if before == field => {}
                Some(_) => tell(place(&format!("fields.{name} is another"))),
                None => tell(place(&format!("fields.{name} is new"))),
            }
        }
        for (name, _) in old.fields.iter().filter(|(name, _)| !self.fields.contains_key(*name)) {
            tell(place(&format!("fields.{name} is gone")));
        }
        let is_in = |index: &Index, others: &[Index]| others.contains(index);
        if let Some(index) = self.indexes.iter().find(|index| !is_in(index, &old.indexes)) {
            tell(place(&format!("indexes has {} anew", index.spec())));
        }
        if let Some(index) = old.indexes.iter().find(|index| !is_in(index, &self.indexes)) {
            tell(place(&format!("indexes lacks {}", index.spec())));
        }
        if self.conflict != old.conflict {
            tell(place("conflict is another"));
        }
    }

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
            _ => self == old,
        }
    }
}

//! Something for each field of a record, by name.

use crate::{FromJson, Object, Parser, ToJson, Unfit, order::order};

/// Something for each field, by name: its value in [`Data`](crate::Data), the time of its last write in [`Stamps`](crate::Stamps).
///
/// A sorted list: most records have few fields, and a tree would be larger than all else that is done with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields<T>(Vec<(String, T)>);

/// Fields up to which each is put where it belongs as it comes; more are sorted at the end, which takes less than the square.
const FEW: usize = 32;

/// Room that is made for the first field that is read: most records have no more, and it is made once.
const ROOM: usize = 8;

impl<T> Fields<T> {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// What a field has.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&T> {
        self.position(field).ok().map(|at| &self.0[at].1)
    }

    /// Whether a field is there.
    #[must_use]
    pub fn contains_key(&self, field: &str) -> bool {
        self.position(field).is_ok()
    }

    /// Gives a field what it has from now on.
    pub fn insert(&mut self, field: String, item: T) {
        match self.position(&field) {
            Ok(at) => self.0[at].1 = item,
            Err(at) => self.0.insert(at, (field, item)),
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, field: &str) {
        if let Ok(at) = self.position(field) {
            drop(self.0.remove(at));
        }
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of it, by field.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.0.iter().map(|(field, item)| (field, item))
    }

    /// The fields, in order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(field, _)| field)
    }

    /// What they have, by field.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, item)| item)
    }

    /// What they have, by field, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, item)| item)
    }

    fn position(&self, field: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(field))
    }
}

impl<T: Default> Fields<T> {
    /// Brings what was put down in any order into its own; of what stands there twice the last remains.
    fn settle(&mut self) {
        if self.0.is_sorted_by(|(one, _), (next, _)| one < next) {
            return;
        }
        let mut settled: Vec<(String, T)> = Vec::with_capacity(self.0.len());
        for position in order(self.0.len(), &|one, other| self.0[one].0.cmp(&self.0[other].0)) {
            let (field, item) = std::mem::take(&mut self.0[position]);
            match settled.last_mut() {
                Some((last, known)) if *last == field => *known = item,
                _ => settled.push((field, item)),
            }
        }
        self.0 = settled;
    }
}

impl<'a, T> IntoIterator for &'a Fields<T> {
    type Item = (&'a String, &'a T);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (String, T)>, fn(&'a (String, T)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(field, item)| (field, item))
    }
}

impl<T: Default> Extend<(String, T)> for Fields<T> {
    fn extend<I: IntoIterator<Item = (String, T)>>(&mut self, items: I) {
        self.0.extend(items);
        self.settle();
    }
}

impl<T: Default> FromIterator<(String, T)> for Fields<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(items: I) -> Self {
        let mut all = Self::new();
        all.extend(items);
        all
    }
}

impl<T: Default, const N: usize> From<[(String, T); N]> for Fields<T> {
    fn from(items: [(String, T); N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T: FromJson + Default> FromJson for Fields<T> {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        self.0.clear();
        parser.fields(&mut |field, parser| {
            let mut item = T::default();
            item.read(parser).map_err(|unfit| unfit.within(&field))?;
            if self.0.is_empty() {
                self.0.reserve(ROOM);
            }
            // Most often in order, or few.
            if self.0.len() < FEW && self.0.last().is_some_and(|(last, _)| **last >= *field) {
                self.insert(field.into_owned(), item);
            } else {
                self.0.push((field.into_owned(), item));
            }
            Ok(())
        })?;
        if self.0.len() > FEW {
            self.settle();
        }
        Ok(())
    }
}

impl<T: ToJson> ToJson for Fields<T> {
    fn fields(&self, object: &mut Object<'_>) {
        self.iter().for_each(|(field, item)| object.field(field, item));
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Hlc, Stamps, from_json_text, to_json_text};

    #[test]
    fn a_field_has_one_stamp_and_they_stand_by_field() {
        let stamp = |text: &str| text.parse::<Hlc>().expect("a stamp");
        let (old, new) = (stamp("000000000001-0000-c_a"), stamp("000000000002-0000-c_a"));
        let mut stamps = Stamps::from([("b".to_owned(), old.clone()), ("a".to_owned(), old.clone())]);
        stamps.extend([("b".to_owned(), new.clone()), ("c".to_owned(), new.clone())]);
        assert_eq!(
            stamps.iter().map(|(field, stamp)| (field.as_str(), stamp.ms)).collect::<Vec<_>>(),
            [("a", 1), ("b", 2), ("c", 2)]
        );
        assert_eq!((stamps.get("b"), stamps.get("d"), stamps.contains_key("c")), (Some(&new), None, true));
        assert_eq!(from_json_text(to_json_text(&stamps).as_bytes()), Ok(stamps));
        assert_eq!(from_json_text::<Stamps>(br#"{"a":"x"}"#).expect_err("refused").to_string(), "a: not a stamp");
    }

    proptest! {
        #[test]
        fn it_is_a_map(all in proptest::collection::vec(("[a-d]{0,2}", any::<u32>()), 0..12), gone in "[a-d]{0,2}") {
            let mut tree: std::collections::BTreeMap<String, u32> = all.iter().cloned().collect();
            let mut collected: Fields<u32> = all.iter().cloned().collect();
            let mut inserted = Fields::new();
            all.iter().cloned().for_each(|(field, item)| inserted.insert(field, item));
            let pairs: Vec<String> = all.iter().map(|(field, item)| format!("\"{field}\":{item}")).collect();
            prop_assert_eq!(from_json_text(format!("{{{}}}", pairs.join(",")).as_bytes()), Ok(inserted.clone()));
            prop_assert_eq!(&collected, &inserted);
            tree.remove(&gone);
            collected.remove(&gone);
            prop_assert!(collected.iter().eq(&tree));
        }
    }
}

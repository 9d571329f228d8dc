//! When each field was last written.

use crate::{Data, FromJson, Hlc, Object, Parser, ToJson, Unfit};

/// When each field was last written, by field name; a stamp without a field in the data is a removal.
///
/// A sorted list: most records have few fields, and a tree would be larger than all else that is done with stamps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps(Vec<(String, Hlc)>);

impl Stamps {
    /// No stamps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The stamp of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Hlc> {
        self.position(field).ok().map(|at| &self.0[at].1)
    }

    /// Whether a field has a stamp.
    #[must_use]
    pub fn contains_key(&self, field: &str) -> bool {
        self.position(field).is_ok()
    }

    /// Gives a field its stamp.
    pub fn insert(&mut self, field: String, stamp: Hlc) {
        match self.position(&field) {
            Ok(at) => self.0[at].1 = stamp,
            Err(at) => self.0.insert(at, (field, stamp)),
        }
    }

    /// How many fields have one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no field has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fields and stamps, by field.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Hlc)> {
        self.0.iter().map(|(field, stamp)| (field, stamp))
    }

    /// The fields, in order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(field, _)| field)
    }

    /// The stamps, by field.
    pub fn values(&self) -> impl Iterator<Item = &Hlc> {
        self.0.iter().map(|(_, stamp)| stamp)
    }

    /// The stamps, by field, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Hlc> {
        self.0.iter_mut().map(|(_, stamp)| stamp)
    }

    /// Gives every field of `data` that has no stamp this one.
    pub fn spread(&mut self, stamp: &Hlc, data: &Data) {
        for field in data.keys() {
            if !self.contains_key(field) {
                self.insert(field.clone(), stamp.clone());
            }
        }
    }

    /// The stamp that most fields of `data` have, if each has one, and the others: [`Stamps::spread`] brings both together.
    #[must_use]
    pub fn gathered(&self, data: &Data) -> (Option<Hlc>, Self) {
        let is_whole = data.keys().all(|field| self.contains_key(field));
        let count =
            |stamp: &Hlc| self.iter().filter(|(field, other)| *other == stamp && data.contains_key(*field)).count();
        let most = self.values().map(|stamp| (count(stamp), stamp)).filter(|(count, _)| is_whole && *count > 0);
        let stamp = most.max_by_key(|(count, _)| *count).map(|(_, stamp)| stamp);
        let mut others = Vec::new();
        for (field, own) in self.iter() {
            if Some(own) != stamp || !data.contains_key(field) {
                others.push((field.clone(), own.clone()));
            }
        }
        (stamp.cloned(), Self(others))
    }

    fn position(&self, field: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(field))
    }
}

impl Extend<(String, Hlc)> for Stamps {
    fn extend<I: IntoIterator<Item = (String, Hlc)>>(&mut self, stamps: I) {
        stamps.into_iter().for_each(|(field, stamp)| self.insert(field, stamp));
    }
}

impl FromIterator<(String, Hlc)> for Stamps {
    fn from_iter<I: IntoIterator<Item = (String, Hlc)>>(stamps: I) -> Self {
        let mut all = Self::new();
        all.extend(stamps);
        all
    }
}

impl<const N: usize> From<[(String, Hlc); N]> for Stamps {
    fn from(stamps: [(String, Hlc); N]) -> Self {
        stamps.into_iter().collect()
    }
}

impl FromJson for Stamps {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        parser.fields(&mut |field, parser| {
            let mut stamp = Hlc::default();
            stamp.read(parser).map_err(|unfit| unfit.within(&field))?;
            self.insert(field.into_owned(), stamp);
            Ok(())
        })
    }
}

impl ToJson for Stamps {
    fn fields(&self, object: &mut Object<'_>) {
        self.iter().for_each(|(field, stamp)| object.field(field, stamp));
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    use crate::{from_json_text, to_json_text};

    #[test]
    fn the_stamp_of_most_fields_is_said_once_and_none_is_lost() {
        let data = |names: &str| names.chars().map(|name| (name.to_string(), Value::Null)).collect::<Data>();
        let stamps = |each: &str| -> Stamps {
            let each = each.split_whitespace().map(|pair| pair.split_at(1));
            each.map(|(name, ms)| (name.to_owned(), format!("00000000000{ms}-0000-c_a").parse().expect("a stamp")))
                .collect()
        };
        let table = [
            ("abc", "a1 b1 c1", Some(1), ""),
            ("abc", "a1 b2 c2", Some(2), "a1"),
            ("ab", "a1 b1 c1", Some(1), "c1"),
            ("abc", "a1 b1", None, "a1 b1"),
            ("", "a1", None, "a1"),
            ("a", "", None, ""),
        ];
        for (names, all, once, others) in table {
            let (data, all) = (data(names), stamps(all));
            let (stamp, found) = all.gathered(&data);
            assert_eq!((stamp.as_ref().map(|stamp| stamp.ms), &found), (once, &stamps(others)), "{names}");
            let mut again = found;
            if let Some(stamp) = &stamp {
                again.spread(stamp, &data);
            }
            assert_eq!(again, all);
        }
    }

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
}

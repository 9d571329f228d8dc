//! When each field was last written.

use crate::{Data, Fields, Hlc};

/// When each field was last written, by field name; a stamp without a field in the data is a removal.
pub type Stamps = Fields<Hlc>;

impl Stamps {
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
            |stamp: &Hlc| self.iter().filter(|(field, other)| *other == stamp && data.contains_key(field)).count();
        let most = self.values().map(|stamp| (count(stamp), stamp)).filter(|(count, _)| is_whole && *count > 0);
        let stamp = most.max_by_key(|(count, _)| *count).map(|(_, stamp)| stamp);
        let mut others = Self::new();
        for (field, own) in self.iter() {
            if Some(own) != stamp || !data.contains_key(field) {
                others.insert(field.clone(), own.clone());
            }
        }
        (stamp.cloned(), others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

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
}

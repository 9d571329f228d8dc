//! Writes that are not in the log yet, by key; those made since a mark can be taken back.

use std::collections::{BTreeMap, btree_map};
use std::ops::Range;

use crate::encoding::Records;
use crate::key::{Key, KeyRange};
use crate::sorted::SortedMap;

/// Where a value lies in the batch's buffer; `None` is a deletion.
pub(crate) type Word = Option<Range<usize>>;

/// See the module. The values lie in one buffer, so that thousands of them are not thousands of allocations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    words: BTreeMap<Key, Word>,
    values: Vec<u8>,
    keys_bytes: usize,
    mark: Mark,
}

/// What a roll back needs.
#[derive(Clone, Debug, Default)]
struct Mark {
    /// Nothing was there: all of it goes.
    empty: bool,
    values: usize,
    keys_bytes: usize,
    /// What was there before each write since, in their order.
    before: Vec<(Key, Option<Word>)>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { mark: Mark { empty: true, ..Mark::default() }, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Keys and values, those written over included.
    pub(crate) fn bytes(&self) -> usize {
        self.keys_bytes + self.values.len()
    }

    /// [`Self::roll_back`] goes back to here.
    pub(crate) fn set_mark(&mut self) {
        let (empty, values, keys_bytes) = (self.is_empty(), self.values.len(), self.keys_bytes);
        self.mark = Mark { empty, values, keys_bytes, before: Vec::new() };
    }

    /// Takes back what was written since the mark.
    pub(crate) fn roll_back(&mut self) {
        if self.mark.empty {
            self.words.clear();
        }
        let mut added = SortedMap::new();
        for (key, before) in std::mem::take(&mut self.mark.before).into_iter().rev() {
            match before {
                Some(word) => drop(self.words.insert(key, word)),
                None => drop(added.insert(key, ())),
            }
        }
        if !added.is_empty() {
            self.forget(&added);
        }
        self.values.truncate(self.mark.values);
        self.keys_bytes = self.mark.keys_bytes;
    }

    /// The rest becomes another tree, which is rare: to take keys out of one is three kilobytes of code.
    fn forget(&mut self, added: &SortedMap<Key, ()>) {
        let mut rest = BTreeMap::new();
        for (key, word) in &self.words {
            if !added.contains_key(key) {
                rest.insert(Key::clone(key), word.clone());
            }
        }
        self.words = rest;
    }

    pub(crate) fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        let at = self.values.len();
        self.values.extend_from_slice(value.unwrap_or_default());
        let word = value.map(|value| at..at + value.len());
        let key = Key::from(key);
        self.keys_bytes += key.len();
        if self.mark.empty {
            self.words.insert(key, word);
        } else {
            let before = self.words.insert(key.clone(), word);
            self.mark.before.push((key, before));
        }
    }

    pub(crate) fn contains_key(&self, key: &[u8]) -> bool {
        self.words.contains_key(key)
    }

    /// `None` if the key is not here, `Some(None)` if it is deleted here.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.words.get(key).map(|word| self.value(word))
    }

    /// The writes in a range that is not empty.
    pub(crate) fn range(&self, range: &KeyRange) -> btree_map::Range<'_, Key, Word> {
        self.words.range::<[u8], _>(range.bounds())
    }

    pub(crate) fn value(&self, word: &Word) -> Option<&[u8]> {
        word.clone().map(|place| &self.values[place])
    }

    /// In key order, as the log takes them.
    pub(crate) fn to_records(&self) -> Records {
        let mut records = Records::with_capacity(self.words.len(), self.bytes());
        for (key, word) in &self.words {
            records.push(key, self.value(word));
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn writes() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
        prop::collection::vec((0..9_u8, any::<Option<u8>>()), 0..12)
    }

    proptest! {
        #[test]
        fn what_is_taken_back_was_never_there(parts in prop::collection::vec((writes(), any::<bool>()), 0..6)) {
            let mut batch = Batch::new();
            let mut kept = BTreeMap::new();
            for (writes, stays) in parts {
                batch.set_mark();
                for (key, value) in &writes {
                    batch.put(&[*key], value.as_ref().map(std::slice::from_ref));
                }
                match stays {
                    true => kept.extend(writes),
                    false => batch.roll_back(),
                }
                let expected: Records = kept.iter().map(|(key, value)| ([*key], value.map(|value| [value]))).collect();
                prop_assert_eq!(batch.to_records(), expected);
                prop_assert!(kept.keys().all(|key| batch.contains_key(&[*key])));
            }
        }
    }
}

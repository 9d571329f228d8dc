//! Sorted records in one buffer: what a log entry carries, what a block holds, and the form in which memory keeps both.
//!
//! ```text
//!   stored:     count   bytes of all keys and values   record … record
//!     record:   bytes shared with the key before, bytes of its own, value length + 1 (0 is a tombstone), own bytes, value
//!
//!   in memory:  key value key value …                  and a table of where each begins
//! ```
//!
//! A checksum covers the whole, so it is always walked whole once: the keys come out complete, and there are no restart
//! points to look for.

use std::fmt;
use std::ops::Range;

use crate::encoding::{Reader, Writer};
use crate::key::{compare, shared};

/// A record; `None` is a deletion.
pub type Record<'a> = (&'a [u8], Option<&'a [u8]>);

/// Where a record lies.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Spot {
    key: u32,
    value: u32,
    end: u32,
}

/// `end` of a deletion.
const DELETED: u32 = u32::MAX;

/// See the module.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Records {
    bytes: Vec<u8>,
    spots: Vec<Spot>,
}

/// What the buffer of a damaged count may take at once, in times of the stored bytes; more is allocated as it comes.
const EXPANSION_MAX: usize = 8;

impl Records {
    /// None, with room for so many.
    #[must_use]
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), spots: Vec::with_capacity(count) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }

    /// Adds one, whose key is greater than all before. (A batch has them in no order, and asks for none.)
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.add(key, &[], value);
    }

    /// All, in key order.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).map(|index| self.record(index))
    }

    /// What they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len() + self.spots.len() * size_of::<Spot>()
    }

    /// The record at `index`, which is below [`Self::len`].
    pub(crate) fn record(&self, index: usize) -> Record<'_> {
        let spot = self.spots[index];
        let value = (spot.end != DELETED).then(|| &self.bytes[spot.value as usize..spot.end as usize]);
        (&self.bytes[spot.key as usize..spot.value as usize], value)
    }

    pub(crate) fn key(&self, index: usize) -> &[u8] {
        self.record(index).0
    }

    /// The first index whose key is not below `key`.
    pub(crate) fn lower_bound(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if compare(self.key(middle), key).is_lt() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where `key` is, if it is here.
    pub(crate) fn position(&self, key: &[u8]) -> Option<usize> {
        let index = self.lower_bound(key);
        (index < self.len() && self.key(index) == key).then_some(index)
    }

    /// `None` if the key is not here, `Some(None)` if it is deleted here.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.position(key).map(|index| self.record(index).1)
    }

    /// The first and the last index in `from..until`, if any record is in it.
    pub(crate) fn inside(&self, from: &[u8], until: Option<&[u8]>) -> Option<(usize, usize)> {
        let first = self.lower_bound(from);
        let end = until.map_or(self.len(), |until| self.lower_bound(until));
        (first < end).then(|| (first, end - 1))
    }

    /// How many of the first take no more than so many bytes in memory, and one beyond them.
    pub(crate) fn count_within(&self, bytes: usize) -> usize {
        let before = |index: usize| self.spots[index].key as usize + index * size_of::<Spot>();
        (0..self.len()).take_while(|index| before(*index) < bytes).count()
    }

    /// Takes out all from `count` on.
    pub(crate) fn truncate(&mut self, count: usize) {
        if let Some(spot) = self.spots.get(count) {
            self.bytes.truncate(spot.key as usize);
            self.spots.truncate(count);
        }
    }

    /// Takes out all before `index`.
    pub(crate) fn drop_before(&mut self, index: usize) {
        let mut rest = Self::with_capacity(self.len(), self.bytes.len());
        for index in index..self.len() {
            let (key, value) = self.record(index);
            rest.push(key, value);
        }
        *self = rest;
    }

    /// Writes some of them.
    pub(crate) fn write(&self, which: Range<usize>, writer: &mut Writer) {
        let at = |index: usize| self.spots.get(index).map_or(self.bytes.len(), |spot| spot.key as usize);
        writer.number(which.len() as u64);
        writer.number((at(which.end) - at(which.start)) as u64);
        let mut before: &[u8] = &[];
        for index in which {
            let (key, value) = self.record(index);
            let shared = shared(before, key);
            writer.number(shared as u64);
            writer.number((key.len() - shared) as u64);
            writer.number(value.map_or(0, |value| value.len() as u64 + 1));
            writer.raw(&key[shared..]);
            writer.raw(value.unwrap_or_default());
            before = key;
        }
    }

    /// Adds what was written, or what of it stands before the damage, if [`Reader::end`] then tells of any.
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>) {
        let count = reader.count();
        let bytes = reader.number_u32() as usize;
        let until = self.bytes.len().saturating_add(bytes);
        self.bytes.reserve(bytes.min(reader.rest() * EXPANSION_MAX));
        self.spots.reserve(count);
        for _ in 0..count {
            let (shared, own, value) = (reader.length(), reader.length(), reader.length());
            let own = reader.raw(own);
            let value = value.checked_sub(1).map(|len| reader.raw(len));
            if let Some(wrong) = self.wrong_next(shared, own) {
                reader.fail(wrong);
            }
            if reader.has_failed() {
                break;
            }
            let before = self.spots.last().map_or(0, |spot| spot.key as usize);
            self.add_after(before..before + shared, own, value);
            // Keys that share all with those before could stand for endless memory.
            if self.bytes.len() > until {
                reader.fail("the records are longer than it says");
            }
        }
    }

    /// A key shares with the one before no more than that has, and is greater than it.
    fn wrong_next(&self, shared: usize, own: &[u8]) -> Option<&'static str> {
        let Some(last) = self.len().checked_sub(1) else {
            return (shared > 0).then_some("the first key shares bytes with none");
        };
        let is_next = self.key(last).get(shared..).is_some_and(|rest| compare(rest, own).is_lt());
        (!is_next).then_some("the keys are out of order")
    }

    fn add(&mut self, key: &[u8], more: &[u8], value: Option<&[u8]>) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(more);
        self.end_record(at, value);
    }

    fn add_after(&mut self, shared: std::ops::Range<usize>, own: &[u8], value: Option<&[u8]>) {
        let at = self.bytes.len();
        self.bytes.extend_from_within(shared);
        self.bytes.extend_from_slice(own);
        self.end_record(at, value);
    }

    fn end_record(&mut self, at: usize, value: Option<&[u8]>) {
        let value_at = self.bytes.len();
        self.bytes.extend_from_slice(value.unwrap_or_default());
        let end = if value.is_some() { place(self.bytes.len()) } else { DELETED };
        self.spots.push(Spot { key: place(at), value: place(value_at), end });
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).ok().filter(|at| *at != DELETED).expect("records of one buffer are far below 4 GiB")
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(K, Option<V>)> for Records {
    /// Of records in key order.
    fn from_iter<I: IntoIterator<Item = (K, Option<V>)>>(records: I) -> Self {
        let mut all = Self::default();
        for (key, value) in records {
            all.push(key.as_ref(), value.as_ref().map(AsRef::as_ref));
        }
        all
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::encoding::{DecodeError, Kind};

    fn frame(body: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::new(Kind::Block, 64);
        body(&mut writer);
        writer.finish()
    }

    fn read(frame: &[u8]) -> Result<Records, DecodeError> {
        let mut reader = Reader::open(Kind::Block, frame).unwrap();
        let mut records = Records::default();
        records.read(&mut reader);
        reader.end().map(|()| records)
    }

    #[test]
    fn records_are_found() {
        let records: Records = [("b", Some("1")), ("d", None), ("f", Some(""))].into_iter().collect();
        assert_eq!(records.find(b"b"), Some(Some(&b"1"[..])));
        assert_eq!(records.find(b"d"), Some(None));
        assert_eq!(records.find(b"f"), Some(Some(&b""[..])));
        assert_eq!(records.find(b"a"), None);
        assert_eq!(records.find(b"g"), None);
        assert_eq!(records.inside(b"c", Some(b"f")), Some((1, 1)));
        assert_eq!(records.inside(b"c", None), Some((1, 2)));
        assert_eq!(records.inside(b"c", Some(b"d")), None);
    }

    #[test]
    fn keys_that_begin_alike_are_stored_once() {
        let records: Records = (100..356_u32).map(|n| (format!("a-long-prefix-{n}"), Some("1"))).collect();
        let stored = frame(|writer| records.write(0..records.len(), writer));
        assert!(stored.len() < 256 * 7, "{}", stored.len());
    }

    #[test]
    fn keys_out_of_order_and_lengths_that_lie_are_damage() {
        let two = |shared: u64, own: &[u8]| {
            frame(|writer| {
                [2, 3, 0, 1, 0].into_iter().for_each(|number| writer.number(number));
                writer.raw(b"b");
                [shared, own.len() as u64, 0].into_iter().for_each(|number| writer.number(number));
                writer.raw(own);
            })
        };
        assert_eq!(read(&two(0, b"c")).map(|records| records.len()), Ok(2));
        assert_eq!(read(&two(1, b"c")).map(|records| records.len()), Ok(2));
        for (shared, own) in [(0, &b"a"[..]), (0, b"b"), (0, b""), (1, b""), (2, b"c"), (u64::MAX, b"c")] {
            assert!(matches!(read(&two(shared, own)), Err(DecodeError::Damaged(_))), "{shared} {own:?}");
        }
        let endless =
            frame(|writer| [1, u64::MAX >> 1, 0, u64::MAX >> 1, 0].into_iter().for_each(|n| writer.number(n)));
        assert!(matches!(read(&endless), Err(DecodeError::Damaged(_))));
        let shares_with_none = frame(|writer| [1, 1, 1, 0, 0].into_iter().for_each(|n| writer.number(n)));
        assert!(matches!(read(&shares_with_none), Err(DecodeError::Damaged(_))));
    }

    fn content() -> impl Strategy<Value = BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
        let key = prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(255), any::<u8>()], 0..6);
        prop::collection::btree_map(key, prop::option::of(prop::collection::vec(any::<u8>(), 0..5)), 0..40)
    }

    proptest! {
        #[test]
        fn records_come_back_as_they_went(content in content(), cut in 0..40_usize) {
            let records: Records = content.iter().map(|(key, value)| (key, value.as_ref())).collect();
            let count = cut.min(records.len());
            let back = read(&frame(|writer| records.write(0..count, writer))).unwrap();
            prop_assert!(back.iter().eq(records.iter().take(count)));
            let mut rest = records.clone();
            rest.drop_before(count);
            prop_assert!(rest.iter().eq(records.iter().skip(count)));
            for (key, value) in &content {
                prop_assert_eq!(records.find(key), Some(value.as_deref()));
            }
        }
    }
}

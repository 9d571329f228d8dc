//! Where everything is kept: the layout of the one keyspace.
//!
//! A key is one byte that names its family, then parts that each end by themselves. The mutations are kept apart by the store
//! ([`APART`]): what one says is in the visible record too, and what was parked is there twice, so that no single damage takes both.
//!
//! | family | key | value |
//! |---|---|---|
//! | `r` | collection, id | record |
//! | `i` | collection, index, its columns, id | nothing |
//! | `o` | order | where the mutation is: collection, id |
//! | `q` | mutation id | receipt |
//! | `b` | collection, id | base row |
//! | `p` | mutation id | parked mutation |
//! | `k` | namespace, key | key-value entry |
//! | `c` | scope | checkpoint |
//! | `g` | scope, collection, id | nothing: named by the server during a reset; of a scope with arguments: which reset named it last |
//! | `u` | collection, id | a record that the server lost |
//! | `m` | name | meta: client, clock, counters, lease |
//! | `l`, apart | collection, id, order | `p` pending or `c` confirmed, then the mutation |
//! | `p`, apart | mutation id | the parked mutation again |

use holm_store::{APART, KeyRange};

use crate::keys::{KeyError, after_prefix, push_text, read_text, skip_text};

const RECORD: u8 = b'r';
const INDEX: u8 = b'i';
const OUTBOX: u8 = b'o';
const RECEIPT: u8 = b'q';
const BASE: u8 = b'b';
const PARKED: u8 = b'p';
const KV: u8 = b'k';
const CHECKPOINT: u8 = b'c';
const META: u8 = b'm';
const MEMBER: u8 = b'g';
const ORPHAN: u8 = b'u';
const LANE: u8 = APART | b'l';
const PARKED_AGAIN: u8 = APART | PARKED;

/// The first byte of a lane entry that the server has not acknowledged.
pub const LANE_PENDING: u8 = b'p';

/// The first byte of a lane entry that the server acknowledged and no pull has shown yet.
pub const LANE_CONFIRMED: u8 = b'c';

/// The keys from `start` up to, and without, `end`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first key.
    pub start: Vec<u8>,
    /// The first key after the last.
    pub end: Vec<u8>,
}

impl Span {
    /// The keys that begin with `prefix`.
    #[must_use]
    pub fn of(prefix: Vec<u8>) -> Self {
        let end = after_prefix(&prefix);
        Self { start: prefix, end }
    }

    /// Whether `key` lies within.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && key < self.end.as_slice()
    }

    /// The same keys, as the store speaks of them.
    #[must_use]
    pub fn range(&self) -> KeyRange {
        KeyRange::between(&self.start, &self.end)
    }
}

/// The key of a record.
#[must_use]
pub fn record(collection: &str, id: &str) -> Vec<u8> {
    texts(RECORD, &[collection, id])
}

/// All records of a collection, by id.
#[must_use]
pub fn records(collection: &str) -> Span {
    Span::of(texts(RECORD, &[collection]))
}

/// All records.
#[must_use]
pub fn all_records() -> Span {
    Span::of(vec![RECORD])
}

/// What the keys of one index begin with; its columns and the id follow.
#[must_use]
pub fn index(collection: &str, index: u32) -> Vec<u8> {
    let mut key = texts(INDEX, &[collection]);
    key.extend_from_slice(&index.to_be_bytes());
    key
}

/// All index entries of a collection, of all its indexes.
#[must_use]
pub fn indexes(collection: &str) -> Span {
    Span::of(texts(INDEX, &[collection]))
}

/// The key of a mutation in the outbox.
#[must_use]
pub fn outbox(order: u64) -> Vec<u8> {
    let mut key = vec![OUTBOX];
    key.extend_from_slice(&order.to_be_bytes());
    key
}

/// The outbox from `order` on.
#[must_use]
pub fn outbox_from(order: u64) -> Span {
    Span { start: outbox(order), end: vec![OUTBOX + 1] }
}

/// The key that tells that a mutation concerns a record.
#[must_use]
pub fn lane(collection: &str, id: &str, order: u64) -> Vec<u8> {
    let mut key = texts(LANE, &[collection, id]);
    key.extend_from_slice(&order.to_be_bytes());
    key
}

/// The mutations of a record, in order.
#[must_use]
pub fn lanes_of(collection: &str, id: &str) -> Span {
    Span::of(texts(LANE, &[collection, id]))
}

/// The mutations of a collection's records, by id.
#[must_use]
pub fn lanes_in(collection: &str) -> Span {
    Span::of(texts(LANE, &[collection]))
}

/// All mutations.
#[must_use]
pub fn all_lanes() -> Span {
    Span::of(vec![LANE])
}

/// The key of a mutation's receipt.
#[must_use]
pub fn receipt(mid: &str) -> Vec<u8> {
    texts(RECEIPT, &[mid])
}

/// All receipts.
#[must_use]
pub fn receipts() -> Span {
    Span::of(vec![RECEIPT])
}

/// The key of a record's base row.
#[must_use]
pub fn base(collection: &str, id: &str) -> Vec<u8> {
    texts(BASE, &[collection, id])
}

/// The base rows of a collection, by id.
#[must_use]
pub fn bases_in(collection: &str) -> Span {
    Span::of(texts(BASE, &[collection]))
}

/// Adds where a record and its base stand: what a plan over many records asks for first.
pub fn add_keys(keys: &mut Vec<Vec<u8>>, collection: &str, id: &str) {
    keys.push(record(collection, id));
    keys.push(base(collection, id));
}

/// All base rows.
#[must_use]
pub fn bases() -> Span {
    Span::of(vec![BASE])
}

/// The key of a parked mutation.
#[must_use]
pub fn parked(mid: &str) -> Vec<u8> {
    texts(PARKED, &[mid])
}

/// The key of a copy that is kept apart.
#[must_use]
pub fn copied(mut key: Vec<u8>) -> Vec<u8> {
    key[0] |= APART;
    key
}

/// The copies of all parked mutations.
#[must_use]
pub fn all_parked_again() -> Span {
    Span::of(vec![PARKED_AGAIN])
}

/// All parked mutations.
#[must_use]
pub fn all_parked() -> Span {
    Span::of(vec![PARKED])
}

/// The key of a key-value entry.
#[must_use]
pub fn kv(namespace: &str, key: &str) -> Vec<u8> {
    texts(KV, &[namespace, key])
}

/// All key-value entries of a namespace.
#[must_use]
pub fn kv_in(namespace: &str) -> Span {
    Span::of(texts(KV, &[namespace]))
}

/// All key-value entries.
#[must_use]
pub fn all_kv() -> Span {
    Span::of(vec![KV])
}

/// The key of a scope's checkpoint.
#[must_use]
pub fn checkpoint(scope: &str) -> Vec<u8> {
    texts(CHECKPOINT, &[scope])
}

/// All checkpoints.
#[must_use]
pub fn checkpoints() -> Span {
    Span::of(vec![CHECKPOINT])
}

/// The key that tells that a reset of a scope named a record.
#[must_use]
pub fn member(scope: &str, collection: &str, id: &str) -> Vec<u8> {
    texts(MEMBER, &[scope, collection, id])
}

/// The records of a collection that a reset of a scope named.
#[must_use]
pub fn members_in(scope: &str, collection: &str) -> Span {
    Span::of(texts(MEMBER, &[scope, collection]))
}

/// All records that a reset of a scope named.
#[must_use]
pub fn members(scope: &str) -> Span {
    Span::of(texts(MEMBER, &[scope]))
}

/// The key of a record that the server lost.
#[must_use]
pub fn orphan(collection: &str, id: &str) -> Vec<u8> {
    texts(ORPHAN, &[collection, id])
}

/// All records that the server lost.
#[must_use]
pub fn orphans() -> Span {
    Span::of(vec![ORPHAN])
}

/// The key of a meta entry.
#[must_use]
pub fn meta(name: &str) -> Vec<u8> {
    texts(META, &[name])
}

/// What a key is the key of; index entries tell no more than their collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A record: collection, id.
    Record(String, String),
    /// An index entry: collection.
    Index(String),
    /// A mutation in the outbox: order.
    Outbox(u64),
    /// A record's mutation: collection, id, order.
    Lane(String, String, u64),
    /// A receipt: mutation id.
    Receipt(String),
    /// A base row: collection, id.
    Base(String, String),
    /// A parked mutation, or its copy: mutation id.
    Parked(String),
    /// A key-value entry: namespace, key.
    Kv(String, String),
    /// A checkpoint: scope.
    Checkpoint(String),
    /// A meta entry: name.
    Meta(String),
    /// A member of a scope: scope, collection, id.
    Member(String, String, String),
    /// A record that the server lost: collection, id.
    Orphan(String, String),
}

/// Tells what a key is the key of.
///
/// # Errors
/// [`KeyError`] for bytes that this module does not make.
pub fn parse(key: &[u8]) -> Result<Parsed, KeyError> {
    let (family, mut rest) = key.split_first().ok_or(KeyError)?;
    let rest = &mut rest;
    let parsed = match *family {
        RECORD => Parsed::Record(read_text(rest)?, read_text(rest)?),
        INDEX => return Ok(Parsed::Index(read_text(rest)?)),
        OUTBOX => Parsed::Outbox(read_order(rest)?),
        LANE => Parsed::Lane(read_text(rest)?, read_text(rest)?, read_order(rest)?),
        RECEIPT => Parsed::Receipt(read_text(rest)?),
        BASE => Parsed::Base(read_text(rest)?, read_text(rest)?),
        PARKED | PARKED_AGAIN => Parsed::Parked(read_text(rest)?),
        KV => Parsed::Kv(read_text(rest)?, read_text(rest)?),
        CHECKPOINT => Parsed::Checkpoint(read_text(rest)?),
        META => Parsed::Meta(read_text(rest)?),
        MEMBER => Parsed::Member(read_text(rest)?, read_text(rest)?, read_text(rest)?),
        ORPHAN => Parsed::Orphan(read_text(rest)?, read_text(rest)?),
        _ => return Err(KeyError),
    };
    if rest.is_empty() { Ok(parsed) } else { Err(KeyError) }
}

/// The id in a key whose parts after the first `before` texts begin with it.
pub(crate) fn text_after(key: &[u8], before: usize) -> Result<String, KeyError> {
    let mut rest = key.get(1..).ok_or(KeyError)?;
    for _ in 0..before {
        skip_text(&mut rest)?;
    }
    read_text(&mut rest)
}

fn texts(family: u8, parts: &[&str]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len() + 2).sum::<usize>();
    let mut key = Vec::with_capacity(1 + length + 8);
    key.push(family);
    for part in parts {
        push_text(&mut key, part);
    }
    key
}

fn read_order(bytes: &mut &[u8]) -> Result<u64, KeyError> {
    let (order, rest) = bytes.split_first_chunk::<8>().ok_or(KeyError)?;
    *bytes = rest;
    Ok(u64::from_be_bytes(*order))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_tells_what_it_is(a in "[a\0\u{ff}]{0,3}", b in any::<String>(), order in any::<u64>()) {
            let (one, two) = (a.clone(), b.clone());
            prop_assert_eq!(text_after(&lane(&a, &b, order), 1), Ok(two.clone()));
            prop_assert_eq!(parse(&record(&a, &b)), Ok(Parsed::Record(one.clone(), two.clone())));
            prop_assert_eq!(parse(&index(&a, 7)), Ok(Parsed::Index(one.clone())));
            prop_assert_eq!(parse(&outbox(order)), Ok(Parsed::Outbox(order)));
            prop_assert_eq!(parse(&lane(&a, &b, order)), Ok(Parsed::Lane(one.clone(), two.clone(), order)));
            prop_assert_eq!(parse(&receipt(&b)), Ok(Parsed::Receipt(two.clone())));
            prop_assert_eq!(parse(&base(&a, &b)), Ok(Parsed::Base(one.clone(), two.clone())));
            prop_assert_eq!(parse(&parked(&b)), Ok(Parsed::Parked(two.clone())));
            prop_assert_eq!(parse(&copied(parked(&b))), Ok(Parsed::Parked(two.clone())));
            prop_assert_eq!(parse(&kv(&a, &b)), Ok(Parsed::Kv(one.clone(), two.clone())));
            prop_assert_eq!(parse(&checkpoint(&b)), Ok(Parsed::Checkpoint(two.clone())));
            prop_assert_eq!(parse(&member(&a, &b, &a)), Ok(Parsed::Member(one.clone(), two.clone(), one)));
            prop_assert_eq!(parse(&orphan(&a, &b)), Ok(Parsed::Orphan(a.clone(), two.clone())));
            prop_assert_eq!(parse(&meta(&b)), Ok(Parsed::Meta(two)));
        }

        #[test]
        fn a_collection_does_not_see_into_its_neighbour(a in "[a\0]{0,3}", b in "[a\0]{0,3}", id in any::<String>()) {
            prop_assert_eq!(records(&a).contains(&record(&b, &id)), a == b);
            prop_assert_eq!(lanes_of(&a, &id).contains(&lane(&b, &id, 1)), a == b);
            prop_assert_eq!(lanes_in(&a).contains(&lane(&b, &id, 1)), a == b);
            prop_assert_eq!(indexes(&a).contains(&index(&b, 3)), a == b);
            prop_assert_eq!(kv_in(&a).contains(&kv(&b, &id)), a == b);
            prop_assert_eq!(members(&a).contains(&member(&b, &id, &id)), a == b);
            prop_assert_eq!(members_in("s", &a).contains(&member("s", &b, &id)), a == b);
        }

        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = parse(&bytes);
            let _ = text_after(&bytes, 1);
        }
    }

    #[test]
    fn the_outbox_keeps_its_order() {
        assert!(outbox(255) < outbox(256));
        assert!(outbox_from(256).contains(&outbox(u64::MAX)) && !outbox_from(256).contains(&outbox(255)));
    }
}

//! Sorts many keys that begin alike: no byte is looked at twice where it does not tell them apart (Jon Bentley and Robert
//! Sedgewick, "Fast algorithms for sorting and searching strings", 1997), seven bytes at a time.

use std::cmp::Ordering;

use crate::encoding::Records;

/// So many bytes of a key, and how many of them it has.
const PART_BYTES: usize = 7;

/// A key that is to be sorted, and a part of it.
struct Item {
    part: u64,
    position: u32,
}

/// The positions in the order of their keys, no two of which are equal.
pub(super) fn sort_by_key(positions: impl Iterator<Item = u32>, keys: &Records) -> Vec<u32> {
    let item = |position: u32, depth: usize| Item { part: part(keys.key(position as usize), depth), position };
    let mut items: Vec<Item> = positions.map(|position| item(position, 0)).collect();
    // Items whose keys are equal up to a depth; a list, since how deep a recursion goes would be up to whoever chooses keys.
    let mut groups = vec![(0, items.len(), 0)];
    while let Some((from, until, depth)) = groups.pop() {
        let group = &mut items[from..until];
        let Some(pivot) = pivot(group) else { continue };
        let (less, more) = split(group, pivot);
        groups.push((from, from + less, depth));
        groups.push((from + more, until, depth));
        if pivot & 0xFF == PART_BYTES as u64 {
            let deeper = depth + PART_BYTES;
            group[less..more].iter_mut().for_each(|same| *same = item(same.position, deeper));
            groups.push((from + less, from + more, deeper));
        }
    }
    items.into_iter().map(|item| item.position).collect()
}

/// Seven bytes from a depth on, then how many of them are there: a key that ends sorts before those that go on.
fn part(key: &[u8], depth: usize) -> u64 {
    let rest = key.get(depth..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk() {
        return u64::from_be_bytes(*bytes) & !0xFF | PART_BYTES as u64;
    }
    let length = rest.len().min(PART_BYTES);
    let mut part = [0; 8];
    part[..length].copy_from_slice(&rest[..length]);
    part[PART_BYTES] = length as u8;
    u64::from_be_bytes(part)
}

/// The middle one of three, if there is more than one item.
fn pivot(group: &[Item]) -> Option<u64> {
    let [first, .., last] = group else { return None };
    let (one, two, three) = (first.part, group[group.len() / 2].part, last.part);
    Some(one.min(two).max(one.max(two).min(three)))
}

/// Brings those below the pivot to the front and those above it to the end; gives where those like it begin and end.
fn split(group: &mut [Item], pivot: u64) -> (usize, usize) {
    let (mut less, mut at, mut more) = (0, 0, group.len());
    while at < more {
        match group[at].part.cmp(&pivot) {
            Ordering::Less => {
                group.swap(less, at);
                less += 1;
                at += 1;
            }
            Ordering::Equal => at += 1,
            Ordering::Greater => {
                more -= 1;
                group.swap(at, more);
            }
        }
    }
    (less, more)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(
            keys in prop::collection::hash_set(prop::collection::vec(0..2_u8, 0..20), 0..200),
            prefix in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let keys: Vec<Vec<u8>> = keys.into_iter().map(|key| [prefix.clone(), key].concat()).collect();
            let mut records = Records::default();
            keys.iter().for_each(|key| records.push(key, None));
            let sorted = sort_by_key(0..keys.len() as u32, &records);
            prop_assert!(sorted.is_sorted_by(|one, two| keys[*one as usize] < keys[*two as usize]));
            prop_assert_eq!(sorted.len(), keys.len());
        }
    }
}

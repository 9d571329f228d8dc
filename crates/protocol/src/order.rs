//! Sorting, compiled once: positions are merged in order, whatever it is that lies there.

use std::cmp::Ordering;

/// The positions below `count` in the order that `compare` gives them; those it takes for equal in their own.
#[must_use]
pub fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..count).collect();
    let mut run = 1;
    while run < count {
        let mut merged = Vec::with_capacity(count);
        for pair in positions.chunks(2 * run) {
            let (mut left, mut right) = pair.split_at(run.min(pair.len()));
            while let ([first, left_rest @ ..], [second, right_rest @ ..]) = (left, right) {
                if compare(*second, *first).is_lt() {
                    merged.push(*second);
                    right = right_rest;
                } else {
                    merged.push(*first);
                    left = left_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        positions = merged;
        run *= 2;
    }
    positions
}

/// Sorts what is cheap to take out and put back; equal ones stay in their order.
pub fn sort<T: Default>(items: &mut Vec<T>, compare: &dyn Fn(&T, &T) -> Ordering) {
    let sorted = order(items.len(), &|left, right| compare(&items[left], &items[right]));
    let mut taken = Vec::with_capacity(items.len());
    for position in sorted {
        taken.push(std::mem::take(&mut items[position]));
    }
    *items = taken;
}

/// Sorts keys.
pub fn sort_keys(keys: &mut Vec<Vec<u8>>) {
    sort(keys, &Ord::cmp);
}

/// Sorts keys, and leaves each once.
pub fn sort_distinct(keys: &mut Vec<Vec<u8>>) {
    sort_keys(keys);
    keys.dedup();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(items in proptest::collection::vec((0..9_u8, any::<u8>()), 0..70)) {
            let (mut ours, mut known) = (items.clone(), items);
            sort(&mut ours, &|left, right| left.0.cmp(&right.0));
            known.sort_by_key(|item| item.0);
            prop_assert_eq!(ours, known);
        }
    }

    #[test]
    fn equal_ones_stay_in_their_order() {
        let words = ["b", "a", "b", "a"];
        assert_eq!(order(4, &|left, right| words[left].cmp(words[right])), [1, 3, 0, 2]);
        let mut keys = vec![vec![2], vec![], vec![1], vec![2]];
        sort_distinct(&mut keys);
        assert_eq!(keys, [vec![], vec![1], vec![2]]);
    }
}

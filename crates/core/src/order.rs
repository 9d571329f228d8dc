//! Sorting, compiled once: positions are sorted, whatever it is that lies there.

use std::cmp::Ordering;

/// The positions below `count` in the order that `compare` gives them; those it takes for equal in their own.
pub(crate) fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..count).collect();
    positions.sort_unstable_by(|left, right| compare(*left, *right).then(left.cmp(right)));
    positions
}

/// Sorts keys.
pub(crate) fn sort_keys(keys: &mut Vec<Vec<u8>>) {
    let sorted = order(keys.len(), &|left, right| keys[left].cmp(&keys[right]));
    *keys = sorted.into_iter().map(|position| std::mem::take(&mut keys[position])).collect();
}

/// Sorts keys, and leaves each once.
pub(crate) fn sort_distinct(keys: &mut Vec<Vec<u8>>) {
    sort_keys(keys);
    keys.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ones_stay_in_their_order() {
        let words = ["b", "a", "b", "a"];
        assert_eq!(order(4, &|left, right| words[left].cmp(words[right])), [1, 3, 0, 2]);
        let mut keys = vec![vec![2], vec![], vec![1], vec![2]];
        sort_distinct(&mut keys);
        assert_eq!(keys, [vec![], vec![1], vec![2]]);
    }
}

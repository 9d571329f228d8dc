//! Which write of a key was its last: a table of positions by hash, probed one slot after another.

use crate::encoding::Records;
use crate::filter::KeyHash;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Latest {
    /// The hash of each write's key.
    hashes: Vec<KeyHash>,
    /// Positions from 1 on; 0 is free. A power of two, at least twice as many as there are keys.
    slots: Vec<u32>,
    /// How many writes are not the last of their keys.
    written_over: usize,
}

const SLOTS_MIN: usize = 16;

impl Latest {
    /// Takes the last of `writes`, whose key has this hash.
    pub(super) fn add(&mut self, hash: KeyHash, writes: &Records) {
        self.hashes.push(hash);
        if self.slots.len() < 2 * self.hashes.len() {
            return self.begin_again(self.hashes.len(), writes);
        }
        self.enter(self.hashes.len() - 1, writes);
    }

    /// Where the last write of a key is.
    pub(super) fn find(&self, key: &[u8], hash: KeyHash, writes: &Records) -> Option<usize> {
        if self.slots.is_empty() { None } else { self.position(self.slot(key, hash, writes)) }
    }

    /// Forgets all but the first `count`.
    pub(super) fn begin_again(&mut self, count: usize, writes: &Records) {
        self.hashes.truncate(count);
        self.slots = vec![0; (2 * count).next_power_of_two().max(SLOTS_MIN) * 2];
        self.written_over = 0;
        (0..count).for_each(|position| self.enter(position, writes));
    }

    /// The writes from `first` on that are the last of their keys.
    pub(super) fn of<'a>(&'a self, first: usize, writes: &'a Records) -> impl Iterator<Item = u32> + 'a {
        let is_last =
            move |position: usize| self.find(writes.key(position), self.hashes[position], writes) == Some(position);
        let all = (0..).zip(0..self.hashes.len()).skip(first);
        all.filter(move |(_, position)| self.written_over == 0 || is_last(*position)).map(|(position, _)| position)
    }

    fn enter(&mut self, position: usize, writes: &Records) {
        let slot = self.slot(writes.key(position), self.hashes[position], writes);
        self.written_over += usize::from(self.slots[slot] != 0);
        self.slots[slot] = u32::try_from(position + 1).expect("a batch has far fewer than 2^32 writes");
    }

    /// The slot of a key, or the free one where it would be.
    fn slot(&self, key: &[u8], hash: KeyHash, writes: &Records) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash.bits() & mask;
        while let Some(position) = self.position(slot) {
            if self.hashes[position] == hash && writes.key(position) == key {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn position(&self, slot: usize) -> Option<usize> {
        (self.slots[slot] as usize).checked_sub(1)
    }
}

//! Which keys are certainly not in a list: most keys that a writer asks for are new.
//!
//! A Bloom filter (Bloom 1970) with two bits per key out of 8 to 16: one key in thirty is looked for in vain.

/// A key's hash, made once for all who ask: of eight bytes at a time, as Firefox does it (Fx).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyHash(u32);

impl KeyHash {
    pub(crate) fn of(key: &[u8]) -> Self {
        let (words, rest) = key.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let mix = |hash: u64, word: &[u8; 8]| {
            (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x517c_c1b7_2722_0a95)
        };
        Self((mix(words.iter().fold(key.len() as u64, mix), &last) >> 32) as u32)
    }

    /// For whoever takes some of them.
    pub(crate) fn bits(self) -> usize {
        self.0 as usize
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Filter(Vec<u32>);

impl Filter {
    /// Room for so many keys.
    pub(crate) fn new(count: usize) -> Self {
        Self(vec![0; (count / 4).next_power_of_two()])
    }

    pub(crate) fn add(&mut self, hash: KeyHash) {
        for (word, bit) in self.bits(hash) {
            self.0[word] |= bit;
        }
    }

    pub(crate) fn may_hold(&self, hash: KeyHash) -> bool {
        self.bits(hash).iter().all(|(word, bit)| self.0[*word] & bit != 0)
    }

    fn bits(&self, KeyHash(hash): KeyHash) -> [(usize, u32); 2] {
        let mask = self.0.len() - 1;
        // The low bits of the hash's second half are as good as those of its first.
        [hash, hash.rotate_left(16).wrapping_mul(0x9e37_79b1)]
            .map(|hash| ((hash >> 5) as usize & mask, 1 << (hash & 31)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_held_and_little_else() {
        for count in [1_u32, 3, 100, 2_500, 40_000] {
            let key = |n: u32| KeyHash::of(format!("places/{n:07}").as_bytes());
            let mut filter = Filter::new(count as usize);
            (0..count).for_each(|n| filter.add(key(n)));
            assert!((0..count).all(|n| filter.may_hold(key(n))));
            let in_vain = (count..count + 10_000).filter(|n| filter.may_hold(key(*n))).count();
            assert!(in_vain < 900, "{in_vain} of 10,000 beside {count}");
        }
    }
}

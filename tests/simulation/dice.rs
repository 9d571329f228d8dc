//! All randomness of a simulation: one seed, many independent streams.

use std::cell::RefCell;
use std::rc::Rc;

use holm_store::Random;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of random numbers. Cloning shares it.
#[derive(Clone)]
pub struct Dice(Rc<RefCell<ChaCha8Rng>>);

impl Dice {
    /// The first stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    /// A stream of its own, drawn from this one.
    pub fn split(&self) -> Self {
        Self(Rc::new(RefCell::new(ChaCha8Rng::from_seed(self.seed()))))
    }

    /// 256 random bits.
    pub fn seed(&self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.borrow_mut().fill_bytes(&mut seed);
        seed
    }

    /// A stream of its own, as a source of bytes.
    pub fn random(&self) -> Random {
        let stream = self.split();
        Rc::new(move |bytes| stream.0.borrow_mut().fill_bytes(bytes))
    }

    /// A number below `end`, which is not 0.
    pub fn below(&self, end: u64) -> u64 {
        self.0.borrow_mut().next_u64() % end
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in so many of 1,000 cases.
    pub fn permille(&self, rate: u64) -> bool {
        self.below(1_000) < rate
    }

    /// One of some.
    pub fn one_of<'a, T>(&self, some: &'a [T]) -> &'a T {
        &some[self.below(some.len() as u64) as usize]
    }
}

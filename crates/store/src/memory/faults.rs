//! Which operation of a handle fails, and how.

use crate::random::Random;
use crate::sorted::SortedMap;

/// The operations of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`crate::Disk::load`].
    Load,
    /// [`crate::Disk::append`].
    Append,
    /// [`crate::Disk::read_blocks`].
    ReadBlocks,
    /// [`crate::Disk::write_blocks`].
    WriteBlocks,
    /// [`crate::Disk::publish`].
    Publish,
    /// [`crate::Disk::list_blocks`].
    ListBlocks,
    /// [`crate::Disk::drop_blocks`].
    DropBlocks,
}

impl Operation {
    /// Whether it changes what is stored.
    #[must_use]
    pub fn writes(self) -> bool {
        !matches!(self, Self::Load | Self::ReadBlocks | Self::ListBlocks)
    }
}

/// What happens instead of, or around, one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The transaction aborts: nothing is written.
    Abort,
    /// The quota is reached: nothing is written. A read aborts.
    Full,
    /// The storage cannot be reached: nothing is written.
    Unavailable,
    /// Somebody was first, so it says: nothing is written. A read, which cannot be stale, aborts.
    Stale,
    /// The process dies before the operation: neither it nor any later call of this handle ever answers.
    CrashBefore,
    /// The process dies after the operation took effect: neither it nor any later call ever answers.
    CrashAfter,
    /// It takes effect, and the caller hears that nobody knows.
    UnknownApplied,
    /// It takes no effect, and the caller hears that nobody knows.
    UnknownLost,
    /// It waits for so many turns of the executor, then takes effect.
    Slow(u32),
}

/// Out of 1,000 operations, how many have each fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FaultRates {
    /// [`Fault::Abort`].
    pub abort: u16,
    /// [`Fault::Full`].
    pub full: u16,
    /// [`Fault::Stale`].
    pub stale: u16,
    /// [`Fault::CrashBefore`] and [`Fault::CrashAfter`], half each.
    pub crash: u16,
    /// [`Fault::UnknownApplied`] and [`Fault::UnknownLost`], half each.
    pub unknown: u16,
    /// [`Fault::Slow`], by 1 to 8 turns.
    pub slow: u16,
}

/// The faults of one handle: those laid on a given operation, and those drawn.
#[derive(Default)]
pub(super) struct Faults {
    done: u64,
    planned: SortedMap<u64, Fault>,
    next_of: Vec<(Operation, Fault)>,
    drawn: Option<(Random, FaultRates)>,
}

impl Faults {
    pub(super) fn plan(&mut self, from_now: u64, fault: Fault) {
        self.planned.insert(self.done + from_now, fault);
    }

    pub(super) fn plan_next(&mut self, operation: Operation, fault: Fault) {
        self.next_of.push((operation, fault));
    }

    pub(super) fn draw_from(&mut self, random: Random, rates: FaultRates) {
        self.drawn = Some((random, rates));
    }

    pub(super) fn clear(&mut self) {
        *self = Self { done: self.done, ..Self::default() };
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Counts an operation and says what happens to it.
    pub(super) fn next(&mut self, operation: Operation) -> Option<Fault> {
        let number = self.done;
        self.done += 1;
        if let Some(fault) = self.planned.remove(&number) {
            return Some(fault);
        }
        if let Some(position) = self.next_of.iter().position(|(planned, _)| *planned == operation) {
            return Some(self.next_of.remove(position).1);
        }
        let (random, rates) = self.drawn.as_ref()?;
        draw(random, *rates)
    }
}

fn draw(random: &Random, rates: FaultRates) -> Option<Fault> {
    let mut drawn = [0; 6];
    random(&mut drawn);
    let [coin, turns, a, b, c, d] = drawn;
    let first = coin.is_multiple_of(2);
    let turns = u32::from(turns) % 8 + 1;
    let mut point = u16::try_from(u32::from_le_bytes([a, b, c, d]) % 1_000).expect("below 1,000");
    let table = [
        (rates.abort, Fault::Abort),
        (rates.full, Fault::Full),
        (rates.stale, Fault::Stale),
        (rates.crash, if first { Fault::CrashBefore } else { Fault::CrashAfter }),
        (rates.unknown, if first { Fault::UnknownApplied } else { Fault::UnknownLost }),
        (rates.slow, Fault::Slow(turns)),
    ];
    for (rate, fault) in table {
        if point < rate {
            return Some(fault);
        }
        point -= rate;
    }
    None
}

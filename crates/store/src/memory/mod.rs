//! A disk and locks in memory, with every fault that a disk can have, at any operation.

mod disk;
mod faults;
mod locks;

pub use disk::MemoryDisk;
pub use faults::{Fault, FaultRates, Operation};
pub use locks::{HeldLock, MemoryLocks};

//! A disk and locks in memory; and, for tests, every fault that a disk can have, at any operation.

mod disk;
mod faults;
mod faulty;
mod locks;

pub use disk::MemoryDisk;
pub use faults::{Fault, FaultRates, Operation};
pub use faulty::FaultyDisk;
pub use locks::MemoryLocks;

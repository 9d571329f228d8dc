//! The engine as an app and a leader use it: the real store on a disk in memory, and a server that says what the test
//! wants it to say.

mod bench;
mod calls;
mod clock;
mod coalesce;
mod deleted;
mod durability;
mod evict;
mod first_sync;
mod kept;
mod local;
mod opening;
mod policies;
mod refusals;
mod salvage;
mod stuck;
mod sync;
mod transactions;
mod way;
mod ways;

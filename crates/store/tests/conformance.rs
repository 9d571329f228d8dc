//! The disks in memory keep every rule of a disk.

use futures_executor::block_on;
use holm_store::conformance::{self, Stand};
use holm_store::{FaultyDisk, MemoryDisk};

struct Memory;

impl Stand for Memory {
    type Disk = MemoryDisk;

    async fn fresh(&self) -> MemoryDisk {
        MemoryDisk::new()
    }

    async fn another(&self, disk: &MemoryDisk) -> MemoryDisk {
        disk.clone()
    }
}

struct Faulty;

impl Stand for Faulty {
    type Disk = FaultyDisk;

    async fn fresh(&self) -> FaultyDisk {
        FaultyDisk::new()
    }

    async fn another(&self, disk: &FaultyDisk) -> FaultyDisk {
        disk.reopen()
    }
}

#[test]
fn the_disks_in_memory_conform() {
    for names in [block_on(conformance::run(&Memory)), block_on(conformance::run(&Faulty))] {
        assert_eq!(names.len(), 17, "{names:?}");
    }
}

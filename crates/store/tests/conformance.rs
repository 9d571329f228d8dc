//! The disk in memory keeps every rule of a disk.

use holm_store::MemoryDisk;
use holm_store::conformance::{self, Stand};

struct Memory;

impl Stand for Memory {
    type Disk = MemoryDisk;

    async fn fresh(&self) -> MemoryDisk {
        MemoryDisk::new()
    }

    async fn another(&self, disk: &MemoryDisk) -> MemoryDisk {
        disk.reopen()
    }
}

#[test]
fn the_disk_in_memory_conforms() {
    let names = futures_executor::block_on(conformance::run(&Memory));
    assert_eq!(names.len(), 15, "{names:?}");
}

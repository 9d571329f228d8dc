//! CRC-32 as in Ethernet and gzip (ISO 3309), eight bytes at a time (Michael Kounavis and Frank Berry, "slicing-by-8", 2005).

/// The polynomial, its bits turned round.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// What a byte makes of the sum when so many others follow it in a step.
type Tables = [[u32; 256]; 8];

thread_local! {
    /// 8 KB, made when they are first needed: in the download no compression would make them smaller.
    static TABLES: Box<Tables> = Box::new(tables());
}

fn tables() -> Tables {
    let mut tables = [[0; 256]; 8];
    for (byte, first) in (0..).zip(&mut tables[0]) {
        *first = (0..8).fold(byte, |sum: u32, _| sum >> 1 ^ (POLYNOMIAL & (sum & 1).wrapping_neg()));
    }
    for followers in 1..8 {
        for byte in 0..256 {
            let before = tables[followers - 1][byte];
            tables[followers][byte] = before >> 8 ^ tables[0][before as usize & 0xFF];
        }
    }
    tables
}

pub(super) fn checksum(bytes: &[u8]) -> u32 {
    TABLES.with(|tables| {
        let (steps, rest) = bytes.as_chunks::<8>();
        let mut sum = u32::MAX;
        for step in steps {
            let mixed = u64::from_le_bytes(*step) ^ u64::from(sum);
            sum = 0;
            for (table, byte) in tables.iter().rev().zip(mixed.to_le_bytes()) {
                sum ^= table[usize::from(byte)];
            }
        }
        for byte in rest {
            sum = sum >> 8 ^ tables[0][usize::from(sum as u8 ^ byte)];
        }
        !sum
    })
}

#[cfg(test)]
mod tests {
    use crc::{CRC_32_ISO_HDLC, Crc};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sums_up_as_others_do(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(checksum(&bytes), Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&bytes));
        }
    }
}

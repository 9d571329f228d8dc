//! The fence: which format and app schema the store has been taken to.

use std::fmt;

/// The shape of the bytes and of the app's data; every entry carries its writer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// The format of the engine's own keys and values.
    pub format: u32,
    /// The version of the app's schema.
    pub schema: u32,
}

impl Fence {
    /// Whether something with this fence is beyond code that knows `known`: either part is greater.
    #[must_use]
    pub fn exceeds(self, known: Self) -> bool {
        self.format > known.format || self.schema > known.schema
    }

    /// Each part the greater of the two.
    #[must_use]
    pub fn highest(self, other: Self) -> Self {
        Self { format: self.format.max(other.format), schema: self.schema.max(other.schema) }
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "format {}, schema {}", self.format, self.schema)
    }
}

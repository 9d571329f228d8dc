//! Ids and numbers with a meaning.

use std::fmt;

use crate::{FromJson, Parser, ToJson, Unfit};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromJson for $name {
            fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
                self.0.read(parser)
            }
        }

        impl ToJson for $name {
            fn write(&self, text: &mut String) {
                self.0.write(text);
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id!(
    /// One installation of the app, to one server: `c_` and 32 hexadecimal digits.
    ClientId
);
text_id!(
    /// The identity of a mutation: 128 random bits as 32 hexadecimal digits, and `-k` for the k-th of one call (from 1).
    MutationId
);
text_id!(
    /// A server's name for one state of a record. Opaque: compared for equality only.
    Revision
);

/// A mutation's position in its client's order, from 1. 0 is "none yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl FromJson for Seq {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        self.0.read(parser)
    }
}

impl ToJson for Seq {
    fn write(&self, text: &mut String) {
        self.0.write(text);
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! A text looked for in others: bytes are compared from its end, and steps are as wide as its own bytes allow (Horspool,
//! "Practical fast searching in strings", 1980).

/// A text to look for.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Needle {
    text: Vec<u8>,
    /// How far to go on when a byte stands where the last one should: to where the needle has it too.
    steps: Box<[u8; 256]>,
}

impl std::fmt::Debug for Needle {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(to)
    }
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        let widest = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let mut steps = Box::new([widest; 256]);
        for (position, byte) in text.iter().enumerate().take(text.len().saturating_sub(1)) {
            steps[usize::from(*byte)] = u8::try_from(text.len() - 1 - position).unwrap_or(u8::MAX);
        }
        Self { text, steps }
    }

    /// Whether the text is somewhere in these bytes.
    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        let Some(last) = self.text.len().checked_sub(1) else { return true };
        let mut end = last;
        while let Some(byte) = bytes.get(end) {
            if *byte == self.text[last] && bytes[end - last..=end] == *self.text {
                return true;
            }
            end += usize::from(self.steps[usize::from(*byte)]);
        }
        false
    }

    /// Whether a record whose JSON text lacks these bytes has the text nowhere: true of what JSON writes as it is.
    pub(super) fn stands_as_it_is(&self) -> bool {
        !self.text.iter().any(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Needle;

    proptest! {
        #[test]
        fn it_finds_what_the_library_finds(text in "[abä]{0,12}", needle in "[abä]{0,4}", long in "[ab]{0,600}") {
            prop_assert_eq!(Needle::new(&needle).is_in(text.as_bytes()), text.contains(&needle));
            let around = format!("{text}{long}{text}");
            prop_assert!(Needle::new(&long).is_in(around.as_bytes()));
            prop_assert_eq!(Needle::new(&format!("{long}a")).is_in(around.as_bytes()), around.contains(&format!("{long}a")));
        }
    }
}

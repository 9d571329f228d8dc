//! Which mutation is it that no request gets through with? Ever shorter prefixes tell (`docs/protocol.md`, never stuck).

/// So many times a push must fail, with a pull that succeeds after each, before less is sent.
const STRIKES: u8 = 3;

/// What is suspected of the mutations that go next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// How many mutations the last push had, where it failed and no pull has succeeded since.
    failed: u16,
    strikes: u8,
    prefix: u16,
}

impl Default for Doubt {
    fn default() -> Self {
        Self { failed: 0, strikes: 0, prefix: u16::MAX }
    }
}

impl Doubt {
    /// How many mutations go at most. None at all: the first is the one, and is skipped.
    #[must_use]
    pub(super) fn prefix(self) -> usize {
        self.prefix.into()
    }

    /// The server was reached, and made nothing of so many mutations; of none, where the failure was another.
    pub(super) fn push_failed(&mut self, mutations: u16) {
        self.failed = mutations;
    }

    /// The server answered: what failed before was not for want of it.
    pub(super) fn pull_succeeded(&mut self) {
        if self.failed > 0 {
            self.strikes += 1;
            if self.strikes >= STRIKES {
                self.strikes = STRIKES;
                self.prefix = self.failed.min(self.prefix) / 2;
            }
        }
        self.failed = 0;
    }

    /// These were not the ones; more may go again.
    pub(super) fn push_succeeded(&mut self) {
        *self = Self { prefix: self.prefix.max(1).saturating_mul(2), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes mutations of which one fails, with a pull after each failure. Gives those that were skipped, and how many pushes it took.
    fn drain(mutations: usize, poison: usize) -> (Vec<usize>, usize) {
        let (mut doubt, mut first, mut skipped) = (Doubt::default(), 0, Vec::new());
        for pushes in 0.. {
            if first == mutations {
                return (skipped, pushes);
            }
            let sent = doubt.prefix().max(1).min(mutations - first);
            if doubt.prefix() == 0 {
                skipped.push(first);
            } else if (first..first + sent).contains(&poison) {
                doubt.push_failed(sent.try_into().expect("a few"));
                doubt.pull_succeeded();
                continue;
            }
            doubt.push_succeeded();
            first += sent;
        }
        unreachable!("it comes to an end")
    }

    #[test]
    fn the_one_that_fails_is_found_wherever_it_stands() {
        for mutations in 1..=100 {
            for poison in 0..mutations {
                let (skipped, pushes) = drain(mutations, poison);
                assert_eq!(skipped, [poison], "of {mutations}");
                assert!(pushes <= 60, "{pushes} pushes for {poison} of {mutations}");
            }
        }
    }

    #[test]
    fn a_server_that_fails_with_everything_is_no_reason_to_doubt() {
        let mut doubt = Doubt::default();
        for _ in 0..10 {
            doubt.push_failed(1);
            doubt.push_failed(1);
        }
        doubt.pull_succeeded();
        doubt.pull_succeeded();
        assert_eq!(doubt, Doubt { strikes: 1, ..Doubt::default() });
        doubt.push_failed(1);
        doubt.pull_succeeded();
        doubt.push_succeeded();
        assert_eq!(doubt, Doubt::default());
    }
}

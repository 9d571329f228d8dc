//! A count that gives others their turn: it goes on where it stopped, as long as nothing changed meanwhile.

use std::ops::ControlFlow;

use holm_store::{Direction, KeyRange, Missing, Moment, Read};

/// Entries counted in one turn: a few milliseconds of work.
const SLICE: usize = 16_384;

/// How often a count begins again because something changed; then it is made at once.
const AGAIN_MAX: u32 = 3;

/// How far a count is.
#[derive(Debug)]
pub struct Tally {
    slice: usize,
    moment: Option<Moment>,
    begun: u32,
    count: usize,
    /// The ranges that are counted whole.
    ranges: usize,
    /// The last key that was counted of the next one.
    last: Option<Vec<u8>>,
}

impl Default for Tally {
    fn default() -> Self {
        Self::of(SLICE)
    }
}

impl Tally {
    /// With so many entries in one turn.
    pub(super) fn of(slice: usize) -> Self {
        Self { slice, moment: None, begun: 0, count: 0, ranges: 0, last: None }
    }

    /// Counts what lies in some ranges, which are the same as long as nothing changed.
    ///
    /// # Errors
    /// [`Missing`], also for a turn: call it again.
    pub(super) fn count(&mut self, view: &dyn Read, ranges: &[&KeyRange]) -> Result<usize, Missing> {
        if self.moment != Some(view.moment()) {
            *self = Self { moment: Some(view.moment()), begun: self.begun + 1, ..Self::of(self.slice) };
        }
        let mut room = if self.begun > AGAIN_MAX { usize::MAX } else { self.slice };
        while let Some(range) = ranges.get(self.ranges) {
            let rest = self.last.as_ref().map_or_else(|| (*range).clone(), |last| range.after(last));
            let (mut seen, mut last) = (0, None);
            view.visit(&rest, Direction::Forward, &mut |key, _| {
                seen += 1;
                if seen < room {
                    return ControlFlow::Continue(());
                }
                last = Some(key.to_vec());
                ControlFlow::Break(())
            })?;
            self.count += seen;
            room -= seen;
            if last.is_some() {
                self.last = last;
                return Err(Missing::turn());
            }
            (self.ranges, self.last) = (self.ranges + 1, None);
        }
        Ok(self.count)
    }
}

//! Counters: digits are added as digits, so that nothing is rounded and no order of additions matters.

use crate::Number;
use crate::json::Decimal;

/// Numbers whose digits reach further apart are not added: no app counts so.
const DIGITS_MAX: i32 = 800;

impl Number {
    /// This number, moved as far as it is from `before` to `mine`; `None` where the sum is beyond every `f64`, or has too many digits.
    pub(super) fn moved(&self, before: &Self, mine: &Self) -> Option<Self> {
        let mut terms = [self, mine, before].map(|number| number.decimal());
        terms[2].negative = !terms[2].negative;
        let all = || terms.iter().filter(|term| !term.digits.is_empty());
        let high = all().map(|term| term.point).max().unwrap_or(0);
        let low = all().map(|term| term.point.saturating_sub_unsigned(length(term))).min().unwrap_or(0);
        let width = high.checked_sub(low).filter(|width| *width <= DIGITS_MAX)?;
        let mut sums = vec![0_i32; usize::try_from(width).ok()?];
        for term in all() {
            let first = usize::try_from(high - term.point).ok()?;
            for (sum, digit) in sums[first..].iter_mut().zip(&term.digits) {
                *sum += if term.negative { -i32::from(*digit) } else { i32::from(*digit) };
            }
        }
        let (negative, digits) = carried(sums);
        let longer = i32::try_from(digits.len()).ok()? - width;
        let mut sum = Decimal { negative, digits, point: high + longer };
        sum.trim();
        Self::parse(&sum.text())
    }
}

fn length(term: &Decimal) -> u32 {
    u32::try_from(term.digits.len()).unwrap_or(u32::MAX)
}

/// The sign and the digits of a number whose digits may be of any size and sign.
fn carried(mut sums: Vec<i32>) -> (bool, Vec<u8>) {
    let negative = carry(&mut sums) < 0;
    if negative {
        sums.iter_mut().for_each(|sum| *sum = -*sum);
        carry(&mut sums);
    }
    (negative, sums.iter().map(|digit| u8::try_from(*digit).expect("a digit, once carried")).collect())
}

/// Leaves digits from 0 to 9, behind what is carried out of them if that is more than nothing. Gives it.
fn carry(sums: &mut Vec<i32>) -> i32 {
    let mut over = 0;
    for sum in sums.iter_mut().rev() {
        let whole = *sum + over;
        (*sum, over) = (whole.rem_euclid(10), whole.div_euclid(10));
    }
    sums.insert(0, over);
    over
}

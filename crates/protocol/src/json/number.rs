//! Numbers as JSON has them: digits and a power of ten, which stay text.
//!
//! Text that means one number becomes one text, the one that JavaScript writes, so that equal numbers are equal JSON. An `f64` is
//! made only where numbers are compared. That is exact, and needs no tables: those of the standard library are 10 KB, which no
//! compression makes smaller, in a program that is downloaded (Nigel Tao, "`ParseNumberF64` by Simple Decimal Conversion", 2020).

/// A number, as the one text that JavaScript writes for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(String);

impl Number {
    /// The number that JSON text means; `None` for what is no number, or beyond every `f64`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if is_plain(text) {
            return Some(Self(text.to_owned()));
        }
        let decimal = Decimal::parse(text)?;
        let text = decimal.text();
        let is_finite = decimal.point < 309 || decimal.into_f64().is_finite();
        is_finite.then_some(Self(text))
    }

    /// Its digits.
    #[cfg(feature = "full")]
    pub(crate) fn decimal(&self) -> Decimal {
        Decimal::parse(&self.0).expect("the text of a number")
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest `f64`.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        exactly(&self.0).unwrap_or_else(|| Decimal::parse(&self.0).map_or(f64::NAN, Decimal::into_f64))
    }
}

impl From<i32> for Number {
    fn from(number: i32) -> Self {
        Self(number.to_string())
    }
}

/// Whether this is a number as JavaScript writes most of them.
pub(super) fn is_plain(text: &str) -> bool {
    if text == "0" {
        return true;
    }
    let text = text.strip_prefix('-').unwrap_or(text);
    let point = text.bytes().position(|byte| byte == b'.');
    let (whole, fraction) = point.map_or((text, "1"), |at| (&text[..at], &text[at + 1..]));
    let is_small =
        whole.starts_with('0') && (whole.len() > 1 || !text.starts_with("0.") || fraction.starts_with("000000"));
    text.len() <= 21 && are_digits(whole) && are_digits(fraction) && !fraction.ends_with('0') && !is_small
}

/// Few digits over a power of ten that an `f64` holds (William Clinger, 1990): one operation, rounded once.
fn exactly(text: &str) -> Option<f64> {
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let (mut whole, mut power, mut step) = (0.0, 1.0, 1.0);
    for byte in text.bytes() {
        match byte {
            b'.' => step = 10.0,
            b'0'..=b'9' => (whole, power) = (whole * 10.0 + f64::from(byte - b'0'), power * step),
            _ => return None,
        }
    }
    (text.len() <= 15).then_some(sign * whole / power)
}

/// `0.digits × 10^point`, without zeros at the ends of the digits.
pub(crate) struct Decimal {
    pub(crate) negative: bool,
    pub(crate) digits: Vec<u8>,
    pub(crate) point: i32,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.as_bytes();
        let negative = take_one_of(&mut rest, b"-").is_some();
        let mut digits = take_digits(&mut rest)?.to_vec();
        if digits.len() > 1 && digits[0] == b'0' {
            return None;
        }
        let mut point = i32::try_from(digits.len()).unwrap_or(i32::MAX);
        if take_one_of(&mut rest, b".").is_some() {
            digits.extend_from_slice(take_digits(&mut rest)?);
        }
        if take_one_of(&mut rest, b"eE").is_some() {
            let sign = take_one_of(&mut rest, b"+-");
            let exponent = size(take_digits(&mut rest)?);
            point = point.saturating_add(if sign == Some(b'-') { -exponent } else { exponent });
        }
        if !rest.is_empty() {
            return None;
        }
        digits.iter_mut().for_each(|digit| *digit -= b'0');
        let mut decimal = Self { negative, digits, point };
        decimal.trim();
        Some(decimal)
    }

    /// Takes the zeros at both ends away.
    pub(crate) fn trim(&mut self) {
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        self.point = self.point.saturating_sub(i32::try_from(zeros).unwrap_or(i32::MAX));
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            (self.negative, self.point) = (false, 0);
        }
    }

    /// As JavaScript writes it (ECMAScript, `Number::toString`).
    pub(crate) fn text(&self) -> String {
        let mut text: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let count = text.len();
        match usize::try_from(self.point) {
            Ok(0) if count == 0 => text.push('0'),
            Ok(point @ 1..=21) if point < count => text.insert(point, '.'),
            Ok(point @ 1..=21) => text.extend(std::iter::repeat_n('0', point - count)),
            _ if (-5..=0).contains(&self.point) => {
                let zeros = self.point.unsigned_abs() as usize;
                text.insert_str(0, &"0.000000"[..2 + zeros]);
            }
            _ => {
                if count > 1 {
                    text.insert(1, '.');
                }
                let exponent = self.point.saturating_sub(1);
                text.push_str(if exponent < 0 { "e-" } else { "e+" });
                text.push_str(&exponent.unsigned_abs().to_string());
            }
        }
        if self.negative {
            text.insert(0, '-');
        }
        text
    }

    fn into_f64(mut self) -> f64 {
        let size = if self.digits.is_empty() { 0.0 } else { self.halving() };
        if self.negative { -size } else { size }
    }

    /// Halved or doubled until it is `0.1…` in base 2; then its first 53 bits are a whole number.
    fn halving(&mut self) -> f64 {
        match self.point {
            310.. => return f64::INFINITY,
            ..-330 => return 0.0,
            _ => {}
        }
        let mut exponent = 0;
        while self.point > 0 {
            let times = (self.point * 10 / 3 + 1).min(SHIFT_MAX);
            self.halve(times);
            exponent += times;
        }
        while self.point < 0 || self.digits[0] < 5 {
            let times = (self.point * -3).clamp(1, SHIFT_MAX);
            self.double(times);
            exponent -= times;
        }
        // The smallest numbers have fewer bits.
        let bits = 53.min(exponent + 1074);
        if bits < 0 {
            return 0.0;
        }
        self.double(bits);
        self.rounded() * power_of_two(exponent - bits)
    }

    fn halve(&mut self, times: i32) {
        let mut halved = Vec::with_capacity(self.digits.len() + 64);
        let mut rest = 0_u64;
        let mut digits = self.digits.iter();
        loop {
            rest = match digits.next() {
                Some(digit) => rest * 10 + u64::from(*digit),
                None if rest == 0 => break,
                None => rest * 10,
            };
            halved.push((rest >> times) as u8);
            rest &= (1 << times) - 1;
        }
        self.digits = halved;
        self.trim();
    }

    fn double(&mut self, times: i32) {
        let mut carry = 0_u64;
        for digit in self.digits.iter_mut().rev() {
            carry += u64::from(*digit) << times;
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            self.digits.insert(0, (carry % 10) as u8);
            self.point += 1;
            carry /= 10;
        }
        self.trim();
    }

    /// The nearest whole number below 2^53, an even one where two are as near.
    fn rounded(&self) -> f64 {
        let count = usize::try_from(self.point).unwrap_or(0);
        let place = |place: usize| self.digits.get(place).copied().unwrap_or(0);
        let whole = (0..count).fold(0_u64, |whole, at| whole * 10 + u64::from(place(at)));
        let is_half = self.digits.len() == count + 1 && place(count) == 5;
        let up = if is_half { whole % 2 == 1 } else { self.point >= 0 && place(count) >= 5 };
        #[allow(clippy::cast_precision_loss)] // 53 bits
        let rounded = (whole + u64::from(up)) as f64;
        rounded
    }
}

/// How often digits are halved or doubled at once: a digit and what is carried fit into 64 bits.
const SHIFT_MAX: i32 = 60;

fn power_of_two(exponent: i32) -> f64 {
    let bits =
        if exponent < -1022 { 1 << (exponent + 1074) } else { u64::from((exponent + 1023).unsigned_abs()) << 52 };
    f64::from_bits(bits)
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Goes past the next byte, if it is one of these.
fn take_one_of(rest: &mut &[u8], wanted: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    wanted.contains(first).then(|| {
        *rest = after;
        *first
    })
}

/// Goes past all digits that come next, which must be some.
fn take_digits<'t>(rest: &mut &'t [u8]) -> Option<&'t [u8]> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = rest.split_off(..count)?;
    (count > 0).then_some(digits)
}

fn size(digits: &[u8]) -> i32 {
    digits.iter().fold(0_i32, |size, byte| size.saturating_mul(10).saturating_add(i32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn float(text: &str) -> f64 {
        let slow = Decimal::parse(text).expect(text).into_f64();
        assert_eq!(exactly(text).unwrap_or(slow), slow, "{text}");
        slow
    }

    /// What others make of it; JSON has one zero.
    fn known(text: &str) -> f64 {
        text.parse::<f64>().expect("a number") + 0.0
    }

    proptest! {
        #[test]
        fn the_nearest_float_is_the_standard_librarys(bits in any::<u64>(), cut in 0..20_usize) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            for text in [format!("{number:e}"), format!("{number}"), format!("{number:.*e}", cut), format!("{number:.30e}")] {
                prop_assert_eq!(float(&text), known(&text), "{}", text);
            }
        }

        #[test]
        fn so_it_is_for_any_digits(text in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?(e[+-]?[0-9]{1,3})?") {
            prop_assert_eq!(float(&text), known(&text));
        }

        #[test]
        fn halfway_between_two_floats_the_even_one_is_nearest(bits in any::<u64>()) {
            let (low, high) = (f64::from_bits(bits & !(1 << 63)), f64::from_bits((bits & !(1 << 63)) + 1));
            prop_assume!(high.is_finite());
            let half = halfway(low);
            for text in [half.clone(), format!("{half}1")] {
                prop_assert_eq!(float(&text), known(&text), "{} {} {}", low, high, text);
            }
        }

        #[test]
        fn a_number_has_one_text(number in any::<f64>()) {
            prop_assume!(number.is_finite());
            let text = |text: String| Number::parse(&text).expect("a number").as_str().to_owned();
            let known = text(format!("{number:e}"));
            prop_assert_eq!(&text(format!("{number}")), &known);
            prop_assert_eq!(&text(format!("{number:?}")), &known);
            prop_assert_eq!(&text(known.clone()), &known);
            prop_assert_eq!(known.parse(), Ok(number));
        }
    }

    /// All digits of the number halfway between `low` and the next.
    fn halfway(low: f64) -> String {
        let exact = |number: f64| format!("{number:.1100}");
        let (low, high) = (exact(low), exact(f64::from_bits(low.to_bits() + 1)));
        // Half of the sum, digit by digit.
        let width = low.len().max(high.len());
        let (low, high) = (format!("{low:0>width$}"), format!("{high:0>width$}"));
        let mut rest = 0;
        let mut half = String::new();
        let mut sums: Vec<u8> =
            low.bytes().zip(high.bytes()).filter(|(a, _)| *a != b'.').map(|(a, b)| a + b - 96).collect();
        for place in (1..sums.len()).rev() {
            if sums[place] > 9 {
                sums[place] -= 10;
                sums[place - 1] += 1;
            }
        }
        sums.push(0);
        for (place, sum) in sums.iter().enumerate() {
            if place == width - 1101 {
                half.push('.');
            }
            rest = rest * 10 + sum;
            half.push_str(&(rest / 2).to_string());
            rest %= 2;
        }
        half.trim_start_matches('0').replacen(
            '.',
            if half.trim_start_matches('0').starts_with('.') { "0." } else { "." },
            1,
        )
    }

    #[test]
    fn it_is_the_text_that_javascript_writes() {
        for (text, same) in [
            ("0", "0"),
            ("-0.0e7", "0"),
            ("1.0", "1"),
            ("1e2", "100"),
            ("-12.50", "-12.5"),
            ("0.1", "0.1"),
            ("9007199254740993", "9007199254740993"),
            ("12345678901234567890.0", "12345678901234567890"),
            ("1e20", "100000000000000000000"),
            ("123e19", "1.23e+21"),
            ("1E21", "1e+21"),
            ("0.000001", "0.000001"),
            ("0.0000012", "0.0000012"),
            ("1e-07", "1e-7"),
            ("0.000000123", "1.23e-7"),
            ("1e-999", "1e-999"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ] {
            assert_eq!(Number::parse(text).expect(text).as_str(), same, "{text}");
        }
    }

    #[test]
    fn digits_beyond_53_bits_are_rounded_once() {
        for text in
            ["9007199254740993", "999999999999999", "9999999999999999", "0.9007199254740993", "-36028797018963971.5"]
        {
            assert_eq!(float(text), known(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_apart() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-01",
            "1.",
            ".1",
            "1e",
            "1e+",
            "1e1.5",
            "1_0",
            "0x1",
            "1e309",
            "1.8e308",
            "-2e308",
            "1e99999999999",
        ] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
        assert!(Number::parse("0e99999999999").is_some() && Number::parse("1e-99999999999").is_some());
    }
}

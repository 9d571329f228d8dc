//! The hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014).
//!
//! A stamp is wall time, a counter for what happens within one millisecond, and the client that drew it.
//! Stamps order writes to one field; they never order the log (the server does that).

use std::fmt;

use crate::{ClientId, FromJson, Parser, ToJson, Unfit, json_fields, push_hex};

/// One stamp: milliseconds since 1970, a counter, the client.
///
/// Its text is `mmmmmmmmmmmm-cccc-client` in hexadecimal, so that texts sort like stamps.
///
/// ```
/// use holm_protocol::Hlc;
/// let stamp: Hlc = "018f3c2a1b40-0003-c_9f2c".parse().expect("a stamp");
/// assert_eq!(stamp.ms, 0x018f_3c2a_1b40);
/// assert_eq!(stamp.to_string(), "018f3c2a1b40-0003-c_9f2c");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hlc {
    /// Milliseconds since 1970, below 2^48.
    pub ms: u64,
    /// Orders stamps of one millisecond.
    pub counter: u16,
    /// Who drew it; breaks ties.
    pub client: ClientId,
}

const MS_MAX: u64 = (1 << 48) - 1;

impl Hlc {
    /// The stamp moved by the difference between two clocks, and no later than `not_after`: a clock 400 days ahead wins nothing.
    ///
    /// ```
    /// use holm_protocol::Hlc;
    /// let (stamp, now): (Hlc, Hlc) = ("0000000003e8-0002-c_a".parse().unwrap(), "000000000258-0000-server".parse().unwrap());
    /// assert_eq!(stamp.shift(-500, &now).to_string(), "0000000001f4-0002-c_a");
    /// assert_eq!(stamp.shift(0, &now).to_string(), "000000000258-0000-c_a");
    /// ```
    #[must_use]
    pub fn shift(&self, offset_ms: i64, not_after: &Self) -> Self {
        let ms = self.ms.saturating_add_signed(offset_ms);
        let (ms, counter) = (ms, self.counter).min((not_after.ms, not_after.counter));
        Self { ms: ms.min(MS_MAX), counter, client: self.client.clone() }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        push_hex(&mut text, self.ms, 12);
        text.push('-');
        push_hex(&mut text, self.counter.into(), 4);
        text.push('-');
        text.push_str(&self.client.0);
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let (ms, rest) = text.split_at_checked(12)?;
        let (counter, rest) = rest.strip_prefix('-')?.split_at_checked(4)?;
        let counter = u16::try_from(hexadecimal(counter)?).ok()?;
        Some(Self { ms: hexadecimal(ms)?, counter, client: rest.strip_prefix('-')?.into() })
    }

    /// The stamp right after this one, drawn by `client`.
    #[must_use]
    pub fn next_by(&self, client: &ClientId) -> Self {
        let mut clock = Clock { ms: self.ms, counter: self.counter };
        clock.tick(0, client)
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::str::FromStr for Hlc {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        Ok(Self::parse(text).ok_or("not a stamp")?)
    }
}

impl ToJson for Hlc {
    fn write(&self, text: &mut String) {
        self.text().write(text);
    }
}

impl FromJson for Hlc {
    fn read(&mut self, parser: &mut Parser<'_>) -> Result<(), Unfit> {
        *self = Self::parse(&parser.string()?).ok_or("not a stamp")?;
        Ok(())
    }
}

/// The number that so many lower-case digits stand for.
fn hexadecimal(digits: &str) -> Option<u64> {
    let are_digits = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    are_digits.then(|| u64::from_str_radix(digits, 16).ok())?
}

/// What a replica remembers to draw stamps that never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// The last milliseconds drawn or heard of.
    pub ms: u64,
    /// The counter within it.
    pub counter: u16,
}

json_fields!(Clock { ms, counter });

impl Clock {
    /// Draws the next stamp: after every stamp drawn or heard of, and not before `now_ms`.
    pub fn tick(&mut self, now_ms: u64, client: &ClientId) -> Hlc {
        self.advance(now_ms.min(MS_MAX));
        Hlc { ms: self.ms, counter: self.counter, client: client.clone() }
    }

    /// Hears of another replica's stamp, so that what is drawn next comes after it.
    pub fn hear(&mut self, other: &Hlc) {
        if (other.ms, other.counter) > (self.ms, self.counter) {
            (self.ms, self.counter) = (other.ms, other.counter);
        }
    }

    fn advance(&mut self, now_ms: u64) {
        if now_ms > self.ms {
            (self.ms, self.counter) = (now_ms, 0);
        } else if self.counter == u16::MAX && self.ms < MS_MAX {
            (self.ms, self.counter) = (self.ms + 1, 0);
        } else {
            self.counter = self.counter.saturating_add(1);
        }
    }
}

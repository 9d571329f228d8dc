//! Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

/// The span of the first delay.
pub const FIRST_MS: u64 = 1_000;
/// No delay is drawn from a longer span: after a tunnel of any length the app is back within minutes.
pub const SPAN_MS_MAX: u64 = 5 * 60 * 1_000;
/// A server may ask for more patience than we would draw, up to this.
pub const RETRY_AFTER_MS_MAX: u64 = 60 * 60 * 1_000;

/// Counts failures in a row and draws the delay after each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Failures since the last success.
    #[must_use]
    pub fn failures(self) -> u32 {
        self.failures
    }

    /// One more failure: the delay to wait, at least `floor_ms`, drawn with `entropy`.
    pub fn failed(&mut self, floor_ms: u64, entropy: u64) -> u64 {
        let span = FIRST_MS.saturating_mul(1 << self.failures.min(20)).min(SPAN_MS_MAX);
        self.failures = self.failures.saturating_add(1);
        (entropy % span).max(floor_ms.min(RETRY_AFTER_MS_MAX))
    }

    /// A success, or evidence that things changed.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The delay that a `Retry-After` header asks for: seconds, or an HTTP date (RFC 9110, section 10.2.3); nothing for garbage.
#[must_use]
pub fn retry_after_ms(header: &str, now_ms: u64) -> Option<u64> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000).min(RETRY_AFTER_MS_MAX));
    }
    let at = http_date_ms(header)?;
    Some(at.saturating_sub(now_ms).min(RETRY_AFTER_MS_MAX))
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7, the one form that may be sent today).
fn http_date_ms(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day: i64 = parts.next()?.parse().ok()?;
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = parts.next()?;
    let month = months.iter().position(|month| *month == name)? as i64 + 1;
    let year: i64 = parts.next()?.parse().ok()?;
    let mut clock = parts.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if parts.next() != Some("GMT") || !(1..=31).contains(&day) || !(1970..=9999).contains(&year) {
        return None;
    }
    let days = u64::try_from(days_from_civil(year, month, day)).ok()?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

/// Days since 1970-01-01 of a date (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_drawn_from_a_span_that_doubles_up_to_its_limit() {
        let mut backoff = Backoff::default();
        let spans: Vec<u64> = (0..12).map(|_| backoff.failed(0, u64::MAX / 2 * 2 + 1) + 1).collect();
        assert!(spans.windows(2).all(|pair| pair[0] <= SPAN_MS_MAX && pair[1] <= SPAN_MS_MAX));
        let mut backoff = Backoff::default();
        let longest = |n: u64| (0..n).map(|entropy| Backoff::default().failed(0, entropy)).max();
        assert_eq!(longest(5_000), Some(FIRST_MS - 1));
        for _ in 0..30 {
            assert!(backoff.failed(0, 299_999) < SPAN_MS_MAX);
        }
        assert_eq!(backoff.failed(0, SPAN_MS_MAX - 1), SPAN_MS_MAX - 1);
        backoff.reset();
        assert!(backoff.failed(0, SPAN_MS_MAX - 1) < FIRST_MS);
    }

    #[test]
    fn the_servers_wish_is_a_floor_and_has_a_cap() {
        assert_eq!(Backoff::default().failed(7_000, 3), 7_000);
        assert_eq!(Backoff::default().failed(u64::MAX, 3), RETRY_AFTER_MS_MAX);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_garbage_is_nothing() {
        assert_eq!(retry_after_ms("7", 0), Some(7_000));
        assert_eq!(retry_after_ms("999999999", 0), Some(RETRY_AFTER_MS_MAX));
        assert_eq!(retry_after_ms("99999999999999999999", 0), None);
        assert_eq!(retry_after_ms("-5", 0), None);
        assert_eq!(retry_after_ms("soon", 0), None);
        let at = 784_111_777_000;
        assert_eq!(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", at - 3_000), Some(3_000));
        assert_eq!(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", at + 3_000), Some(0));
    }
}

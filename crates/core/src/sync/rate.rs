//! How long a server asks to wait because no request is left to this client.
//!
//! | header | says |
//! |---|---|
//! | `RateLimit: "default";r=0;t=30` | of this policy none are left, for 30 s (draft-ietf-httpapi-ratelimit-headers) |
//! | `RateLimit-Policy: "default";q=100;w=60` | how long a window is, where `t` is not said |
//! | `RateLimit: limit=100, remaining=0, reset=30` | the same, in earlier drafts |
//! | `RateLimit-Remaining: 0`, `RateLimit-Reset: 30` | the same, in the first ones; often with `X-` before it, and the time of day in seconds |

/// A number of seconds that is larger is a time of day: 2001 was long ago.
const SECONDS_MAX: u64 = 1_000_000_000;

/// Reads how many milliseconds to wait from the headers of an answer; `None` where requests are left, or nothing is said.
///
/// ```
/// use holm_core::sync::rest_ms;
/// let header = |name: &str| (name == "RateLimit").then(|| r#""hourly";r=0;t=30, "daily";r=7;t=900"#.to_owned());
/// assert_eq!(rest_ms(&header, 0), Some(30_000));
/// ```
#[must_use]
pub fn rest_ms(header: &dyn Fn(&str) -> Option<String>, now_ms: u64) -> Option<u64> {
    let named = header("RateLimit").map(|text| {
        let policies = header("RateLimit-Policy").unwrap_or_default();
        rest_of(&text, &policies)
    });
    let seconds = named.unwrap_or_else(|| {
        ["", "X-"].iter().find_map(|before| {
            let number = |name: &str| whole(&header(&format!("{before}RateLimit-{name}"))?);
            (number("Remaining")? == 0).then(|| number("Reset"))?
        })
    })?;
    Some(if seconds > SECONDS_MAX { (seconds * 1_000).saturating_sub(now_ms) } else { seconds * 1_000 })
}

/// The longest wait of the policies of which none are left.
fn rest_of(limits: &str, policies: &str) -> Option<u64> {
    let limits = items(limits);
    if let Some(remaining) = limits.iter().find_map(|item| parameter(item, "remaining")) {
        return (remaining == 0).then(|| limits.iter().find_map(|item| parameter(item, "reset")))?;
    }
    let window = |name: &str| items(policies).iter().find(|item| item[0] == name).and_then(|item| parameter(item, "w"));
    let spent = limits.iter().filter(|item| parameter(item, "r") == Some(0));
    spent.filter_map(|item| parameter(item, "t").or_else(|| window(&item[0]))).max()
}

/// The items of a list, each with its name first and its parameters behind it; a comma within quotes parts nothing.
fn items(text: &str) -> Vec<Vec<String>> {
    let mut items = vec![vec![String::new()]];
    let mut is_quoted = false;
    for letter in text.chars() {
        is_quoted ^= letter == '"';
        match letter {
            ',' if !is_quoted => items.push(vec![String::new()]),
            ';' if !is_quoted => items.last_mut().expect("one at least").push(String::new()),
            _ if letter.is_whitespace() && !is_quoted => {}
            _ => items.last_mut().and_then(|item| item.last_mut()).expect("one at least").push(letter),
        }
    }
    items
}

fn parameter(item: &[String], name: &str) -> Option<u64> {
    item.iter().find_map(|part| whole(part.strip_prefix(name)?.strip_prefix('=')?))
}

/// A whole number, from 0 to what a time of day may be; what follows a point is left out.
fn whole(text: &str) -> Option<u64> {
    let digits: String = text.trim().chars().take_while(char::is_ascii_digit).take(12).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_760_000_000_000;

    fn rest(headers: &[(&str, &str)]) -> Option<u64> {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
        rest_ms(&header, NOW_MS)
    }

    #[test]
    fn with_none_remaining_the_reset_is_waited_for_in_every_spelling() {
        type Headers = &'static [(&'static str, &'static str)];
        let table: [(Headers, Option<u64>); 16] = [
            (&[], None),
            (&[("RateLimit", r#""default";r=0;t=30"#)], Some(30_000)),
            (&[("RateLimit", r#""default";r=1;t=30"#)], None),
            (&[("RateLimit", r#""a";r=0;t=5, "b, \;r=0";r=3;t=900,"c";r=0;t=60"#)], Some(60_000)),
            (&[("RateLimit", r#""a";r=0"#), ("RateLimit-Policy", r#""b";q=9;w=1, "a";q=100;w=60"#)], Some(60_000)),
            (&[("RateLimit", r#""a";r=0"#)], None),
            (&[("RateLimit", "limit=100, remaining=0, reset=7")], Some(7_000)),
            (&[("RateLimit", "limit=100, remaining=2, reset=7")], None),
            (&[("RateLimit", "")], None),
            (&[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "9")], Some(9_000)),
            (&[("RateLimit-Remaining", "0")], None),
            (&[("RateLimit-Remaining", "3"), ("RateLimit-Reset", "9")], None),
            (&[("X-RateLimit-Remaining", " 0 "), ("X-RateLimit-Reset", "1760000011")], Some(11_000)),
            (&[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1759999999")], Some(0)),
            (&[("RateLimit-Remaining", "none"), ("RateLimit-Reset", "soon")], None),
            (&[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "9999999999999999999999")], Some(998_239_999_999_000)),
        ];
        for (headers, expected) in table {
            assert_eq!(rest(headers), expected, "{headers:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn garbage_asks_for_nothing_and_breaks_nothing(text in ".{0,40}", other in ".{0,40}") {
            let header = |name: &str| Some(if name.contains("Policy") { other.clone() } else { text.clone() });
            let _asked = rest_ms(&header, NOW_MS);
        }
    }
}

//! What an HTTP answer means. Only a body of this protocol is an answer; everything else is the network.

use holm_protocol::{
    ErrorCode, ErrorResponse, FromJson, PROTOCOL_VERSION, PullResponse, PushResponse, decode, marked, quoted,
    read_json_text,
};

use crate::Error;
use crate::engine::{Answer, Failure};

/// Why an exchange brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Code and words.
    pub error: Error,
    /// The server's wish, milliseconds.
    pub floor_ms: u64,
    /// What the server said about the request as a whole.
    pub refused: Option<Refused>,
}

/// A refusal of the whole request that sync must act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The token is no good.
    Token,
    /// Not allowed at all.
    Forbidden,
    /// Too large: send less.
    TooLarge,
    /// The server does not know this client, or misses seqs: become another one.
    StartOver,
    /// A seq is used already: read the store again, it may know.
    SeqReused,
    /// The server does not serve this schema version.
    Schema,
}

impl Failed {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { error: Error::new(code, message), floor_ms: 0, refused: None })
    }

    /// Whether no Holm server was reached, as far as can be told.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        use ErrorCode::{NotHolm, Offline, Redirected, Timeout};
        matches!(self.error.code, Offline | Timeout | NotHolm | Redirected)
    }

    /// Whether what was sent may be why, and not the way to the server, its load or our token.
    #[must_use]
    pub fn is_of_the_request(&self) -> bool {
        use ErrorCode::{InvalidRequest, NotHolm, PayloadTooLarge, ServerError, TxIncomplete};
        let may_be = matches!(self.error.code, ServerError | PayloadTooLarge | NotHolm | InvalidRequest | TxIncomplete);
        may_be && self.floor_ms == 0
    }
}

/// Reads the answer to a push.
///
/// # Errors
/// What went wrong, and what to do about it.
pub fn read_push(answer: Result<Answer, Failure>) -> Result<Box<PushResponse>, Box<Failed>> {
    let mut message = Box::<PushResponse>::default();
    let answer = read(answer, &mut *message)?;
    if message.v == PROTOCOL_VERSION { Ok(message) } else { Err(not_holm(&answer)) }
}

/// Reads the answer to a pull.
///
/// # Errors
/// What went wrong, and what to do about it.
pub fn read_pull(answer: Result<Answer, Failure>) -> Result<Box<PullResponse>, Box<Failed>> {
    let mut message = Box::<PullResponse>::default();
    let answer = read(answer, &mut *message)?;
    if message.v == PROTOCOL_VERSION { Ok(message) } else { Err(not_holm(&answer)) }
}

fn read(answer: Result<Answer, Failure>, message: &mut dyn FromJson) -> Result<Answer, Box<Failed>> {
    let answer = answer.map_err(|failure| match failure {
        Failure::Network(why) => Failed::new(ErrorCode::Offline, format!("the server could not be reached: {why}")),
        Failure::Timeout => Failed::new(ErrorCode::Timeout, "the server did not answer in time"),
        Failure::Redirect => {
            Failed::new(ErrorCode::Redirected, "the sync address redirects; give the final one as `sync.url`")
        }
        Failure::TooLarge => Failed::new(ErrorCode::NotHolm, "the answer is larger than any Holm server sends"),
    })?;
    let floor_ms = answer.retry_after_ms.unwrap_or(0);
    if answer.status == 200 {
        return match read_json_text(&answer.body, message) {
            Ok(()) => Ok(answer),
            Err(_) if marked(&answer.body).is_err() => Err(not_holm(&answer)),
            Err(why) => Err(Failed::new(ErrorCode::NotHolm, format!("the answer cannot be read: {why}"))),
        };
    }
    let said = decode(&answer.body).ok();
    Err(refusal(&answer, said, floor_ms))
}

fn not_holm(answer: &Answer) -> Box<Failed> {
    let start: String = str::from_utf8(&answer.body).unwrap_or_default().chars().take(40).collect();
    let message = format!("HTTP {} with a body that is not of this protocol: {}", answer.status, quoted(&start));
    Failed::new(ErrorCode::NotHolm, message)
}

fn refusal(answer: &Answer, said: Option<ErrorResponse>, floor_ms: u64) -> Box<Failed> {
    let (code, refused) = match (answer.status, said.as_ref().map(|body| body.error)) {
        (_, Some(ErrorCode::Gap | ErrorCode::ClientUnknown)) => (ErrorCode::ClientUnknown, Some(Refused::StartOver)),
        (_, Some(ErrorCode::SeqReused)) => (ErrorCode::SeqReused, Some(Refused::SeqReused)),
        (426, Some(ErrorCode::SchemaUnsupported)) => (ErrorCode::SchemaUnsupported, Some(Refused::Schema)),
        (401, _) => (ErrorCode::Unauthorized, Some(Refused::Token)),
        (413, _) => (ErrorCode::PayloadTooLarge, Some(Refused::TooLarge)),
        (429, _) => (ErrorCode::RateLimited, None),
        (403, Some(_)) => (ErrorCode::Forbidden, Some(Refused::Forbidden)),
        (500..=599, _) => (ErrorCode::ServerError, None),
        (_, Some(code)) => (code, None),
        (_, None) => return Box::new(Failed { floor_ms, ..*not_holm(answer) }),
    };
    let words = said.map_or_else(String::new, |body| body.message);
    let separator = if words.is_empty() { "" } else { ": " };
    Box::new(Failed { error: Error::new(code, format!("HTTP {}{separator}{words}", answer.status)), floor_ms, refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Answer, Failure> {
        Ok(Answer { status, retry_after_ms: None, body: body.as_bytes().to_vec() })
    }

    fn code(answer: Result<Answer, Failure>) -> (ErrorCode, Option<Refused>) {
        let failed = read_push(answer).expect_err("not an answer");
        (failed.error.code, failed.refused)
    }

    #[test]
    fn only_a_marked_200_is_an_answer() {
        let good = r#"{"v":1,"epoch":"e1","now":"000000000001-0000-s","acked":4,"results":[]}"#;
        assert_eq!(read_push(answer(200, good)).map(|r| r.acked.0), Ok(4));
        for body in ["<html>Welcome to the airport</html>", "", "null", "[]", "{}", r#"{"v":2}"#, r#"{"v":1}"#, "{"] {
            assert_eq!(code(answer(200, body)), (ErrorCode::NotHolm, None), "{body}");
        }
        assert_eq!(code(answer(204, "")).0, ErrorCode::NotHolm);
        assert_eq!(code(answer(404, "<html>")).0, ErrorCode::NotHolm);
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let said = |error: &str| format!(r#"{{"v":1,"error":"{error}","expected":3}}"#);
        let table = [
            (401, String::new(), ErrorCode::Unauthorized, Some(Refused::Token)),
            (403, "<html>".into(), ErrorCode::NotHolm, None),
            (403, said("forbidden"), ErrorCode::Forbidden, Some(Refused::Forbidden)),
            (409, said("gap"), ErrorCode::ClientUnknown, Some(Refused::StartOver)),
            (409, said("client-unknown"), ErrorCode::ClientUnknown, Some(Refused::StartOver)),
            (409, said("seq-reused"), ErrorCode::SeqReused, Some(Refused::SeqReused)),
            (413, String::new(), ErrorCode::PayloadTooLarge, Some(Refused::TooLarge)),
            (426, said("schema-unsupported"), ErrorCode::SchemaUnsupported, Some(Refused::Schema)),
            (429, String::new(), ErrorCode::RateLimited, None),
            (500, "oops".into(), ErrorCode::ServerError, None),
            (503, String::new(), ErrorCode::ServerError, None),
        ];
        for (status, body, expected, refused) in table {
            assert_eq!(code(answer(status, &body)), (expected, refused), "{status} {body}");
        }
        assert_eq!(code(Err(Failure::Redirect)).0, ErrorCode::Redirected);
        assert_eq!(code(Err(Failure::Timeout)).0, ErrorCode::Timeout);
        assert_eq!(code(Err(Failure::Network("refused".into()))).0, ErrorCode::Offline);
    }

    #[test]
    fn retry_after_becomes_a_floor() {
        let answer = Answer { status: 429, retry_after_ms: Some(7_000), body: Vec::new() };
        assert_eq!(read_push(Ok(answer)).expect_err("refused").floor_ms, 7_000);
    }
}

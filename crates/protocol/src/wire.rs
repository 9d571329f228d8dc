//! Bytes to messages: the marker first, then the shape.

use std::borrow::Cow;
use std::fmt;

use crate::{FromJson, PROTOCOL_VERSION, Parser, Value, from_json_text};

/// A record's fields as JSON text hold at most this many bytes (1 MiB).
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// A record's id holds at most this many bytes.
pub const ID_BYTES_MAX: usize = 512;

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not a JSON object, or no `v`: another kind of server, a captive portal, half a body.
    NoMarker,
    /// Another version of this protocol.
    Version(u64),
    /// The marker is right, the rest is not.
    Shape(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMarker => write!(f, "not JSON with a protocol version `v`"),
            Self::Version(v) => write!(f, "protocol version {v}, not {PROTOCOL_VERSION}"),
            Self::Shape(what) => write!(f, "not a message of this kind: {what}"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Reads a message. Fields that it does not know are ignored; JSON nested deeper than 128 counts as no JSON.
///
/// # Errors
///
/// [`Unreadable`], which tells a foreign body from a broken one.
///
/// ```
/// use holm_protocol::{ErrorResponse, Unreadable, decode};
/// assert_eq!(decode::<ErrorResponse>(b"<html>hotel wifi</html>"), Err(Unreadable::NoMarker));
/// assert!(decode::<ErrorResponse>(br#"{"v":1,"error":"gap","expected":3}"#).is_ok());
/// ```
pub fn decode<T: FromJson + Default>(bytes: &[u8]) -> Result<T, Unreadable> {
    marked(bytes)?;
    from_json_text(bytes).map_err(|unfit| Unreadable::Shape(unfit.to_string()))
}

/// Whether bytes are JSON that has the marker of this protocol, whatever else it is.
///
/// # Errors
/// [`Unreadable::NoMarker`] and [`Unreadable::Version`].
pub fn marked(bytes: &[u8]) -> Result<(), Unreadable> {
    let mut marker = Value::Null;
    let look = &mut |name: Cow<'_, str>, parser: &mut Parser<'_>| match &*name {
        "v" => marker.read(parser),
        _ => parser.check(),
    };
    Parser::whole(bytes, &mut |parser| parser.fields(look)).map_err(|_| Unreadable::NoMarker)?;
    match marker.as_u64() {
        None => Err(Unreadable::NoMarker),
        Some(v) if v != u64::from(PROTOCOL_VERSION) => Err(Unreadable::Version(v)),
        Some(_) => Ok(()),
    }
}

//! A record as bytes: a header that is read alone, then the fields as JSON text that goes to JavaScript as it is.
//!
//! ```text
//! format 2 · header length u32 · touch u64 · rev: text or 0xFF·4 · stamp: one, or 0xFF·4 · stamps: count, (field, stamp) · body
//! a stamp: client, ms u48, counter u16
//! ```
//!
//! `stamp` is that of all fields that `stamps` does not name: most often all have one, which by field would be a third of a record.
//! Numbers are big-endian, counts and text lengths u32. The store checks its bytes: a record that does not decode was never
//! written, and is a bug.

use holm_protocol::{ClientId, DataText, Hlc, Revision, Stamps, Value, from_json_text};

use super::Record;

const FORMAT: u8 = 2;
const NO_TEXT: u32 = u32::MAX;
/// Where the revision stands: after format, header length and touch.
const REV_AT: usize = 13;
const DAMAGED: &str = "the store gives back the bytes of a record as they were written";

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{DAMAGED}"))
}

/// What can be told of a record without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Local stamp of the last change that can be seen.
    pub touch: u64,
    /// Where the JSON text of the fields begins.
    pub body_at: usize,
}

impl Header {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut reader = Reader(bytes);
        assert_eq!(reader.take::<1>(), [FORMAT], "a record of another format lies behind the fence");
        let body_at = reader.length();
        Self { touch: u64::from_be_bytes(reader.take()), body_at }
    }
}

/// The JSON text of a stored record's fields.
pub(crate) fn body(bytes: &[u8]) -> &str {
    text_of(&bytes[Header::of(bytes).body_at..])
}

/// The same; `None` for what this version does not read.
pub(crate) fn readable_body(bytes: &[u8]) -> Option<&str> {
    let (format, rest) = bytes.split_first()?;
    let body_at = u32::from_be_bytes(*rest.first_chunk()?);
    if *format == FORMAT { std::str::from_utf8(bytes.get(body_at as usize..)?).ok() } else { None }
}

/// A record as it is written: its fields are text.
pub(crate) struct Written<'a> {
    /// As in [`Record`].
    pub touch: u64,
    /// As in [`Record`].
    pub rev: Option<&'a Revision>,
    /// The stamp of every field that `stamps` does not name.
    pub stamp: Option<&'a Hlc>,
    /// The stamps of the others.
    pub stamps: &'a Stamps,
    /// The fields.
    pub data: &'a DataText,
}

pub(super) fn encode(record: &Written<'_>) -> Vec<u8> {
    let data = record.data.as_str();
    let mut out = Vec::with_capacity(128 + data.len());
    out.extend_from_slice(&[FORMAT, 0, 0, 0, 0]);
    out.extend_from_slice(&record.touch.to_be_bytes());
    match record.rev {
        Some(rev) => push_text(&mut out, rev.as_str()),
        None => out.extend_from_slice(&NO_TEXT.to_be_bytes()),
    }
    match record.stamp {
        Some(stamp) => push_stamp(&mut out, stamp),
        None => out.extend_from_slice(&NO_TEXT.to_be_bytes()),
    }
    push_length(&mut out, record.stamps.len());
    for (field, stamp) in record.stamps.iter() {
        push_text(&mut out, field);
        push_stamp(&mut out, stamp);
    }
    let body_at = u32::try_from(out.len()).expect("a record's header is small");
    out[1..5].copy_from_slice(&body_at.to_be_bytes());
    out.extend_from_slice(data.as_bytes());
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Record {
    let mut reader = Reader(&bytes[REV_AT..]);
    let rev = reader.text().map(Revision);
    let stamp = reader.stamp();
    let mut stamps = Stamps::new();
    for _ in 0..reader.length() {
        let field = reader.text().expect(DAMAGED);
        stamps.insert(field, reader.stamp().expect(DAMAGED));
    }
    let data = from_json_text(body(bytes).as_bytes()).expect(DAMAGED);
    if let Some(stamp) = stamp {
        stamps.spread(&stamp, &data);
    }
    Record { touch: Header::of(bytes).touch, rev, stamps, data }
}

/// Only the revision.
pub(super) fn decode_rev(bytes: &[u8]) -> Option<Revision> {
    Reader(&bytes[REV_AT..]).text().map(Revision)
}

/// Some fields of a stored record, in the order of `names`; the others are skipped over unread.
pub(crate) fn pick(bytes: &[u8], names: &[&str]) -> Vec<Option<Value>> {
    holm_protocol::pick(&bytes[Header::of(bytes).body_at..], names).expect(DAMAGED)
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("a record has fewer than 2^32 of anything");
    out.extend_from_slice(&length.to_be_bytes());
}

fn push_stamp(out: &mut Vec<u8>, stamp: &Hlc) {
    push_text(out, stamp.client.as_str());
    out.extend_from_slice(&stamp.ms.to_be_bytes()[2..]);
    out.extend_from_slice(&stamp.counter.to_be_bytes());
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    push_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, tail) = self.0.split_first_chunk().expect(DAMAGED);
        self.0 = tail;
        *head
    }

    fn length(&mut self) -> usize {
        u32::from_be_bytes(self.take()) as usize
    }

    fn stamp(&mut self) -> Option<Hlc> {
        let client = ClientId(self.text()?);
        let mut ms = [0; 8];
        ms[2..].copy_from_slice(&self.take::<6>());
        Some(Hlc { ms: u64::from_be_bytes(ms), counter: u16::from_be_bytes(self.take()), client })
    }

    fn text(&mut self) -> Option<String> {
        let length = u32::from_be_bytes(self.take());
        if length == NO_TEXT {
            return None;
        }
        let (text, tail) = self.0.split_at_checked(length as usize).expect(DAMAGED);
        self.0 = tail;
        Some(text_of(text).to_owned())
    }
}

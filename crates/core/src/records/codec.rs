//! A record as bytes: a header that is read alone, then the fields as JSON text that goes to JavaScript as it is.
//!
//! ```text
//! format 1 · header length u32 · touch u64 · rev: text or 0xFF·4 · clients: count, texts · stamps: count, (field, ms u48, counter, client) · body
//! ```
//!
//! Numbers are big-endian, counts and text lengths u32. The store checks its bytes: a record that does not decode was never
//! written, and is a bug.

use holm_protocol::{ClientId, Data, Hlc, Revision, Stamps, from_json_text, to_json_text};
use serde_json::Value;

use super::Record;

const FORMAT: u8 = 1;
const NO_TEXT: u32 = u32::MAX;
const DAMAGED: &str = "the store gives back the bytes of a record as they were written";

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
    std::str::from_utf8(&bytes[Header::of(bytes).body_at..]).expect(DAMAGED)
}

pub(super) fn encode(record: &Record) -> Vec<u8> {
    let mut clients: Vec<&ClientId> = Vec::new(); // most often one
    let mut writers = Vec::with_capacity(record.stamps.len());
    for stamp in record.stamps.values() {
        writers.push(clients.iter().position(|client| **client == stamp.client).unwrap_or(clients.len()));
        if writers.last() == Some(&clients.len()) {
            clients.push(&stamp.client);
        }
    }
    let mut out = vec![FORMAT, 0, 0, 0, 0];
    out.extend_from_slice(&record.touch.to_be_bytes());
    match &record.rev {
        Some(rev) => push_text(&mut out, rev.as_str()),
        None => out.extend_from_slice(&NO_TEXT.to_be_bytes()),
    }
    push_length(&mut out, clients.len());
    clients.iter().for_each(|client| push_text(&mut out, client.as_str()));
    push_length(&mut out, record.stamps.len());
    for ((field, stamp), writer) in record.stamps.iter().zip(writers) {
        push_text(&mut out, field);
        out.extend_from_slice(&stamp.ms.to_be_bytes()[2..]);
        out.extend_from_slice(&stamp.counter.to_be_bytes());
        push_length(&mut out, writer);
    }
    let body_at = u32::try_from(out.len()).expect("a record's header is small");
    out[1..5].copy_from_slice(&body_at.to_be_bytes());
    out.extend_from_slice(to_json_text(&record.data).as_bytes());
    out
}

pub(super) fn decode(bytes: &[u8]) -> Record {
    let mut reader = Reader(&bytes[5..]);
    let touch = u64::from_be_bytes(reader.take());
    let rev = reader.text().map(Revision);
    let clients: Vec<ClientId> = (0..reader.length()).filter_map(|_| reader.text().map(ClientId)).collect();
    let mut stamps = Stamps::new();
    for _ in 0..reader.length() {
        let field = reader.text().expect(DAMAGED);
        let mut ms = [0; 8];
        ms[2..].copy_from_slice(&reader.take::<6>());
        let counter = u16::from_be_bytes(reader.take());
        let client = clients[reader.length()].clone();
        stamps.insert(field, Hlc { ms: u64::from_be_bytes(ms), counter, client });
    }
    Record { touch, rev, stamps, data: decode_data(bytes) }
}

/// Only the fields.
pub(super) fn decode_data(bytes: &[u8]) -> Data {
    from_json_text(&bytes[Header::of(bytes).body_at..]).expect(DAMAGED)
}

/// Some fields of a stored record, in the order of `names`; the others are skipped over unread.
pub(crate) fn pick(bytes: &[u8], names: &[&str]) -> Vec<Option<Value>> {
    holm_protocol::pick(&bytes[Header::of(bytes).body_at..], names).expect(DAMAGED)
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("a record has fewer than 2^32 of anything");
    out.extend_from_slice(&length.to_be_bytes());
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

    fn text(&mut self) -> Option<String> {
        let length = u32::from_be_bytes(self.take());
        if length == NO_TEXT {
            return None;
        }
        let (text, tail) = self.0.split_at_checked(length as usize).expect(DAMAGED);
        self.0 = tail;
        Some(String::from_utf8(text.to_vec()).expect(DAMAGED))
    }
}

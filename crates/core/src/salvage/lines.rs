//! The lines of a salvage.

use holm_protocol::{Object, ToJson, write_fields};

/// Writes the fields of a line.
pub(super) type Fill<'f> = dyn Fn(&mut Object<'_>) + 'f;

/// A line, without its end.
pub(super) struct Line<'l> {
    pub kind: &'l str,
    pub fields: &'l Fill<'l>,
}

impl ToJson for Line<'_> {
    fn fields(&self, object: &mut Object<'_>) {
        object.field("type", &self.kind);
        (self.fields)(object);
    }
}

/// JSON text as it is stored. It may have been written in several lines, by a server.
pub(super) struct Raw<'r>(pub &'r str);

impl ToJson for Raw<'_> {
    fn write(&self, text: &mut String) {
        text.extend(self.0.chars().map(|char| if char == '\n' || char == '\r' { ' ' } else { char }));
    }
}

/// How many lines there are of each kind.
#[derive(Default)]
pub(super) struct Counts {
    pub records: usize,
    pub pending: usize,
    pub parked: usize,
    pub orphans: usize,
    pub kv: usize,
}

write_fields!(Counts { records, pending, parked, orphans, kv });

/// The last line.
pub(super) struct End {
    pub counts: Counts,
    pub lost: Vec<String>,
}

impl ToJson for End {
    fn fields(&self, object: &mut Object<'_>) {
        object.all("type counts lost", &[&"end", &self.counts, &self.lost]);
    }
}

//! How two edits of one record become one, field by field or whole. Decided alike by server and engine.
//!
//! Stamps name the changed fields: a field with a stamp and no value was removed; a value without a
//! stamp is repeated from what the writer saw and changes nothing on a row that exists.

#[cfg(feature = "full")]
use crate::Ways;
use crate::{Data, Hlc, Stamps, Value, to_json_text};

/// What an edit does to the fields of a row.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'e> {
    /// The values.
    pub data: &'e Data,
    /// The changed fields, and when.
    pub stamps: &'e Stamps,
    /// How those of them merge that do so in a way of their own.
    #[cfg(feature = "full")]
    pub ways: &'e Ways,
}

impl Edit<'_> {
    /// What a row's value of a field becomes, if the field merges in a way of its own.
    #[must_use]
    pub fn in_its_own_way(&self, field: &str, theirs: Option<&Value>) -> Option<Value> {
        #[cfg(feature = "full")]
        if let Some(own) = self.ways.get(field) {
            return own.way.merge(own.before.as_ref(), self.data.get(field)?, theirs);
        }
        let _ = (field, theirs);
        None
    }
}

/// Merges an edit into a row, field by field. Returns the stamped fields where the row's own value won.
///
/// A field that `changed_since_base` denies takes the edit's value, and so does one that the same client wrote
/// last: a client's edits come in its order, whatever the way did to their stamps. Any other takes the value with
/// the greater stamp (time, counter, client), and between equal stamps the greater JSON text, so that two replicas
/// that merge edits of different clients in any order end alike. A stamp of a field never goes back: an edit that
/// was made in sight of a later stamp gets the next one after it.
///
/// A field with a way of its own ([`crate::Way`]) takes what both make of it, whoever changed it when.
///
/// ```
/// use holm_protocol::{Data, Edit, Stamps, Ways, from_json, json, merge};
/// let data = |v| -> Data { from_json(&v).expect("an object") };
/// let stamps = |v| -> Stamps { from_json(&v).expect("stamps") };
/// let mut row = data(json!({ "title": "milk", "done": false }));
/// let mut row_stamps = stamps(json!({ "title": "000000000005-0000-c_a", "done": "000000000001-0000-c_a" }));
/// let mine = data(json!({ "title": "bread", "done": true }));
/// let my_stamps = stamps(json!({ "title": "000000000004-0000-c_b", "done": "000000000004-0000-c_b" }));
/// let edit = Edit { data: &mine, stamps: &my_stamps, ways: &Ways::new() };
/// let lost = merge(&mut row, &mut row_stamps, edit, |_| true);
/// assert_eq!(row, data(json!({ "title": "milk", "done": true })));
/// assert_eq!(lost, ["title"]);
/// ```
pub fn merge<'e>(
    row: &mut Data,
    row_stamps: &mut Stamps,
    edit: Edit<'e>,
    changed_since_base: impl Fn(&str) -> bool,
) -> Vec<&'e str> {
    let mut lost = Vec::new();
    for (field, mine) in edit.stamps.iter() {
        let theirs = row_stamps.get(field);
        if let Some(merged) = edit.in_its_own_way(field, row.get(field)) {
            let stamp = theirs.map_or_else(|| mine.clone(), |theirs| in_sight_of(theirs, mine));
            row.insert(field.clone(), merged);
            row_stamps.insert(field.clone(), stamp);
            continue;
        }
        let value = edit.data.get(field);
        let stamp = match theirs {
            None => Some(mine.clone()),
            Some(theirs) if theirs == mine && row.get(field) == value => Some(mine.clone()),
            Some(theirs) if theirs.client == mine.client || !changed_since_base(field) => {
                Some(in_sight_of(theirs, mine))
            }
            Some(theirs) => wins((theirs, row.get(field)), (mine, value)).then(|| mine.clone()),
        };
        let Some(stamp) = stamp else {
            lost.push(field.as_str());
            continue;
        };
        match value {
            Some(value) => row.insert(field.clone(), value.clone()),
            None => row.remove(field),
        }
        row_stamps.insert(field.clone(), stamp);
    }
    lost
}

/// Whether `mine` replaces the whole record: its newest stamp is not older than the newest of `theirs`, or the same
/// client's, whose edits come in its order.
///
/// ```
/// use holm_protocol::{Stamps, last_write};
/// let at = |text: &str| Stamps::from([("title".to_owned(), text.parse().expect("a stamp"))]);
/// assert!(last_write(&at("000000000001-0000-c_a"), &at("000000000002-0000-c_b")));
/// assert!(!last_write(&at("000000000003-0000-c_a"), &at("000000000002-0000-c_b")));
/// ```
#[must_use]
pub fn last_write(theirs: &Stamps, mine: &Stamps) -> bool {
    let (mine, theirs) = (mine.values().max(), theirs.values().max());
    let is_own = mine.zip(theirs).is_some_and(|(mine, theirs)| mine.client == theirs.client);
    is_own || mine >= theirs
}

fn in_sight_of(theirs: &Hlc, mine: &Hlc) -> Hlc {
    if mine > theirs { mine.clone() } else { theirs.next_by(&mine.client) }
}

fn wins(theirs: (&Hlc, Option<&Value>), mine: (&Hlc, Option<&Value>)) -> bool {
    let text = |value: Option<&Value>| value.map(|value| to_json_text(value));
    mine.0.cmp(theirs.0).then_with(|| text(mine.1).cmp(&text(theirs.1))).is_gt()
}

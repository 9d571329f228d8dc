//! Records, patches and ids are looked through where they come in.

use holm_protocol::{Data, DataText, ErrorCode, ID_BYTES_MAX, RECORD_BYTES_MAX, ToJson, Value, to_json_text};

use super::{Collection, Field};
use crate::Error;
use crate::value::{Refusal, is_unset};

/// The depth at which a field's value begins: the record itself is not counted.
const FIELD_DEPTH: usize = 1;

/// Whether a record may have this id.
///
/// # Errors
/// `invalid-id` for an empty one, for one of more than [`ID_BYTES_MAX`] bytes, and for `__proto__`, which JavaScript cannot use as a key.
pub fn check_id(id: &str) -> Result<(), Error> {
    let why = match id {
        "" => "a record id must not be empty".to_owned(),
        "__proto__" => "a record id must not be \"__proto__\"".to_owned(),
        _ if id.len() > ID_BYTES_MAX => {
            format!("a record id has at most {ID_BYTES_MAX} bytes; this one has {}", id.len())
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorCode::InvalidId, why).with_field("id"))
}

impl Collection {
    /// Looks through a whole record, and fills in defaults.
    ///
    /// # Errors
    /// `invalid-record` naming the field that is missing, unknown or of the wrong type; `invalid-value` for what nests too deep or
    /// stands for nothing; `record-too-large` over [`RECORD_BYTES_MAX`] bytes of JSON.
    pub fn check(&self, mut data: Data) -> Result<Data, Error> {
        self.check_names(&data)?;
        self.fill(&mut data);
        for (name, field) in self.fields.iter() {
            let fits = match data.get(name) {
                Some(value) => field.check(value, FIELD_DEPTH),
                None if field.optional => Ok(()),
                None => Err(missing()),
            };
            fits.map_err(|refusal| refusal.in_field(name).into_error(&self.name))?;
        }
        self.check_size(&data)?;
        Ok(data)
    }

    /// Whether a record that is text is whole and fits. Where it is not so, [`Collection::check`] fills it, or tells why.
    pub(crate) fn fits(&self, data: &DataText) -> bool {
        let is_needed = |field: &Field| !field.optional || field.default.is_some();
        let mut lacking = self.fields.values().filter(|field| is_needed(field)).count();
        let mut fit = data.as_str().len() <= RECORD_BYTES_MAX;
        let looked = data.fields(&mut |name, parser| {
            let Some(field) = self.fields.get(&*name) else {
                fit = false;
                return parser.skip();
            };
            lacking -= usize::from(is_needed(field));
            fit &= field.fits(parser, FIELD_DEPTH)?;
            Ok(())
        });
        looked.is_ok() && fit && lacking == 0
    }

    /// Gives a record the defaults that it lacks.
    pub fn fill(&self, data: &mut Data) {
        for (name, field) in self.fields.iter() {
            if let Some(default) = field.default.as_ref().filter(|_| !data.contains_key(name)) {
                data.insert(name.clone(), default.clone());
            }
        }
    }

    /// The same for a record that is text; `None` where it lacks none.
    pub(crate) fn fill_text(&self, data: &DataText) -> Option<DataText> {
        let defaults = self.fields.iter().filter_map(|(name, field)| Some((name.as_str(), field.default.as_ref()?)));
        let (names, values): (Vec<&str>, Vec<&Value>) = defaults.unzip();
        if names.is_empty() {
            return None;
        }
        let found = holm_protocol::pick(data.as_str().as_bytes(), &names).ok()?;
        if !found.contains(&None) {
            return None;
        }
        let mut filled = data.as_str().strip_suffix('}')?.to_owned();
        for ((name, value), _) in names.iter().zip(values).zip(&found).filter(|(_, found)| found.is_none()) {
            if filled.len() > 1 {
                filled.push(',');
            }
            name.write(&mut filled);
            filled.push(':');
            value.write(&mut filled);
        }
        Some(DataText::again(filled + "}"))
    }

    /// Looks through the changed fields of a record; a removal is for optional fields only.
    ///
    /// # Errors
    /// As for [`Collection::check`].
    pub fn check_patch(&self, patch: &Data) -> Result<(), Error> {
        self.check_names(patch)?;
        for (name, value) in patch {
            let Some(field) = self.fields.get(name) else { continue };
            let fits = match is_unset(value) {
                false => field.check(value, FIELD_DEPTH),
                true if field.optional => Ok(()),
                true => Err(Refusal::new(ErrorCode::InvalidRecord, "is not optional: it cannot be removed")),
            };
            fits.map_err(|refusal| refusal.in_field(name).into_error(&self.name))?;
        }
        self.check_size(patch)
    }

    fn check_names(&self, data: &Data) -> Result<(), Error> {
        let Some(name) = data.keys().find(|name| !self.fields.contains_key(*name)) else { return Ok(()) };
        let why = match name.as_str() {
            "id" => "is the record's id: give it beside the fields",
            "__proto__" => "must not be a field's name: JavaScript would change the object's prototype",
            _ => "is not a declared field",
        };
        Err(Refusal::new(ErrorCode::InvalidRecord, why).in_field(name).into_error(&self.name))
    }

    /// Looks how large a record is.
    ///
    /// # Errors
    /// `record-too-large` over [`RECORD_BYTES_MAX`] bytes of JSON.
    pub fn check_size(&self, data: &Data) -> Result<(), Error> {
        let bytes = json_bytes(data);
        if bytes <= RECORD_BYTES_MAX {
            return Ok(());
        }
        let largest = data.iter().max_by_key(|(_, value)| json_bytes(*value));
        let message =
            format!("{}: a record has at most {RECORD_BYTES_MAX} bytes of JSON; this one has {bytes}", self.name);
        let error = Error::new(ErrorCode::RecordTooLarge, message);
        Err(match largest {
            Some((name, _)) => error.with_field(name),
            None => error,
        })
    }
}

fn missing() -> Refusal {
    Refusal::new(ErrorCode::InvalidRecord, "is missing: it has no default and is not optional")
}

/// How long the JSON is.
fn json_bytes(value: &dyn ToJson) -> usize {
    to_json_text(value).len()
}

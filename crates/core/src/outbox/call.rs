//! Calls of functions on the server.

use holm_protocol::{Data, DataText, ErrorCode, Kind, MutationId, RECORD_BYTES_MAX, Value, to_json_text};
use holm_store::{Draft, Halt};

use super::effect::take_effect;
use super::park::wanted_fields;
use super::receipt::{self, ReceiptState};
use super::{Called, Entry, Moment, Operation, Place, Planned, WriteContext, entry_at, store_entry, ways, write};
use crate::local::Local;
use crate::{Error, records};

/// The name of a function holds at most this many bytes, as a collection's on the server.
const NAME_BYTES_MAX: usize = 128;

/// A function of the server, and what it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub name: String,
    /// Its arguments.
    pub args: Value,
}

impl Call {
    /// A call, if one can be made of this.
    ///
    /// # Errors
    /// `invalid-argument` for a name that is empty or too long, and for arguments that are larger than any record.
    pub fn new(name: &str, args: Value) -> Result<Self, Error> {
        let invalid = |message: String| Err(Error::new(ErrorCode::InvalidArgument, message));
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return invalid(format!("the name of a function holds 1 to {NAME_BYTES_MAX} bytes"));
        }
        let bytes = to_json_text(&args).len();
        if bytes > RECORD_BYTES_MAX {
            return invalid(format!("the arguments of a call hold at most {RECORD_BYTES_MAX} bytes, not {bytes}"));
        }
        Ok(Self { name: name.to_owned(), args })
    }
}

/// Draws the place of a call, ahead of what shows its effect.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn begin(draft: &mut Draft<'_>, receipt: &MutationId) -> Planned<Place> {
    let mut local = Local::read(draft)?;
    let order = local.next_order();
    local.save(draft);
    Ok(Place { order, id: receipt.0.clone(), ..Place::default() })
}

/// Queues a call at its place; what was written since that was drawn shows its effect.
///
/// # Errors
/// [`holm_store::Halt::Missing`]; `storage-corrupt`.
pub fn save(draft: &mut Draft<'_>, now_ms: u64, place: Place, call: &Call, records: &[(&str, &str)]) -> Planned<()> {
    let mut effect = Vec::with_capacity(records.len());
    for (order, (collection, id)) in (place.order + 1..).zip(records) {
        effect.push(Place { order, collection: (*collection).to_owned(), id: (*id).to_owned(), joined: None });
    }
    let Place { order, id, .. } = place;
    let mid = MutationId(id.clone());
    receipt::save(draft, &mid, &ReceiptState::Pending);
    let call = Some(Called { name: call.name.clone(), args: call.args.clone(), effect, kept: Vec::new() });
    store_entry(draft, &Entry { order, mid, id, kind: Kind::Call, at: now_ms, call, ..Entry::default() });
    Ok(())
}

/// A call that is parked has what showed its effect with it.
pub(super) fn keep_effect(draft: &mut Draft<'_>, moment: &Moment<'_>, mut entry: Box<Entry>) -> Planned<Box<Entry>> {
    for place in entry.effect() {
        if let Some(write) = entry_at(draft, place)? {
            ways::undo(draft, moment.touch, &write)?;
        }
    }
    let kept = take_effect(draft, moment, &entry)?;
    if let Some(call) = &mut entry.call {
        (call.kept, call.effect) = (kept, Vec::new());
    }
    Ok(entry)
}

/// Makes a parked call once more, as a new one, and shows again what its effect still can be.
pub(super) fn again(draft: &mut Draft<'_>, cx: &WriteContext<'_>, parked: Called, edit: &Data) -> Planned<()> {
    if !edit.is_empty() {
        let message = "a call has no fields to edit; call the function again";
        return Err(Error::new(ErrorCode::InvalidArgument, message).into());
    }
    let place = begin(draft, &receipt::mutation_id(cx.receipt, cx.written))?;
    let mut shown = Vec::new();
    for write in &parked.kept {
        let cx = WriteContext { of: Some(&place), written: shown.len(), together: None, ..cx.clone() };
        if show_again(draft, &cx, write)? {
            shown.push((write.collection.as_str(), write.id.as_str()));
        }
    }
    save(draft, cx.now_ms, place.clone(), &Call { name: parked.name, args: parked.args }, &shown)
}

/// Whether a write could be shown again: its record may be gone, and its collection too.
fn show_again(draft: &mut Draft<'_>, cx: &WriteContext<'_>, kept: &Entry) -> Planned<bool> {
    let now = records::read(draft, &kept.collection, &kept.id)?;
    let (operation, data) = match kept.kind {
        Kind::Delete => (Operation::Delete, Data::new()),
        Kind::Create | Kind::Put if now.is_none() => (Operation::Put, kept.data.clone()),
        _ => (Operation::Patch, wanted_fields(cx.schema, kept, &now)),
    };
    let row = (kept.id.clone(), DataText::from(&data));
    match write(draft, cx, &kept.collection, operation, &[row]).map_err(holm_store::PlanError::into_halt) {
        Ok(()) => Ok(true),
        Err(Halt::Failed(_)) => Ok(false),
        Err(Halt::Missing(missing)) => Err(missing.into()),
    }
}

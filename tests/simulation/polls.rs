//! Polls: a counter, a set and a text, of which each change changes all three by the same character. So each tells of the others
//! what was lost or done twice, on the server and on every device at any moment (invariant 18).

use std::collections::BTreeSet;
use std::rc::Rc;

use holm_core::outbox::{Operation, ReceiptState};
use holm_protocol::Data;
use holm_server::StoredRow;
use serde_json::{Map, Value, json};

use crate::check::told;
use crate::device::Device;
use crate::dice::Dice;
use crate::history::{Added, Fate};
use crate::odds::NEVER;
use crate::snapshot::Snapshot;
use crate::world::{USERS, World};

/// The collection.
pub const POLLS: &str = "polls";

/// What a device shows of a refused vote: nothing, or the vote.
const REFUSED: [&str; 2] = ["", r#","parked":"keep""#];

/// Draws that for a run, as the schema says it.
pub fn draw_refused(dice: &Dice) -> &'static str {
    dice.one_of::<&str>(&REFUSED)
}

/// What somebody is about to do to a poll.
pub struct Change {
    /// How.
    pub operation: Operation,
    /// The fields, all of them.
    pub fields: Map<String, Value>,
    letter: char,
    is_removal: bool,
}

/// Draws what a device does to a poll that it sees so.
pub fn draw(world: &World, device: &Device, dice: &Dice, poll: &str, seen: &Value) -> Change {
    let votes = seen["votes"].as_i64().unwrap_or(0);
    let mut tags = seen["tags"].as_array().cloned().unwrap_or_default();
    let mut body: Vec<char> = seen["body"].as_str().unwrap_or_default().chars().collect();
    let own = removable(world, device, poll, &body);
    let is_removal = !own.is_empty() && dice.permille(300);
    let letter = if is_removal { *dice.one_of(&own) } else { world.next_letter() };
    let tag = Value::from(letter.to_string());
    if is_removal {
        tags.retain(|other| *other != tag);
        body.retain(|other| *other != letter);
    } else {
        let at = usize::try_from(dice.below(body.len() as u64 + 1)).expect("a place");
        tags.insert(at.min(tags.len()), tag);
        body.insert(at, letter);
    }
    let votes = if is_removal { votes - 1 } else { votes + 1 };
    let Value::Object(fields) = json!({ "votes": votes, "tags": tags, "body": body.iter().collect::<String>() }) else {
        unreachable!("an object")
    };
    let operation = match seen {
        Value::Null => *dice.one_of(&[Operation::Insert, Operation::Put]),
        _ => *dice.one_of(&[Operation::Patch, Operation::Patch, Operation::Put]),
    };
    Change { operation, fields, letter, is_removal }
}

/// What a device may take back: what it added itself and the server has. Where the server may forget that, nothing.
fn removable(world: &World, device: &Device, poll: &str, body: &[char]) -> Vec<char> {
    if world.odds.restore_ms < NEVER || world.odds.rollback_ms < NEVER {
        return Vec::new();
    }
    let there: BTreeSet<char> = on_the_server(world, device.user, poll).into_iter().collect();
    let added = world.history.added.borrow();
    let is_own =
        |letter: &char| added.get(letter).is_some_and(|by| by.device == device.number && by.removed.is_empty());
    body.iter().copied().filter(|letter| there.contains(letter) && is_own(letter)).collect()
}

fn on_the_server(world: &World, user: &str, poll: &str) -> Vec<char> {
    let rows = world.backend.rows(user);
    let row = rows.iter().find(|row| row.collection == POLLS && row.id == poll);
    row.map_or("", letters).chars().collect()
}

fn letters(row: &StoredRow) -> &str {
    row.data.get("body").and_then(|body| body.as_str()).unwrap_or_default()
}

/// What the server has of all polls.
pub fn known(world: &World) -> BTreeSet<char> {
    let rows = USERS.iter().flat_map(|user| world.backend.rows(user));
    rows.filter(|row| row.collection == POLLS).flat_map(|row| letters(&row).chars().collect::<Vec<_>>()).collect()
}

impl Change {
    /// It is about to be written, under this receipt.
    pub fn begin(&self, world: &World, device: &Device, poll: &str, receipt: &str) {
        let mut added = world.history.added.borrow_mut();
        if self.is_removal {
            added.entry(self.letter).and_modify(|added| added.removed.push(receipt.to_owned()));
            return;
        }
        let (device, poll, receipt) = (device.number, poll.to_owned(), receipt.to_owned());
        added.insert(self.letter, Added { device, poll, receipt, removed: Vec::new() });
    }
}

/// 18, at any moment: votes, tags and characters are as many, and the same.
pub fn server_counts_right(world: &World, user: &str) -> Result<(), String> {
    let rows = world.backend.rows(user);
    let polls = rows.iter().filter(|row| row.collection == POLLS && !row.deleted);
    polls.map(|row| (&row.id, &row.data)).try_for_each(|(id, data)| fits(world, id, data))
}

/// 18, of what a device shows.
pub fn device_counts_right(world: &World, snapshot: &Snapshot) -> Result<(), String> {
    // Of what goes again as another client it is not known whether the server has it already, until it says so.
    let goes_again =
        |name| snapshot.lanes.get(name).is_some_and(|lane| lane.values().any(|(_, entry)| entry.not_before > 0));
    let polls = snapshot.records.iter().filter(|(name, _)| name.0 == POLLS && !goes_again(name));
    polls.map(|(name, record)| (&name.1, &record.data)).try_for_each(|(id, data)| {
        fits(world, id, data).map_err(|what| {
            let name = (POLLS.to_owned(), id.clone());
            format!("{what}\n  {:?}\n  {:?}", snapshot.bases.get(&name), snapshot.lanes.get(&name))
        })
    })
}

fn fits(world: &World, id: &str, data: &Data) -> Result<(), String> {
    // A write that had joined another may be sent again by itself then, under its own id.
    if world.was_rolled_back() {
        return Ok(());
    }
    let votes = data.get("votes").map(ToString::to_string).unwrap_or_default();
    let tags = data.get("tags").and_then(|tags| tags.as_array()).unwrap_or_default();
    let mut tags: Vec<&str> = tags.iter().filter_map(|tag| tag.as_str()).collect();
    let body = data.get("body").and_then(|body| body.as_str()).unwrap_or_default();
    let mut letters: Vec<String> = body.chars().map(String::from).collect();
    tags.sort_unstable();
    letters.sort_unstable();
    let count = letters.len().to_string();
    // Of what a restored server had forgotten, its writer and whoever had it before his eyes may both tell it.
    let forgotten = world.history.forgotten.borrow();
    letters.dedup_by(|again, letter| again == letter && letter.chars().all(|letter| forgotten.contains(&letter)));
    let is_each_once = letters.windows(2).all(|pair| pair[0] != pair[1]);
    if votes == count && tags == letters && is_each_once {
        return Ok(());
    }
    Err(format!("18: poll {id} has {votes} votes, the tags {tags:?}, and {letters:?}"))
}

/// 18, at the end: all that a device added and the server acknowledged is there, and what was taken out is not.
pub fn all_is_there(world: &World, device: &Rc<Device>, snapshot: &Snapshot) -> Result<(), String> {
    let calls = world.history.calls.borrow();
    let is_done = |receipt: &String| {
        let is_told = calls.get(receipt).is_some_and(|call| call.fate == Fate::Acknowledged);
        let state = told(snapshot, receipt).map(|(_, state)| state);
        is_told && matches!(state, Some(ReceiptState::Acknowledged { .. }))
    };
    for (letter, added) in world.history.added.borrow().iter().filter(|(_, added)| added.device == device.number) {
        let is_there = on_the_server(world, device.user, &added.poll).contains(letter);
        let was_removed = added.removed.iter().any(is_done);
        if is_done(&added.receipt) && added.removed.is_empty() && !is_there {
            return Err(format!("18: {letter:?} was acknowledged and is not there: {added:?}"));
        }
        if was_removed && is_there {
            return Err(format!("18: {letter:?} was taken out and is there: {added:?}"));
        }
    }
    Ok(())
}

//! Two accounts that only a function of the server changes: it moves an amount from one to the other, so that their sum stays, and
//! each call that took effect has moved its amount once.

use std::collections::BTreeMap;

use holm_core::engine::{Engine, Question, Transaction};
use holm_core::outbox::{Call, Operation};
use holm_core::{Error, ErrorCode};
use holm_protocol::{Data, from_json};
use holm_server::{Caller, Function, Refusal, Verdict};
use holm_store::Durability;
use serde_json::{Value, json};

use crate::world::World;

/// The collection.
pub const ACCOUNTS: &str = "accounts";
/// The accounts.
pub const BOTH: [&str; 2] = ["from", "to"];
/// What each has before the first call.
const AT_FIRST: u64 = 100;

/// What the server knows to do.
pub fn functions() -> BTreeMap<String, Function> {
    let function: Function = Box::new(transfer);
    BTreeMap::from([("transfer".to_owned(), function)])
}

/// Moves an amount, one account at a time: if there is not enough, what was written already is taken back.
fn transfer(caller: &mut Caller<'_>) -> Result<Verdict, Refusal> {
    let moved = caller.args().as_object().and_then(|args| args.get("amount")?.as_u64()).unwrap_or(0);
    add(caller, "to", moved.cast_signed())?;
    if add(caller, "from", -moved.cast_signed())? < 0 {
        let message = "not enough".to_owned();
        return Ok(Verdict::Reject { code: ErrorCode::Validation, field: None, message });
    }
    Ok(Verdict::Accept)
}

fn add(caller: &mut Caller<'_>, id: &str, amount: i64) -> Result<i64, Refusal> {
    let mut data = caller.read(ACCOUNTS, id)?.unwrap_or_default();
    let now = amount_of(&data).cast_signed() + amount;
    data.insert("amount".to_owned(), from_json(&json!(now)).expect("a number"));
    caller.write(ACCOUNTS, id, data)?;
    Ok(now)
}

fn amount_of(data: &Data) -> u64 {
    data.get("amount").and_then(|amount| amount.as_u64()).unwrap_or(AT_FIRST)
}

/// Reads both accounts, shows what the call will make of them, and calls.
pub async fn call(engine: &Engine, now_ms: u64, receipt: &str, amount: u64, remark: &str) -> Result<(), Error> {
    let tx = Transaction::default();
    let ids = BOTH.map(String::from).to_vec();
    let rows = engine.tx_ask(&tx, now_ms, Question::Records { collection: ACCOUNTS.to_owned(), ids }).await?;
    let rows: Value = serde_json::from_str(&rows).expect("the engine's own JSON");
    let has = |at: usize| rows[at][2]["amount"].as_u64().unwrap_or(AT_FIRST);
    let after = [has(0).saturating_sub(amount), has(1) + amount];
    for ((at, id), amount) in BOTH.iter().enumerate().zip(after) {
        let operation = if rows[at].is_null() { Operation::Put } else { Operation::Patch };
        let rows = json!([[id, { "amount": amount }]]).to_string();
        engine.tx_write(&tx, now_ms, ACCOUNTS, operation, rows.as_bytes()).await?;
    }
    let args = from_json(&json!({ "amount": amount, "remark": remark })).expect("a value");
    let call = Call::new("transfer", args).expect("a call");
    engine.tx_call(&tx, now_ms, receipt, call, Durability::Relaxed).await
}

/// 4: what the accounts of a user have is what the calls that took effect have moved.
pub fn are_right(world: &World, user: &str) {
    let rows = world.backend.rows(user);
    let mut amounts = BOTH.map(|id| {
        let row = rows.iter().find(|row| row.collection == ACCOUNTS && row.id == id && !row.deleted);
        row.map_or(AT_FIRST, |row| amount_of(&row.data))
    });
    let transfers = world.history.transfers.borrow();
    let moved: u64 = world
        .backend
        .effects()
        .iter()
        .filter(|effect| effect.user == user)
        .filter_map(|effect| transfers.get(effect.mid.as_str()))
        .sum();
    amounts[0] += moved;
    if amounts != [AT_FIRST, AT_FIRST + moved] {
        world.history.complain(format!("4: calls moved {moved}, and {BOTH:?} with that put back have {amounts:?}"));
    }
}

//! What users do: they write the same few records on all devices, and some that are only theirs.
//!
//! Every value is written once in a run, so that a value tells whose it is and when it was written.

use std::rc::Rc;

use futures_util::future::select;
use holm_core::engine::{Engine, Order, Question, Transaction};
use holm_core::outbox::{Operation, Parked};
use holm_core::sync::Event;
use holm_core::{Error, ErrorCode};
use holm_protocol::{Data, Kind, from_json_text};
use holm_store::Durability;
use serde_json::{Map, Value, json};

use crate::accounts::{self, ACCOUNTS};
use crate::device::Device;
use crate::dice::Dice;
use crate::history::{Call, Fate, Name, mutation_id};
use crate::notes::NOTES;
use crate::polls::{self, POLLS};
use crate::world::{LISTS, World, list_key};

/// The server finds titles that begin so invalid.
pub const BAD: &str = "bad";

/// Somebody between client and server lets no push with it pass.
pub const FILTERED: &str = "<filtered>";

/// Shared records.
const TASKS: u64 = 5;
const NOTES_MAX: u64 = 3;
/// The end of the id of a record that only transactions write, whose other members may be refused.
pub const IN_TRANSACTIONS: &str = "-tx";
/// Records that are here as long as a list of them is kept.
const ITEMS: u64 = 6;
/// Records that only one device writes, per device.
const MINE: u64 = 3;

struct User {
    world: Rc<World>,
    device: Rc<Device>,
    engine: Engine,
    dice: Dice,
}

/// Uses the app until the calls of this device are used up.
pub async fn live(world: Rc<World>, device: Rc<Device>, engine: Engine) {
    let dice = world.dice.split();
    let user = User { world, device, engine, dice };
    if !user.world.is_calm() {
        user.choose_list().await;
    }
    loop {
        user.world.executor.sleep(user.dice.between(1, user.world.odds.pause_ms_max)).await;
        let left = user.device.calls_left.get();
        if user.world.is_calm() || left == 0 || user.engine.is_closed() {
            return;
        }
        user.device.calls_left.set(left - 1);
        match user.dice.below(100) {
            0..=43 => user.write().await,
            44..=49 => user.choose_list().await,
            50..=54 => user.call().await,
            55..=57 => user.remark().await,
            58..=68 => user.transact().await,
            69..=77 => user.count().await,
            78..=85 => user.read().await,
            86..=90 => user.unpark().await,
            91..=94 => user.sync_now().await,
            _ => user.keep_key().await,
        }
    }
}

impl User {
    fn now_ms(&self) -> u64 {
        self.device.now_ms(&self.world)
    }

    async fn write(&self) {
        let collection = match self.dice.below(100) {
            0..=24 => "mine",
            25..=41 => "items",
            42..=61 => NOTES,
            _ => "tasks",
        };
        let operation = *self.dice.one_of(&[
            Operation::Put,
            Operation::Put,
            Operation::Insert,
            Operation::Patch,
            Operation::Patch,
            Operation::Patch,
            Operation::Delete,
        ]);
        let count = if self.dice.permille(800) { 1 } else { self.dice.between(2, 3) };
        let rows: Vec<Value> = (0..count).map(|_| self.row(collection, operation)).collect();
        let names = names(collection, &rows);
        let receipt = self.engine.draw();
        self.begin(&receipt, names, false, operation == Operation::Delete);
        let text = Value::from(rows).to_string();
        self.world.note(format_args!("device {} {operation:?} {collection} {text} {receipt}", self.device.number));
        let rows =
            self.engine.rows(self.now_ms(), operation, text.as_bytes()).expect("rows as the package writes them");
        let outcome = self.engine.write(self.now_ms(), &receipt, collection, operation, rows).await;
        self.end(&receipt, &outcome);
    }

    /// Keeps a list of items on this device from now on, or keeps it no more.
    async fn choose_list(&self) {
        let key = list_key(self.dice.below(LISTS));
        let order = if self.dice.permille(650) { Order::Subscribe(key) } else { Order::Unsubscribe(key) };
        let outcome = self.engine.order(self.now_ms(), order).await;
        self.world.note(format_args!("device {} chose a list: {outcome:?}", self.device.number));
        // As the package does.
        self.engine.happened(self.now_ms(), Event::Asked);
        let _counted = self.checked(outcome);
    }

    /// Calls a function of the server.
    async fn call(&self) {
        let amount = self.dice.between(1, 40);
        let is_filtered = self.dice.permille(self.world.odds.filter);
        let remark = if is_filtered { FILTERED } else { "" };
        let receipt = self.engine.draw();
        self.calls(&receipt, &receipt, amount);
        self.world.note(format_args!("device {} transfer {amount} {receipt}", self.device.number));
        let outcome = accounts::call(&self.engine, self.now_ms(), &receipt, amount, remark).await;
        self.end(&receipt, &outcome);
    }

    /// A call of so much begins.
    fn calls(&self, receipt: &str, mid: &str, amount: u64) {
        let rows = vec![(String::new(), mid.to_owned())];
        let call = Call { device: self.device.number, rows, is_transaction: false, is_delete: false, fate: Fate::Open };
        self.world.history.begin(receipt, call);
        self.world.history.transfers.borrow_mut().insert(mid.to_owned(), amount);
    }

    /// Writes to an account what no function does: it waits for the calls before it.
    async fn remark(&self) {
        let rows = vec![json!([self.dice.one_of(&accounts::BOTH), { "note": self.world.next_value() }])];
        let receipt = self.engine.draw();
        self.begin(&receipt, names(ACCOUNTS, &rows), false, false);
        let text = Value::from(rows).to_string();
        self.world.note(format_args!("device {} remarks {text} {receipt}", self.device.number));
        let rows = self.engine.rows(self.now_ms(), Operation::Patch, text.as_bytes()).expect("rows");
        let outcome = self.engine.write(self.now_ms(), &receipt, ACCOUNTS, Operation::Patch, rows).await;
        self.end(&receipt, &outcome);
    }

    fn row(&self, collection: &str, operation: Operation) -> Value {
        let id = self.id(collection);
        match operation {
            Operation::Delete => json!([id]),
            Operation::Patch => json!([id, self.fields(collection, operation)]),
            Operation::Put | Operation::Insert => {
                let mut fields = self.fields(collection, operation);
                fields.insert("title".into(), self.title(collection));
                json!([id, fields])
            }
        }
    }

    fn id(&self, collection: &str) -> String {
        match collection {
            "mine" => format!("d{}-{}", self.device.number, self.dice.below(MINE)),
            "items" => format!("i{}", self.dice.below(ITEMS)),
            NOTES => format!("n{}", self.dice.below(NOTES_MAX)),
            _ => format!("t{}", self.dice.below(TASKS)),
        }
    }

    fn title(&self, collection: &str) -> Value {
        let is_bad = collection != "mine" && self.dice.permille(40);
        let is_filtered = self.dice.permille(self.world.odds.filter);
        let value = self.world.next_value();
        Value::from(format!("{}{value}{}", if is_bad { BAD } else { "" }, if is_filtered { FILTERED } else { "" }))
    }

    /// The title of what is written together with a poll: often one that takes the vote back.
    fn beside_a_poll(&self) -> Value {
        if self.dice.permille(300) { format!("{BAD}{}", self.world.next_value()).into() } else { self.title("tasks") }
    }

    /// Each field with even chances; a patch may also remove one.
    fn fields(&self, collection: &str, operation: Operation) -> Map<String, Value> {
        let mut fields = Map::new();
        if self.dice.permille(500) {
            fields.insert("title".into(), self.title(collection));
        }
        if self.dice.permille(500) {
            let is_removal = operation == Operation::Patch && self.dice.permille(200);
            let value = if is_removal { json!({ "$holm": ["unset"] }) } else { self.world.next_value().into() };
            fields.insert("note".into(), value);
        }
        if collection == "items" && self.dice.permille(600) {
            fields.insert("list".into(), format!("l{}", self.dice.below(LISTS)).into());
        }
        if collection == "tasks" && self.dice.permille(500) {
            fields.insert("done".into(), self.dice.permille(500).into());
        }
        if collection == NOTES && self.dice.permille(700) {
            fields.insert("at".into(), self.dice.below(1_000).into());
        }
        fields
    }

    fn begin(&self, receipt: &str, rows: Vec<Name>, is_transaction: bool, is_delete: bool) {
        let call = Call { device: self.device.number, rows, is_transaction, is_delete, fate: Fate::Open };
        self.world.history.begin(receipt, call);
    }

    fn end<R>(&self, receipt: &str, outcome: &Result<R, Error>) {
        let code = outcome.as_ref().err().map(|error| error.code);
        self.world.note(format_args!("device {} {receipt} ended {code:?}", self.device.number));
        self.world.history.end(receipt, outcome);
    }

    /// Counts, tags and types, or takes that back; again while others are in the way.
    async fn count(&self) {
        for _ in 0..3 {
            match self.count_once().await {
                Err(error) if error.code == ErrorCode::Contention => {}
                _ => return,
            }
        }
    }

    async fn count_once(&self) -> Result<(), Error> {
        let tx = Transaction::default();
        let poll = self.dice.below(2).to_string();
        let records = Question::Records { collection: "polls".to_owned(), ids: vec![poll.clone()] };
        let found = self.engine.tx_ask(&tx, self.now_ms(), records).await;
        let record = parsed(&self.checked(found)?)[0][2].clone();
        let change = polls::draw(&self.world, &self.device, &self.dice, &poll, &record);
        let mut rows = vec![(POLLS, json!([[poll, change.fields]]))];
        let mut operation = change.operation;
        if self.dice.permille(150) {
            rows.push(("tasks", json!([[self.id("tasks"), { "title": self.beside_a_poll() }]])));
            operation = Operation::Put;
        }
        let receipt = self.engine.draw();
        change.begin(&self.world, &self.device, &poll, &receipt);
        self.commit_as(&receipt, &tx, operation, &rows).await
    }

    /// Writes a pair that must stay equal, or reads one record to write two; again while others are in the way.
    async fn transact(&self) {
        for _ in 0..3 {
            let outcome =
                if self.dice.permille(500) { self.transact_pair().await } else { self.transact_tasks().await };
            match outcome {
                Err(error) if error.code == ErrorCode::Contention => {}
                _ => return,
            }
        }
    }

    async fn transact_pair(&self) -> Result<(), Error> {
        let value = self.world.next_value();
        let rows = [("pairs", json!([["a", { "value": value }]])), ("pairs", json!([["b", { "value": value }]]))];
        self.commit(&Transaction::default(), Operation::Put, &rows).await
    }

    async fn transact_tasks(&self) -> Result<(), Error> {
        let tx = Transaction::default();
        let (one, two) = (self.id("tasks"), self.id("tasks"));
        let records = Question::Records { collection: "tasks".to_owned(), ids: vec![one.clone(), two.clone()] };
        let found = self.engine.tx_ask(&tx, self.now_ms(), records).await;
        let found = self.checked(found)?;
        let seen = parsed(&found)[0][2].to_string().len();
        let fields =
            json!({ "title": self.world.next_value(), "note": format!("{} after {seen}", self.world.next_value()) });
        let mine = format!("d{}{IN_TRANSACTIONS}", self.device.number);
        let rows = [
            ("tasks", json!([[one, fields]])),
            ("tasks", json!([[two, { "title": self.world.next_value() }]])),
            ("mine", json!([[mine, { "title": self.world.next_value() }]])),
        ];
        self.commit(&tx, Operation::Put, &rows).await
    }

    async fn commit(&self, tx: &Transaction, operation: Operation, rows: &[(&str, Value)]) -> Result<(), Error> {
        self.commit_as(&self.engine.draw(), tx, operation, rows).await
    }

    async fn commit_as(
        &self,
        receipt: &str,
        tx: &Transaction,
        operation: Operation,
        rows: &[(&str, Value)],
    ) -> Result<(), Error> {
        for (collection, rows) in rows {
            let added =
                self.engine.tx_write(tx, self.now_ms(), collection, operation, rows.to_string().as_bytes()).await;
            self.checked(added)?;
        }
        let names =
            rows.iter().flat_map(|(collection, rows)| names(collection, rows.as_array().expect("rows"))).collect();
        self.begin(receipt, names, true, false);
        self.world.note(format_args!("device {} transaction {rows:?} {receipt}", self.device.number));
        let outcome = self.engine.tx_commit(tx, self.now_ms(), receipt, Durability::Relaxed).await;
        self.end(receipt, &outcome);
        outcome
    }

    fn checked<R>(&self, outcome: Result<R, Error>) -> Result<R, Error> {
        outcome.inspect_err(|error| self.world.history.check_code(error))
    }

    /// What the index finds is what a look at every record finds.
    async fn read(&self) {
        let query = self.engine.parse_query(r#"{"collection":"tasks","where":{"done":true},"orderBy":"title"}"#);
        let rows = self.engine.ask(self.now_ms(), Question::Query(query.expect("a query"))).await;
        let Ok(found) = self.checked(rows) else { return };
        for row in parsed(&found)["rows"].as_array().expect("rows") {
            if row[2]["done"] != Value::Bool(true) {
                self.world.history.complain(format!("2: a query for done tasks found {row}"));
            }
        }
    }

    /// Gives a parked mutation up, or sends it again.
    async fn unpark(&self) {
        let Ok(parked) = self.checked(self.engine.ask(self.now_ms(), Question::Parked).await) else { return };
        let parked: Vec<Parked> = from_json_text(parked.as_bytes()).expect("the engine's own JSON");
        if parked.is_empty() {
            return;
        }
        let chosen = self.dice.one_of(&parked);
        let together = |tx: &Option<(String, u32)>| tx.is_some() && *tx == chosen.entry.tx;
        let goes_along = |other: &&Parked| {
            let (mid, after) = (&chosen.entry.mid, other.reason.after.as_ref());
            together(&other.entry.tx) || other.entry.mid == *mid || after == Some(mid)
        };
        let history = &self.world.history;
        for Parked { entry, reason, .. } in parked.iter().filter(goes_along) {
            history.released.borrow_mut().insert(entry.mid.0.clone());
            if reason.code == ErrorCode::Undeliverable {
                history.undelivered.borrow_mut().insert((entry.collection.clone(), entry.id.clone()));
            }
        }
        let mid = chosen.entry.mid.clone();
        // Whoever has a remark sent again makes the account anew where a restored server has none, with what was in it.
        let is_remark = chosen.entry.collection == ACCOUNTS;
        let order = if self.dice.permille(500) && !is_remark {
            let receipt = self.engine.draw();
            // What it is called anew under moves as much.
            let amount = history.transfers.borrow().get(&mid.0).copied();
            amount.map(|amount| history.transfers.borrow_mut().insert(receipt.clone(), amount));
            let mut together: Vec<&Parked> = parked.iter().filter(goes_along).collect();
            together.sort_by_key(|parked| parked.entry.order);
            let deletes = together.iter().enumerate().filter(|(_, parked)| parked.mine.is_none());
            history.deletes.borrow_mut().extend(deletes.map(|(position, _)| mutation_id(&receipt, position)));
            Order::Retry { mid: mid.clone(), receipt, edit: self.edit(chosen) }
        } else {
            Order::Discard(mid.clone())
        };
        let outcome = self.engine.order(self.now_ms(), order).await;
        self.world.note(format_args!("device {} unparked {mid:?}: {outcome:?}", self.device.number));
        let _counted = self.checked(outcome);
    }

    /// What the user puts in its place, if anything.
    fn edit(&self, parked: &Parked) -> Data {
        let has_title = ["tasks", "mine", "items", NOTES].contains(&parked.entry.collection.as_str());
        let is_edited = parked.entry.kind != Kind::Delete && has_title && self.dice.permille(300);
        let title = is_edited.then(|| ("title".to_owned(), self.world.next_value().into()));
        title.into_iter().collect()
    }

    /// Asks for a sync, and loses patience.
    async fn sync_now(&self) {
        let asked = Box::pin(self.engine.sync_now(self.now_ms()));
        select(asked, self.world.executor.sleep(self.dice.between(1, 10_000))).await;
    }

    async fn keep_key(&self) {
        let value = json!(self.world.next_value()).to_string();
        let key = format!("k{}", self.dice.below(3));
        let space = "settings".to_owned();
        let set = Order::KvSet { space: space.clone(), key: key.clone(), json: value, ttl_ms: None };
        let outcome = self.engine.order(self.now_ms(), set).await;
        let _counted = self.checked(outcome);
        let found = self.engine.ask(self.now_ms(), Question::Kv { space, key }).await;
        let _counted = self.checked(found);
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("the engine's own JSON")
}

fn names(collection: &str, rows: &[Value]) -> Vec<Name> {
    rows.iter().map(|row| (collection.to_owned(), row[0].as_str().expect("an id").to_owned())).collect()
}

/// Every mutation of a call.
pub fn mutations<'a>(receipt: &'a str, call: &'a Call) -> impl Iterator<Item = (String, &'a Name)> {
    call.rows.iter().enumerate().map(move |(position, name)| (mutation_id(receipt, position), name))
}

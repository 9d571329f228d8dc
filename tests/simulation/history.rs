//! What happened in a run: every call of the app and its fate, the faults, one hash over all of it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use holm_core::{Error, ErrorCode};

/// The id of a record, with its collection.
pub type Name = (String, String);

/// What the app was told of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing: the tab died, or the call still waits.
    Open,
    /// It is saved on this device.
    Acknowledged,
    /// It is not, with a code that says so.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// One write, batch or transaction that the app asked for.
#[derive(Clone, Debug)]
pub struct Call {
    /// Of which device.
    pub device: usize,
    /// Of each mutation: whose record.
    pub rows: Vec<Name>,
    /// Whether the server must apply all or none.
    pub is_transaction: bool,
    /// Whether it removes records.
    pub is_delete: bool,
    /// What the app was told.
    pub fate: Fate,
}

/// One more vote, one more tag, one more character: each of the three tells of the others.
#[derive(Clone, Debug)]
pub struct Added {
    /// By which device.
    pub device: usize,
    /// To which poll.
    pub poll: String,
    /// Of that write.
    pub receipt: String,
    /// Of the writes in which that device took it back.
    pub removed: Vec<String>,
}

/// The record of a run.
pub struct History {
    hash: Cell<u64>,
    is_traced: bool,
    complaint: RefCell<Option<String>>,
    faults: RefCell<BTreeMap<&'static str, u64>>,
    /// By receipt.
    pub calls: RefCell<BTreeMap<String, Call>>,
    /// How much each call of the function `transfer` is to move, by mutation id.
    pub transfers: RefCell<BTreeMap<String, u64>>,
    /// What was parked when its record was gone, and sent again: a delete, by the mutation id it has now.
    pub deletes: RefCell<BTreeSet<String>>,
    /// Parked mutations that the app gave up or sent again, by mutation id.
    pub released: RefCell<BTreeSet<String>>,
    /// What was added to polls, by the character that stands for it.
    pub added: RefCell<BTreeMap<char, Added>>,
    /// Such characters that the server had, and had no more when it was restored.
    pub forgotten: RefCell<BTreeSet<char>>,
    /// Records of which a mutation was undeliverable, once at least.
    pub undelivered: RefCell<BTreeSet<Name>>,
}

impl History {
    /// Nothing happened yet. `HOLM_TRACE` prints everything that will.
    pub fn new() -> Self {
        Self {
            hash: Cell::new(0xcbf2_9ce4_8422_2325),
            is_traced: std::env::var_os("HOLM_TRACE").is_some(),
            complaint: RefCell::default(),
            faults: RefCell::default(),
            calls: RefCell::default(),
            transfers: RefCell::default(),
            deletes: RefCell::default(),
            released: RefCell::default(),
            added: RefCell::default(),
            forgotten: RefCell::default(),
            undelivered: RefCell::default(),
        }
    }

    /// Writes down what happened (hash: FNV-1a).
    pub fn note(&self, now_ms: u64, what: fmt::Arguments<'_>) {
        let line = format!("{now_ms} {what}");
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        self.hash.set(line.bytes().fold(self.hash.get(), hash));
        if self.is_traced {
            eprintln!("{line}");
        }
    }

    /// The hash over everything that happened.
    pub fn hash(&self) -> u64 {
        self.hash.get()
    }

    /// Counts a fault.
    pub fn fault(&self, what: &'static str) {
        *self.faults.borrow_mut().entry(what).or_default() += 1;
    }

    /// How many faults there were of each kind.
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.faults.borrow().clone()
    }

    /// Something does not hold; only the first counts.
    pub fn complain(&self, what: String) {
        self.complaint.borrow_mut().get_or_insert(what);
    }

    /// What did not hold.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.borrow().clone()
    }

    /// The app asks for something.
    pub fn begin(&self, receipt: &str, call: Call) {
        self.calls.borrow_mut().insert(receipt.to_owned(), call);
    }

    /// The app is told what became of it.
    pub fn end<R>(&self, receipt: &str, outcome: &Result<R, Error>) {
        let fate = match outcome {
            Ok(_) => Fate::Acknowledged,
            Err(error) if error.code == ErrorCode::OutcomeUnknown => Fate::Unknown,
            Err(error) => {
                self.check_code(error);
                Fate::Refused
            }
        };
        if let Some(call) = self.calls.borrow_mut().get_mut(receipt) {
            call.fate = fate;
        }
    }

    /// Complains of codes that no fault of a run explains.
    pub fn check_code(&self, error: &Error) {
        let explained = [
            ErrorCode::NotFound,
            ErrorCode::AlreadyExists,
            ErrorCode::Contention,
            ErrorCode::StorageFull,
            ErrorCode::StorageFailed,
            ErrorCode::OutcomeUnknown,
            ErrorCode::Closed,
            ErrorCode::NewerVersion,
        ];
        if !explained.contains(&error.code) {
            self.complain(format!("14: a call failed with {error}"));
        }
    }
}

/// The id of a call's mutation.
pub fn mutation_id(receipt: &str, position: usize) -> String {
    if position == 0 { receipt.to_owned() } else { format!("{receipt}-{position}") }
}

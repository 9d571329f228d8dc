//! The server of a run: the real one, without HTTP. It goes down, comes up in another life, and is restored from a
//! backup.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::BTreeSet;

use holm_server::{Backup, Effect, Life, Rules, Server, StoredRow};

/// A life of the database, and its last change once it is over.
#[derive(Clone)]
struct Span {
    name: String,
    end: Option<u64>,
}

/// A backup, and what was known of the database then.
struct Kept {
    backup: Backup,
    lives: Vec<Span>,
}

/// See the module.
pub struct Backend {
    server: RefCell<Server>,
    rules: Box<dyn Fn() -> Rules>,
    lives: RefCell<Vec<Span>>,
    kept: RefCell<Option<Kept>>,
    last_life: Cell<u64>,
    down_until_ms: Cell<u64>,
    undone: RefCell<BTreeSet<String>>,
    restores: Cell<u64>,
}

impl Backend {
    /// An empty server.
    pub fn new(rules: impl Fn() -> Rules + 'static) -> Self {
        let life = Span { name: "life0".to_owned(), end: None };
        let server = Server::in_memory(rules(), &Life::Named(life.name.clone())).expect("SQLite in memory");
        Self {
            server: RefCell::new(server),
            rules: Box::new(rules),
            lives: RefCell::new(vec![life]),
            kept: RefCell::default(),
            last_life: Cell::new(0),
            down_until_ms: Cell::new(0),
            undone: RefCell::default(),
            restores: Cell::new(0),
        }
    }

    /// The server as it is.
    pub fn server(&self) -> Ref<'_, Server> {
        self.server.borrow()
    }

    /// The server, to push to.
    pub fn server_mut(&self) -> RefMut<'_, Server> {
        self.server.borrow_mut()
    }

    /// Every row and tombstone of a user.
    pub fn rows(&self, user: &str) -> Vec<StoredRow> {
        let rows = self.server().rows().expect("SQLite in memory");
        rows.into_iter().filter(|row| row.user == user).collect()
    }

    /// Every effect of the timeline that the server is in.
    pub fn effects(&self) -> Vec<Effect> {
        self.server().effects().expect("SQLite in memory")
    }

    /// The mutations that took effect, also where a backup took that back.
    pub fn ever_applied(&self) -> BTreeSet<String> {
        let now = self.effects().into_iter().map(|effect| effect.mid.0);
        self.undone.borrow().iter().cloned().chain(now).collect()
    }

    /// Whether effects were taken back.
    pub fn was_restored(&self) -> bool {
        self.restores() > 0
    }

    /// How often that happened. Whatever was under way to the server then is lost.
    pub fn restores(&self) -> u64 {
        self.restores.get()
    }

    /// Whether a change of a life is one that the server still has.
    pub fn remembers(&self, life: &str, change: u64) -> bool {
        let lives = self.lives.borrow();
        let span = lives.iter().find(|span| span.name == life);
        span.is_some_and(|span| change <= span.end.unwrap_or_else(|| self.last_change()))
    }

    /// Whether nobody answers.
    pub fn is_down(&self, now_ms: u64) -> bool {
        now_ms < self.down_until_ms.get()
    }

    /// Goes down, and comes up again then, with all that it had.
    pub fn restart(&self, until_ms: u64) {
        self.down_until_ms.set(until_ms);
        let now = self.keep();
        self.live_again(&now);
    }

    /// Keeps a copy of all that there is.
    pub fn back_up(&self) {
        self.kept.replace(Some(self.keep()));
    }

    /// Takes the last backup in place of what there is, if there is one.
    pub fn restore(&self, until_ms: u64) -> bool {
        let Some(kept) = self.kept.take() else { return false };
        self.down_until_ms.set(until_ms);
        self.undone.replace(self.ever_applied());
        self.restores.set(self.restores.get() + 1);
        self.live_again(&kept);
        true
    }

    fn keep(&self) -> Kept {
        let mut lives = self.lives.borrow().clone();
        lives.last_mut().expect("at least one").end = Some(self.last_change());
        Kept { backup: self.server().backup().expect("SQLite in memory"), lives }
    }

    fn live_again(&self, kept: &Kept) {
        self.last_life.set(self.last_life.get() + 1);
        let name = format!("life{}", self.last_life.get());
        let server = Server::restore(&kept.backup, (self.rules)(), &Life::Named(name.clone()));
        self.server.replace(server.expect("SQLite in memory"));
        self.lives.replace(kept.lives.iter().cloned().chain([Span { name, end: None }]).collect());
    }

    fn last_change(&self) -> u64 {
        self.effects().iter().filter_map(|effect| effect.change).max().unwrap_or(0)
    }
}

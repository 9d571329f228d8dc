//! The server of a run: the real one, without HTTP. It goes down, comes up in another life, and is restored from a
//! backup.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::{BTreeSet, VecDeque};

use holm_server::{Backup, Effect, Life, Rules, Server, StoredRow};

use crate::check::change_of;

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
    rows: Vec<StoredRow>,
}

impl Kept {
    fn last_change(&self) -> u64 {
        self.lives.last().and_then(|span| span.end).expect("a backup has an end")
    }
}

/// More backups are not kept.
const KEPT_MAX: usize = 24;

/// See the module.
pub struct Backend {
    server: RefCell<Server>,
    rules: Box<dyn Fn() -> Rules>,
    lives: RefCell<Vec<Span>>,
    /// The latest, the newest last.
    kept: RefCell<VecDeque<Kept>>,
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
        remembers(&self.ended_lives(), life, change)
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

    /// Keeps a copy of all that there is, unless the last one is the same.
    pub fn back_up(&self) {
        let mut kept = self.kept.borrow_mut();
        if kept.back().is_some_and(|last| last.last_change() == self.last_change()) {
            return;
        }
        kept.push_back(self.keep());
        if kept.len() > KEPT_MAX {
            kept.pop_front();
        }
    }

    /// How many backups are kept.
    pub fn backups(&self) -> u64 {
        self.kept.borrow().len() as u64
    }

    /// The first backup in which a row stands before the change of a life that ended a page, whereas it stands after it now; of the
    /// rows that the page could have had. A device that wrote such a row since is likelier to be done with it than with a later one.
    pub fn backup_before_a_move(&self, life: &str, given: u64, is_on: impl Fn(&StoredRow) -> bool) -> Option<u64> {
        let now = self.server().rows().expect("SQLite in memory");
        let behind = now.iter().filter(|row| change_of(&row.rev) > given && is_on(row));
        let behind: BTreeSet<_> = behind.map(name_of).collect();
        let has_moved = |row: &StoredRow| change_of(&row.rev) <= given && behind.contains(&name_of(row));
        let is_wanted = |kept: &Kept| remembers(&kept.lives, life, given) && kept.rows.iter().any(has_moved);
        self.kept.borrow().iter().position(is_wanted).map(|place| place as u64)
    }

    /// Takes a backup in place of what there is, by its number; it and those after it are kept no more.
    pub fn restore(&self, backup: u64, until_ms: u64) {
        let place = usize::try_from(backup).expect("a few backups");
        let kept = self.kept.borrow_mut().drain(place..).next().expect("a backup of this number");
        self.down_until_ms.set(until_ms);
        self.undone.replace(self.ever_applied());
        self.restores.set(self.restores.get() + 1);
        self.live_again(&kept);
    }

    fn keep(&self) -> Kept {
        let (server, lives) = (self.server(), self.ended_lives());
        let (backup, rows) = (server.backup().expect("SQLite in memory"), server.rows().expect("SQLite in memory"));
        Kept { backup, lives, rows }
    }

    /// The lives, as if the last one were over.
    fn ended_lives(&self) -> Vec<Span> {
        let mut lives = self.lives.borrow().clone();
        lives.last_mut().expect("at least one").end = Some(self.last_change());
        lives
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

fn name_of(row: &StoredRow) -> (&str, &str, &str) {
    (&row.user, &row.collection, &row.id)
}

fn remembers(lives: &[Span], life: &str, change: u64) -> bool {
    let span = lives.iter().find(|span| span.name == life);
    span.is_some_and(|span| span.end.is_some_and(|end| change <= end))
}

//! Files that an older server wrote.

#[path = "support/program.rs"]
mod program;
mod support;

use holm_server::{Life, Rules, Server};
use program::Folder;
use support::*;

#[test]
fn a_file_of_an_older_format_is_brought_up_to_this_one() {
    let folder = Folder::new();
    let path = folder.0.join("data.sqlite");
    let mut server = Server::open(&path, Rules::default(), &Life::Drawn).expect("opens");
    push(&mut server, (1..=3).map(|seq| create(&format!("r{seq}"), "x").seq(seq)).collect());
    push_as(&mut server, "c_b", vec![delete("r1").seq(1).mid("b1")]);
    drop(server);
    let file = rusqlite::Connection::open(&path).expect("opens");
    file.execute_batch(
        "DROP TRIGGER alive_made; DROP TRIGGER alive_back; DROP TRIGGER alive_gone; DROP TABLE alive;
         CREATE INDEX rows_alive ON rows (user, collection) WHERE deleted = 0; PRAGMA user_version = 2",
    )
    .expect("format 2");
    drop(file);
    let mut server = Server::open(&path, Rules::default(), &Life::Drawn).expect("opens what it knows");
    assert_eq!(pull(&server, None, 9).scopes[0].total, Some(2));
    push_as(&mut server, "c_b", vec![create("r9", "new").seq(2).mid("b2")]);
    assert_eq!(pull(&server, None, 9).scopes[0].total, Some(3));
}

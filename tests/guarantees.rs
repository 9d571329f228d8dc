//! What `docs/guarantees.md` and the mutants of the simulation name is there.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The text and the target of each link to a file of the repository.
fn links(page: &str) -> Vec<(&str, &str)> {
    let ends = page.match_indices("](../");
    let link = |(at, mark): (usize, &str)| {
        let text = &page[page[..at].rfind('[').expect("a link begins") + 1..at];
        let target = &page[at + mark.len()..];
        (text, &target[..target.find(')').expect("a link ends")])
    };
    ends.map(link).collect()
}

/// What a page promises to be there, and is not.
fn missing(page: &str) -> Vec<String> {
    let complaint = |(text, target): (&str, &str)| {
        let Ok(file) = fs::read_to_string(Path::new(ROOT).join(target)) else {
            return Some(format!("there is no file {target}"));
        };
        // A name in code font is a test in that file.
        let name = text.strip_prefix('`')?.strip_suffix('`')?;
        let is_there = file.contains(&format!("fn {name}(")) || file.contains(&format!("test('{name}'"));
        (!is_there).then(|| format!("{target} has no test {name}"))
    };
    links(page).into_iter().filter_map(complaint).collect()
}

#[test]
fn every_proof_exists() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/guarantees.md")).expect("the page");
    assert!(links(&page).len() > 30, "the page has its links");
    assert_eq!(missing(&page), Vec::<String>::new());
}

#[test]
fn a_proof_that_does_not_exist_is_told() {
    let page = "[`no_such_test`](../tests/guarantees.rs) and [`a`](../no/file.rs), but [`every_proof_exists`](../tests/guarantees.rs)";
    assert_eq!(missing(page), ["tests/guarantees.rs has no test no_such_test", "there is no file no/file.rs"]);
}

#[test]
fn every_mutant_still_applies() {
    let folder = fs::read_dir(Path::new(ROOT).join("tests/simulation/mutants")).expect("the folder");
    let patches: Vec<_> = folder.map(|file| file.expect("a file").path()).collect();
    assert!(patches.len() >= 15, "there are {}", patches.len());
    for patch in patches {
        let checked = Command::new("git").current_dir(ROOT).args(["apply", "--check"]).arg(&patch).output();
        let checked = checked.expect("git runs");
        assert!(checked.status.success(), "{}: {}", patch.display(), String::from_utf8_lossy(&checked.stderr));
    }
}

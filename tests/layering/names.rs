//! What things may be called.

use crate::source::{Complaint, Kind, Source};

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 11] = [
    "util",
    "utils",
    "utilities",
    "helper",
    "helpers",
    "common",
    "shared_utils",
    "misc",
    "manager",
    "managers",
    "stuff",
];

pub fn modules_have_a_subject(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources {
        let parts = source.path.split('/').map(|part| part.split('.').next().unwrap_or_default());
        if let Some(empty) = parts.into_iter().find(|part| EMPTY_NAMES.contains(part)) {
            complaints.push(source.complain(1, &format!("is called {empty}")));
        }
        let items = source.rust.iter().flat_map(|rust| &rust.items);
        for item in items.filter(|item| item.kind == Kind::Module && EMPTY_NAMES.contains(&item.name.as_str())) {
            complaints.push(source.complain(item.lines.0, &format!("has a module called {}", item.name)));
        }
    }
    complaints
}

pub fn functions_are_named_well(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources {
        for item in source.items() {
            let (line, name) = (item.lines.0, &item.name);
            let is_function = matches!(item.kind, Kind::Function | Kind::PublicFunction { .. });
            if is_function && name.starts_with("get_") {
                complaints.push(source.complain(line, &format!("{name} starts with get_")));
            }
            if item.kind == (Kind::PublicFunction { takes_bool: true }) {
                complaints.push(source.complain(line, &format!("{name} takes a bool")));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_named_after_nothing_is_found() {
        let found = |path: &str, text: &str| modules_have_a_subject(&[Source::new(path, text)]).len();
        assert_eq!(found("src/utils.rs", ""), 1);
        assert_eq!(found("crates/core/src/common/mod.rs", ""), 1);
        assert_eq!(found("pkg-template/helpers.js", ""), 1);
        assert_eq!(found("src/http.rs", "mod manager { fn a() {} }"), 1);
        assert_eq!(found("src/http.rs", "mod retry {}"), 0);
    }

    #[test]
    fn a_bad_function_name_is_found() {
        let found = |text: &str| functions_are_named_well(&[Source::new("src/http.rs", text)]).len();
        assert_eq!(found("fn get_answer() {}"), 1);
        assert_eq!(found("impl A { fn get_answer(&self) {} }"), 1);
        assert_eq!(found("pub fn open(name: &str, strict: bool) {}"), 1);
        assert_eq!(found("impl A { pub async fn open(&self, strict: bool) {} }"), 1);
        assert_eq!(found("trait A { fn open(&self, strict: bool); }"), 1);
        assert_eq!(found("fn open(strict: bool) -> bool { strict } pub fn is_open() -> bool { true }"), 0);
    }
}

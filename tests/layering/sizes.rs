//! How long things may be. What is ugly in a code base is nearly always one overgrown file.

use crate::source::{Complaint, Kind, Source};

/// A file has fewer lines than this, tests left out.
const FILE_LINES: usize = 500;
/// A function has fewer lines than this. ESLint counts those of JavaScript.
const FUNCTION_LINES: usize = 70;

pub fn files_are_short(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test() && !source.path.ends_with("/index.d.ts")) {
        let lines = source.text.lines().count() - source.rust.as_ref().map_or(0, |rust| rust.test_lines);
        if lines >= FILE_LINES {
            complaints.push(source.complain(lines, &format!("has {lines} lines")));
        }
    }
    complaints
}

pub fn functions_are_short(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources {
        for item in source.items() {
            let lines = item.lines.1 + 1 - item.lines.0;
            if matches!(item.kind, Kind::Function | Kind::PublicFunction { .. }) && lines >= FUNCTION_LINES {
                complaints.push(source.complain(item.lines.0, &format!("{} has {lines} lines", item.name)));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        let found = |path: &str, text: &str| files_are_short(&[Source::new(path, text)]).len();
        let long = "// line\n".repeat(FILE_LINES);
        assert_eq!(found("src/http.rs", &long), 1);
        assert_eq!(found("pkg-template/index.js", &long), 1);
        assert_eq!(found("www/app.js", &long), 1);
        assert_eq!(found("src/http.rs", &long[8..]), 0);
        assert_eq!(found("pkg-template/index.d.ts", &long), 0);
        assert_eq!(found("tests/browser/disk.rs", &long), 0);
        assert_eq!(found("src/http.rs", &format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n")), 0);
    }

    #[test]
    fn a_long_function_is_found() {
        let found = |text: &str| functions_are_short(&[Source::new("src/http.rs", text)]).len();
        let body = |lines: usize| "    b();\n".repeat(lines);
        assert_eq!(found(&format!("fn a() {{\n{}}}\n", body(FUNCTION_LINES - 2))), 1);
        assert_eq!(found(&format!("fn a() {{\n{}}}\n", body(FUNCTION_LINES - 3))), 0);
        assert_eq!(found(&format!("impl A {{ fn a() {{\n{}}} }}\n", body(FUNCTION_LINES))), 1);
        assert_eq!(found(&format!("#[cfg(test)] mod tests {{ fn a() {{\n{}}} }}\n", body(FUNCTION_LINES))), 0);
    }
}

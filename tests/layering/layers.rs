//! Who may know whom.

use crate::source::{Complaint, Kind, Source};

/// What `store`, `core` and `protocol` must not name: other worlds, the clock, chance.
const FOREIGN: [&str; 16] = [
    "wasm_bindgen",
    "wasm_bindgen_futures",
    "js_sys",
    "web_sys",
    "rexie",
    "idb",
    "gloo",
    "gloo_net",
    "gloo_timers",
    "tokio",
    "axum",
    "getrandom",
    "Instant",
    "SystemTime",
    "thread_rng",
    "OsRng",
];

/// What a package may not depend on, beside what is foreign to it. Tests may use what they like.
const HIGHER: [(&str, &[&str]); 5] = [
    ("crates/protocol", &["holm", "holm-store", "holm-core", "holm-server"]),
    ("crates/store", &["holm", "holm-protocol", "holm-core", "holm-server"]),
    ("crates/core", &["holm", "holm-server"]),
    ("crates/server", &["holm", "holm-store", "holm-core"]),
    ("", &["holm-server", "tokio", "axum"]),
];

/// The packages that stay pure.
const INNER: [&str; 3] = ["crates/protocol", "crates/store", "crates/core"];

/// The adapters of the browser. Each imports nothing of the package but itself and `limit`, which touches no browser.
const ADAPTERS: [&str; 7] = ["broadcast", "connectivity", "http", "indexeddb", "locks", "scope", "timer"];

/// A package that a manifest depends on.
struct Dependency {
    name: String,
    line: usize,
}

/// The dependencies of a manifest that go into the product.
fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut is_dependencies = false;
    for (index, line) in manifest.lines().enumerate() {
        let line_number = index + 1;
        if let Some(section) = line.trim().strip_prefix('[') {
            let section = section.trim_end_matches(']');
            is_dependencies = section.ends_with("dependencies")
                && !section.ends_with("dev-dependencies")
                && !section.starts_with("workspace");
            if let Some((before, name)) = section.rsplit_once("dependencies.")
                && !before.ends_with("dev-")
                && !before.starts_with("workspace")
            {
                found.push(Dependency { name: String::from(name), line: line_number });
            }
            continue;
        }
        if !is_dependencies {
            continue;
        }
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default().trim_matches('"');
        if !key.is_empty() && !key.starts_with('#') {
            found.push(Dependency { name: String::from(key), line: line_number });
        }
        if let Some((_, renamed)) = line.split_once("package = \"") {
            let name = renamed.split('"').next().unwrap_or_default();
            found.push(Dependency { name: String::from(name), line: line_number });
        }
    }
    found
}

fn manifest_of<'a>(sources: &'a [Source], folder: &str) -> Option<&'a Source> {
    let path = if folder.is_empty() { String::from("Cargo.toml") } else { format!("{folder}/Cargo.toml") };
    sources.iter().find(|source| source.path == path)
}

fn is_foreign(package: &str) -> bool {
    FOREIGN.contains(&package.replace('-', "_").as_str())
}

pub fn manifests_point_down(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (folder, higher) in HIGHER {
        let Some(manifest) = manifest_of(sources, folder) else { continue };
        for dependency in dependencies(&manifest.text) {
            let name = dependency.name.as_str();
            let is_wire_only = folder != "crates/protocol" || ["serde", "serde_json"].contains(&name);
            if higher.contains(&name) || !is_wire_only || (INNER.contains(&folder) && is_foreign(name)) {
                complaints.push(manifest.complain(dependency.line, &format!("depends on {name}")));
            }
        }
    }
    complaints
}

pub fn inner_crates_are_pure(sources: &[Source]) -> Vec<Complaint> {
    let inner = |source: &&Source| INNER.iter().any(|folder| source.path.starts_with(&format!("{folder}/")));
    let mut complaints = Vec::new();
    for source in sources.iter().filter(inner) {
        for named in source.paths() {
            if let Some(foreign) = named.parts.iter().find(|part| FOREIGN.contains(&part.as_str())) {
                complaints.push(source.complain(named.line, &format!("names {foreign}")));
            }
        }
    }
    complaints
}

/// The module of the root package that a path leads to, seen from a file.
fn target<'a>(file: &str, parts: &'a [String]) -> Option<&'a str> {
    let first = parts.first()?.as_str();
    if first == "crate" {
        return parts.get(1).map(String::as_str);
    }
    let ups = parts.iter().take_while(|part| *part == "super").count();
    let inside = file.strip_prefix("src/")?.trim_end_matches(".rs").trim_end_matches("/mod");
    let depth = inside.split('/').count();
    (ups > 0 && ups == depth).then(|| parts.get(ups).map(String::as_str)).flatten()
}

/// The module of the root package that a file belongs to.
fn module_of(file: &str) -> Option<&str> {
    file.strip_prefix("src/")?.split(['/', '.']).next()
}

pub fn adapters_are_strangers(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources {
        let Some(own) = module_of(&source.path).filter(|own| ADAPTERS.contains(own)) else {
            continue;
        };
        for named in source.paths() {
            let Some(other) = target(&source.path, &named.parts) else { continue };
            if other != own && other != "limit" {
                complaints.push(source.complain(named.line, &format!("{own} imports {other}")));
            }
        }
    }
    complaints
}

pub fn bindings_are_on_top(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources {
        let is_above = ["lib", "bindings"].map(Some).contains(&module_of(&source.path));
        for named in source.paths().filter(|_| !is_above) {
            if target(&source.path, &named.parts) == Some("bindings") {
                complaints.push(source.complain(named.line, "imports the bindings"));
            }
        }
    }
    complaints
}

pub fn lints_are_shared(sources: &[Source]) -> Vec<Complaint> {
    sources
        .iter()
        .filter(|source| source.path.ends_with("Cargo.toml") && !source.text.contains("[lints]\nworkspace = true"))
        .map(|source| source.complain(1, "has lints of its own, or none"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(rule: fn(&[Source]) -> Vec<Complaint>, path: &str, text: &str) -> usize {
        rule(&[Source::new(path, text)]).len()
    }

    #[test]
    fn a_manifest_that_points_up_is_found() {
        let rule = manifests_point_down;
        let store = "crates/store/Cargo.toml";
        assert_eq!(complaints(rule, store, "[dependencies]\nholm-core.workspace = true\n"), 1);
        assert_eq!(complaints(rule, store, "[dependencies]\nweb-sys = \"0.3\"\n"), 1);
        assert_eq!(complaints(rule, store, "[dependencies.js-sys]\nversion = \"0.3\"\n"), 1);
        assert_eq!(complaints(rule, store, "[target.'cfg(unix)'.dependencies]\ntokio = \"1\"\n"), 1);
        assert_eq!(complaints(rule, store, "[dependencies]\nclock = { package = \"getrandom\" }\n"), 1);
        assert_eq!(complaints(rule, store, "[dev-dependencies]\ntokio = \"1\"\n[dependencies]\ncrc = \"3\"\n"), 0);
        assert_eq!(
            complaints(rule, "crates/server/Cargo.toml", "[dependencies]\nholm-store = \"1\"\ntokio = \"1\"\n"),
            1
        );
        assert_eq!(
            complaints(rule, "crates/protocol/Cargo.toml", "[dependencies]\nserde_json = \"1\"\nbytes = \"1\"\n"),
            1
        );
        let root = "[workspace.dependencies]\nholm-server = \"1\"\n[dependencies]\naxum = \"1\"\nholm-core = \"1\"\n";
        assert_eq!(complaints(rule, "Cargo.toml", root), 1);
    }

    #[test]
    fn an_inner_crate_that_names_the_browser_or_the_clock_is_found() {
        let rule = inner_crates_are_pure;
        for bad in [
            "use web_sys::Window;",
            "fn a() { std::time::Instant::now(); }",
            "use std::time::{Duration, SystemTime};",
            "fn a() { assert!(getrandom::fill(&mut b).is_ok()); }",
            "type A = Option<js_sys::Date>;",
        ] {
            assert_eq!(complaints(rule, "crates/core/src/a.rs", bad), 1, "{bad}");
            assert_eq!(complaints(rule, "crates/server/src/a.rs", bad), 0);
        }
        assert_eq!(complaints(rule, "crates/core/src/a.rs", "#[cfg(test)] mod tests { use tokio::x; }"), 0);
        assert_eq!(complaints(rule, "crates/core/tests/a.rs", "use tokio::x;"), 0);
    }

    #[test]
    fn an_adapter_that_imports_another_is_found() {
        let rule = adapters_are_strangers;
        assert_eq!(complaints(rule, "src/http.rs", "use crate::timer::sleep;"), 1);
        assert_eq!(complaints(rule, "src/http.rs", "fn a() { super::scope::now_ms(); }"), 1);
        assert_eq!(complaints(rule, "src/indexeddb/disk.rs", "use super::super::http::send;"), 1);
        assert_eq!(complaints(rule, "src/indexeddb/mod.rs", "use crate::{limit, scope};"), 1);
        assert_eq!(
            complaints(rule, "src/indexeddb/disk.rs", "use super::catalog::Catalog; use crate::limit::within;"),
            0
        );
        assert_eq!(complaints(rule, "src/timer.rs", "use crate::runtime::Runtime;"), 1);
        assert_eq!(complaints(rule, "src/runtime/mod.rs", "use crate::{http, timer};"), 0);
    }

    #[test]
    fn an_import_of_the_bindings_is_found() {
        let rule = bindings_are_on_top;
        assert_eq!(complaints(rule, "src/runtime/mod.rs", "use crate::bindings::Engine;"), 1);
        assert_eq!(complaints(rule, "src/bindings/mod.rs", "use crate::bindings::errors;"), 0);
    }

    #[test]
    fn a_package_without_the_shared_lints_is_found() {
        assert_eq!(complaints(lints_are_shared, "crates/new/Cargo.toml", "[package]\nname = \"new\"\n"), 1);
        assert_eq!(complaints(lints_are_shared, "crates/new/Cargo.toml", "[lints]\nworkspace = true\n"), 0);
    }

    #[test]
    fn kinds_of_items_are_told_apart() {
        let source = Source::new("src/a.rs", "extern \"C\" { fn b(); } pub fn c(d: bool) {} mod e {}");
        let kinds: Vec<Kind> = source.items().map(|item| item.kind).collect();
        let expected = [Kind::Imports, Kind::PublicFunction { takes_bool: true }, Kind::Module];
        assert!(kinds == expected);
    }
}

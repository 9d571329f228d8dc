//! Where a thing may be named, and where it may not.

use crate::source::{Complaint, Kind, Source};

/// A crate or a type, and the only place (a file, or a folder with its `/`) that may name it.
const PLACES: [(&str, &str); 11] = [
    ("rexie", "src/indexeddb/"),
    ("idb", "src/indexeddb/"),
    ("gloo_net", "src/http.rs"),
    ("gloo_timers", "src/timer.rs"),
    ("Window", "src/scope.rs"),
    ("WorkerGlobalScope", "src/scope.rs"),
    ("DedicatedWorkerGlobalScope", "src/scope.rs"),
    ("SharedWorkerGlobalScope", "src/scope.rs"),
    ("ServiceWorkerGlobalScope", "src/scope.rs"),
    ("WorkerNavigator", "src/scope.rs"),
    ("Navigator", "src/scope.rs"),
];

/// Functions that ask what the global object is, in the same way.
const GLOBALS: [(&str, &str); 2] = [("web_sys", "window"), ("js_sys", "global")];

pub fn crates_have_a_place(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources {
        for named in source.paths() {
            for (name, place) in PLACES {
                if !source.path.starts_with(place) && named.parts.iter().any(|part| part == name) {
                    complaints.push(source.complain(named.line, &format!("names {name}, whose place is {place}")));
                }
            }
            for (package, function) in GLOBALS {
                let is_named = named.parts.windows(2).any(|pair| pair[0] == package && pair[1] == function);
                if is_named && source.path != "src/scope.rs" {
                    complaints.push(source.complain(named.line, &format!("asks {package}::{function}")));
                }
            }
        }
    }
    complaints
}

pub fn exports_are_in_bindings(sources: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("src/bindings/")) {
        for item in source.items().filter(|item| item.kind != Kind::Imports) {
            if item.attributes.iter().any(|attribute| attribute == "wasm_bindgen") {
                complaints.push(source.complain(item.lines.0, "exports to JavaScript"));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_out_of_its_place_is_found() {
        let found = |path: &str, text: &str| crates_have_a_place(&[Source::new(path, text)]).len();
        assert_eq!(found("src/runtime/mod.rs", "use rexie::Rexie;"), 1);
        assert_eq!(found("src/indexeddb/catalog.rs", "use rexie::Rexie;"), 0);
        assert_eq!(found("src/runtime/mod.rs", "fn a() { gloo_timers::future::sleep(b); }"), 1);
        assert_eq!(found("src/timer.rs", "use gloo_net::http::Request;"), 1);
        assert_eq!(found("src/http.rs", "fn a() { if web_sys::window().is_some() {} }"), 1);
        assert_eq!(found("src/http.rs", "use js_sys::{Reflect, global};"), 1);
        assert_eq!(found("src/http.rs", "fn a() { println!(\"{}\", js_sys::global()); }"), 1);
        assert_eq!(found("src/http.rs", "fn a(b: JsValue) { b.dyn_into::<web_sys::WorkerGlobalScope>(); }"), 1);
        assert_eq!(found("src/scope.rs", "use web_sys::Window; fn a() { js_sys::global(); }"), 0);
    }

    #[test]
    fn an_export_outside_of_the_bindings_is_found() {
        let found = |path: &str, text: &str| exports_are_in_bindings(&[Source::new(path, text)]).len();
        assert_eq!(found("src/http.rs", "#[wasm_bindgen] pub fn a() {}"), 1);
        assert_eq!(found("src/http.rs", "#[wasm_bindgen::prelude::wasm_bindgen(js_name = b)] pub struct A;"), 1);
        assert_eq!(found("src/http.rs", "#[cfg_attr(target_arch = \"wasm32\", wasm_bindgen)] impl A {}"), 1);
        assert_eq!(found("crates/core/src/a.rs", "mod b { #[wasm_bindgen] pub fn a() {} }"), 1);
        assert_eq!(found("src/http.rs", "#[wasm_bindgen] extern \"C\" { fn a(); }"), 0);
        assert_eq!(found("src/bindings/engine.rs", "#[wasm_bindgen] pub fn a() {}"), 0);
    }
}

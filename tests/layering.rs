//! The rules of the house, as far as a machine can see them. Each is a function over sources that gives complaints,
//! and each has a test beside it that shows it a bad source.
#![cfg(not(target_arch = "wasm32"))]

#[path = "layering/layers.rs"]
mod layers;
#[path = "layering/names.rs"]
mod names;
#[path = "layering/places.rs"]
mod places;
#[path = "layering/sizes.rs"]
mod sizes;
#[path = "layering/source.rs"]
mod source;

use source::{Complaint, Source};

/// What is wrong in some sources.
type Rule = fn(&[Source]) -> Vec<Complaint>;

/// Every rule, by the name it is known by.
const RULES: [(&str, Rule); 11] = [
    ("a manifest names no package of a higher layer, or of another world", layers::manifests_point_down),
    (
        "store, core and protocol name no browser, no runtime, no clock and no random source",
        layers::inner_crates_are_pure,
    ),
    ("an adapter imports neither another one nor what stands on it", layers::adapters_are_strangers),
    ("nobody imports the bindings", layers::bindings_are_on_top),
    ("every package takes the workspace's lints", layers::lints_are_shared),
    ("a crate that is good at one thing is named only where that is done", places::crates_have_a_place),
    ("only the bindings export to JavaScript", places::exports_are_in_bindings),
    ("no module is called after nothing", names::modules_have_a_subject),
    ("no `get_`, and no boolean parameter in a public function", names::functions_are_named_well),
    ("a file stays under 500 lines", sizes::files_are_short),
    ("a function stays under 70 lines", sizes::functions_are_short),
];

#[test]
fn the_house_stands() {
    let sources = source::of_the_repository();
    assert!(sources.len() > 50, "the walk found only {} files", sources.len());
    let complaints: Vec<String> = RULES
        .iter()
        .flat_map(|(rule, check)| check(&sources).into_iter().map(move |complaint| format!("{complaint}: {rule}")))
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

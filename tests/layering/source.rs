//! The repository's sources, and what of them the rules look at.

use std::fs;
use std::path::Path;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// What is wrong where, as `path:line: what`.
pub type Complaint = String;

/// One file.
pub struct Source {
    /// From the repository's root, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// What is in it, if it is Rust.
    pub rust: Option<Rust>,
}

/// What a Rust file says outside of its tests.
#[derive(Default)]
pub struct Rust {
    /// All items, also those in modules, impls and functions.
    pub items: Vec<Item>,
    /// Every path that is named: in code, in `use`, in macros.
    pub paths: Vec<Named>,
    /// How many lines are tests.
    pub test_lines: usize,
}

/// A path that a source names, such as `web_sys::window`.
pub struct Named {
    /// Its parts.
    pub parts: Vec<String>,
    /// Where.
    pub line: usize,
}

/// A function, or another item.
pub struct Item {
    /// Its name; "" where it has none.
    pub name: String,
    /// What sort it is.
    pub kind: Kind,
    /// The names of its attributes and of what they contain.
    pub attributes: Vec<String>,
    /// Its first and last line.
    pub lines: (usize, usize),
}

/// What sort of item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A function that others may call, or a method of a trait. Says whether it has a `bool` parameter.
    PublicFunction { takes_bool: bool },
    /// Any other function.
    Function,
    /// A module.
    Module,
    /// An `extern` block: imports.
    Imports,
    /// Anything else.
    Other,
}

impl Source {
    /// Reads a text as the file `path`.
    pub fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs").then(|| {
            let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut rust = Rust::default();
            rust.visit_file(&file);
            rust
        });
        Self { path: String::from(path), text: String::from(text), rust }
    }

    /// Whether the file is a test as a whole.
    pub fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        parts.iter().any(|part| ["tests", "tests.rs", "benches"].contains(part))
    }

    /// The paths it names, unless it is a test.
    pub fn paths(&self) -> impl Iterator<Item = &Named> {
        self.rust.iter().filter(|_| !self.is_test()).flat_map(|rust| &rust.paths)
    }

    /// Its items, unless it is a test.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.rust.iter().filter(|_| !self.is_test()).flat_map(|rust| &rust.items)
    }

    /// A complaint about a line of it.
    pub fn complain(&self, line: usize, what: &str) -> Complaint {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Everything that the rules look at.
pub fn of_the_repository() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = vec![read(root, Path::new("Cargo.toml"))];
    for folder in ["src", "crates", "tests", "benches", "pkg-template", "www", "scripts"] {
        walk(root, Path::new(folder), &mut sources);
    }
    sources
}

fn walk(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("the folder can be read")).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), folder.join(entry.file_name()));
        if entry.path().is_dir() {
            let is_made = ["target", "node_modules", "pkg", "dist"].contains(&name.as_str()) || name.starts_with('.');
            if !is_made {
                walk(root, &path, sources);
            }
        } else if [".rs", ".js", ".mjs", ".ts", ".toml"].iter().any(|end| name.ends_with(end)) {
            sources.push(read(root, &path));
        }
    }
}

fn read(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Source::new(&path.to_string_lossy().replace('\\', "/"), &text)
}

fn lines_of(span: Span) -> (usize, usize) {
    (span.start().line, span.end().line)
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let words = words_of(attribute);
        words.first().is_some_and(|word| word == "cfg")
            && words.iter().any(|word| word == "test")
            && !words.iter().any(|word| word == "not")
    })
}

fn words_of(attribute: &syn::Attribute) -> Vec<String> {
    let mut words: Vec<String> = attribute.path().segments.iter().map(|part| part.ident.to_string()).collect();
    if let syn::Meta::List(list) = &attribute.meta {
        let mut named = Vec::new();
        name_tokens(list.tokens.clone(), &mut named);
        words.extend(named.into_iter().flat_map(|named| named.parts));
    }
    words
}

/// The paths in tokens that nobody parsed.
fn name_tokens(tokens: TokenStream, named: &mut Vec<Named>) {
    let mut joined = 0; // colons since the last identifier
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let (name, line) = (ident.to_string(), ident.span().start().line);
                match named.last_mut() {
                    Some(last) if joined == 2 => last.parts.push(name),
                    _ => named.push(Named { parts: vec![name], line }),
                }
                joined = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => joined += 1,
            TokenTree::Group(group) => {
                name_tokens(group.stream(), named);
                joined = 3;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => joined = 3,
        }
    }
}

impl Rust {
    fn item(&mut self, name: String, kind: Kind, attributes: &[syn::Attribute], span: Span) {
        let attributes = attributes.iter().flat_map(words_of).collect();
        self.items.push(Item { name, kind, attributes, lines: lines_of(span) });
    }

    fn function(&mut self, signature: &syn::Signature, is_public: bool, attributes: &[syn::Attribute], span: Span) {
        let takes_bool = signature.inputs.iter().any(|input| match input {
            syn::FnArg::Typed(typed) => matches!(&*typed.ty, syn::Type::Path(path) if path.path.is_ident("bool")),
            syn::FnArg::Receiver(_) => false,
        });
        let kind = if is_public { Kind::PublicFunction { takes_bool } } else { Kind::Function };
        self.item(signature.ident.to_string(), kind, attributes, span);
    }

    fn name_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.name_use(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => {
                self.paths.push(Named { parts: with(&name.ident), line: lines_of(name.span()).0 })
            }
            syn::UseTree::Rename(name) => {
                self.paths.push(Named { parts: with(&name.ident), line: lines_of(name.span()).0 });
            }
            syn::UseTree::Glob(glob) => {
                self.paths.push(Named { parts: before.to_vec(), line: lines_of(glob.span()).0 })
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.name_use(tree, before)),
        }
    }
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::ForeignMod(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Rust {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = attributes_of(item);
        if is_test(attributes) {
            let (first, last) = lines_of(item.span());
            self.test_lines += last + 1 - first;
            return;
        }
        match item {
            syn::Item::Fn(function) => {
                let is_public = matches!(function.vis, syn::Visibility::Public(_));
                self.function(&function.sig, is_public, attributes, function.span());
            }
            syn::Item::Mod(module) => self.item(module.ident.to_string(), Kind::Module, attributes, item.span()),
            syn::Item::ForeignMod(_) => self.item(String::new(), Kind::Imports, attributes, item.span()),
            _ => self.item(String::new(), Kind::Other, attributes, item.span()),
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if is_test(&function.attrs) {
            return;
        }
        let is_public = matches!(function.vis, syn::Visibility::Public(_));
        self.function(&function.sig, is_public, &function.attrs, function.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.function(&function.sig, true, &function.attrs, function.span());
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.paths.push(Named { parts, line: lines_of(path.span()).0 });
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.name_use(&item.tree, &[]);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        name_tokens(call.tokens.clone(), &mut self.paths);
        visit::visit_macro(self, call);
    }
}

#[test]
fn tests_are_left_out_and_macros_are_read() {
    let text = "fn a() { vec![b::C::new()] }\n#[cfg(test)]\nmod tests {\n  use d::e;\n}\nuse f::{g, h as i};\n";
    let source = Source::new("src/x.rs", text);
    let named: Vec<String> = source.paths().map(|named| named.parts.join("::")).collect();
    assert_eq!(named, ["b::C::new", "vec", "f::g", "f::h"]);
    assert_eq!(source.rust.as_ref().map(|rust| rust.test_lines), Some(4));
    assert!(Source::new("crates/core/src/keys/tests.rs", text).paths().next().is_none());
}

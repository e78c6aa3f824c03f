//! No text of the library names a flag of the command line: the library is used by other programs too, and `cli` words its errors.

use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

use crate::layers::is_test;

/// Collects the string literals of a file, those in macro calls and attributes included; comments and test code are left out.
#[derive(Default)]
struct Literals(Vec<String>);

impl Literals {
    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                        self.0.push(text.value());
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Literals {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.0.push(text.value());
    }
}

/// Whether a text names a flag of `origami`. `--features` is cargo's.
fn names_a_flag(text: &str) -> bool {
    text.match_indices("--").any(|(at, _)| {
        let begins = text[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || "`'\"(".contains(c));
        let rest = &text[at + 2..];
        begins && rest.starts_with(|c: char| c.is_ascii_lowercase()) && !rest.starts_with("features")
    })
}

/// The files of the library: all but those of the program, which are `cli`, `bench` and `main.rs`.
fn library_files() -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![src.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap();
            if ["cli", "bench", "main.rs"].iter().any(|program| path == src.join(program))
                || name == "tests"
                || name == "testing"
            {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn no_text_of_the_library_names_a_flag() {
    let (files, mut count, mut wrong) = (library_files(), 0, Vec::new());
    assert!(files.len() > 150, "only {} files were read", files.len());
    for path in files {
        let syntax = syn::parse_file(&std::fs::read_to_string(&path).unwrap());
        let mut literals = Literals::default();
        literals.visit_file(&syntax.unwrap_or_else(|e| panic!("{}: {e}", path.display())));
        count += literals.0.len();
        wrong.extend(
            literals
                .0
                .iter()
                .filter(|text| names_a_flag(text))
                .map(|text| format!("{}: {text}", path.display())),
        );
    }
    assert!(count > 1000, "only {count} texts were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_flag_is_found_in_calls_macros_and_attributes() {
    let code = r#"
        /// In a comment: "--doc".
        #[error("{}: give --attribute", path.display())]
        fn f() {
            g("--call", format!("{x}; use `--macro {y}`", x = h!["a --nested"]), "--features webp", "a--b -- --");
        }
        #[cfg(test)]
        mod tests {
            const T: &str = "--test";
        }
    "#;
    let mut literals = Literals::default();
    literals.visit_file(&syn::parse_file(code).unwrap());
    let found: Vec<_> = literals.0.into_iter().filter(|text| names_a_flag(text)).collect();
    assert_eq!(found, ["{}: give --attribute", "--call", "{x}; use `--macro {y}`", "a --nested"]);
}

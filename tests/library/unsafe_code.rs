//! `docs/unsafe.md` lists every file with unsafe code, and no other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// Whether a file has a block, function, implementation or declaration that is unsafe.
#[derive(Default)]
struct Finder {
    found: bool,
}

impl Visit<'_> for Finder {
    fn visit_expr_unsafe(&mut self, _: &syn::ExprUnsafe) {
        self.found = true;
    }

    fn visit_item_impl(&mut self, item: &syn::ItemImpl) {
        self.found |= item.unsafety.is_some();
        syn::visit::visit_item_impl(self, item);
    }

    fn visit_item_foreign_mod(&mut self, _: &syn::ItemForeignMod) {
        self.found = true;
    }

    fn visit_signature(&mut self, signature: &syn::Signature) {
        self.found |= signature.unsafety.is_some();
        syn::visit::visit_signature(self, signature);
    }

    /// What a macro is made of: `unsafe` there is code.
    fn visit_macro(&mut self, call: &syn::Macro) {
        self.found |= has_unsafe(call.tokens.clone());
    }
}

fn has_unsafe(tokens: proc_macro2::TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(word) => word == "unsafe",
        proc_macro2::TokenTree::Group(group) => has_unsafe(group.stream()),
        _ => false,
    })
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_with_unsafe_code_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in ["src", "python/src"] {
        rust_files(&root.join(dir), &mut files);
    }
    let has_some = |path: &&PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut finder = Finder::default();
        finder.visit_file(&syn::parse_file(&text).unwrap());
        finder.found
    };
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
    let found: BTreeSet<String> = files.iter().filter(has_some).map(name).collect();
    let page = std::fs::read_to_string(root.join("docs/unsafe.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<String> = rows.map(|(file, _)| file.to_string()).collect();
    assert!(found.contains("src/kernels/resample/avx2.rs"), "it finds what there is");
    assert_eq!(found, listed, "docs/unsafe.md is behind the sources");
}

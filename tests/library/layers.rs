//! The order of the groups of `src/`: a group imports from those above it in [`LAYERS`], and no two files of one group import each
//! other, directly or by way of others.
//!
//! Read from the source by `syn`: `use` items and paths in code, resolved to files through re-exports. A `pub use` of a file's own
//! children is no import. Code under `#[cfg(test)]` and the inside of macro calls are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// Groups of the library and of the program, in the order of the table in `ARCHITECTURE.md`: each imports from those before
/// it. A name with a slash is a part of a group that comes earlier than the rest of it.
const LAYERS: &[&str] = &[
    "span",
    "image",
    "kernels",
    "codec",
    "params",
    "store",
    "archive",
    "backend",
    "gpu",
    "slide",
    "quality/presets",
    "quality/metrics",
    "lossless",
    "residual",
    "pyramid",
    "output",
    "error",
    "quality",
    "report",
    "encode",
    "decode",
    "verify",
    "pixels",
    "convert",
    "tour",
    "jobs",
    "privacy",
    "web",
    "serve",
    "evals",
    "fleet",
    "service",
    "bench",
    "cli",
];

/// A module: the path of its file from `src/`, without `.rs` and `/mod`.
type Module = Vec<String>;

/// What one file declares and names.
#[derive(Default)]
struct File {
    path: PathBuf,
    /// Paths in code and in `use` items, absolute from the crate's root.
    imports: Vec<Vec<String>>,
    /// Re-exported names and what they stand for.
    exports: BTreeMap<String, Vec<String>>,
    /// Modules whose every public item is re-exported.
    globs: Vec<Vec<String>>,
}

/// All files, by module.
#[derive(Default)]
struct Tree {
    files: BTreeMap<Module, File>,
}

impl Tree {
    /// Reads `src/`. `main.rs` and `lib.rs` are the roots of two crates and import everything: they are left out.
    fn read() -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut tree = Self::default();
        let mut folders = vec![src.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") && path.parent() != Some(&src) {
                    let module = module_of(path.strip_prefix(&src).unwrap());
                    if !module.iter().any(|name| name == "tests" || name == "testing") {
                        tree.files.insert(module, File { path, ..File::default() });
                    }
                }
            }
        }
        let modules: BTreeSet<Module> = tree.files.keys().cloned().collect();
        for (module, file) in &mut tree.files {
            let text = std::fs::read_to_string(&file.path).unwrap();
            let syntax = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.path.display()));
            let mut reader = Reader { modules: &modules, module: module.clone(), file };
            reader.visit_file(&syntax);
        }
        tree
    }

    /// The file in which the item of an absolute path is defined.
    fn file_of(&self, path: &[String]) -> Option<&Module> {
        let mut path = path.to_vec();
        // Each round follows one re-export.
        for _ in 0..8 {
            let at = (1..=path.len()).rev().find(|&n| self.files.contains_key(&path[..n]))?;
            let (module, file) = self.files.get_key_value(&path[..at])?;
            let Some(name) = path.get(at) else { return Some(module) };
            let rest = &path[at + 1..];
            let through = file.exports.get(name).cloned().or_else(|| {
                let of = file
                    .globs
                    .iter()
                    .find(|glob| self.files.get(*glob).is_some_and(|file| defines(&file.path, name)))?;
                Some([&of[..], std::slice::from_ref(name)].concat())
            });
            match through {
                Some(next) if next[..] != path[..=at] => path = [&next[..], rest].concat(),
                _ => return Some(module),
            }
        }
        None
    }

    /// The files that each file imports.
    fn graph(&self) -> BTreeMap<&Module, BTreeSet<&Module>> {
        let targets = |(module, file): (_, &File)| {
            let files = file.imports.iter().filter_map(|path| self.file_of(path));
            files.filter(|&target| target != module).collect()
        };
        self.files.iter().map(|(module, file)| (module, targets((module, file)))).collect()
    }
}

fn defines(path: &Path, name: &str) -> bool {
    let text = std::fs::read_to_string(path).unwrap();
    ["fn", "struct", "enum", "trait", "type", "const", "static"]
        .iter()
        .any(|kind| text.contains(&format!("{kind} {name}")))
}

fn module_of(path: &Path) -> Module {
    let mut names: Vec<_> =
        path.with_extension("").iter().map(|name| name.to_str().unwrap().to_string()).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// Walks the syntax of one file.
struct Reader<'a> {
    modules: &'a BTreeSet<Module>,
    /// The module of the code that is being read: the file's, or one inside it.
    module: Module,
    file: &'a mut File,
}

impl Reader<'_> {
    /// A path as absolute; `None` for one that begins with a name in scope, a primitive or another crate.
    fn absolute(&self, segments: &[String]) -> Option<Vec<String>> {
        let (first, rest) = segments.split_first()?;
        match first.as_str() {
            "crate" | "origami" => Some(rest.to_vec()),
            "self" => Some([&self.module[..], rest].concat()),
            "super" => {
                let mut base = self.module.clone();
                base.pop();
                let up = rest.iter().take_while(|name| *name == "super").count();
                base.truncate(base.len().checked_sub(up)?);
                Some([&base[..], &rest[up..]].concat())
            }
            _ => {
                let child = [&self.module[..], std::slice::from_ref(first)].concat();
                self.modules.contains(&child).then(|| [&child[..], rest].concat())
            }
        }
    }

    fn use_tree(&mut self, tree: &syn::UseTree, prefix: &mut Vec<String>, public: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.use_tree(&path.tree, prefix, public);
                prefix.pop();
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.use_tree(tree, prefix, public));
            }
            syn::UseTree::Name(name) => self.used(prefix, &name.ident.to_string(), None, public),
            syn::UseTree::Rename(name) => {
                self.used(prefix, &name.ident.to_string(), Some(name.rename.to_string()), public);
            }
            syn::UseTree::Glob(_) => {
                let Some(path) = self.absolute(prefix) else { return };
                if public {
                    self.file.globs.push(path);
                } else {
                    self.file.imports.push(path);
                }
            }
        }
    }

    fn used(&mut self, prefix: &[String], name: &str, rename: Option<String>, public: bool) {
        let own = if name == "self" { prefix.to_vec() } else { [prefix, &[name.to_string()]].concat() };
        let Some(path) = self.absolute(&own) else { return };
        let child = path.len() > self.module.len() && path[..self.module.len()] == self.module[..];
        if public {
            let shown = rename.unwrap_or_else(|| own.last().cloned().unwrap_or_default());
            self.file.exports.insert(shown, path.clone());
        }
        if !(public && child) {
            self.file.imports.push(path);
        }
    }
}

pub fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            return;
        }
        self.module.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            let public = !matches!(item.vis, syn::Visibility::Inherited);
            self.use_tree(&item.tree, &mut Vec::new(), public);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(path) = self.absolute(&segments)
        {
            self.file.imports.push(path);
        }
        syn::visit::visit_path(self, path);
    }
}

/// The place of a module in [`LAYERS`].
fn layer(module: &Module) -> usize {
    let path = module.join("/");
    let of = |name: &&str| path == *name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    let found = LAYERS.iter().enumerate().filter(|(_, name)| of(name)).max_by_key(|(_, name)| name.len());
    found.unwrap_or_else(|| panic!("src/{path} belongs to no group of LAYERS")).0
}

/// The files from which each file can be reached and which it reaches: the circles, each once.
fn circles<'a>(graph: &BTreeMap<&'a Module, BTreeSet<&'a Module>>) -> Vec<Vec<&'a Module>> {
    let reach = |from: &'a Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            for &target in graph.get(module).into_iter().flatten() {
                if seen.insert(target) {
                    next.push(target);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = graph.keys().map(|&module| (module, reach(module))).collect();
    let mut done = BTreeSet::new();
    let mut circles = Vec::new();
    for (&module, targets) in &reached {
        if targets.contains(module) && !done.contains(module) {
            let members: Vec<_> =
                targets.iter().copied().filter(|other| reached[other].contains(module)).collect();
            done.extend(members.iter().copied());
            circles.push(members);
        }
    }
    circles
}

#[test]
fn groups_import_only_from_those_above_them() {
    let tree = Tree::read();
    assert!(tree.files.len() > 150, "only {} files were read", tree.files.len());
    let graph = tree.graph();
    let mut wrong = String::new();
    let mut edges = 0;
    for (module, targets) in &graph {
        for target in targets {
            edges += 1;
            if layer(target) > layer(module) {
                writeln!(wrong, "src/{} imports src/{}", module.join("/"), target.join("/")).unwrap();
            }
        }
    }
    assert!(edges > 500, "only {edges} imports were found");
    assert!(wrong.is_empty(), "imports from a group below (see LAYERS):\n{wrong}");
}

#[test]
fn no_files_import_each_other() {
    let tree = Tree::read();
    let graph = tree.graph();
    let mut text = String::new();
    for circle in circles(&graph) {
        writeln!(text, "a circle of {} files:", circle.len()).unwrap();
        for module in &circle {
            let inside: Vec<_> =
                graph[*module].iter().filter(|target| circle.contains(target)).map(|m| m.join("/")).collect();
            writeln!(text, "  {} imports {}", module.join("/"), inside.join(", ")).unwrap();
        }
    }
    assert!(text.is_empty(), "{text}");
}

#[test]
fn a_circle_is_found() {
    let name = |text: &str| text.split('/').map(String::from).collect::<Module>();
    let (a, b, c, d) = (name("a"), name("b/x"), name("c"), name("d"));
    let graph = BTreeMap::from([
        (&a, BTreeSet::from([&b])),
        (&b, BTreeSet::from([&c])),
        (&c, BTreeSet::from([&b, &d])),
        (&d, BTreeSet::new()),
    ]);
    assert_eq!(circles(&graph), [vec![&b, &c]]);
}

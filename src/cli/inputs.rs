//! What the paths on a command line are: slides, trees, archives, or directories that hold them.
//!
//! Looks at names, and at the first bytes of a file; opens nothing.

mod address;
mod dicom;
mod everything;
mod input;
#[cfg(test)]
mod tests;
mod trees;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use origami::archive::{BUNDLE_NAME, Kind, PACK_DIR};
use origami::pyramid::build::PYRAMID_NAME;
use origami::pyramid::tree::{is_tree_file, other_tree};
use origami::store::{is_address, is_web};

use super::fault::{Problem, usage};

use self::dicom::{dicom_series, dicom_slides, is_slide};
use self::input::{entries, extension, input, is_tree_files, tree_of_files};
use self::trees::own_trees;

pub use self::everything::everything;
pub use self::input::{Input, Thing};

/// Several inputs.
#[derive(Args, Clone, Copy)]
pub struct SeveralArgs {
    /// Go on with the next input after one that fails
    #[arg(long, help_heading = "Safety")]
    pub keep_going: bool,
}

/// What the paths are.
#[derive(Debug)]
pub struct Inputs {
    /// In the order of the paths; those of a directory by name.
    pub list: Vec<Input>,
    /// Whether several paths were given, or a directory that was searched.
    pub several: bool,
}

impl Inputs {
    /// One input that a flag names.
    pub fn one(path: &Path, thing: Thing) -> Self {
        // The directory of a tree may be given instead of its descriptor.
        let dir = if path.is_dir() && !is_tree_files(path) { path.join("x") } else { path.to_path_buf() };
        let own = Input {
            path: path.to_path_buf(),
            ..input(if thing == Thing::Tree { &dir } else { path }, thing, Path::new(""))
        };
        Self { list: vec![own], several: false }
    }

    /// The directory of each input's results, by its path: `out`, or the input's own; of several inputs a directory in `out`.
    ///
    /// # Errors
    /// Two inputs whose results would have the same place.
    pub fn results(&self, out: Option<&Path>) -> Result<HashMap<PathBuf, PathBuf>> {
        let mut inputs_by_result = HashMap::new();
        for input in &self.list {
            let result = match out {
                Some(out) if self.several => out.join(&input.name),
                Some(out) => out.to_path_buf(),
                None if is_address(&input.home) => {
                    usage!(
                        "{}: give --out: results are not put beside what lies at an address",
                        input.path.display()
                    )
                }
                None => input.home.clone(),
            };
            if let Some(other) = inputs_by_result.insert(result.clone(), &input.path)
                && *other != input.path
            {
                let (one, two) = (other.display(), input.path.display());
                usage!(
                    "{one} and {two}: the results of both would be in {}; give one of them",
                    result.display()
                );
            }
        }
        Ok(inputs_by_result.into_iter().map(|(result, path)| (path.clone(), result)).collect())
    }
}

/// The kinds that a command takes.
#[derive(Clone, Copy)]
pub struct Takes {
    pub slides: bool,
    pub trees: bool,
    pub archives: bool,
}

impl Takes {
    /// Slides and trees, not archives: what can be encoded.
    pub const SOURCES: Self = Self { slides: true, trees: true, archives: false };
    /// Slides alone.
    pub const SLIDES: Self = Self { slides: true, trees: false, archives: false };
    /// Bundles and packs.
    pub const ARCHIVES: Self = Self { slides: false, trees: false, archives: true };
    /// Everything.
    pub const ALL: Self = Self { slides: true, trees: true, archives: true };

    fn takes(self, thing: Thing) -> bool {
        match thing {
            Thing::Slide => self.slides,
            Thing::Tree => self.trees,
            Thing::Bundle | Thing::Pack | Thing::Packs => self.archives,
        }
    }

    fn words(self) -> &'static str {
        match (self.slides, self.trees, self.archives) {
            (true, true, true) => "slides, trees or bundles",
            (true, true, false) => "slides or trees",
            (true, false, false) => "slides",
            _ => "bundles or packs",
        }
    }
}

/// Finds out what `paths` are.
///
/// # Errors
/// A path that does not exist or is nothing that the command takes; a directory without any.
pub fn find(paths: &[PathBuf], takes: Takes) -> Result<Inputs> {
    let mut inputs = Inputs { list: Vec::new(), several: paths.len() > 1 };
    for path in paths {
        if is_address(path) {
            inputs.several |= at_address(path, takes, false, &mut inputs.list)?;
            continue;
        }
        let kind = fs::metadata(path).map_err(|source| anyhow::Error::new(cannot_open(path, source)))?;
        if !kind.is_dir() {
            inputs.list.push(file(path, takes)?);
        } else if let Some(input) = itself(path, takes)? {
            inputs.list.push(input);
        } else {
            inputs.several = true;
            let before = inputs.list.len();
            search(path, Path::new(""), takes, &mut inputs.list)?;
            if inputs.list.len() == before {
                return Err(nothing_in(path, takes));
            }
        }
    }
    if takes.slides && takes.trees && !takes.archives {
        leave_out_derived(&mut inputs.list);
    }
    Ok(inputs)
}

/// Adds what lies at an address to `found`, with `all` also what [`everything`] takes. Returns whether it is a prefix, below which there
/// may be several.
fn at_address(path: &Path, takes: Takes, all: bool, found: &mut Vec<Input>) -> Result<bool> {
    let Some(below) = address::below(path, all) else {
        found.push(file(path, takes)?);
        return Ok(false);
    };
    let before = found.len();
    found.extend(below.list.into_iter().filter(|input| takes.takes(input.thing)));
    if found.len() == before { Err(nothing_in(path, takes)) } else { Ok(!below.is_tree) }
}

/// Leaves out the tree that `origami pyramid` made beside a slide, where the slide itself is there: it is the better source.
fn leave_out_derived(list: &mut Vec<Input>) {
    let slides: HashSet<_> =
        list.iter().filter(|input| input.thing == Thing::Slide).map(|input| input.home.clone()).collect();
    let is_usual = |input: &Input| input.path.file_stem().is_some_and(|stem| stem == PYRAMID_NAME);
    list.retain(|input| input.thing != Thing::Tree || !is_usual(input) || !slides.contains(&input.home));
}

/// The one image that a path is: a file, a DICOM series, a tree, or the bundle of a slide's directory without a tree.
///
/// # Errors
/// A path that cannot be read.
pub fn image(path: &Path) -> Result<Input> {
    let given = |thing| Ok(input(path, thing, Path::new("")));
    if is_address(path)
        && let Some(image) = address::image(path)?
    {
        return Ok(image);
    }
    if !path.is_dir() {
        return given(thing_of_file(path)?);
    }
    let entries = entries(path)?;
    if let Some(series) = dicom_series(path, &entries, Path::new("")) {
        return Ok(series);
    }
    let has_tree = is_tree_files(path)
        || other_tree(path).is_some()
        || entries.iter().any(|path| extension(path) == "dzi");
    match own_archive(path, &entries)? {
        Some(archive) if !has_tree => Ok(archive),
        _ => given(Thing::Tree),
    }
}

fn cannot_open(path: &Path, source: std::io::Error) -> origami::store::FileError {
    let source = match source.kind() {
        std::io::ErrorKind::NotFound if path.to_str().is_some_and(is_web) => std::io::Error::new(
            source.kind(),
            "there is no such object, and a web server lists nothing; name a slide, a bundle, an .szi, or the descriptor of a tree",
        ),
        _ => source,
    };
    origami::store::FileError { action: "open", path: path.to_path_buf(), source }
}

fn nothing_in(dir: &Path, takes: Takes) -> anyhow::Error {
    let hint = match takes.slides {
        true => "; PNG and JPEG images are taken where they are named",
        false => "; origami encode makes bundles of slides",
    };
    let problem = format!("no {} in this directory or below{hint}", takes.words());
    Problem::failed(dir, problem).into()
}

/// A file that was named.
fn file(path: &Path, takes: Takes) -> Result<Input> {
    let thing = thing_of_file(path)?;
    if !takes.takes(thing) {
        let what = match thing {
            Thing::Bundle => "a bundle",
            Thing::Pack | Thing::Packs => "a pack",
            Thing::Tree => "a Deep Zoom tree",
            Thing::Slide => "no bundle and no pack",
        };
        let problem = format!("it is {what}, and this command takes {}", takes.words());
        return Err(Problem::usage(path, problem).into());
    }
    Ok(input(path, thing, Path::new("")))
}

/// The kind of a file, by its extension, else by its first bytes.
fn thing_of_file(path: &Path) -> Result<Thing> {
    match extension(path).as_str() {
        _ if is_tree_file(path) => return Ok(Thing::Tree),
        "bundle" => return Ok(Thing::Bundle),
        "pack" => return Ok(Thing::Pack),
        _ => {}
    }
    let mut start = [0; 16];
    let opened = origami::store::open(path).and_then(|file| {
        let start = start.get_mut(..file.size()?.min(16) as usize).unwrap_or_default();
        file.read_exact_at(start, 0)
    });
    opened.map_err(|source| anyhow::Error::new(cannot_open(path, source)))?;
    Ok(match Kind::of_magic(&start) {
        Some(Kind::Bundle) => Thing::Bundle,
        Some(Kind::Pack) => Thing::Pack,
        None => Thing::Slide,
    })
}

/// The one input that a directory is, if it is one: a tree, the files of one, a DICOM series, packs.
fn itself(dir: &Path, takes: Takes) -> Result<Option<Input>> {
    if takes.trees
        && let Some(dzi) = tree_of_files(dir)
    {
        return Ok(Some(input(&dzi, Thing::Tree, Path::new(""))));
    }
    if takes.trees
        && let Some(found) = other_tree(dir)
    {
        // Results go into the directory of the tree, as into that of a descriptor.
        return Ok(Some(Input { path: found, ..input(&dir.join("tree"), Thing::Tree, Path::new("")) }));
    }
    let entries = entries(dir)?;
    if takes.slides
        && let Some(series) = dicom_series(dir, &entries, Path::new(""))
    {
        return Ok(Some(series));
    }
    // A slide's directory may hold a tree and a bundle of it. A command that takes both gets both, by the search.
    let trees = if takes.trees { own_trees(&entries) } else { Vec::new() };
    let archive = if takes.archives { own_archive(dir, &entries)? } else { None };
    Ok(match (&trees[..], archive) {
        ([tree], None) => Some(input(tree, Thing::Tree, Path::new(""))),
        ([], Some(archive)) => Some(archive),
        _ => None,
    })
}

/// The archive of a slide's directory, or of its `residual_packs/`.
fn own_archive(dir: &Path, here: &[PathBuf]) -> Result<Option<Input>> {
    let below = dir.join(PACK_DIR);
    for (dir, entries) in
        [(dir, here.to_vec()), (&below, if below.is_dir() { entries(&below)? } else { Vec::new() })]
    {
        let bundle = dir.join(BUNDLE_NAME);
        if bundle.is_file() {
            return Ok(Some(input(&bundle, Thing::Bundle, Path::new(""))));
        }
        if entries.iter().any(|path| extension(path) == "pack") {
            return Ok(Some(input(dir, Thing::Packs, Path::new(""))));
        }
    }
    Ok(None)
}

/// Adds what lies in a directory and below. `below` is its path below the directory that was given.
fn search(dir: &Path, below: &Path, takes: Takes, found: &mut Vec<Input>) -> Result<()> {
    let entries = entries(dir)?;
    if let Some(series) = dicom_series(dir, &entries, below) {
        found.extend(takes.slides.then_some(series));
        return Ok(());
    }
    if let Some(tree) = other_tree(dir).filter(|_| !below.as_os_str().is_empty()) {
        let own = Input { path: tree, ..input(&dir.join("tree"), Thing::Tree, below) };
        found.extend(takes.trees.then_some(own));
        return Ok(());
    }
    if takes.trees {
        found.extend(own_trees(&entries).iter().map(|path| input(path, Thing::Tree, below)));
    }
    let has_bundle = entries.iter().any(|path| extension(path) == "bundle");
    if takes.archives && !has_bundle && entries.iter().any(|path| extension(path) == "pack") {
        found.push(input(dir, Thing::Packs, below));
    }
    let dicom = if takes.slides { dicom_slides(&entries) } else { Vec::new() };
    for path in entries {
        let name = below.join(path.file_name().unwrap_or_default());
        let extension = extension(&path);
        if path.is_dir() {
            // A link may lead back to where the search came from.
            if !is_tree_files(&path) && !path.is_symlink() {
                search(&path, &name, takes, found)?;
            }
        } else if takes.archives && extension == "bundle" {
            found.push(input(&path, Thing::Bundle, below));
        } else if takes.slides && is_slide(&path, &dicom) {
            found.push(input(&path, Thing::Slide, below));
        }
    }
    Ok(())
}

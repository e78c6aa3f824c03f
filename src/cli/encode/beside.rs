//! What lies beside a bundle and is of another encode.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;
use origami::archive::PACK_DIR;
use origami::report::html::GENERATOR;
use origami::report::manifest::Manifest;
use origami::store::is_address;

use super::args::EncodeArgs;
use crate::cli::sources::Sources;

/// Bytes of a page in which it says who made it.
const HEAD_BYTES: u64 = 1024;
/// Folders of `--debug-images`, and what the names of its pictures end in.
const PICTURES: [&str; 3] = ["compress", "decompress", "images"];
const STAGES: [&str; 5] =
    ["_original.png", "_l2.png", "_prediction.png", "_residual.png", "_reconstruction.png"];

/// What an encode to `out` that wrote so many families, and this page, left there of earlier ones, a sentence each. It stays, as everything
/// but the bundle does that an encode is not asked for; the user must know, because it does not belong to the new bundle.
pub fn of_other_encodes(args: &EncodeArgs, out: &Path, page: Option<&Path>, families: u64) -> Vec<String> {
    if is_address(out) {
        return Vec::new();
    }
    let mut said = Vec::new();
    let dir = out.join(PACK_DIR);
    let (packs, ours) = (packs(&dir), if args.pack { families } else { 0 });
    if packs > ours {
        let others = packs - ours;
        said.push(format!(
            "{}: {others} pack(s) of an earlier encode stay there; remove them",
            dir.display()
        ));
    }
    let manifest = out.join("manifest.json");
    if !args.manifest && manifest.is_file() && Manifest::may_replace(&manifest).is_ok() {
        said.push(format!(
            "{}: it is of an earlier encode; remove it, or encode with --manifest",
            manifest.display()
        ));
    }
    let written = page.and_then(|page| page.canonicalize().ok());
    let is_other = |path: &PathBuf| written.is_none() || path.canonicalize().ok() != written;
    for other in pages(out).iter().filter(|path| is_other(path)) {
        said.push(format!("{}: it is of an earlier encode; remove it, or make it anew", other.display()));
    }
    said
}

/// Whether there are packs where those of an encode to `out` would be.
pub fn has_packs(out: &Path) -> bool {
    packs(&out.join(PACK_DIR)) > 0
}

/// Refuses to write the pictures of `--debug-images` where a source has such a name.
pub fn spare_pictures(sources: &Sources, out: &Path) -> Result<()> {
    let is_picture = |name: &str| STAGES.iter().any(|stage| name.ends_with(stage));
    PICTURES.iter().try_for_each(|folder| sources.spare_names(&out.join(folder), is_picture))
}

fn packs(dir: &Path) -> u64 {
    let packs = fs::read_dir(dir).into_iter().flatten().flatten();
    packs.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack")).count() as u64
}

/// The pages in a directory that this program made, by name.
fn pages(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_page = |path: &PathBuf| {
        let extension = path.extension().unwrap_or_default();
        let mut head = Vec::new();
        (extension.eq_ignore_ascii_case("html") || extension.eq_ignore_ascii_case("htm"))
            && path.is_file()
            && fs::File::open(path).is_ok_and(|file| file.take(HEAD_BYTES).read_to_end(&mut head).is_ok())
            && String::from_utf8_lossy(&head).contains(GENERATOR)
    };
    let mut pages: Vec<_> = entries.filter(is_page).collect();
    pages.sort();
    pages
}

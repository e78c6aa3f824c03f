//! Whether an archive was made of the slide or the tree that lies beside it: what the archive records, compared with the file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::files::{Stamp, stamp};
use super::series::may_be_dicom;
use crate::archive::{Kind, SourceKind};
use crate::decode::Input;
use crate::pyramid::identity::Identity;
use crate::pyramid::tree::Tree;

/// What is known of pairs, by the stamps of their files: an identity is read once, not at every listing.
#[derive(Debug, Default)]
pub struct Pairs(HashMap<(PathBuf, PathBuf), (Stamp, bool)>);

impl Pairs {
    /// Whether the archive was made of the slide or tree at `source`.
    pub fn made_of(&mut self, archive: &Path, source: &Path) -> bool {
        let now = stamp([archive, source]);
        let known = self.0.get(&(archive.into(), source.into()));
        if let Some(&(_, is)) = known.filter(|(then, _)| *then == now) {
            return is;
        }
        let is = made_of(archive, source);
        self.0.insert((archive.into(), source.into()), (now, is));
        is
    }
}

fn made_of(archive: &Path, source: &Path) -> bool {
    let input = if archive.is_dir() { Input::packs(archive) } else { Input::file(archive, Kind::Bundle) };
    // A damaged archive is refused by name when it is opened.
    let Ok(input) = input else { return false };
    let recorded = &input.meta().source;
    if recorded.kind == SourceKind::Deepzoom {
        return recorded.name.as_str() == source.file_name().unwrap_or_default() && same_size(&input, source);
    }
    let Some((identity, _)) = recorded.identity.as_deref().and_then(Identity::split) else { return false };
    // The identity begins with the length, which costs nothing to compare. A DICOM slide may have more files than this one.
    let length = source.metadata().map(|file| file.len()).unwrap_or_default();
    (may_be_dicom(source) || identity.starts_with(&format!("file-{length}-")))
        && Identity::of_file(source).is_ok_and(|found| found.text == identity)
}

/// Whether a tree has the size and the tiles of an archive. To compare the contents of all tiles would take too long.
fn same_size(input: &Input, tree: &Path) -> bool {
    let g = input.geometry();
    Tree::describe(tree).is_ok_and(|d| (d.width, d.height, d.tile) == (g.width(), g.height(), g.tile()))
}

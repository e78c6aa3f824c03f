//! What a path is, and its reader.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::{self, Archive, BUNDLE_NAME, PACK_DIR};
use crate::error::Error;
use crate::pyramid::tree::{is_tree_file, other_tree};
use crate::slide::OpenOptions;
use crate::store::{self, FileError, ReadAt, is_address};

use super::archive::Bundle;
use super::scan::Scan;
use super::tree::TreeSource;
use super::{Decoded, Kind, Result, Shared};

/// Bytes in which the magic of an archive lies.
const MAGIC_BYTES: u64 = 16;

/// What a path or an address is, with the file, directory or object to open. An address is that of one object: of a tree its descriptor.
///
/// # Errors
/// A path that does not exist or cannot be read; a pack, which is no whole slide; an address in a build without them.
pub fn detect(path: &Path) -> Result<(Kind, PathBuf)> {
    let failed = |source| Error::from(FileError { action: "open", path: path.into(), source });
    if !is_address(path) && fs::metadata(path).map_err(failed)?.is_dir() {
        let bundles = [path.join(PACK_DIR).join(BUNDLE_NAME), path.join(BUNDLE_NAME)];
        if let Some(bundle) = bundles.into_iter().find(|bundle| bundle.is_file()) {
            return Ok((Kind::Bundle, bundle));
        }
        let kind = if is_tree_directory(path).map_err(failed)? { Kind::Tree } else { Kind::Slide };
        return Ok((kind, path.into()));
    }
    let start = first_bytes(path).map_err(failed)?;
    match archive::Kind::of_magic(&start) {
        Some(archive::Kind::Bundle) => Ok((Kind::Bundle, path.into())),
        Some(archive::Kind::Pack) => {
            let problem = "a pack holds one family of a slide; open the bundle".into();
            Err(Error::Input { path: path.into(), problem }.into())
        }
        None if is_tree_file(path) => Ok((Kind::Tree, path.into())),
        None => Ok((Kind::Slide, path.into())),
    }
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = store::open(path)?;
    let mut start = vec![0; file.size()?.min(MAGIC_BYTES) as usize];
    file.read_exact_at(&mut start, 0)?;
    Ok(start)
}

/// Whether a directory holds a tree or is the directory of its tiles.
fn is_tree_directory(path: &Path) -> std::io::Result<bool> {
    if path.to_string_lossy().ends_with("_files") || other_tree(path).is_some() {
        return Ok(true);
    }
    for entry in fs::read_dir(path)? {
        if entry?.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("dzi")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens a bundle or tree, which keep what they decode in `decoded`, or a slide, whose reader keeps up to `reader_bytes` itself.
///
/// # Errors
/// What the library says of the path.
pub fn open(path: &Path, decoded: &Arc<Decoded>, reader_bytes: u64) -> Result<Shared> {
    // A reader keeps at most half of its limit as decoded parts of the full resolution.
    let options = OpenOptions { max_memory_bytes: reader_bytes.saturating_mul(2), ..OpenOptions::default() };
    open_with(path, decoded, &options, "cache_bytes")
}

/// The same, a slide as `options` say. `raise` names what the caller gives more memory by, in the error of an image that can only be
/// decoded whole and is larger than half of that.
///
/// # Errors
/// As of [`open()`]; a choice of planes of what is no slide.
pub fn open_with(path: &Path, decoded: &Arc<Decoded>, options: &OpenOptions, raise: &str) -> Result<Shared> {
    let (kind, path) = detect(path)?;
    Ok(match kind {
        Kind::Bundle => {
            options.selection.refuse(&path, "it is a bundle").map_err(Error::from)?;
            Arc::new(Bundle::open(&path, decoded)?)
        }
        Kind::Tree => {
            options.selection.refuse(&path, "it is a tree of tiles").map_err(Error::from)?;
            Arc::new(TreeSource::open(&path, decoded)?)
        }
        Kind::Slide => Arc::new(Scan::open(&path, options, raise)?),
    })
}

/// Opens one slide that may keep `cache_bytes` of decoded pixels.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::pixels::{Layout, Patch, Reading, open_alone};
///
/// // A bundle, the descriptor of a tree, or a slide.
/// let slide = open_alone(Path::new("slide.svs"), 256 << 20)?;
/// let mut rgb = vec![255; 3 * 512 * 512];
/// let (width, height, layout) = (512, 512, Layout::Interleaved);
/// let mut patch = Patch { x: 1000, y: 2000, width, height, layout, data: &mut rgb };
/// slide.read(0, &mut patch, Reading { alone: true, goes_on: &|| true })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As of [`open()`].
pub fn open_alone(path: &Path, cache_bytes: u64) -> Result<Shared> {
    open(path, &Arc::new(Decoded::new(cache_bytes)), cache_bytes)
}

/// Opens a bundle that is read through `store` and keeps what it decodes in `decoded`; `path` is its name in errors.
///
/// # Errors
/// As of [`open()`].
pub fn open_bundle(path: &Path, store: Box<dyn ReadAt>, decoded: &Arc<Decoded>) -> Result<Shared> {
    let archive = Archive::from_store(path, store).map_err(Error::from)?;
    Ok(Arc::new(Bundle::of(archive, decoded)?))
}

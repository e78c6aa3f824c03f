//! Chooses the reader of a file: by what OpenSlide recognises, then by the first bytes.
//!
//! A few scanners' files wear the coat of a common format: an `.mrxs` is a JPEG thumbnail beside a folder, an `.ndpi` or
//! `.scn` is a TIFF whose first page is not the slide. Those names are never left to the built-in readers. It
//! deliberately does not decode anything.

use super::{Access, OpenOptions, OpenSlideLibrary, OpenSlideUse, Slide, SlideError, SlideInfo};
use super::{jpeg, png, tiff};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Extensions of formats that only OpenSlide reads rightly, in lower case.
const OPENSLIDE_ONLY: [&str; 11] =
    ["mrxs", "vms", "vmu", "ndpi", "scn", "bif", "svslide", "dcm", "dicom", "czi", "zvi"];

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";
const TIFF: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    let magic = first_bytes(path)?;
    if options.openslide == OpenSlideUse::Only {
        return open_openslide(path, options, "OpenSlide was asked for");
    }
    let extension = path.extension().map(|text| text.to_string_lossy().to_lowercase()).unwrap_or_default();
    let reserved = OPENSLIDE_ONLY.contains(&extension.as_str());
    // A PNG or an ordinary JPEG is never a slide of OpenSlide's.
    let ordinary = magic.starts_with(PNG) || (magic.starts_with(JPEG) && !reserved);
    if options.openslide == OpenSlideUse::Auto && !ordinary && recognised(path)? {
        return open_openslide(path, options, "a scanner's format");
    }
    if reserved {
        return open_openslide_or_refuse(path, options, &extension);
    }
    let rows = |(info, rows): (SlideInfo, _)| slide(path, info, Access::Sequential(rows));
    if magic.starts_with(PNG) {
        png::open(path, options).map(rows)
    } else if magic.starts_with(JPEG) {
        jpeg::open(path, options).map(rows)
    } else if TIFF.iter().any(|mark| magic.starts_with(mark)) {
        tiff::open(path, options).map(|(info, regions)| slide(path, info, Access::Random(regions)))
    } else {
        let advice = match options.openslide {
            OpenSlideUse::Never => "TIFF, BigTIFF, SVS, PNG and JPEG are read without OpenSlide".to_string(),
            _ => {
                format!(
                    "TIFF, SVS, PNG and JPEG are read directly, scanners' formats through OpenSlide ({})",
                    state()
                )
            }
        };
        Err(SlideError::UnknownFormat { path: path.to_path_buf(), advice })
    }
}

fn slide(path: &Path, info: SlideInfo, access: Access) -> Slide {
    Slide { path: path.to_path_buf(), info, access, associated: None }
}

/// Up to eight bytes from the start.
fn first_bytes(path: &Path) -> Result<Vec<u8>, SlideError> {
    let failed = |source| SlideError::io(path, "cannot open", source);
    let file = File::open(path).map_err(failed)?;
    let kind = file.metadata().map_err(failed)?;
    if !kind.is_file() {
        let advice = "give the slide's main file, not a folder or a device".into();
        return Err(SlideError::UnknownFormat { path: path.to_path_buf(), advice });
    }
    let mut magic = Vec::new();
    file.take(8).read_to_end(&mut magic).map_err(|source| SlideError::io(path, "cannot read", source))?;
    Ok(magic)
}

fn open_openslide_or_refuse(
    path: &Path,
    options: &OpenOptions,
    extension: &str,
) -> Result<Slide, SlideError> {
    let reason = format!("a slide of the kind .{extension}");
    if options.openslide == OpenSlideUse::Never {
        let problem = "it is switched off by an option; allow it".into();
        return Err(SlideError::NeedsOpenSlide { path: path.to_path_buf(), reason, problem });
    }
    open_openslide(path, options, &reason)
}

#[cfg(feature = "openslide")]
fn open_openslide(path: &Path, options: &OpenOptions, reason: &str) -> Result<Slide, SlideError> {
    super::openslide::open(path, options, reason)
}

#[cfg(not(feature = "openslide"))]
fn open_openslide(path: &Path, _options: &OpenOptions, reason: &str) -> Result<Slide, SlideError> {
    Err(SlideError::NeedsOpenSlide { path: path.to_path_buf(), reason: reason.into(), problem: state() })
}

/// Whether OpenSlide is there and takes the file for more than a plain TIFF.
#[cfg(feature = "openslide")]
fn recognised(path: &Path) -> Result<bool, SlideError> {
    super::openslide::recognises(path)
}

#[cfg(not(feature = "openslide"))]
fn recognised(_path: &Path) -> Result<bool, SlideError> {
    Ok(false)
}

/// Whether OpenSlide is there, or why not, for messages.
#[cfg(feature = "openslide")]
fn state() -> String {
    super::openslide::state()
}

#[cfg(not(feature = "openslide"))]
const NOT_BUILT: &str = "this program was built without it; build it with the feature `openslide`";

#[cfg(not(feature = "openslide"))]
fn state() -> String {
    NOT_BUILT.into()
}

/// The OpenSlide in use.
///
/// # Errors
/// Why there is none, and what to do about it.
#[cfg(feature = "openslide")]
pub fn openslide_library() -> Result<OpenSlideLibrary, String> {
    super::openslide::library()
}

/// The OpenSlide in use.
///
/// # Errors
/// There is none in this build.
#[cfg(not(feature = "openslide"))]
pub fn openslide_library() -> Result<OpenSlideLibrary, String> {
    Err(NOT_BUILT.into())
}

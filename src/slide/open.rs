//! Picks the reader of a file: DICOM by its mark, OpenSlide where it recognises a scanner's format, else by the first bytes.
//!
//! Some scanners' files begin like a common format: an `.mrxs` is a JPEG thumbnail beside a folder, an `.ndpi` or `.scn`
//! is a TIFF in a layout of its own. Files with such extensions never go to the built-in readers. This module
//! deliberately does not decode anything.

use super::access::{Access, Slide};
use super::error::SlideError;
use super::options::{OpenOptions, OpenSlideLibrary, OpenSlideUse};
use super::{dicom, jpeg, ndpi, png, tiff, unread};
use crate::store::open_regular;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Extensions, in lower case, of formats that the built-in readers would misread.
const OPENSLIDE_ONLY: [&str; 7] = ["mrxs", "vms", "vmu", "ndpi", "scn", "bif", "svslide"];

/// Extensions, in lower case, of files that are taken for slides in a directory. PNG and JPEG are not among them: beside slides they
/// are thumbnails, labels and screenshots. They are taken where they are named.
pub const EXTENSIONS: [&str; 21] = [
    "bif", "btf", "czi", "dcm", "dicom", "isyntax", "mrxs", "ndpi", "ndpis", "qptiff", "scn", "svs",
    "svslide", "tf2", "tf8", "tif", "tiff", "vms", "vmu", "vsi", "zvi",
];

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

impl Slide {
    /// Opens a slide or an image. Its content decides the format, except for extensions that belong to a scanner.
    ///
    /// ```no_run
    /// use std::path::Path;
    ///
    /// use origami::slide::{Access, OpenOptions, Slide};
    ///
    /// let slide = Slide::open(Path::new("slide.svs"), &OpenOptions::default())?;
    /// println!("{} x {} pixels", slide.info.width, slide.info.height);
    /// if let Access::Random(pixels) = &slide.access {
    ///     let mut samples = vec![0; 512 * 512 * usize::from(slide.info.channels)];
    ///     pixels.read(0, 0, 512, 512, &mut samples)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, is of an unknown or unsupported kind, needs OpenSlide where it is missing,
    /// or needs more memory than `options` allow.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, SlideError> {
        #[cfg(feature = "remote")]
        if crate::store::is_address(path) {
            let slide = super::address::open(path, options, open)?;
            return Ok(Self { selection: options.selection.clone(), ..slide });
        }
        let slide = open(path, options)?;
        Ok(Self { selection: options.selection.clone(), ..slide })
    }
}

fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    if path.is_dir() && options.openslide != OpenSlideUse::Only {
        return dicom::open_directory(path, options);
    }
    match open_file(path, options) {
        Err(lacking @ SlideError::Unsupported { is_codec: true, .. })
            if options.openslide == OpenSlideUse::Auto =>
        {
            instead(path, options, lacking)
        }
        opened => opened,
    }
}

/// What OpenSlide makes of a file for which the built-in readers lack a codec. If it cannot read it either, their error stands.
fn instead(path: &Path, options: &OpenOptions, lacking: SlideError) -> Result<Slide, SlideError> {
    let SlideError::Unsupported { what, .. } = &lacking else { return Err(lacking) };
    let Ok(mut slide) = open_openslide(path, options, "a codec is missing") else { return Err(lacking) };
    // A codec that OpenSlide lacks shows at the first pixel.
    if let Access::Random(pixels) = &slide.access
        && pixels.read(0, 0, 1, 1, &mut vec![0; usize::from(slide.info.channels)]).is_err()
    {
        return Err(lacking);
    }
    slide.info.warnings.push(format!("it is read by OpenSlide, because it has {what}"));
    Ok(slide)
}

/// Opens a file, by its content and its extension.
fn open_file(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    let magic = first_bytes(path)?;
    if options.openslide == OpenSlideUse::Only {
        return open_openslide(path, options, "OpenSlide was asked for");
    }
    let extension = path.extension().map(|text| text.to_string_lossy().to_lowercase()).unwrap_or_default();
    // OpenSlide reads DICOM as well, by other assumptions. A DICOM file may begin like a TIFF.
    if dicom::claims(path) {
        return dicom::open(path, options);
    }
    let reserved = OPENSLIDE_ONLY.contains(&extension.as_str());
    // OpenSlide is not asked about a PNG or an ordinary JPEG.
    let ordinary = magic.starts_with(PNG) || (magic.starts_with(JPEG) && !reserved);
    let unread = unread::refusal(path, &extension, &magic);
    if options.openslide == OpenSlideUse::Auto && !ordinary && recognised(path)? {
        return match (open_openslide(path, options, "a scanner's format"), unread) {
            // What a newer OpenSlide can name and not decode.
            (Err(SlideError::OpenSlideLacks { .. }), Some(refusal)) => Err(refusal),
            (opened, _) => opened,
        };
    }
    if let Some(refusal) = unread {
        return Err(refusal);
    }
    // OpenSlide gives pixels; the JPEG itself is for those who do without.
    if extension == "ndpi" && options.openslide == OpenSlideUse::Never {
        return ndpi::open(path, options);
    }
    if reserved {
        return open_openslide_or_refuse(path, options, &extension);
    }
    if magic.starts_with(PNG) {
        png::open(path, options)
    } else if magic.starts_with(JPEG) {
        jpeg::open(path, options)
    } else if tiff::MARKS.iter().any(|mark| magic.starts_with(mark)) {
        tiff::open(path, options)
    } else {
        let advice = match options.openslide {
            OpenSlideUse::Never => {
                "TIFF, BigTIFF, SVS, DICOM, PNG and JPEG are read without OpenSlide".to_string()
            }
            _ => {
                format!(
                    "TIFF, SVS, DICOM, PNG and JPEG are read directly, scanners' formats through OpenSlide ({})",
                    state()
                )
            }
        };
        Err(SlideError::UnknownFormat { path: path.to_path_buf(), advice })
    }
}

/// Up to eight bytes from the start.
fn first_bytes(path: &Path) -> Result<Vec<u8>, SlideError> {
    let file = open_regular(path).map_err(|source| match source.kind() {
        ErrorKind::IsADirectory | ErrorKind::InvalidInput => {
            let advice = "give the slide's main file, not a folder, a pipe or a device".into();
            SlideError::UnknownFormat { path: path.to_path_buf(), advice }
        }
        _ => SlideError::io(path, "cannot open it", source),
    })?;
    let mut magic = Vec::new();
    file.take(8).read_to_end(&mut magic).map_err(|source| SlideError::io(path, "cannot read it", source))?;
    if magic.is_empty() {
        return Err(SlideError::corrupt(path, "slide", "start", "the file is empty"));
    }
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

/// Whether OpenSlide is installed and recognises a scanner's format.
#[cfg(feature = "openslide")]
fn recognised(path: &Path) -> Result<bool, SlideError> {
    super::openslide::recognises(path)
}

#[cfg(not(feature = "openslide"))]
fn recognised(_path: &Path) -> Result<bool, SlideError> {
    Ok(false)
}

/// The state of OpenSlide for messages: its version, or why it is missing.
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

/// The OpenSlide library in use.
///
/// # Errors
/// The reason why OpenSlide is missing, and what to do about it.
#[cfg(feature = "openslide")]
pub fn openslide_library() -> Result<OpenSlideLibrary, String> {
    super::openslide::library()
}

/// The OpenSlide library in use.
///
/// # Errors
/// Always: this build has no OpenSlide.
#[cfg(not(feature = "openslide"))]
pub fn openslide_library() -> Result<OpenSlideLibrary, String> {
    Err(NOT_BUILT.into())
}

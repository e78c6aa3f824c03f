//! DICOM whole-slide images (PS3.3 section A.32.8): any region of any resolution, from many threads.
//!
//! A slide is a series of files in one directory: a resolution each, or parts of one (concatenations), and pictures of the label
//! and of the whole glass, which are listed and never taken for the slide. Frames are found by their offsets and decoded on
//! demand into a cache of bounded size; pixel data is never read whole. Elements are read by `dicom-encoding`. Nothing that names a
//! patient, a case or a container is read.
//!
//! | module | what |
//! |---|---|
//! | `elements`, `value` | data elements without their values; values as text and numbers |
//! | `syntax`, `header` | transfer syntaxes; the elements that are used |
//! | `series`, `deflated` | finds the files of a slide; files that are deflated as a whole |
//! | `format` | declared pixels, checked |
//! | `frames`, `image` | where frames lie; which frame is which tile |
//! | `pixels`, `rle`, `jpeg_ls`, `deep_jpeg` | frames decoded |
//! | `slide` | metadata of a series |
//! | `resolutions` | which images are resolutions of the slide; the same plane in each of them |
//! | `level`, `channels`, `palette` | the planes that were chosen, and their colours |
//! | `regions`, `stored_tiles` | access to pixels; stored JPEGs |
//! | `absent`, `depth` | the colour of tiles that are missing; what of 16 bits becomes black and white |

mod absent;
mod channels;
mod deep_jpeg;
mod deflated;
mod depth;
mod elements;
mod format;
mod frames;
mod header;
mod image;
#[cfg(feature = "jpegls")]
mod jpeg_ls;
mod level;
mod palette;
mod pixels;
mod regions;
mod resolutions;
mod rle;
mod series;
mod slide;
mod stored_tiles;
mod syntax;
mod value;

use super::access::Slide;
use super::error::SlideError;
use super::options::OpenOptions;
use super::positional::PositionalFile;
use std::path::{Path, PathBuf};

pub use series::DicomFiles;

/// Whether a file carries DICOM's mark. A file that cannot be read does not.
pub fn is_dicom(path: &Path) -> bool {
    PositionalFile::open(path).is_ok_and(|file| header::is_dicom(&file))
}

/// Whether a file is to be opened as DICOM: by its mark, or by its name.
pub(super) fn claims(path: &Path) -> bool {
    is_dicom(path) || series::named_dicom(path)
}

/// Puts DICOM files together by slide. Objects that are no whole-slide images, and files that are no DICOM, are left out.
pub fn dicom_files(files: &[PathBuf]) -> DicomFiles {
    series::by_series(files)
}

/// All files of the slide that a file belongs to: those of its series in its directory. Of another format, the file alone.
pub fn files_of_slide(path: &Path) -> Vec<PathBuf> {
    series::files(path)
}

/// Opens the slide that a file belongs to.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    slide::open(path, series::of_file(path, options.max_memory_bytes)?, options)
}

/// Opens the one slide whose files are in a directory.
pub(super) fn open_directory(dir: &Path, options: &OpenOptions) -> Result<Slide, SlideError> {
    open(&series::in_directory(dir)?, options)
}

//! DICOM slides in a directory: a series of files is one of them, whatever their names.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::files::{SlideFiles, Stamp, stamp};
use crate::slide::{DicomFiles, dicom_files};

/// The DICOM slides of directories, by the stamps of their files: headers are read once, not at every listing.
#[derive(Debug, Default)]
pub struct Series(HashMap<PathBuf, (Stamp, DicomFiles)>);

impl Series {
    /// The DICOM slides among the files of a directory. Of the others, those that may be damaged ones.
    pub fn among(&mut self, dir: &Path, files: &[PathBuf]) -> &DicomFiles {
        let candidates: Vec<_> = files.iter().filter(|path| may_be_dicom(path)).cloned().collect();
        let now = stamp(candidates.iter().map(PathBuf::as_path));
        let (then, found) = self.0.entry(dir.into()).or_default();
        if *then != now {
            (*then, *found) = (now, dicom_files(&candidates));
        }
        found
    }

    /// The slide that a directory of nothing but the files of one series is.
    pub fn whole(&mut self, name: &str, dir: &Path, files: &[PathBuf]) -> Option<SlideFiles> {
        if files.is_empty() || !files.iter().all(|path| may_be_dicom(path)) {
            return None;
        }
        match self.among(dir, files) {
            DicomFiles { slides, damaged } if damaged.is_empty() => match slides.as_slice() {
                [series] => of_series(name, series),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The slide of a series. Readers take any file of it and find the others.
pub fn of_series(name: &str, series: &[PathBuf]) -> Option<SlideFiles> {
    let (first, others) = series.split_first()?;
    let mut slide = SlideFiles::raw(name.into(), first.clone());
    slide.stamp.extend(stamp(others.iter().map(PathBuf::as_path)));
    Some(slide)
}

/// Whether a file may be DICOM: by its extension, or because it has none.
pub fn may_be_dicom(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension
        .is_none_or(|extension| ["dcm", "dicom"].iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

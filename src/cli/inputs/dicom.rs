//! DICOM slides in a directory: a series of files is one of them.

use std::path::{Path, PathBuf};

use origami::slide::{EXTENSIONS, dicom_files, is_dicom};

use super::input::{Input, Thing, extension, own_name};

/// The slide that a directory of nothing but DICOM files is. Readers take any file of it and find the others.
pub fn dicom_series(dir: &Path, entries: &[PathBuf], below: &Path) -> Option<Input> {
    let first = entries.first().filter(|_| entries.iter().all(|path| may_be_dicom(path)))?;
    let slides = dicom_files(entries).slides;
    (slides.len() < 2).then(|| Input {
        path: slides.first().and_then(|files| files.first()).unwrap_or(first).clone(),
        thing: Thing::Slide,
        name: if below.as_os_str().is_empty() { own_name(dir) } else { below.to_path_buf() },
        home: dir.to_path_buf(),
    })
}

/// The DICOM slides among the entries of a directory, each by its first file; damaged files as well, to fail in their turn.
pub fn dicom_slides(entries: &[PathBuf]) -> Vec<PathBuf> {
    let files: Vec<_> = entries.iter().filter(|path| may_be_dicom(path)).cloned().collect();
    let found = dicom_files(&files);
    found.slides.into_iter().flat_map(|files| files.into_iter().take(1)).chain(found.damaged).collect()
}

/// Whether a file found in a directory is a slide of its own. `dicom` are the DICOM slides there.
pub fn is_slide(path: &PathBuf, dicom: &[PathBuf]) -> bool {
    dicom.contains(path) || (EXTENSIONS.contains(&&*extension(path)) && !may_be_dicom(path))
}

/// Whether a path is a DICOM file: by its extension, or by its content where it has none.
fn may_be_dicom(path: &Path) -> bool {
    match &*extension(path) {
        "dcm" | "dicom" => true,
        "" => path.is_file() && is_dicom(path),
        _ => false,
    }
}

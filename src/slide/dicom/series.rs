//! Finds the files of a slide: those of one series in one directory.
//!
//! A slide is a series of files: a resolution each, or a part of one, and the images of label and whole glass. Their names say
//! nothing, so each file's own series UID decides. Only one directory is searched.

use super::super::error::SlideError;
use super::super::positional::PositionalFile;
use super::deflated::{self, MAX_LISTED_BYTES};
use super::elements::Encoding;
use super::elements::{ADVICE, FORMAT};
use super::header;
use super::header::{Header, Next};
use super::syntax::Syntax;
use crate::store;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All deflated files of a series may take one part in so many of the memory: the rest is for what is decoded.
const DEFLATED_PART: u64 = 4;

/// One file of a series.
pub(super) struct Member {
    pub file: Arc<PositionalFile>,
    pub syntax: Syntax,
    pub header: Header,
}

/// The files of a series, and sentences about what was left out.
pub(super) struct Series {
    pub members: Vec<Member>,
    pub warnings: Vec<String>,
}

/// The series of a file, with the other files of its directory.
pub(super) fn of_file(path: &Path, limit_bytes: u64) -> Result<Series, SlideError> {
    let mut inflated_bytes = limit_bytes / DEFLATED_PART;
    let own = member(path, limit_bytes, &mut inflated_bytes)?;
    if let Some(class) = own.header.other_class() {
        let advice = "give a file of a whole-slide image (VL Whole Slide Microscopy Image)";
        return Err(SlideError::unsupported(path, FORMAT, format!("no slide in it ({class})"), advice));
    }
    let Some(series) = own.header.series.clone() else {
        let problem = "no series UID, by which the other files of the slide are found";
        return Err(SlideError::corrupt(path, FORMAT, "data set", problem));
    };
    let mut found = Series { members: vec![own], warnings: Vec::new() };
    for sibling in files_beside(path, &mut found.warnings) {
        match identity(&sibling) {
            Ok(Identity::Slide(id)) if id == series => {
                let member = member(&sibling, limit_bytes, &mut inflated_bytes)?;
                let known = |other: &Member| other.header.instance == member.header.instance;
                // A second copy of a file is of no use.
                if member.header.other_class().is_none()
                    && (member.header.instance.is_none() || !found.members.iter().any(known))
                {
                    found.members.push(member);
                }
            }
            Ok(_) => {}
            Err(_) => found.warnings.push(format!(
                "{} beside it cannot be read and was left out",
                sibling.file_name().unwrap_or_default().to_string_lossy()
            )),
        }
    }
    Ok(found)
}

/// The one series of whole-slide images in a directory: its first file.
pub(super) fn in_directory(dir: &Path) -> Result<PathBuf, SlideError> {
    let failed = |source| SlideError::io(dir, "cannot list it", source);
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    files.sort();
    let mut slides = by_series(&files).slides;
    match slides.len() {
        1 => Ok(slides.swap_remove(0).swap_remove(0)),
        0 => {
            let advice = "give the slide's main file, or a directory of DICOM files".into();
            Err(SlideError::UnknownFormat { path: dir.to_path_buf(), advice })
        }
        several => {
            let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let names: Vec<_> = slides.iter().flat_map(|files| files.first()).map(name).collect();
            let what = format!("{several} series in one directory");
            let advice = format!("give a file of one of them: {}", names.join(", "));
            Err(SlideError::unsupported(dir, FORMAT, what, advice))
        }
    }
}

/// All files of the slide that a file belongs to, itself among them.
pub(super) fn files(path: &Path) -> Vec<PathBuf> {
    let mut files = vec![path.to_path_buf()];
    if let Ok(Identity::Slide(series)) = identity(path) {
        let same = |path: &PathBuf| matches!(identity(path), Ok(Identity::Slide(other)) if other == series);
        files.extend(files_beside(path, &mut Vec::new()).into_iter().filter(same));
    }
    files
}

/// DICOM files by the slide that they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DicomFiles {
    /// The files of each slide, at least one, in the order of the first ones.
    pub slides: Vec<Vec<PathBuf>>,
    /// Files that cannot be read, or are no DICOM in spite of their name.
    pub damaged: Vec<PathBuf>,
}

/// Puts files together by series. DICOM objects that are no whole-slide images, and files that are no DICOM, are left out.
pub(super) fn by_series(files: &[PathBuf]) -> DicomFiles {
    let (mut known, mut found) = (HashMap::new(), DicomFiles::default());
    for path in files.iter().filter(|path| is_regular(path)) {
        match identity(path) {
            Ok(Identity::Slide(series)) => {
                let index = *known.entry(series).or_insert_with(|| {
                    found.slides.push(Vec::new());
                    found.slides.len() - 1
                });
                if let Some(files) = found.slides.get_mut(index) {
                    files.push(path.clone());
                }
            }
            Ok(Identity::NoDicom) if !named_dicom(path) => {}
            Ok(Identity::Other) => {}
            Ok(Identity::NoDicom) | Err(_) => found.damaged.push(path.clone()),
        }
    }
    found
}

/// Whether a file's name says that it is DICOM.
pub(in super::super) fn named_dicom(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["dcm", "dicom"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// What a file is, by its mark and first elements.
enum Identity {
    /// A whole-slide image of that series.
    Slide(String),
    /// Another DICOM object.
    Other,
    NoDicom,
}

fn identity(path: &Path) -> Result<Identity, SlideError> {
    let file = PositionalFile::open(path)?;
    if !header::is_dicom(&file) {
        file.all_read()?;
        return Ok(Identity::NoDicom);
    }
    let (uid, at) = header::transfer_syntax(&file)?;
    let syntax = Syntax::of(&uid);
    // In a syntax that is not read, elements have types as a rule. If the file belongs to the slide, that is an error.
    let encoding = syntax.as_ref().map_or(Encoding::ExplicitVr, |syntax| syntax.encoding);
    let enough = |header: &Header| match header.series {
        Some(_) => Next::Stop,
        None => Next::Continue,
    };
    let header = match syntax {
        Ok(syntax) if syntax.is_deflated => deflated::header(&file, at, encoding, enough)?,
        _ => Header::read(&file, encoding, at, MAX_LISTED_BYTES as u64, enough)?,
    };
    let slide = header.series.clone().filter(|_| header.other_class().is_none());
    Ok(slide.map_or(Identity::Other, Identity::Slide))
}

/// A file of a series. `inflated_bytes` are left for those that are deflated.
fn member(path: &Path, limit_bytes: u64, inflated_bytes: &mut u64) -> Result<Member, SlideError> {
    let mut file = PositionalFile::open(path)?;
    let (uid, at) = header::transfer_syntax(&file)?;
    let syntax = Syntax::of(&uid).map_err(|name| {
        let what = format!("the transfer syntax {uid} ({name})");
        SlideError::lacks_codec(path, FORMAT, what, ADVICE)
    })?;
    if syntax.is_deflated {
        file = deflated::whole(file, at, *inflated_bytes)?;
        *inflated_bytes = inflated_bytes.saturating_sub(file.len());
    }
    let header = Header::read(&file, syntax.encoding, at, limit_bytes, |_| Next::Continue)?;
    Ok(Member { file: Arc::new(file), syntax, header })
}

/// The other files of a directory, by name.
fn files_beside(path: &Path, warnings: &mut Vec<String>) -> Vec<PathBuf> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = store::files_in(dir) else {
        warnings
            .push("its directory cannot be listed, so other files of its series were not looked for".into());
        return Vec::new();
    };
    let own = path.file_name();
    let mut files: Vec<_> =
        entries.into_iter().filter(|file| file.file_name() != own && is_regular(file)).collect();
    files.sort();
    files
}

/// Whether a path is a file that may be part of a series. Names that begin with a dot are other programs' or unfinished.
fn is_regular(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && (store::is_address(path) || path.is_file())
}

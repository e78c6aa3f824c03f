//! Copies of slides at addresses on the local disk, for readers that need files: of a slide of several files all of them.
//!
//! A copy is bounded ([`crate::store::remote::Settings::scratch_bytes`]) and removed when it is dropped. Of OpenSlide's formats these are
//! several files, by its documentation: MIRAX (`.mrxs`, and a directory of its name) and Hamamatsu's `.vms` and `.vmu`, which name the
//! others. DICOM is as well, and is not read through a copy.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::SlideError;
use crate::store::remote::{Object, settings};
use crate::store::{self, Address, Location};

/// Most bytes of a `.vms` or `.vmu`, which is text. Real ones have a few kilobytes.
const MAX_INDEX_BYTES: u64 = 1 << 20;
/// Most files of one slide.
const MAX_FILES: usize = 10_000;
/// The keys of a `.vms` or `.vmu` whose values are names of files. `ImageFile` also stands with a position: `ImageFile(1,0)`.
const NAMING_KEYS: [&str; 4] = ["ImageFile", "MapFile", "MacroImage", "OptimisationFile"];

/// A copy on the local disk.
pub(super) struct Scratch {
    _dir: TempDir,
    /// The file to open.
    pub main: PathBuf,
}

/// A file of a slide: the object, and where it lies beside the main file.
struct Part {
    object: Address,
    name: PathBuf,
}

impl Scratch {
    /// Copies what lies at an address, with all files that belong to it. `extension` is in lower case; OpenSlide tells formats apart by it.
    pub(super) fn of(path: &Path, extension: &str) -> Result<Self, SlideError> {
        let failed = |source| SlideError::io(path, "cannot copy it to the temporary directory", source);
        let Location::Address(address) = Location::parse(path).map_err(|e| failed(e.into()))? else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        let main = PathBuf::from(format!("slide.{extension}"));
        let mut parts = vec![Part { object: address, name: main.clone() }];
        match extension {
            "mrxs" => parts.extend(of_mirax(path)?),
            "vms" | "vmu" => parts.extend(of_index(path)?),
            _ => {}
        }
        if parts.len() > MAX_FILES {
            let text = format!("it has more than {MAX_FILES} files; copy it to a local disk yourself");
            return Err(failed(io::Error::new(io::ErrorKind::QuotaExceeded, text)));
        }
        let dir = tempfile::Builder::new().prefix("origami-slide-").tempdir().map_err(failed)?;
        copy(&parts, dir.path(), settings().scratch_bytes).map_err(|(part, source)| {
            SlideError::io(&part.to_path(), "cannot copy it to the temporary directory", source)
        })?;
        Ok(Self { main: dir.path().join(main), _dir: dir })
    }
}

/// Copies files, if they have at most `most` bytes together. The first that fails is named.
fn copy(parts: &[Part], dir: &Path, most: u64) -> Result<(), (Address, io::Error)> {
    let at = |part: &Part| {
        let object = part.object.clone();
        move |source: io::Error| (object, source)
    };
    let opened = parts.iter().map(|part| Object::open(&part.object).map_err(at(part)));
    let opened = opened.collect::<Result<Vec<_>, _>>()?;
    let bytes = opened.iter().fold(0_u64, |sum, object| sum.saturating_add(object.version().size));
    if bytes > most
        && let Some(main) = parts.first()
    {
        let what = if parts.len() == 1 { "it has".into() } else { format!("its {} files have", parts.len()) };
        let text =
            format!("{what} {bytes} bytes and a copy may have {most}; copy it to a local disk yourself");
        return Err(at(main)(io::Error::new(io::ErrorKind::FileTooLarge, text)));
    }
    for (part, object) in parts.iter().zip(opened) {
        let path = dir.join(&part.name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let copied = made.and_then(|()| object.copy_to(&File::create(path)?));
        copied.map_err(at(part))?;
    }
    Ok(())
}

/// The files of a MIRAX slide besides the `.mrxs`: those in the directory of its name.
fn of_mirax(path: &Path) -> Result<Vec<Part>, SlideError> {
    let dir = path.with_extension("");
    let what = "cannot list the directory beside it, which has the pixels";
    let files = store::files_in(&dir).map_err(|source| SlideError::io(path, what, source))?;
    let parts = files.iter().filter_map(|file| match Location::parse(file) {
        Ok(Location::Address(object)) => {
            Some(Part { name: Path::new("slide").join(file.file_name()?), object })
        }
        _ => None,
    });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() {
        let place = dir.display().to_string();
        return Err(SlideError::corrupt(
            path,
            "slide",
            &place,
            "its data files are not there; copy that directory as well",
        ));
    }
    Ok(parts)
}

/// The files that a `.vms` or `.vmu` names. They lie beside it.
fn of_index(path: &Path) -> Result<Vec<Part>, SlideError> {
    let text = store::read(path, MAX_INDEX_BYTES)
        .map_err(|source| SlideError::io(path, "cannot read it", source))?;
    let mut names: Vec<_> = named_files(&String::from_utf8_lossy(&text)).collect();
    names.sort();
    names.dedup();
    let part = |name: String| {
        let is_plain =
            Path::new(&name).file_name().is_some_and(|own| own == name.as_str()) && !name.contains('\\');
        let beside = path.with_file_name(&name);
        match Location::parse(&beside) {
            Ok(Location::Address(object)) if is_plain => Ok(Part { object, name: name.into() }),
            _ => {
                let problem = format!("it names the file \"{name}\", which cannot lie beside it");
                Err(SlideError::corrupt(path, "slide", "names of files", &problem))
            }
        }
    };
    names.into_iter().map(part).collect()
}

fn named_files(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        let key = key.split_once('(').map_or(key, |(name, _)| name.trim_end());
        (NAMING_KEYS.contains(&key) && !value.is_empty()).then(|| value.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_an_index_names_are_found() {
        let text = "[Virtual Microscope Specimen]\r\nNoLayers=1\nImageFile=a.jpg\nImageFile(1,0) = b c.jpg\nMapFile=map.jpg\nMacroImage=\nImageFileSize=9\n";
        assert_eq!(named_files(text).collect::<Vec<_>>(), ["a.jpg", "b c.jpg", "map.jpg"]);
    }
}

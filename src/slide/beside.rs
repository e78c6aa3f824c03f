//! The files from which OpenSlide reads the pixels of a slide whose own file only names them: MIRAX, and Hamamatsu's VMS and VMU.
//!
//! DICOM is not among them: a series says itself which files are of it. Nothing is checked here, and what is not there is named all the same.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The part of an index that is read. OpenSlide reads no more of either.
const MAX_INDEX_BYTES: u64 = 1 << 20;
/// The index in the folder of a MIRAX slide.
const MIRAX_INDEX: &str = "Slidedat.ini";

/// The files beside that of a slide that it is read from, in order: of MIRAX the folder of its name, what lies in it and what its index
/// names; of VMS and VMU what the file names. Nothing of a slide of another kind.
pub fn data_files(path: &Path) -> Vec<PathBuf> {
    let is = |known: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(known));
    let mut files = if is("mrxs") {
        let folder = path.with_extension("");
        let named = named(&folder.join(MIRAX_INDEX), &folder, is_of_mirax);
        let inside = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        named.into_iter().chain(inside).chain([folder.clone()]).collect()
    } else if is("vms") || is("vmu") {
        let folder = path.parent().unwrap_or(Path::new(""));
        let is_file = |key: &str| {
            key.starts_with("ImageFile") || ["MapFile", "OptimisationFile", "MacroImage"].contains(&key)
        };
        named(path, folder, is_file)
    } else {
        Vec::new()
    };
    files.sort_unstable();
    files.dedup();
    files
}

/// Whether a line of a MIRAX index names a file: `INDEXFILE`, or `FILE_` and a number.
fn is_of_mirax(key: &str) -> bool {
    let is_number = |number: &str| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    key == "INDEXFILE" || key.strip_prefix("FILE_").is_some_and(is_number)
}

/// What an index names in a folder: the values of some of its lines `KEY=VALUE`.
fn named(index: &Path, folder: &Path, is_file: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut bytes = Vec::new();
    let read = crate::store::open_regular(index)
        .map(|file: File| file.take(MAX_INDEX_BYTES).read_to_end(&mut bytes));
    if !matches!(read, Ok(Ok(_))) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter_map(|line| line.split_once('='));
    // As OpenSlide puts names behind that of the folder, whatever they begin with.
    let files =
        lines.filter(|(key, _)| is_file(key.trim())).map(|(_, name)| name.trim().trim_start_matches('/'));
    files.filter(|name| !name.is_empty()).map(|name| folder.join(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_an_index_are_those_that_it_names_and_those_in_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        for name in ["a.mrxs", "a/Data0000.dat", "a/Index.dat", "b.svs"] {
            std::fs::write(at(name), "x").unwrap();
        }
        std::fs::write(
            at("a/Slidedat.ini"),
            "\u{feff}[HIERARCHICAL]\nINDEXFILE = Index.dat\r\n[DATAFILE]\nFILE_COUNT=1\nFILE_0=../else.dat\n",
        )
        .unwrap();
        let want = ["a", "a/../else.dat", "a/Data0000.dat", "a/Index.dat", "a/Slidedat.ini"].map(at);
        let mut want = Vec::from(want);
        want.sort_unstable();
        assert_eq!(data_files(&at("a.mrxs")), want);
        std::fs::write(at("c.VMS"), "[Virtual Microscope Specimen]\nNoLayers=1\nImageFile=c.jpg\nImageFile(1,0)=/c(1,0).jpg\nMapFile=c_map.jpg\nOptimisationFile=\nMacroImage=c_macro.jpg\n").unwrap();
        assert_eq!(data_files(&at("c.VMS")), ["c(1,0).jpg", "c.jpg", "c_macro.jpg", "c_map.jpg"].map(at));
        assert!(data_files(&at("b.svs")).is_empty() && data_files(&at("none.vms")).is_empty());
    }
}

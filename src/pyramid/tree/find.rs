//! Finds the parts of a tree on disk: descriptor, tile files, sidecar.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::zip::Zip;
use crate::pyramid::error::{Error, Refusal, Result};
use crate::pyramid::metadata::{SlideMetadata, is_sidecar};
use crate::store::{self, is_address};

/// Largest `.dzi` that is read. Real ones have a few hundred bytes; a slide given by mistake has gigabytes.
pub const MAX_DESCRIPTOR_BYTES: u64 = 1 << 20;
/// Largest sidecar. Real ones have some hundred bytes.
const MAX_SIDECAR_BYTES: u64 = 1 << 20;
/// Largest ICC profile. Real ones have kilobytes.
const MAX_PROFILE_BYTES: u64 = 64 << 20;

/// File name extensions of tiles, in lower case.
pub const TILE_EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];

/// The name of a tree: its descriptor's file name without extension.
pub fn stem(dzi: &Path) -> String {
    dzi.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Column and row of every tile file in a directory; empty where the directory is missing.
pub fn list_tiles(dir: &Path, extension: &str) -> Result<HashSet<(u32, u32)>> {
    let mut tiles = HashSet::new();
    each_tile_name(dir, |position, found| {
        tiles.extend((found == extension).then_some(position));
        true
    })?;
    Ok(tiles)
}

/// The file name extension of the tiles in a directory: `declared`, if any tile has it, else that of one that is there. `None`
/// where there is no tile.
pub fn extension_in(dir: &Path, declared: &str) -> Result<Option<String>> {
    let mut other = None;
    let mut is_declared = false;
    each_tile_name(dir, |_, found| {
        is_declared = found == declared;
        if TILE_EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)) {
            other = Some(found.to_string());
        }
        !is_declared
    })?;
    Ok(if is_declared { Some(declared.to_string()) } else { other })
}

/// Calls `take` with column, row and extension of every tile file in a directory until it returns false.
fn each_tile_name(dir: &Path, mut take: impl FnMut((u32, u32), &str) -> bool) -> Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("list", dir)(e)),
    };
    for entry in entries {
        let name = entry.map_err(Error::io("list", dir))?.file_name();
        let tile = name.to_str().and_then(|name| {
            let (position, extension) = name.split_once('.')?;
            let (x, y) = position.split_once('_')?;
            Some(((x.parse().ok()?, y.parse().ok()?), extension))
        });
        if let Some((position, extension)) = tile
            && !take(position, extension)
        {
            break;
        }
    }
    Ok(())
}

/// The `.dzi` of a tree that is given by the `.dzi`, by the directory that holds it, or by its `_files`.
pub fn find_descriptor(path: &Path) -> Result<PathBuf> {
    if !is_address(path) && fs::metadata(path).map_err(Error::io("open", path))?.is_file() {
        return Ok(path.to_path_buf());
    }
    // A path such as `.` has no file name.
    let full = if path.file_name().is_none() { fs::canonicalize(path).ok() } else { None };
    let path = full.as_deref().unwrap_or(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(stem) = name.strip_suffix("_files") {
        let dzi = path.with_file_name(format!("{stem}.dzi"));
        if store::is_file(&dzi) {
            return Ok(dzi);
        }
    }
    let usual = path.join("baseline_pyramid.dzi");
    if store::is_file(&usual) {
        return Ok(usual);
    }
    let mut descriptors = Vec::new();
    for file in store::files_in(path).map_err(Error::io("list", path))? {
        // Names that begin with a dot are other programs', such as the resource forks of macOS.
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && file.extension().is_some_and(|e| e.eq_ignore_ascii_case("dzi")) {
            descriptors.push(file);
        }
    }
    descriptors.sort();
    match descriptors.len() {
        1 => Ok(descriptors.remove(0)),
        0 => Err(Error::input(path, "no .dzi here; give a .dzi, the directory that holds it, or its _files")),
        n => Err(Error::input(
            path,
            format!("{n} .dzi files here; name the one to read, such as {}", descriptors[0].display()),
        )),
    }
}

/// The text of a `.dzi`.
pub fn read_descriptor(dzi: &Path) -> Result<String> {
    let refused = || Error::refused(dzi, Refusal::NotADescriptor);
    match store::read(dzi, MAX_DESCRIPTOR_BYTES) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| refused()),
        Err(e) if e.kind() == ErrorKind::FileTooLarge => Err(refused()),
        Err(e) => Err(Error::io("read", dzi)(e)),
    }
}

/// The sidecar `NAME.json` of a descriptor and the ICC profile that it names; empty where they are missing.
pub fn read_metadata(dzi: &Path) -> Result<(SlideMetadata, Option<Vec<u8>>)> {
    let path = dzi.with_extension("json");
    let beside = |name: &str| dzi.with_file_name(name);
    metadata(&path, store::read(&path, MAX_SIDECAR_BYTES), &beside, &|name| {
        store::read(&beside(name), MAX_PROFILE_BYTES)
    })
}

/// The same of a tree in a zip whose tiles lie below `files`, which ends in `_files/`.
pub fn read_zipped_metadata(zip: &Zip, files: &str) -> Result<(SlideMetadata, Option<Vec<u8>>)> {
    let sidecar = format!("{}.json", files.strip_suffix("_files/").unwrap_or(files));
    let folder = sidecar.rfind('/').map_or("", |slash| &sidecar[..=slash]);
    let beside = |name: &str| format!("{folder}{name}");
    metadata(
        &zip.place(&sidecar),
        zip.read(&sidecar, MAX_SIDECAR_BYTES),
        &|name| zip.place(&beside(name)),
        &|name| zip.read(&beside(name), MAX_PROFILE_BYTES),
    )
}

/// What the sidecar at `path` holds, and the profile, which `read` reads where `place` says.
fn metadata(
    path: &Path,
    sidecar: io::Result<Vec<u8>>,
    place: &dyn Fn(&str) -> PathBuf,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<(SlideMetadata, Option<Vec<u8>>)> {
    let text = match sidecar {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok((SlideMetadata::default(), None)),
        Err(e) => return Err(Error::io("read", path)(e)),
    };
    if !is_sidecar(&text) {
        return Ok((SlideMetadata::default(), None));
    }
    let metadata: SlideMetadata = serde_json::from_slice(&text).map_err(|e| {
        Error::damaged(path, format!("a sidecar of origami that cannot be read: {e}; remove it"))
    })?;
    let icc = match &metadata.icc_profile {
        // Only a file name without directory: a sidecar must not make us read files elsewhere.
        Some(name) if Path::new(name).file_name().is_some_and(|n| n == name.as_str()) => {
            Some(read(name).map_err(Error::io("read", &place(name)))?)
        }
        Some(name) => {
            return Err(Error::damaged(
                path,
                format!("icc_profile \"{name}\" must be a file beside this one"),
            ));
        }
        None => None,
    };
    Ok((metadata, icc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_is_a_regular_file_of_a_plausible_length() {
        let dir = tempfile::tempdir().unwrap();
        let (dzi, sidecar) = (dir.path().join("a.dzi"), dir.path().join("a.json"));
        let refusal = || read_metadata(&dzi).unwrap_err().to_string();
        fs::write(&sidecar, "{}").unwrap();
        assert!(read_metadata(&dzi).is_ok());
        fs::File::create(&sidecar).unwrap().set_len(MAX_SIDECAR_BYTES + 1).unwrap();
        assert!(refusal().contains("at most belong there"), "{}", refusal());
        #[cfg(unix)]
        for target in ["/dev/zero", "pipe"] {
            fs::remove_file(&sidecar).unwrap();
            let made = match target {
                "pipe" => std::process::Command::new("mkfifo").arg(&sidecar).status().unwrap().success(),
                device => std::os::unix::fs::symlink(device, &sidecar).is_ok(),
            };
            assert!(made);
            assert!(refusal().contains("regular file"), "{}", refusal());
        }
    }
}

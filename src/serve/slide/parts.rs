//! The files that a slide is read from besides its own, as far as its format says: what may be served is decided for each of them, and what
//! is made of them changes when one of them does.

use std::path::{Path, PathBuf};

use crate::serve::bounds::Bounds;
use crate::slide::{data_files, files_of_slide, is_dicom};

/// Most files whose changes are noticed. Another one in a folder shows at the folder itself.
const MAX_WATCHED: usize = 1024;

/// The first file of a slide, or of a directory of packs, that may not be served.
pub fn outside(path: &Path, bounds: &Bounds) -> Option<PathBuf> {
    let mut own = [path.to_path_buf()].into_iter().chain(links_in(path)).chain(data_files(path));
    own.find(|path| !bounds.hold(path)).or_else(|| outside_series(path, bounds))
}

/// The first file of the series of a DICOM slide that may not be served. Only a link leads out of the directory that they share.
fn outside_series(path: &Path, bounds: &Bounds) -> Option<PathBuf> {
    let links = links_in(path.parent().filter(|_| path.is_file())?);
    let far: Vec<_> = links.into_iter().filter(|link| !bounds.hold(link)).collect();
    if far.is_empty() || !is_dicom(path) {
        return None;
    }
    let names: Vec<_> = far.iter().map(|link| link.file_name()).collect();
    files_of_slide(path).into_iter().find(|file| names.contains(&file.file_name()))
}

/// The symbolic links in a directory.
fn links_in(dir: &Path) -> Vec<PathBuf> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    links.map(|entry| entry.path()).collect()
}

/// The files beside a slide, and the folder of those of MIRAX, whose changes change the slide. A series of DICOM is listed with its files.
pub fn watched(path: &Path) -> Vec<PathBuf> {
    let mut files = data_files(path);
    files.truncate(MAX_WATCHED);
    files
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::serve::options::SlideOptions;

    #[test]
    fn each_file_that_a_slide_names_is_checked() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| root.path().join(name);
        for name in ["a", "in"] {
            fs::create_dir(at(name)).unwrap();
        }
        for path in
            [at("a.mrxs"), at("a/Data0000.dat"), at("in/b.jpg"), other.path().join("secret.jpg"), at("c.svs")]
        {
            fs::write(path, "x").unwrap();
        }
        let bounds = Bounds::new(&SlideOptions { root: root.path().into(), ..SlideOptions::default() });
        let refused = |name: &str| outside(&at(name), &bounds);
        assert_eq!(refused("a.mrxs"), None);
        symlink(other.path().join("secret.jpg"), at("a/Data0001.dat")).unwrap();
        assert_eq!(refused("a.mrxs"), Some(at("a/Data0001.dat")));
        assert_eq!(refused("c.svs"), None, "what lies beside it is nothing of it");
        fs::remove_file(at("a/Data0001.dat")).unwrap();
        // Out of the folder, by a name that an index has.
        let name = format!("FILE_0=../../{}/secret.jpg", other.path().file_name().unwrap().to_str().unwrap());
        fs::write(at("a/Slidedat.ini"), name).unwrap();
        assert!(refused("a.mrxs").is_some_and(|path| path.ends_with("secret.jpg")));
        fs::write(at("b.vms"), "ImageFile=in/b.jpg\nMapFile=map.jpg\n").unwrap();
        symlink(at("in/b.jpg"), at("map.jpg")).unwrap();
        assert_eq!(refused("b.vms"), None, "inside, wherever");
        fs::remove_file(at("map.jpg")).unwrap();
        symlink(other.path().join("secret.jpg"), at("map.jpg")).unwrap();
        assert_eq!(refused("b.vms"), Some(at("map.jpg")));
    }

    #[test]
    fn no_more_files_are_watched_than_that_and_the_folder_always_is() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        fs::create_dir(&folder).unwrap();
        for number in 0..=MAX_WATCHED {
            fs::write(folder.join(format!("Data{number:04}.dat")), "").unwrap();
        }
        let watched = watched(&root.path().join("a.mrxs"));
        assert_eq!((watched.len(), &watched[0]), (MAX_WATCHED, &folder));
    }
}

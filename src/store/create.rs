//! Files of this program, under names that anybody may have taken.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a file for reading and writing, and creates it where there is none; `truncate` empties it. A symbolic link of this name is
/// refused: the file that it points at is not ours.
///
/// # Errors
/// The error of the system; a link, a pipe or a device of this name.
pub fn create(path: &Path, truncate: bool) -> io::Result<File> {
    let foreign = || {
        let problem = "a link, a pipe or a device has the name of a file that is written; remove it";
        io::Error::new(io::ErrorKind::InvalidInput, problem)
    };
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let opened = options.read(true).write(true).create(true).truncate(truncate).open(path);
    #[cfg(unix)]
    let opened = opened.map_err(|e| if e.raw_os_error() == Some(libc::ELOOP) { foreign() } else { e });
    let file = opened?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(foreign()) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_points_at_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (other, link) = (dir.path().join("other"), dir.path().join("lock"));
        std::fs::write(&other, "theirs").unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        for truncate in [true, false] {
            let error = create(&link, truncate).unwrap_err();
            assert!(error.to_string().contains("remove it"), "{error}");
        }
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
        drop(create(&other, false).unwrap());
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
        drop(create(&other, true).unwrap());
        assert_eq!(std::fs::read(&other).unwrap(), b"");
    }
}

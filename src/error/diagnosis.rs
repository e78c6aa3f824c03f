//! What an error says to a program: the kind of fault, the file concerned and the place in it.
//!
//! A caller decides by the kind whether to ask for other parameters, to look at the data, or to try again. It knows no texts: those
//! are for people.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::image::geometry::{FamilyId, TileId};
use crate::store::is_given_up;

/// What kind of fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Parameters are out of range or contradict each other or the input.
    Parameters,
    /// The data that was read is damaged or incomplete.
    Damaged,
    /// Storage, network, GPU or memory failed in a way that may pass: the same call may succeed later.
    MayPass,
    /// The caller asked for the end of the run.
    Interrupted,
    /// It failed, and will fail again.
    Failed,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// An offset in bytes.
    Byte(u64),
    /// A tile of a pyramid.
    Tile(TileId),
    /// A family of an archive.
    Family(FamilyId),
    /// A part that the file's format names: a row, a tag, a region.
    Part(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Byte(offset) => write!(f, "byte {offset}"),
            Place::Tile(tile) => write!(f, "tile {tile}"),
            Place::Family(family) => write!(f, "family {family}"),
            Place::Part(name) => f.write_str(name),
        }
    }
}

/// What an error says to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// The file or directory concerned, where there is one.
    pub path: Option<PathBuf>,
    /// The place in it, where it is known.
    pub place: Option<Place>,
}

impl Diagnosis {
    /// A fault without a file.
    pub fn of(kind: FaultKind) -> Self {
        Self { kind, path: None, place: None }
    }

    /// The same in a file, unless it names one.
    pub fn in_file(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.to_path_buf());
        self
    }

    /// The same at a place, unless it names one.
    pub fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }
}

/// An error that can be diagnosed.
pub trait Diagnose {
    /// Its kind, file and place.
    fn diagnosis(&self) -> Diagnosis;
}

impl Diagnose for io::Error {
    fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(match self.kind() {
            _ if is_given_up(self) => FaultKind::Interrupted,
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData => FaultKind::Damaged,
            _ if may_pass(self) => FaultKind::MayPass,
            _ => FaultKind::Failed,
        })
    }
}

/// Whether the system may grant later what it refused.
fn may_pass(error: &io::Error) -> bool {
    let by_kind = matches!(
        error.kind(),
        ErrorKind::AddrInUse
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NotConnected
            | ErrorKind::OutOfMemory
            | ErrorKind::QuotaExceeded
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::StorageFull
            | ErrorKind::TimedOut
            | ErrorKind::WouldBlock
            | ErrorKind::WriteZero
    );
    by_kind || error.raw_os_error().is_some_and(is_passing_code)
}

/// Codes without an [`ErrorKind`] of their own: a disk that does not answer, too many open files, too many locks.
#[cfg(unix)]
fn is_passing_code(code: i32) -> bool {
    [libc::EIO, libc::EMFILE, libc::ENFILE, libc::ENOLCK, libc::ENOBUFS].contains(&code)
}

#[cfg(not(unix))]
fn is_passing_code(_: i32) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn answers_of_the_system_that_may_pass_are_told_from_those_that_stay() {
        let kind = |code| io::Error::from_raw_os_error(code).diagnosis().kind;
        for code in [
            libc::ENOSPC,
            libc::EDQUOT,
            libc::EIO,
            libc::ESTALE,
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOMEM,
            libc::EAGAIN,
            libc::EBUSY,
            libc::ETIMEDOUT,
            libc::ECONNREFUSED,
            libc::EADDRINUSE,
        ] {
            assert_eq!(kind(code), FaultKind::MayPass, "{}", io::Error::from_raw_os_error(code));
        }
        for code in
            [libc::ENOENT, libc::EACCES, libc::EPERM, libc::EISDIR, libc::ENOTDIR, libc::EROFS, libc::EFBIG]
        {
            assert_eq!(kind(code), FaultKind::Failed, "{}", io::Error::from_raw_os_error(code));
        }
        assert_eq!(io::Error::from(ErrorKind::UnexpectedEof).diagnosis().kind, FaultKind::Damaged);
    }

    #[test]
    fn the_innermost_file_and_place_stay() {
        let inner = Diagnosis::of(FaultKind::Damaged).in_file(Path::new("a")).at(Place::Byte(7));
        let outer = inner.in_file(Path::new("b")).at(Place::Part("header".into()));
        assert_eq!((outer.path, outer.place), (Some("a".into()), Some(Place::Byte(7))));
    }
}

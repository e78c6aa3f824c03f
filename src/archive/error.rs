//! The errors of packs and bundles.

use std::path::{Path, PathBuf};

use crate::image::geometry::{FamilyId, TileId};
use crate::params;
use crate::store::FileError;

/// The result of archive calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of reading or writing an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error(transparent)]
    File(#[from] FileError),
    /// A pack or bundle is damaged.
    #[error("{}: byte {offset}: {what}: expected {expected}, found {found}; {remedy}", path.display())]
    Damaged {
        /// The pack or bundle.
        path: PathBuf,
        /// The offset of the fault in bytes.
        offset: u64,
        /// The part: "header checksum", "residual of family 3_1", ...
        what: String,
        /// The expected value.
        expected: String,
        /// The value in the file.
        found: String,
        /// What to do about it.
        remedy: Remedy,
    },
    /// A directory that has the name of the bundle to be written.
    #[error("{}: it is a directory, where the bundle is to go; remove it", .0.display())]
    DirectoryInPlace(PathBuf),
    /// Another encode writes in the output directory.
    #[error("{}: another encode is writing here; wait for it or choose another output directory", .0.display())]
    AnotherEncode(PathBuf),
    /// Families or tiles that are missing or come twice: a mistake of the caller.
    #[error("a bundle needs each family once and every tile of the small levels")]
    Incomplete,
    /// A record or image whose size does not fit the format.
    #[error("a blob of over 4 GiB; use smaller tiles")]
    BlobTooLarge,
    /// A record that no reader would read.
    #[error(
        "family {family} has {bytes} bytes, more than the {most} that its pixels can need; its tiles carry something else: strip their metadata"
    )]
    RecordTooLong {
        /// The family.
        family: FamilyId,
        /// Its length in bytes.
        bytes: u64,
        /// Most bytes of a record of its size.
        most: u64,
    },
    /// A tile of a small level that no reader would read.
    #[error(
        "tile {tile} has {bytes} bytes, more than the {most} that its pixels can need; it carries something else: strip its metadata"
    )]
    TileTooLong {
        /// The tile.
        tile: TileId,
        /// Its length in bytes.
        bytes: u64,
        /// Most bytes of a tile of its size.
        most: u64,
    },
    /// A colour profile that no reader would read.
    #[error("a colour profile of {0} bytes; archives hold at most 64 MiB")]
    ProfileTooLong(usize),
    /// More entries than the format's indexes hold.
    #[error("more families or tiles than an archive indexes; use larger tiles")]
    TooManyEntries,
    /// Metadata that JSON cannot express, such as a number that is not finite.
    #[error("metadata cannot be written as JSON: {0}")]
    Metadata(serde_json::Error),
    /// Recorded parameters that no encoder writes.
    #[error(transparent)]
    Params(#[from] params::Error),
}

/// What to do about an archive that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Its bytes have changed.
    Restore,
    /// An older program wrote it.
    EncodeAgain,
    /// A newer program wrote it.
    Update,
    /// It is no archive.
    GiveAnArchive,
}

impl std::fmt::Display for Remedy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Remedy::Restore => "restore the file, or encode the slide again",
            Remedy::EncodeAgain => "encode the slide again",
            Remedy::Update => "update this program",
            Remedy::GiveAnArchive => "give a pack or a bundle",
        })
    }
}

impl Error {
    /// For `map_err` after a call of `std::fs` and the like.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        FileError::on(action, path)
    }
}

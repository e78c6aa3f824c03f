//! The error of the calls that a program makes: encode, decode, verify, the search for a quality, the server.
//!
//! Each layer below has an error type of its own; they convert to this one with `?`. Every message names the file, the place in
//! it and what to do. Errors are returned, never logged here. No message names a flag of the command line: the program words
//! those. [`diagnosis`] says what an error means to a program.

pub mod diagnosis;
mod layers;

pub use layers::diagnose;

use std::path::{Path, PathBuf};

use crate::archive::Kind;
use crate::image::geometry::{FamilyId, GeometryError, TileId};
use crate::kernels::taps::Filter;
use crate::slide::SlideError;
use crate::store::FileError;
use crate::{archive, backend, codec, lossless, output, params, pyramid, residual};

/// The result of these calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error(transparent)]
    File(#[from] FileError),
    /// An input file or directory is not what it should be.
    #[error("{}: {problem}", path.display())]
    Input {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// A file or directory that this call cannot use.
    #[error("{}: {refusal}", path.display())]
    Refused {
        /// The file or directory.
        path: PathBuf,
        /// Why not, and what to do about it.
        refusal: Refusal,
    },
    /// A stored tile from which no output can be made.
    #[error("{}: tile {tile}: {source}", path.display())]
    StoredTile {
        /// The tile's file, or the archive that holds it.
        path: PathBuf,
        /// Its address.
        tile: TileId,
        /// What is wrong.
        source: Box<Error>,
    },
    /// A stored family from which no output can be made.
    #[error("{}: {source}", path.display())]
    StoredFamily {
        /// The archive.
        path: PathBuf,
        /// Which family.
        family: FamilyId,
        /// What is wrong; its text names the family.
        source: Box<Error>,
    },
    /// A tile of a small level that an archive does not hold.
    #[error("{}: tile {tile}: it is not in the archive; give the slide's tree", path.display())]
    TileNotStored {
        /// The archive.
        path: PathBuf,
        /// The tile's address.
        tile: TileId,
    },
    /// Something failed while a family was worked on.
    #[error("family {family}: {source}")]
    Family {
        /// Which family.
        family: FamilyId,
        /// What failed.
        source: Box<Error>,
    },
    /// A pack or bundle cannot be read or written.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// A tree cannot be read or written.
    #[error(transparent)]
    Pyramid(#[from] pyramid::Error),
    /// A slide cannot be opened or read.
    #[error(transparent)]
    Slide(#[from] SlideError),
    /// A codec failed.
    #[error(transparent)]
    Codec(#[from] codec::Error),
    /// A family could not be coded.
    #[error(transparent)]
    Residual(#[from] residual::Error),
    /// A family of originals could not be coded.
    #[error(transparent)]
    Lossless(#[from] lossless::Error),
    /// An output tile could not be made.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// A backend or its scheduler failed.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// A slide, tile or family that cannot be.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// Parameters are out of range or contradict each other.
    #[error(transparent)]
    Params(#[from] params::Error),
    /// A manifest or pictures of a lossless encode.
    #[error(
        "a manifest and pictures show what coding loses, and a lossless encode loses nothing: leave them out"
    )]
    NothingToReport,
    /// A PSNR that no quality reaches.
    #[error(
        "a PSNR of {wanted_db} dB cannot be reached: residual quality 100 gives {best_db:.2} dB here, of {of}"
    )]
    PsnrOutOfReach {
        /// The PSNR asked for, in dB.
        wanted_db: f64,
        /// The PSNR of quality 100, in dB.
        best_db: f64,
        /// What has this PSNR: `luma`, or a channel for which luma does not stand.
        of: &'static str,
    },
    /// A size that no quality keeps to.
    #[error(
        "{wanted_bytes} bytes cannot be kept to: residual quality 1 gives about {least_bytes} bytes here"
    )]
    SizeOutOfReach {
        /// The size asked for.
        wanted_bytes: u64,
        /// The size that quality 1 gives, estimated.
        least_bytes: u64,
    },
    /// A slide without families.
    #[error(
        "a slide without L2 stores its tiles as they are: it has no residual whose quality could be chosen"
    )]
    NoResidual,
    /// A comparison of images of different sizes.
    #[error(
        "{} is {}x{} pixels and {} is {}x{}: give two images of one slide at its full size",
        paths[0].display(), sizes_px[0].0, sizes_px[0].1, paths[1].display(), sizes_px[1].0, sizes_px[1].1
    )]
    OtherSize {
        /// The two images.
        paths: [PathBuf; 2],
        /// Width and height of each in pixels.
        sizes_px: [(u32, u32); 2],
    },
    /// A report that JSON cannot express.
    #[error("the manifest cannot be written as JSON: {0}")]
    Manifest(serde_json::Error),
    /// A slide that a server cannot serve, or a tile of it.
    #[error("{slide}: {fault}")]
    Served {
        /// The slide's name in addresses.
        slide: String,
        /// What is wrong and what to do about it.
        fault: ServedFault,
    },
}

/// Why a call cannot use a file or directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An archive of the other kind.
    #[error("it is a {}", .0.name())]
    OtherKind(Kind),
    /// A directory without packs.
    #[error("no .pack files here; encode into packs, or decode a bundle")]
    NoPacks,
    /// A pack beside packs of another encode.
    #[error("it belongs to another encode than {}; remove it, or encode again into packs", first.display())]
    OtherEncode {
        /// A pack of that encode.
        first: PathBuf,
    },
    /// A directory without some of the slide's packs.
    #[error("{have} packs of the slide's {all} families; restore the others, or decode only {have} families")]
    MissingPacks {
        /// Number of packs.
        have: usize,
        /// Number of families.
        all: u64,
    },
    /// A pack without a tree beside it.
    #[error("a pack has no small levels; give the slide's tree for them, or decode the bundle")]
    NoSmallLevels,
    /// A tile size that is not the archive's.
    #[error("the tile size {given} contradicts the archive, whose tiles are {recorded} pixels")]
    TileSize {
        /// The size asked for, in pixels.
        given: u32,
        /// The archive's, in pixels.
        recorded: u32,
    },
    /// An upsampling filter that is not the archive's.
    #[error(
        "the upsampling filter {} contradicts the archive, which records {}", given.name(), recorded.name()
    )]
    UpsampleFilter {
        /// The filter asked for.
        given: Filter,
        /// The archive's.
        recorded: Filter,
    },
    /// A file where a manifest is to go.
    #[error("it is there and no manifest of an encode; move it, or choose another output directory")]
    ForeignManifest,
}

/// Why a server cannot serve a slide, or a tile of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServedFault {
    /// Residuals in the layout of an older tool.
    #[error("its residuals are loose images of an older tool; encode it again with `origami encode`")]
    LooseResiduals,
    /// A file of the slide that lies outside the root, where a symbolic link leads to it.
    #[error("{}: a symbolic link leads out of what is served; move the file, or allow such links", .0.display())]
    Outside(PathBuf),
    /// A call that needs the archive of a slide without one.
    #[error("no archive")]
    NoArchive,
    /// A slide without files.
    #[error("no archive and no tree")]
    NoFiles,
    /// A tile that neither the archive nor the tree holds.
    #[error("tile {0} is in no file")]
    NoSource(TileId),
    /// A view of a slide that is encoded or cut into tiles.
    #[error("there is no view to choose: its channels and planes were chosen when it was made")]
    NoView,
    /// A slide or image whose pixels come from the top, once.
    #[error("it can only be read from the top, once; `origami encode` makes a bundle of it")]
    Sequential,
    /// A scanned slide whose file lacks the levels from which coarse tiles could be made on request.
    #[error(
        "its file has no level below {width}x{height}, which is too large to make them on request; `origami encode` makes a bundle of it"
    )]
    NoSmallLevels {
        /// Width of its coarsest level, in pixels.
        width: u32,
        /// Height of its coarsest level, in pixels.
        height: u32,
    },
}

impl Error {
    /// For `map_err` after a call of `std::fs` and the like.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        FileError::on(action, path)
    }

    pub(crate) fn input(path: &Path, problem: impl Into<String>) -> Self {
        Error::Input { path: path.to_path_buf(), problem: problem.into() }
    }

    pub(crate) fn refused(path: &Path, refusal: Refusal) -> Self {
        Error::Refused { path: path.to_path_buf(), refusal }
    }

    #[cfg(feature = "serve")]
    pub(crate) fn served(slide: &str, fault: ServedFault) -> Self {
        Error::Served { slide: slide.to_string(), fault }
    }

    /// For `map_err`: where the tile is stored.
    pub(crate) fn stored_tile<E: Into<Self>>(path: &Path, tile: TileId) -> impl FnOnce(E) -> Self {
        move |e| Error::StoredTile { path: path.to_path_buf(), tile, source: Box::new(e.into()) }
    }

    /// For `map_err`: where the family is stored. The text of the error names the family.
    pub(crate) fn stored_family<E: Into<Self>>(path: &Path, family: FamilyId) -> impl FnOnce(E) -> Self {
        move |e| Error::StoredFamily { path: path.to_path_buf(), family, source: Box::new(e.into()) }
    }

    /// Adds the family, unless the message names a place already. For `map_err`.
    pub(crate) fn in_family<E: Into<Self>>(family: FamilyId) -> impl FnOnce(E) -> Self {
        move |e| match e.into() {
            e if e.names_a_place() => e,
            e => Error::Family { family, source: Box::new(e) },
        }
    }

    /// Whether the operating system refused something: such an error may pass.
    pub fn is_of_file_system(&self) -> bool {
        matches!(
            self,
            Error::File(_)
                | Error::Archive(archive::Error::File(_))
                | Error::Pyramid(pyramid::Error::File(_) | pyramid::Error::Slide(SlideError::Io { .. }))
                | Error::Slide(SlideError::Io { .. })
        )
    }

    fn names_a_place(&self) -> bool {
        use {archive::Error as Archive, pyramid::Error as Pyramid};
        match self {
            Error::File(_)
            | Error::StoredTile { .. }
            | Error::StoredFamily { .. }
            | Error::TileNotStored { .. }
            | Error::Family { .. } => true,
            Error::Archive(e) => matches!(e, Archive::File(_) | Archive::Damaged { .. }),
            Error::Pyramid(e) => matches!(e, Pyramid::File(_) | Pyramid::Tile { .. }),
            _ => false,
        }
    }
}

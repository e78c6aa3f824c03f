//! Errors of reading and writing trees, and of reading families from slides.

use std::path::{Path, PathBuf};

use crate::image::geometry::{GeometryError, TileId};
use crate::slide::SlideError;
use crate::store::FileError;
use crate::{archive, backend, codec};

/// The result of calls of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of reading or writing a pyramid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file operation.
    #[error(transparent)]
    File(#[from] FileError),
    /// A slide cannot be opened or read.
    #[error(transparent)]
    Slide(#[from] SlideError),
    /// A file or directory that cannot be used.
    #[error("{}: {problem}", path.display())]
    Input {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// A file that is damaged or incomplete.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// A slide whose size in tiles of the size asked for cannot be.
    #[error("{}: {source}", path.display())]
    Shape {
        /// The slide.
        path: PathBuf,
        /// What cannot be.
        source: GeometryError,
    },
    /// A tree or slide that this call cannot read or write.
    #[error("{}: {refusal}", path.display())]
    Refused {
        /// The file or directory.
        path: PathBuf,
        /// Why not, and what to do about it.
        refusal: Refusal,
    },
    /// A tile of a pyramid is missing or is not what the descriptor says.
    #[error("{}: tile {tile}: {problem}", path.display())]
    Tile {
        /// The tile's file, or the archive that holds it.
        path: PathBuf,
        /// Its address.
        tile: TileId,
        /// What is wrong and what to do about it.
        problem: String,
    },
    /// A codec failed on pixels of the slide.
    #[error(transparent)]
    Codec(#[from] codec::Error),
    /// A size, tile or family that the geometry does not allow.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// An archive refused a tile of the slide.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The scheduler failed.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// The metadata of a slide cannot be written as JSON.
    #[error("the sidecar cannot be written as JSON: {0}")]
    Sidecar(serde_json::Error),
}

/// Why a call cannot read or write a tree or slide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A file that is no `.dzi`.
    #[error("not a Deep Zoom descriptor; a slide or an image is opened as such, not as a tree")]
    NotADescriptor,
    /// A tree without some of its tiles.
    #[error("{0}; {advice}", advice = .0.advice())]
    MissingTiles(MissingTiles),
    /// A tree without any tile at full size.
    #[error(
        "none of the {tiles} tiles of its finest level is in {} as .jpg, .jpeg or .png, so there is no slide to read; restore them",
        folder.display()
    )]
    NoTiles {
        /// How many there should be.
        tiles: u64,
        /// Where they should be.
        folder: PathBuf,
    },
    /// A part of a tree where one is to be written.
    #[error("it is there already; remove it, choose another output directory, or have it replaced")]
    Exists,
    /// A file or directory that no earlier run wrote, where a result is to be replaced.
    #[error(
        "it is no part of an earlier result, and would be deleted with it; move it away, or choose another output directory"
    )]
    Foreign,
    /// A source that was written to while it was read.
    #[error(
        "it was changed while it was read, so nothing was written; encode it again when it stays as it is"
    )]
    Changed,
    /// Another run writes the same tree.
    #[error("another run is writing {name} here; wait for it or choose another output directory")]
    AnotherRun {
        /// The tree's name.
        name: String,
    },
    /// A lossless encode of tiles that are no JPEG files.
    #[error("its tiles are {format}, and a lossless encode repacks JPEG tiles; use the preset archive")]
    NotJpeg {
        /// The format that the descriptor names.
        format: String,
    },
    /// A lossless encode of tiles that overlap.
    #[error(
        "its tiles overlap by {overlap}, which archives do not, and only a multiple of {grid_px} could be cut off without \
         decoding them; make the tree again without overlap, or use the preset archive"
    )]
    Overlap {
        /// The overlap in pixels.
        overlap: u32,
        /// Pixels of the grid on which its tiles can be cut.
        grid_px: u32,
    },
    /// A lossless encode, with background in place of missing tiles.
    #[error(
        "a lossless encode stores the tiles that there are, and background for missing ones makes up others; choose one"
    )]
    LosslessBackground,
    /// A lossless encode of a tree without some of its tiles of L2.
    #[error("{0}; a lossless encode stores L2 as it is: restore them")]
    MissingL2(MissingTiles),
    /// A lossless encode of a tile whose file holds metadata.
    #[error(
        "tile {tile} holds {held}, which a lossless archive would carry on; keep the metadata of all tiles, or strip it: their \
         coefficients stay"
    )]
    TileMetadata {
        /// The first such tile.
        tile: TileId,
        /// What it holds.
        held: String,
    },
    /// A lossless encode of a tile that is to be turned.
    #[error(
        "tile {tile} has EXIF orientation {orientation}, which the tiles made of it would not have; strip the metadata of its tiles, \
         or make the tree again from pixels that are turned"
    )]
    TileOrientation {
        /// The first such tile.
        tile: TileId,
        /// 2 to 8.
        orientation: u8,
    },
    /// A lossless encode with another tile size than the slide's own.
    #[error("a lossless encode stores its tiles of {own} pixels; a tile size of {given} contradicts that")]
    OtherTileSize {
        /// The slide's, in pixels.
        own: u32,
        /// The size asked for, in pixels.
        given: u32,
    },
    /// A lossless encode of a slide without JPEG tiles.
    #[error(
        "a lossless encode stores JPEG and JPEG 2000 tiles of the source's own, and {reason}; give a tree of JPEG tiles, or use the \
         preset archive"
    )]
    NoJpegTiles {
        /// What the slide has instead.
        reason: String,
    },
}

/// Tiles that a tree lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTiles {
    /// How many.
    pub count: u64,
    /// How many tiles the same levels should have.
    pub all: u64,
    /// The tree's directory of tiles.
    pub files: PathBuf,
    /// File names of the first of them, from that directory.
    pub first: Vec<String>,
}

impl std::fmt::Display for MissingTiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let more = if self.count > self.first.len() as u64 { ", ..." } else { "" };
        let (files, first) = (self.files.display(), self.first.join(", "));
        let of = if self.is_most() {
            format!("{} of {} tiles", self.count, self.all)
        } else {
            format!("{} tile(s)", self.count)
        };
        write!(f, "{of} missing in {files}: {first}{more}")
    }
}

impl MissingTiles {
    /// Whether more tiles are missing than there are.
    pub fn is_most(&self) -> bool {
        self.count > 1 && self.count > self.all / 2
    }

    fn advice(&self) -> &'static str {
        if self.is_most() {
            "restore them; with missing tiles as background most of the slide would be white"
        } else {
            "restore them, or read missing tiles as background"
        }
    }
}

impl Error {
    /// For `map_err` after a file operation.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        FileError::on(action, path)
    }

    pub(crate) fn input(path: &Path, problem: impl Into<String>) -> Self {
        Error::Input { path: path.to_path_buf(), problem: problem.into() }
    }

    pub(crate) fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        Error::Damaged { path: path.to_path_buf(), problem: problem.into() }
    }

    pub(crate) fn refused(path: &Path, refusal: Refusal) -> Self {
        Error::Refused { path: path.to_path_buf(), refusal }
    }

    pub(crate) fn tile(path: &Path, tile: TileId, problem: impl Into<String>) -> Self {
        Error::Tile { path: path.to_path_buf(), tile, problem: problem.into() }
    }
}

//! What is converted, how, and what came of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::dicom::Attributes;
use crate::decode;
use crate::error::Result;
use crate::image::geometry::TileId;
use crate::pyramid::tree::Tree;
use crate::pyramid::write::Existing;
use crate::slide::Slide;

/// File name extension of the tiles of trees, as `vips dzsave` has it.
pub const TILE_EXTENSION: &str = "jpeg";

/// A container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Container {
    /// A pyramidal, tiled BigTIFF.
    Tiff,
    /// The same with OME-XML; its smaller levels are in SubIFDs.
    OmeTiff,
    /// A Deep Zoom tree.
    Dzi,
    /// A Deep Zoom tree in one zip file without compression.
    Szi,
    /// A directory of DICOM whole-slide instances, one for each level.
    Dicom,
}

impl Container {
    /// What the name of its file ends in.
    pub fn extension(self) -> &'static str {
        match self {
            Container::Tiff => "tiff",
            Container::OmeTiff => "ome.tiff",
            Container::Dzi => "dzi",
            Container::Szi => "szi",
            Container::Dicom => "dicom",
        }
    }

    /// Whether its tiles have one size, also at the edges, and a side that is a multiple of 16.
    pub fn has_full_tiles(self) -> bool {
        matches!(self, Container::Tiff | Container::OmeTiff | Container::Dicom)
    }

    /// Whether tiles of this side must be cut anew.
    pub fn cuts_anew(self, tile: u32) -> bool {
        self.has_full_tiles() && !tile.is_multiple_of(16)
    }
}

/// What is converted.
pub enum Source {
    /// A bundle.
    Bundle(Box<decode::Input>),
    /// A tree.
    Tree(Box<Tree>),
    /// A slide or an image.
    Slide(Box<Slide>),
}

/// What DICOM asks for besides pixels.
#[derive(Clone, Debug)]
pub struct DicomOptions {
    /// Attributes of patient, study, specimen and equipment.
    pub attributes: Attributes,
    /// Whether to refuse what needs a placeholder.
    pub strict: bool,
    /// When the source's file was written, in seconds since 1970.
    pub file_date: u64,
}

/// When a file was written, in seconds since 1970; 0 where nothing tells.
pub fn date_of(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|file| file.modified()).ok();
    modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs())
}

/// How to convert.
#[derive(Clone, Debug)]
pub struct ConvertOptions {
    /// What is written.
    pub container: Container,
    /// JPEG quality of tiles that are coded, 1 to 100.
    pub quality: u8,
    /// Whether an earlier result may be replaced.
    pub existing: Existing,
    /// For [`Container::Dicom`].
    pub dicom: DicomOptions,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Pixels across and down.
    pub size: (u32, u32),
    /// Levels.
    pub levels: u32,
    /// The side of a tile in pixels.
    pub tile: u32,
    /// Tiles.
    pub tiles: u64,
    /// Bytes of all tiles.
    pub tile_bytes: u64,
    /// Tiles that were decoded and coded again: to be of one kind with the others of their level, or because of an overlap that ends inside a block.
    pub recoded: u64,
    /// The tile size of the source, where its tiles were cut anew.
    pub recut_from: Option<u32>,
    /// The channels of a slide that were chosen among several and became one picture of 8 bits; none of any other source.
    pub channels: Vec<u32>,
    /// What DICOM demands and nothing said: keywords with what was written for them.
    pub placeholders: BTreeMap<String, String>,
}

/// The side of tiles that are cut anew, and of a slide's.
pub const TILE_PX: u32 = 256;

/// A coded tile.
pub struct Made {
    /// Which one.
    pub id: TileId,
    /// Its bytes.
    pub coded: Vec<u8>,
    /// Whether a JPEG of the source was decoded and coded again for it.
    pub is_again: bool,
}

impl Made {
    /// A tile that was coded once, or is the source's own.
    pub fn new((id, coded): (TileId, Vec<u8>)) -> Self {
        Self { id, coded, is_again: false }
    }
}

/// Takes the tiles, in the order in which they are made.
pub type Put<'a> = dyn FnMut(Made) -> Result<()> + 'a;

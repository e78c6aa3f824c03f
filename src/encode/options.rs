//! What an encode is asked for besides its parameters, and what it reports.

use std::path::PathBuf;

use crate::archive::SourceKind;
use crate::pyramid::TileMetadata;
use crate::quality::channels::ChannelLoss;
use crate::report::losses::Losses;

/// What to write besides the bundle.
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    /// One `.pack` per family as well.
    pub packs: bool,
    /// `manifest.json` with per-tile metrics.
    pub manifest: bool,
    /// PNGs of every stage.
    pub debug_images: bool,
    /// Measures what every family loses: [`EncodeReport::losses`].
    pub losses: bool,
    /// Most families to encode; `None` for all.
    pub max_parents: Option<u64>,
    /// What becomes of metadata in the tiles of a lossless encode. Others never store it.
    pub tile_metadata: TileMetadata,
    /// Images of the slide, such as its label, that are stored by name. They may identify a patient.
    pub keep_associated: Vec<String>,
}

/// What an encode wrote.
#[derive(Clone, Debug)]
pub struct EncodeReport {
    /// The bundle.
    pub bundle: PathBuf,
    /// Its size in bytes.
    pub bundle_bytes: u64,
    /// Bytes saved because equal families and tiles are stored once.
    pub shared_bytes: u64,
    /// Families in it.
    pub families: u64,
    /// Bytes of the L2 baselines, each family counted.
    pub baseline_bytes: u64,
    /// Bytes of the residuals, each family counted.
    pub residual_bytes: u64,
    /// Whether it was made of a tree or of a slide.
    pub source_kind: SourceKind,
    /// Bytes of all tiles of the tree, or of the slide's files.
    pub source_bytes: u64,
    /// PSNR of L0 luma in dB over the whole slide, measured for a manifest; infinite for no error.
    pub y_psnr: Option<f64>,
    /// The worst of red, green and blue in the families whose luma does not stand for it, if it is far below luma.
    pub channel: Option<ChannelLoss>,
    /// What was lost, if it was asked for; `None` for a lossless encode as well.
    pub losses: Option<Losses>,
}

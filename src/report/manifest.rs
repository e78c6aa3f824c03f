//! `manifest.json`: bytes and luma error of every tile of L0 and L1, for people and evaluations.
//!
//! Luma is measured against the source. An infinite PSNR (no error) is `null`.

use std::path::Path;

use serde::Serialize;

use crate::archive::{HEADER_BYTES, Meta};
use crate::error::{Error, Refusal, Result};
use crate::image::family::PayloadKind;
use crate::image::geometry::{Geometry, TileId};
use crate::image::plane::Plane;
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::taps::Taps;
use crate::params::EncodeParams;
use crate::pyramid::write::write_whole;
use crate::quality::channels::ChannelLoss;
use crate::quality::metrics::SquaredError;
use crate::residual::EncodedFamily;
use crate::store::{FileStore, ReadAt};

/// The whole file.
#[derive(Debug, Serialize)]
pub struct Manifest {
    tool: String,
    width: u32,
    height: u32,
    tile_size: u32,
    overlap: u32,
    source: crate::archive::SourceMeta,
    encode: EncodeParams,
    families: Vec<FamilyMetrics>,
    #[serde(skip)]
    l0: SquaredError,
    #[serde(skip)]
    l1: SquaredError,
}

/// One family of the manifest.
#[derive(Debug, Serialize)]
pub struct FamilyMetrics {
    x: u32,
    y: u32,
    baseline_bytes: u64,
    residual_bytes: u64,
    record_bytes: u64,
    tiles: Vec<TileMetrics>,
    #[serde(skip)]
    l0: SquaredError,
    #[serde(skip)]
    l1: SquaredError,
}

/// One tile of the manifest.
#[derive(Debug, Serialize)]
struct TileMetrics {
    level: u32,
    x: u32,
    y: u32,
    y_mse: f64,
    /// In dB; `null` for no error.
    y_psnr: Option<f64>,
    /// Bytes of the source's tile, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_bytes: Option<u64>,
}

fn finite(db: Option<f64>) -> Option<f64> {
    db.filter(|v| v.is_finite())
}

impl FamilyMetrics {
    /// Compares the decoded family with its source. L1 is compared with the L1 that is made from the source's L0.
    pub fn measure(geometry: &Geometry, encoded: &EncodedFamily, params: &EncodeParams) -> Self {
        let original = encoded.source.image.ycc();
        let original = &original.luma;
        let half = |plane: &Plane| {
            let axis = |n| Taps::downsample(params.downsample_filter, n, 2);
            let mut out = Plane::default();
            resample(
                plane.view(),
                &axis(plane.width()),
                &axis(plane.height()),
                &mut out,
                &mut Scratch::default(),
            );
            out
        };
        let mut tiles = Vec::new();
        let mut level = |down: u32, a: &Plane, b: &Plane| {
            let mut total = SquaredError::new();
            for (i, tile) in geometry.family_tiles(encoded.id, down).enumerate() {
                let (error, metrics) = compare(geometry, encoded, tile, down, a, b);
                total.merge(&error);
                let source_bytes = (down == 0).then(|| encoded.source.tile_bytes.get(i).copied()).flatten();
                tiles.push(TileMetrics { source_bytes, ..metrics });
            }
            total
        };
        let l0 = level(0, original, &encoded.corrected.luma);
        let l1 = level(1, &half(original), &half(&encoded.corrected.luma));
        let size = |kind| encoded.record.payload(kind).map_or(0, |p| p.bytes.len() as u64);
        let (baseline_bytes, residual_bytes) = (size(PayloadKind::Baseline), size(PayloadKind::Residual));
        let record_bytes = baseline_bytes + residual_bytes + encoded.record.head_bytes();
        Self {
            x: encoded.id.x(),
            y: encoded.id.y(),
            baseline_bytes,
            residual_bytes,
            record_bytes,
            tiles,
            l0,
            l1,
        }
    }
}

fn compare(
    geometry: &Geometry,
    encoded: &EncodedFamily,
    tile: TileId,
    down: u32,
    a: &Plane,
    b: &Plane,
) -> (SquaredError, TileMetrics) {
    let side = (4u32 >> down) * geometry.tile();
    let mut error = SquaredError::new();
    if let Some(rect) = geometry.tile_rect(tile) {
        let (x, y) = ((rect.x - encoded.id.x() * side) as usize, (rect.y - encoded.id.y() * side) as usize);
        let part =
            |plane: &Plane| plane.view().part(x, y, rect.width as usize, rect.height as usize).to_plane();
        error.add(part(a).data(), part(b).data());
    }
    let metrics = TileMetrics {
        level: tile.level,
        x: tile.x,
        y: tile.y,
        y_mse: error.mse().unwrap_or(0.0),
        y_psnr: finite(error.psnr()),
        source_bytes: None,
    };
    (error, metrics)
}

impl Manifest {
    /// A manifest without families.
    pub fn new(meta: &Meta, geometry: &Geometry) -> Self {
        Self {
            tool: meta.tool.clone(),
            width: geometry.width(),
            height: geometry.height(),
            tile_size: geometry.tile(),
            overlap: 0,
            source: meta.source.clone(),
            encode: meta.encode.clone(),
            families: Vec::new(),
            l0: SquaredError::new(),
            l1: SquaredError::new(),
        }
    }

    /// Checks that nothing but a manifest of an earlier encode is at `path`.
    ///
    /// # Errors
    /// Another file of that name, which must not be overwritten.
    pub fn may_replace(path: &Path) -> Result<()> {
        let start = || {
            let file = FileStore::open(path)?;
            let mut start = vec![0; file.size()?.min(64) as usize];
            file.read_exact_at(&mut start, 0)?;
            std::io::Result::Ok(String::from_utf8_lossy(&start).split_whitespace().collect::<String>())
        };
        match start() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Error::io("read", path)(e)),
            // The program that wrote it comes first in it.
            Ok(start) if start.starts_with("{\"tool\":\"origami") => Ok(()),
            Ok(_) => Err(Error::refused(path, Refusal::ForeignManifest)),
        }
    }

    /// Adds the next family.
    pub fn add(&mut self, family: FamilyMetrics) {
        self.l0.merge(&family.l0);
        self.l1.merge(&family.l1);
        self.families.push(family);
    }

    /// L0 luma PSNR over all families so far, in dB; infinite for no error.
    pub fn y_psnr(&self) -> f64 {
        self.l0.psnr().unwrap_or(f64::INFINITY)
    }

    /// Writes the file, whole.
    ///
    /// # Errors
    /// A full disk and the like.
    pub fn write(
        &self,
        path: &Path,
        bundle_bytes: u64,
        source_bytes: Option<u64>,
        channel: Option<ChannelLoss>,
    ) -> Result<()> {
        #[derive(Serialize)]
        struct File<'a> {
            #[serde(flatten)]
            manifest: &'a Manifest,
            summary: Summary,
            size_comparison: Sizes,
        }
        #[derive(Serialize)]
        struct Summary {
            families: usize,
            l0_y_mse: Option<f64>,
            l0_y_psnr: Option<f64>,
            l1_y_mse: Option<f64>,
            l1_y_psnr: Option<f64>,
            /// The worst channel, where luma does not stand for it.
            #[serde(skip_serializing_if = "Option::is_none")]
            channel: Option<ChannelLoss>,
        }
        #[derive(Serialize)]
        struct Sizes {
            bundle_bytes: u64,
            header_bytes: usize,
            baseline_bytes: u64,
            residual_bytes: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            source_bytes: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            ratio: Option<f64>,
        }
        let file = File {
            manifest: self,
            summary: Summary {
                families: self.families.len(),
                l0_y_mse: self.l0.mse(),
                l0_y_psnr: finite(self.l0.psnr()),
                l1_y_mse: self.l1.mse(),
                l1_y_psnr: finite(self.l1.psnr()),
                channel,
            },
            size_comparison: Sizes {
                bundle_bytes,
                header_bytes: HEADER_BYTES,
                baseline_bytes: self.families.iter().map(|f| f.baseline_bytes).sum(),
                residual_bytes: self.families.iter().map(|f| f.residual_bytes).sum(),
                source_bytes,
                ratio: source_bytes.filter(|&n| n > 0).map(|n| bundle_bytes as f64 / n as f64),
            },
        };
        let json = serde_json::to_vec_pretty(&file).map_err(Error::Manifest)?;
        Ok(write_whole(path, &json)?)
    }
}

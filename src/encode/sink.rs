//! Where coded families go: the archive, the manifest, the small levels.

use crate::archive::{BundleWriter, FamilyRecord};
use crate::codec::{self, CodecId, ImageEncoder, JpegEncoder};
use crate::error::Result;
use crate::image::family::PayloadKind;
use crate::image::geometry::FamilyId;
use crate::image::plane::PlaneRef;
use crate::image::ycc::{Sampling, Ycc, YccRef};
use crate::params::EncodeParams;
use crate::pyramid;
use crate::pyramid::levels::TileSink;
use crate::pyramid::loaded::L2Pixels;
use crate::pyramid::small_levels::SmallLevels;
use crate::report::manifest::{FamilyMetrics, Manifest};

/// Receives coded families in order, on one thread, and adds them to the archive, the manifest and, for a slide, the small levels.
pub struct Sink<'a> {
    pub writer: BundleWriter,
    pub manifest: Option<Manifest>,
    pub small: Option<SmallLevels>,
    pub params: &'a EncodeParams,
    pub families: u64,
    pub baseline_bytes: u64,
    pub residual_bytes: u64,
}

impl Sink<'_> {
    /// Takes the next family.
    pub fn family(
        &mut self,
        id: FamilyId,
        record: &FamilyRecord,
        metrics: Option<FamilyMetrics>,
        block: Option<L2Pixels>,
    ) -> Result<()> {
        self.writer.add_family(id, record)?;
        let size = |kind| record.payload(kind).map_or(0, |p| p.bytes.len() as u64);
        self.baseline_bytes += size(PayloadKind::Baseline);
        self.residual_bytes += size(PayloadKind::Residual);
        self.families += 1;
        if let (Some(manifest), Some(metrics)) = (&mut self.manifest, metrics) {
            manifest.add(metrics);
        }
        match block {
            Some(block) => self.small_levels(|levels, put| levels.push(id, block, put)),
            None => Ok(()),
        }
    }

    /// Runs `step` on the small levels, if there are any. Its sink codes tiles as L2 is coded, and stores them.
    pub fn small_levels(
        &mut self,
        step: impl FnOnce(&mut SmallLevels, &mut TileSink<'_>) -> pyramid::Result<()>,
    ) -> Result<()> {
        let Some(levels) = &mut self.small else { return Ok(()) };
        let (channels, params, writer) = (levels.channels(), self.params, &mut self.writer);
        step(levels, &mut |id, pixels, width, height| {
            let (codec, bytes) = small_tile(params, channels, pixels, width, height)?;
            Ok(writer.add_tile(id, codec, &bytes)?)
        })?;
        Ok(())
    }
}

/// Codes a tile of a small level as L2 is coded. `pixels` are interleaved samples of 1 or 3 `channels`, rows tightly packed.
pub fn small_tile(
    params: &EncodeParams,
    channels: usize,
    pixels: &[u8],
    width: usize,
    height: usize,
) -> codec::Result<(CodecId, Vec<u8>)> {
    let (quality, sampling) = (params.base_quality, params.coding().baseline_subsamp.sampling());
    let mut encoder = JpegEncoder::new()?.optimised()?;
    let bytes = match (channels, sampling) {
        (1, _) => {
            encoder.encode(YccRef::gray(PlaneRef::new(pixels, width, height, width)), quality.into())?
        }
        (_, Sampling::S444) => {
            let rgb = PlaneRef::new(pixels, 3 * width, height, 3 * width);
            encoder.encode(Ycc::from_rgb(rgb).view(), quality.into())?
        }
        _ => encoder.encode_rgb(pixels, width, height, quality, sampling)?,
    };
    Ok(params.entropy.store(encoder.codec(), bytes))
}

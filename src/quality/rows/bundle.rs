//! Rows of L0 of a bundle.
//!
//! Predicted families are decoded one row of families after another, to the pixels that a decode to PNG writes. The tiles of a
//! lossless bundle are read one by one.

use std::ops::Range;
use std::path::Path;

use super::band::{Band, tile_band};
use crate::archive::{Archive, Kind, Payload};
use crate::backend::scheduler::{Scheduler, family_bytes};
use crate::backend::{Backend, CpuBackend};
use crate::error::{Error, Result};
use crate::image::family::{PayloadKind, Pixels, Want};
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::image::plane::Plane;
use crate::image::spec;
use crate::kernels::taps::{Filter, TapCache};
use crate::lossless;
use crate::output::render::stored_pixels;
use crate::residual::FamilyDecoder;

/// L0 of a bundle, whose rows are read from the top.
pub struct BundleRows {
    archive: Archive,
    backend: CpuBackend,
    taps: TapCache,
    /// Rows of families that are decoded.
    decoded: u32,
    /// Pixels that are decoded and not read yet: whole rows, three bytes a pixel.
    rgb: Vec<u8>,
}

impl BundleRows {
    /// Opens a bundle.
    ///
    /// # Errors
    /// A damaged file; a pack; a bundle that lacks some of the slide's families.
    pub fn open(path: &Path) -> Result<Self> {
        let archive = Archive::open(path)?;
        if archive.kind() == Kind::Pack {
            return Err(Error::input(path, "a pack holds one family; give the slide's bundle"));
        }
        let (have, all) = (archive.families().len() as u64, archive.geometry().family_count());
        if have < all {
            let problem = format!("it holds {have} of the slide's {all} families; encode the whole slide");
            return Err(Error::input(path, problem));
        }
        Ok(Self {
            archive,
            backend: CpuBackend::new(),
            taps: TapCache::default(),
            decoded: 0,
            rgb: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.archive.path()
    }

    pub(super) fn geometry(&self) -> &Geometry {
        self.archive.geometry()
    }

    pub(super) fn band(&mut self, top: u32, height: u32, scheduler: &Scheduler) -> Result<Band> {
        let geometry = *self.geometry();
        if self.archive.meta().coding.originals || geometry.l2().is_none() {
            return tile_band(&geometry, top, height, scheduler, |id| self.tile(id));
        }
        let wanted = 3 * geometry.width() as usize * height as usize;
        if self.rgb.len() < wanted {
            let end = (top + height).div_ceil(geometry.tile() * spec::FAMILY_FACTOR);
            self.decode(self.decoded..end, scheduler)?;
        }
        let rest = self.rgb.split_off(wanted);
        Ok(Band::of_rgb(std::mem::replace(&mut self.rgb, rest)))
    }

    /// Decodes rows of families and appends their pixels.
    fn decode(&mut self, rows: Range<u32>, scheduler: &Scheduler) -> Result<()> {
        let Self { archive, backend, rgb, .. } = self;
        let (archive, backend) = (&*archive, &*backend);
        let geometry = *archive.geometry();
        let side = geometry.tile() * spec::FAMILY_FACTOR;
        let (top, bottom) = (rows.start * side, rows.end.saturating_mul(side).min(geometry.height()));
        let stride = 3 * geometry.width() as usize;
        let begin = rgb.len();
        rgb.resize(begin + stride * (bottom - top) as usize, 0);
        let columns = geometry.families().0;
        let ids = rows.clone().flat_map(|y| (0..columns).filter_map(move |x| geometry.family(x, y)));
        scheduler.pipelined(
            0,
            family_bytes(&geometry),
            ids.map(Ok::<_, Error>),
            |id| async move { Ok((id, family_rgb(archive, backend, id).await?)) },
            |(id, family)| {
                let rect = geometry.family_rect(id);
                let left = begin + 3 * rect.x as usize;
                for y in 0..family.height() {
                    let at = left + stride * ((rect.y - top) as usize + y);
                    rgb[at..][..family.width()].copy_from_slice(family.row(y));
                }
                Ok(())
            },
        )?;
        self.decoded = rows.end;
        Ok(())
    }

    /// The pixels of a tile that is stored as it is.
    fn tile(&self, id: TileId) -> Result<Pixels> {
        let (archive, geometry) = (&self.archive, self.archive.geometry());
        let absent = || Error::TileNotStored { path: archive.path().into(), tile: id };
        match geometry.family_of(id).and_then(|family| archive.find(family)) {
            Some(entry) => {
                let mut payloads = archive.read_payloads(entry, &[PayloadKind::original(id)])?;
                let payload = payloads.pop().ok_or_else(absent)?;
                original(geometry, id, payload).map_err(Error::stored_tile(archive.path(), id))
            }
            None => {
                let entry = archive.find_tile(id).ok_or_else(absent)?;
                let (codec, bytes) = (entry.codec, archive.read_tile(entry)?);
                stored_pixels(geometry, id, codec, bytes, Filter::Lanczos3, &self.taps)
                    .map_err(Error::stored_tile(archive.path(), id))
            }
        }
    }
}

/// L0 of a family in RGB.
async fn family_rgb(archive: &Archive, backend: &CpuBackend, id: FamilyId) -> Result<Plane> {
    let (geometry, coding) = (archive.geometry(), &archive.meta().coding);
    let absent = || Error::input(archive.path(), format!("family {id} is not here"));
    let record = archive.read_family(archive.find(id).ok_or_else(absent)?)?;
    let decoded = FamilyDecoder { geometry, coding, id, record: &record }
        .decode()
        .map_err(Error::stored_family(archive.path(), id))?;
    let made = backend.reconstruct(coding, &decoded, Want::Rgb).await.map_err(Error::in_family(id))?;
    Ok(match made.l0 {
        Pixels::Rgb(rgb) => rgb,
        Pixels::Ycc(planes) => planes.to_rgb(),
    })
}

/// A tile of a lossless family.
fn original(geometry: &Geometry, id: TileId, payload: Payload) -> lossless::Result<Pixels> {
    Ok(lossless::original(geometry, id, payload)?.pixels(lossless::tile_size(geometry, id)?)?)
}

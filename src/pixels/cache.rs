//! What was decoded of bundles and trees, bounded in bytes: of one slide, or of many that share the memory.
//!
//! Of a family the planes of its payloads are kept, which take less than half of its pixels; patches are computed from them. Threads that
//! ask for the same part at once share one decode.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::archive::FamilyRecord;
use crate::codec::EntryPoints;
use crate::error::Error;
use crate::image::family::DecodedFamily;
use crate::image::geometry::{FamilyId, TileId};
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::{ReadError, Result, Rgb};

/// A number that a slide has in a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlideKey(u64);

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// The payloads of a family.
    Family(FamilyId),
    /// Its baseline and entry points.
    Start(FamilyId),
    /// Its residual as a JPEG.
    Jpeg(FamilyId),
    /// Its L1.
    Half(FamilyId),
    /// A tile.
    Tile(TileId),
}

/// What is kept of a family that is read patch by patch.
#[derive(Default)]
pub struct FamilyStart {
    /// Its baseline.
    pub baseline: Ycc,
    /// Where its residual can be entered.
    pub points: EntryPoints,
    /// Whether a patch of it was read before.
    pub was_read: AtomicBool,
}

/// The residual of a family whose own codec cannot be entered, as a JPEG.
pub struct JpegResidual {
    /// The record with that payload alone.
    pub record: FamilyRecord,
    /// Where it can be entered.
    pub points: EntryPoints,
}

/// It, by its kind.
#[derive(Clone)]
enum Kept {
    Family(Arc<DecodedFamily>),
    Start(Arc<FamilyStart>),
    Jpeg(Arc<JpegResidual>),
    Planes(Arc<Ycc>),
    Tile(Arc<Rgb>),
}

impl Kept {
    fn bytes(&self) -> u32 {
        let plane = |plane: &Plane| plane.data().len();
        let planes =
            |image: &Ycc| plane(&image.luma) + image.chroma.iter().flatten().map(plane).sum::<usize>();
        // Of an image of the size of L0, which the residual has at most.
        let points = |l2: &Plane| EntryPoints::bytes(4 * l2.width(), 4 * l2.height());
        let bytes = match self {
            Kept::Family(family) => planes(&family.baseline) + planes(&family.residual),
            // Entry points of either residual.
            Kept::Start(start) => planes(&start.baseline) + points(&start.baseline.luma),
            Kept::Jpeg(jpeg) => jpeg.record.payloads.iter().map(|payload| payload.bytes.len()).sum(),
            Kept::Planes(image) => planes(image),
            Kept::Tile(rgb) => rgb.data.len(),
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// What was decoded.
pub struct Decoded {
    kept: Cache<(SlideKey, Part), Kept>,
    slides: AtomicU64,
}

impl Decoded {
    /// At most `bytes`.
    pub fn new(bytes: u64) -> Self {
        // By time of use. By default a cache keeps what was used often, and new families would be decoded again and again.
        let kept = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity(bytes)
            .weigher(|_, kept: &Kept| kept.bytes())
            .build();
        Self { kept, slides: AtomicU64::new(0) }
    }

    /// The key of another slide.
    pub fn slide(&self) -> SlideKey {
        SlideKey(self.slides.fetch_add(1, Ordering::Relaxed))
    }

    fn get(&self, slide: SlideKey, part: Part, decode: impl FnOnce() -> Result<Kept, Error>) -> Result<Kept> {
        let mut is_new = false;
        let decode = || {
            is_new = true;
            decode()
        };
        let kept = self.kept.try_get_with((slide, part), decode).map_err(ReadError::Failed)?;
        if is_new {
            // By itself the cache lets go from time to time, and in between holds up to 64 families beyond its bound.
            self.kept.run_pending_tasks();
        }
        Ok(kept)
    }

    /// The payloads of a family, if they are there.
    pub fn known_family(&self, slide: SlideKey, id: FamilyId) -> Option<Arc<DecodedFamily>> {
        match self.kept.get(&(slide, Part::Family(id)))? {
            Kept::Family(family) => Some(family),
            _ => None,
        }
    }

    /// Whether the payloads of a family are there.
    pub fn has_family(&self, slide: SlideKey, id: FamilyId) -> bool {
        self.kept.contains_key(&(slide, Part::Family(id)))
    }

    /// Whether L1 of a family is there.
    pub fn has_half(&self, slide: SlideKey, id: FamilyId) -> bool {
        self.kept.contains_key(&(slide, Part::Half(id)))
    }

    /// Whether a tile is there.
    pub fn has_tile(&self, slide: SlideKey, id: TileId) -> bool {
        self.kept.contains_key(&(slide, Part::Tile(id)))
    }

    /// The payloads of a family, decoded if they are not there.
    ///
    /// # Errors
    /// That of `decode`, which the threads that waited for it share. It is not kept.
    pub fn family(
        &self,
        slide: SlideKey,
        id: FamilyId,
        decode: impl FnOnce() -> Result<DecodedFamily, Error>,
    ) -> Result<Arc<DecodedFamily>> {
        let kept =
            self.get(slide, Part::Family(id), || decode().map(|family| Kept::Family(Arc::new(family))))?;
        let Kept::Family(family) = kept else { unreachable!("the part says the kind") };
        Ok(family)
    }

    /// The baseline of a family and entry points into its residual; otherwise as [`Self::family`].
    ///
    /// # Errors
    /// As of `family`.
    pub fn start(
        &self,
        slide: SlideKey,
        id: FamilyId,
        decode: impl FnOnce() -> Result<Ycc, Error>,
    ) -> Result<Arc<FamilyStart>> {
        let start = |baseline| Kept::Start(Arc::new(FamilyStart { baseline, ..FamilyStart::default() }));
        let kept = self.get(slide, Part::Start(id), || decode().map(start))?;
        let Kept::Start(start) = kept else { unreachable!("the part says the kind") };
        Ok(start)
    }

    /// The residual of a family as a JPEG, if it is there.
    pub fn known_jpeg(&self, slide: SlideKey, id: FamilyId) -> Option<Arc<JpegResidual>> {
        match self.kept.get(&(slide, Part::Jpeg(id)))? {
            Kept::Jpeg(jpeg) => Some(jpeg),
            _ => None,
        }
    }

    /// Keeps the residual of a family as a JPEG.
    pub fn keep_jpeg(&self, slide: SlideKey, id: FamilyId, record: FamilyRecord) -> Arc<JpegResidual> {
        let jpeg = Arc::new(JpegResidual { record, points: EntryPoints::default() });
        self.kept.insert((slide, Part::Jpeg(id)), Kept::Jpeg(Arc::clone(&jpeg)));
        self.kept.run_pending_tasks();
        jpeg
    }

    /// L1 of a family in 4:4:4 or gray; otherwise as [`Self::family`].
    ///
    /// # Errors
    /// As of `family`.
    pub fn half(
        &self,
        slide: SlideKey,
        id: FamilyId,
        decode: impl FnOnce() -> Result<Ycc, Error>,
    ) -> Result<Arc<Ycc>> {
        let kept = self.get(slide, Part::Half(id), || decode().map(|image| Kept::Planes(Arc::new(image))))?;
        let Kept::Planes(image) = kept else { unreachable!("the part says the kind") };
        Ok(image)
    }

    /// A tile; otherwise as [`Self::family`].
    ///
    /// # Errors
    /// As of `family`.
    pub fn tile(
        &self,
        slide: SlideKey,
        id: TileId,
        decode: impl FnOnce() -> Result<Rgb, Error>,
    ) -> Result<Arc<Rgb>> {
        let kept = self.get(slide, Part::Tile(id), || decode().map(|rgb| Kept::Tile(Arc::new(rgb))))?;
        let Kept::Tile(rgb) = kept else { unreachable!("the part says the kind") };
        Ok(rgb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::geometry::Geometry;

    const SIDE: usize = 64;

    fn id(number: u32) -> FamilyId {
        // A slide of 300 families in a row.
        Geometry::new(300 * 1024, 1024, 256).unwrap().family(number, 0).unwrap()
    }

    fn family(decoded: &Decoded, number: u32) -> Arc<DecodedFamily> {
        let baseline = Ycc::gray(Plane::new(SIDE, SIDE));
        let made = || Ok(DecodedFamily { baseline, ..DecodedFamily::default() });
        decoded.family(SlideKey(0), id(number), made).unwrap()
    }

    #[test]
    fn what_is_kept_never_exceeds_its_bound_and_what_had_to_go_is_gone() {
        let bound = 3 * (SIDE * SIDE) as u64;
        let decoded = Decoded::new(bound);
        let mut made = Vec::new();
        for number in 0..290 {
            made.push(Arc::downgrade(&family(&decoded, number)));
            assert!(decoded.kept.weighted_size() <= bound, "after family {number}");
            let alive = made.iter().filter(|family| family.strong_count() > 0).count();
            // Three, and the oldest may go with the next call.
            assert!(alive <= 4, "{alive} families are in memory after family {number}");
        }
    }

    #[test]
    fn an_error_is_not_kept() {
        let decoded = Decoded::new(1 << 20);
        let problem = || Error::Input { path: "a".into(), problem: "none".into() };
        assert!(decoded.family(SlideKey(0), id(0), || Err(problem())).is_err());
        assert!(decoded.known_family(SlideKey(0), id(0)).is_none());
        family(&decoded, 0);
        assert!(decoded.known_family(SlideKey(0), id(0)).is_some());
    }
}

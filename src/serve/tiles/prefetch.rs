//! Reconstructs families before they are requested, when the server is idle.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::Tiles;
use crate::image::geometry::{FamilyId, TileId};
use crate::serve::slide::{Slide, TileSource};
use crate::serve::tile_key::TileKey;
use crate::serve::warm::Lookup;
use crate::span::Place;

impl Tiles {
    /// Follows the panning of a viewer, which requests a tile of L0 or L1, and prefetches the families that it is about to see.
    pub fn prefetch_for(self: &Arc<Self>, client: IpAddr, slide: &Arc<Slide>, tile: TileId) {
        if !self.options.cache.prefetch {
            return;
        }
        let Some((TileSource::Family(id) | TileSource::Original(id), _)) = slide.source(tile) else { return };
        let history = self.viewers.get_with((client, slide.identity), Arc::default);
        let step = history.lock().unwrap_or_else(|e| e.into_inner()).step(id, Instant::now());
        if step == (0, 0) {
            return;
        }
        let next = |(dx, dy): (i64, i64)| {
            let at = |from: u32, by: i64| u32::try_from(i64::from(from) + by).ok();
            slide.geometry.family(at(id.x(), dx)?, at(id.y(), dy)?).filter(|&id| slide.has_family(id))
        };
        let (dx, dy) = step;
        // A diagonal step brings the two families beside it into view as well.
        let mut steps = vec![step, (dx, 0), (0, dy)];
        steps.dedup();
        for id in steps.into_iter().filter(|&step| step != (0, 0)).filter_map(next) {
            self.prefetch(slide, id);
        }
    }

    /// Reconstructs a family if the server is idle and the family is in no cache.
    pub(super) fn prefetch(self: &Arc<Self>, slide: &Arc<Slide>, id: FamilyId) {
        let idle = self.calls.len() < self.threads.count();
        let Some(tile) = slide.renderer().tiles(id).next() else { return };
        if !idle || self.hot(slide, tile).is_some() {
            return;
        }
        let permit = self.warm.as_ref().map(|warm| self.quick_read(warm));
        match permit {
            // A slow disk must not delay the request that is being answered.
            Some(None) => {
                let (this, of, place) = (self.clone(), slide.clone(), Place::here());
                tokio::task::spawn_blocking(move || place.run(|| this.make_unless_on_disk(&of, id, tile)));
            }
            _ => self.make_unless_on_disk(slide, id, tile),
        }
    }

    /// Reconstructs a family unless its tile `tile` is in the warm cache.
    fn make_unless_on_disk(self: &Arc<Self>, slide: &Arc<Slide>, id: FamilyId, tile: TileId) {
        let key = TileKey { slide: slide.identity, tile };
        let warm = self.warm.as_ref();
        if warm.is_some_and(|warm| matches!(warm.get(&slide.name, &key), Lookup::Hit(_))) {
            return;
        }
        if let Some(call) = self.calls.prefetch((slide.identity, id)) {
            self.metrics.prefetched();
            tokio::spawn(Place::here().around(self.clone().run_call(slide.clone(), id, call)));
        }
    }
}

//! What frames of DICOM need besides tiles.

use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::Tiles;
use crate::image::geometry::TileId;
use crate::serve::slide::{Slide, TileSource};
use crate::serve::tile_key::TileKey;
use crate::web::error::ServeError;

impl Tiles {
    /// A tile of L0 as a lossless archive stores it, where the server's tile is coded anew.
    ///
    /// # Errors
    /// No such tile; too much work; damage.
    pub async fn as_stored(self: &Arc<Self>, slide: &Arc<Slide>, tile: TileId) -> Result<Bytes, ServeError> {
        let Some((source @ TileSource::Original(id), identity)) = slide.source(tile) else {
            return Err(ServeError::NotFound);
        };
        let key = TileKey { slide: xxh3_128(format!("stored 1 {identity:x}").as_bytes()), tile };
        if let Some(bytes) = self.hot.get(&key) {
            return Ok(bytes);
        }
        self.single(slide, key, source, move |of| of.as_stored(id, tile)).await.map(|(bytes, _)| bytes)
    }

    /// JPEG quality of tiles that are coded.
    pub fn quality(&self) -> u8 {
        self.options.output.quality
    }
}

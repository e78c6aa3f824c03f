//! What is read of one family: its pixels, or its original tiles.

use super::error::Result;
use crate::codec::Foreign;
use crate::image::family::SourceFamily;
use crate::image::geometry::{FamilyId, TileId};
use crate::store::Arrival;

/// The pixels of a family.
pub struct LoadedFamily {
    /// L0.
    pub family: SourceFamily,
    /// Its pixels at L2 size, where the source is a slide.
    pub l2_pixels: Option<L2Pixels>,
}

/// Interleaved samples of a family, reduced to the size of L2 by the mean.
pub struct L2Pixels {
    /// Samples, rows tightly packed.
    pub samples: Vec<u8>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// The L0 tiles of a family, as their source stores them.
pub struct OriginalTiles {
    /// The family.
    pub id: FamilyId,
    /// Row by row. Each was decoded once, as a check.
    pub tiles: Vec<(TileId, Foreign)>,
    /// Its L2 tile.
    pub l2: L2Source,
}

/// Where the L2 tile of a family of original tiles comes from.
pub enum L2Source {
    /// The source's own tile, a JPEG file.
    Stored(Vec<u8>),
    /// The source has no such tile; it is made from the pixels.
    Pixels(Box<LoadedFamily>),
}

/// Reads one family, on any thread.
pub struct Job<'a, T> {
    arrival: Arrival,
    read: Box<dyn FnOnce() -> Result<T> + Send + 'a>,
}

impl<'a, T: 'a> Job<'a, T> {
    /// What `read` gives once its bytes have arrived.
    pub fn new(arrival: Arrival, read: impl FnOnce() -> Result<T> + Send + 'a) -> Self {
        Self { arrival, read: Box::new(read) }
    }

    /// The same, and then `next`.
    pub fn then<U: 'a>(self, next: impl FnOnce(T) -> U + Send + 'a) -> Job<'a, U> {
        let Self { arrival, read } = self;
        Job::new(arrival, move || read().map(next))
    }

    /// Waits for the bytes of a source far away without holding a thread, and reads.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn run(self) -> Result<T> {
        self.arrival.await;
        (self.read)()
    }
}

/// Loads the pixels of one family.
pub type FamilyJob<'a> = Job<'a, LoadedFamily>;

/// Loads the original tiles of one family.
pub type OriginalJob<'a> = Job<'a, OriginalTiles>;

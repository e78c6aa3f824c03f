//! The slide that an archive was made of, where it lies beside it: tiles cut from its pixels, for comparison.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::image::family::Pixels;
use crate::image::geometry::{Geometry, TileId};
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::pyramid::identity::Identity;
use crate::pyramid::levels::halve;
use crate::slide::{Access, OpenOptions, RandomAccess, Slide as Scanned};

/// Levels below L0 that are made of its pixels, down to L2: a tile of a coarser one would need more than 16 tiles of them.
pub const MAX_DOWN: u32 = 2;

/// A scanned slide. It is opened by the first request for one of its tiles.
pub struct Source {
    pub path: PathBuf,
    /// See [`Identity`].
    identity: String,
    opened: OnceLock<Result<Regions, String>>,
}

/// Any region of an open slide.
struct Regions {
    pixels: Box<dyn RandomAccess>,
    channels: usize,
}

impl Source {
    /// The slide at `path`, if it is the one that an archive records as its source.
    pub fn find(path: &Path, recorded: Option<&str>) -> Option<Self> {
        let recorded = recorded?;
        match Identity::of_file(path) {
            Ok(identity) => {
                let source =
                    || Self { path: path.into(), identity: identity.text.clone(), opened: OnceLock::new() };
                (identity.text == recorded).then(source)
            }
            Err(e) => {
                tracing::warn!("not compared with its archive: {e}");
                None
            }
        }
    }

    /// See [`Identity`].
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The pixels of a tile that lies at most [`MAX_DOWN`] levels below L0.
    pub fn tile(&self, geometry: &Geometry, tile: TileId) -> Result<Pixels, String> {
        let regions = self.opened.get_or_init(|| Regions::open(&self.path, geometry)).as_ref();
        regions.map_err(String::clone)?.tile(geometry, tile)
    }
}

impl Regions {
    fn open(path: &Path, geometry: &Geometry) -> Result<Self, String> {
        let slide = Scanned::open(path, &OpenOptions::default()).map_err(|e| e.to_string())?;
        let Access::Random(pixels) = slide.access else {
            return Err("no part of it can be read alone".into());
        };
        if (slide.info.width, slide.info.height) != (geometry.width(), geometry.height()) {
            return Err("it has another size than its archive".into());
        }
        Ok(Self { pixels, channels: usize::from(slide.info.channels) })
    }

    /// Reads the region of a tile at full resolution and halves it down to the tile's level.
    fn tile(&self, geometry: &Geometry, tile: TileId) -> Result<Pixels, String> {
        let down = geometry.top_level() - tile.level;
        let rect = geometry.tile_rect(tile).ok_or("no such tile")?;
        let (x, y) = (rect.x << down, rect.y << down);
        let width = (rect.width << down).min(geometry.width() - x);
        let height = (rect.height << down).min(geometry.height() - y);
        let (mut w, mut h) = (width as usize, height as usize);
        let mut samples = vec![0; w * h * self.channels];
        self.pixels.read(x, y, width, height, &mut samples).map_err(|e| e.to_string())?;
        for _ in 0..down {
            (samples, w, h) = halve(&samples, w, h, self.channels);
        }
        Ok(match self.channels {
            1 => Pixels::Ycc(Ycc::gray(Plane::from_vec(w, h, samples))),
            _ => Pixels::Rgb(Plane::from_vec(3 * w, h, samples)),
        })
    }
}

//! Rectangles of slides at any scale, as pictures: made of decoded pixels, not of coded tiles.
//!
//! Knows no addresses; `pixels` says which level is read and scales it.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::iiif::{MAX_AREA, MAX_SIDE};
use super::recent::recent;
use super::slide::{Slide, SlidePixels};
use super::tiles::Tiles;
use crate::error::Error;
use crate::image::family::Pixels;
use crate::image::plane::Plane;
use crate::image::ycc::Ycc;
use crate::output::picture::PictureFormat;
use crate::output::tile::OutputFormat;
use crate::pixels::{Decoded, Limits, Place, ReadError, Region, Scale};
use crate::web::budget::{Charge, Purpose};
use crate::web::error::ServeError;

/// What is made: images as IIIF has them, of four times as many pixels at most.
pub const LIMITS: Limits = Limits { side_px: MAX_SIDE, area_px: MAX_AREA, read_px: 4 * MAX_AREA };
/// Slides that are open for this at a time.
const MAX_OPEN: u64 = 64;
/// Time after its last use at which one is closed.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// A rectangle as a request asks for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// In pixels of the full resolution.
    pub place: Place,
    /// How large its picture is.
    pub scale: Scale,
}

/// How the picture of a rectangle is made.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// The rectangle, and its size.
    pub region: Region,
    /// Width and height to which white is added at the right and below.
    pub filled_to: Option<(u32, u32)>,
    /// What it is coded as.
    pub format: PictureFormat,
    /// Quality of JPEG and WebP.
    pub quality: u8,
}

/// A picture, and the memory of requests that it takes until it is sent.
pub struct Made {
    /// The file, or the bare pixels.
    pub bytes: Vec<u8>,
    /// That memory.
    pub charge: Charge,
}

/// Slides that are open for rectangles, and what was decoded of their families.
pub struct Regions {
    decoded: Arc<Decoded>,
    open: Cache<(String, u128), Arc<SlidePixels>>,
}

impl Regions {
    /// At most `bytes` are kept of what was decoded.
    pub fn new(bytes: u64) -> Self {
        Self { decoded: Arc::new(Decoded::new(bytes)), open: recent(MAX_OPEN, IDLE_TIME) }
    }

    /// The rectangle of a slide, and the size of its picture.
    ///
    /// # Errors
    /// [`ServeError::Bad`], with the limits.
    pub fn region(slide: &Slide, asked: Asked) -> Result<Region, ServeError> {
        let size = (slide.geometry.width(), slide.geometry.height());
        let of = (size, slide.microns_per_pixel());
        Region::new(of, asked.place, asked.scale, LIMITS).map_err(|e| ServeError::Bad(e.to_string()))
    }

    /// The picture of a rectangle.
    ///
    /// # Errors
    /// Too much to read; too much work; damage.
    pub async fn picture(
        &self,
        tiles: &Arc<Tiles>,
        slide: &Arc<Slide>,
        picture: Picture,
    ) -> Result<Made, ServeError> {
        let Picture { region, filled_to, format, quality } = picture;
        let failed = |e: &ReadError| match e {
            ReadError::Failed(e) => tiles.broken(slide, e),
            ReadError::Stopped => ServeError::Busy,
        };
        let pixels = self.pixels(slide).map_err(|e| failed(&e))?;
        let plan = region.plan(pixels.levels(), LIMITS).map_err(|e| ServeError::Bad(e.to_string()))?;
        let (width, height) = filled_to.unwrap_or(region.size());
        slide.reads().answer().await?;
        // The picture is coded beside its pixels, and those in other colours.
        let coding = 9 * u64::from(width) * u64::from(height) + (64 << 10);
        let charge = tiles.charge(Purpose::Image, pixels.peak_bytes(&plan).max(coding) + coding / 3).await?;
        let colour = slide.colours().of_pixels(format.coded().unwrap_or(OutputFormat::Png));
        let work = tiles.threads().read(slide.reads(), move |progress| async move {
            // Of work that hangs the bytes stay taken.
            let mut charge = charge;
            pixels.arrive(&plan).await;
            let made = filled(pixels.read(&plan, &|| progress.go_on())?, filled_to);
            progress.end();
            let mut bytes = format.encode(made, quality, &colour).map_err(Error::from)?;
            bytes.shrink_to_fit();
            charge.shrink_to(bytes.len() as u64);
            Ok::<_, ReadError>(Made { bytes, charge })
        });
        tiles.in_time(work).await?.map_err(|e| failed(&e))
    }

    fn pixels(&self, slide: &Arc<Slide>) -> Result<Arc<SlidePixels>, ReadError> {
        let key = (slide.name.clone(), slide.version);
        if let Some(open) = self.open.get(&key) {
            return Ok(open);
        }
        let opened = Arc::new(SlidePixels::new(slide, &self.decoded)?);
        self.open.insert(key, opened.clone());
        Ok(opened)
    }
}

/// Pixels with white at the right and below.
fn filled(pixels: Pixels, to: Option<(u32, u32)>) -> Pixels {
    let Some((width, height)) = to.map(|(width, height)| (width as usize, height as usize)) else {
        return pixels;
    };
    match pixels {
        Pixels::Rgb(rgb) => {
            let mut whole = Plane::filled(3 * width, height, u8::MAX);
            whole.paste(0, 0, rgb.view());
            Pixels::Rgb(whole)
        }
        Pixels::Ycc(planes) => {
            let mut whole = Plane::filled(width, height, u8::MAX);
            whole.paste(0, 0, planes.luma.view());
            Pixels::Ycc(Ycc::gray(whole))
        }
    }
}

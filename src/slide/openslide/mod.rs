//! Scanners' formats through the OpenSlide library, where it is installed.
//!
//! Pixels come premultiplied by their opacity and are composited over the slide's own background colour, or white. It
//! deliberately does not use OpenSlide for plain TIFF files (its `generic-tiff`), which the built-in reader opens with
//! more care for colour.

mod handle;
mod library;

use super::error::SlideError;
use super::region::{Extent, Region, allocate};
use super::{
    Access, Associated, OpenOptions, RandomAccess, RgbImage, Slide, SlideInfo, resolution, samples, tiff,
};
use handle::OpenHandle;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pixels asked for in one call: 4 Mi, 16 MiB of ARGB.
const PIXELS_A_CALL: u64 = 4 << 20;
/// Bytes of a colour profile at most.
const ICC_LIMIT_BYTES: i64 = 16 << 20;

/// For messages: which OpenSlide there is, or why there is none.
pub(super) fn state() -> String {
    library::api().map_or_else(|problem| problem.to_string(), |api| format!("{} is loaded", api.describe()))
}

/// The library that is loaded, or why there is none.
pub(super) fn library() -> Result<super::OpenSlideLibrary, String> {
    let found =
        |api: &library::Api| super::OpenSlideLibrary { version: api.version().into(), file: api.file() };
    library::api().map(found).map_err(Into::into)
}

/// Whether OpenSlide takes the file for a scanner's. False where there is no OpenSlide, unless the user named one.
pub(super) fn recognises(path: &Path) -> Result<bool, SlideError> {
    match library::api() {
        Ok(api) => {
            let name = handle::c_path(path).map_err(|problem| failed(path, "opening", problem))?;
            Ok(handle::vendor(api, &name).is_some_and(|vendor| vendor != "generic-tiff"))
        }
        Err(problem) if library::named_by_user() => Err(missing(path, "ORIGAMI_OPENSLIDE names it", problem)),
        Err(_) => Ok(false),
    }
}

/// Opens a slide, whatever vendor it is of. `reason` says why it had to be OpenSlide.
pub(super) fn open(path: &Path, options: &OpenOptions, reason: &str) -> Result<Slide, SlideError> {
    let api = library::api().map_err(|problem| missing(path, reason, problem))?;
    let at_open = |problem| failed(path, "opening", problem);
    let name = handle::c_path(path).map_err(at_open)?;
    let vendor = handle::vendor(api, &name).unwrap_or_else(|| "unknown".into());
    let handle = OpenHandle::open(api, &name).map_err(at_open)?;
    let (width, height) = handle.dimensions().map_err(at_open)?;
    let side = |size: i64| u32::try_from(size).ok().filter(|&size| size > 0);
    let (Some(width), Some(height)) = (side(width), side(height)) else {
        return Err(at_open(format!("an impossible size of {width}x{height}")));
    };
    let number = |name: &CStr| handle.property(name).and_then(|text| text.trim().parse::<f64>().ok());
    let microns = number(c"openslide.mpp-x").zip(number(c"openslide.mpp-y"));
    let profile = handle.icc_profile(ICC_LIMIT_BYTES).or_else(|| tiff::icc_profile(path));
    let info = SlideInfo {
        width,
        height,
        channels: 3,
        format: vendor,
        microns_per_pixel: microns.and_then(|(x, y)| resolution::plausible(x, y)),
        objective_power: number(c"openslide.objective-power")
            .filter(|power| *power > 0.0 && power.is_finite()),
        icc_profile: profile,
        associated: handle.associated_names(),
    };
    let background = handle.property(c"openslide.background-color").and_then(|text| parse_color(&text));
    let source = Arc::new(Source {
        path: path.to_path_buf(),
        extent: Extent { width, height, channels: 3 },
        handle,
        background: background.unwrap_or([255; 3]),
        limit_bytes: options.max_memory_bytes,
    });
    let access = Access::Random(Box::new(Regions(Arc::clone(&source))));
    Ok(Slide { path: path.to_path_buf(), info, access, associated: Some(Box::new(Pictures(source))) })
}

fn failed(path: &Path, place: impl Into<String>, message: impl Into<String>) -> SlideError {
    SlideError::OpenSlide { path: path.to_path_buf(), place: place.into(), message: message.into() }
}

fn missing(path: &Path, reason: &str, problem: &str) -> SlideError {
    SlideError::NeedsOpenSlide { path: path.to_path_buf(), reason: reason.into(), problem: problem.into() }
}

/// `RRGGBB`, with or without a `#`.
fn parse_color(text: &str) -> Option<[u8; 3]> {
    let digits = text.trim().trim_start_matches('#');
    let value = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6)?;
    let [_, red, green, blue] = value.to_be_bytes();
    Some([red, green, blue])
}

struct Source {
    path: PathBuf,
    extent: Extent,
    handle: OpenHandle,
    background: [u8; 3],
    limit_bytes: u64,
}

struct Regions(Arc<Source>);
struct Pictures(Arc<Source>);

impl RandomAccess for Regions {
    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError> {
        let source = &*self.0;
        source.extent.check(&source.path, Region { x, y, width, height }, out.len())?;
        if width == 0 || height == 0 {
            return Ok(());
        }
        // Whole rows as far as they fit one call, or one row in pieces where even that is too long.
        let columns = u64::from(width).min(PIXELS_A_CALL) as u32;
        let rows = (PIXELS_A_CALL / u64::from(columns)).clamp(1, u64::from(height)) as u32;
        let mut pixels = vec![0u32; columns as usize * rows as usize];
        // `out` holds the region by the check above, so none of these products overflows.
        let stride = width as usize * 3;
        for (band, out) in (0..height).step_by(rows as usize).zip(out.chunks_mut(stride * rows as usize)) {
            for left in (0..width).step_by(columns as usize) {
                let (wide, high) = (columns.min(width - left), rows.min(height - band));
                let count = wide as usize * high as usize;
                let Some(pixels) = pixels.get_mut(..count) else { continue };
                let (at_x, at_y) = (x + left, y + band);
                source.handle.read(at_x, at_y, wide, high, pixels).map_err(|message| {
                    failed(&source.path, format!("{wide}x{high} pixels at ({at_x}, {at_y})"), message)
                })?;
                for (row, line) in pixels.chunks_exact(wide as usize).zip(out.chunks_mut(stride)) {
                    let line = line.get_mut(left as usize * 3..).unwrap_or_default();
                    composite(row, source.background, line);
                }
            }
        }
        Ok(())
    }
}

fn composite(pixels: &[u32], background: [u8; 3], out: &mut [u8]) {
    for (to, &argb) in out.chunks_exact_mut(3).zip(pixels) {
        to.copy_from_slice(&samples::argb_over(argb, background));
    }
}

impl Associated for Pictures {
    fn image(&self, name: &str) -> Result<RgbImage, SlideError> {
        let source = &*self.0;
        let at = |message: String| failed(&source.path, format!("associated image {name:?}"), message);
        let c_name = CString::new(name).map_err(|_| at("the name holds a zero byte".into()))?;
        let (width, height) = source.handle.associated_dimensions(&c_name).map_err(at)?;
        let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
            return Err(at(format!("an impossible size of {width}x{height}")));
        };
        // Four bytes a pixel from the library and three for the result.
        let count = u64::from(width) * u64::from(height);
        let what = format!("the associated image {name:?}");
        if count.saturating_mul(7) > source.limit_bytes {
            let needed = count.saturating_mul(7);
            return Err(SlideError::too_large(
                &source.path,
                what,
                needed,
                source.limit_bytes,
                "allow more memory",
            ));
        }
        let mut rgb = allocate(&source.path, &what, count * 3, source.limit_bytes, "allow more memory")?;
        let mut pixels = vec![0u32; rgb.len() / 3];
        source.handle.read_associated(&c_name, &mut pixels).map_err(at)?;
        composite(&pixels, source.background, &mut rgb);
        Ok(RgbImage { width, height, rgb })
    }
}

//! Scanners' formats through the OpenSlide library, where it is installed.
//!
//! OpenSlide's pixels are premultiplied by their opacity; they are composited over the slide's own background colour, or
//! white. OpenSlide is deliberately not used for plain TIFF files (its `generic-tiff`), whose colour the built-in reader
//! handles better.

mod handle;
mod library;
mod shared;

use super::access::{Access, AssociatedImages, AssociatedSize, RandomAccess, RgbImage, Slide};
use super::error::SlideError;
use super::info::{SlideInfo, scanner};
use super::options::{OpenOptions, OpenSlideLibrary, Selection};
use super::region::{Extent, Region, allocate};
use super::{icc, resolution, samples, tiff};
use handle::OpenHandle;
use shared::SharedHandle;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pixels read by one call: 4 Mi, 16 MiB of ARGB.
const MAX_PIXELS_PER_CALL: u64 = 4 << 20;
/// Resolutions that are listed at most: a slide of 2^32 pixels a side has 33.
const MAX_LEVELS: u32 = 64;
/// Largest colour profile.
const MAX_ICC_BYTES: i64 = 16 << 20;

/// The state of OpenSlide for messages: its version, or why it is missing.
pub(super) fn state() -> String {
    library::api().map_or_else(|problem| problem.to_string(), |api| format!("{} is loaded", api.describe()))
}

/// The loaded library, or why there is none.
pub(super) fn library() -> Result<OpenSlideLibrary, String> {
    let describe = |api: &library::Api| OpenSlideLibrary { version: api.version().into(), file: api.file() };
    library::api().map(describe).map_err(Into::into)
}

/// Whether OpenSlide recognises a scanner's format. `false` without OpenSlide, except that a library which the user named
/// and which does not load is an error.
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

/// Opens a slide of any vendor. `reason` says in errors why OpenSlide is needed.
pub(super) fn open(path: &Path, options: &OpenOptions, reason: &str) -> Result<Slide, SlideError> {
    let api = library::api().map_err(|problem| missing(path, reason, problem))?;
    options.selection.refuse(path, "OpenSlide gives RGB")?;
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
    let profile = match handle.icc_profile(MAX_ICC_BYTES) {
        None => tiff::icc_profile(path)?,
        found => found,
    };
    let mut warnings = Vec::new();
    let vendor_is_generic = vendor == "generic-tiff";
    // Each of its other vendors is a maker of scanners.
    let maker_of_vendor = || {
        let mut letters = vendor.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    };
    let maker = handle.property(c"tiff.Make").or_else(|| (!vendor_is_generic).then(maker_of_vendor));
    let info = SlideInfo {
        width,
        height,
        channels: 3,
        format: vendor,
        microns_per_pixel: microns.and_then(|(x, y)| match vendor_is_generic {
            // Made of the resolution tags, of which most are for printing.
            true => resolution::plausible(x, y),
            false => resolution::stated(x, y),
        }),
        objective_power: number(c"openslide.objective-power")
            .filter(|power| *power > 0.0 && power.is_finite()),
        scanner: scanner(maker.as_deref(), handle.property(c"tiff.Model").as_deref()),
        icc_profile: icc::checked(profile, 3, &mut warnings),
        levels: levels(&handle),
        tile: tile(&handle),
        associated: handle.associated_names(),
        warnings,
    };
    let background = handle.property(c"openslide.background-color").and_then(|text| parse_color(&text));
    let slide = Arc::new(OpenedSlide {
        path: path.to_path_buf(),
        extent: Extent { width, height, channels: 3 },
        levels: info.levels.clone(),
        handle: SharedHandle::new(api, name, handle).map_err(at_open)?,
        background: background.unwrap_or([255; 3]),
        limit_bytes: options.max_memory_bytes,
    });
    let access = Access::Random(Box::new(Regions(Arc::clone(&slide))));
    Ok(Slide {
        path: path.to_path_buf(),
        info,
        access,
        associated: Some(Box::new(Associated(slide))),
        selection: Selection::default(),
    })
}

/// The sizes of the resolutions, as OpenSlide's properties list them.
fn levels(handle: &OpenHandle) -> Vec<(u32, u32)> {
    let count = handle.number(c"openslide.level-count").unwrap_or_default().min(MAX_LEVELS);
    let size = |level| Some((handle.of_level(level, "width")?, handle.of_level(level, "height")?));
    (0..count).map_while(size).collect()
}

/// The size of the tiles of the full resolution, where the format has tiles.
fn tile(handle: &OpenHandle) -> Option<(u32, u32)> {
    Some((handle.of_level(0, "tile-width")?, handle.of_level(0, "tile-height")?))
}

fn failed(path: &Path, place: impl Into<String>, message: impl Into<String>) -> SlideError {
    let (path, place, message) = (path.to_path_buf(), place.into(), message.into());
    if is_lack(&message) {
        SlideError::OpenSlideLacks { path, place, message }
    } else {
        SlideError::OpenSlide { path, place, message }
    }
}

/// Whether OpenSlide says that it, and not the file, is to blame: `Unsupported TIFF compression: 34712`, `libtiff: ... support is
/// not configured`, `Can't handle ...`; or it
/// does not know the format.
fn is_lack(message: &str) -> bool {
    let text = message.to_ascii_lowercase();
    let words = [
        "unsupported",
        "not supported",
        "not configured",
        "not implemented",
        "can't handle",
        "does not recognise",
    ];
    words.iter().any(|word| text.contains(word))
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

/// The state that the two kinds of access share.
struct OpenedSlide {
    path: PathBuf,
    extent: Extent,
    levels: Vec<(u32, u32)>,
    handle: SharedHandle,
    background: [u8; 3],
    limit_bytes: u64,
}

struct Regions(Arc<OpenedSlide>);
struct Associated(Arc<OpenedSlide>);

impl RandomAccess for Regions {
    fn read(&self, x: u32, y: u32, width: u32, height: u32, out: &mut [u8]) -> Result<(), SlideError> {
        self.read_level(0, Region { x, y, width, height }, out)
    }

    fn read_level(&self, level: usize, region: Region, out: &mut [u8]) -> Result<(), SlideError> {
        let slide = &*self.0;
        let no_level = || SlideError::NoLevel { path: slide.path.clone(), level };
        let number = u32::try_from(level).map_err(|_| no_level())?;
        let extent = if level == 0 {
            slide.extent
        } else {
            let &(width, height) = slide.levels.get(level).ok_or_else(no_level)?;
            Extent { width, height, channels: 3 }
        };
        extent.check(&slide.path, region, out.len())?;
        let Region { x, y, width, height } = region;
        if width == 0 || height == 0 {
            return Ok(());
        }
        // OpenSlide wants the upper left corner in pixels of the full resolution.
        let full = |at: u32, size: u32, of: u32| {
            let exact = u64::from(at) * u64::from(of) + u64::from(size / 2);
            exact.checked_div(u64::from(size)).unwrap_or_default() as u32
        };
        // As many whole rows as fit one call; a row that is too long for one call is read in parts.
        let columns = u64::from(width).min(MAX_PIXELS_PER_CALL) as u32;
        let rows = (MAX_PIXELS_PER_CALL / u64::from(columns)).clamp(1, u64::from(height)) as u32;
        let mut pixels = vec![0u32; columns as usize * rows as usize];
        // `out` holds the region by the check above, so none of these products overflows.
        let stride = width as usize * 3;
        for (band, out) in (0..height).step_by(rows as usize).zip(out.chunks_mut(stride * rows as usize)) {
            for left in (0..width).step_by(columns as usize) {
                let (wide, high) = (columns.min(width - left), rows.min(height - band));
                let count = wide as usize * high as usize;
                let Some(pixels) = pixels.get_mut(..count) else { continue };
                let (at_x, at_y) = (x + left, y + band);
                let corner = Region {
                    x: full(at_x, extent.width, slide.extent.width),
                    y: full(at_y, extent.height, slide.extent.height),
                    width: wide,
                    height: high,
                };
                slide.handle.read(|handle| handle.read(number, corner, pixels)).map_err(|message| {
                    failed(
                        &slide.path,
                        format!("{wide}x{high} pixels at ({at_x}, {at_y}) of level {level}"),
                        message,
                    )
                })?;
                for (row, line) in pixels.chunks_exact(wide as usize).zip(out.chunks_mut(stride)) {
                    let line = line.get_mut(left as usize * 3..).unwrap_or_default();
                    composite(row, slide.background, line);
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

impl Associated {
    fn failed(&self, name: &str, message: String) -> SlideError {
        failed(&self.0.path, format!("associated image {name:?}"), message)
    }

    /// The name as the library takes it, and the size of the image.
    fn find(&self, name: &str) -> Result<(CString, (u32, u32)), SlideError> {
        let fail = |message: String| self.failed(name, message);
        let c_name = CString::new(name).map_err(|_| fail("the name holds a zero byte".into()))?;
        let (width, height) =
            self.0.handle.read(|handle| handle.associated_dimensions(&c_name)).map_err(fail)?;
        match (u32::try_from(width), u32::try_from(height)) {
            (Ok(width), Ok(height)) => Ok((c_name, (width, height))),
            _ => Err(fail(format!("an impossible size of {width}x{height}"))),
        }
    }
}

impl AssociatedImages for Associated {
    fn size(&self, name: &str) -> Result<AssociatedSize, SlideError> {
        let (_, (width, height)) = self.find(name)?;
        // The library gives the whole.
        let part_bytes = 4 * u64::from(width) * u64::from(height);
        Ok(AssociatedSize { width, height, part_bytes })
    }

    fn image(&self, name: &str) -> Result<RgbImage, SlideError> {
        let slide = &*self.0;
        let (c_name, (width, height)) = self.find(name)?;
        // Four bytes a pixel from the library and three in the result.
        let count = u64::from(width) * u64::from(height);
        let what = format!("the associated image {name:?}");
        if count.saturating_mul(7) > slide.limit_bytes {
            let needed = count.saturating_mul(7);
            return Err(SlideError::too_large(
                &slide.path,
                what,
                needed,
                slide.limit_bytes,
                "allow more memory",
            ));
        }
        let mut rgb = allocate(&slide.path, &what, count * 3, slide.limit_bytes, "allow more memory")?;
        let mut pixels = vec![0u32; rgb.len() / 3];
        let read = slide.handle.read(|handle| handle.read_associated(&c_name, &mut pixels));
        read.map_err(|message| self.failed(name, message))?;
        composite(&pixels, slide.background, &mut rgb);
        Ok(RgbImage { width, height, rgb })
    }
}

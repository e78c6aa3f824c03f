//! Convert: a bundle, tree or slide into a container that other programs read.
//!
//! The tiles are those that `decode` and the server give: of a lossless bundle the slide's own. `tiles` makes them, `recut` cuts them anew where
//! a container does not take their size. `tiff` and `szi` write one file, `dicom` one for each level, a tree goes through `pyramid/write.rs`. `fit` pads
//! tiles, `collected` keeps them until their directory or their order is known. The module knows
//! containers, no pixel arithmetic.

mod about;
mod collected;
mod dicom;
mod fit;
mod options;
mod out_dir;
mod out_file;
#[cfg(feature = "pixels")]
mod recut;
mod szi;
mod tiff;
mod tiles;
mod writer;

use std::path::Path;

use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
#[cfg(not(feature = "pixels"))]
use crate::error::Error;
use crate::error::Result;
use crate::image::geometry::Geometry;

#[cfg(not(feature = "serve"))]
use self::about::About;
use self::options::{Made, Put, TILE_PX};
use self::writer::Writer;

#[cfg(feature = "serve")]
pub(crate) use self::about::{About, content_of_bundle, content_of_slide, positive};
#[cfg(feature = "serve")]
pub(crate) use self::collected::coarsest;
pub use self::dicom::Attributes;
#[cfg(feature = "serve")]
pub(crate) use self::dicom::{
    END_OF_FRAMES, FrameOrigin, LevelFacts, Subject, head, item, of_slide, photometric, pixel_data_head,
    ratio, sampled, transfer_syntax, uid,
};
#[cfg(feature = "serve")]
pub(crate) use self::fit::{Fitted, Kind, agreed, as_it_is, common, fit, refit};
pub use self::options::{Container, ConvertOptions, Converted, DicomOptions, Source, date_of};

/// Writes `out`. `progress` is called with the tiles that are written and with their number.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::backend::CpuBackend;
/// use origami::backend::scheduler::Scheduler;
/// use origami::convert::{Attributes, Container, ConvertOptions, DicomOptions, Source, convert};
/// use origami::pyramid::write::Existing;
/// use origami::slide::{OpenOptions, Slide};
///
/// let slide = Slide::open(Path::new("slide.svs"), &OpenOptions::default())?;
/// let options = ConvertOptions {
///     container: Container::OmeTiff,
///     quality: 90,
///     existing: Existing::Keep,
///     dicom: DicomOptions { attributes: Attributes::default(), strict: false, file_date: 0 },
/// };
/// let (source, out) = (Source::Slide(Box::new(slide)), Path::new("slide.ome.tiff"));
/// let written = convert(source, out, &options, &CpuBackend::new(), &Scheduler::new(0)?, &|_, _| {})?;
/// println!("{} tiles", written.tiles);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A source that cannot be read or is not whole; a result that is there, unless it may be replaced; a disk that cannot be written. Nothing
/// half-written is left under a final name.
pub fn convert(
    mut source: Source,
    out: &Path,
    options: &ConvertOptions,
    backend: &dyn Backend,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64, u64),
) -> Result<Converted> {
    let about = About::of(&source)?;
    let own = about.geometry;
    let is_slide = matches!(source, Source::Slide(_));
    let is_cut_anew = options.container.cuts_anew(own.tile()) && !is_slide;
    let geometry = match is_cut_anew {
        true => Geometry::new(own.width(), own.height(), TILE_PX)?,
        false => own,
    };
    let mut writer = Writer::create(out, options, &geometry, &about)?;
    let (total, mut done) = (writer.expected(), 0);
    let mut put = |made: Made| -> Result<()> {
        if writer.put(made)? {
            done += 1;
            progress(done, total);
        }
        Ok(())
    };
    let making = tiles::Making { geometry, options, scheduler };
    match (&mut source, is_cut_anew) {
        (Source::Bundle(input), false) => making.of_bundle(input, backend, &mut put)?,
        (Source::Tree(tree), false) => making.of_tree(tree, &mut put)?,
        (Source::Slide(slide), _) => making.of_slide(slide, &mut put)?,
        (Source::Bundle(input), true) => {
            let is_gray = tiles::is_gray(making.of_bundle_coarsest(input)?);
            cut_anew(input.archive().path(), is_gray, &making, &mut put)?;
        }
        (Source::Tree(tree), true) => {
            let is_gray = tiles::is_gray(Some(making.of_tree_coarsest(tree)?));
            cut_anew(tree.path(), is_gray, &making, &mut put)?;
        }
    }
    let written = writer.finish()?;
    let channels = match &source {
        Source::Slide(slide) => slide.selection.channels.clone(),
        Source::Bundle(_) | Source::Tree(_) => Vec::new(),
    };
    Ok(Converted { recut_from: is_cut_anew.then_some(own.tile()), channels, ..written })
}

#[cfg(feature = "pixels")]
fn cut_anew(path: &Path, is_gray: bool, making: &tiles::Making<'_>, put: &mut Put<'_>) -> Result<()> {
    recut::tiles(path, &making.geometry, (making.options.quality, is_gray), making.scheduler, put)
}

#[cfg(not(feature = "pixels"))]
fn cut_anew(path: &Path, _: bool, _: &tiles::Making<'_>, _: &mut Put<'_>) -> Result<()> {
    let problem = "the side of its tiles is no multiple of 16, as it must be there, and this build does not cut them anew; build with the feature pixels";
    Err(Error::input(path, problem))
}

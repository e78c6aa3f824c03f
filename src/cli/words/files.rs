//! Faults of archives, slides and trees.

use origami::image::geometry::GeometryError;
use origami::image::spec;
use origami::pyramid::{self, Refusal};
use origami::{archive, slide};

use super::{backend, codec, params};

pub fn archive(error: &archive::Error) -> Option<String> {
    match error {
        archive::Error::AnotherEncode(dir) => Some(format!(
            "{}: another encode is writing here; wait for it or choose another --out",
            dir.display()
        )),
        archive::Error::Params(e) => params::error(e),
        _ => None,
    }
}

pub fn slide(error: &slide::SlideError) -> Option<String> {
    match error {
        slide::SlideError::NotSequential { path, place } => Some(format!(
            "{}: {place}: a JPEG that is not sequential at 8 bits, which --preset lossless does not take; use \
             --preset archive",
            path.display()
        )),
        slide::SlideError::ChooseChannels { path, channels } => Some(format!(
            "{}: it has {} channels: {}; choose one or several with --channel, as in --channel 0",
            path.display(),
            channels.len(),
            channels.join(", ")
        )),
        slide::SlideError::ChoosePlane { path, what, count } => Some(format!(
            "{}: it has {count} {}, 0 to {}; choose one with {}",
            path.display(),
            what.plural(),
            count.saturating_sub(1),
            match what {
                slide::Axis::FocalPlane => "--z",
                slide::Axis::Time => "--time",
                slide::Axis::Channel => "--channel",
            }
        )),
        _ => None,
    }
}

pub fn pyramid(error: &pyramid::Error) -> Option<String> {
    match error {
        pyramid::Error::Refused { path, refusal } => {
            Some(format!("{}: {}", path.display(), refused(refusal)?))
        }
        pyramid::Error::Shape { source, .. } => shape(source),
        pyramid::Error::Archive(e) => archive(e),
        pyramid::Error::Backend(e) => backend::error(e),
        pyramid::Error::Codec(e) => codec::error(e),
        pyramid::Error::Slide(e) => slide(e),
        _ => None,
    }
}

/// A size of tiles that cannot be, or is too small for the slide.
fn shape(error: &GeometryError) -> Option<String> {
    match error {
        GeometryError::TileSize(tile) => Some(format!("--tile {tile}: it must be 1 to {}", spec::MAX_TILE)),
        _ => None,
    }
}

fn refused(refusal: &Refusal) -> Option<String> {
    Some(match refusal {
        Refusal::NotADescriptor => {
            "not a Deep Zoom descriptor; give a slide or an image with --slide or --image".into()
        }
        Refusal::MissingTiles(missing) => {
            format!("{missing}; restore them, or encode with --missing background")
        }
        Refusal::Exists => "it is there already; remove it, choose another --out, or give --overwrite".into(),
        Refusal::Foreign => {
            "it is no part of an earlier result, and would be deleted with it; move it away, or choose another --out".into()
        }
        Refusal::AnotherRun { name } => {
            format!("another run is writing {name} here; wait for it or choose another --out")
        }
        Refusal::NotJpeg { format } => {
            format!("its tiles are {format}, and --preset lossless repacks JPEG tiles; use --preset archive")
        }
        Refusal::Overlap { overlap, grid_px } => format!(
            "its tiles overlap by {overlap}, which archives do not, and --preset lossless can cut off only a multiple of \
             {grid_px}; make the tree again without overlap, or use --preset archive"
        ),
        Refusal::LosslessBackground => {
            "--preset lossless stores the tiles that there are, and --missing background makes up others; leave one of \
             them out"
                .into()
        }
        Refusal::MissingL2(missing) => {
            format!("{missing}; --preset lossless stores L2 as it is: restore them")
        }
        Refusal::TileMetadata { tile, held } => format!(
            "tile {tile} holds {held}, which --preset lossless would carry on; give --keep-metadata, or --strip-metadata: the \
             coefficients stay"
        ),
        Refusal::TileOrientation { tile, orientation } => format!(
            "tile {tile} has EXIF orientation {orientation}, which the tiles made of it would not have; give --strip-metadata, \
             or make the tree again from pixels that are turned"
        ),
        Refusal::OtherTileSize { own, given } => {
            format!("--preset lossless stores its tiles of {own}; leave --tile {given} out")
        }
        Refusal::NoJpegTiles { reason } => format!(
            "--preset lossless stores JPEG and JPEG 2000 tiles of the source's own, and {reason}; give a tree of JPEG tiles, or use \
             --preset archive"
        ),
        _ => return None,
    })
}

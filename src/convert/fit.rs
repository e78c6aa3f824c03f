//! Makes a tile one of a TIFF or of DICOM: of the full size of tiles, sequential, coded as the others of its level are.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::codec::jpeg2000::{self, Colours};
use crate::codec::{
    CodecId, Foreign, JpegColor, JpegDecoder, JpegEncoder, foreign_pixels, pad_jpeg, sampling_factors,
};
use crate::error::Result;
use crate::image::family::Pixels;
use crate::image::ycc::Sampling;

/// How a tile is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JPEG of one component.
    Gray,
    /// JPEG of luma and chroma.
    Ycc(Sampling),
    /// JPEG of red, green and blue.
    Rgb,
    /// A codestream of JPEG 2000, and how many pixels across and down a sample of its chroma stands for.
    Jpeg2000(Colours, (u8, u8)),
}

impl Kind {
    /// Whether it has one sample a pixel.
    pub fn is_gray(self) -> bool {
        matches!(self, Kind::Gray | Kind::Jpeg2000(Colours::Gray, _))
    }
}

/// A tile of full size.
pub struct Fitted {
    pub kind: Kind,
    pub bytes: Vec<u8>,
    /// Whether it was decoded and coded again.
    pub is_coded: bool,
}

/// Fits a tile of `size` (width, height) pixels into one of `side`. A JPEG keeps its coefficients. A codestream stays if it has the full
/// size, and is coded as JPEG otherwise; so is a JPEG whose sampling has no name.
///
/// # Errors
/// A damaged tile, or one of another size.
pub fn fit(coded: Vec<u8>, size: (usize, usize), side: usize, quality: u8) -> Result<Fitted> {
    if !coded.starts_with(&[0xFF, 0xD8]) {
        let (colours, stream, header) = jpeg2000::check(&coded, size)?;
        if (header.width as usize, header.height as usize) == (side, side) {
            let kind = Kind::Jpeg2000(colours, jpeg2000::chroma_factors(stream));
            return Ok(Fitted { kind, bytes: stream.to_vec(), is_coded: false });
        }
        let image = Foreign { codec: CodecId::Jpeg2000, bytes: coded };
        return of_pixels(image.pixels(size)?, Sampling::S420, side, quality);
    }
    let header = JpegDecoder::open(&coded)?.header();
    let kind = match (header.color, header.sampling) {
        (JpegColor::Gray, _) => Kind::Gray,
        (JpegColor::Ycc, Some(sampling)) => Kind::Ycc(sampling),
        (JpegColor::Rgb, Some(Sampling::S444)) => Kind::Rgb,
        _ => return of_pixels(foreign_pixels(&coded, Some(size))?, Sampling::S444, side, quality),
    };
    let factors = sampling_factors(&coded);
    let is_plain = match kind {
        Kind::Gray => factors == [(1, 1)],
        _ => factors.get(1..) == Some(&[(1, 1), (1, 1)]),
    };
    if !is_plain && kind != Kind::Gray {
        // As 2x1 for each component, which is 4:4:4 in other MCUs than the tags of a level say.
        return of_pixels(
            foreign_pixels(&coded, Some(size))?,
            header.sampling.unwrap_or(Sampling::S444),
            side,
            quality,
        );
    }
    if (header.width, header.height) == (side, side) && header.baseline && is_plain {
        return Ok(Fitted { kind, bytes: coded, is_coded: false });
    }
    Ok(Fitted { kind, bytes: pad_jpeg(&coded, side, side)?, is_coded: false })
}

/// How a tile is coded that [`fit`] leaves as it is, where its header alone says so; `None` where [`fit`] must look at it.
#[cfg(any(test, feature = "serve"))]
pub fn as_it_is(coded: &[u8], side: usize) -> Option<Kind> {
    let frame = crate::codec::JpegFrame::read(coded).filter(|frame| frame.size == (side, side))?;
    match (frame.color, frame.sampling) {
        (JpegColor::Gray, _) => Some(Kind::Gray),
        (JpegColor::Ycc, sampling) => Some(Kind::Ycc(sampling)),
        (JpegColor::Rgb, Sampling::S444) => Some(Kind::Rgb),
        _ => None,
    }
}

/// How the tiles of a level are to be coded: as they are where all agree; else as the most of those in luma and chroma, since no other kind can be
/// coded here.
pub fn common(kinds: impl Iterator<Item = Kind>) -> Kind {
    let (mut first, mut agree, mut counts) = (None, true, BTreeMap::new());
    for kind in kinds {
        agree &= *first.get_or_insert(kind) == kind;
        if let Kind::Ycc(sampling) = kind {
            *counts.entry(sampling.factors()).or_insert(0_u64) += 1;
        }
    }
    match first {
        Some(kind) if agree => kind,
        _ => {
            // Of two that are as many, the finer chroma.
            let rank = |&((across, down), count): &((usize, usize), u64)| (count, Reverse(across * down));
            let most = counts.into_iter().max_by_key(rank).map(|(factors, _)| factors);
            let named = Sampling::YCC.into_iter().find(|sampling| Some(sampling.factors()) == most);
            Kind::Ycc(named.unwrap_or(Sampling::S444))
        }
    }
}

/// How the tiles of all levels are to be coded, by how each level would be alone: all in colour where one is.
pub fn agreed(own: Vec<Kind>) -> Vec<Kind> {
    let is_gray = own.iter().all(|kind| kind.is_gray());
    let in_colour = |kind: Kind| if kind.is_gray() && !is_gray { Kind::Ycc(Sampling::S420) } else { kind };
    own.into_iter().map(in_colour).collect()
}

/// A fitted tile of kind `from`, coded anew as `to`.
///
/// # Errors
/// A damaged tile.
pub fn refit(from: Kind, bytes: Vec<u8>, to: Kind, side: usize, quality: u8) -> Result<Vec<u8>> {
    let pixels = match from {
        Kind::Jpeg2000(colours, _) => {
            jpeg2000::pixels(&jpeg2000::pack(colours, &bytes, (side, side))?, (side, side))?
        }
        _ => foreign_pixels(&bytes, Some((side, side)))?,
    };
    let sampling = match to {
        Kind::Ycc(sampling) => sampling,
        // `common` makes tiles that differ luma and chroma.
        Kind::Gray | Kind::Rgb | Kind::Jpeg2000(..) => Sampling::S444,
    };
    Ok(of_pixels(pixels, sampling, side, quality)?.bytes)
}

/// Codes pixels as a JPEG of luma and chroma.
fn of_pixels(pixels: Pixels, sampling: Sampling, side: usize, quality: u8) -> Result<Fitted> {
    let (width, height) = (pixels.width(), pixels.height());
    let rgb: Vec<u8> = match pixels {
        Pixels::Rgb(rgb) => rgb.view().to_plane().into_vec(),
        Pixels::Ycc(planes) if planes.chroma.is_none() => {
            planes.luma.view().to_plane().data().iter().flat_map(|&value| [value; 3]).collect()
        }
        Pixels::Ycc(planes) => planes.to_rgb().view().to_plane().into_vec(),
    };
    let coded = JpegEncoder::new()?.encode_rgb(&rgb, width, height, quality, sampling)?;
    let bytes = if (width, height) == (side, side) { coded } else { pad_jpeg(&coded, side, side)? };
    Ok(Fitted { kind: Kind::Ycc(sampling), bytes, is_coded: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_coded_as_most_of_its_tiles_are() {
        let (small, full) = (Kind::Ycc(Sampling::S420), Kind::Ycc(Sampling::S444));
        for (kinds, want) in [
            (vec![Kind::Gray, Kind::Gray], Kind::Gray),
            (vec![Kind::Rgb], Kind::Rgb),
            (vec![Kind::Jpeg2000(Colours::Rgb, (1, 1)); 2], Kind::Jpeg2000(Colours::Rgb, (1, 1))),
            (vec![Kind::Gray, Kind::Gray, small], small),
            (vec![full, small, small], small),
            (vec![Kind::Rgb, Kind::Gray], full),
            (vec![Kind::Jpeg2000(Colours::Rgb, (1, 1)), full], full),
            (vec![small, full], full),
            (vec![full, Kind::Ycc(Sampling::S422), full, Kind::Ycc(Sampling::S422)], full),
        ] {
            assert_eq!(common(kinds.into_iter()), want);
        }
    }

    #[test]
    fn a_tile_that_is_told_by_its_header_is_left_as_it_is() {
        let rgb: Vec<u8> = (0..3 * 32 * 32).map(|i| (i * 7 % 251) as u8).collect();
        let coded = |sampling, side: usize| {
            let rgb = &rgb[..3 * side * side];
            JpegEncoder::new().unwrap().encode_rgb(rgb, side, side, 80, sampling).unwrap()
        };
        for sampling in Sampling::YCC.into_iter().chain([Sampling::Gray]) {
            let tile = coded(sampling, 32);
            let kind = as_it_is(&tile, 32).unwrap();
            let fitted = fit(tile.clone(), (32, 32), 32, 80).unwrap();
            assert!(fitted.kind == kind && fitted.bytes == tile && !fitted.is_coded, "{sampling:?}");
            assert_eq!(as_it_is(&coded(sampling, 24), 32), None, "a tile at the edge");
        }
    }
}

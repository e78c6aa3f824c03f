//! Renders the tiles of one slide: parts of a reconstruction, and stored tiles in the output's format.
//!
//! `decode` and the server both use it, so both produce the same bytes. Knows planes and formats, no archives.

use super::error::{Error, Result};
use super::icc::{Colour, Icc};
use crate::codec::{
    CodecId, Foreign, JpegEncoder, Shape, decode_foreign, decoder, foreign_header, foreign_pixels, jpeg_in,
    unpacked,
};
use crate::image::family::{Pixels, PixelsRef, Reconstruction, Want};
use crate::image::geometry::{FamilyId, Geometry, Rect, TileId};
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::resample::upsample_to_444;
use crate::kernels::taps::{Filter, TapCache};
use crate::lossless::{l1_from_l0, tile_size};
use crate::output::tile::{OutputFormat, TileCoder};
use crate::params::Coding;
use crate::span::span;

/// Format and quality of output tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// File format.
    pub format: OutputFormat,
    /// Quality of tiles that are encoded, 1 to 100; PNG does not use it.
    pub quality: u8,
    /// Chroma sampling of JPEG tiles that are encoded: 4:2:0 or 4:4:4.
    pub sampling: Sampling,
    /// Luma only.
    pub grayscale: bool,
}

/// JPEG 4:2:0 of quality 95 in colour.
impl Default for Output {
    fn default() -> Self {
        Self { format: OutputFormat::Jpeg, quality: 95, sampling: Sampling::S420, grayscale: false }
    }
}

/// Renders the tiles of one slide.
pub struct Renderer {
    geometry: Geometry,
    filter: Filter,
    output: Output,
    colour: Colour,
    taps: TapCache,
}

impl Renderer {
    /// `filter` upsamples the chroma of L2 tiles that are encoded again.
    ///
    /// # Errors
    /// A quality out of range, a format that this build lacks.
    pub fn new(geometry: Geometry, filter: Filter, output: Output) -> Result<Self> {
        TileCoder::new(output.format, output.quality)?;
        Ok(Self { geometry, filter, output, colour: Colour::default(), taps: TapCache::default() })
    }

    /// The same for a slide with a colour profile. Output in grayscale is luma as stored, without a profile.
    pub fn with_colour(mut self, colour: Colour) -> Self {
        if !self.output.grayscale {
            self.colour = colour;
        }
        self
    }

    /// What is done for the slide's colour profile.
    pub fn colour(&self) -> &Colour {
        &self.colour
    }

    /// The pixels that a reconstruction must have for [`Self::cut`]. Tiles of an odd size are 4:4:4, since they do not lie on the
    /// grid of subsampled chroma.
    pub fn want(&self) -> Want {
        if self.output.grayscale {
            return Want::Planes(Sampling::Gray);
        }
        if self.colour.mode() == Icc::Srgb {
            return Want::Rgb;
        }
        TileCoder::wanted(self.output.format, self.jpeg_sampling())
    }

    fn jpeg_sampling(&self) -> Sampling {
        if self.geometry.tile() % 2 == 1 { Sampling::S444 } else { self.output.sampling }
    }

    /// Encodes one tile of L0 or L1 of a family.
    ///
    /// # Errors
    /// A codec error; a tile of another family.
    pub fn cut(&self, id: FamilyId, made: &Reconstruction, tile: TileId) -> Result<Vec<u8>> {
        let image = if tile.level == self.geometry.top_level() { &made.l0 } else { &made.l1 };
        let rect = self.place(id, tile)?;
        let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(|n| n as usize);
        self.code(image.view().part(x, y, width, height))
    }

    /// Where a tile of L0 or L1 lies in its family, in pixels of its level.
    ///
    /// # Errors
    /// A tile of another family.
    pub fn place(&self, id: FamilyId, tile: TileId) -> Result<Rect> {
        let down = self.geometry.top_level().saturating_sub(tile.level);
        let rect =
            self.geometry.tile_rect(tile).filter(|_| down < 2 && self.geometry.family_of(tile) == Some(id));
        let Some(rect) = rect else {
            return Err(Error::NotOfFamily { tile, family: id });
        };
        let side = (4u32 >> down) * self.geometry.tile();
        Ok(Rect { x: rect.x - id.x() * side, y: rect.y - id.y() * side, ..rect })
    }

    /// Encodes the pixels of a tile, which are as [`Self::want`] says.
    ///
    /// # Errors
    /// A codec error.
    pub fn code(&self, pixels: PixelsRef<'_>) -> Result<Vec<u8>> {
        let Output { format, quality, .. } = self.output;
        span!("encode", origami.format = format.media_type()).run(|| {
            let coded = match self.colour.apply(pixels) {
                Some(pixels) => self.subsampled(pixels.view())?,
                None => TileCoder::new(format, quality)?.encode(pixels)?,
            };
            Ok(self.colour.tag(format, coded))
        })
    }

    /// Encodes the pixels of a scanned slide's tile; RGB as JPEG in the sampling of the output.
    ///
    /// # Errors
    /// A codec error.
    pub fn scanned(&self, pixels: PixelsRef<'_>) -> Result<Vec<u8>> {
        let format = self.output.format;
        span!("encode", origami.format = format.media_type()).run(|| {
            let applied = self.colour.apply(pixels);
            let coded = self.subsampled(applied.as_ref().map_or(pixels, Pixels::view))?;
            Ok(self.colour.tag(format, coded))
        })
    }

    /// Encodes pixels without regard to the profile; RGB as JPEG in the sampling of the output.
    fn subsampled(&self, pixels: PixelsRef<'_>) -> Result<Vec<u8>> {
        let Output { format, quality, .. } = self.output;
        match pixels {
            PixelsRef::Rgb(rgb) if format == OutputFormat::Jpeg => {
                let (width, height) = (rgb.width / 3, rgb.height);
                let rgb = rgb.to_plane();
                Ok(JpegEncoder::new()?.encode_rgb(
                    rgb.data(),
                    width,
                    height,
                    quality,
                    self.jpeg_sampling(),
                )?)
            }
            pixels => TileCoder::new(format, quality)?.encode(pixels),
        }
    }

    /// The tiles of L0 and L1 of a family.
    pub fn tiles(&self, id: FamilyId) -> impl Iterator<Item = TileId> + use<> {
        self.geometry.family_tiles(id, 0).chain(self.geometry.family_tiles(id, 1))
    }

    /// A stored tile in the output's format: its own bytes where they fit, else encoded again. It is decoded either way, so that a
    /// damaged tile is not passed on.
    ///
    /// # Errors
    /// Damaged bytes; an image of another size than the tile's.
    pub fn stored(&self, id: TileId, codec: CodecId, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let (codec, bytes, image) = stored_image(&self.geometry, id, codec, bytes)?;
        match codec {
            CodecId::Jpeg if !(self.passes(image.sampling) && self.colour.keeps(image.sampling)) => {
                self.recoded(&bytes)
            }
            _ => self.decoded(codec, bytes, image),
        }
    }

    /// An original tile of L0 in the output's format. Where its own bytes fit, only its header is checked: the archive's checksums
    /// cover the rest, and the encoder has decoded it. No profile is added to them. JPEG 2000, which few viewers show, is coded anew.
    ///
    /// # Errors
    /// A codec error; an image of another size than the tile's.
    pub fn original(&self, id: TileId, image: Foreign) -> Result<Vec<u8>> {
        if image.codec != CodecId::Jpeg {
            let size = tile_size(&self.geometry, id)?;
            return match self.output.grayscale {
                true => self.code(PixelsRef::Ycc(Ycc::gray(image.planes(size)?.luma).view())),
                false => self.scanned(image.pixels(size)?.view()),
            };
        }
        let jpeg = image.bytes;
        let header = foreign_header(&jpeg, tile_size(&self.geometry, id)?)?;
        let passes =
            self.passes(header.sampling.unwrap_or(Sampling::S444)) && self.colour.mode() != Icc::Srgb;
        if passes { Ok(jpeg) } else { self.recoded(&jpeg) }
    }

    /// Whether a JPEG of this sampling is an output tile as it is.
    fn passes(&self, sampling: Sampling) -> bool {
        let Output { format, grayscale, .. } = self.output;
        format == OutputFormat::Jpeg && (!grayscale || sampling == Sampling::Gray)
    }

    /// A JPEG of the source's in the output's format, with the pixels that libjpeg gives.
    fn recoded(&self, jpeg: &[u8]) -> Result<Vec<u8>> {
        if self.output.grayscale {
            return self.code(PixelsRef::Ycc(Ycc::gray(decode_foreign(jpeg, None)?.luma).view()));
        }
        self.code(foreign_pixels(jpeg, None)?.view())
    }

    /// A tile of L1, downsampled from the original tiles of L0 below it, in the output's format.
    ///
    /// # Errors
    /// A codec error; an image of another size than its tile's.
    pub fn halved(&self, coding: &Coding, below: &[(TileId, Foreign)]) -> Result<Vec<u8>> {
        let decode = |(tile, image): &(TileId, Foreign)| {
            let size = tile_size(&self.geometry, *tile)?;
            let image = span!("decode").run(|| image.planes(size))?;
            Ok((((tile.x % 2) as usize, (tile.y % 2) as usize), image))
        };
        let tiles = below.iter().map(decode).collect::<Result<Vec<_>>>()?;
        let side = self.geometry.tile() as usize;
        let sampling = self.want().sampling();
        let span = span!("kernel", origami.backend = "cpu", origami.part = true);
        let image = span.run(|| l1_from_l0(coding, &self.taps, side, tiles, sampling));
        self.code(PixelsRef::Ycc(image.view()))
    }

    /// The L2 tile of a predicted family, or a stored tile that is no JPEG, in the output's format. Its chroma is raised as the
    /// prediction raises it.
    ///
    /// # Errors
    /// A codec error.
    pub fn decoded(&self, codec: CodecId, bytes: Vec<u8>, image: Ycc) -> Result<Vec<u8>> {
        if self.passes(image.sampling) && self.colour.keeps(image.sampling) {
            let (width, height) = (image.luma.width(), image.luma.height());
            let shape = Shape { width, height, sampling: Some(image.sampling) };
            if let Some(jpeg) = jpeg_in(codec, bytes, shape)? {
                image.give_back();
                return Ok(self.colour.tag(self.output.format, jpeg));
            }
        }
        let image = match self.output.grayscale {
            true => Ycc::gray(image.luma),
            false => upsample_to_444(image, self.filter, &self.taps),
        };
        self.code(PixelsRef::Ycc(image.view()))
    }
}

/// A stored tile without the entropy coder that repacked it, and its pixels: codec, bytes, image.
///
/// # Errors
/// Damaged bytes; an image of another size than the tile's.
pub fn stored_image(
    geometry: &Geometry,
    id: TileId,
    codec: CodecId,
    bytes: Vec<u8>,
) -> Result<(CodecId, Vec<u8>, Ycc)> {
    let (width, height) = tile_size(geometry, id)?;
    span!("decode").run(|| {
        let (codec, bytes) = unpacked(codec, bytes, width, height)?;
        let image = match codec {
            CodecId::Jpeg => decode_foreign(&bytes, Some((width, height)))?,
            _ => decoder(codec)?.decode(&bytes, Shape { width, height, sampling: None })?,
        };
        Ok((codec, bytes, image))
    })
}

/// The pixels of a stored tile: of a JPEG those that libjpeg gives, of other codecs planes in 4:4:4 or gray.
///
/// # Errors
/// As [`stored_image`].
pub fn stored_pixels(
    geometry: &Geometry,
    id: TileId,
    codec: CodecId,
    bytes: Vec<u8>,
    filter: Filter,
    taps: &TapCache,
) -> Result<Pixels> {
    match stored_image(geometry, id, codec, bytes)? {
        (CodecId::Jpeg, jpeg, _) => Ok(foreign_pixels(&jpeg, None)?),
        (_, _, image) => Ok(Pixels::Ycc(upsample_to_444(image, filter, taps))),
    }
}

//! Pixels of a tree: families in planes, tiles of the small levels, tiles for comparison.
//!
//! JPEG samples are taken from the decoder's own planes. Chroma stays subsampled where the tiles lie on its grid; else the
//! normative kernel upsamples it to 4:4:4 before the overlap is cropped.

use super::Tree;
use crate::codec::{
    self, CodecId, EncoderKind, ImageRole, JpegColor, JpegDecoder, OpenedJpeg, decode_png, foreign_pixels,
    icc_bytes, png_header, without_extras,
};
use crate::image::family::{Pixels, PixelsRef, SourceFamily};
use crate::image::geometry::{FamilyId, Rect, TileId};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::resample::{Scratch, resample, upsample_to_444};
use crate::kernels::taps::{Axis, Filter};
use crate::params::EncodeParams;
use crate::pyramid::error::Error;
use crate::pyramid::error::Result;

/// The first bytes of a PNG.
const PNG: &[u8] = b"\x89PNG";

/// A tile file whose header is read, which decides the chroma sampling of its family.
enum OpenTile<'a> {
    Jpeg(OpenedJpeg<'a>),
    /// Decoded pixels of a JPEG in RGB, a PNG or a missing tile.
    Planes(Ycc),
}

impl OpenTile<'_> {
    fn sampling(&self) -> Sampling {
        match self {
            OpenTile::Jpeg(jpeg) => jpeg.header().sampling.unwrap_or(Sampling::S444),
            OpenTile::Planes(image) => image.sampling,
        }
    }
}

impl Tree {
    /// A family's L0, in planes.
    ///
    /// # Errors
    /// A tile that is missing, damaged or of another size than the descriptor says.
    pub fn family(&self, id: FamilyId, filter: Filter) -> Result<SourceFamily> {
        let rect = self.geometry().family_rect(id);
        let tiles: Vec<TileId> = self.geometry().family_tiles(id, 0).collect();
        drop(self.will_read(tiles.iter().copied()));
        let bytes = tiles.iter().map(|&tile| self.read(tile)).collect::<Result<Vec<_>>>()?;
        let opened = tiles
            .iter()
            .zip(&bytes)
            .map(|(&tile, b)| self.open_tile(tile, b.as_deref()))
            .collect::<Result<Vec<_>>>()?;
        let sampling = self.common_sampling(&opened);
        let mut image = Ycc::spare(sampling, rect.width as usize, rect.height as usize);
        for (&tile, open) in tiles.iter().zip(opened) {
            let interior = self.interior(tile);
            let tile_rect = self.geometry().tile_rect(tile).unwrap_or(interior);
            let place = ((tile_rect.x - rect.x) as usize, (tile_rect.y - rect.y) as usize);
            let pixels = match open {
                OpenTile::Jpeg(jpeg) if jpeg.header().sampling == Some(sampling) && self.is_exact(tile) => {
                    jpeg.planes_at(&mut image, place).map_err(|e| self.tile_error(tile, e))?;
                    continue;
                }
                OpenTile::Jpeg(jpeg) => jpeg.planes().map_err(|e| self.tile_error(tile, e))?,
                OpenTile::Planes(pixels) => pixels,
            };
            let fits = [sampling, Sampling::Gray].contains(&pixels.sampling);
            let pixels = if fits { pixels } else { upsample_to_444(pixels, filter, &self.taps) };
            paste(&mut image, place, &pixels, interior);
        }
        let tile_bytes = bytes.iter().map(|b| b.as_ref().map_or(0, |b| b.len() as u64)).collect();
        Ok(SourceFamily { id, tile: self.geometry().tile() as usize, image: Pixels::Ycc(image), tile_bytes })
    }

    /// A tile of a small level as a bundle stores it: the source's bytes where they are a baseline JPEG without overlap,
    /// else its pixels, encoded again. A tile of a level without tiles is made from finer ones.
    ///
    /// # Errors
    /// As [`Self::family`].
    pub fn stored_tile(&self, id: TileId, params: &EncodeParams) -> Result<(CodecId, Vec<u8>)> {
        if self.absent_levels().contains(&id.level) {
            return self.coded(self.made_pixels(id)?.into_ycc(), params);
        }
        self.stored_file(id, self.read(id)?, params)
    }

    /// As [`Self::stored_tile`], of what the tile's file holds; `None` for a missing one, which is background.
    ///
    /// # Errors
    /// As [`Self::family`].
    pub fn stored_file(
        &self,
        id: TileId,
        bytes: Option<Vec<u8>>,
        params: &EncodeParams,
    ) -> Result<(CodecId, Vec<u8>)> {
        if self.is_original(id, params) {
            let original = self.checked_original(id, bytes)?;
            return Ok((CodecId::Jpeg, if self.is_exact(id) { original } else { self.cut(id, &original)? }));
        }
        let open = self.open_tile(id, bytes.as_deref())?;
        let image = match open {
            OpenTile::Jpeg(jpeg) => {
                let baseline = jpeg.header().baseline;
                // Always decoded: a damaged tile must not go into an archive.
                let image = jpeg.planes().map_err(|e| self.tile_error(id, e))?;
                if let (true, true, Some(bytes)) = (baseline, self.is_exact(id), bytes) {
                    // L0 is coded anew and loses what its files hold besides pixels, so these do as well.
                    let is_own = |profile: &[u8]| self.icc.as_deref() == Some(profile);
                    return Ok((CodecId::Jpeg, without_extras(bytes, is_own)));
                }
                image
            }
            OpenTile::Planes(image) => image,
        };
        self.coded(self.interior_444(id, image, params.upsample_filter), params)
    }

    /// Gray or 4:4:4 pixels, coded as L2 is coded.
    fn coded(&self, mut tile: Ycc, params: &EncodeParams) -> Result<(CodecId, Vec<u8>)> {
        let sampling = params.coding().baseline_subsamp.sampling();
        if let (Some(planes), Sampling::S420) = (&tile.chroma, sampling) {
            tile.chroma = Some(planes.each_ref().map(|plane| self.halve(params.downsample_filter, plane)));
            tile.sampling = sampling;
        }
        let mut encoder = EncoderKind::Turbojpeg.encoder(ImageRole::Baseline)?;
        Ok((encoder.codec(), encoder.encode(tile.view(), params.base_quality.into())?))
    }

    /// A tile's pixels without overlap: those that libjpeg gives of a JPEG, those of the file of a PNG. For the comparison of trees.
    ///
    /// # Errors
    /// As [`Self::family`].
    pub fn tile_pixels(&self, id: TileId) -> Result<Pixels> {
        let fail = |e: codec::Error| self.tile_error(id, e);
        let (width, height) = self.file_size(id);
        let interior = self.interior(id);
        let bytes = self.read(id)?;
        let Some(bytes) = bytes else {
            let (width, height) = (interior.width as usize, interior.height as usize);
            return Ok(Pixels::Ycc(Ycc::gray(Plane::filled(width, height, 255))));
        };
        let pixels = match bytes.starts_with(PNG) {
            true => self.png(id, &bytes)?,
            false => foreign_pixels(&bytes, Some((width, height))).map_err(fail)?,
        };
        let [x, y, w, h] = [interior.x, interior.y, interior.width, interior.height].map(|n| n as usize);
        if (w, h) == (width, height) {
            return Ok(pixels);
        }
        Ok(match pixels.view().part(x, y, w, h) {
            PixelsRef::Rgb(rgb) => Pixels::Rgb(rgb.to_plane()),
            PixelsRef::Ycc(planes) => Pixels::Ycc(Ycc::gray(planes.luma.to_plane())),
        })
    }

    /// The pixels of a PNG tile of the size that the descriptor gives it.
    fn png(&self, id: TileId, bytes: &[u8]) -> Result<Pixels> {
        let (width, height) = self.file_size(id);
        let pixels = decode_png(bytes, width * height).map_err(|e| self.tile_error(id, e))?;
        if (pixels.width, pixels.height) != (width, height) {
            return Err(self.wrong_size(id, (pixels.width, pixels.height)));
        }
        Ok(match pixels.channels {
            1 => Pixels::Ycc(Ycc::gray(Plane::from_vec(width, height, pixels.data))),
            _ => Pixels::Rgb(Plane::from_vec(3 * width, height, pixels.data)),
        })
    }

    fn wrong_size(&self, id: TileId, (w, h): (usize, usize)) -> Error {
        let (width, height) = self.file_size(id);
        let says = format!("the tile is {w}x{h}, but {} makes it {width}x{height}", self.path().display());
        Error::tile(&self.tile_place(id), id, format!("{says}; restore the one that is wrong"))
    }

    /// Decodes a tile and drops its pixels: the bytes of its file.
    ///
    /// # Errors
    /// As [`Self::family`]; a file with the name of the other format.
    pub fn check_tile(&self, id: TileId) -> Result<u64> {
        let bytes = self.read(id)?;
        if bytes.as_ref().is_some_and(|bytes| bytes.starts_with(PNG) == self.is_jpeg()) {
            let problem = format!("the file is no {}, which its name says", self.extension);
            return Err(self.tile_error(id, problem));
        }
        if let OpenTile::Jpeg(jpeg) = self.open_tile(id, bytes.as_deref())? {
            jpeg.planes().map_err(|e| self.tile_error(id, e))?;
        }
        Ok(bytes.map_or(0, |bytes| bytes.len() as u64))
    }

    /// What its tiles hold and is not read, in sentences: by the first tile of L0, which stands for all.
    pub(super) fn unread_of_tiles(&self) -> Vec<String> {
        let first = TileId { level: self.geometry().top_level(), x: 0, y: 0 };
        // What cannot be read is an error where it is.
        let Ok(bytes) = self.tile_bytes(first) else { return Vec::new() };
        let (bits, icc_bytes) = match bytes.starts_with(PNG) {
            true => png_header(&bytes).map_or((8, 0), |header| (header.bits, header.icc_bytes)),
            false => (8, icc_bytes(&bytes)),
        };
        let mut said = Vec::new();
        if icc_bytes > 0 && self.icc.is_none() {
            said.push(format!(
                "its tiles hold a colour profile of {icc_bytes} bytes, and none lies beside the tree, so the slide is taken to have none; \
                 a tree that is made of the slide by `origami pyramid` has it beside"
            ));
        }
        if bits > 8 {
            said.push(format!(
                "its tiles have {bits} bits a sample; 0 to {} were read as black to white; the slide that it was made of can be read \
                 through another window",
                (1u32 << bits) - 1
            ));
        }
        said
    }

    /// A tile without its overlap, chroma upsampled to 4:4:4.
    fn interior_444(&self, id: TileId, image: Ycc, filter: Filter) -> Ycc {
        let interior = self.interior(id);
        let full = upsample_to_444(image, filter, &self.taps);
        let cropped = |plane: &Plane| crop(plane, interior, (1, 1)).to_plane();
        let chroma = full.chroma.as_ref().map(|planes| planes.each_ref().map(cropped));
        Ycc { luma: cropped(&full.luma), chroma, sampling: full.sampling }
    }

    /// Reads the header of a tile file and checks its size; a PNG and a JPEG in RGB are decoded. `None` is background.
    fn open_tile<'a>(&self, id: TileId, bytes: Option<&'a [u8]>) -> Result<OpenTile<'a>> {
        let fail = |e: codec::Error| self.tile_error(id, e);
        let (width, height) = self.file_size(id);
        let Some(bytes) = bytes else {
            return Ok(OpenTile::Planes(Ycc::gray(Plane::filled(width, height, 255))));
        };
        // By its content: files with the name of the other format are read, as viewers do.
        if bytes.starts_with(PNG) {
            return Ok(OpenTile::Planes(self.png(id, bytes)?.into_ycc()));
        }
        let jpeg = JpegDecoder::open(bytes).map_err(fail)?;
        let header = jpeg.header();
        if (header.width, header.height) != (width, height) {
            return Err(self.wrong_size(id, (header.width, header.height)));
        }
        match (header.color, header.sampling) {
            (JpegColor::Gray | JpegColor::Ycc, Some(_)) => Ok(OpenTile::Jpeg(jpeg)),
            _ => {
                let rgb = Plane::from_vec(3 * width, height, jpeg.rgb().map_err(fail)?);
                Ok(OpenTile::Planes(Ycc::from_rgb(rgb.view())))
            }
        }
    }

    /// The chroma sampling of a family: that of its tiles where all agree and lie on its grid, else 4:4:4; gray where all
    /// tiles are gray.
    fn common_sampling(&self, tiles: &[OpenTile<'_>]) -> Sampling {
        let mut colour = tiles.iter().map(OpenTile::sampling).filter(|&s| s != Sampling::Gray);
        let Some(first) = colour.next() else { return Sampling::Gray };
        let (fx, fy) = first.factors();
        let on_grid = |f: usize| {
            f <= 2
                && (self.descriptor().tile as usize).is_multiple_of(f)
                && (self.descriptor().overlap as usize).is_multiple_of(f)
        };
        if colour.all(|s| s == first) && on_grid(fx) && on_grid(fy) { first } else { Sampling::S444 }
    }

    /// The part of a tile's file without overlap.
    pub(super) fn interior(&self, id: TileId) -> Rect {
        let tile = self.geometry().tile_rect(id).unwrap_or(Rect { x: 0, y: 0, width: 1, height: 1 });
        let inset = |i: u32| if i > 0 { self.descriptor().overlap } else { 0 };
        Rect { x: inset(id.x), y: inset(id.y), width: tile.width, height: tile.height }
    }

    fn halve(&self, filter: Filter, plane: &Plane) -> Plane {
        let axis = |in_len| self.taps.get(Axis::Down { filter, in_len, factor: 2 });
        let mut out = Plane::default();
        resample(
            plane.view(),
            &axis(plane.width()),
            &axis(plane.height()),
            &mut out,
            &mut Scratch::default(),
        );
        out
    }
}

/// The part of a plane in `part`, which counts pixels of luma; `(fx, fy)` are the plane's subsampling factors.
fn crop(plane: &Plane, part: Rect, (fx, fy): (usize, usize)) -> PlaneRef<'_> {
    let (x, y) = (part.x as usize / fx, part.y as usize / fy);
    plane.view().part(x, y, (part.width as usize).div_ceil(fx), (part.height as usize).div_ceil(fy))
}

/// Copies the part of a tile in `interior` to a place of an image. A gray tile, or one of the sampling of the image.
fn paste(image: &mut Ycc, (x, y): (usize, usize), tile: &Ycc, interior: Rect) {
    image.luma.paste(x, y, crop(&tile.luma, interior, (1, 1)));
    let factors = image.sampling.factors();
    let (x, y) = (x / factors.0, y / factors.1);
    for (index, to) in image.chroma.iter_mut().flatten().enumerate() {
        match &tile.chroma {
            Some(planes) => to.paste(x, y, crop(&planes[index], interior, factors)),
            None => {
                let (width, height) =
                    image.sampling.chroma_size(interior.width as usize, interior.height as usize);
                (y..y + height).for_each(|row| to.row_mut(row)[x..x + width].fill(128));
            }
        }
    }
}

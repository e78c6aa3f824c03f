//! A Deep Zoom tree on disk, read: any tile size and overlap, JPEG or PNG, gray or colour, any chroma sampling.
//!
//! Hands out families (L0 in planes) and tiles of the small levels. JPEG samples are taken from the decoder's own planes;
//! chroma stays subsampled where the tiles lie on its grid, else it is raised to 4:4:4 by the normative kernel and cropped.

mod find;
mod originals;

use std::fs;
use std::path::{Path, PathBuf};

use super::SlideFacts;
use super::dzi::Descriptor;
use crate::codec::{self, CodecId, EncoderKind, JpegColor, JpegDecoder, OpenedJpeg, Use, decode_png};
use crate::image::family::{Pixels, SourceFamily};
use crate::image::geometry::{FamilyId, Geometry, Rect, TileId};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::resample::{Scratch, resample};
use crate::kernels::taps::{Axis, Filter, TapCache};
use crate::output::tile::upsample_to_444;
use crate::params::EncodeParams;
use crate::pyramid::error::{Error, Result};
use find::{find_descriptor, list_tiles, read_descriptor, read_facts, stem};

/// Most missing tiles that an error names.
const NAMED_TILES: usize = 5;

/// What to do about tiles that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Missing {
    /// An error that names them.
    #[default]
    Refuse,
    /// White.
    Background,
}

/// A tree on disk.
pub struct Tree {
    dzi: PathBuf,
    files: PathBuf,
    descriptor: Descriptor,
    geometry: Geometry,
    facts: SlideFacts,
    icc: Option<Vec<u8>>,
    missing: Missing,
    absent: u64,
    taps: TapCache,
}

/// One tile file, opened: enough is known to decide how its family is laid out.
enum OpenTile<'a> {
    Jpeg(OpenedJpeg<'a>),
    /// Decoded: a JPEG in RGB, a PNG, or background.
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
    /// Opens a tree of which only the small levels will be read: tiles of L0 may be missing.
    ///
    /// # Errors
    /// As [`Self::open`] with [`Missing::Refuse`].
    pub fn open_small_levels(path: &Path) -> Result<Self> {
        Self::open_levels(path, Missing::Refuse, false)
    }

    /// Opens a tree by its `.dzi`, by the directory that holds it, or by its `_files`.
    ///
    /// # Errors
    /// No descriptor, several of them, or one that lies; missing tiles unless `missing` fills them.
    pub fn open(path: &Path, missing: Missing) -> Result<Self> {
        Self::open_levels(path, missing, true)
    }

    fn open_levels(path: &Path, missing: Missing, with_l0: bool) -> Result<Self> {
        let dzi = find_descriptor(path)?;
        let text = read_descriptor(&dzi)?;
        let descriptor = Descriptor::parse(&dzi, &text)?;
        let geometry = Geometry::new(descriptor.width, descriptor.height, descriptor.tile)
            .map_err(|e| Error::input(&dzi, e.to_string()))?;
        let files = dzi.with_file_name(format!("{}_files", stem(&dzi)));
        if !files.is_dir() {
            return Err(Error::input(
                &dzi,
                format!("its tiles should be in {}, which is not there", files.display()),
            ));
        }
        let finer = geometry.top_level() + 1;
        if files.join(finer.to_string()).is_dir() {
            let (w, h) = (geometry.width(), geometry.height());
            let problem = format!("{w}x{h} has no level {finer}, but {} has one", files.display());
            return Err(Error::input(&dzi, format!("{problem}; the descriptor is wrong")));
        }
        let (facts, icc) = read_facts(&dzi)?;
        let mut tree = Self {
            dzi,
            files,
            descriptor,
            geometry,
            facts,
            icc,
            missing,
            absent: 0,
            taps: TapCache::default(),
        };
        tree.find_absent(with_l0)?;
        Ok(tree)
    }

    /// The descriptor's path.
    pub fn path(&self) -> &Path {
        &self.dzi
    }
    /// What the `.dzi` says.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
    /// Slide and tile size.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    /// What the sidecar says; empty where there is none.
    pub fn facts(&self) -> &SlideFacts {
        &self.facts
    }
    /// The colour profile beside the tree.
    pub fn icc_profile(&self) -> Option<&[u8]> {
        self.icc.as_deref()
    }
    /// Tiles that are missing and will be background.
    pub fn absent(&self) -> u64 {
        self.absent
    }

    /// The file of a tile.
    pub fn tile_path(&self, id: TileId) -> PathBuf {
        self.files.join(id.level.to_string()).join(format!("{}_{}.{}", id.x, id.y, self.descriptor.format))
    }

    /// Bytes of all tile files of all levels; files that are not there count nothing.
    ///
    /// # Errors
    /// A file that is there and cannot be looked at.
    pub fn total_bytes(&self) -> Result<u64> {
        let mut total = 0;
        for level in 0..=self.geometry.top_level() {
            let (cols, rows) = self.geometry.tiles(level);
            for id in (0..rows).flat_map(|y| (0..cols).map(move |x| TileId { level, x, y })) {
                let path = self.tile_path(id);
                match fs::metadata(&path) {
                    Ok(found) => total += found.len(),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                    Err(e) => return Err(Error::io("read", &path)(e)),
                }
            }
        }
        Ok(total)
    }

    /// A family's L0, in planes.
    ///
    /// # Errors
    /// A tile that is missing, damaged or of another size than the descriptor says.
    pub fn family(&self, id: FamilyId, raise_filter: Filter) -> Result<SourceFamily> {
        let rect = self.geometry.family_rect(id);
        let tiles: Vec<TileId> = self.geometry.family_tiles(id, 0).collect();
        let bytes = tiles.iter().map(|&tile| self.read(tile)).collect::<Result<Vec<_>>>()?;
        let opened = tiles
            .iter()
            .zip(&bytes)
            .map(|(&tile, b)| self.open_tile(tile, b.as_deref()))
            .collect::<Result<Vec<_>>>()?;
        let sampling = self.common_sampling(&opened);
        let (width, height) = (rect.width as usize, rect.height as usize);
        let mut luma = Plane::new(width, height);
        let (cw, ch) = sampling.chroma_size(width, height);
        let mut chroma =
            (sampling != Sampling::Gray).then(|| [Plane::filled(cw, ch, 128), Plane::filled(cw, ch, 128)]);
        for (&tile, open) in tiles.iter().zip(opened) {
            let image = match open {
                OpenTile::Jpeg(jpeg) => jpeg.planes().map_err(|e| self.tile_error(tile, e))?,
                OpenTile::Planes(image) => image,
            };
            let part = self.core(tile);
            let at = self.geometry.tile_rect(tile).unwrap_or(part);
            let (x, y) = ((at.x - rect.x) as usize, (at.y - rect.y) as usize);
            luma.paste(x, y, crop(&image.luma, part, (1, 1)));
            let image = if image.sampling == sampling {
                image
            } else {
                upsample_to_444(image, raise_filter, &self.taps)
            };
            let (Some(to), Some(from)) = (chroma.as_mut(), &image.chroma) else { continue };
            let (fx, fy) = sampling.factors();
            for (to, from) in to.iter_mut().zip(from) {
                to.paste(x / fx, y / fy, crop(from, part, (fx, fy)));
            }
        }
        let tile_bytes = bytes.iter().map(|b| b.as_ref().map_or(0, |b| b.len() as u64)).collect();
        let image = Pixels::Ycc(Ycc { luma, chroma, sampling });
        Ok(SourceFamily { id, tile: self.geometry.tile() as usize, image, tile_bytes })
    }

    /// A tile of a small level as a bundle stores it: the source's bytes where they are what we would write, else recut
    /// from its pixels.
    ///
    /// # Errors
    /// As [`Self::family`].
    pub fn stored_tile(&self, id: TileId, params: &EncodeParams) -> Result<(CodecId, Vec<u8>)> {
        if params.originals && self.is_jpeg() && self.descriptor.overlap == 0 {
            return Ok((CodecId::Jpeg, self.original(id)?));
        }
        let bytes = self.read(id)?;
        let open = self.open_tile(id, bytes.as_deref())?;
        let image = match open {
            OpenTile::Jpeg(jpeg) => {
                let baseline = jpeg.header().baseline;
                // Decoded either way: a damaged tile must not be carried into an archive.
                let image = jpeg.planes().map_err(|e| self.tile_error(id, e))?;
                if let (true, 0, Some(bytes)) = (baseline, self.descriptor.overlap, bytes) {
                    return Ok((CodecId::Jpeg, bytes));
                }
                image
            }
            OpenTile::Planes(image) => image,
        };
        let mut cut = self.own_444(id, image, params.upsample_filter);
        let sampling = params.coding().baseline_subsamp.sampling();
        if let (Some(planes), Sampling::S420) = (&cut.chroma, sampling) {
            cut.chroma = Some(planes.each_ref().map(|plane| self.halve(params.downsample_filter, plane)));
            cut.sampling = sampling;
        }
        let mut encoder = EncoderKind::Turbojpeg.encoder(Use::Baseline)?;
        Ok((encoder.codec(), encoder.encode(cut.view(), params.base_quality.into())?))
    }

    /// A tile's pixels without overlap, in planes, chroma at 4:4:4: for comparing trees.
    ///
    /// # Errors
    /// As [`Self::family`].
    pub fn tile_444(&self, id: TileId) -> Result<Ycc> {
        let bytes = self.read(id)?;
        let image = match self.open_tile(id, bytes.as_deref())? {
            OpenTile::Jpeg(jpeg) => jpeg.planes().map_err(|e| self.tile_error(id, e))?,
            OpenTile::Planes(image) => image,
        };
        Ok(self.own_444(id, image, Filter::Lanczos3))
    }

    /// A tile's own part, without overlap, chroma raised to 4:4:4.
    fn own_444(&self, id: TileId, image: Ycc, filter: Filter) -> Ycc {
        let part = self.core(id);
        let full = upsample_to_444(image, filter, &self.taps);
        let own = |plane: &Plane| crop(plane, part, (1, 1)).to_plane();
        let chroma = full.chroma.as_ref().map(|planes| planes.each_ref().map(own));
        Ycc { luma: own(&full.luma), chroma, sampling: full.sampling }
    }

    /// The bytes of a tile, `None` where it is to be background.
    fn read(&self, id: TileId) -> Result<Option<Vec<u8>>> {
        let path = self.tile_path(id);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && self.missing == Missing::Background => {
                Ok(None)
            }
            Err(e) => Err(Error::io("read", &path)(e)),
        }
    }

    fn tile_error(&self, id: TileId, problem: impl std::fmt::Display) -> Error {
        Error::tile(&self.tile_path(id), id, problem.to_string())
    }

    fn open_tile<'a>(&self, id: TileId, bytes: Option<&'a [u8]>) -> Result<OpenTile<'a>> {
        let fail = |e: codec::Error| self.tile_error(id, e);
        let (width, height) = self.file_size(id);
        let Some(bytes) = bytes else {
            return Ok(OpenTile::Planes(Ycc::gray(Plane::filled(width, height, 255))));
        };
        let wrong_size = |w: usize, h: usize| {
            let says = format!("the tile is {w}x{h}, but {} makes it {width}x{height}", self.dzi.display());
            Err(self.tile_error(id, format!("{says}; the descriptor or the tile is wrong")))
        };
        if self.descriptor.format.eq_ignore_ascii_case("png") {
            let pixels = decode_png(bytes, width * height).map_err(fail)?;
            if (pixels.width, pixels.height) != (width, height) {
                return wrong_size(pixels.width, pixels.height);
            }
            return Ok(OpenTile::Planes(match pixels.channels {
                1 => Ycc::gray(Plane::from_vec(width, height, pixels.data)),
                _ => Ycc::from_rgb(Plane::from_vec(3 * width, height, pixels.data).view()),
            }));
        }
        let jpeg = JpegDecoder::open(bytes).map_err(fail)?;
        let header = jpeg.header();
        if (header.width, header.height) != (width, height) {
            return wrong_size(header.width, header.height);
        }
        match (header.color, header.sampling) {
            (JpegColor::Gray | JpegColor::Ycc, Some(_)) => Ok(OpenTile::Jpeg(jpeg)),
            _ => {
                let rgb = Plane::from_vec(3 * width, height, jpeg.rgb().map_err(fail)?);
                Ok(OpenTile::Planes(Ycc::from_rgb(rgb.view())))
            }
        }
    }

    /// One sampling for a family: that of its tiles where they agree and lie on its grid, else 4:4:4; gray if all are.
    fn common_sampling(&self, tiles: &[OpenTile<'_>]) -> Sampling {
        let mut colour = tiles.iter().map(OpenTile::sampling).filter(|&s| s != Sampling::Gray);
        let Some(first) = colour.next() else { return Sampling::Gray };
        let (fx, fy) = first.factors();
        let on_grid = |f: usize| {
            f <= 2
                && (self.descriptor.tile as usize).is_multiple_of(f)
                && (self.descriptor.overlap as usize).is_multiple_of(f)
        };
        if colour.all(|s| s == first) && on_grid(fx) && on_grid(fy) { first } else { Sampling::S444 }
    }

    /// Size of a tile's file in pixels, overlap included.
    fn file_size(&self, id: TileId) -> (usize, usize) {
        let (w, h) = self.geometry.level_size(id.level);
        let side = |i: u32, n: u32| {
            let (tile, overlap) = (u64::from(self.descriptor.tile), u64::from(self.descriptor.overlap));
            let start = (u64::from(i) * tile).saturating_sub(if i > 0 { overlap } else { 0 });
            let end = (u64::from(i + 1) * tile + overlap).min(u64::from(n));
            (end - start) as usize
        };
        (side(id.x, w), side(id.y, h))
    }

    /// The part of a tile's file that is its own, without overlap.
    fn core(&self, id: TileId) -> Rect {
        let own = self.geometry.tile_rect(id).unwrap_or(Rect { x: 0, y: 0, width: 1, height: 1 });
        let inset = |i: u32| if i > 0 { self.descriptor.overlap } else { 0 };
        Rect { x: inset(id.x), y: inset(id.y), width: own.width, height: own.height }
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

    /// Lists the levels that are read (L0 and the small ones) and notes which tiles are not there.
    fn find_absent(&mut self, with_l0: bool) -> Result<()> {
        let mut levels: Vec<u32> = self.geometry.stored_levels().collect();
        if with_l0 && self.geometry.l2().is_some() {
            levels.push(self.geometry.top_level());
        }
        let (absent, named) = self.absent_of(&levels)?;
        if absent > 0 && self.missing == Missing::Refuse {
            let problem = self.absent_text(absent, &named);
            let problem = format!("{problem}; restore them, or encode with --missing background");
            return Err(Error::input(&self.dzi, problem));
        }
        self.absent = absent;
        Ok(())
    }

    /// How many tiles of some levels are not there, and the first of them.
    fn absent_of(&self, levels: &[u32]) -> Result<(u64, Vec<TileId>)> {
        // A descriptor may claim a billion tiles: they are counted, and only those that will be named are listed.
        let (mut absent, mut named) = (0u64, Vec::new());
        for &level in levels {
            let present = list_tiles(&self.files.join(level.to_string()), &self.descriptor.format)?;
            let (cols, rows) = self.geometry.tiles(level);
            let all = (0..rows).flat_map(|y| (0..cols).map(move |x| (x, y)));
            let here = present.iter().filter(|&&(x, y)| x < cols && y < rows).count() as u64;
            let missing = u64::from(cols) * u64::from(rows) - here;
            absent += missing;
            let missing = missing.min(NAMED_TILES.saturating_sub(named.len()) as u64) as usize;
            let gone = all.filter(|at| !present.contains(at)).map(|(x, y)| TileId { level, x, y });
            named.extend(gone.take(missing));
        }
        Ok((absent, named))
    }

    fn absent_text(&self, absent: u64, named: &[TileId]) -> String {
        let names: Vec<String> = named.iter().map(|id| format!("{id}.{}", self.descriptor.format)).collect();
        let more = if absent > NAMED_TILES as u64 { ", ..." } else { "" };
        format!("{absent} tile(s) missing in {}: {}{more}", self.files.display(), names.join(", "))
    }
}

fn crop(plane: &Plane, part: Rect, (fx, fy): (usize, usize)) -> PlaneRef<'_> {
    let (x, y) = (part.x as usize / fx, part.y as usize / fy);
    plane.view().part(x, y, (part.width as usize).div_ceil(fx), (part.height as usize).div_ceil(fy))
}

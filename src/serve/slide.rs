//! One slide as the server has it: its archive, its tree, and what each of its tiles is made of.
//!
//! Knows files and geometry; caches and HTTP are elsewhere.

mod originals;

use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use super::ServeOptions;
use crate::archive::{BUNDLE_NAME, FamilyRecord, Kind};
use crate::decode::Input;
use crate::error::{Error, Result};
use crate::image::family::{DecodedFamily, PayloadKind};
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::kernels::sharpen::Strength;
use crate::output::render::{Output, Renderer};
use crate::params::{Coding, EncodeParams};
use crate::pyramid::dzi::Descriptor;
use crate::pyramid::tree::Tree;
use crate::residual::FamilyDecoder;

/// Where a slide's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name in addresses.
    pub name: String,
    /// A bundle, or a directory of packs.
    pub archive: Option<PathBuf>,
    /// The descriptor of its tree.
    pub tree: Option<PathBuf>,
    /// Why it cannot be served, where that is known from its files' names alone.
    pub refused: Option<String>,
    /// Changes when one of the files does: length, time and file number of each.
    pub stamp: Stamp,
}

/// What a tile is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// L0 or L1, from the family that has it.
    Family(FamilyId),
    /// L0 as its source has it, or L1 made of four of those: from their payloads of the family alone.
    Original(FamilyId),
    /// L2, from the baseline of its family.
    Baseline(FamilyId),
    /// A small level, from the archive.
    Archived,
    /// The tree.
    Tree,
}

/// An open slide.
pub struct Slide {
    /// Its name in addresses.
    pub name: String,
    /// Slide and tile size.
    pub geometry: Geometry,
    /// Hash of all that its tiles depend on: what is stored, and how it is sent.
    pub identity: u128,
    /// The same of the tree's own tiles, `None` without a tree.
    pub original: Option<u128>,
    /// Changes when anything of it does; for what is made of many tiles.
    pub version: u128,
    /// What an operator should know of it.
    pub warning: Option<String>,
    input: Option<Input>,
    tree: Option<Tree>,
    coding: Option<Coding>,
    families: HashSet<FamilyId>,
    renderer: Renderer,
    prefer_tree: bool,
    /// Of the files that a listing does not look at; see [`Self::has_changed`].
    inner_stamp: Stamp,
}

/// Length, time and file number of files; zeros for one that is not there.
pub type Stamp = Vec<(u64, u64, u64)>;

/// Of the files at `paths`.
pub fn stamp<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Stamp {
    let of = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        let nanos =
            found.mtime().cast_unsigned().wrapping_mul(1_000_000_000) + found.mtime_nsec().cast_unsigned();
        Some((found.len(), nanos, found.ino()))
    };
    paths.into_iter().map(|path| of(path).unwrap_or_default()).collect()
}

impl Slide {
    /// Opens archive and tree.
    ///
    /// # Errors
    /// Damage; an archive and a tree of different slides; flags that contradict the record.
    pub fn open(found: &Found, options: &ServeOptions) -> Result<Self> {
        if let Some(reason) = &found.refused {
            return Err(Error::Usage(reason.clone()));
        }
        let input = match &found.archive {
            Some(path) if path.is_dir() => Some(Input::packs(path)?),
            Some(path) => Some(Input::file(path, Kind::Bundle)?),
            None => None,
        };
        let tree = found.tree.as_deref().map(Tree::open_small_levels).transpose()?;
        let geometry = match (&input, &tree) {
            (Some(input), _) => *input.geometry(),
            (None, Some(tree)) => *tree.geometry(),
            (None, None) => return Err(Error::Usage(format!("{}: no archive and no tree", found.name))),
        };
        let fits = tree.as_ref().is_some_and(|tree| same_tiling(tree.geometry(), &geometry));
        if let (Some(tree), Some(_), false) = (&tree, &input, fits) {
            let (a, b) = (tree.geometry(), &geometry);
            let shape = |g: &Geometry| format!("{}x{} in tiles of {}", g.width(), g.height(), g.tile());
            let problem =
                format!("it is {}, its archive {}; they are not the same slide", shape(a), shape(b));
            return Err(Error::input(tree.path(), problem));
        }
        // Before anything is read from them: what changes meanwhile shows at the next look.
        let inner_stamp = inner_stamp(input.as_ref(), tree.as_ref());
        let (coding, warning) = match &input {
            Some(input) => {
                let (coding, warning) = coding_of(input, options)?;
                (Some(coding), warning)
            }
            None => (None, None),
        };
        let output = Output {
            format: options.format,
            quality: options.quality,
            sampling: options.sampling,
            grayscale: options.grayscale,
        };
        let filter = coding.as_ref().map_or(EncodeParams::default().upsample_filter, |c| c.upsample_filter);
        let mut slide = Self {
            name: found.name.clone(),
            geometry,
            identity: 0,
            original: None,
            version: 0,
            warning,
            families: input.iter().flat_map(Input::families).collect(),
            renderer: Renderer::new(geometry, filter, output)?,
            prefer_tree: options.prefer_original && fits,
            inner_stamp,
            input,
            tree,
            coding,
        };
        slide.identity = slide.hash(found, &output);
        // A tree has no content hash. The archive's stamp is in it too: its record says how overlapping tiles are cut.
        let stamps = (&found.stamp, &slide.inner_stamp);
        let of_tree = format!("original 1 {output:?} {:?} {stamps:?} {geometry:?}", found.tree);
        slide.original = slide.tree.as_ref().map(|_| xxh3_128(of_tree.as_bytes()));
        // Where the archive is whole, the tree has no part in what is sent.
        let gaps = slide.input.as_ref().is_none_or(|input| {
            slide.prefer_tree
                || input.is_directory()
                || (slide.families.len() as u64) < geometry.family_count()
        });
        slide.version = match slide.original.filter(|_| gaps) {
            Some(original) => xxh3_128(format!("{:x} {original:x}", slide.identity).as_bytes()),
            None => slide.identity,
        };
        Ok(slide)
    }

    fn hash(&self, found: &Found, output: &Output) -> u128 {
        let mut text = format!("1 {output:?} {:?} {} {:?}", self.coding, self.prefer_tree, self.geometry);
        match &self.input {
            // The same on every machine that has a copy of the file.
            Some(input) if !self.prefer_tree => {
                let _ = write!(text, " {} {:?}", input.meta().content, input.meta().coding);
            }
            // A tree has no hash of its contents.
            _ => {
                let _ = write!(text, " {} {:?} {:?}", found.name, found.stamp, self.inner_stamp);
            }
        }
        xxh3_128(text.as_bytes())
    }

    /// Whether files have changed that a listing does not look at: the directories of a tree's levels, the first of many packs.
    pub fn has_changed(&self) -> bool {
        inner_stamp(self.input.as_ref(), self.tree.as_ref()) != self.inner_stamp
    }

    /// What a tile is made from, and the hash of all that it depends on; `None` where the slide has no such tile.
    pub fn source(&self, tile: TileId) -> Option<(Origin, u128)> {
        let origin = self.origin(tile)?;
        // A tile of the tree is the tree's, also where it fills a gap of an archive, which says nothing of it.
        Some((origin, if origin == Origin::Tree { self.original? } else { self.identity }))
    }

    /// What the archive says of the slide.
    pub fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }
    /// Whether any of its tiles are made from families: a slide of fewer than three levels has none, its tiles are stored.
    pub fn reconstructs(&self) -> bool {
        self.input.is_some() && !self.prefer_tree && self.geometry.l2().is_some()
    }
    /// How its families are decoded.
    pub fn coding(&self) -> Option<&Coding> {
        self.coding.as_ref()
    }
    /// What makes its tiles.
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// Micrometres a pixel of L0, both ways.
    pub fn microns_per_pixel(&self) -> Option<(f64, f64)> {
        let recorded = self.input.as_ref().and_then(|input| input.meta().microns_per_pixel);
        recorded.or_else(|| self.tree.as_ref().and_then(|tree| tree.metadata().microns_per_pixel))
    }

    /// Magnification of the objective.
    pub fn objective_power(&self) -> Option<f64> {
        let recorded = self.input.as_ref().and_then(|input| input.meta().objective_power);
        recorded.or_else(|| self.tree.as_ref().and_then(|tree| tree.metadata().objective_power))
    }

    /// The `.dzi` of what is sent: overlap 0, and the format that it has.
    pub fn descriptor(&self, format: &str) -> Descriptor {
        Descriptor {
            width: self.geometry.width(),
            height: self.geometry.height(),
            tile: self.geometry.tile(),
            overlap: 0,
            format: format.into(),
        }
    }

    /// What a tile is made from; `None` where the slide has no such tile.
    fn origin(&self, tile: TileId) -> Option<Origin> {
        self.geometry.tile_rect(tile)?;
        let (Some(input), false) = (&self.input, self.prefer_tree) else { return Some(Origin::Tree) };
        if let Some(id) = self.geometry.family_of(tile) {
            let baseline = Some(tile.level) == self.geometry.l2();
            return match self.families.contains(&id) {
                true if baseline => Some(Origin::Baseline(id)),
                true if self.keeps_originals() => Some(Origin::Original(id)),
                true => Some(Origin::Family(id)),
                // An archive of part of a slide, or packs of some families.
                false => self.tree.is_some().then_some(Origin::Tree),
            };
        }
        match input.archive().find_tile(tile) {
            Some(_) => Some(Origin::Archived),
            None => self.tree.is_some().then_some(Origin::Tree),
        }
    }

    /// Whether its archive has a family from which tiles are made.
    pub fn has_family(&self, id: FamilyId) -> bool {
        self.reconstructs() && self.families.contains(&id)
    }

    /// Whether its families hold the source's own tiles.
    pub fn keeps_originals(&self) -> bool {
        self.coding.as_ref().is_some_and(|coding| coding.originals)
    }

    /// Reads a family.
    ///
    /// # Errors
    /// Damage.
    pub fn read(&self, id: FamilyId) -> Result<FamilyRecord> {
        self.archive()?.0.read(id)
    }

    /// Decodes the payloads of a family to planes, in the memory of `family`: of the residual at least the rows `rows`. Which those
    /// are comes back; the others are for [`Self::decode_rest`].
    ///
    /// # Errors
    /// Damage.
    pub fn decode(
        &self,
        id: FamilyId,
        record: &FamilyRecord,
        rows: Range<usize>,
        family: &mut DecodedFamily,
    ) -> Result<Range<usize>> {
        let (input, coding) = self.archive()?;
        FamilyDecoder { geometry: &self.geometry, coding, id, record }
            .decode_rows(rows, family)
            .map_err(|e| Error::input(&input.path(id), e.to_string()))
    }

    /// What [`Self::decode`] has left of a residual, of which it gave the rows `done`.
    ///
    /// # Errors
    /// Damage.
    pub fn decode_rest(
        &self,
        id: FamilyId,
        record: &FamilyRecord,
        done: &Range<usize>,
        family: &mut DecodedFamily,
    ) -> Result<()> {
        let (input, coding) = self.archive()?;
        FamilyDecoder { geometry: &self.geometry, coding, id, record }
            .decode_rest(done, family)
            .map_err(|e| Error::input(&input.path(id), e.to_string()))
    }

    fn archive(&self) -> Result<(&Input, &Coding)> {
        self.input
            .as_ref()
            .zip(self.coding.as_ref())
            .ok_or_else(|| Error::Usage(format!("{}: no archive", self.name)))
    }

    /// A tile that no family makes, in the output's format.
    ///
    /// # Errors
    /// Damage.
    pub fn stored(&self, tile: TileId, origin: Origin) -> Result<Vec<u8>> {
        let (codec, bytes) = match (origin, &self.input, &self.tree) {
            (Origin::Baseline(id), Some(input), _) => {
                let Some(payload) = input.read_payloads(id, &[PayloadKind::Baseline])?.pop() else {
                    return Err(Error::input(&input.path(id), format!("family {id} has no baseline")));
                };
                (payload.codec, payload.bytes)
            }
            (Origin::Archived, Some(input), _) => {
                let Some(entry) = input.archive().find_tile(tile) else {
                    return Err(Error::tile(input.archive().path(), tile, "it is not in the archive"));
                };
                (entry.codec, input.archive().read_tile(entry)?)
            }
            (_, input, Some(tree)) => {
                let recut = input.as_ref().map(|input| input.meta().encode.clone());
                tree.stored_tile(tile, &recut.unwrap_or_default())?
            }
            _ => return Err(Error::Usage(format!("{}: tile {tile} comes from nowhere", self.name))),
        };
        Ok(self.renderer.stored(tile, codec, bytes)?)
    }
}

fn inner_stamp(input: Option<&Input>, tree: Option<&Tree>) -> Stamp {
    let pack = input.filter(|input| input.is_directory()).map(|input| input.archive().path());
    let levels = tree.into_iter().flat_map(|tree| {
        let top = tree.geometry().top_level();
        (0..=top)
            .filter_map(|level| Some(tree.tile_path(TileId { level, x: 0, y: 0 }).parent()?.to_path_buf()))
    });
    let levels: Vec<_> = levels.collect();
    stamp(pack.into_iter().chain(levels.iter().map(PathBuf::as_path)))
}

fn same_tiling(a: &Geometry, b: &Geometry) -> bool {
    (a.width(), a.height(), a.tile()) == (b.width(), b.height(), b.tile())
}

/// What the archive records, with the server's own sharpening where it records none.
fn coding_of(input: &Input, options: &ServeOptions) -> Result<(Coding, Option<String>)> {
    let (mut coding, path) = (input.meta().coding.clone(), input.archive().path());
    let sharpen = if coding.originals { 0.0 } else { options.sharpen };
    if let Some(filter) = options.upsample_filter.filter(|&f| f != coding.upsample_filter) {
        let (given, recorded) = (filter.name(), coding.upsample_filter.name());
        let problem = format!("--upsample-filter {given} contradicts the archive, which records {recorded}");
        return Err(Error::input(path, problem));
    }
    let Some(strength) = Strength::new(sharpen) else { return Ok((coding, None)) };
    if coding.sharpen_q8 != 0 || input.meta().encode.save_sharpened {
        return Ok((coding, None));
    }
    coding.sharpen_q8 = strength.q8();
    let warning =
        "--sharpen acts on an archive that was made without: its tiles are no longer what its encoder saw";
    Ok((coding, Some(warning.into())))
}

/// The files of a directory; none where there is no such directory.
///
/// # Errors
/// A system that does not let it be read now.
pub fn list(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(e) if matches!(e.kind(), NotFound | NotADirectory) => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Whether a directory of a slide holds files of the scheme that came before archives.
pub fn has_loose_residuals(dir: &Path) -> std::io::Result<bool> {
    let is_image = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "jpg" || e == "jpeg" || e == "png" || e == "webp")
    };
    let here = list(dir)?;
    if here.iter().any(is_image) {
        return Ok(true);
    }
    for below in here.iter().filter(|path| path.is_dir()) {
        if list(below)?.iter().any(is_image) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The archive in a directory: a bundle, else packs.
pub fn archive_in(dir: &Path) -> std::io::Result<Option<PathBuf>> {
    let bundle = dir.join(BUNDLE_NAME);
    if bundle.is_file() {
        return Ok(Some(bundle));
    }
    let packs = list(dir)?.iter().any(|path| path.extension().is_some_and(|e| e == "pack"));
    Ok(packs.then(|| dir.to_path_buf()))
}

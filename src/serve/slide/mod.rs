//! One open slide: its archive, its tree, and the source of each of its tiles.
//!
//! Knows files and geometry, no caches and no HTTP.

mod colours;
mod cut;
mod families;
mod originals;
mod samples;
mod scan;
mod source;

use std::collections::HashSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use self::colours::Colours;
pub use self::samples::Samples;
pub use self::scan::Readers;
use self::scan::Scan;
use self::source::Source;
use super::discovery::{SlideFiles, Stamp, stamp};
use super::options::{ServeOptions, SlideOptions};
use crate::archive::Kind;
use crate::codec::CodecId;
use crate::decode::Input;
use crate::error::{Error, Refusal, Result, ServedFault};
use crate::image::family::PayloadKind;
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::kernels::sharpen::Strength;
use crate::output::render::{Output, Renderer, stored_image};
use crate::params::{Coding, EncodeParams};
use crate::pyramid::dzi::Descriptor;
use crate::pyramid::tree::Tree;
use crate::{residual, store};

/// What a tile is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileSource {
    /// L0 or L1: reconstructed with its family.
    Family(FamilyId),
    /// L0 as in the source slide, or L1 downsampled from four of these: made of single payloads of a family.
    Original(FamilyId),
    /// L2: the baseline of its family.
    Baseline(FamilyId),
    /// A level above L2, stored in the archive.
    Archived,
    /// The slide's tree.
    Tree,
    /// The pixels of a scanned slide.
    Scan,
    /// The tiles of the next finer level: neither tree nor scanned slide has this one.
    Finer,
}

/// An open slide.
pub struct Slide {
    /// The slide's name in addresses.
    pub name: String,
    /// Slide and tile size.
    pub geometry: Geometry,
    /// Hash of everything that its tiles depend on: what is stored, and the output options.
    pub identity: u128,
    /// The same for the tree's own tiles; `None` without a tree.
    tree_identity: Option<u128>,
    /// Changes when any of its tiles does; for images made of many tiles.
    pub version: u128,
    /// A warning for operators and users.
    pub warning: Option<String>,
    input: Option<Input>,
    tree: Option<Tree>,
    /// What the archive was made of; only without a tree.
    source: Option<Source>,
    /// The slide itself, where there is neither archive nor tree.
    scan: Option<Scan>,
    coding: Option<Coding>,
    families: HashSet<FamilyId>,
    renderer: Renderer,
    colours: Colours,
    prefer_tree: bool,
    /// Stamp of the files that a listing does not check; see [`Self::has_changed`].
    inner_stamp: Stamp,
}

impl Slide {
    /// Opens archive and tree, or the scanned slide.
    ///
    /// # Errors
    /// Damage; an archive and a tree of different slides; options that contradict the archive; a scanned slide that cannot be read.
    pub fn open(files: &SlideFiles, options: &ServeOptions, readers: &Arc<Readers>) -> Result<Self> {
        if files.loose_residuals {
            return Err(Error::served(&files.name, ServedFault::LooseResiduals));
        }
        // The listing has seen the version that is there now.
        files.archive.iter().for_each(|path| store::forget(path));
        let input = match &files.archive {
            Some(path) if path.is_dir() => Some(Input::packs(path)?),
            Some(path) => Some(Input::file(path, Kind::Bundle)?),
            None => None,
        };
        let tree = files.tree.as_deref().map(Tree::open_incomplete).transpose()?;
        let raw = files.source.as_deref().filter(|_| files.is_raw());
        let (scan, size) = raw.map(|path| Scan::open(path, readers.clone())).transpose()?.unzip();
        let geometry = match (&input, &tree, size) {
            (Some(input), ..) => *input.geometry(),
            (None, Some(tree), _) => *tree.geometry(),
            (None, None, Some(geometry)) => geometry,
            (None, None, None) => return Err(Error::served(&files.name, ServedFault::NoFiles)),
        };
        let fits = tree.as_ref().is_some_and(|tree| same_tiling(tree.geometry(), &geometry));
        if let (Some(tree), Some(_), false) = (&tree, &input, fits) {
            let (a, b) = (tree.geometry(), &geometry);
            let shape = |g: &Geometry| format!("{}x{} in tiles of {}", g.width(), g.height(), g.tile());
            let problem =
                format!("it is {}, its archive {}; they are not the same slide", shape(a), shape(b));
            return Err(Error::input(tree.path(), problem));
        }
        // Taken before the files are read, so that a change in between is noticed at the next listing.
        let inner_stamp = inner_stamp(input.as_ref(), tree.as_ref());
        let (coding, warning) = match &input {
            Some(input) => {
                let (coding, warning) = coding_of(input, &options.slides)?;
                (Some(coding), warning)
            }
            None => (None, scan.as_ref().and_then(Scan::warning)),
        };
        let output = options.output;
        let profile = input.as_ref().map(|input| input.archive().icc_profile()).transpose()?.flatten();
        let of_tree = || tree.as_ref().and_then(|tree| tree.icc_profile().map(<[u8]>::to_vec));
        let profile = profile.or_else(of_tree).or_else(|| scan.as_ref()?.info.icc_profile.clone());
        let as_stored = coding.as_ref().is_some_and(|coding| coding.originals);
        let colours = Colours::new(profile, options.icc, output.format, as_stored);
        let filter = coding.as_ref().map_or(EncodeParams::default().upsample_filter, |c| c.upsample_filter);
        let mut slide = Self {
            name: files.name.clone(),
            geometry,
            identity: 0,
            tree_identity: None,
            version: 0,
            warning,
            families: input.iter().flat_map(Input::families).collect(),
            renderer: Renderer::new(geometry, filter, output)?.with_colour(colours.of_tiles().clone()),
            colours,
            prefer_tree: options.slides.prefer_original && fits,
            inner_stamp,
            source: files.source.as_deref().filter(|_| tree.is_none()).and_then(|path| {
                Source::find(path, input.as_ref()?.meta().source.identity.as_deref(), readers.clone())
            }),
            scan,
            input,
            tree,
            coding,
        };
        slide.identity = slide.hash(files, &output);
        // A tree has no hash of its contents. The stamps include the archive's: its record says how overlapping tiles are cut.
        let stamps = (&files.stamp, &slide.inner_stamp);
        let key = slide.colours.key();
        let of_tree = format!("original 1 {output:?} {:?} {stamps:?} {geometry:?}{key}", files.tree);
        slide.tree_identity = slide.tree.as_ref().map(|_| xxh3_128(of_tree.as_bytes()));
        // No tile of a complete archive comes from the tree.
        let uses_tree = slide.input.as_ref().is_none_or(|input| {
            slide.prefer_tree
                || input.is_directory()
                || (slide.families.len() as u64) < geometry.family_count()
        });
        slide.version = match slide.tree_identity.filter(|_| uses_tree) {
            Some(original) => xxh3_128(format!("{:x} {original:x}", slide.identity).as_bytes()),
            None => slide.identity,
        };
        Ok(slide)
    }

    /// See [`Self::identity`].
    fn hash(&self, files: &SlideFiles, output: &Output) -> u128 {
        let mut text = format!("1 {output:?} {:?} {} {:?}", self.coding, self.prefer_tree, self.geometry);
        match &self.input {
            // Equal on every machine that has a copy of the file.
            Some(input) if !self.prefer_tree => {
                let _ = write!(text, " {} {:?}", input.meta().content, input.meta().coding);
            }
            // A tree has no hash of its contents.
            _ => {
                let _ = write!(text, " {} {:?} {:?}", files.name, files.stamp, self.inner_stamp);
            }
        }
        text += &self.colours.key();
        xxh3_128(text.as_bytes())
    }

    /// The colour profile, and what is done for it.
    pub fn colours(&self) -> &Colours {
        &self.colours
    }

    /// Hash of everything that the tiles of its original depend on; `None` for a slide that has neither a tree nor its source.
    pub fn original_identity(&self) -> Option<u128> {
        let of = |source: &Source| format!("source 1 {} {:x}", source.identity(), self.identity);
        self.tree_identity.or_else(|| self.source.as_ref().map(|source| xxh3_128(of(source).as_bytes())))
    }

    /// The key of reduced pixels, which do not depend on how tiles are coded; see `tiles::finer`.
    pub fn reduced_identity(&self) -> u128 {
        xxh3_128(format!("reduced 1 {:x}", self.version).as_bytes())
    }

    /// Whether files have changed that a listing does not check: the directories of a tree's levels, the first of many packs.
    pub fn has_changed(&self) -> bool {
        inner_stamp(self.input.as_ref(), self.tree.as_ref()) != self.inner_stamp
    }

    /// The source of a tile, and the hash of everything that the tile depends on; `None` if the slide has no such tile.
    pub fn source(&self, tile: TileId) -> Option<(TileSource, u128)> {
        let source = self.source_of(tile)?;
        let identity = match source {
            // A tile that fills a gap of the archive depends on the tree alone.
            TileSource::Tree => self.tree_identity?,
            TileSource::Finer => self.version,
            _ => self.identity,
        };
        Some((source, identity))
    }

    /// Whether it has been encoded or cut into tiles: neither is true of a scanned slide that is served as it is.
    pub fn is_encoded(&self) -> bool {
        self.scan.is_none()
    }

    /// Whether it has a tree of its own.
    pub fn has_tree(&self) -> bool {
        self.tree.is_some()
    }
    /// The archive.
    pub fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }
    /// Whether any of its tiles are reconstructed. A slide of fewer than three levels has no families; its tiles are stored.
    pub fn reconstructs(&self) -> bool {
        self.input.is_some() && !self.prefer_tree && self.geometry.l2().is_some()
    }
    /// How its families are coded.
    pub fn coding(&self) -> Option<&Coding> {
        self.coding.as_ref()
    }
    /// The renderer of its tiles.
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// Micrometres per pixel of L0, in x and y.
    pub fn microns_per_pixel(&self) -> Option<(f64, f64)> {
        let recorded = self.input.as_ref().and_then(|input| input.meta().microns_per_pixel);
        let of_tree = || self.tree.as_ref().and_then(|tree| tree.metadata().microns_per_pixel);
        recorded.or_else(of_tree).or_else(|| self.scan.as_ref()?.info.microns_per_pixel)
    }

    /// Magnification of the objective.
    pub fn objective_power(&self) -> Option<f64> {
        let recorded = self.input.as_ref().and_then(|input| input.meta().objective_power);
        let of_tree = || self.tree.as_ref().and_then(|tree| tree.metadata().objective_power);
        recorded.or_else(of_tree).or_else(|| self.scan.as_ref()?.info.objective_power)
    }

    /// The Deep Zoom descriptor of the served tiles: overlap 0, and their `format`.
    pub fn descriptor(&self, format: &str) -> Descriptor {
        Descriptor {
            width: self.geometry.width(),
            height: self.geometry.height(),
            tile: self.geometry.tile(),
            overlap: 0,
            format: format.into(),
        }
    }

    fn source_of(&self, tile: TileId) -> Option<TileSource> {
        self.geometry.tile_rect(tile)?;
        if let Some(scan) = &self.scan {
            let has = scan.has_level(self.geometry.top_level() - tile.level);
            return Some(if has { TileSource::Scan } else { TileSource::Finer });
        }
        let lacks = self.tree.as_ref().is_some_and(|tree| tree.absent_levels().contains(&tile.level));
        let of_tree = if lacks { TileSource::Finer } else { TileSource::Tree };
        let (Some(input), false) = (&self.input, self.prefer_tree) else { return Some(of_tree) };
        if let Some(id) = self.geometry.family_of(tile) {
            let baseline = Some(tile.level) == self.geometry.l2();
            return match self.families.contains(&id) {
                true if baseline => Some(TileSource::Baseline(id)),
                true if self.keeps_originals() => Some(TileSource::Original(id)),
                true => Some(TileSource::Family(id)),
                // An incomplete archive.
                false => self.tree.is_some().then_some(of_tree),
            };
        }
        match input.archive().find_tile(tile) {
            Some(_) => Some(TileSource::Archived),
            None => self.tree.is_some().then_some(of_tree),
        }
    }

    /// Whether tiles are reconstructed from this family.
    pub fn has_family(&self, id: FamilyId) -> bool {
        self.reconstructs() && self.families.contains(&id)
    }

    /// Whether its families hold the source slide's own tiles.
    pub fn keeps_originals(&self) -> bool {
        self.coding.as_ref().is_some_and(|coding| coding.originals)
    }

    /// A stored tile in the output's format.
    ///
    /// # Errors
    /// Damage.
    pub fn stored(&self, tile: TileId, source: TileSource) -> Result<Vec<u8>> {
        let (codec, bytes) = self.stored_bytes(tile, source)?;
        if matches!(source, TileSource::Baseline(_)) && !self.keeps_originals() {
            let (codec, bytes, image) = stored_image(&self.geometry, tile, codec, bytes)?;
            return Ok(self.renderer.decoded(codec, bytes, image)?);
        }
        Ok(self.renderer.stored(tile, codec, bytes)?)
    }

    /// A stored tile as it is stored.
    fn stored_bytes(&self, tile: TileId, source: TileSource) -> Result<(CodecId, Vec<u8>)> {
        match (source, &self.input, &self.tree) {
            (TileSource::Baseline(id), Some(input), _) => {
                let Some(payload) = input.read_payloads(id, &[PayloadKind::Baseline])?.pop() else {
                    let (what, problem) = (format!("family {id}"), "it has no baseline".into());
                    return Err(Error::stored_family(&input.path(id), id)(residual::Error::Payload {
                        what,
                        problem,
                    }));
                };
                Ok((payload.codec, payload.bytes))
            }
            (TileSource::Archived, Some(input), _) => {
                let Some(entry) = input.archive().find_tile(tile) else {
                    let path = input.archive().path().to_path_buf();
                    return Err(Error::TileNotStored { path, tile });
                };
                Ok((entry.codec, input.archive().read_tile(entry)?))
            }
            (TileSource::Tree, input, Some(tree)) => {
                let recut = input.as_ref().map(|input| input.meta().encode.clone());
                Ok(tree.stored_tile(tile, &recut.unwrap_or_default())?)
            }
            _ => Err(Error::served(&self.name, ServedFault::NoSource(tile))),
        }
    }
}

/// The stamp of [`Slide::has_changed`].
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

/// The archive's parameters, with the server's sharpening if they have none; and a warning if that was added.
fn coding_of(input: &Input, options: &SlideOptions) -> Result<(Coding, Option<String>)> {
    let (mut coding, path) = (input.meta().coding.clone(), input.archive().path());
    let sharpen = if coding.originals { 0.0 } else { options.sharpen };
    if let Some(given) = options.upsample_filter.filter(|&f| f != coding.upsample_filter) {
        let recorded = coding.upsample_filter;
        return Err(Error::refused(path, Refusal::UpsampleFilter { given, recorded }));
    }
    let Some(strength) = Strength::new(sharpen) else { return Ok((coding, None)) };
    if coding.sharpen_q8 != 0 || input.meta().encode.save_sharpened {
        return Ok((coding, None));
    }
    coding.sharpen_q8 = strength.q8();
    let warning =
        "sharpening acts on an archive that was made without: its tiles are no longer what its encoder saw";
    Ok((coding, Some(warning.into())))
}

//! One open slide: its archive, its tree, and the source of each of its tiles.
//!
//! Knows files and geometry, no caches and no HTTP.

mod associated;
mod colours;
mod cost;
mod cut;
mod families;
mod instances;
mod open;
mod originals;
mod parts;
mod pixels;
mod planes;
mod profiles;
mod reader;
mod scan;
mod source;
mod tree_file;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use xxhash_rust::xxh3::xxh3_128;

use self::colours::Colours;
pub use self::open::Watch;
#[cfg(feature = "jobs")]
pub use self::parts::outside;
pub use self::pixels::SlidePixels;
pub use self::planes::Planes;
pub use self::reader::Readers;
use self::scan::Scan;
use self::source::Source;
pub use self::tree_file::TreeFile;
use super::bounds::Bounds;
use super::discovery::{Stamp, is_index};
use super::reads::SlideReads;
use super::view::{merged, query};
use crate::codec::CodecId;
use crate::decode::Input;
use crate::error::{Error, Result, ServedFault};
use crate::image::family::PayloadKind;
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::output::render::{Renderer, stored_image};
use crate::params::{Coding, EncodeParams};
use crate::pyramid::dzi::Descriptor;
use crate::pyramid::identity::Identity;
use crate::pyramid::tree::Tree;
use crate::residual;
use crate::slide::Selection;

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
    /// The pixels of the slide that the archive was made of; a tile of the original.
    Cut,
    /// The tiles of the next finer level: neither tree nor scanned slide has this one.
    Finer,
}

/// An open slide.
pub struct Slide {
    /// The slide's name in addresses.
    pub name: String,
    /// The file or directory that stands for it.
    pub path: PathBuf,
    /// Slide and tile size.
    pub geometry: Geometry,
    /// Hash of everything that its tiles depend on: what is stored, and the output options.
    pub identity: u128,
    /// The same for the tree's own tiles, but for what their files hold; `None` without a tree.
    tree_identity: Option<u128>,
    /// Whether some of its tiles are files of a tree on a local disk, which may change one by one.
    has_loose_tiles: bool,
    /// Changes when any of its tiles does; for images made of many tiles.
    pub version: u128,
    /// A warning for operators and users.
    pub warning: Option<String>,
    input: Option<Arc<Input>>,
    tree: Option<Tree>,
    /// What the archive was made of; only without a tree.
    source: Option<Source>,
    /// The slide itself, where there is neither archive nor tree.
    scan: Option<Scan>,
    /// See [`SlideFiles::raw_bytes`](super::discovery::SlideFiles::raw_bytes).
    scan_bytes: Option<u64>,
    /// The identity of its file, once somebody asked.
    file_identity: OnceLock<String>,
    coding: Option<Coding>,
    families: HashSet<FamilyId>,
    renderer: Renderer,
    colours: Colours,
    prefer_tree: bool,
    /// Stamp of the files that a listing does not check; see [`Self::watch`].
    inner_stamp: Stamp,
    /// Where the files of its tiles may lie.
    bounds: Bounds,
    /// See [`Self::own_bytes`].
    own_bytes: u64,
    /// What of it is read now, and of its views.
    reads: SlideReads,
}

impl Slide {
    /// What of it is read now, and of its views.
    pub fn reads(&self) -> &SlideReads {
        &self.reads
    }

    /// The same slide, whose reads are among these.
    pub fn reading(self, reads: SlideReads) -> Self {
        Self { reads, ..self }
    }

    /// The colour profile, and what is done for it.
    pub fn colours(&self) -> &Colours {
        &self.colours
    }

    /// Bytes that a view has besides its slide; 0 of the slide itself.
    pub fn own_bytes(&self) -> u64 {
        self.own_bytes
    }

    /// Hash of everything that the tiles of its original depend on; `None` for a slide that has neither a tree nor its source.
    pub fn original_identity(&self) -> Option<u128> {
        let of = |source: &Source| format!("source 1 {} {:x}", source.identity(), self.identity);
        self.tree_identity.or_else(|| self.source.as_ref().map(|source| xxh3_128(of(source).as_bytes())))
    }

    /// Whether [`Self::version`] stays where a tile changes: some are files of a tree on a local disk, which may be written anew one by one.
    pub fn has_loose_tiles(&self) -> bool {
        self.has_loose_tiles
    }

    /// As [`Self::source`], for a tile of the original.
    pub fn original_source(&self, tile: TileId) -> Option<(TileSource, u128)> {
        self.geometry.tile_rect(tile)?;
        match (self.tree_identity, self.original_identity()?) {
            (Some(tree), _) => Some((TileSource::Tree, tree)),
            (None, source) if self.is_cut(tile) => Some((TileSource::Cut, source)),
            (None, _) => self.source(tile),
        }
    }

    /// The key of reduced pixels, which do not depend on how tiles are coded; see `tiles::finer`.
    pub fn reduced_identity(&self) -> u128 {
        xxh3_128(format!("reduced 1 {:x}", self.version).as_bytes())
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

    /// What it has several of, and which of that is shown; `None` where there is nothing to choose.
    pub fn planes(&self) -> Option<(&Planes, &Selection)> {
        self.scan.as_ref().filter(|scan| scan.planes.are_several()).map(|scan| (&*scan.planes, &scan.view))
    }

    /// The query that asks for the view that is shown; empty where there is nothing to choose.
    pub fn view_query(&self) -> String {
        self.scan.as_ref().map(|scan| query(&scan.view)).unwrap_or_default()
    }

    /// The channels, planes and window that were encoded, where the slide had several and the archive says which.
    pub fn made_of(&self) -> Option<Selection> {
        let (_, view) = Identity::split(self.input()?.meta().source.identity.as_deref()?)?;
        (view != Selection::default()).then_some(view)
    }

    /// The view in which a request asks for it: what it leaves open is that of this one. `None` for this one itself.
    pub fn other_view(&self, asked: &Selection) -> Option<Selection> {
        let own = self.scan.as_ref().map(|scan| scan.view.clone()).unwrap_or_default();
        let view = merged(asked, &own);
        (view != own).then_some(view)
    }

    /// Whether it has been encoded or cut into tiles: neither is true of a scanned slide that is served as it is.
    pub fn is_encoded(&self) -> bool {
        self.scan.is_none()
    }

    /// The archive.
    pub fn input(&self) -> Option<&Input> {
        self.input.as_deref()
    }

    /// Bytes of the bundle, or of the scanned slide; `None` where they lie in many files.
    pub fn file_bytes(&self) -> Option<u64> {
        let bundle = self.input().filter(|input| !input.is_directory());
        bundle.map(|input| input.archive().file_bytes()).or(self.scan_bytes)
    }

    /// Bytes of the slide that the bundle was made of. `None` where that was a tree, or where most of them lay in files that its own file
    /// names.
    pub fn source_bytes(&self) -> Option<u64> {
        let source =
            Some(&self.input()?.meta().source).filter(|source| !is_index(Path::new(&source.name)))?;
        Identity::recorded_bytes(source.identity.as_deref()?)
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

    /// All that identifies what its pixels come from. Before and after an encode, or a decode to a tree, one of these is the same: the slide
    /// or the tree that an archive was made of, the slide that the tree was made of, and the contents of the archive. None for a tree that
    /// another program wrote. Reads of a scanned slide's file, the first time.
    pub fn sources(&self) -> Vec<String> {
        let source = self.input().map(|input| &input.meta().source);
        let of_file = self.scan.as_ref().and_then(|scan| {
            let known = || Identity::of_file(&scan.path).ok().map(|identity| identity.text);
            self.file_identity
                .get()
                .cloned()
                .or_else(|| known().map(|identity| self.file_identity.get_or_init(|| identity).clone()))
        });
        let all = [
            source.and_then(|source| source.identity.clone()),
            of_file,
            source.and_then(|source| source.origin.clone()),
            self.tree.as_ref().and_then(|tree| Some(tree.metadata().origin.as_ref()?.source.clone())),
            self.input().map(Input::content),
        ];
        let mut sources = Vec::new();
        for whole in all.into_iter().flatten() {
            // Without what was chosen of it.
            let file = Identity::split(&whole).map_or(whole.as_str(), |(file, _)| file).to_string();
            if !sources.contains(&file) {
                sources.push(file);
            }
        }
        sources
    }

    /// Magnification of the objective.
    pub fn objective_power(&self) -> Option<f64> {
        let recorded = self.input.as_ref().and_then(|input| input.meta().objective_power);
        let of_tree = || self.tree.as_ref().and_then(|tree| tree.metadata().objective_power);
        recorded.or_else(of_tree).or_else(|| self.scan.as_ref()?.info.objective_power)
    }

    /// Maker and model of the scanner.
    pub fn scanner(&self) -> Option<String> {
        let recorded = self.input.as_ref().and_then(|input| input.meta().scanner.clone());
        let of_tree = || self.tree.as_ref().and_then(|tree| tree.metadata().scanner.clone());
        recorded.or_else(of_tree).or_else(|| self.scan.as_ref()?.info.scanner.clone())
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

    /// A stored tile, of [`Self::stored_bytes`], in the output's format.
    ///
    /// # Errors
    /// Damage.
    pub fn stored(
        &self,
        tile: TileId,
        source: TileSource,
        (codec, bytes): (CodecId, Vec<u8>),
    ) -> Result<Vec<u8>> {
        if matches!(source, TileSource::Baseline(_)) && !self.keeps_originals() {
            let (codec, bytes, image) = stored_image(&self.geometry, tile, codec, bytes)?;
            return Ok(self.renderer.decoded(codec, bytes, image)?);
        }
        Ok(self.renderer.stored(tile, codec, bytes)?)
    }

    /// Waits until the bytes that a tile is made of have arrived from storage, without holding a thread. Those of whole families are
    /// waited for by [`Self::load`]; a fault is for the one who reads them.
    pub async fn arrives(&self, tile: TileId, source: TileSource) {
        match (source, &self.input, &self.tree) {
            (TileSource::Baseline(id), Some(input), _) => {
                input.payloads_arrive(id, &[PayloadKind::Baseline]).await;
            }
            (TileSource::Original(id), Some(input), _) => {
                input.payloads_arrive(id, &self.originals_of(tile)).await;
            }
            (TileSource::Archived, Some(input), _) => {
                if let Some(entry) = input.archive().find_tile(tile) {
                    input.archive().will_read_tile(entry).await;
                }
            }
            (TileSource::Tree, _, Some(tree)) => tree.will_read([tile]).await,
            _ => {}
        }
    }

    /// How tiles of its tree are cut where they overlap.
    fn recut(&self) -> EncodeParams {
        self.input.as_ref().map(|input| input.meta().encode.clone()).unwrap_or_default()
    }

    /// A stored tile as it is stored; of a tree, cut where its tiles overlap.
    ///
    /// # Errors
    /// Damage; a file that cannot be read.
    pub fn stored_bytes(&self, tile: TileId, source: TileSource) -> Result<(CodecId, Vec<u8>)> {
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
            (TileSource::Tree, _, Some(tree)) => Ok(tree.stored_tile(tile, &self.recut())?),
            _ => Err(Error::served(&self.name, ServedFault::NoSource(tile))),
        }
    }
}

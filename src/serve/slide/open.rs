//! Opens a slide: finds out what belongs together, and what its tiles depend on.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use xxhash_rust::xxh3::xxh3_128;

use super::Slide;
use super::colours::Colours;
use super::parts;
use super::reader::Readers;
use super::scan::Scan;
use super::source::Source;
use crate::archive::Kind;
use crate::decode::Input;
use crate::error::{Error, Refusal, Result, ServedFault};
use crate::image::geometry::Geometry;
use crate::kernels::sharpen::Strength;
use crate::output::render::{Output, Renderer};
use crate::params::{Coding, EncodeParams};
use crate::pyramid::tree::Tree;
use crate::serve::bounds::Bounds;
use crate::serve::discovery::{SlideFiles, Stamp, stamp};
use crate::serve::options::{ServeOptions, SlideOptions};
use crate::serve::reads::SlideReads;
use crate::slide::Selection;
use crate::store;

impl Slide {
    /// Opens archive and tree, or the scanned slide.
    ///
    /// # Errors
    /// Damage; an archive and a tree of different slides; options that contradict the archive; a scanned slide that cannot be read.
    pub fn open(files: &SlideFiles, options: &ServeOptions, readers: &Arc<Readers>) -> Result<Self> {
        if files.loose_residuals {
            return Err(Error::served(&files.name, ServedFault::LooseResiduals));
        }
        let bounds = bounds_of(files, options)?;
        let raw = files.source.as_deref().filter(|_| files.is_raw());
        // Before the files are read, as below.
        let beside = stamp(raw.map(parts::watched).unwrap_or_default().iter().map(PathBuf::as_path));
        // They may be of files that were replaced.
        files.source.iter().for_each(|path| readers.forget(path));
        let wanted = &options.slides.selection;
        let scan = raw.map(|path| Scan::open(path, wanted, readers.clone())).transpose()?;
        Self::with(files, options, readers, scan, bounds, beside)
    }

    /// Another view of the slide, which lies in `files`.
    ///
    /// # Errors
    /// A view that it does not have; as [`Self::open`].
    pub fn in_view(
        &self,
        view: &Selection,
        files: &SlideFiles,
        options: &ServeOptions,
        readers: &Arc<Readers>,
    ) -> Result<Self> {
        let scan = self.scan.as_ref().ok_or_else(|| Error::served(&self.name, ServedFault::NoView))?;
        let bounds = bounds_of(files, options)?;
        let scan = scan.in_view(view)?;
        let mut made = Self::with(files, options, readers, Some(scan), bounds, self.inner_stamp.clone())?;
        made.own_bytes = made.own_bytes_beside(self);
        Ok(made.reading(self.reads.clone()))
    }

    fn with(
        files: &SlideFiles,
        options: &ServeOptions,
        readers: &Arc<Readers>,
        scan: Option<(Scan, Geometry)>,
        bounds: Bounds,
        beside: Stamp,
    ) -> Result<Self> {
        // The listing has seen the version that is there now.
        files.archive.iter().for_each(|path| store::forget(path));
        let input = match &files.archive {
            Some(path) if path.is_dir() => Some(Input::packs(path)?),
            Some(path) => Some(Input::file(path, Kind::Bundle)?),
            None => None,
        };
        let tree = files.tree.as_deref().map(Tree::open_incomplete).transpose()?;
        let directories = tree.as_ref().map(Tree::directories).unwrap_or_default();
        if let Some(path) = directories.iter().find(|path| !bounds.hold(path)) {
            return Err(Error::served(&files.name, ServedFault::Outside(path.clone())));
        }
        let (scan, size) = scan.unzip();
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
        let inner_stamp = match &scan {
            Some(_) => beside,
            None => stamp(inner_paths(input.as_ref(), tree.as_ref()).iter().map(PathBuf::as_path)),
        };
        let (coding, warning) = match &input {
            Some(input) => {
                let (coding, warning) = coding_of(input, &options.slides)?;
                (Some(coding), warning)
            }
            None => (None, scan.as_ref().and_then(Scan::warning).or_else(|| warning_of(tree.as_ref()?))),
        };
        let output = options.output;
        let profile = input.as_ref().map(|input| input.archive().icc_profile()).transpose()?.flatten();
        let of_tree = || tree.as_ref().and_then(|tree| tree.icc_profile().map(<[u8]>::to_vec));
        let profile = profile.or_else(of_tree).map(|bytes| readers.profiles().of(bytes));
        let profile = profile.or_else(|| scan.as_ref()?.icc.clone());
        let as_stored = input.as_ref().map(Input::stores_jpegs).transpose()?.unwrap_or(false);
        let colours = Colours::new(profile.as_deref(), options.icc, output.format, as_stored);
        let filter = coding.as_ref().map_or(EncodeParams::default().upsample_filter, |c| c.upsample_filter);
        let mut slide = Self {
            name: files.name.clone(),
            path: files.path().into(),
            geometry,
            identity: 0,
            tree_identity: None,
            has_loose_tiles: false,
            version: 0,
            warning,
            families: input.iter().flat_map(Input::families).collect(),
            renderer: Renderer::new(geometry, filter, output)?.with_colour(colours.of_tiles().clone()),
            colours,
            prefer_tree: options.slides.prefer_original && fits,
            inner_stamp,
            bounds,
            own_bytes: 0,
            reads: SlideReads::new(options.limits.read_timeout),
            source: files.source.as_deref().filter(|_| tree.is_none()).and_then(|path| {
                Source::find(path, input.as_ref()?.meta().source.identity.as_deref(), readers.clone())
            }),
            scan,
            scan_bytes: files.raw_bytes(),
            file_identity: OnceLock::new(),
            input: input.map(Arc::new),
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
        slide.has_loose_tiles =
            uses_tree && (0..=geometry.top_level()).any(|level| slide.reads_files_of(level));
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
            // Equal on every machine that has a copy of the file. The hash was computed of what the bundle holds.
            Some(input) if !self.prefer_tree && !input.is_directory() => {
                let _ = write!(text, " {} {:?}", input.meta().content, input.meta().coding);
            }
            // A tree has no hash of its contents, and packs only say of themselves of which encode they are.
            _ => {
                let _ = write!(text, " {} {:?} {:?}", files.name, files.stamp, self.inner_stamp);
            }
        }
        // A slide without a choice keeps the hash that it had before there were views.
        let view = self.view_query();
        if !view.is_empty() {
            let _ = write!(text, " view {view}");
        }
        text += &self.colours.key();
        xxh3_128(text.as_bytes())
    }

    /// The files that a listing does not check: the directories of a tree's levels, the first of many packs, those that a scanned slide's own
    /// file names.
    pub fn watch(&self) -> Watch {
        let paths = match &self.scan {
            Some(scan) => parts::watched(&scan.path),
            None => inner_paths(self.input.as_deref(), self.tree.as_ref()),
        };
        Watch { paths, stamp: self.inner_stamp.clone() }
    }
}

/// Files of a slide that a listing does not check, as they were when it was opened.
pub struct Watch {
    paths: Vec<PathBuf>,
    stamp: Stamp,
}

impl Watch {
    /// Whether one of them has changed.
    pub fn has_changed(&self) -> bool {
        stamp(self.paths.iter().map(PathBuf::as_path)) != self.stamp
    }
}

/// What may be served, where all that the slide is read from is of it.
fn bounds_of(files: &SlideFiles, options: &ServeOptions) -> Result<Bounds> {
    let bounds = Bounds::new(&options.slides);
    let named = [&files.archive, &files.tree, &files.source].into_iter().flatten();
    match named.filter_map(|path| parts::outside(path, &bounds)).next() {
        Some(path) => Err(Error::served(&files.name, ServedFault::Outside(path))),
        None => Ok(bounds),
    }
}

/// See [`Slide::watch`].
fn inner_paths(input: Option<&Input>, tree: Option<&Tree>) -> Vec<PathBuf> {
    let pack = input.filter(|input| input.is_directory()).map(|input| input.archive().path().to_path_buf());
    pack.into_iter().chain(tree.map(Tree::directories).unwrap_or_default()).collect()
}

/// What was assumed of a tree.
fn warning_of(tree: &Tree) -> Option<String> {
    (!tree.notes().is_empty()).then(|| tree.notes().join("; "))
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

//! Decode: decode, predict, add, cut.
//!
//! [`FamilyDecoder`](crate::residual::FamilyDecoder) decodes the payloads of a family, a backend predicts and adds the residual; [`decode`] does both for every
//! family of an archive and writes a Deep Zoom tree. The module knows the order of steps, no pixel arithmetic.

mod cutter;
mod input;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::archive::Kind;
use crate::backend::Backend;
use crate::backend::scheduler::{Scheduler, family_bytes, tile_bytes};
use crate::error::{Error, Refusal, Result};
use crate::image::geometry::{FamilyId, Geometry, TileId};
use crate::kernels::taps::Filter;
use crate::output::icc::{Colour, Icc, Profile};
use crate::output::render::{Output, Renderer};
use crate::output::tile::OutputFormat;
use crate::pyramid::tree::{Missing, Tree};
use crate::pyramid::write::{Existing, TreeWriter};
use crate::pyramid::{Origin, SlideMetadata};

pub(crate) use cutter::Cutter;
pub use cutter::Timing;
pub use input::Input;

/// Name of the tree that [`decode`] writes, without extension.
pub const DECODED_NAME: &str = "decoded_pyramid";

/// How to decode.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// Format, quality and sampling of output tiles.
    pub output: Output,
    /// How tiles carry the slide's colour profile; `None` for the default of [`Colour`].
    pub icc: Option<Icc>,
    /// A tile size that the archive must agree with.
    pub tile: Option<u32>,
    /// A filter that the archive must agree with.
    pub upsample_filter: Option<Filter>,
    /// Most families to decode; `None` for all.
    pub max_parents: Option<u64>,
    /// Whether an earlier tree may be replaced.
    pub existing: Existing,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            output: Output::default(),
            icc: None,
            tile: None,
            upsample_filter: None,
            max_parents: None,
            existing: Existing::Keep,
        }
    }
}

impl DecodeOptions {
    /// The origin of the tree that is decoded of an archive.
    fn origin(&self, input: &Input) -> Origin {
        let Output { format, quality, sampling, grayscale } = self.output;
        let parameters = match format {
            OutputFormat::Png => "png".into(),
            OutputFormat::Webp => format!("webp, quality {quality}"),
            OutputFormat::Jpeg => format!("jpeg, quality {quality}, {sampling:?}"),
        };
        let grayscale = if grayscale { ", luma" } else { "" };
        let families = self.max_parents.map_or_else(String::new, |n| format!(", {n} families"));
        let icc = self.icc.map_or_else(String::new, |icc| format!(", icc {icc:?}"));
        Origin { source: input.content(), parameters: format!("{parameters}{grayscale}{families}{icc}") }
    }
}

/// Whether `out` holds the whole tree that [`decode`] would write there.
pub fn is_decoded(input: &Input, out: &Path, options: &DecodeOptions) -> bool {
    let tree = Tree::open(&out.join(format!("{DECODED_NAME}.dzi")), Missing::Refuse);
    tree.is_ok_and(|tree| tree.metadata().origin == Some(options.origin(input)))
}

/// What a decode wrote.
#[derive(Clone, Debug)]
pub struct DecodeReport {
    /// The descriptor.
    pub dzi: PathBuf,
    /// Families decoded.
    pub families: u64,
    /// Families of the slide that are not in the archive, or beyond the limit.
    pub left_out: u64,
    /// Bytes of all tiles written.
    pub tile_bytes: u64,
    /// Why the slide's colour profile, which is beside the tree, is not in the tiles, where it cannot be used.
    pub profile_problem: Option<String>,
}

/// Decodes an archive to `out/decoded_pyramid.dzi`.
///
/// The small levels come from the bundle, or from `tree` where the archive has none. `progress` is called after every family.
///
/// ```no_run
/// use std::path::Path;
///
/// use origami::archive::Kind;
/// use origami::backend::CpuBackend;
/// use origami::backend::scheduler::Scheduler;
/// use origami::decode::{DecodeOptions, Input, decode};
///
/// let bundle = Input::file(Path::new("out/residual_packs/residuals.bundle"), Kind::Bundle)?;
/// let (backend, scheduler, options) = (CpuBackend::new(), Scheduler::new(0)?, DecodeOptions::default());
/// let report = decode(&bundle, None, Path::new("out"), &options, &backend, &scheduler, &|_, _| {})?;
/// println!("{}: {} families", report.dzi.display(), report.families);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Options that contradict the record; damage, with file and offset; a disk that cannot be written. Nothing half-written is left
/// under a final name.
pub fn decode(
    input: &Input,
    tree: Option<&Tree>,
    out: &Path,
    options: &DecodeOptions,
    backend: &dyn Backend,
    scheduler: &Scheduler,
    progress: &dyn Fn(u64, &Timing),
) -> Result<DecodeReport> {
    let (geometry, coding) = (*input.geometry(), &input.meta().coding);
    check_options(input, tree, options)?;
    let families = input.families();
    let limit = options
        .max_parents
        .map_or(families.len(), |n| families.len().min(usize::try_from(n).unwrap_or(usize::MAX)));
    if options.max_parents.is_none()
        && input.is_directory()
        && input.meta().complete
        && (families.len() as u64) < geometry.family_count()
    {
        let (have, all) = (families.len(), geometry.family_count());
        return Err(Error::refused(input.archive().path(), Refusal::MissingPacks { have, all }));
    }
    let mut icc = input.archive().icc_profile()?;
    if icc.is_none() {
        // Packs hold no profile; the tree has it.
        icc = tree.and_then(|tree| tree.icc_profile().map(<[u8]>::to_vec));
    }
    let (profile, profile_problem) = match icc.as_deref().map(Profile::parse).transpose() {
        Ok(profile) => (profile, None),
        Err(problem) => (None, Some(problem)),
    };
    let as_stored = input.stores_jpegs()?;
    let colour = Colour::of_tiles(profile.as_ref(), options.icc, options.output.format, as_stored);
    let renderer = Renderer::new(geometry, coding.upsample_filter, options.output)?.with_colour(colour);
    if renderer.colour().mode() == Icc::Srgb {
        // The tree's pixels are in sRGB, whatever the slide's are.
        icc = None;
    }
    let extension = options.output.format.extension();
    let writer = TreeWriter::create(out, DECODED_NAME, &geometry, extension, options.existing)?;
    let cutter = &Cutter { geometry, renderer, keeps_jpeg2000: false };
    let put = |id: TileId, bytes: &[u8]| -> Result<u64> {
        writer.tile(id, bytes)?;
        Ok(bytes.len() as u64)
    };
    let put = &put;
    let (mut done, mut written_bytes) = (0, 0);
    scheduler.pipelined(
        backend.in_flight(&geometry),
        family_bytes(&geometry),
        ahead(input, families.get(..limit).unwrap_or_default()),
        |id| async move {
            let (tiles, timing) = match coding.originals {
                true => cutter.originals(input, coding, id).await,
                false => cutter.family(input, coding, backend, id).await,
            }?;
            let started = Instant::now();
            let mut bytes = 0;
            for (tile, coded) in &tiles {
                bytes += put(*tile, coded)?;
            }
            Ok((bytes, Timing { write: started.elapsed(), ..timing }))
        },
        |(bytes, timing)| {
            done += 1;
            written_bytes += bytes;
            progress(done, &timing);
            Ok(())
        },
    )?;
    scheduler.pipelined(
        0,
        tile_bytes(&geometry),
        geometry.stored_tiles().map(Ok),
        |id| async move {
            match (input.archive().find_tile(id), tree) {
                (Some(entry), _) => input.archive().will_read_tile(entry).await,
                (None, Some(tree)) => tree.will_read([id]).await,
                (None, None) => {}
            }
            put(id, &cutter.stored_tile(input, tree, id)?)
        },
        |bytes| {
            written_bytes += bytes;
            Ok(())
        },
    )?;
    let meta = input.meta();
    let metadata = SlideMetadata {
        generator: crate::pyramid::generator(),
        source: meta.source.name.clone(),
        format: "origami".into(),
        microns_per_pixel: meta.microns_per_pixel,
        objective_power: meta.objective_power,
        scanner: meta.scanner.clone(),
        origin: Some(options.origin(input)),
        icc_profile: None,
    };
    let dzi = writer.finish(&metadata, icc.as_deref())?;
    Ok(DecodeReport {
        dzi,
        families: done,
        left_out: geometry.family_count().saturating_sub(done),
        tile_bytes: written_bytes,
        profile_problem,
    })
}

fn check_options(input: &Input, tree: Option<&Tree>, options: &DecodeOptions) -> Result<()> {
    let (geometry, coding, path) = (input.geometry(), &input.meta().coding, input.archive().path());
    if let Some(tile) = options.tile.filter(|&t| t != geometry.tile()) {
        return Err(Error::refused(path, Refusal::TileSize { given: tile, recorded: geometry.tile() }));
    }
    if let Some(given) = options.upsample_filter.filter(|&f| f != coding.upsample_filter) {
        return Err(Error::refused(
            path,
            Refusal::UpsampleFilter { given, recorded: coding.upsample_filter },
        ));
    }
    if let Some(tree) = tree {
        let of_tree = tree.geometry();
        if (of_tree.width(), of_tree.height(), of_tree.tile())
            != (geometry.width(), geometry.height(), geometry.tile())
        {
            let shape = |g: &Geometry| format!("{}x{} in tiles of {}", g.width(), g.height(), g.tile());
            let problem = format!("it is {}, but {} is {}", shape(of_tree), path.display(), shape(geometry));
            return Err(Error::input(tree.path(), format!("{problem}; they are not the same slide")));
        }
    } else if input.archive().kind() == Kind::Pack && geometry.stored_tile_count() > 0 {
        return Err(Error::refused(path, Refusal::NoSmallLevels));
    }
    Ok(())
}

/// Families that are announced before they are read: a store far away sends them together.
const AHEAD: usize = 16;

/// The families, each part announced when the one before it is begun.
pub(crate) fn ahead<'a>(
    input: &'a Input,
    families: &'a [FamilyId],
) -> impl Iterator<Item = Result<FamilyId>> + 'a {
    let parts = families.chunks(AHEAD);
    let next = parts.clone().skip(1).map(Some).chain([None]);
    input.will_read(families.get(..AHEAD).unwrap_or(families));
    parts.zip(next).flat_map(move |(part, next)| {
        input.will_read(next.unwrap_or_default());
        part.iter().map(|&id| Ok(id))
    })
}

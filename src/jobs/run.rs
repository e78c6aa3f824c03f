//! Does one unit, in a directory of its own.

use std::path::{Path, PathBuf};

use super::code::Code;
use super::content::check_bundle;
use super::context::{Made, WorkContext, check_identity};
use super::encode::Encode;
use super::unit::{Band, Source as Thing, Task, Unit};
use super::video::{RenderError, render};
use crate::archive::{Archive, BandReader, Kind};
use crate::backend::Backend;
use crate::backend::scheduler::Scheduler;
use crate::decode::{self, DecodeOptions};
use crate::encode::{self, EncodeReport, bands, encode, encode_band, join_bands};
use crate::error::diagnosis::{Diagnose, Diagnosis};
use crate::error::{Error, Result};
use crate::image::geometry::Geometry;
use crate::output::render::Output;
use crate::pyramid::identity::Identity;
use crate::pyramid::source::Source;
use crate::pyramid::tree::{Missing, Tree};
use crate::pyramid::write::write_whole;
use crate::slide::{OpenOptions, Slide};
use crate::store;
use crate::verify::{verify, verify_slide, verify_tree};

/// The file of a band.
const BAND: &str = "families.band";
/// The file of a unit that only looks.
const REPORT: &str = "report.json";

/// Does a unit. Its files are in `dir` and were read back.
///
/// # Errors
/// Those of the work; a source that is not the one that was submitted.
pub fn run(unit: &Unit, dir: &Path, context: &WorkContext<'_>) -> Result<Made, WorkError> {
    let made = match &unit.task {
        Task::Encode(encode) => encoded(unit, encode, dir, context),
        Task::Band(band) => encoded_band(unit, band, dir, context),
        Task::Verify { deep } => verified(unit, *deep, dir, context),
        Task::Decode { quality } => decoded(unit, *quality, dir, context),
        Task::Render(task) => {
            return render(unit, task, dir, context).map_err(|e| match e {
                RenderError::Source(e) => RenderError::Source(gone(unit, e)).into(),
                e => e.into(),
            });
        }
    };
    made.map_err(|e| gone(unit, e).into())
}

/// Why a unit is not done.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The work on a slide.
    #[error(transparent)]
    Slide(#[from] Error),
    /// A rendering.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl WorkError {
    /// The code of a rendering.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Slide(_) => None,
            Self::Render(e) => Some(e.code()),
        }
    }
}

impl Diagnose for WorkError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Slide(e) => e.diagnosis(),
            Self::Render(e) => e.diagnosis(),
        }
    }
}

/// How large the work of a unit is: families, and pixels of the finest level. It opens the source and reads no pixels.
///
/// # Errors
/// A source that cannot be opened, or is not the one that was submitted.
pub fn size(unit: &Unit) -> Result<(u64, u64)> {
    let path = Path::new(&unit.source);
    let geometry = match (&unit.task, unit.thing) {
        (Task::Encode(task) | Task::Band(Band { encode: task, .. }), _) => {
            *open_source(unit, task)?.geometry()
        }
        (_, Thing::Bundle) => *Archive::open(path)?.geometry(),
        (_, Thing::Tree) => *Tree::open(path, Missing::Refuse)?.geometry(),
        (_, Thing::Slide) => *Source::open_slide(path, &OpenOptions::default(), false, None)?.geometry(),
        (_, Thing::Video) => return Err(no_slide(path)),
    };
    Ok((geometry.family_count(), pixels(&geometry)))
}

fn pixels(geometry: &Geometry) -> u64 {
    u64::from(geometry.width()) * u64::from(geometry.height())
}

fn no_slide(path: &Path) -> Error {
    Error::input(path, "a video has no pyramid; it can be the source of a tour alone")
}

/// What is wrong with a source that cannot be opened because it is not there.
fn gone(unit: &Unit, error: Error) -> Error {
    match store::exists(Path::new(&unit.source)) {
        Ok(false) => {
            let problem = "it is not there any more; if it was moved, submit it from its new place, which the queue takes then";
            Error::input(Path::new(&unit.source), problem)
        }
        _ => error,
    }
}

fn encoded(unit: &Unit, task: &Encode, dir: &Path, context: &WorkContext<'_>) -> Result<Made> {
    let task = &task.decided(&|| open_source(unit, task), context.backend, context.scheduler)?;
    let mut source = open_source(unit, task)?;
    let (of, size) = (source.geometry().family_count(), pixels(source.geometry()));
    (context.progress)(0, of, size);
    let (params, options) = (&task.params, task.options());
    let report = encode(&mut source, dir, params, &options, context.backend, context.scheduler, &|done| {
        (context.progress)(done, of, size);
    })?;
    check_bundle(&report.bundle)?;
    Ok(bundle(&report, dir, size))
}

fn bundle(report: &EncodeReport, dir: &Path, size: u64) -> Made {
    let main = report.bundle.strip_prefix(dir).unwrap_or(&report.bundle).to_string_lossy().into_owned();
    Made { main, families: report.families, pixels: size, notes: Vec::new() }
}

/// The units of the bands of a slide; none for one that is encoded as one piece. This decides the quality of all of them.
///
/// # Errors
/// A source that cannot be opened, or is not the one that was submitted.
pub fn split(
    unit: &Unit,
    task: &Encode,
    most_families: u64,
    backend: &dyn Backend,
    scheduler: &Scheduler,
) -> Result<Vec<Unit>> {
    let source = open_source(unit, task).map_err(|e| gone(unit, e))?;
    let (_, all) = source.geometry().families();
    let rows = bands(source.geometry(), most_families);
    if rows.len() < 2 || task.manifest {
        return Ok(Vec::new());
    }
    let task = task.decided(&|| open_source(unit, task), backend, scheduler)?;
    let band =
        |rows| unit.band(task.clone(), rows, all).map_err(|e| Error::input(source.path(), e.to_string()));
    rows.into_iter().map(band).collect()
}

fn encoded_band(unit: &Unit, band: &Band, dir: &Path, context: &WorkContext<'_>) -> Result<Made> {
    let mut source = open_source(unit, &band.encode)?;
    let geometry = *source.geometry();
    let rect = |y| geometry.family(0, y).map(|id| geometry.family_rect(id));
    let rows = band.rows.clone().filter_map(rect);
    let size = rows.map(|rect| u64::from(rect.height)).sum::<u64>() * u64::from(geometry.width());
    let of = band.rows.len() as u64 * u64::from(geometry.families().0);
    (context.progress)(0, of, size);
    let file = dir.join(BAND);
    let (params, options) = (&band.encode.params, &band.encode.options());
    let how = encode::Band { rows: band.rows.clone(), params, options };
    encode_band(&mut source, &file, &how, context.backend, context.scheduler, &|done| {
        (context.progress)(done, of, size);
    })?;
    let mut back = BandReader::open(&file)?;
    while back.next(&geometry)?.is_some() {}
    Ok(Made { main: BAND.into(), families: of, pixels: size, notes: Vec::new() })
}

/// Joins the bands of a slide, in their order.
///
/// # Errors
/// As [`run`]; a band that cannot be read.
pub fn joined(
    unit: &Unit,
    task: &Encode,
    bands: &[PathBuf],
    dir: &Path,
    context: &WorkContext<'_>,
) -> Result<Made> {
    let mut source = open_source(unit, task)?;
    let (of, size) = (source.geometry().family_count(), pixels(source.geometry()));
    (context.progress)(0, of, size);
    let (params, options) = (&task.params, task.options());
    let report = join_bands(&mut source, dir, params, &options, bands, context.scheduler, &|done| {
        (context.progress)(done, of, size);
    })?;
    check_bundle(&report.bundle)?;
    Ok(bundle(&report, dir, size))
}

/// Opens the source of an encode, as it was submitted.
fn open_source(unit: &Unit, task: &Encode) -> Result<Source> {
    let (path, tile) = (Path::new(&unit.source), task.tile);
    let source = match unit.thing {
        Thing::Tree => Source::Tree(Box::new(Tree::open(path, task.missing)?)),
        _ => Source::open_slide(path, &task.open, task.params.originals, tile)?,
    };
    if tile.is_some_and(|tile| tile != source.geometry().tile()) {
        let own = source.geometry().tile();
        return Err(Error::input(
            path,
            format!("its tiles are of {own} pixels; submit it without a tile size"),
        ));
    }
    // Which planes of a slide are read is said by the task.
    let identity = match &source {
        Source::Tree(tree) => Identity::of_tree(tree)?,
        Source::Slide(..) => Identity::of_file(path)?,
    };
    check_identity(&unit.identity, path, &identity.text)?;
    Ok(source)
}

fn decoded(unit: &Unit, quality: u8, dir: &Path, context: &WorkContext<'_>) -> Result<Made> {
    let path = Path::new(&unit.source);
    check_identity(&unit.identity, path, &Identity::of_file(path)?.text)?;
    let input = decode::Input::file(path, Kind::Bundle)?;
    let (of, size) = (input.families().len() as u64, pixels(input.geometry()));
    (context.progress)(0, of, size);
    let options =
        DecodeOptions { output: Output { quality, ..Output::default() }, ..DecodeOptions::default() };
    let told = |done: u64, _: &_| (context.progress)(done, of, size);
    let report = decode::decode(&input, None, dir, &options, context.backend, context.scheduler, &told)?;
    let main = report.dzi.strip_prefix(dir).unwrap_or(&report.dzi).to_string_lossy().into_owned();
    Ok(Made { main, families: report.families, pixels: size, notes: Vec::new() })
}

/// What is whole is said in a report; what is not is an error.
fn verified(unit: &Unit, deep: bool, dir: &Path, context: &WorkContext<'_>) -> Result<Made> {
    let path = Path::new(&unit.source);
    let report = match unit.thing {
        Thing::Bundle => {
            check_identity(&unit.identity, path, &Identity::of_file(path)?.text)?;
            let archive = Archive::open(path)?;
            let (of, size) = (archive.families().len() as u64, pixels(archive.geometry()));
            let told = |done| (context.progress)(done, of, size);
            let whole = verify(&archive, deep, context.backend, context.scheduler, &told)?;
            serde_json::json!({"families": whole.families, "proved": whole.proved, "small_tiles": whole.tiles, "bytes": whole.bytes})
        }
        Thing::Tree => {
            let tree = Tree::open(path, Missing::Refuse)?;
            check_identity(&unit.identity, path, &Identity::of_tree(&tree)?.text)?;
            let mut first = None;
            let whole = verify_tree(&tree, context.scheduler, &|_| (), &mut |e| {
                first.get_or_insert(e);
            })?;
            first.map_or(Ok(()), Err)?;
            serde_json::json!({"tiles": whole.tiles, "bytes": whole.bytes})
        }
        Thing::Slide => {
            check_identity(&unit.identity, path, &Identity::of_file(path)?.text)?;
            let mut slide = Slide::open(path, &OpenOptions::default())?;
            let mut first = None;
            let whole = verify_slide(&mut slide, context.scheduler, &|_| (), &mut |e| {
                first.get_or_insert(e);
            })?;
            first.map_or(Ok(()), Err)?;
            serde_json::json!({"pixels": whole.pixels})
        }
        Thing::Video => return Err(no_slide(path)),
    };
    let text = serde_json::to_vec_pretty(&report).map_err(Error::Manifest)?;
    write_whole(&dir.join(REPORT), &text)?;
    let number = |name: &str| report[name].as_u64().unwrap_or_default();
    Ok(Made {
        main: REPORT.into(),
        families: number("families"),
        pixels: number("pixels"),
        notes: Vec::new(),
    })
}

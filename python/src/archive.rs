//! `encode` and `decode`: whole slides, with progress, and ended by Ctrl-C.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use origami::archive::{BUNDLE_NAME, PACK_DIR};
use origami::backend::scheduler::Scheduler;
use origami::backend::{Cancel, CpuBackend};
use origami::decode::{DecodeOptions, Input};
use origami::encode::EncodeOptions;
use origami::error::Error as Library;
use origami::output::render::Output;
use origami::output::tile::OutputFormat;
use origami::pyramid::TileMetadata;
use origami::pyramid::source::Source;
use origami::pyramid::tree::{Missing, Tree};
use origami::pyramid::write::Existing;
use origami::quality::presets::{Preset, at_quality};
use origami::slide::OpenOptions;
use pyo3::exceptions::PyFileExistsError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{Error, Result};
use crate::work::interruptible;
use origami::pixels::{Kind, detect};

/// Families done so far, and how many there are; told to a function of Python.
#[derive(Default)]
struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    fn tell(&self, py: Python<'_>, function: Option<&Py<PyAny>>) -> PyResult<()> {
        let Some(function) = function else { return Ok(()) };
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        if total > 0 {
            function.call1(py, (done, total))?;
        }
        Ok(())
    }
}

/// The preset of that name.
fn preset(name: &str) -> Result<Preset> {
    Preset::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| {
        let names = Preset::ALL.map(Preset::name).join(", ");
        Error::Argument(format!("preset {name:?}: there is none of this name; choose one of {names}"))
    })
}

/// What becomes of the metadata in the tiles of a lossless encode.
fn of_tiles(name: &str) -> Result<TileMetadata> {
    match name {
        "refuse" => Ok(TileMetadata::Refuse),
        "keep" => Ok(TileMetadata::Keep),
        "strip" => Ok(TileMetadata::Strip),
        _ => Err(Error::Argument(format!("tile_metadata {name:?}: choose one of refuse, keep, strip"))),
    }
}

/// Opens what is to be encoded, in tiles of `tile` pixels, for a `lossless` encode or any other.
fn source(path: &Path, lossless: bool, tile: Option<u32>) -> Result<Source> {
    Ok(match detect(path)? {
        (Kind::Bundle, bundle) => {
            return Err(Error::input(&bundle, "it is encoded already; give a slide or a tree"));
        }
        (Kind::Tree, path) => {
            let tree = Tree::open(&path, Missing::Refuse).map_err(Library::from)?;
            let own = tree.geometry().tile();
            if tile.is_some_and(|tile| tile != own) {
                return Err(Error::input(&path, format!("its tiles are of {own} pixels; leave tile out")));
            }
            Source::Tree(Box::new(tree))
        }
        (Kind::Slide, path) => {
            let opened = Source::open_slide(&path, &OpenOptions::default(), lossless, tile);
            opened.map_err(Library::from)?
        }
    })
}

/// What `origami.encode` does.
#[pyfunction]
#[pyo3(signature = (path, out, *, preset_name, quality, tile, threads, overwrite, keep_associated, tile_metadata, progress))]
#[allow(clippy::too_many_arguments, reason = "the arguments of origami.encode")]
pub fn encode<'py>(
    py: Python<'py>,
    path: PathBuf,
    out: PathBuf,
    preset_name: &str,
    quality: Option<u8>,
    tile: Option<u32>,
    threads: usize,
    overwrite: bool,
    keep_associated: Vec<String>,
    tile_metadata: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let chosen = preset(preset_name)?;
    let params = match (quality, chosen) {
        (Some(_), Preset::Lossless) => {
            return Err(Error::Argument("the preset \"lossless\" has no quality; leave it out".into()).into());
        }
        (Some(quality @ 1..=100), _) => at_quality(&chosen.params(), quality),
        (Some(quality), _) => {
            return Err(Error::Argument(format!("quality {quality}: it is 1 to 100")).into());
        }
        (None, _) => chosen.params(),
    };
    let bundle = out.join(PACK_DIR).join(BUNDLE_NAME);
    if bundle.exists() && !overwrite {
        let problem = format!("{}: it is there already; give overwrite=True to replace it", bundle.display());
        return Err(PyFileExistsError::new_err(problem));
    }
    let tile_metadata = of_tiles(tile_metadata)?;
    let options = EncodeOptions { tile_metadata, keep_associated, ..EncodeOptions::default() };
    let (cancel, counts) = (Cancel::default(), Progress::default());
    let report = interruptible(
        py,
        &cancel,
        |py| counts.tell(py, progress.as_ref()),
        || {
            let mut source = source(&path, params.originals, tile)?;
            counts.total.store(source.geometry().family_count(), Ordering::Relaxed);
            let scheduler = Scheduler::new(threads).map_err(Library::from)?.cancelled_by(cancel.clone());
            let done = |done| counts.done.store(done, Ordering::Relaxed);
            let backend = CpuBackend::new();
            Ok(origami::encode::encode(&mut source, &out, &params, &options, &backend, &scheduler, &done)?)
        },
    )?;
    counts.tell(py, progress.as_ref())?;
    let made = PyDict::new(py);
    made.set_item("bundle", report.bundle)?;
    made.set_item("bundle_bytes", report.bundle_bytes)?;
    made.set_item("source_bytes", report.source_bytes)?;
    made.set_item("families", report.families)?;
    Ok(made)
}

fn output(format: &str, quality: u8) -> Result<Output> {
    let format = match format {
        "jpeg" => OutputFormat::Jpeg,
        "png" => OutputFormat::Png,
        "webp" => OutputFormat::Webp,
        _ => return Err(Error::Argument(format!("format {format:?}: choose one of jpeg, png, webp"))),
    };
    match quality {
        1..=100 => Ok(Output { format, quality, ..Output::default() }),
        _ => Err(Error::Argument(format!("quality {quality}: it is 1 to 100"))),
    }
}

/// What `origami.decode` does.
#[pyfunction]
#[pyo3(signature = (path, out, *, format, quality, threads, overwrite, progress))]
#[allow(clippy::too_many_arguments, reason = "the arguments of origami.decode")]
pub fn decode(
    py: Python<'_>,
    path: PathBuf,
    out: PathBuf,
    format: &str,
    quality: u8,
    threads: usize,
    overwrite: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<PathBuf> {
    let existing = if overwrite { Existing::Replace } else { Existing::Keep };
    let options = DecodeOptions { output: output(format, quality)?, existing, ..DecodeOptions::default() };
    let (cancel, counts) = (Cancel::default(), Progress::default());
    let report = interruptible(
        py,
        &cancel,
        |py| counts.tell(py, progress.as_ref()),
        || {
            let (Kind::Bundle, bundle) = detect(&path)? else {
                return Err(Error::input(&path, "it is no bundle; give one that was encoded"));
            };
            let input = Input::file(&bundle, origami::archive::Kind::Bundle)?;
            counts.total.store(input.geometry().family_count(), Ordering::Relaxed);
            let scheduler = Scheduler::new(threads).map_err(Library::from)?.cancelled_by(cancel.clone());
            let done = |done: u64, _: &origami::decode::Timing| counts.done.store(done, Ordering::Relaxed);
            let backend = CpuBackend::new();
            Ok(origami::decode::decode(&input, None, &out, &options, &backend, &scheduler, &done)?)
        },
    )?;
    counts.tell(py, progress.as_ref())?;
    Ok(report.dzi)
}

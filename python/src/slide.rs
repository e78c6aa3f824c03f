//! The slide of `_native`: an open source that survives forks and pickles.
//!
//! Pickles hold the path and the stamp of the file; what was changed meanwhile is refused.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use numpy::{PyArray1, PyArray3, PyArrayMethods};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{Error, Result};
use crate::process::PerProcess;
use crate::remote::{self, RemoteFile};
use crate::stamp::{self, Stamp};
use crate::work::Poll;
use origami::archive::Kind as ArchiveKind;
use origami::image::geometry::Rect;
use origami::pixels::{self, Decoded, Layout, Patch, Reading, Rgb, Shared};

/// Memory for decoded pixels while a format is found out.
const DETECT_BYTES: u64 = 256 << 20;

/// An open bundle, tree or slide.
#[pyclass(frozen, module = "origami._native")]
pub struct Slide {
    path: PathBuf,
    cache_bytes: u64,
    /// Of a local file. A remote one knows its version itself.
    stamp: Stamp,
    /// The file, where `path` is an address: a bundle.
    remote: Option<Py<PyAny>>,
    open: PerProcess<Open>,
    closed: AtomicBool,
}

/// What a process has open of a slide.
pub struct Open {
    /// Its pixels.
    pub source: Shared,
    remote: Option<RemoteFile>,
}

impl Open {
    /// A read of a region of a level that `read` does. What it takes of a file at an address is fetched first.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read<T>(&self, level: usize, region: Option<Rect>, read: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(file) = &self.remote else { return read() };
        let regions = region.into_iter().map(|region| (level, region)).collect();
        let _held = remote::fetch_regions(&[(file.clone(), Arc::clone(&self.source), regions)])?;
        file.explained(read())
    }
}

/// What a slide is made again from.
type Arguments = (OsString, u64, Stamp, Option<Py<PyAny>>);

impl Slide {
    /// What is open, opened again in a forked process.
    pub fn open(&self, py: Python<'_>) -> PyResult<Arc<Open>> {
        if self.closed() {
            let path = self.path.display();
            return Err(PyValueError::new_err(format!("{path}: the slide is closed; open it again")));
        }
        if let Some(open) = self.open.get() {
            return Ok(open);
        }
        let remote = self.remote.as_ref().map(|file| RemoteFile::new(file.bind(py))).transpose()?;
        let source = py.detach(|| -> Result<Shared> {
            let Some(file) = &remote else {
                stamp::check(&self.path, self.stamp)?;
                return Ok(pixels::open_alone(&self.path, self.cache_bytes)?);
            };
            let decoded = Arc::new(Decoded::new(self.cache_bytes));
            file.opened(|store| Ok(pixels::open_bundle(&self.path, store, &decoded)?))
        })?;
        let open = Arc::new(Open { source, remote });
        self.open.set(Arc::clone(&open));
        Ok(open)
    }

    fn source(&self, py: Python<'_>) -> PyResult<Shared> {
        Ok(Arc::clone(&self.open(py)?.source))
    }
}

/// An image as an array of height, width and `channels`.
pub fn array(
    py: Python<'_>,
    samples: Vec<u8>,
    width: usize,
    height: usize,
    channels: usize,
) -> PyResult<Bound<'_, PyArray3<u8>>> {
    PyArray1::from_vec(py, samples).reshape([height, width, channels])
}

/// `count` bytes of one value.
fn filled(count: u64, value: u8) -> Result<Vec<u8>> {
    let length = usize::try_from(count).map_err(|_| Error::Memory(count))?;
    let mut samples = Vec::new();
    samples.try_reserve_exact(length).map_err(|_| Error::Memory(count))?;
    samples.resize(length, value);
    Ok(samples)
}

/// Bytes of a region with so many channels.
fn region_bytes(width: u32, height: u32, channels: u64) -> Result<u64> {
    let bytes = u64::from(width).checked_mul(u64::from(height)).and_then(|area| area.checked_mul(channels));
    bytes.filter(|&bytes| bytes <= isize::MAX as u64).ok_or(Error::Memory(u64::MAX))
}

#[pymethods]
impl Slide {
    #[new]
    #[pyo3(signature = (path, cache_bytes, expected=None, remote=None))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        cache_bytes: u64,
        expected: Option<Stamp>,
        remote: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let stamp = match (expected, &remote) {
            (Some(stamp), _) => stamp,
            (None, Some(_)) => Stamp::default(),
            (None, None) => stamp::stamp(&path)?,
        };
        let (open, closed) = (PerProcess::default(), AtomicBool::new(false));
        let slide = Self { path, cache_bytes, stamp, remote, open, closed };
        slide.open(py)?;
        Ok(slide)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, Arguments) {
        let this = slf.get();
        let remote = this.remote.as_ref().map(|file| file.clone_ref(slf.py()));
        (
            slf.get_type().into_any(),
            (this.path.clone().into_os_string(), this.cache_bytes, this.stamp, remote),
        )
    }

    /// Whether a file that begins like this is a bundle. `start` has 16 bytes, or the whole file.
    #[staticmethod]
    fn is_bundle(start: &[u8]) -> bool {
        ArchiveKind::of_magic(start) == Some(ArchiveKind::Bundle)
    }

    /// Closes its files once no call uses them.
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.open.take();
    }

    /// Its path or address, which a `Path` of Python would take for a path.
    #[getter]
    fn path(&self) -> OsString {
        self.path.clone().into_os_string()
    }

    #[getter]
    fn closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    #[getter]
    fn levels(&self, py: Python<'_>) -> PyResult<Vec<(u32, u32)>> {
        Ok(self.source(py)?.levels().to_vec())
    }

    #[getter]
    fn downsamples(&self, py: Python<'_>) -> PyResult<Vec<f64>> {
        let source = self.source(py)?;
        Ok((0..source.levels().len()).map(|level| source.downsample(level)).collect())
    }

    #[getter]
    fn kind(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.source(py)?.info().kind.name())
    }

    #[getter]
    fn vendor(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.source(py)?.info().vendor.clone())
    }

    #[getter]
    fn microns_per_pixel(&self, py: Python<'_>) -> PyResult<Option<(f64, f64)>> {
        Ok(self.source(py)?.info().microns_per_pixel)
    }

    #[getter]
    fn objective_power(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.source(py)?.info().objective_power)
    }

    #[getter]
    fn tile(&self, py: Python<'_>) -> PyResult<Option<(u32, u32)>> {
        Ok(self.source(py)?.info().tile)
    }

    #[getter]
    fn icc_profile<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        Ok(self.source(py)?.info().icc.as_ref().map(|icc| PyBytes::new(py, icc)))
    }

    #[getter]
    fn associated_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.source(py)?.info().associated.clone())
    }

    #[getter]
    fn warnings(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.source(py)?.info().warnings.clone())
    }

    #[getter]
    fn content(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.source(py)?.info().content.clone())
    }

    /// Another image of the slide, as RGB.
    fn associated<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let source = self.source(py)?;
        let Rgb { width, height, data } = py.detach(|| source.associated(name)).map_err(Error::from)?;
        array(py, data, width, height, 3)
    }

    /// A region of a level in RGB. `x` and `y` count pixels of the full resolution. What lies beyond the slide is `fill`.
    #[pyo3(signature = (x, y, level, width, height, *, fill=255, alone=false))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of read_region")]
    fn read_rgb<'py>(
        &self,
        py: Python<'py>,
        x: i64,
        y: i64,
        level: usize,
        width: u32,
        height: u32,
        fill: u8,
        alone: bool,
    ) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let region = Region { x, y, level, width, height };
        let open = self.open(py)?;
        let rgb = py.detach(|| region.read(&open, fill, alone).map(|(rgb, _)| rgb))?;
        array(py, rgb, width as usize, height as usize, 3)
    }

    /// As `read_rgb` in RGBA: what lies beyond the slide is transparent black.
    fn read_rgba<'py>(
        &self,
        py: Python<'py>,
        x: i64,
        y: i64,
        level: usize,
        width: u32,
        height: u32,
    ) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let region = Region { x, y, level, width, height };
        let open = self.open(py)?;
        let rgba = py.detach(|| region.read_rgba(&open))?;
        array(py, rgba, width as usize, height as usize, 4)
    }
}

/// A region as OpenSlide names it.
struct Region {
    x: i64,
    y: i64,
    level: usize,
    width: u32,
    height: u32,
}

/// Rows and columns of a region that lie inside the slide.
type Inside = Option<(std::ops::Range<usize>, std::ops::Range<usize>)>;

impl Region {
    fn read(&self, open: &Open, fill: u8, alone: bool) -> Result<(Vec<u8>, Inside)> {
        let source = &open.source;
        let count = source.levels().len();
        let Some(&size) = source.levels().get(self.level) else {
            let problem = format!("there is no level {}: the slide has {count}", self.level);
            return Err(PyIndexError::new_err(problem).into());
        };
        let mut data = filled(region_bytes(self.width, self.height, 3)?, fill)?;
        let scale = source.downsample(self.level);
        // Coordinates are far below 2^53, or beyond any slide.
        let of_level = |position: i64| (position as f64 / scale).round() as i64;
        let (width, height) = (self.width as usize, self.height as usize);
        let (x, y, layout) = (of_level(self.x), of_level(self.y), Layout::Interleaved);
        let mut patch = Patch { x, y, width, height, layout, data: &mut data };
        let rect = patch.inside(size);
        let inside = rect.map(|rect| {
            let (left, top) =
                ((i64::from(rect.x) - patch.x) as usize, (i64::from(rect.y) - patch.y) as usize);
            (top..top + rect.height as usize, left..left + rect.width as usize)
        });
        let poll = Poll::new();
        let how = Reading { alone, goes_on: &|| poll.goes_on() };
        open.read(self.level, rect, || poll.result(source.read(self.level, &mut patch, how)))?;
        Ok((data, inside))
    }

    fn read_rgba(&self, open: &Open) -> Result<Vec<u8>> {
        let mut rgba = filled(region_bytes(self.width, self.height, 4)?, 0)?;
        let (rgb, inside) = self.read(open, 0, false)?;
        let Some((rows, columns)) = inside else { return Ok(rgba) };
        let width = self.width as usize;
        for row in rows {
            let from = rgb[3 * (row * width + columns.start)..].chunks_exact(3);
            let to = rgba[4 * (row * width + columns.start)..].chunks_exact_mut(4).take(columns.len());
            for (to, from) in to.zip(from) {
                to[..3].copy_from_slice(from);
                to[3] = 255;
            }
        }
        Ok(rgba)
    }
}

/// What a path is: the vendor of a slide, the format of the source of an archive or tree; `None` where no reader takes it.
///
/// # Errors
/// A file that cannot be read, or is damaged.
#[pyfunction]
pub fn detect_format(py: Python<'_>, path: PathBuf) -> PyResult<Option<String>> {
    let opened = py.detach(|| pixels::open_alone(&path, DETECT_BYTES)).map_err(Error::from);
    match opened {
        Ok(source) => Ok(Some(match source.info().kind {
            pixels::Kind::Slide => source.info().vendor.clone(),
            kind => kind.name().into(),
        })),
        Err(error) if crate::errors::is_unknown_format(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

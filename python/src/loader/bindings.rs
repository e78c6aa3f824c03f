//! The classes and functions of the loader in `_native`: patches, batches, orders, tissue.

use std::sync::Arc;

use numpy::{
    IxDyn, PyArray, PyArray1, PyArray2, PyArray3, PyArrayDyn, PyArrayMethods, PyReadonlyArray1,
    PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use super::order::{Epoch, Random, Shuffle};
use super::patch::{PatchReader, Place, Samples, View};
use super::pool::{Held, Location, Pool, Slides};
use super::stream::{Batch, Plan, Reader, Stream};
use super::tissue::{self, Feature};
use crate::ending;
use crate::errors::{Error, Result};
use crate::process::PerProcess;
use crate::slide::{self, Slide};
use crate::work::Poll;
use origami::image::geometry::Rect;
use origami::pixels::Layout;

/// What does not change from batch to batch: see `Plan`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct Reading {
    batch_size: usize,
    threads: usize,
    ahead: usize,
}

pub(super) fn wrong(problem: impl Into<String>) -> Error {
    Error::Argument(problem.into())
}

/// The patches of slides: where they lie, and how they are read.
#[pyclass(frozen, module = "origami._native")]
pub struct Patches {
    slides: Arc<Slides>,
    samples: Arc<Samples>,
    pool: PerProcess<Pool>,
}

/// What was fetched for some samples: they are read without waiting while it is held.
#[pyclass(frozen, module = "origami._native")]
pub struct Fetched(#[allow(dead_code, reason = "held, not used")] Held);

impl Patches {
    /// Reads with the open slides of this process.
    fn reader(&self, py: Python<'_>, alone: bool, layout: Layout) -> PyResult<PatchReader> {
        let pool = match self.pool.get() {
            Some(pool) => pool,
            None => {
                let pool = Arc::new(Pool::new(py, &self.slides)?);
                self.pool.set(Arc::clone(&pool));
                pool
            }
        };
        Ok(PatchReader { pool, samples: Arc::clone(&self.samples), alone, layout })
    }
}

#[pymethods]
impl Patches {
    #[new]
    #[pyo3(signature = (locations, slides, centres, views, sides, *, cache_bytes, open_slides))]
    fn new(
        locations: Vec<Location>,
        slides: PyReadonlyArray1<'_, i32>,
        centres: PyReadonlyArray2<'_, f64>,
        views: Vec<Vec<(usize, u32)>>,
        sides: Vec<u32>,
        cache_bytes: u64,
        open_slides: usize,
    ) -> PyResult<Self> {
        let (slides, shape) = (slides.as_slice()?, centres.shape());
        let agree = shape == [slides.len(), 2] && views.len() == locations.len();
        if !agree || views.iter().any(|views| views.len() != sides.len()) {
            return Err(wrong("the shapes of slides, centres, views and sides do not agree").into());
        }
        let centres = centres.as_slice()?;
        let place = |(&slide, centre): (&i32, &[f64])| match (usize::try_from(slide), centre) {
            (Ok(slide), &[x, y]) if slide < locations.len() && x.is_finite() && y.is_finite() => {
                Ok(Place { slide, centre: (x, y) })
            }
            _ => Err(wrong(format!("a sample of slide {slide} at {centre:?}: there is no such place"))),
        };
        let places = slides.iter().zip(centres.chunks_exact(2)).map(place).collect::<Result<_>>()?;
        let of = |&(level, side): &(usize, u32)| View { level, side };
        let views = views.iter().map(|views| views.iter().map(of).collect()).collect();
        let slides = Arc::new(Slides { locations, cache_bytes, open: open_slides });
        Ok(Self { slides, samples: Arc::new(Samples { places, views, sides }), pool: PerProcess::default() })
    }

    /// One sample: an array of height, width and 3 for each magnification.
    #[pyo3(signature = (sample, *, alone))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        sample: i64,
        alone: bool,
    ) -> PyResult<Vec<Bound<'py, PyArray3<u8>>>> {
        let reader = self.reader(py, alone, Layout::Interleaved)?;
        let images = py.detach(|| -> Result<Vec<Vec<u8>>> {
            let _held = reader.is_far().then(|| reader.fetch(&[sample])).transpose()?;
            let mut images: Vec<Vec<u8>> =
                reader.output_bytes().into_iter().map(|bytes| vec![0; bytes]).collect();
            let mut out: Vec<&mut [u8]> = images.iter_mut().map(Vec::as_mut_slice).collect();
            reader.read(sample, &mut out)?;
            Ok(images)
        })?;
        let sized = images.into_iter().zip(&self.samples.sides);
        sized.map(|(image, &side)| slide::array(py, image, side as usize, side as usize, 3)).collect()
    }

    /// Fetches what some samples need of files at addresses, side by side.
    fn fetch(&self, py: Python<'_>, samples: Vec<i64>) -> PyResult<Fetched> {
        let reader = self.reader(py, false, Layout::Interleaved)?;
        Ok(Fetched(py.detach(|| reader.fetch(&samples))?))
    }

    /// Batches of samples in a given order; `planes` puts channels before height and width.
    #[pyo3(signature = (order, reading, *, alone, planes))]
    fn stream(
        &self,
        py: Python<'_>,
        order: PyReadonlyArray1<'_, i64>,
        reading: Reading,
        alone: bool,
        planes: bool,
    ) -> PyResult<BatchStream> {
        let (layout, sides) = (layout_of(planes), &self.samples.sides);
        let shapes = sides.iter().map(|&side| shape_of(layout, side as usize)).collect();
        BatchStream::start(Box::new(self.reader(py, alone, layout)?), order, &reading, shapes)
    }
}

pub(super) fn layout_of(planes: bool) -> Layout {
    if planes { Layout::Planes } else { Layout::Interleaved }
}

pub(super) fn shape_of(layout: Layout, side: usize) -> Vec<usize> {
    match layout {
        Layout::Planes => vec![3, side, side],
        Layout::Interleaved => vec![side, side, 3],
    }
}

/// An iterator over batches that threads read ahead.
#[pyclass(frozen, module = "origami._native")]
pub struct BatchStream {
    /// Of each output of a sample.
    shapes: Vec<Vec<usize>>,
    /// Until it is dropped.
    stream: Option<Stream>,
}

/// Its threads may wait for the interpreter, which is let go while they are waited for. One that is ending comes to no thread any more, so
/// they are left behind.
impl Drop for BatchStream {
    fn drop(&mut self) {
        let is_ending = |py: Python<'_>| py.import("sys")?.call_method0("is_finalizing")?.is_truthy();
        let ended = Python::try_attach(|py| match is_ending(py) {
            Ok(false) => py.detach(|| {
                drop(self.stream.take());
                ending::stay_away();
            }),
            _ => self.stream.take().into_iter().for_each(Stream::leave),
        });
        if ended.is_none() {
            self.stream.take().into_iter().for_each(Stream::leave);
        }
    }
}

impl BatchStream {
    pub(super) fn start(
        reader: Box<dyn Reader>,
        order: PyReadonlyArray1<'_, i64>,
        reading: &Reading,
        shapes: Vec<Vec<usize>>,
    ) -> PyResult<Self> {
        let order = order.as_slice()?.to_vec();
        let plan = Plan { reader, order, batch: reading.batch_size.max(1), ahead: reading.ahead.max(1) };
        Ok(Self { shapes, stream: Some(Stream::start(plan, reading.threads)?) })
    }
}

/// The samples of a batch, and an array of them for each output.
type PyBatch<'py> = (Bound<'py, PyArray1<i64>>, Vec<Bound<'py, PyArrayDyn<u8>>>);

#[pymethods]
impl BatchStream {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<PyBatch<'py>>> {
        let poll = || {
            ending::stay_away();
            Ok(Python::attach(|py| py.check_signals())?)
        };
        let Some(stream) = &self.stream else { return Ok(None) };
        let next = py.detach(|| {
            let next = stream.next(poll);
            ending::stay_away();
            next
        });
        let Some(Batch { samples, outputs }) = next? else { return Ok(None) };
        let arrays = outputs.into_iter().zip(&self.shapes).map(|(output, shape)| {
            let shape = std::iter::once(samples.len()).chain(shape.iter().copied()).collect::<Vec<_>>();
            let array: Bound<'py, PyArray<u8, IxDyn>> = PyArray1::from_vec(py, output).reshape(shape)?;
            Ok(array)
        });
        let arrays = arrays.collect::<PyResult<_>>()?;
        Ok(Some((PyArray1::from_vec(py, samples), arrays)))
    }
}

/// The order of an epoch: see [`Epoch`].
#[pyfunction]
#[pyo3(signature = (samples, families, *, seed, epoch, shuffle, buffer, rank, ranks))]
#[allow(clippy::too_many_arguments, reason = "they are named")]
pub fn epoch_order<'py>(
    py: Python<'py>,
    samples: PyReadonlyArray1<'py, i64>,
    families: PyReadonlyArray1<'py, u64>,
    seed: u64,
    epoch: u64,
    shuffle: &str,
    buffer: usize,
    rank: usize,
    ranks: usize,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let shuffle = match shuffle {
        "none" => Shuffle::Nothing,
        "sample" => Shuffle::Samples,
        "family" => Shuffle::Families(buffer),
        _ => return Err(wrong(format!("shuffle {shuffle:?}: choose one of none, sample, family")).into()),
    };
    let (samples, families) = (samples.as_slice()?, families.as_slice()?);
    if rank >= ranks || samples.len() != families.len() {
        let shapes = format!("{} families of {} samples", families.len(), samples.len());
        return Err(wrong(format!("rank {rank} of {ranks}, {shapes}")).into());
    }
    let epoch = Epoch { seed, epoch, shuffle, share: (rank, ranks) };
    Ok(PyArray1::from_vec(py, py.detach(|| epoch.order(samples, families))))
}

/// Numbers from 0 to 1, without 1, that `numbers` decide.
#[pyfunction]
pub fn draw(py: Python<'_>, numbers: Vec<u64>, count: usize) -> Bound<'_, PyArray1<f64>> {
    let mut random = Random::new(&numbers);
    PyArray1::from_vec(py, (0..count).map(|_| random.unit()).collect())
}

/// The mask of a slide, and the pixels of the full resolution along a side of one of its own.
#[pyfunction]
pub fn tissue_mask<'py>(
    py: Python<'py>,
    slide: &Slide,
    feature: &str,
    downsample: f64,
) -> PyResult<(Bound<'py, PyArray2<bool>>, f64)> {
    let feature = match feature {
        "saturation" => Feature::Saturation,
        "darkness" => Feature::Darkness,
        _ => return Err(wrong(format!("feature {feature:?}: choose one of saturation, darkness")).into()),
    };
    if !(1.0..=65536.0).contains(&downsample) {
        return Err(wrong(format!("downsample {downsample}: it is 1 to 65536")).into());
    }
    let open = slide.open(py)?;
    let mask = py.detach(|| {
        let (source, poll) = (&*open.source, Poll::new());
        let level = tissue::level(source, downsample);
        let size = source.levels().get(level).copied().unwrap_or_default();
        let whole = Rect { x: 0, y: 0, width: size.0, height: size.1 };
        let make = || poll.result(tissue::mask(source, feature, downsample, &|| poll.goes_on()));
        open.read(level, Some(whole), make)
    })?;
    Ok((PyArray1::from_vec(py, mask.tissue).reshape([mask.height, mask.width])?, mask.downsample))
}

//! The classes and functions of the loader in `_native`.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{
    IxDyn, PyArray, PyArray1, PyArray2, PyArray3, PyArrayDyn, PyArrayMethods, PyReadonlyArray1,
    PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use super::blobs::{BlobFile, RawReader};
use super::crop::{self, Choice, Crop, CropReader, Range};
use super::order::{Epoch, Random, Shuffle};
use super::patch::{PatchReader, Place, Samples, View};
use super::pool::{Pool, Slides};
use super::scale::Layout;
use super::stream::{Batch, Plan, Reader, Stream};
use super::tissue::{self, Feature};
use crate::errors::{Error, Result};
use crate::process::PerProcess;
use crate::slide::{self, Slide};
use crate::stamp::Stamp;
use crate::work::Poll;

/// What does not change from batch to batch: see `Plan`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Reading {
    batch_size: usize,
    threads: usize,
    ahead: usize,
}

fn wrong(problem: impl Into<String>) -> Error {
    Error::Argument(problem.into())
}

/// The patches of slides: where they lie, and how they are read.
#[pyclass(frozen, module = "origami._native")]
pub struct Patches {
    slides: Slides,
    samples: Arc<Samples>,
    pool: PerProcess<Pool>,
}

impl Patches {
    /// Reads with the open slides of this process.
    fn reader(&self, alone: bool, layout: Layout) -> PatchReader {
        let pool = self.pool.get().unwrap_or_else(|| {
            let pool = Arc::new(Pool::new(self.slides.clone()));
            self.pool.set(Arc::clone(&pool));
            pool
        });
        PatchReader { pool, samples: Arc::clone(&self.samples), alone, layout }
    }
}

#[pymethods]
impl Patches {
    #[new]
    #[pyo3(signature = (paths, slides, centres, views, sides, *, cache_bytes, open_slides))]
    fn new(
        paths: Vec<(PathBuf, Stamp)>,
        slides: PyReadonlyArray1<'_, i32>,
        centres: PyReadonlyArray2<'_, f64>,
        views: Vec<Vec<(usize, u32)>>,
        sides: Vec<u32>,
        cache_bytes: u64,
        open_slides: u64,
    ) -> PyResult<Self> {
        let (slides, shape) = (slides.as_slice()?, centres.shape());
        let agree = shape == [slides.len(), 2] && views.len() == paths.len();
        if !agree || views.iter().any(|views| views.len() != sides.len()) {
            return Err(wrong("the shapes of slides, centres, views and sides do not agree").into());
        }
        let centres = centres.as_slice()?;
        let place = |(&slide, centre): (&i32, &[f64])| match (usize::try_from(slide), centre) {
            (Ok(slide), &[x, y]) if slide < paths.len() && x.is_finite() && y.is_finite() => {
                Ok(Place { slide, centre: (x, y) })
            }
            _ => Err(wrong(format!("a sample of slide {slide} at {centre:?}: there is no such place"))),
        };
        let places = slides.iter().zip(centres.chunks_exact(2)).map(place).collect::<Result<_>>()?;
        let of = |&(level, side): &(usize, u32)| View { level, side };
        let views = views.iter().map(|views| views.iter().map(of).collect()).collect();
        let slides = Slides { paths, cache_bytes, open: open_slides };
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
        let reader = self.reader(alone, Layout::Interleaved);
        let images = py.detach(|| -> Result<Vec<Vec<u8>>> {
            let mut images: Vec<Vec<u8>> =
                reader.output_bytes().into_iter().map(|bytes| vec![0; bytes]).collect();
            let mut out: Vec<&mut [u8]> = images.iter_mut().map(Vec::as_mut_slice).collect();
            reader.read(sample, &mut out)?;
            Ok(images)
        })?;
        let sized = images.into_iter().zip(&self.samples.sides);
        sized.map(|(image, &side)| slide::array(py, image, side as usize, side as usize, 3)).collect()
    }

    /// Batches of samples in a given order; `planes` puts channels before height and width.
    #[pyo3(signature = (order, reading, *, alone, planes))]
    fn stream(
        &self,
        order: PyReadonlyArray1<'_, i64>,
        reading: Reading,
        alone: bool,
        planes: bool,
    ) -> PyResult<BatchStream> {
        let (layout, sides) = (layout_of(planes), &self.samples.sides);
        let shapes = sides.iter().map(|&side| shape_of(layout, side as usize)).collect();
        BatchStream::start(Box::new(self.reader(alone, layout)), order, &reading, shapes)
    }
}

fn layout_of(planes: bool) -> Layout {
    if planes { Layout::Planes } else { Layout::Interleaved }
}

fn shape_of(layout: Layout, side: usize) -> Vec<usize> {
    match layout {
        Layout::Planes => vec![3, side, side],
        Layout::Interleaved => vec![side, side, 3],
    }
}

/// Encoded images in a file.
#[pyclass(frozen, module = "origami._native")]
pub struct Blobs {
    blobs: Arc<BlobFile>,
}

/// A crop as Python names it: side, "centre", "resize", "random" or "direct", the shorter side of "resize", scale, ratio, seed.
type NamedCrop = (usize, String, u32, (f64, f64), (f64, f64), u64);

fn crop_of((side, kind, shorter, scale, ratio, seed): NamedCrop) -> Result<Crop> {
    let range = Range { scale, ratio, seed };
    let choice = match kind.as_str() {
        "centre" => Choice::Centre,
        "resize" => Choice::ResizeCentre(shorter),
        "random" => Choice::Random(range),
        "direct" => Choice::Direct(range),
        _ => return Err(wrong(format!("there is no crop {kind:?}"))),
    };
    Ok(Crop { side, choice })
}

fn crops_of(crops: Vec<NamedCrop>) -> Result<Vec<Crop>> {
    let crops = crops.into_iter().map(crop_of).collect::<Result<Vec<_>>>()?;
    crop::check(&crops)?;
    Ok(crops)
}

#[pymethods]
impl Blobs {
    #[new]
    fn new(
        path: PathBuf,
        offsets: PyReadonlyArray1<'_, u64>,
        sizes: PyReadonlyArray1<'_, u64>,
    ) -> PyResult<Self> {
        let table = offsets.as_slice()?.iter().copied().zip(sizes.as_slice()?.iter().copied()).collect();
        Ok(Self { blobs: Arc::new(BlobFile::open(&path, table)?) })
    }

    /// Bytes of the longest image.
    #[getter]
    fn longest(&self) -> usize {
        self.blobs.longest
    }

    /// Batches of images as they are stored.
    fn raw(&self, order: PyReadonlyArray1<'_, i64>, reading: Reading) -> PyResult<BatchStream> {
        let reader = Box::new(RawReader(Arc::clone(&self.blobs)));
        BatchStream::start(reader, order, &reading, vec![vec![self.blobs.longest]])
    }

    /// Batches of crops of the decoded images; `planes` puts channels before height and width.
    #[pyo3(signature = (order, reading, *, crops, epoch, planes))]
    fn crops(
        &self,
        order: PyReadonlyArray1<'_, i64>,
        reading: Reading,
        crops: Vec<NamedCrop>,
        epoch: u64,
        planes: bool,
    ) -> PyResult<BatchStream> {
        let crops = crops_of(crops)?;
        let layout = layout_of(planes);
        let shapes = crops.iter().map(|crop| shape_of(layout, crop.side)).collect();
        let blobs = Arc::clone(&self.blobs);
        BatchStream::start(Box::new(CropReader { blobs, crops, layout, epoch }), order, &reading, shapes)
    }
}

/// The parts that crops take of an image: left, top, width, height of each.
#[pyfunction]
pub fn crop_parts(
    crops: Vec<NamedCrop>,
    size: (usize, usize),
    epoch: u64,
    sample: u64,
) -> PyResult<Vec<(usize, usize, usize, usize)>> {
    if size.0 == 0 || size.1 == 0 {
        return Err(wrong("an image has at least 1 pixel").into());
    }
    let parts = crop::parts(&crops_of(crops)?, size, epoch, sample);
    Ok(parts.into_iter().map(|part| (part.x, part.y, part.width, part.height)).collect())
}

/// A decoded JPEG or PNG.
#[pyfunction]
pub fn decode_image<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyArray3<u8>>> {
    let image = py.detach(|| crop::decode(bytes)).map_err(wrong)?;
    slide::array(py, image.data, image.width, image.height, 3)
}

/// Width and height of a JPEG or PNG.
#[pyfunction]
pub fn image_size(bytes: &[u8]) -> PyResult<(usize, usize)> {
    Ok(crop::size(bytes).map_err(wrong)?)
}

/// An iterator over batches that threads read ahead.
#[pyclass(frozen, module = "origami._native")]
pub struct BatchStream {
    /// Of each output of a sample.
    shapes: Vec<Vec<usize>>,
    stream: Stream,
}

impl BatchStream {
    fn start(
        reader: Box<dyn Reader>,
        order: PyReadonlyArray1<'_, i64>,
        reading: &Reading,
        shapes: Vec<Vec<usize>>,
    ) -> PyResult<Self> {
        let order = order.as_slice()?.to_vec();
        let plan = Plan { reader, order, batch: reading.batch_size.max(1), ahead: reading.ahead.max(1) };
        Ok(Self { shapes, stream: Stream::start(plan, reading.threads)? })
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
        let poll = || Ok(Python::attach(|py| py.check_signals())?);
        let Some(Batch { samples, outputs, .. }) = py.detach(|| self.stream.next(poll))? else {
            return Ok(None);
        };
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
    let source = slide.source(py)?;
    let mask = py.detach(|| {
        let poll = Poll::new();
        tissue::mask(&*source, feature, downsample, &|| poll.ask())
    })?;
    Ok((PyArray1::from_vec(py, mask.tissue).reshape([mask.height, mask.width])?, mask.downsample))
}

//! The classes and functions of the loader in `_native` that concern encoded images.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{PyArray1, PyArray3, PyReadonlyArray1};
use pyo3::prelude::*;

use super::bindings::{BatchStream, Reading, layout_of, shape_of, wrong};
use super::blobs::{BlobFile, RawReader, Sizes};
use super::crop::{self, Choice, Crop, Form, Range};
use super::image::{self, CropReader, Whole, WholeReader};
use super::yuv;
use crate::errors::Result;
use crate::slide;

type Numbers<'py> = PyReadonlyArray1<'py, u64>;

/// First byte and length of each image.
fn table_of(offsets: &Numbers<'_>, sizes: &Numbers<'_>) -> PyResult<Vec<(u64, u64)>> {
    Ok(offsets.as_slice()?.iter().copied().zip(sizes.as_slice()?.iter().copied()).collect())
}

/// Encoded images in a file or in memory.
#[pyclass(frozen, module = "origami._native")]
pub struct Blobs {
    blobs: Arc<BlobFile>,
}

/// A crop as Python names it: side; "centre", "resize", "random" or "direct", or "yuv centre" or "yuv random"; the shorter side of "resize";
/// scale, ratio, seed.
type NamedCrop = (usize, String, u32, (f64, f64), (f64, f64), u64);

fn crop_of((side, kind, shorter, scale, ratio, seed): NamedCrop) -> Result<Crop> {
    let range = Range { scale, ratio, seed };
    let (kind, form) = match kind.strip_prefix("yuv ") {
        Some(kind @ ("centre" | "random")) => (kind, Form::Yuv420),
        _ => (kind.as_str(), Form::Rgb),
    };
    let choice = match kind {
        "centre" => Choice::Centre,
        "resize" => Choice::ResizeCentre(shorter),
        "random" => Choice::Random(range),
        "direct" => Choice::Direct(range),
        _ => return Err(wrong(format!("there is no crop {kind:?}"))),
    };
    Ok(Crop { side, choice, form })
}

fn crops_of(crops: Vec<NamedCrop>) -> Result<Vec<Crop>> {
    let crops = crops.into_iter().map(crop_of).collect::<Result<Vec<_>>>()?;
    crop::check(&crops)?;
    Ok(crops)
}

#[pymethods]
impl Blobs {
    /// In a file; `planes` are width and height of each where they are planes of Y, U and V.
    #[new]
    #[pyo3(signature = (path, offsets, sizes, planes=None))]
    fn new(path: PathBuf, offsets: Numbers<'_>, sizes: Numbers<'_>, planes: Sizes) -> PyResult<Self> {
        Ok(Self { blobs: Arc::new(BlobFile::open(&path, table_of(&offsets, &sizes)?, planes)?) })
    }

    /// In memory, which is copied.
    #[staticmethod]
    #[pyo3(signature = (data, offsets, sizes, planes=None))]
    fn of_memory(
        data: PyReadonlyArray1<'_, u8>,
        offsets: Numbers<'_>,
        sizes: Numbers<'_>,
        planes: Sizes,
    ) -> PyResult<Self> {
        let blobs = BlobFile::of_memory(data.as_slice()?.to_vec(), table_of(&offsets, &sizes)?, planes)?;
        Ok(Self { blobs: Arc::new(blobs) })
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
        let shape = |crop: &Crop| match crop.form {
            Form::Rgb => shape_of(layout, crop.side),
            Form::Yuv420 => vec![crop.form.bytes(crop.side, crop.side)],
        };
        let shapes = crops.iter().map(shape).collect();
        let blobs = Arc::clone(&self.blobs);
        BatchStream::start(Box::new(CropReader { blobs, crops, layout, epoch }), order, &reading, shapes)
    }

    /// Batches of whole images, each in the beginning of its row of `bytes`: "rgb", "yuv420" or "yuv444".
    #[pyo3(signature = (order, reading, *, form, bytes, planes))]
    fn whole(
        &self,
        order: PyReadonlyArray1<'_, i64>,
        reading: Reading,
        form: &str,
        bytes: usize,
        planes: bool,
    ) -> PyResult<BatchStream> {
        let whole = match form {
            "rgb" => Whole::Rgb,
            "yuv420" => Whole::Yuv420,
            "yuv444" => Whole::Yuv444,
            _ => return Err(wrong(format!("there is no form {form:?}")).into()),
        };
        let blobs = Arc::clone(&self.blobs);
        let reader = WholeReader { blobs, whole, layout: layout_of(planes), bytes };
        BatchStream::start(Box::new(reader), order, &reading, vec![vec![bytes]])
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
    let image = py.detach(|| image::decode(bytes)).map_err(wrong)?;
    slide::array(py, image.data, image.width, image.height, 3)
}

/// A JPEG or PNG as planes of Y, U and V in 4:2:0, one after the other.
#[pyfunction]
pub fn image_to_yuv420<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyArray1<u8>>> {
    let made = py.detach(|| {
        let image = yuv::decode(bytes)?;
        let mut out = vec![0; yuv::bytes_of(image.luma.width(), image.luma.height())];
        yuv::store(&image, &mut out);
        Ok::<_, String>(out)
    });
    Ok(PyArray1::from_vec(py, made.map_err(wrong)?))
}

/// Width and height of a JPEG or PNG.
#[pyfunction]
pub fn image_size(bytes: &[u8]) -> PyResult<(usize, usize)> {
    Ok(image::size(bytes).map_err(wrong)?)
}

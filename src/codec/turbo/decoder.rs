//! JPEG to planes or RGB.

use std::ops::Range;

use turbojpeg_sys as sys;

use super::handle::{Handle, failed, subsamp};
use crate::codec::error::Result;
use crate::codec::image_codec::{ImageDecoder, Shape};
use crate::codec::jpeg::stripes::Striped;
use crate::image::geometry::Rect;
use crate::image::plane::Plane;
use crate::image::spare::samples;
use crate::image::spec::MAX_JPEG_SCANS;
use crate::image::ycc::{Sampling, Ycc};

/// Pixels beside a part from which those of its edge are raised.
const RAISED_PX: usize = 2;

/// The colour space of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// One component.
    Gray,
    /// YCbCr.
    Ycc,
    /// RGB coded as such.
    Rgb,
    /// Four components: CMYK or YCCK.
    Cmyk,
}

/// The header of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Colour space.
    pub color: Color,
    /// Chroma sampling; `None` for an unusual one.
    pub sampling: Option<Sampling>,
    /// Sequential and Huffman-coded: every viewer decodes it.
    pub baseline: bool,
}

/// JPEG to planes or RGB.
///
/// Every image gets a TurboJPEG instance of its own. After a header that fails, an instance refuses good files; after tables without
/// an image, it reports the size of the file before.
#[derive(Default)]
pub struct Decoder;

/// A JPEG whose header has been read, not yet its samples.
pub struct Opened<'a> {
    handle: Handle,
    bytes: &'a [u8],
    header: Header,
}

impl Decoder {
    /// Reads the header.
    ///
    /// # Errors
    /// Bytes that are no JPEG, or one of more than 8 bits a sample; lack of memory.
    pub fn open(bytes: &[u8]) -> Result<Opened<'_>> {
        let mut handle = Handle::new(sys::TJINIT_TJINIT_DECOMPRESS)?;
        handle.set(sys::TJPARAM_TJPARAM_STOPONWARNING, 1)?;
        handle.set(sys::TJPARAM_TJPARAM_SCANLIMIT, MAX_JPEG_SCANS)?;
        if bytes.is_empty() {
            return Err(failed("the file is empty".into()));
        }
        // SAFETY: pointer and length of one live slice.
        let rc = unsafe { sys::tj3DecompressHeader(handle.0, bytes.as_ptr(), bytes.len() as _) };
        handle.check(rc)?;
        let (width, height) =
            (handle.get(sys::TJPARAM_TJPARAM_JPEGWIDTH), handle.get(sys::TJPARAM_TJPARAM_JPEGHEIGHT));
        if width < 1 || height < 1 {
            return Err(failed("tables without an image".into()));
        }
        let precision = handle.get(sys::TJPARAM_TJPARAM_PRECISION);
        if precision != 8 {
            return Err(failed(format!(
                "{precision} bits a sample; only 8 are supported: convert the image"
            )));
        }
        let color = match handle.get(sys::TJPARAM_TJPARAM_COLORSPACE) {
            x if x == sys::TJCS_TJCS_GRAY as i32 => Color::Gray,
            x if x == sys::TJCS_TJCS_YCbCr as i32 => Color::Ycc,
            x if x == sys::TJCS_TJCS_RGB as i32 => Color::Rgb,
            _ => Color::Cmyk,
        };
        let sampling_number = handle.get(sys::TJPARAM_TJPARAM_SUBSAMP);
        let sampling = match color {
            Color::Gray => Some(Sampling::Gray),
            _ => Sampling::YCC.into_iter().find(|&s| subsamp(s) as i32 == sampling_number),
        };
        let special = [
            sys::TJPARAM_TJPARAM_PROGRESSIVE,
            sys::TJPARAM_TJPARAM_ARITHMETIC,
            sys::TJPARAM_TJPARAM_LOSSLESS,
        ];
        let baseline = special.into_iter().all(|p| handle.get(p) != 1);
        let header = Header { width: width as usize, height: height as usize, color, sampling, baseline };
        Ok(Opened { handle, bytes, header })
    }
}

impl Opened<'_> {
    /// The header. Check the size before decoding, which allocates planes of that size.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Decodes gray and YCbCr images to their own planes.
    ///
    /// # Errors
    /// Damaged bytes; RGB, CMYK or unusual sampling: [`Self::rgb`] takes all but CMYK.
    pub fn planes(self) -> Result<Ycc> {
        let mut image = Ycc::default();
        self.planes_into(&mut image)?;
        Ok(image)
    }

    /// As [`Self::planes`], into the memory of another image.
    ///
    /// # Errors
    /// As [`Self::planes`]; the samples of `image` are then unspecified.
    pub fn planes_into(self, image: &mut Ycc) -> Result<()> {
        let sampling = self.sampling()?;
        image.lay_out(sampling, self.header.width, self.header.height);
        self.planes_at(image, (0, 0))
    }

    fn sampling(&self) -> Result<Sampling> {
        match (self.header.sampling, self.header.color) {
            (Some(sampling), Color::Gray | Color::Ycc) => Ok(sampling),
            _ => Err(failed("samples that are not gray or YCbCr in a usual sampling".into())),
        }
    }

    /// Decodes to the place `(x, y)`, which lies on the chroma grid, of an image of the same sampling that [`Ycc::lay_out`] laid out.
    ///
    /// # Errors
    /// As [`Self::planes`]; the samples at this place are then unspecified.
    ///
    /// # Panics
    /// Where it does not fit: a mistake of the caller.
    pub fn planes_at(mut self, image: &mut Ycc, (x, y): (usize, usize)) -> Result<()> {
        let Header { width, height, .. } = self.header;
        let sampling = self.sampling()?;
        assert_eq!(image.sampling, sampling, "the image has been laid out");
        assert_eq!(image.chroma.is_some(), sampling != Sampling::Gray, "the image has been laid out");
        let (fx, fy) = sampling.factors();
        assert!(x.is_multiple_of(fx) && y.is_multiple_of(fy), "a part begins on the chroma grid");
        let (pw, ph) = (width.next_multiple_of(fx), height.next_multiple_of(fy));
        let part = |plane: &mut Plane, (fx, fy): (usize, usize)| {
            let ((x, y), (columns, rows), stride) = ((x / fx, y / fy), (pw / fx, ph / fy), plane.stride());
            assert!(x + columns <= stride, "columns lie inside their plane");
            let samples = &mut plane.data_mut()[y * stride + x..][..(rows - 1) * stride + columns];
            (samples.as_mut_ptr(), stride as i32)
        };
        let mut planes = [std::ptr::null_mut(); 3];
        let mut strides = [0; 3];
        (planes[0], strides[0]) = part(&mut image.luma, (1, 1));
        for (i, plane) in image.chroma.iter_mut().flatten().enumerate() {
            (planes[i + 1], strides[i + 1]) = part(plane, (fx, fy));
        }
        // SAFETY: the planes hold, from these pointers on, the whole chroma samples that TurboJPEG documents for this width, height
        // and sampling: `part` checks columns and rows of each. `open` read the size from these very bytes, which cannot have
        // changed since.
        let rc = unsafe {
            sys::tj3DecompressToYUVPlanes8(
                self.handle.0,
                self.bytes.as_ptr(),
                self.bytes.len() as _,
                planes.as_mut_ptr(),
                strides.as_mut_ptr(),
            )
        };
        self.handle.check(rc)
    }

    /// Decodes to interleaved RGB; libjpeg resamples chroma, so this is for files that stand for themselves: sources, and stored tiles.
    ///
    /// # Errors
    /// Damaged bytes; CMYK.
    pub fn rgb(self) -> Result<Vec<u8>> {
        let Header { width, height, .. } = self.header;
        self.rgb_of_size((width, height))
    }

    /// As [`Self::rgb`], of a part alone, which lies inside: all bits are read, but only its pixels are computed, and a few around them.
    /// Returns the rectangle that was decoded.
    ///
    /// # Errors
    /// As [`Self::rgb`].
    pub fn rgb_around(mut self, part: Rect) -> Result<(Rect, Vec<u8>)> {
        let Header { width, height, sampling, .. } = self.header;
        let Some(sampling) = sampling else {
            let whole = Rect { x: 0, y: 0, width: width as u32, height: height as u32 };
            return Ok((whole, self.rgb()?));
        };
        // Chroma is raised from neighbours, and what is decoded begins with whole MCUs.
        let mcu = 8 * sampling.factors().0;
        let span = |range: Range<usize>, whole: usize, step: usize| {
            range.start.saturating_sub(RAISED_PX) / step * step..(range.end + RAISED_PX).min(whole)
        };
        let (columns, rows) = (span(part.columns(), width, mcu), span(part.rows(), height, 1));
        let [x, y, w, h] = [columns.start, rows.start, columns.len(), rows.len()];
        let region = sys::tjregion { x: x as i32, y: y as i32, w: w as i32, h: h as i32 };
        // SAFETY: the instance is live, and the region is passed by value.
        let rc = unsafe { sys::tj3SetCroppingRegion(self.handle.0, region) };
        self.handle.check(rc)?;
        let [x, y, width, height] = [x, y, w, h].map(|n| n as u32);
        Ok((Rect { x, y, width, height }, self.rgb_of_size((w, h))?))
    }

    /// Decodes what the instance was told to, which has so many pixels.
    fn rgb_of_size(mut self, (width, height): (usize, usize)) -> Result<Vec<u8>> {
        if self.header.color == Color::Cmyk {
            return Err(failed("CMYK is not supported; convert the image to RGB".into()));
        }
        let mut rgb = samples(3 * width * height);
        // SAFETY: `rgb` holds `height` rows of `3 * width` for the size that `open` read from these bytes, or for the part of it that
        // TurboJPEG has taken.
        let rc = unsafe {
            sys::tj3Decompress8(
                self.handle.0,
                self.bytes.as_ptr(),
                self.bytes.len() as _,
                rgb.as_mut_ptr(),
                (3 * width) as i32,
                sys::TJPF_TJPF_RGB,
            )
        };
        self.handle.check(rc)?;
        Ok(rgb)
    }
}

/// Compares a header with the shape that the image must have.
fn check_shape(width: usize, height: usize, sampling: Option<Sampling>, expect: Shape) -> Result<()> {
    if (width, height) != (expect.width, expect.height) {
        return Err(failed(format!(
            "the image is {width}x{height} where {}x{} belongs",
            expect.width, expect.height
        )));
    }
    if expect.sampling.is_some() && sampling != expect.sampling {
        return Err(failed(format!("the sampling is {sampling:?} where {:?} belongs", expect.sampling)));
    }
    Ok(())
}

impl ImageDecoder for Decoder {
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()> {
        let opened = Self::open(bytes)?;
        let Header { width, height, sampling, .. } = opened.header;
        check_shape(width, height, sampling, expect)?;
        opened.planes_into(image)
    }

    /// Uses restart markers; decodes all columns.
    fn decode_part(&mut self, bytes: &[u8], expect: Shape, part: Rect, image: &mut Ycc) -> Result<bool> {
        let Some(striped) = Striped::parse(bytes).filter(|striped| striped.intervals().len() > 1) else {
            return Ok(false);
        };
        let whole = striped.shape();
        check_shape(whole.width, whole.height, whole.sampling, expect)?;
        let (rows, part) = striped.cut(part.rows());
        let opened = Self::open(&part)?;
        let Header { width, height, sampling, .. } = opened.header;
        check_shape(width, height, sampling, Shape { height: rows.len(), ..whole })?;
        image.lay_out(opened.sampling()?, whole.width, whole.height);
        opened.planes_at(image, (0, rows.start))?;
        Ok(true)
    }
}

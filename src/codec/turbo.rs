//! JPEG through libjpeg-turbo: the one codec whose decoder is part of the numerics.
//!
//! The accurate integer DCT (`jpeg_idct_islow`), whose SIMD and C paths agree bit for bit; planes in and out, so that
//! libjpeg's own chroma resampling is never used. Hostile input meets limits on pixels, scans and warnings: a file
//! that libjpeg-turbo would "repair" is refused. Source: the TurboJPEG 3 API.
#![allow(unsafe_code)]

use std::ffi::CStr;

use turbojpeg_sys as sys;

use super::{CodecId, ImageDecoder, ImageEncoder, Sampling, Shape, Ycc, YccRef};
use crate::error::{Error, Result};
use crate::plane::{Plane, PlaneRef};
use crate::spec::MAX_JPEG_SCANS;

/// Largest side that libjpeg codes.
const MAX_SIDE: usize = 65_500;

struct Handle(sys::tjhandle);

// SAFETY: a TurboJPEG instance has no thread affinity; it is only ever used through `&mut`.
unsafe impl Send for Handle {}

impl Handle {
    fn new(kind: sys::TJINIT) -> Result<Self> {
        // SAFETY: `tj3Init` takes any value of the enumeration and returns null on failure, which is checked.
        let handle = unsafe { sys::tj3Init(kind as libc::c_int) };
        if handle.is_null() {
            return Err(codec("out of memory for a JPEG codec".into()));
        }
        Ok(Self(handle))
    }

    fn set(&mut self, param: sys::TJPARAM, value: i32) -> Result<()> {
        // SAFETY: the handle is live; TurboJPEG checks parameter and value.
        let rc = unsafe { sys::tj3Set(self.0, param as libc::c_int, value) };
        self.check(rc)
    }

    fn get(&mut self, param: sys::TJPARAM) -> i32 {
        // SAFETY: the handle is live; an unknown parameter gives -1.
        unsafe { sys::tj3Get(self.0, param as libc::c_int) }
    }

    fn check(&mut self, rc: libc::c_int) -> Result<()> {
        if rc == 0 {
            return Ok(());
        }
        // SAFETY: the handle is live and the string, which it owns, is copied at once.
        let text = unsafe { CStr::from_ptr(sys::tj3GetErrorStr(self.0)) };
        Err(codec(text.to_string_lossy().into_owned()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from `tj3Init` and is dropped once.
        unsafe { sys::tj3Destroy(self.0) }
    }
}

fn codec(problem: String) -> Error {
    Error::Codec { what: "JPEG".into(), problem }
}

fn tj_sampling(sampling: Sampling) -> sys::TJSAMP {
    match sampling {
        Sampling::Gray => sys::TJSAMP_TJSAMP_GRAY,
        Sampling::S444 => sys::TJSAMP_TJSAMP_444,
        Sampling::S422 => sys::TJSAMP_TJSAMP_422,
        Sampling::S420 => sys::TJSAMP_TJSAMP_420,
        Sampling::S440 => sys::TJSAMP_TJSAMP_440,
        Sampling::S411 => sys::TJSAMP_TJSAMP_411,
        Sampling::S441 => sys::TJSAMP_TJSAMP_441,
    }
}

/// Planes or RGB to JPEG.
pub struct Encoder {
    handle: Handle,
    buffer: Vec<u8>,
}

impl Encoder {
    /// A new encoder with standard Huffman tables.
    ///
    /// # Errors
    /// Lack of memory.
    pub fn new() -> Result<Self> {
        Ok(Self { handle: Handle::new(sys::TJINIT_TJINIT_COMPRESS)?, buffer: Vec::new() })
    }

    /// Sets Huffman tables made for each image: smaller files, slower.
    ///
    /// # Errors
    /// Never in practice; whatever TurboJPEG says.
    pub fn optimised(mut self) -> Result<Self> {
        self.handle.set(sys::TJPARAM_TJPARAM_OPTIMIZE, 1)?;
        Ok(self)
    }

    /// Codes interleaved RGB, converting and subsampling as libjpeg does.
    ///
    /// # Errors
    /// See [`ImageEncoder::encode`].
    pub fn encode_rgb(
        &mut self,
        rgb: &[u8],
        width: usize,
        height: usize,
        quality: u8,
        sampling: Sampling,
    ) -> Result<Vec<u8>> {
        assert_eq!(rgb.len(), 3 * width * height, "bytes of an RGB image");
        self.prepare(width, height, quality, sampling)?;
        let (mut out, mut size) = (self.buffer.as_mut_ptr(), self.buffer.capacity());
        // SAFETY: `rgb` holds `height` rows of `3 * width`, as asserted; the output buffer has the capacity that is passed
        // and, with NOREALLOC set, TurboJPEG stays inside it.
        let rc = unsafe {
            sys::tj3Compress8(
                self.handle.0,
                rgb.as_ptr(),
                width as i32,
                (3 * width) as i32,
                height as i32,
                sys::TJPF_TJPF_RGB,
                &mut out,
                &mut size as *mut usize as *mut _,
            )
        };
        self.finish(rc, size)
    }

    fn prepare(&mut self, width: usize, height: usize, quality: u8, sampling: Sampling) -> Result<()> {
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(codec(format!(
                "an image of {width}x{height}: JPEG codes 1 to {MAX_SIDE} pixels a side"
            )));
        }
        self.handle.set(sys::TJPARAM_TJPARAM_NOREALLOC, 1)?;
        self.handle.set(sys::TJPARAM_TJPARAM_QUALITY, i32::from(quality))?;
        self.handle.set(sys::TJPARAM_TJPARAM_SUBSAMP, tj_sampling(sampling))?;
        // SAFETY: a pure function of its arguments.
        let bound =
            unsafe { sys::tj3JPEGBufSize(width as i32, height as i32, tj_sampling(sampling)) } as usize;
        if bound == 0 {
            return Err(codec(format!("an image of {width}x{height} is too large for JPEG")));
        }
        self.buffer.clear();
        self.buffer.reserve(bound);
        Ok(())
    }

    fn finish(&mut self, rc: libc::c_int, size: usize) -> Result<Vec<u8>> {
        self.handle.check(rc)?;
        assert!(size <= self.buffer.capacity());
        // SAFETY: TurboJPEG wrote `size` bytes from the start of the buffer; the line above checks the bound.
        unsafe { self.buffer.set_len(size) };
        Ok(self.buffer.as_slice().to_vec())
    }
}

impl ImageEncoder for Encoder {
    fn codec(&self) -> CodecId {
        CodecId::Jpeg
    }

    fn encode(&mut self, image: YccRef<'_>, quality: u8) -> Result<Vec<u8>> {
        let (width, height) = (image.luma.width, image.luma.height);
        self.prepare(width, height, quality, image.sampling)?;
        // TurboJPEG reads luma up to a whole number of chroma samples.
        let (fx, fy) = image.sampling.factors();
        let (pw, ph) = (width.next_multiple_of(fx), height.next_multiple_of(fy));
        let padded: Plane;
        let luma: PlaneRef<'_> = if (pw, ph) == (width, height) {
            image.luma
        } else {
            padded = image.luma.extended(pw, ph);
            padded.view()
        };
        let mut planes = [luma.row(0).as_ptr(), std::ptr::null(), std::ptr::null()];
        let mut strides = [luma.stride as i32, 0, 0];
        match (image.sampling, image.chroma) {
            (Sampling::Gray, _) => {}
            (sampling, Some(chroma)) => {
                for (i, plane) in chroma.iter().enumerate() {
                    assert_eq!(
                        (plane.width, plane.height),
                        sampling.chroma_size(width, height),
                        "size of a chroma plane"
                    );
                    planes[i + 1] = plane.row(0).as_ptr();
                    strides[i + 1] = plane.stride as i32;
                }
            }
            (_, None) => unreachable!("an image with a chroma sampling has chroma planes"),
        }
        let (mut out, mut size) = (self.buffer.as_mut_ptr(), self.buffer.capacity());
        // SAFETY: each plane holds the rows and columns that TurboJPEG reads for this size and sampling: luma was
        // extended to whole chroma samples above, chroma sizes are asserted. Output as in `encode_rgb`.
        let rc = unsafe {
            sys::tj3CompressFromYUVPlanes8(
                self.handle.0,
                planes.as_ptr(),
                width as i32,
                strides.as_ptr(),
                height as i32,
                &mut out,
                &mut size as *mut usize as *mut _,
            )
        };
        self.finish(rc, size)
    }
}

/// What the samples of a JPEG mean.
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

/// What a JPEG says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Meaning of the samples.
    pub color: Color,
    /// Chroma sampling; `None` where it is none of the usual ones.
    pub sampling: Option<Sampling>,
    /// Sequential, Huffman, 8 bits: what every viewer decodes.
    pub baseline: bool,
}

/// JPEG to planes or RGB.
///
/// Every image gets a TurboJPEG instance of its own: after a header that fails, an instance is left in a state in which it
/// refuses good files, and after one without an image it reports the size of the file before.
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
            return Err(codec("the file is empty".into()));
        }
        // SAFETY: pointer and length of one live slice.
        let rc = unsafe { sys::tj3DecompressHeader(handle.0, bytes.as_ptr(), bytes.len() as _) };
        handle.check(rc)?;
        let (width, height) =
            (handle.get(sys::TJPARAM_TJPARAM_JPEGWIDTH), handle.get(sys::TJPARAM_TJPARAM_JPEGHEIGHT));
        if width < 1 || height < 1 {
            return Err(codec("tables without an image".into()));
        }
        let precision = handle.get(sys::TJPARAM_TJPARAM_PRECISION);
        if precision != 8 {
            return Err(codec(format!("{precision} bits a sample; only 8 are supported: convert the image")));
        }
        let color = match handle.get(sys::TJPARAM_TJPARAM_COLORSPACE) {
            x if x == sys::TJCS_TJCS_GRAY as i32 => Color::Gray,
            x if x == sys::TJCS_TJCS_YCbCr as i32 => Color::Ycc,
            x if x == sys::TJCS_TJCS_RGB as i32 => Color::Rgb,
            _ => Color::Cmyk,
        };
        let all =
            [Sampling::S444, Sampling::S422, Sampling::S420, Sampling::S440, Sampling::S411, Sampling::S441];
        let subsamp = handle.get(sys::TJPARAM_TJPARAM_SUBSAMP);
        let sampling = match color {
            Color::Gray => Some(Sampling::Gray),
            _ => all.into_iter().find(|&s| tj_sampling(s) == subsamp),
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
    /// What the header says. Check the size before decoding: the planes are allocated by it.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Decodes gray and YCbCr images to their own planes.
    ///
    /// # Errors
    /// Damaged bytes; RGB, CMYK or unusual sampling: [`Self::rgb`] takes all but CMYK.
    pub fn planes(mut self) -> Result<Ycc> {
        let header = self.header;
        let (Some(sampling), Color::Gray | Color::Ycc) = (header.sampling, header.color) else {
            return Err(codec("samples that are not gray or YCbCr in a usual sampling".into()));
        };
        let (fx, fy) = sampling.factors();
        let (pw, ph) = (header.width.next_multiple_of(fx), header.height.next_multiple_of(fy));
        let mut luma = Plane::new(pw, ph);
        let mut chroma = (sampling != Sampling::Gray)
            .then(|| [Plane::new(pw / fx, ph / fy), Plane::new(pw / fx, ph / fy)]);
        let mut planes = [luma.data_mut().as_mut_ptr(), std::ptr::null_mut(), std::ptr::null_mut()];
        let mut strides = [pw as i32, 0, 0];
        for (i, plane) in chroma.iter_mut().flatten().enumerate() {
            strides[i + 1] = plane.width() as i32;
            planes[i + 1] = plane.data_mut().as_mut_ptr();
        }
        // SAFETY: the planes have the sizes that TurboJPEG documents for this width, height and sampling (whole chroma
        // samples), and `open` read those from these very bytes, which cannot have changed since.
        let rc = unsafe {
            sys::tj3DecompressToYUVPlanes8(
                self.handle.0,
                self.bytes.as_ptr(),
                self.bytes.len() as _,
                planes.as_mut_ptr(),
                strides.as_mut_ptr(),
            )
        };
        self.handle.check(rc)?;
        luma.crop(header.width, header.height);
        Ok(Ycc { luma, chroma, sampling })
    }

    /// Decodes to interleaved RGB; libjpeg's chroma resampling is used, so this is for sources only.
    ///
    /// # Errors
    /// Damaged bytes; CMYK.
    pub fn rgb(mut self) -> Result<Vec<u8>> {
        let header = self.header;
        if header.color == Color::Cmyk {
            return Err(codec("CMYK is not supported; convert the image to RGB".into()));
        }
        let mut rgb = vec![0u8; 3 * header.width * header.height];
        // SAFETY: `rgb` holds `height` rows of `3 * width` for the size that `open` read from these bytes.
        let rc = unsafe {
            sys::tj3Decompress8(
                self.handle.0,
                self.bytes.as_ptr(),
                self.bytes.len() as _,
                rgb.as_mut_ptr(),
                (3 * header.width) as i32,
                sys::TJPF_TJPF_RGB,
            )
        };
        self.handle.check(rc)?;
        Ok(rgb)
    }
}

impl ImageDecoder for Decoder {
    fn decode(&mut self, bytes: &[u8], expect: Shape) -> Result<Ycc> {
        let opened = Self::open(bytes)?;
        let header = opened.header;
        if (header.width, header.height) != (expect.width, expect.height) {
            return Err(codec(format!(
                "the image is {}x{} where {}x{} belongs",
                header.width, header.height, expect.width, expect.height
            )));
        }
        if expect.sampling.is_some() && header.sampling != expect.sampling {
            return Err(codec(format!(
                "the sampling is {:?} where {:?} belongs",
                header.sampling, expect.sampling
            )));
        }
        opened.planes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: usize, height: usize, sampling: Sampling) -> Ycc {
        let plane = |w: usize, h: usize, k: usize| {
            Plane::from_vec(w, h, (0..w * h).map(|i| (128 + (i % w) * k / 4 + (i / w) * 2) as u8).collect())
        };
        let (cw, ch) = sampling.chroma_size(width, height);
        let chroma = (sampling != Sampling::Gray).then(|| [plane(cw, ch, 3), plane(cw, ch, 5)]);
        Ycc { luma: plane(width, height, 4), chroma, sampling }
    }

    #[test]
    fn every_sampling_and_odd_size_comes_back_in_its_own_planes() {
        let all = [
            Sampling::Gray,
            Sampling::S444,
            Sampling::S422,
            Sampling::S420,
            Sampling::S440,
            Sampling::S411,
            Sampling::S441,
        ];
        let (mut enc, mut dec) = (Encoder::new().unwrap(), Decoder);
        for sampling in all {
            for (w, h) in [(1, 1), (17, 5), (64, 64), (255, 33)] {
                let source = image(w, h, sampling);
                let bytes = enc.encode(source.view(), 100).unwrap();
                let shape = Shape { width: w, height: h, sampling: Some(sampling) };
                let back = dec.decode(&bytes, shape).unwrap();
                assert_eq!((back.luma.width(), back.luma.height()), (w, h));
                assert_eq!(back.chroma.is_some(), sampling != Sampling::Gray);
                let worst = (0..h)
                    .flat_map(|y| back.luma.row(y).iter().zip(source.luma.row(y)))
                    .map(|(a, b)| a.abs_diff(*b))
                    .max();
                assert!(worst.unwrap() < 40, "{sampling:?} {w}x{h}: {worst:?}");
                assert!(dec.decode(&bytes, Shape { width: w + 1, ..shape }).is_err());
            }
        }
    }

    #[test]
    fn damaged_bytes_are_errors() {
        let bytes = Encoder::new().unwrap().encode(image(200, 200, Sampling::S420).view(), 80).unwrap();
        let mut dec = Decoder;
        let shape = Shape { width: 200, height: 200, sampling: None };
        assert!(dec.decode(&bytes, shape).is_ok());
        for cut in [0, 1, 20, bytes.len() / 2, bytes.len() - 3] {
            assert!(dec.decode(&bytes[..cut], shape).is_err(), "cut at {cut}");
        }
        assert!(dec.decode(b"GIF89a", shape).is_err());
        assert!(dec.decode(&bytes, shape).is_ok());
    }
}

//! JPEG to planes or RGB.

use turbojpeg_sys as sys;

use super::{Handle, codec, tj_sampling};
use crate::codec::{ImageDecoder, Sampling, Shape, Ycc};
use crate::error::Result;
use crate::spec::MAX_JPEG_SCANS;

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
    pub fn planes(self) -> Result<Ycc> {
        let mut image = Ycc::default();
        self.planes_into(&mut image)?;
        Ok(image)
    }

    /// As [`Self::planes`], in the memory of an image that has been used up.
    ///
    /// # Errors
    /// As [`Self::planes`]; `image` then holds nothing of use.
    pub fn planes_into(mut self, image: &mut Ycc) -> Result<()> {
        let header = self.header;
        let (Some(sampling), Color::Gray | Color::Ycc) = (header.sampling, header.color) else {
            return Err(codec("samples that are not gray or YCbCr in a usual sampling".into()));
        };
        let (fx, fy) = sampling.factors();
        let (pw, ph) = (header.width.next_multiple_of(fx), header.height.next_multiple_of(fy));
        let Ycc { luma, chroma, sampling: of } = image;
        *of = sampling;
        luma.reset(pw, ph);
        if sampling == Sampling::Gray {
            *chroma = None;
        } else {
            let chroma = chroma.get_or_insert_default();
            chroma.iter_mut().for_each(|plane| plane.reset(pw / fx, ph / fy));
        }
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
        Ok(())
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
    fn decode_into(&mut self, bytes: &[u8], expect: Shape, image: &mut Ycc) -> Result<()> {
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
        opened.planes_into(image)
    }
}

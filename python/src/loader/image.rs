//! Images decoded and cropped in one step, for the threads of a loader.

use std::sync::Arc;

use origami::codec::{JpegDecoder, OpenedJpeg, decode_png};
use origami::image::spare;
use origami::kernels::taps::Filter;

use super::blobs::BlobFile;
use super::crop::{Choice, Crop, Form, parts};
use super::scale::{Part, scaled};
use super::stream::Reader;
use super::yuv;
use crate::errors::Result;
use origami::pixels::{Layout, Patch, Rgb};

/// Most pixels of an image.
const MAX_PX: usize = 1 << 28;
/// The first bytes of a PNG.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Decodes a JPEG or PNG to RGB, as libjpeg and Pillow show it.
///
/// # Errors
/// Damaged bytes, another format, more than 2^28 pixels.
pub fn decode(bytes: &[u8]) -> Result<Rgb, String> {
    decode_around(bytes, Part::whole).map(|decoded| decoded.rgb)
}

/// The pixels of an image, or of a part of it.
pub struct Decoded {
    /// Width and height of the image.
    pub size: (usize, usize),
    /// The left upper corner of the part.
    pub corner: (usize, usize),
    /// The pixels of the part.
    pub rgb: Rgb,
}

impl From<Rgb> for Decoded {
    fn from(rgb: Rgb) -> Self {
        Self { size: (rgb.width, rgb.height), corner: (0, 0), rgb }
    }
}

/// As [`decode`], of at least the part that `part` makes of the size.
///
/// # Errors
/// As [`decode`]: a JPEG is read to its end in any case.
pub fn decode_around(bytes: &[u8], part: impl FnOnce((usize, usize)) -> Part) -> Result<Decoded, String> {
    if bytes.starts_with(PNG) {
        let png = decode_png(bytes, MAX_PX).map_err(|e| e.to_string())?;
        return Ok(Rgb::of_samples(png.width, png.height, png.channels, png.data).into());
    }
    let opened = open(bytes)?;
    let size = (opened.header().width, opened.header().height);
    let (made, data) = opened.rgb_around(part(size).into()).map_err(|e| e.to_string())?;
    let rgb = Rgb { width: made.width as usize, height: made.height as usize, data };
    Ok(Decoded { size, corner: (made.x as usize, made.y as usize), rgb })
}

/// Opens a JPEG and checks its size.
fn open(bytes: &[u8]) -> Result<OpenedJpeg<'_>, String> {
    let opened = JpegDecoder::open(bytes).map_err(|e| format!("it is no PNG, and as a JPEG: {e}"))?;
    check_size(opened.header().width, opened.header().height)?;
    Ok(opened)
}

/// Width and height of a JPEG or PNG, by its header.
///
/// # Errors
/// As of [`decode`].
pub fn size(bytes: &[u8]) -> Result<(usize, usize), String> {
    let (width, height) = if bytes.starts_with(PNG) {
        // The first chunk is IHDR: length, name, width, height.
        let number =
            |at: usize| bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        match (number(16), number(20)) {
            (Some(width), Some(height)) => (width as usize, height as usize),
            _ => return Err("the PNG ends in its header".into()),
        }
    } else {
        let header = open(bytes)?.header();
        (header.width, header.height)
    };
    check_size(width, height)
}

fn check_size(width: usize, height: usize) -> Result<(usize, usize), String> {
    match width.checked_mul(height) {
        Some(pixels) if (1..=MAX_PX).contains(&pixels) => Ok((width, height)),
        _ => Err(format!("it is {width}x{height}; at most {MAX_PX} pixels are read")),
    }
}

/// Decodes images and takes crops of each; an image is decoded once.
pub struct CropReader {
    /// The images.
    pub blobs: Arc<BlobFile>,
    /// The outputs.
    pub crops: Vec<Crop>,
    /// Where channels lie in them.
    pub layout: Layout,
    /// Decides random parts, with their seeds.
    pub epoch: u64,
}

impl Reader for CropReader {
    fn output_bytes(&self) -> Vec<usize> {
        self.crops.iter().map(|crop| crop.form.bytes(crop.side, crop.side)).collect()
    }

    fn read(&self, sample: i64, out: &mut [&mut [u8]]) -> Result<()> {
        let is = |form: Form| self.crops.iter().any(|crop| crop.form == form);
        let of = |size| parts(&self.crops, size, self.epoch, sample.cast_unsigned());
        if is(Form::Rgb) {
            let image = self.blobs.rgb_around(sample, |size| self.read_of(size, &of(size)))?;
            for ((crop, part), out) in self.crops.iter().zip(of(image.size)).zip(&mut *out) {
                if crop.form == Form::Rgb {
                    self.crop_rgb(&image, *crop, part, out)
                        .map_err(|problem| self.blobs.wrong(sample, problem))?;
                }
            }
            spare::give(image.rgb.data);
        }
        if is(Form::Yuv420) {
            let planes = self.blobs.yuv(sample)?;
            let size = (planes.luma.width(), planes.luma.height());
            for ((crop, part), out) in self.crops.iter().zip(of(size)).zip(out) {
                if crop.form == Form::Yuv420 {
                    let made = match crop.choice {
                        Choice::Random(_) | Choice::Direct(_) => yuv::part(&planes, part, crop.side),
                        Choice::Centre | Choice::ResizeCentre(_) => yuv::middle(&planes, crop.side),
                    };
                    yuv::store(&made, out);
                }
            }
        }
        Ok(())
    }
}

impl CropReader {
    /// The part of an image of this size that its crops in RGB read.
    fn read_of(&self, size: (usize, usize), parts: &[Part]) -> Part {
        let read = self.crops.iter().zip(parts).filter(|(crop, _)| crop.form == Form::Rgb);
        let read = read.map(|(crop, &part)| match crop.choice {
            Choice::Centre => middle_of(size, crop.side),
            Choice::ResizeCentre(_) => Part::whole(size),
            Choice::Random(_) | Choice::Direct(_) => part,
        });
        read.reduce(Part::around).unwrap_or_else(|| Part::whole(size))
    }

    fn crop_rgb(&self, image: &Decoded, crop: Crop, part: Part, out: &mut [u8]) -> Result<(), String> {
        let side = crop.side;
        match crop.choice {
            Choice::Centre => middle(image, side, self.layout, out),
            Choice::ResizeCentre(shorter) => {
                resized_middle(&image.rgb, shorter as usize, side, self.layout, out)?;
            }
            Choice::Random(_) | Choice::Direct(_) => {
                let (filter, (left, top)) = (Filter::Bilinear, image.corner);
                let part = Part { x: part.x - left, y: part.y - top, ..part };
                scaled(&image.rgb.data, image.rgb.width, part, (side, side), filter, self.layout, out);
            }
        }
        Ok(())
    }
}

/// What of a whole image is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// RGB.
    Rgb,
    /// Planes of Y, U and V in 4:2:0.
    Yuv420,
    /// The same with U and V at the size of Y.
    Yuv444,
}

/// Decodes whole images, each into the beginning of its output.
pub struct WholeReader {
    /// The images.
    pub blobs: Arc<BlobFile>,
    /// What is given of them.
    pub whole: Whole,
    /// Where channels lie in RGB.
    pub layout: Layout,
    /// Bytes of an output, enough for the largest image.
    pub bytes: usize,
}

impl Reader for WholeReader {
    fn output_bytes(&self) -> Vec<usize> {
        vec![self.bytes]
    }

    fn read(&self, sample: i64, out: &mut [&mut [u8]]) -> Result<()> {
        let Some(out) = out.first_mut() else { return Ok(()) };
        let large = || self.blobs.wrong(sample, "it is larger than its header said; build the cache again");
        if self.whole == Whole::Rgb {
            let image = self.blobs.rgb(sample)?;
            let out = out.get_mut(..image.data.len()).ok_or_else(large)?;
            let (width, height) = (image.width, image.height);
            Patch { x: 0, y: 0, width, height, layout: self.layout, data: out }.paste(&image, (0, 0));
            return Ok(());
        }
        let image = self.blobs.yuv(sample)?;
        let (width, height) = (image.luma.width(), image.luma.height());
        if self.whole == Whole::Yuv444 {
            yuv::store_444(image, out.get_mut(..3 * width * height).ok_or_else(large)?);
        } else {
            yuv::store(&image, out.get_mut(..yuv::bytes_of(width, height)).ok_or_else(large)?);
        }
        Ok(())
    }
}

/// Where the output of torchvision's `CenterCrop` lies along a side of an image: outside of a smaller one.
fn middle_from(whole: usize, side: usize) -> i64 {
    // As torchvision rounds: half to even, and what is added around a smaller image first.
    match whole < side {
        true => -(((side - whole) / 2) as i64),
        false => ((whole - side) as f64 / 2.0).round_ties_even() as i64,
    }
}

/// The part of an image that its middle shows.
fn middle_of((width, height): (usize, usize), side: usize) -> Part {
    let from = |whole| middle_from(whole, side).max(0) as usize;
    Part { x: from(width), y: from(height), width: side.min(width), height: side.min(height) }
}

/// torchvision's `CenterCrop`: the middle of an image, with black around a smaller one.
fn middle(image: &Decoded, side: usize, layout: Layout, out: &mut [u8]) {
    let (x, y) = (middle_from(image.size.0, side), middle_from(image.size.1, side));
    if image.size.0 < side || image.size.1 < side {
        out.fill(0);
    }
    let corner = (image.corner.0 as u32, image.corner.1 as u32);
    Patch { x, y, width: side, height: side, layout, data: out }.paste(&image.rgb, corner);
}

/// torchvision's `Resize` of the shorter side, then its `CenterCrop`.
fn resized_middle(
    image: &Rgb,
    shorter: usize,
    side: usize,
    layout: Layout,
    out: &mut [u8],
) -> Result<(), String> {
    let whole = Part::whole((image.width, image.height));
    // A side of an image is below 2^28, and the shorter one at most 8192.
    let longer = |long: usize, short: usize| shorter * long / short;
    let (width, height) = match image.width <= image.height {
        true => (shorter, longer(image.height, image.width)),
        false => (longer(image.width, image.height), shorter),
    };
    if width * height > MAX_PX {
        return Err(format!("{}x{} would be resized to {width}x{height}", image.width, image.height));
    }
    let mut data = vec![0; 3 * width * height];
    scaled(
        &image.data,
        image.width,
        whole,
        (width, height),
        Filter::Bilinear,
        Layout::Interleaved,
        &mut data,
    );
    middle(&Rgb { width, height, data }.into(), side, layout, out);
    Ok(())
}

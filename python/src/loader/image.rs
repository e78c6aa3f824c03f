//! Images decoded and cropped in one step, for the threads of a loader.

use std::sync::Arc;

use origami::codec::{JpegDecoder, decode_png, foreign_pixels};
use origami::image::ycc::Ycc;
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
    if bytes.starts_with(PNG) {
        let png = decode_png(bytes, MAX_PX).map_err(|e| e.to_string())?;
        return Ok(Rgb::of_samples(png.width, png.height, png.channels, png.data));
    }
    size(bytes)?;
    foreign_pixels(bytes, None).map(Rgb::of_pixels).map_err(|e| e.to_string())
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
        let opened = JpegDecoder::open(bytes).map_err(|e| format!("it is no PNG, and as a JPEG: {e}"))?;
        (opened.header().width, opened.header().height)
    };
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
        let rgb = is(Form::Rgb).then(|| self.blobs.rgb(sample)).transpose()?;
        let planes = is(Form::Yuv420).then(|| self.blobs.yuv(sample)).transpose()?;
        let size_of = |planes: &Ycc| (planes.luma.width(), planes.luma.height());
        let size = rgb.as_ref().map(|image| (image.width, image.height)).or(planes.as_ref().map(size_of));
        let parts = parts(&self.crops, size.unwrap_or_default(), self.epoch, sample.cast_unsigned());
        for ((crop, part), out) in self.crops.iter().zip(parts).zip(out) {
            match (crop.form, &rgb, &planes) {
                (Form::Rgb, Some(image), _) => {
                    self.crop_rgb(image, *crop, part, out)
                        .map_err(|problem| self.blobs.wrong(sample, problem))?;
                }
                (Form::Yuv420, _, Some(planes)) => {
                    let made = match crop.choice {
                        Choice::Random(_) | Choice::Direct(_) => yuv::part(planes, part, crop.side),
                        Choice::Centre | Choice::ResizeCentre(_) => yuv::middle(planes, crop.side),
                    };
                    yuv::store(&made, out);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl CropReader {
    fn crop_rgb(&self, image: &Rgb, crop: Crop, part: Part, out: &mut [u8]) -> Result<(), String> {
        let side = crop.side;
        match crop.choice {
            Choice::Centre => middle(image, side, self.layout, out),
            Choice::ResizeCentre(shorter) => {
                resized_middle(image, shorter as usize, side, self.layout, out)?;
            }
            Choice::Random(_) | Choice::Direct(_) => {
                let filter = Filter::Bilinear;
                scaled(&image.data, image.width, part, (side, side), filter, self.layout, out);
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

/// torchvision's `CenterCrop`: the middle of an image, with black around a smaller one.
fn middle(image: &Rgb, side: usize, layout: Layout, out: &mut [u8]) {
    // As torchvision rounds: half to even, and what is added around a smaller image first.
    let edge = |whole: usize| match whole < side {
        true => (0, (side - whole) / 2),
        false => (((whole - side) as f64 / 2.0).round_ties_even() as usize, 0),
    };
    let ((from_x, to_x), (from_y, to_y)) = (edge(image.width), edge(image.height));
    let (width, height) = (image.width.min(side), image.height.min(side));
    out.fill(0);
    for y in 0..height {
        let row = &image.data[3 * ((from_y + y) * image.width + from_x)..][..3 * width];
        match layout {
            Layout::Interleaved => out[3 * ((to_y + y) * side + to_x)..][..3 * width].copy_from_slice(row),
            Layout::Planes => {
                for channel in 0..3 {
                    let to = out[(channel * side + to_y + y) * side + to_x..][..width].iter_mut();
                    to.zip(row.iter().skip(channel).step_by(3)).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

/// torchvision's `Resize` of the shorter side, then its `CenterCrop`.
fn resized_middle(
    image: &Rgb,
    shorter: usize,
    side: usize,
    layout: Layout,
    out: &mut [u8],
) -> Result<(), String> {
    let whole = Part { x: 0, y: 0, width: image.width, height: image.height };
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
    middle(&Rgb { width, height, data }, side, layout, out);
    Ok(())
}

//! Planes to VP8.

use std::borrow::Cow;

use libwebp_sys as sys;

use super::error::failed;
use crate::codec::error::{Error, Result};
use crate::codec::id::CodecId;
use crate::codec::image_codec::{ImageEncoder, Quality};
use crate::codec::kind::ImageRole;
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, YccRef};

/// Largest side that VP8 codes, in pixels.
const MAX_SIDE: usize = 16_383;
/// libwebp's effort, 0 to 6.
const METHOD: i32 = 4;
/// Chroma of a gray image.
const NEUTRAL: u8 = 128;

/// Planes to VP8, for images of one role.
pub struct Encoder {
    role: ImageRole,
}

impl Encoder {
    /// A new encoder.
    pub fn new(role: ImageRole) -> Self {
        Self { role }
    }

    fn config(&self, quality: u8) -> Result<sys::WebPConfig> {
        let mut config = sys::WebPConfig::new().map_err(|()| failed("libwebp of another version"))?;
        config.quality = quality.clamp(1, 100).into();
        config.method = METHOD;
        if self.role == ImageRole::Residual {
            // A residual is noise: it has no edges to smooth and no flat parts to favour.
            config.sns_strength = 0;
            config.filter_strength = 0;
        }
        Ok(config)
    }
}

impl ImageEncoder for Encoder {
    fn codec(&self) -> CodecId {
        CodecId::Webp
    }

    fn encode(&mut self, image: YccRef<'_>, quality: Quality) -> Result<Vec<u8>> {
        let (width, height) = (image.luma.width, image.luma.height);
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(failed(format!(
                "an image of {width}x{height}: WebP codes 1 to {MAX_SIDE} pixels a side"
            )));
        }
        let components = match image.sampling {
            Sampling::Gray => 1,
            Sampling::S420 => 3,
            sampling => return Err(Error::Sampling { encoder: "WebP", sampling, coded: "420" }),
        };
        let (cw, ch) = Sampling::S420.chroma_size(width, height);
        let neutral: Plane;
        let [cb, cr] = match image.chroma {
            Some(planes) => planes,
            None => {
                neutral = Plane::filled(cw, ch, NEUTRAL);
                [neutral.view(), neutral.view()]
            }
        };
        assert!([cb, cr].iter().all(|p| (p.width, p.height) == (cw, ch)), "size of a chroma plane");
        // libwebp has one stride for both chroma planes and reads every plane up to its last sample.
        let [luma, cb, cr] = [image.luma, cb, cr].map(packed);
        assert!(luma.len() == width * height && [&cb, &cr].iter().all(|p| p.len() == cw * ch));
        let config = self.config(quality.luma)?;
        let mut picture = sys::WebPPicture::new().map_err(|()| failed("libwebp of another version"))?;
        let mut writer = Writer::new();
        picture.use_argb = 0;
        picture.colorspace = sys::WebPEncCSP::WEBP_YUV420;
        (picture.width, picture.height) = (width as i32, height as i32);
        (picture.y_stride, picture.uv_stride) = (width as i32, cw as i32);
        // The pointers are mutable, but libwebp changes samples only under transparency.
        [picture.y, picture.u, picture.v] = [&luma, &cb, &cr].map(|plane| plane.as_ptr().cast_mut());
        picture.writer = Some(sys::WebPMemoryWrite);
        picture.custom_ptr = (&raw mut writer.0).cast();
        // SAFETY: the planes have the sizes that the picture's size and strides say, as asserted, and no memory of the picture is
        // libwebp's own. `WebPMemoryWrite` gets the initialised writer that it asks for as `custom_ptr`.
        let done = unsafe { sys::WebPEncode(&config, &mut picture) };
        if done == 0 {
            return Err(failed(format!("an image of {width}x{height}: {:?}", picture.error_code)));
        }
        let frame =
            frame_of(writer.bytes()).ok_or_else(|| failed("libwebp wrote something else than VP8"))?;
        let mut bytes = Vec::with_capacity(1 + frame.len());
        bytes.push(components);
        bytes.extend_from_slice(frame);
        Ok(bytes)
    }
}

fn packed(plane: PlaneRef<'_>) -> Cow<'_, [u8]> {
    match plane.packed() {
        Some(samples) => samples.into(),
        None => plane.to_plane().data().to_vec().into(),
    }
}

/// The VP8 frame in a WebP file of the simple kind: RIFF, size, WEBP, `VP8 `, size, frame, perhaps a byte of padding.
fn frame_of(file: &[u8]) -> Option<&[u8]> {
    let chunk = file.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBPVP8 ")?;
    let (size, rest) = chunk.split_first_chunk()?;
    rest.get(..u32::from_le_bytes(*size) as usize)
}

/// libwebp's growing buffer.
struct Writer(sys::WebPMemoryWriter);

impl Writer {
    fn new() -> Self {
        let mut writer = sys::WebPMemoryWriter { mem: std::ptr::null_mut(), size: 0, max_size: 0, pad: [0] };
        // SAFETY: the structure is live; the call fills it in.
        unsafe { sys::WebPMemoryWriterInit(&mut writer) };
        Self(writer)
    }

    fn bytes(&self) -> &[u8] {
        if self.0.mem.is_null() {
            return &[];
        }
        // SAFETY: libwebp keeps `size` bytes at `mem`, which lives as long as the writer.
        unsafe { std::slice::from_raw_parts(self.0.mem, self.0.size) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, cleared once.
        unsafe { sys::WebPMemoryWriterClear(&mut self.0) }
    }
}

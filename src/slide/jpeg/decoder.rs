//! A safe wrapper of `csrc/jpeg_rows.c`: one JPEG, decoded row by row from any reader.
//!
//! It deliberately does not know files or TIFF, and does not choose the colour model. The pixels are libjpeg-turbo's:
//! accurate integer DCT, smooth chroma upsampling.

use super::header::ColorModel;
use crate::image::spec::MAX_JPEG_SCANS;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::io::{self, Read};
use std::ptr::NonNull;
// Not called from here: the crate links libjpeg-turbo, which the C code calls.
use turbojpeg_sys as _;

/// The C side's state, opaque here.
#[repr(C)]
struct Raw {
    _private: [u8; 0],
}

#[allow(unsafe_code)] // Declarations of csrc/jpeg_rows.c.
unsafe extern "C" {
    fn origami_jpeg_new(
        read: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> isize,
        context: *mut c_void,
        max_memory: c_long,
        scan_limit: c_int,
    ) -> *mut Raw;
    fn origami_jpeg_free(jpeg: *mut Raw);
    fn origami_jpeg_message(jpeg: *const Raw) -> *const c_char;
    fn origami_jpeg_tables(jpeg: *mut Raw) -> c_int;
    fn origami_jpeg_header(
        jpeg: *mut Raw,
        width: *mut u32,
        height: *mut u32,
        components: *mut c_int,
    ) -> c_int;
    fn origami_jpeg_start(jpeg: *mut Raw, color_model: c_int, samples: c_int) -> c_int;
    fn origami_jpeg_rows(jpeg: *mut Raw, out: *mut u8, stride: usize, rows: u32) -> c_int;
}

/// The source of the bytes, and the error that reading them returned.
struct Input<'a> {
    reader: Box<dyn Read + Send + 'a>,
    error: Option<io::Error>,
}

/// The callback of the C side.
#[allow(unsafe_code)]
unsafe extern "C" fn read_block(context: *mut c_void, buffer: *mut u8, length: usize) -> isize {
    // SAFETY: `context` is the `Input` that `Decoder::new` leaked, alive until `drop`; the decoder runs only inside
    // `call`, which holds `&mut Decoder`, so nothing else refers to it. `buffer` is the C side's own input array of
    // `length` bytes (INPUT_BYTES, zeroed by calloc).
    let (input, buffer) =
        unsafe { (&mut *context.cast::<Input<'_>>(), std::slice::from_raw_parts_mut(buffer, length)) };
    loop {
        match input.reader.read(buffer) {
            Ok(count) => return isize::try_from(count).unwrap_or(-1),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                input.error = Some(error);
                return -1;
            }
        }
    }
}

/// Width, height and components as the library reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub width: u32,
    pub height: u32,
    pub components: u32,
}

/// One image being decoded. After an error every later call repeats it.
pub struct Decoder<'a> {
    raw: NonNull<Raw>,
    input: NonNull<Input<'a>>,
    failed: Option<String>,
}

// SAFETY: the C state has no ties to a thread (no thread-locals, own allocations), the reader is `Send`, and every use
// goes through `&mut self`.
#[allow(unsafe_code)]
unsafe impl Send for Decoder<'_> {}

impl<'a> Decoder<'a> {
    /// A decoder over `reader` that keeps at most about `max_memory_bytes` of coefficients.
    #[allow(unsafe_code)]
    pub fn new(reader: Box<dyn Read + Send + 'a>, max_memory_bytes: u64) -> Result<Self, String> {
        let input = NonNull::from(Box::leak(Box::new(Input { reader, error: None })));
        let limit = c_long::try_from(max_memory_bytes).unwrap_or(c_long::MAX);
        // SAFETY: `read_block` matches the C type and `input` lives until `drop`.
        let raw = unsafe { origami_jpeg_new(read_block, input.as_ptr().cast(), limit, MAX_JPEG_SCANS) };
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw, input, failed: None }),
            None => {
                // SAFETY: leaked above, and the C side kept nothing.
                drop(unsafe { Box::from_raw(input.as_ptr()) });
                Err("no memory for a JPEG decoder".into())
            }
        }
    }

    /// Reads the current input as a tables-only stream, then continues with `image`.
    #[allow(unsafe_code)]
    pub fn tables_then(&mut self, image: Box<dyn Read + Send + 'a>) -> Result<(), String> {
        // SAFETY: `call` passes the live decoder.
        self.call(|raw| unsafe { origami_jpeg_tables(raw) })?;
        // SAFETY: the C side is not running and `&mut self` is the only access to the input.
        unsafe { self.input.as_mut() }.reader = image;
        Ok(())
    }

    /// Reads the header. Call once, before `start`.
    #[allow(unsafe_code)]
    pub fn header(&mut self) -> Result<Shape, String> {
        let (mut width, mut height, mut components) = (0, 0, 0);
        // SAFETY: the three results are valid for writes during the call.
        self.call(|raw| unsafe { origami_jpeg_header(raw, &mut width, &mut height, &mut components) })?;
        Ok(Shape { width, height, components: u32::try_from(components).unwrap_or(0) })
    }

    /// Starts decoding to `samples` bytes a pixel: 1 gray, 3 RGB, 4 CMYK as stored. `model` overrides the library's own
    /// guess for a three-component image. Reads all of a multi-scan image.
    #[allow(unsafe_code)]
    pub fn start(&mut self, model: Option<ColorModel>, samples: u8) -> Result<(), String> {
        let model = match model {
            None => 0,
            Some(ColorModel::Rgb) => 1,
            Some(ColorModel::YCbCr) => 2,
        };
        // SAFETY: `call` passes the live decoder; the C side refuses a wrong state or shape.
        self.call(|raw| unsafe { origami_jpeg_start(raw, model, c_int::from(samples)) })
    }

    /// Decodes as many rows as `out` has strides. The C side checks that a row fits its stride.
    #[allow(unsafe_code)]
    pub fn rows(&mut self, out: &mut [u8], stride: usize) -> Result<(), String> {
        let count = out.len().checked_div(stride).unwrap_or(0);
        let rows = u32::try_from(count).map_err(|_| "too many rows at once")?;
        // SAFETY: `out` holds at least `count * stride` bytes by the division above, and `origami_jpeg_rows` writes
        // `rows` lines of at most `stride` bytes ("row buffer too small").
        self.call(|raw| unsafe { origami_jpeg_rows(raw, out.as_mut_ptr(), stride, rows) })
    }

    #[allow(unsafe_code)]
    fn call(&mut self, run: impl FnOnce(*mut Raw) -> c_int) -> Result<(), String> {
        if let Some(message) = &self.failed {
            return Err(message.clone());
        }
        if run(self.raw.as_ptr()) == 0 {
            return Ok(());
        }
        // SAFETY: the C side is not running and `&mut self` is the only access to the input.
        let read_error = unsafe { self.input.as_mut() }.error.take();
        let c_message = || {
            // SAFETY: the message is a terminated string inside the live decoder, copied before anything else runs.
            unsafe { CStr::from_ptr(origami_jpeg_message(self.raw.as_ptr())) }.to_string_lossy().into_owned()
        };
        let message = read_error.map_or_else(c_message, |error| format!("reading failed: {error}"));
        self.failed = Some(message.clone());
        Err(message)
    }
}

impl Drop for Decoder<'_> {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: both were made in `new` and are freed once; the decoder goes first because it uses the input.
        unsafe {
            origami_jpeg_free(self.raw.as_ptr());
            drop(Box::from_raw(self.input.as_ptr()));
        }
    }
}

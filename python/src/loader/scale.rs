//! A part of an image scaled to a size by the kernels of the codec.

use std::cell::RefCell;

use origami::image::geometry::Rect;
use origami::image::plane::Plane;
use origami::kernels::color::rgb_to_rows;
use origami::kernels::resample::{Scratch, resample};
use origami::kernels::taps::{Axis, Filter, TapCache};

use origami::pixels::Layout;

/// A rectangle inside an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// Pixels across, at least 1.
    pub width: usize,
    /// Pixels down, at least 1.
    pub height: usize,
}

impl Part {
    /// All of an image of this size.
    pub fn whole((width, height): (usize, usize)) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// The smallest part that holds both.
    pub fn around(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let (right, bottom) = (self.x + self.width, self.y + self.height);
        let right = right.max(other.x + other.width);
        Self { x, y, width: right - x, height: bottom.max(other.y + other.height) - y }
    }
}

impl From<Part> for Rect {
    fn from(part: Part) -> Self {
        let [x, y, width, height] = [part.x, part.y, part.width, part.height].map(|n| n as u32);
        Self { x, y, width, height }
    }
}

/// Tables, scratch memory, the channels, and one of them scaled. Each thread has its own, so that a fork inherits no lock of another thread.
type Scaler = (TapCache, Scratch, [Plane; 3], Plane);

/// Scales a part of interleaved RGB, whose rows are `row_px` pixels long, to `(width, height)`. Where it reduces, the filter is
/// stretched, so that it is a low-pass.
pub fn scaled(
    rgb: &[u8],
    row_px: usize,
    part: Part,
    (width, height): (usize, usize),
    filter: Filter,
    layout: Layout,
    out: &mut [u8],
) {
    thread_local! {
        static SCALER: RefCell<Scaler> = RefCell::default();
    }
    let axis = |in_len, out_len| Axis::Scale { filter, in_len, out_len };
    SCALER.with_borrow_mut(|(tables, scratch, channels, plane)| {
        let (across, down) = (tables.get(axis(part.width, width)), tables.get(axis(part.height, height)));
        take_apart(rgb, row_px, part, channels);
        for (channel, source) in channels.iter().enumerate() {
            resample(source.view(), &across, &down, plane, scratch);
            match layout {
                Layout::Planes => {
                    out[channel * width * height..][..width * height].copy_from_slice(plane.data())
                }
                Layout::Interleaved => {
                    let to = out.iter_mut().skip(channel).step_by(3);
                    to.zip(plane.data()).for_each(|(to, from)| *to = *from);
                }
            }
        }
    });
}

/// The channels of a part of interleaved RGB.
fn take_apart(rgb: &[u8], row_px: usize, part: Part, channels: &mut [Plane; 3]) {
    channels.iter_mut().for_each(|plane| plane.reset(part.width, part.height));
    let [red, green, blue] = channels;
    for (y, row) in rgb.chunks_exact(3 * row_px).skip(part.y).take(part.height).enumerate() {
        let row = &row[3 * part.x..][..3 * part.width];
        rgb_to_rows(row, red.row_mut(y), green.row_mut(y), blue.row_mut(y));
    }
}

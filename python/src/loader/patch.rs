//! One sample: around one centre, a patch at each magnification, resampled where no level of the slide has it.

use std::cell::RefCell;

use origami::image::plane::Plane;
use origami::kernels::resample::{Scratch, resample};
use origami::kernels::taps::{Axis, Filter, TapCache};

use super::pool::Pool;
use crate::errors::Result;
use crate::pixels::{Patch, Reading};

/// How a patch of one magnification is read of one slide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The level to read.
    pub level: usize,
    /// The side to read, in pixels of the level.
    pub side: u32,
}

/// Where a sample lies.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The slide's number.
    pub slide: usize,
    /// Its centre, in pixels of the full resolution.
    pub centre: (f64, f64),
}

/// Colour of what lies beyond a slide.
const GLASS: u8 = 255;

/// Reads the patch of a place, of `out_side` pixels a side, into `out`: interleaved RGB, `3 * out_side^2` bytes.
///
/// # Errors
/// A slide that cannot be opened; damaged data.
pub fn read(pool: &Pool, place: Place, view: View, alone: bool, out_side: u32, out: &mut [u8]) -> Result<()> {
    let slide = pool.get(place.slide)?;
    let scale = slide.downsample(view.level);
    let corner = |centre: f64| (centre / scale - f64::from(view.side) / 2.0).round() as i64;
    let (x, y, side) = (corner(place.centre.0), corner(place.centre.1), view.side as usize);
    let how = Reading { alone, poll: &|| Ok(()) };
    if view.side == out_side {
        out.fill(GLASS);
        return slide.read(view.level, &mut Patch { x, y, width: side, height: side, data: out }, how);
    }
    let mut rgb = vec![GLASS; 3 * side * side];
    slide.read(view.level, &mut Patch { x, y, width: side, height: side, data: &mut rgb }, how)?;
    scale_square(&rgb, side, out_side as usize, out);
    Ok(())
}

/// Tables, scratch memory and a scaled channel. Each thread has its own, so that a fork inherits no lock of another thread.
type Scaler = (TapCache, Scratch, Plane);

/// Scales a square of interleaved RGB by the kernel of the codec: Lanczos with 3 lobes, stretched where it reduces.
fn scale_square(rgb: &[u8], side: usize, out_side: usize, out: &mut [u8]) {
    thread_local! {
        static SCALER: RefCell<Scaler> = RefCell::default();
    }
    let axis = Axis::Scale { filter: Filter::Lanczos3, in_len: side, out_len: out_side };
    SCALER.with_borrow_mut(|(tables, scratch, scaled)| {
        let taps = tables.get(axis);
        for channel in 0..3 {
            let samples = rgb.iter().skip(channel).step_by(3).copied().collect();
            let plane = Plane::from_vec(side, side, samples);
            resample(plane.view(), &taps, &taps, scaled, scratch);
            let to = out.iter_mut().skip(channel).step_by(3);
            to.zip(scaled.data()).for_each(|(to, from)| *to = *from);
        }
    });
}

//! Resampling by filter, factor and size, with tables from caches of the process.
//!
//! A table depends on sizes alone, so all slides share it. `dst` lends its memory to the result; where it has none, the result takes what
//! this thread gave back.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use crate::image::plane::{Plane, PlaneRef};
use crate::kernels::optl2::{Buffers, Extent, ProblemCache};
use crate::kernels::resample::{self, Scratch};
use crate::kernels::taps::{Axis, Filter, TapCache, Taps};

static TAPS: LazyLock<TapCache> = LazyLock::new(TapCache::default);
static PROBLEMS: LazyLock<ProblemCache> = LazyLock::new(ProblemCache::default);

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
    static OPTL2: RefCell<Buffers> = RefCell::default();
}

/// The table of an axis.
pub fn taps(axis: Axis) -> Arc<Taps> {
    TAPS.get(axis)
}

/// Filters by two given tables.
pub fn resample(src: PlaneRef<'_>, h: &Taps, v: &Taps, mut dst: Plane) -> Plane {
    dst.lay_out(h.out_len(), v.out_len());
    SCRATCH.with_borrow_mut(|scratch| resample::resample(src, h, v, &mut dst, scratch));
    dst
}

/// Reduces by whole factors.
pub fn down(filter: Filter, src: PlaneRef<'_>, (fx, fy): (usize, usize), mut dst: Plane) -> Plane {
    if (fx, fy) == (1, 1) {
        dst.lay_out(src.width, src.height);
        dst.copy_from(src);
        return dst;
    }
    let axis = |in_len, factor| taps(Axis::Down { filter, in_len, factor });
    resample(src, &axis(src.width, fx), &axis(src.height, fy), dst)
}

/// Enlarges by whole factors, cropped to `width` x `height`.
pub fn up(
    filter: Filter,
    src: PlaneRef<'_>,
    (fx, fy): (usize, usize),
    (width, height): (usize, usize),
    mut dst: Plane,
) -> Plane {
    if (fx, fy) == (1, 1) {
        dst.lay_out(width, height);
        dst.copy_from(src.part(0, 0, width, height));
        return dst;
    }
    let axis = |in_len, factor, out_len| taps(Axis::Up { filter, in_len, factor, out_len });
    resample(src, &axis(src.width, fx, width), &axis(src.height, fy, height), dst)
}

/// Resamples to any size.
pub fn scale(filter: Filter, src: PlaneRef<'_>, width: usize, height: usize) -> Plane {
    let axis = |in_len, out_len| taps(Axis::Scale { filter, in_len, out_len });
    resample(src, &axis(src.width, width), &axis(src.height, height), Plane::default())
}

/// Improves `x`, so that `x` enlarged by the factors comes closest to `target`: optL2.
pub fn optimise(
    filter: Filter,
    target: PlaneRef<'_>,
    (fx, fy): (usize, usize),
    max_delta: u8,
    x: &mut Plane,
) {
    let h = Extent { small: x.width(), large: target.width, factor: fx };
    let v = Extent { small: x.height(), large: target.height, factor: fy };
    let problem = PROBLEMS.get(filter, h, v);
    OPTL2.with_borrow_mut(|buffers| problem.solve(target, x, max_delta, buffers));
}

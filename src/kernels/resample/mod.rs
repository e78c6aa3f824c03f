//! Separable resampling by tables of taps, for every change of size.
//!
//! Horizontal pass `u8 x Q14 -> Q6 i16`, vertical pass `Q6 x Q14 -> Q20 i32 -> round, clamp`. Knows nothing
//! of the purpose of a table. `scalar` is the normative definition; `avx2` and `neon` equal it on every
//! input.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(test)]
mod small;

use super::level::Level;
use super::taps::{Axis, Filter, TapCache, Taps};
use crate::image::plane::{Plane, PlaneRef};
use crate::image::spec::{SHIFT_MID, SHIFT_U8};
use crate::image::ycc::{Sampling, Ycc};

/// Buffers that are reused from call to call.
#[derive(Debug, Default)]
pub struct Scratch {
    row: Vec<i16>,
    mid: Plane<i16>,
}

/// Filters `src` to `dst`, which becomes `h.out_len() x v.out_len()` samples large.
///
/// # Panics
/// `src` is not `h.in_len() x v.in_len()`: a mistake of the caller.
pub fn resample(src: PlaneRef<'_>, h: &Taps, v: &Taps, dst: &mut Plane, scratch: &mut Scratch) {
    resample_at(Level::current(), src, h, v, dst, scratch);
}

/// As [`resample`], with the result left in Q6.
pub fn resample_to_q6(src: PlaneRef<'_>, h: &Taps, v: &Taps, dst: &mut Plane<i16>, scratch: &mut Scratch) {
    let level = Level::current();
    horizontal_u8(level, src, h, scratch);
    vertical_q6(level, &scratch.mid, v, dst);
}

/// As [`resample`], from Q6 to Q6.
pub fn resample_q6(src: PlaneRef<'_, i16>, h: &Taps, v: &Taps, dst: &mut Plane<i16>, scratch: &mut Scratch) {
    let level = Level::current();
    assert_eq!((src.width, src.height), (h.in_len(), v.in_len()), "the plane that the tables were made for");
    scratch.mid.reset(h.out_len(), src.height);
    scratch.row.clear();
    scratch.row.resize(src.width + h.row_len(), 0);
    for y in 0..src.height {
        scratch.row[..src.width].copy_from_slice(src.row(y));
        horizontal(level, &scratch.row, h, SHIFT_MID, scratch.mid.row_mut(y));
    }
    vertical_q6(level, &scratch.mid, v, dst);
}

fn resample_at(level: Level, src: PlaneRef<'_>, h: &Taps, v: &Taps, dst: &mut Plane, scratch: &mut Scratch) {
    horizontal_u8(level, src, h, scratch);
    dst.reset(h.out_len(), v.out_len());
    for y in 0..v.out_len() {
        let (first, coeffs) = vertical_taps(v, y);
        vertical_u8(level, &scratch.mid, first, coeffs, dst.row_mut(y));
    }
}

fn horizontal_u8(level: Level, src: PlaneRef<'_>, h: &Taps, scratch: &mut Scratch) {
    assert_eq!(src.width, h.in_len(), "the plane that the table was made for");
    scratch.mid.reset(h.out_len(), src.height);
    // The tail stays zero, so that SIMD may read whole rows of coefficients past the last sample.
    scratch.row.clear();
    scratch.row.resize(src.width + h.row_len(), 0);
    for y in 0..src.height {
        for (wide, &sample) in scratch.row.iter_mut().zip(src.row(y)) {
            *wide = i16::from(sample);
        }
        horizontal(level, &scratch.row, h, SHIFT_U8, scratch.mid.row_mut(y));
    }
}

fn vertical_q6(level: Level, mid: &Plane<i16>, v: &Taps, dst: &mut Plane<i16>) {
    dst.reset(mid.width(), v.out_len());
    for y in 0..v.out_len() {
        let (first, coeffs) = vertical_taps(v, y);
        vertical_i16(level, mid, first, coeffs, dst.row_mut(y));
    }
}

/// First row and coefficients of output row `y`, without the coefficients past the last row, which are zero.
fn vertical_taps(v: &Taps, y: usize) -> (usize, &[i16]) {
    let first = v.start(y);
    (first, &v.coeffs(y)[..v.used().min(v.in_len() - first)])
}

fn horizontal(level: Level, row: &[i16], taps: &Taps, shift: u32, out: &mut [i16]) {
    match level {
        Level::Scalar => scalar::horizontal(row, taps, shift, 0, out),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::horizontal(row, taps, shift, out),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => neon::horizontal(row, taps, shift, out),
    }
}

fn vertical_u8(level: Level, mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [u8]) {
    match level {
        Level::Scalar => scalar::vertical_u8(mid, first, coeffs, 0, out),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::vertical_u8(mid, first, coeffs, out),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => neon::vertical_u8(mid, first, coeffs, out),
    }
}

fn vertical_i16(level: Level, mid: &Plane<i16>, first: usize, coeffs: &[i16], out: &mut [i16]) {
    match level {
        Level::Scalar => scalar::vertical_i16(mid, first, coeffs, 0, out),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::vertical_i16(mid, first, coeffs, out),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => neon::vertical_i16(mid, first, coeffs, out),
    }
}

/// Upsamples the chroma of an image to 4:4:4. A gray image stays gray.
pub fn upsample_to_444(image: Ycc, filter: Filter, taps: &TapCache) -> Ycc {
    let (fx, fy) = image.sampling.factors();
    let (width, height) = (image.luma.width(), image.luma.height());
    let Some(planes) = image.chroma else { return Ycc::gray(image.luma) };
    if (fx, fy) == (1, 1) {
        return Ycc { luma: image.luma, chroma: Some(planes), sampling: Sampling::S444 };
    }
    let mut scratch = Scratch::default();
    let chroma = planes.map(|plane| {
        let up = |in_len, factor, out_len| taps.get(Axis::Up { filter, in_len, factor, out_len });
        let mut out = Plane::default();
        resample(
            plane.view(),
            &up(plane.width(), fx, width),
            &up(plane.height(), fy, height),
            &mut out,
            &mut scratch,
        );
        out
    });
    Ycc { luma: image.luma, chroma: Some(chroma), sampling: Sampling::S444 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{Rng, assert_same, planes};

    fn shapes(filter: Filter, n: usize) -> Vec<Taps> {
        let mut all = vec![Taps::scale(filter, n, (n * 2 / 3).max(1)), Taps::scale(filter, n, n + n / 3)];
        for factor in [1, 2, 4, 8] {
            all.push(Taps::upsample(filter, n, factor, n * factor));
            all.push(Taps::upsample(filter, n, factor, (n * factor).saturating_sub(factor - 1).max(1)));
            all.push(Taps::downsample(filter, n, factor));
        }
        all
    }

    #[test]
    fn simd_equals_scalar() {
        let mut rng = Rng::new(1);
        let (mut a, mut b) = (Scratch::default(), Scratch::default());
        let mut cases = 0;
        for filter in Filter::ALL {
            for (w, h) in [(1, 1), (2, 7), (7, 2), (17, 16), (33, 9), (64, 31), (75, 3)] {
                for (name, plane) in planes(w, h, &mut rng) {
                    for (th, tv) in shapes(filter, w).iter().zip(shapes(filter, h)) {
                        let (mut want, mut got) = (Plane::default(), Plane::default());
                        resample_at(Level::Scalar, plane.view(), th, &tv, &mut want, &mut a);
                        resample_at(Level::current(), plane.view(), th, &tv, &mut got, &mut b);
                        assert_same("resample", &format!("{filter:?} {name} {w}x{h}"), &want, &got);
                        cases += 1;
                    }
                }
            }
        }
        println!("{cases} cases on {}", Level::current().name());
        assert!(cases > 500);
    }

    #[test]
    fn simd_equals_scalar_in_parts_of_an_enlargement() {
        let mut rng = Rng::new(3);
        let (mut a, mut b) = (Scratch::default(), Scratch::default());
        for filter in Filter::ALL {
            for factor in [2, 4] {
                let whole = Taps::upsample(filter, 90, factor, 90 * factor - 1);
                assert_eq!(whole.cycle().period, factor, "{filter:?}");
                assert!(whole.cycle().outputs.len() > 80 * factor, "{filter:?}: {:?}", whole.cycle());
                for outputs in [0..90 * factor - 1, 0..65, 1..70, 7..137, 90..170, 100..101] {
                    let (input, part) = whole.part(outputs.clone());
                    for (name, plane) in planes(input.len(), 5, &mut rng) {
                        let v = Taps::upsample(filter, 5, 1, 5);
                        let (mut want, mut got) = (Plane::default(), Plane::default());
                        resample_at(Level::Scalar, plane.view(), &part, &v, &mut want, &mut a);
                        resample_at(Level::current(), plane.view(), &part, &v, &mut got, &mut b);
                        assert_same(
                            "resample",
                            &format!("{filter:?} x{factor} {outputs:?} {name}"),
                            &want,
                            &got,
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_part_of_a_reduction_is_those_columns_of_the_whole() {
        let mut rng = Rng::new(4);
        let mut scratch = Scratch::default();
        for (filter, factor) in
            Filter::ALL.into_iter().flat_map(|filter| [2, 4, 8].map(|factor| (filter, factor)))
        {
            let whole = Taps::downsample(filter, 40 * factor - 1, factor);
            assert_eq!(whole.stride().step, factor, "{filter:?}");
            assert!(whole.stride().outputs.len() > 24, "{filter:?} /{factor}: {:?}", whole.stride());
            let v = Taps::upsample(filter, 5, 1, 5);
            for (name, plane) in planes(whole.in_len(), 5, &mut rng) {
                let mut all = Plane::default();
                resample_at(Level::Scalar, plane.view(), &whole, &v, &mut all, &mut scratch);
                for outputs in [0..40, 0..17, 1..26, 3..4, 5..37] {
                    let (input, part) = whole.part(outputs.clone());
                    let want = all.view().part(outputs.start, 0, outputs.len(), 5).to_plane();
                    for level in [Level::Scalar, Level::current()] {
                        let case = format!("{filter:?} /{factor} {outputs:?} {name} on {}", level.name());
                        let src = plane.view().part(input.start, 0, input.len(), 5);
                        let mut got = Plane::default();
                        resample_at(level, src, &part, &v, &mut got, &mut scratch);
                        assert_same("resample", &case, &want, &got);
                    }
                }
            }
        }
    }

    #[test]
    fn simd_equals_scalar_in_q6() {
        let mut rng = Rng::new(2);
        for filter in Filter::ALL {
            for n in [1usize, 3, 16, 41, 100] {
                let up = Taps::upsample(filter, n, 4, n * 4);
                let (t, g) = (Taps::transpose(&up, 4, n * 4), Taps::gram(&up, 4));
                for (name, plane) in planes(n * 4, n * 4, &mut rng) {
                    let (mut s, mut q6, mut want, mut got) =
                        (Scratch::default(), Plane::default(), Plane::default(), Plane::default());
                    horizontal_u8(Level::Scalar, plane.view(), &t, &mut s);
                    vertical_q6(Level::Scalar, &s.mid, &t, &mut want);
                    resample_to_q6(plane.view(), &t, &t, &mut q6, &mut s);
                    assert_same("resample_to_q6", name, &want, &q6);
                    let mut row = vec![0i16; n + g.row_len()];
                    let mut mid = Plane::new(n, n);
                    for y in 0..n {
                        row[..n].copy_from_slice(q6.row(y));
                        scalar::horizontal(&row, &g, SHIFT_MID, 0, mid.row_mut(y));
                    }
                    vertical_q6(Level::Scalar, &mid, &g, &mut want);
                    resample_q6(q6.view(), &g, &g, &mut got, &mut s);
                    assert_same("resample_q6", name, &want, &got);
                }
            }
        }
    }

    #[test]
    fn flat_planes_stay_flat_and_up_then_down_stays_close() {
        let mut s = Scratch::default();
        for filter in Filter::ALL {
            let up = Taps::upsample(filter, 20, 4, 77);
            let flat = Plane::filled(20, 20, 201);
            let mut out = Plane::default();
            resample(flat.view(), &up, &up, &mut out, &mut s);
            assert!(out.data().iter().all(|&v| v == 201));
        }
    }
}

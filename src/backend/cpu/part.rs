//! A part of L0 by itself, for whoever waits for one tile: each plane is made where it is asked for, of what that takes.

use std::ops::Range;

use super::{CpuBackend, SCRATCH, sharpened};
use crate::backend::chroma::{L0_FROM_L2, half_from_l2, half_from_source};
use crate::backend::error::Result;
use crate::image::family::{DecodedFamily, Pixels, Want};
use crate::image::geometry::Rect;
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::resample::resample;
use crate::kernels::residual;
use crate::kernels::taps::{Axis, Filter};
use crate::params::Coding;

impl CpuBackend {
    /// A rectangle of L0, equal to the same rectangle of a whole reconstruction, for a caller that waits for one tile of a family.
    /// Its corner lies on the chroma grid of `want`. It costs a few per cent of the family's work.
    ///
    /// # Errors
    /// A sharpening that no encoder records.
    pub fn part(&self, coding: &Coding, family: &DecodedFamily, want: Want, part: Rect) -> Result<Pixels> {
        let filter = coding.upsample_filter;
        let size = (family.width, family.height);
        let l2_luma = sharpened(coding, &family.baseline.luma)?;
        let mut luma = self.up_part(filter, &l2_luma, (L0_FROM_L2, L0_FROM_L2), size, part);
        self.add_residual_part(filter, &mut luma, &family.residual.luma, size, part);
        let sampling = want.sampling();
        let (Some(chroma), false) = (&family.baseline.chroma, sampling == Sampling::Gray) else {
            return Ok(Pixels::Ycc(Ycc::gray(luma)));
        };
        let (fx, fy) = sampling.factors();
        let (width, height) = sampling.chroma_size(part.width as usize, part.height as usize);
        let (x, y) = (part.x / fx as u32, part.y / fy as u32);
        let part = Rect { x, y, width: width as u32, height: height as u32 };
        let planes = [0, 1].map(|i| {
            let missed = family.residual.chroma.as_ref().map(|planes| &planes[i]);
            self.chroma_part(filter, &chroma[i], family.baseline.sampling, missed, (sampling, size), part)
        });
        let image = Ycc { luma, chroma: Some(planes), sampling };
        Ok(if want == Want::Rgb { Pixels::Rgb(image.to_rgb()) } else { Pixels::Ycc(image) })
    }

    /// The rows of L0, of an unscaled residual, that [`Self::part`] reads in a family of `size` (width, height): those of the part, and
    /// where chroma is corrected at half the size and raised from there, the rows that the filter reads beside them.
    pub fn rows_of_part(
        &self,
        coding: &Coding,
        size: (usize, usize),
        want: Want,
        part: Rect,
    ) -> Range<usize> {
        let rows = part.y as usize..(part.y + part.height) as usize;
        let sampling = want.sampling();
        let (_, factor) = half_from_source(sampling);
        if !coding.chroma_residual || sampling == Sampling::Gray || factor == 1 {
            return rows;
        }
        let (half, full) =
            (Sampling::S420.chroma_size(size.0, size.1).1, sampling.chroma_size(size.0, size.1).1);
        let axis = Axis::Up { filter: coding.upsample_filter, in_len: half, factor, out_len: full };
        let (read, _) = self.taps.get(axis).part(rows.clone());
        rows.start.min(2 * read.start)..rows.end.max((2 * read.end).min(size.1))
    }

    /// As [`Self::resample`], of a part of the output alone.
    fn resample_part(&self, src: PlaneRef<'_>, h: Axis, v: Axis, part: Rect) -> Plane {
        let range = |at: u32, len: u32| at as usize..(at + len) as usize;
        let (columns, h) = self.taps.get(h).part(range(part.x, part.width));
        let (rows, v) = self.taps.get(v).part(range(part.y, part.height));
        let src = src.part(columns.start, rows.start, columns.len(), rows.len());
        let mut dst = Plane::default();
        SCRATCH.with_borrow_mut(|scratch| resample(src, &h, &v, &mut dst, scratch));
        dst
    }

    /// As [`Self::up`], of a part of the output alone.
    fn up_part(
        &self,
        filter: Filter,
        src: &Plane,
        (fx, fy): (usize, usize),
        (width, height): (usize, usize),
        part: Rect,
    ) -> Plane {
        if (fx, fy) == (1, 1) {
            let [x, y, w, h] = [part.x, part.y, part.width, part.height].map(|n| n as usize);
            return src.view().part(x, y, w, h).to_plane();
        }
        let axis = |in_len, factor, out_len| Axis::Up { filter, in_len, factor, out_len };
        self.resample_part(src.view(), axis(src.width(), fx, width), axis(src.height(), fy, height), part)
    }

    /// As [`Self::add_residual`], to a part of a plane of `width` x `height`.
    fn add_residual_part(
        &self,
        filter: Filter,
        plane: &mut Plane,
        coded: &Plane,
        (width, height): (usize, usize),
        part: Rect,
    ) {
        if (coded.width(), coded.height()) == (width, height) {
            let (x, y) = (part.x as usize, part.y as usize);
            residual::apply(plane, coded.view().part(x, y, plane.width(), plane.height()));
        } else {
            let axis = |in_len, out_len| Axis::Scale { filter, in_len, out_len };
            let (h, v) = (axis(coded.width(), width), axis(coded.height(), height));
            residual::apply(plane, self.resample_part(coded.view(), h, v, part).view());
        }
    }

    /// A part of a chroma plane of L0, whose planes are sampled as `output` says; straight from the plane of L2, or where there
    /// is a residual through the corrected plane of half the size, of which only what is read is made.
    fn chroma_part(
        &self,
        filter: Filter,
        plane: &Plane,
        baseline: Sampling,
        missed: Option<&Plane>,
        (output, size): (Sampling, (usize, usize)),
        part: Rect,
    ) -> Plane {
        let out_size = output.chroma_size(size.0, size.1);
        let Some(missed) = missed else {
            let ((bx, by), (ox, oy)) = (baseline.factors(), output.factors());
            let factors = (L0_FROM_L2 * bx / ox, L0_FROM_L2 * by / oy);
            return self.up_part(filter, plane, factors, out_size, part);
        };
        let half = Sampling::S420.chroma_size(size.0, size.1);
        let corrected = |part: Rect| {
            let mut made = self.up_part(filter, plane, half_from_l2(baseline), half, part);
            self.add_residual_part(filter, &mut made, missed, half, part);
            made
        };
        let (fx, fy) = half_from_source(output);
        if (fx, fy) == (1, 1) {
            return corrected(part);
        }
        let axis = |in_len, factor, out_len| Axis::Up { filter, in_len, factor, out_len };
        let range = |at: u32, len: u32| at as usize..(at + len) as usize;
        let (columns, h) = self.taps.get(axis(half.0, fx, out_size.0)).part(range(part.x, part.width));
        let (rows, v) = self.taps.get(axis(half.1, fy, out_size.1)).part(range(part.y, part.height));
        let [x, y, width, height] = [columns.start, rows.start, columns.len(), rows.len()].map(|n| n as u32);
        let read = corrected(Rect { x, y, width, height });
        let mut dst = Plane::default();
        SCRATCH.with_borrow_mut(|scratch| resample(read.view(), &h, &v, &mut dst, scratch));
        dst
    }
}

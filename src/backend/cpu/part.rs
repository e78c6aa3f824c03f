//! A part of L0 alone, for a caller that waits for one tile: only the samples that it depends on are
//! computed.

use std::ops::Range;

use super::filter::{resample, taps};
use super::predict::sharpened_l2;
use crate::backend::chroma::{L0_FROM_L2, half_from_l2, half_from_source};
use crate::backend::error::Result;
use crate::image::family::{DecodedFamily, Pixels, Want};
use crate::image::geometry::Rect;
use crate::image::plane::{Plane, PlaneRef};
use crate::image::ycc::{Sampling, Ycc};
use crate::kernels::residual;
use crate::kernels::taps::{Axis, Filter};
use crate::params::Coding;
use crate::span::span;

/// A rectangle of L0, equal to the same rectangle of a whole reconstruction. Its corner lies on the chroma
/// grid of `want`. For one tile it costs a few per cent of the family's work.
///
/// # Errors
/// A recorded sharpening out of range.
pub fn reconstruct_part(coding: &Coding, family: &DecodedFamily, want: Want, part: Rect) -> Result<Pixels> {
    span!("kernel", origami.backend = "cpu", origami.part = true).run(|| part_of(coding, family, want, part))
}

fn part_of(coding: &Coding, family: &DecodedFamily, want: Want, part: Rect) -> Result<Pixels> {
    let filter = coding.upsample_filter;
    let size = (family.width, family.height);
    let l2_luma = sharpened_l2(coding, &family.baseline.luma)?;
    let mut luma = up_part(filter, &l2_luma, (L0_FROM_L2, L0_FROM_L2), size, part);
    add_residual_part(filter, &mut luma, &family.residual.luma, size, part);
    let sampling = want.sampling();
    let (Some(chroma), false) = (&family.baseline.chroma, sampling == Sampling::Gray) else {
        return Ok(Pixels::Ycc(Ycc::gray(luma)));
    };
    let (fx, fy) = sampling.factors();
    let (width, height) = sampling.chroma_size(part.width as usize, part.height as usize);
    let (x, y) = (part.x / fx as u32, part.y / fy as u32);
    let part = Rect { x, y, width: width as u32, height: height as u32 };
    let planes = [0, 1].map(|i| {
        let residual = family.residual.chroma.as_ref().map(|planes| &planes[i]);
        chroma_part(filter, &chroma[i], family.baseline.sampling, residual, (sampling, size), part)
    });
    let image = Ycc { luma, chroma: Some(planes), sampling };
    if want != Want::Rgb {
        return Ok(Pixels::Ycc(image));
    }
    let rgb = image.to_rgb();
    image.give_back();
    Ok(Pixels::Rgb(rgb))
}

/// The part of an unscaled residual that [`reconstruct_part`] reads in a family of `size` (width, height): the part itself, and where
/// chroma is corrected at half the size and enlarged from there, the samples beside it that the filter reads.
pub fn residual_of_part(coding: &Coding, size: (usize, usize), want: Want, part: Rect) -> Rect {
    let sampling = want.sampling();
    if !coding.chroma_residual || sampling == Sampling::Gray {
        return part;
    }
    let (half, full) = (Sampling::S420.chroma_size(size.0, size.1), sampling.chroma_size(size.0, size.1));
    let (fx, fy) = half_from_source(sampling);
    let filter = coding.upsample_filter;
    let read = |own: Range<usize>, in_len, factor, out_len, end: usize| {
        let corrected = match factor {
            1 => own.start / 2..own.end.div_ceil(2),
            _ => taps(Axis::Up { filter, in_len, factor, out_len }).part(own.clone()).0,
        };
        own.start.min(2 * corrected.start)..own.end.max((2 * corrected.end).min(end))
    };
    let columns = read(part.columns(), half.0, fx, full.0, size.0);
    let rows = read(part.rows(), half.1, fy, full.1, size.1);
    let [x, y, width, height] = [columns.start, rows.start, columns.len(), rows.len()].map(|n| n as u32);
    Rect { x, y, width, height }
}

/// Computes a part of the output of a resampling.
fn resample_part(src: PlaneRef<'_>, h: Axis, v: Axis, part: Rect) -> Plane {
    let (columns, h) = taps(h).part(part.columns());
    let (rows, v) = taps(v).part(part.rows());
    resample(src.part(columns.start, rows.start, columns.len(), rows.len()), &h, &v, Plane::default())
}

/// Computes a part of a plane that is enlarged by whole factors and cropped to `width` x `height`.
fn up_part(
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
    resample_part(src.view(), axis(src.width(), fx, width), axis(src.height(), fy, height), part)
}

/// Adds a decoded residual to a part of a plane of `width` x `height`.
fn add_residual_part(
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
        let scaled = resample_part(coded.view(), h, v, part);
        residual::apply(plane, scaled.view());
        scaled.give_back();
    }
}

/// Computes a part of a chroma plane of L0, sampled as `output` says. Without a residual it comes straight
/// from the plane of L2; with one, from the corrected plane at half the size, of which only the samples that
/// are read are computed.
fn chroma_part(
    filter: Filter,
    plane: &Plane,
    baseline: Sampling,
    residual: Option<&Plane>,
    (output, size): (Sampling, (usize, usize)),
    part: Rect,
) -> Plane {
    let out_size = output.chroma_size(size.0, size.1);
    let Some(residual) = residual else {
        let ((bx, by), (ox, oy)) = (baseline.factors(), output.factors());
        let factors = (L0_FROM_L2 * bx / ox, L0_FROM_L2 * by / oy);
        return up_part(filter, plane, factors, out_size, part);
    };
    let half = Sampling::S420.chroma_size(size.0, size.1);
    let corrected = |part: Rect| {
        let mut made = up_part(filter, plane, half_from_l2(baseline), half, part);
        add_residual_part(filter, &mut made, residual, half, part);
        made
    };
    let (fx, fy) = half_from_source(output);
    if (fx, fy) == (1, 1) {
        return corrected(part);
    }
    let axis = |in_len, factor, out_len| taps(Axis::Up { filter, in_len, factor, out_len });
    let (columns, h) = axis(half.0, fx, out_size.0).part(part.columns());
    let (rows, v) = axis(half.1, fy, out_size.1).part(part.rows());
    let [x, y, width, height] = [columns.start, rows.start, columns.len(), rows.len()].map(|n| n as u32);
    let read = corrected(Rect { x, y, width, height });
    let enlarged = resample(read.view(), &h, &v, Plane::default());
    read.give_back();
    enlarged
}

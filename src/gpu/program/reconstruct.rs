//! The one crossing of a decode: L2 and residual to L0 and L1.

use super::super::shader::Pass;
use super::{Form, Job, Phase, Place, Program, Programs, Room, Steps, sharpened};
use crate::backend::chroma::{L0_FROM_L2, half_from_l2};
use crate::backend::error::Result;
use crate::image::family::{DecodedFamily, Want};
use crate::image::ycc::Sampling;
use crate::params::Coding;

impl Programs {
    /// Decode. Planes up: those of L2, then those of the residual, without chroma where none is wanted. Planes down: those of L0, then
    /// those of L1, without the chroma of L1 where that is the L2 plane itself; or one of RGB each.
    ///
    /// # Errors
    /// A recorded sharpening out of range.
    pub fn reconstruct(&self, coding: &Coding, family: &DecodedFamily, want: Want) -> Result<Program> {
        let (width, height) = (family.width, family.height);
        let half = (width.div_ceil(2), height.div_ceil(2));
        let baseline = &family.baseline;
        let mut room = Room::default();
        let mut up = vec![room.plane(baseline.luma.width(), baseline.luma.height(), Form::U8)];
        let sampling = match want {
            Want::Planes(sampling) => sampling,
            Want::Rgb => Sampling::S444,
        };
        if let Some(chroma) = baseline.chroma.as_ref().filter(|_| sampling != Sampling::Gray) {
            up.extend(chroma.iter().map(|plane| room.plane(plane.width(), plane.height(), Form::U8)));
        }
        let colour = up.len() == 3;
        let corrects_chroma = colour && family.residual.chroma.is_some();
        let missed = std::iter::once(&family.residual.luma)
            .chain(family.residual.chroma.iter().flatten().filter(|_| corrects_chroma));
        let coded: Vec<Place> =
            missed.map(|plane| room.plane(plane.width(), plane.height(), Form::U8)).collect();
        let mut steps = Steps::new();
        let l2 = sharpened(coding.sharpen()?, up[0], &mut room, &mut steps);

        let mut resamples = Vec::new();
        let chroma_size = Sampling::S420.chroma_size(width, height);
        let residuals: Vec<Place> = coded
            .iter()
            .enumerate()
            .map(|(i, &coded)| {
                let (w, h) = if i == 0 { (width, height) } else { chroma_size };
                if (coded.width, coded.height) == (w, h) {
                    return coded;
                }
                let full = room.plane(w, h, Form::U8);
                resamples.push(self.scale(coding.upsample_filter, coded, full));
                full
            })
            .collect();
        // What comes back lies together.
        let levels = [((width, height), L0_FROM_L2), (half, L0_FROM_L2 / 2)];
        let mut made = [const { Vec::new() }; 2];
        let mut raises = Vec::new();
        for (planes, &((w, h), from_l2)) in made.iter_mut().zip(&levels) {
            planes.push(room.plane(w, h, Form::U8));
            let (bx, by) = baseline.sampling.factors();
            let (ox, oy) = sampling.factors();
            let factor = (from_l2 * bx / ox, from_l2 * by / oy);
            if !colour || (factor == (1, 1) && !corrects_chroma) {
                continue;
            }
            let (cw, ch) = sampling.chroma_size(w, h);
            for &small in &up[1..] {
                let large = room.plane(cw, ch, Form::U8);
                if !corrects_chroma {
                    raises.push(self.up(coding.upsample_filter, small, large, factor));
                }
                planes.push(large);
            }
        }
        resamples.extend(raises);
        if !resamples.is_empty() {
            steps.push((Pass::Resample, resamples));
        }
        let [l0, l1] = made;
        let apply = self.up(coding.upsample_filter, l2, l0[0], (L0_FROM_L2, L0_FROM_L2));
        let mut applies = vec![apply.with(residuals[0], residuals[0])];
        let mut reductions = vec![self.down(coding.downsample_filter, l0[0], l1[0], (2, 2))];
        if corrects_chroma {
            // Chroma at half size is L0's 4:2:0 plane or L1's 4:4:4 plane; the other one is made of it.
            for i in 1..3 {
                let (corrected, other) =
                    if sampling == Sampling::S420 { (l0[i], l1[i]) } else { (l1[i], l0[i]) };
                let apply =
                    self.up(coding.upsample_filter, up[i], corrected, half_from_l2(baseline.sampling));
                applies.push(apply.with(residuals[i], residuals[i]));
                reductions.push(match sampling {
                    Sampling::S420 => self.down(coding.downsample_filter, corrected, other, (2, 2)),
                    _ => self.up(coding.upsample_filter, corrected, other, (2, 2)),
                });
            }
        }
        steps.push((Pass::Apply, applies));
        steps.push((Pass::Resample, reductions));
        let mut down: Vec<Place> = [l0, l1].concat();
        if want == Want::Rgb && colour {
            let rgb = levels.map(|((w, h), _)| room.plane(w, h, Form::Rgb));
            let jobs = down.chunks_exact(3).zip(rgb);
            let jobs = jobs.map(|(planes, rgb)| Job::to_rgb([planes[0], planes[1], planes[2]], rgb));
            steps.push((Pass::ToRgb, jobs.collect()));
            down = rgb.to_vec();
        }
        up.extend(coded);
        Ok(Program { phases: vec![Phase { up, steps, down }], words: room.most })
    }
}

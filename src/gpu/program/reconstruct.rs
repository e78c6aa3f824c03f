//! The one round trip of a decode: L2 and residual to L0 and L1.

use super::super::pass::Pass;
use super::{
    Job, PassList, PlaneAllocator, PlaneLayout, Program, Programs, RoundTrip, SampleFormat, sharpened_l2,
};
use crate::backend::chroma::{L0_FROM_L2, half_from_l2};
use crate::backend::error::Result;
use crate::codec::coefficients::PackedImage;
use crate::image::family::{DecodedFamily, Want};
use crate::image::ycc::Sampling;
use crate::params::Coding;

impl Programs {
    /// The program of a decode. Uploads the planes of L2, then those of the residual, without chroma where
    /// none is asked for. Downloads the planes of L0, then those of L1, without the chroma of L1 where that
    /// equals the L2 plane; or one of RGB each.
    ///
    /// With a `packed` residual its blocks and values are uploaded in place of its planes, and a word of flags comes down last for each of
    /// these.
    ///
    /// # Errors
    /// A recorded sharpening out of range.
    pub fn reconstruct(
        &self,
        coding: &Coding,
        family: &DecodedFamily,
        packed: Option<&PackedImage>,
        want: Want,
    ) -> Result<Program> {
        let (width, height) = (family.width, family.height);
        let half = (width.div_ceil(2), height.div_ceil(2));
        let baseline = &family.baseline;
        let mut planes = PlaneAllocator::default();
        let mut upload =
            vec![planes.allocate(baseline.luma.width(), baseline.luma.height(), SampleFormat::U8)];
        let sampling = match want {
            Want::Planes(sampling) => sampling,
            Want::Rgb => Sampling::S444,
        };
        if let Some(chroma) = baseline.chroma.as_ref().filter(|_| sampling != Sampling::Gray) {
            upload.extend(
                chroma.iter().map(|plane| planes.allocate(plane.width(), plane.height(), SampleFormat::U8)),
            );
        }
        let colour = upload.len() == 3;
        let (size, residual_sampling) = match packed {
            Some(packed) => (packed.size, packed.sampling),
            None => {
                let luma = &family.residual.luma;
                let has_chroma = family.residual.chroma.is_some();
                ((luma.width(), luma.height()), if has_chroma { Sampling::S420 } else { Sampling::Gray })
            }
        };
        let corrects_chroma = colour && residual_sampling != Sampling::Gray;
        // Uploaded planes are contiguous.
        let taken = packed.map_or(&[][..], |packed| &packed.planes[..if corrects_chroma { 3 } else { 1 }]);
        let mut row_of = |bytes: &[u8]| planes.allocate(bytes.len(), 1, SampleFormat::U8);
        let packs: Vec<[PlaneLayout; 2]> =
            taken.iter().map(|plane| [row_of(&plane.blocks), row_of(&plane.values)]).collect();
        let chroma_coded = Sampling::S420.chroma_size(size.0, size.1);
        let coded: Vec<PlaneLayout> = [size, chroma_coded, chroma_coded]
            [..if corrects_chroma { 3 } else { 1 }]
            .iter()
            .map(|&(width, height)| planes.allocate(width, height, SampleFormat::U8))
            .collect();
        let mut passes = PassList::new();
        let unpacks = taken.iter().zip(&packs).zip(&coded).map(|((plane, &[blocks, values]), &samples)| {
            Job::transform(blocks.over(samples), samples, self.steps.get(&plane.steps)).with(values, values)
        });
        if packed.is_some() {
            passes.push((Pass::Unpack, unpacks.collect()));
        }
        let l2 = sharpened_l2(coding.sharpen()?, upload[0], &mut planes, &mut passes);

        let mut resamples = Vec::new();
        let chroma_size = Sampling::S420.chroma_size(width, height);
        let residuals: Vec<PlaneLayout> = coded
            .iter()
            .enumerate()
            .map(|(i, &coded)| {
                let (w, h) = if i == 0 { (width, height) } else { chroma_size };
                if (coded.width, coded.height) == (w, h) {
                    return coded;
                }
                let full = planes.allocate(w, h, SampleFormat::U8);
                resamples.push(self.scale(coding.upsample_filter, coded, full));
                full
            })
            .collect();
        // Downloaded planes are contiguous.
        let levels = [((width, height), L0_FROM_L2), (half, L0_FROM_L2 / 2)];
        let mut outputs = [const { Vec::new() }; 2];
        let mut raises = Vec::new();
        for (output, &((w, h), from_l2)) in outputs.iter_mut().zip(&levels) {
            output.push(planes.allocate(w, h, SampleFormat::U8));
            let (bx, by) = baseline.sampling.factors();
            let (ox, oy) = sampling.factors();
            let factor = (from_l2 * bx / ox, from_l2 * by / oy);
            if !colour || (factor == (1, 1) && !corrects_chroma) {
                continue;
            }
            let (cw, ch) = sampling.chroma_size(w, h);
            for &small in &upload[1..] {
                let large = planes.allocate(cw, ch, SampleFormat::U8);
                if !corrects_chroma {
                    raises.push(self.up(coding.upsample_filter, small, large, factor));
                }
                output.push(large);
            }
        }
        resamples.extend(raises);
        if !resamples.is_empty() {
            passes.push((Pass::Resample, resamples));
        }
        let [l0, l1] = outputs;
        let apply = self.up(coding.upsample_filter, l2, l0[0], (L0_FROM_L2, L0_FROM_L2));
        let mut applies = vec![apply.with(residuals[0], residuals[0])];
        let mut reductions = vec![self.down(coding.downsample_filter, l0[0], l1[0], (2, 2))];
        if corrects_chroma {
            // Chroma at half size is L0's 4:2:0 plane or L1's 4:4:4 plane; the other one is resampled from
            // it.
            for i in 1..3 {
                let (corrected, other) =
                    if sampling == Sampling::S420 { (l0[i], l1[i]) } else { (l1[i], l0[i]) };
                let apply =
                    self.up(coding.upsample_filter, upload[i], corrected, half_from_l2(baseline.sampling));
                applies.push(apply.with(residuals[i], residuals[i]));
                reductions.push(match sampling {
                    Sampling::S420 => self.down(coding.downsample_filter, corrected, other, (2, 2)),
                    _ => self.up(coding.upsample_filter, corrected, other, (2, 2)),
                });
            }
        }
        passes.push((Pass::Apply, applies));
        passes.push((Pass::Resample, reductions));
        let mut download: Vec<PlaneLayout> = [l0, l1].concat();
        if want == Want::Rgb && colour {
            let rgb = levels.map(|((w, h), _)| planes.allocate(w, h, SampleFormat::Rgb));
            let jobs = download.chunks_exact(3).zip(rgb);
            let jobs = jobs.map(|(planes, rgb)| Job::to_rgb([planes[0], planes[1], planes[2]], rgb));
            passes.push((Pass::ToRgb, jobs.collect()));
            download = rgb.to_vec();
        }
        match packed {
            None => upload.extend(coded),
            Some(_) => {
                upload.extend(packs.as_flattened());
                let words: Vec<PlaneLayout> = packs.iter().map(|_| planes.allocate_words(1)).collect();
                let jobs = packs.iter().zip(&coded).zip(&words);
                let jobs =
                    jobs.map(|((&[blocks, _], &samples), word)| Job::gather(blocks.over(samples), *word));
                passes.push((Pass::Flags, jobs.collect()));
                download.extend(words);
            }
        }
        Ok(Program { round_trips: vec![RoundTrip { upload, passes, download }], words: planes.peak })
    }
}

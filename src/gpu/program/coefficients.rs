//! An encode in one round trip: L0 goes up, the coefficients of L2 and of the residual come down, and the sums of the proof.

use super::super::pass::Pass;
use super::trellis::Trellis;
use super::{Job, PassList, PlaneAllocator, PlaneLayout, Program, Programs, RoundTrip, SampleFormat};
use crate::backend::Transformed;
use crate::backend::error::Result;
use crate::codec::coefficients::{HEAD_WORDS, Quantiser};
use crate::codec::{Coefficients, ImageRole, Quality, ResidualCoder};
use crate::image::family::{Proof, SourceFamily};
use crate::image::plane::Plane;
use crate::image::ycc::Sampling;
use crate::kernels::proof;
use crate::params::EncodeParams;

/// Largest side of a JPEG.
const MAX_SIDE: usize = 65_500;
/// Bytes of a number of a proof's sums.
const SUM_BYTES: usize = 8;

/// An image whose coefficients come down.
struct Image {
    size: (usize, usize),
    sampling: Sampling,
    quantiser: Quantiser,
    steps: [[u8; 64]; 2],
    /// Of so many coefficients of luma and of chroma there is room for one that is not zero.
    sparse: [usize; 2],
}

/// What comes down of a family's one crossing.
pub struct Crossing {
    baseline: Image,
    residual: Image,
    /// Bytes under the proof of luma and of chroma.
    proven_bytes: [usize; 2],
}

impl Image {
    fn new(
        planes: &[PlaneLayout],
        sampling: Sampling,
        quantiser: Quantiser,
        quality: Quality,
        sparse: [usize; 2],
    ) -> Self {
        let steps = quantiser.steps(sampling, quality);
        Self { size: (planes[0].width, planes[0].height), sampling, quantiser, steps, sparse }
    }

    /// The steps of a plane.
    fn steps_of(&self, plane: usize) -> &[u8; 64] {
        &self.steps[plane.min(1)]
    }

    /// Words for the values of a plane.
    fn value_words(&self, plane: usize, records: PlaneLayout) -> u32 {
        (records.blocks() * 32 / self.sparse[plane.min(1)]) as u32
    }

    /// The coefficients, and whether a sample is not the middle; takes what came down of its planes.
    fn unpacked(&self, made: &mut impl Iterator<Item = Plane>) -> Option<(Coefficients, bool)> {
        let count = if self.sampling == Sampling::Gray { 1 } else { 3 };
        let planes: Vec<Plane> = made.take(count).collect();
        let bytes: Vec<&[u8]> = planes.iter().map(Plane::data).collect();
        Coefficients::unpack(self.size, self.sampling, self.steps, &bytes)
    }
}

impl Crossing {
    /// What a family became, from what came down. `None` where the device could not decide or had too little room.
    pub fn read(&self, made: Vec<Plane>) -> Option<Transformed> {
        let mut made = made.into_iter();
        let (baseline, _) = self.baseline.unpacked(&mut made)?;
        let (residual, has_content) = self.residual.unpacked(&mut made)?;
        let mut digest = |bytes: usize| {
            let plane = made.next()?;
            let (sums, _) = plane.data().as_chunks::<SUM_BYTES>();
            let sums: Vec<u64> = sums.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect();
            proof::digest(&sums, bytes)
        };
        let luma = digest(self.proven_bytes[0])?;
        let chroma = if self.proven_bytes[1] > 0 { digest(self.proven_bytes[1])? } else { 0 };
        Some(Transformed {
            baseline,
            residual: has_content.then_some(residual),
            proof: Proof { luma, chroma },
        })
    }
}

/// Up to a quality, one coefficient of so many.
type Sparse = (u8, usize);

/// Of so many coefficients of luma and of chroma of a residual one is not zero at most, by experience with stained tissue.
fn sparse(quantiser: Quantiser, quality: Quality) -> [usize; 2] {
    let [luma, chroma]: [&[Sparse]; 2] = match quantiser {
        Quantiser::Rounding => [&[(60, 6), (85, 3)]; 2],
        // One step for all frequencies: more of the high ones are left than by the tables of libjpeg.
        Quantiser::Trellis { .. } => [&[(40, 6), (60, 4), (80, 3)], &[(50, 12), (70, 8), (85, 4)]],
    };
    let of = |quality: u8, known: &[Sparse]| {
        known.iter().find(|(most, _)| quality <= *most).map_or(2, |&(_, sparse)| sparse)
    };
    [of(quality.luma, luma), of(quality.chroma, chroma)]
}

/// The quantisers of baseline and residual, where shaders do what the encoders do.
fn quantisers(params: &EncodeParams) -> Option<[Quantiser; 2]> {
    let by_context = params.entropy.residual == ResidualCoder::Context;
    let baseline = Quantiser::of(params.encoder, ImageRole::Baseline, by_context)?;
    let residual = Quantiser::of(params.residual_encoder(), ImageRole::Residual, by_context)?;
    (params.l0_scale_pct == 100).then_some([baseline, residual])
}

impl Programs {
    /// From samples to records, or back.
    fn transforms(&self, image: &Image, from: &[PlaneLayout], to: &[PlaneLayout]) -> Vec<Job> {
        let steps = (0..).map(|plane| self.steps.get(image.steps_of(plane)));
        from.iter().zip(to).zip(steps).map(|((&from, &to), steps)| Job::transform(from, to, steps)).collect()
    }

    /// The passes from samples to records of quantised coefficients.
    fn quantised(
        &self,
        image: &Image,
        planes: &[PlaneLayout],
        records: &[PlaneLayout],
        memory: &mut PlaneAllocator,
    ) -> PassList {
        match image.quantiser {
            Quantiser::Rounding => vec![(Pass::Forward, self.transforms(image, planes, records))],
            Quantiser::Trellis { weights, .. } => {
                let (sampling, steps) = (image.sampling, &image.steps);
                self.trellis(&Trellis { planes, records, sampling, steps, weights }, memory)
            }
        }
    }

    /// The program of an encode in one round trip. Uploads the planes of the source, or one of RGB. Downloads the packed planes of L2, then
    /// those of the residual, then the sums of the proofs of luma and of chroma. `None` where shaders do not do what the encoder does, or the
    /// family is too small for the sums.
    ///
    /// # Errors
    /// A recorded sharpening out of range.
    pub fn coefficients(
        &self,
        params: &EncodeParams,
        source: &SourceFamily,
    ) -> Result<Option<(Program, Crossing)>> {
        let (width, height) = (source.image.width(), source.image.height());
        let Some(quantisers) = quantisers(params).filter(|_| width.max(height) <= MAX_SIDE) else {
            return Ok(None);
        };
        // The two round trips of the other way; what the host does between them and after them is added.
        let Program { round_trips, words } = self.encode(params, source)?;
        let Ok([base, last]) = <[RoundTrip; 2]>::try_from(round_trips) else {
            unreachable!("an encode has two round trips")
        };
        let mut planes = PlaneAllocator::after(words);
        let l2 = base.download;
        let sampling = match l2.len() {
            1 => Sampling::Gray,
            _ => params.coding().baseline_subsamp.sampling(),
        };
        let baseline = Image::new(&l2, sampling, quantisers[0], params.base_quality.into(), [1, 2]);
        let made: Vec<[PlaneLayout; 2]> = last.download.as_chunks().0.to_vec();
        let residuals: Vec<PlaneLayout> = made.iter().map(|&[_, residual]| residual).collect();
        let sampling = if residuals.len() == 1 { Sampling::Gray } else { Sampling::S420 };
        let quality = params.residual_qualities();
        let sparse = sparse(quantisers[1], quality);
        let residual = Image::new(&residuals, sampling, quantisers[1], quality, sparse);

        let decoded: Vec<PlaneLayout> = l2
            .iter()
            .enumerate()
            .map(|(i, plane)| match last.upload.get(i) {
                Some(&place) => place,
                None => planes.allocate(plane.width, plane.height, SampleFormat::U8),
            })
            .collect();
        // The corrected planes take the place of the residual.
        let chroma = if residuals.len() > 1 { &residuals[1..] } else { &decoded[1..] };
        let proven: Vec<&[PlaneLayout]> =
            [&residuals[..1], chroma].into_iter().filter(|planes| !planes.is_empty()).collect();
        let bytes_of =
            |planes: &&[PlaneLayout]| planes.iter().map(|plane| plane.width * plane.height).sum::<usize>();
        let proven_bytes = [0, 1].map(|i| proven.get(i).map_or(0, bytes_of));
        let Some(entries) = (proven.iter().map(bytes_of).map(proof::entries)).collect::<Option<Vec<_>>>()
        else {
            return Ok(None);
        };

        let records_of = |planes: &mut PlaneAllocator, of: &[PlaneLayout]| -> Vec<PlaneLayout> {
            of.iter().map(|plane| planes.allocate(plane.width, plane.height, SampleFormat::Blocks)).collect()
        };
        let l2_records = records_of(&mut planes, &l2);
        let records = records_of(&mut planes, &residuals);
        let corrections = self.transforms(&residual, &records, &residuals).into_iter().zip(&made);
        let corrections =
            corrections.map(|(job, &[prediction, _])| job.with(prediction, prediction)).collect();

        // Downloaded planes are contiguous.
        let (mut download, mut packs) = (Vec::new(), Vec::new());
        for (image, records) in [(&baseline, &l2_records), (&residual, &records)] {
            for (plane, &records) in records.iter().enumerate() {
                let value_words = image.value_words(plane, records);
                let words = (HEAD_WORDS + 2 * records.blocks()) as u32 + value_words;
                let packed = planes.allocate_words(words);
                packs.push(Job::pack(records, packed, value_words));
                download.push(packed);
            }
        }
        let mut proofs = Vec::new();
        for (&of, entries) in proven.iter().zip(entries) {
            let sums = planes.allocate_words(16 * (entries as u32 + 1));
            proofs.push(Job::proof(of, sums));
            download.push(sums);
        }

        let mut passes = base.passes;
        passes.extend(self.quantised(&baseline, &l2, &l2_records, &mut planes));
        passes.push((Pass::Inverse, self.transforms(&baseline, &l2_records, &decoded)));
        passes.extend(last.passes);
        passes.extend(self.quantised(&residual, &residuals, &records, &mut planes));
        passes.push((Pass::Correct, corrections));
        passes.push((Pass::Offsets, packs.clone()));
        passes.push((Pass::Pack, packs));
        passes.push((Pass::Proof, proofs));
        let round_trips = vec![RoundTrip { upload: base.upload, passes, download }];
        let program = Program { round_trips, words: planes.peak };
        Ok(Some((program, Crossing { baseline, residual, proven_bytes })))
    }
}

//! The passes of a trellis: exact coefficients, their symbols counted, what these cost, the AC and the DC coefficients.

use super::super::pass::{COUNT_WORDS, Pass, counting_groups};
use super::{Job, PassList, PlaneAllocator, PlaneLayout, Programs};
use crate::codec::coefficients::{COSTS, Weights};
use crate::image::ycc::Sampling;

/// Words of the costs of DC and of AC symbols.
pub const COST_WORDS: u32 = 2 * COSTS as u32;

/// An image to quantise by a trellis.
pub struct Trellis<'a> {
    /// Luma and, of an image with colour, both planes of chroma; and the records of their blocks.
    pub planes: &'a [PlaneLayout],
    pub records: &'a [PlaneLayout],
    pub sampling: Sampling,
    /// The steps of luma and of chroma.
    pub steps: &'a [[u8; 64]; 2],
    pub weights: Weights,
}

impl Programs {
    /// From samples to records of chosen coefficients.
    pub(super) fn trellis(&self, image: &Trellis<'_>, memory: &mut PlaneAllocator) -> PassList {
        let Trellis { planes, records, sampling, steps, weights } = *image;
        let exact = planes.iter().zip(records).map(|(&src, &dst)| Job::exact(src, dst)).collect();
        let (mut counts, mut rates, mut chosen) = (Vec::new(), Vec::new(), Vec::new());
        // Planes of chroma share their symbols.
        let (luma, chroma) = records.split_at(1);
        for (records, steps, unit) in [(luma, &steps[0], sampling.factors()), (chroma, &steps[1], (1, 1))] {
            let Some(&first) = records.first() else { continue };
            let table = self.steps.of_trellis(steps, weights);
            let groups = counting_groups(first.width, first.height);
            let each = records.iter().map(|_| memory.allocate_words(COUNT_WORDS * groups as u32));
            let each: Vec<PlaneLayout> = each.collect();
            let costs = memory.allocate_words(COST_WORDS);
            rates.push(Job::rates(each[0], groups * records.len(), costs));
            counts.extend(records.iter().zip(each).map(|(&of, to)| Job::count(of, to, table.clone())));
            chosen.extend(records.iter().map(|&of| Job::choose([of; 2], costs, unit, table.clone())));
        }
        vec![
            (Pass::Exact, exact),
            (Pass::Count, counts),
            (Pass::Rates, rates),
            (Pass::Ac, chosen.clone()),
            (Pass::Dc, chosen),
        ]
    }
}

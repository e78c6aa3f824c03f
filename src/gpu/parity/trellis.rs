//! Cases of the passes of a trellis: exact coefficients, counts, costs, AC and DC coefficients.

use std::ops::Range;
use std::sync::Arc;

use super::case::{Case, program};
use super::coefficients::{records, words_of};
use crate::codec::Coefficients;
use crate::codec::coefficients::{Block, Rates, Weights};
use crate::gpu::job::RECORD_WORDS;
use crate::gpu::pass::{COUNT_WORDS, Pass, counting_groups};
use crate::gpu::program::{COST_WORDS, Job, PlaneAllocator, SampleFormat};
use crate::gpu::shader::Kernel;
use crate::gpu::tables::DeviceTable;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, YccRef};

const WEIGHTS: [Weights; 3] = [Weights::RESIDUAL, Weights::BY_CONTEXT, Weights::PICTURE];

/// All cases of a plane.
pub fn cases(name: &str, plane: &Plane, thorough: bool) -> Vec<Case> {
    let of_quality = |quality: u8| Coefficients::steps(Sampling::S444, quality.into())[0];
    let mut all = vec![exact(name, plane)];
    let steps: &[(&str, [u8; 64])] = if thorough {
        &[
            ("step 1", [1; 64]),
            ("step 13", [13; 64]),
            ("step 40", [40; 64]),
            ("step 255", [255; 64]),
            ("quality 70", of_quality(70)),
        ]
    } else {
        &[("step 21", [21; 64])]
    };
    for (i, (of_steps, steps)) in steps.iter().enumerate() {
        for (what, image) in [("exact", transformed(plane, steps)), ("hostile", hostile(plane, steps))] {
            // A luma plane in units of four blocks, as of 4:2:0, or in single ones.
            for (sampling, unit) in [(Sampling::Gray, (1, 1)), (Sampling::S420, (2, 2))] {
                let weights = WEIGHTS[(i + all.len()) % WEIGHTS.len()];
                let image = Image {
                    size: (plane.width(), plane.height()),
                    sampling,
                    unit,
                    steps,
                    weights,
                    blocks: &image,
                };
                all.extend(image.cases(&format!("{what}, {of_steps}, {sampling:?}, {name}")));
            }
        }
    }
    all
}

/// Counts whose logarithms are hard, alone and all together.
pub fn counts() -> Vec<Case> {
    let mut hard = vec![0, 1, 2, 3, 5, 7, 63, 64, 65, 0x00aa_aaaa, 0x7fff_ffff, u32::MAX - 1, u32::MAX];
    hard.extend((2..32).flat_map(|bit| [(1u32 << bit) - 1, 1 << bit, (1 << bit) + 1]));
    let mut seed = 1u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> (seed >> 27)
    };
    let mut all = vec![("none".to_string(), [0; 512]), ("all that fit".into(), [u32::MAX; 512])];
    all.extend(hard.iter().map(|&count| {
        let mut counts = [0; 512];
        (counts[0], counts[256 + 0x21]) = (count, count);
        (format!("{count} of one symbol"), counts)
    }));
    all.extend((0..16).map(|turn| {
        (format!("hard numbers, {turn}"), std::array::from_fn(|i| hard[(i * 7 + turn) % hard.len()]))
    }));
    all.extend((0..16).map(|turn| (format!("random numbers, {turn}"), std::array::from_fn(|_| random()))));
    all.into_iter().enumerate().map(|(i, (name, counts))| rates(&name, &counts, 1 + i % 4)).collect()
}

/// Costs of what several workgroups counted together.
fn rates(name: &str, counts: &[u32; 512], groups: usize) -> Case {
    // Each takes a part; the last takes the rest.
    let part = |group: usize, count: u32| {
        let part = count / (groups as u32 + 1);
        if group + 1 < groups { part } else { count - part * (groups as u32 - 1) }
    };
    let parts: Vec<u32> = (0..groups).flat_map(|group| counts.map(|count| part(group, count))).collect();
    let mut region = PlaneAllocator::default();
    let src = region.allocate(4 * parts.len(), 1, SampleFormat::U8);
    let costs = region.allocate(4 * COST_WORDS as usize, 1, SampleFormat::U8);
    let passes = vec![(Pass::Rates, vec![Job::rates(src, groups, costs)])];
    let [dc, ac] = [0, 256].map(|at| Rates::of(&std::array::from_fn(|i| counts[at + i])));
    Case {
        kernel: Kernel::Rates,
        name: format!("{name}, by {groups}"),
        program: program(vec![src], passes, vec![costs], region),
        planes: vec![words_of(&parts)],
        want: vec![words_of(&words(&dc, &ac))],
    }
}

fn words(dc: &Rates, ac: &Rates) -> Vec<u32> {
    dc.all().chain(ac.all()).map(i32::cast_unsigned).collect()
}

/// Eight times the coefficients of a plane.
fn exact(name: &str, plane: &Plane) -> Case {
    let (w, h) = (plane.width(), plane.height());
    let mut region = PlaneAllocator::default();
    let src = region.allocate(w, h, SampleFormat::U8);
    let dst = region.allocate(w, h, SampleFormat::Blocks);
    let blocks: Vec<_> = transformed(plane, &[1; 64]).into_iter().map(|block| (block, 0)).collect();
    Case {
        kernel: Kernel::Forward,
        name: format!("exact, {name}"),
        program: program(
            vec![src],
            vec![(Pass::Exact, vec![Job::exact(src, dst)])],
            vec![dst.as_bytes()],
            region,
        ),
        planes: vec![plane.clone()],
        want: vec![records(&blocks)],
    }
}

/// Eight times the coefficients of a plane, block by block.
fn transformed(plane: &Plane, steps: &[u8; 64]) -> Vec<Block> {
    blocks_of(&Coefficients::exact(YccRef::gray(plane.view()), [*steps; 2]), (plane.width(), plane.height()))
}

/// The blocks of luma that hold samples.
fn blocks_of(image: &Coefficients, (w, h): (usize, usize)) -> Vec<Block> {
    let Some((_, blocks, columns)) = image.components().next() else { unreachable!("an image has luma") };
    blocks.chunks_exact(columns).take(h.div_ceil(8)).flat_map(|row| row[..w.div_ceil(8)].to_vec()).collect()
}

/// Coefficients that no image has: of every size in every place, about half a step, equal ones.
fn hostile(plane: &Plane, steps: &[u8; 64]) -> Vec<Block> {
    let samples = plane.data();
    let sample = |i: usize| i32::from(samples[i % samples.len()]) - 128;
    // Of more the energy of a block does not fit.
    let most = |block: usize| if block % 6 == 5 { 16_383 } else { 5700 };
    let value = |block: usize, place: usize| {
        let (i, step) = (64 * block + place, 8 * i32::from(steps[place]));
        match block % 6 {
            0 => sample(3 * i) * 32,
            // About half a step, one and a half, powers of two.
            1 => (step / 2 + sample(i) / 16) * sample(7 * i).signum(),
            2 => step * (1 << (i % 4)) + sample(5 * i) / 2,
            3 => sample(block) / 8 * step / 16,
            4 if i.is_multiple_of(1 + block % 23) => sample(i) * step / 40,
            5 if place == block / 6 % 64 => 16_383 * sample(i).signum(),
            _ => 0,
        }
    };
    let block = |block: usize| {
        std::array::from_fn(|place| value(block, place).clamp(-most(block), most(block)) as i16)
    };
    (0..plane.width().div_ceil(8) * plane.height().div_ceil(8)).map(block).collect()
}

/// A plane of luma to quantise.
struct Image<'a> {
    size: (usize, usize),
    sampling: Sampling,
    /// Blocks across and down of a unit of the file.
    unit: (usize, usize),
    steps: &'a [u8; 64],
    weights: Weights,
    /// Of eight times the exact coefficients.
    blocks: &'a [Block],
}

impl Image<'_> {
    const LUMA: Range<usize> = 0..1;

    fn cases(&self, name: &str) -> Vec<Case> {
        let mut image = Coefficients::blank(self.size, self.sampling, [*self.steps; 2]);
        let columns = self.size.0.div_ceil(8);
        for (i, block) in self.blocks.iter().enumerate() {
            image.set(0, (i % columns, i / columns), block);
        }
        let counts = image.sampled(Self::LUMA);
        let [dc, ac] = counts.map(|counts| Rates::of(&counts));
        let mut all = self.counted(name, &counts);
        image.choose_ac(Self::LUMA, self.weights, &ac);
        let chosen = blocks_of(&image, self.size);
        image.choose_dc(Self::LUMA, self.weights, &dc);
        let costs = words_of(&words(&dc, &ac));
        all.push(self.chosen(Pass::Ac, name, &costs, self.blocks, &chosen));
        all.push(self.chosen(Pass::Dc, name, &costs, &chosen, &blocks_of(&image, self.size)));
        all
    }

    fn table(&self) -> Arc<DeviceTable> {
        Arc::new(DeviceTable::of_trellis(self.steps, self.weights))
    }

    /// What one workgroup counts, and what the counts of all cost.
    fn counted(&self, name: &str, counts: &[[u32; 256]; 2]) -> Vec<Case> {
        let (w, h) = self.size;
        let groups = counting_groups(w, h);
        let mut region = PlaneAllocator::default();
        let src = region.allocate(w, h, SampleFormat::Blocks);
        let counted = region.allocate(4 * groups * COUNT_WORDS as usize, 1, SampleFormat::U8);
        let costs = region.allocate(4 * COST_WORDS as usize, 1, SampleFormat::U8);
        let count = (Pass::Count, vec![Job::count(src, counted, self.table())]);
        let rates = (Pass::Rates, vec![Job::rates(counted, groups, costs)]);
        let [dc, ac] = counts.each_ref().map(Rates::of);
        let case = |what: &str, passes, download, want: &[u32]| Case {
            kernel: Kernel::Rates,
            name: format!("{what}, {name}"),
            program: program(vec![src.as_bytes()], passes, vec![download], region),
            planes: vec![records(&unflagged(self.blocks))],
            want: vec![words_of(want)],
        };
        let mut all = vec![case("costs", vec![count.clone(), rates], costs, &words(&dc, &ac))];
        if groups == 1 {
            all.push(case("counts", vec![count], counted, counts.as_flattened()));
        }
        all
    }

    /// The records that a pass makes of others. Before DC coefficients are chosen none is said to be there.
    fn chosen(&self, pass: Pass, name: &str, costs: &Plane, from: &[Block], to: &[Block]) -> Case {
        let (w, h) = self.size;
        let mut region = PlaneAllocator::default();
        let src = region.allocate(w, h, SampleFormat::Blocks);
        let of_costs = region.allocate(4 * COST_WORDS as usize, 1, SampleFormat::U8);
        let job = Job::choose([src; 2], of_costs, self.unit, self.table());
        let (from, to) = (records(&unflagged(from)), records(&unflagged(to)));
        let (before, after) = if pass == Pass::Ac { (from, without_dc(to)) } else { (without_dc(from), to) };
        Case {
            kernel: pass.kernel(),
            name: format!("{name}, {:?}", self.weights),
            program: program(
                vec![src.as_bytes(), of_costs],
                vec![(pass, vec![job])],
                vec![src.as_bytes()],
                region,
            ),
            planes: vec![before, costs.clone()],
            want: vec![after],
        }
    }
}

fn unflagged(blocks: &[Block]) -> Vec<(Block, u32)> {
    blocks.iter().map(|&block| (block, 0)).collect()
}

/// Records that do not say whether there is a DC coefficient.
fn without_dc(mut records: Plane) -> Plane {
    for record in records.data_mut().chunks_exact_mut(4 * RECORD_WORDS as usize) {
        // After 64 coefficients of two bytes.
        record[128] &= !1;
    }
    records
}

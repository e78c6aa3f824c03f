//! Cases of the kernels that make coefficients, pack them and prove what they decode to.

use super::case::{Case, planes, program};
use crate::codec::Coefficients;
use crate::codec::coefficients::{
    Block, CONTENT, Factors, NATURAL, PackedPlane, UNDECIDED, pack, samples_and_flags,
};
use crate::gpu::pass::Pass;
use crate::gpu::program::{Job, PlaneAllocator, PlaneLayout, SampleFormat};
use crate::gpu::shader::Kernel;
use crate::gpu::tables::DeviceTable;
use crate::image::plane::Plane;
use crate::image::ycc::{Sampling, YccRef};
use crate::kernels::{proof, residual};
use std::sync::Arc;

/// All cases of a plane.
pub fn cases(name: &str, plane: &Plane, thorough: bool) -> Vec<Case> {
    let qualities: &[u8] = if thorough { &[1, 30, 50, 83, 95, 100] } else { &[50] };
    let tables = qualities.iter().flat_map(|&quality| {
        let [luma, chroma] = Coefficients::steps(Sampling::S420, quality.into());
        [(format!("luma {quality}"), luma), (format!("chroma {quality}"), chroma)]
    });
    let mut all: Vec<Case> = tables
        .flat_map(|(steps, table)| {
            let name = format!("{steps}, {name}");
            [forward(&name, plane, table), unpacked(&name, plane, table)]
                .into_iter()
                .chain(inverses(&name, plane, &table))
        })
        .collect();
    all.extend(packs(name, plane));
    all.extend(proofs(name, plane));
    all
}

/// Every divisor of the quantiser.
pub fn divisors() -> impl Iterator<Item = Case> {
    let noise = planes(41, 23, false).swap_remove(0).1;
    (1..=255).map(move |step| forward(&format!("step {step}, noise 41x23"), &noise, [step; 64]))
}

/// Sizes around those of stripes and entries of a proof.
pub fn proven_sizes() -> impl Iterator<Item = Case> {
    let sizes = [
        (241, 1),
        (1, 256),
        (64, 4),
        (257, 1),
        (1024, 1),
        (1025, 1),
        (31, 33),
        (64, 17),
        (1024, 3),
        (3, 999),
    ];
    sizes.into_iter().flat_map(|(w, h)| {
        let planes = planes(w, h, false).into_iter();
        planes.flat_map(move |(name, plane)| proofs(&format!("{name} {w}x{h}"), &plane))
    })
}

/// Blocks with their flags, as a device holds them.
pub fn records(blocks: &[(Block, u32)]) -> Plane {
    let mut bytes = Vec::new();
    for (block, flags) in blocks {
        let coefficients = NATURAL.map(|place| block[usize::from(place)]);
        let mask = coefficients.iter().rev().fold(0u64, |mask, &value| mask << 1 | u64::from(value != 0));
        bytes.extend(coefficients.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend(mask.to_le_bytes());
        bytes.extend(u64::from(*flags).to_le_bytes());
    }
    row_of(bytes)
}

fn row_of(bytes: Vec<u8>) -> Plane {
    Plane::from_vec(bytes.len(), 1, bytes)
}

pub fn words_of(words: &[u32]) -> Plane {
    row_of(words.iter().flat_map(|word| word.to_le_bytes()).collect())
}

fn forward(name: &str, plane: &Plane, steps: [u8; 64]) -> Case {
    let (w, h) = (plane.width(), plane.height());
    let coefficients = Coefficients::by_steps(YccRef::gray(plane.view()), [steps; 2]);
    let blocks: Vec<(Block, u32)> = coefficients
        .components()
        .flat_map(|(_, blocks, _)| blocks.iter().map(|&block| (block, 0)).collect::<Vec<_>>())
        .collect();
    let mut region = PlaneAllocator::default();
    let src = region.allocate(w, h, SampleFormat::U8);
    let dst = region.allocate(w, h, SampleFormat::Blocks);
    let job = Job::transform(src, dst, Arc::new(DeviceTable::of_steps(&steps)));
    Case {
        kernel: Kernel::Forward,
        name: name.into(),
        program: program(vec![src], vec![(Pass::Forward, vec![job])], vec![dst.as_bytes()], region),
        planes: vec![plane.clone()],
        want: vec![records(&blocks)],
    }
}

/// Coefficients from the samples of a plane: of every size, also such as no image has.
fn hostile(plane: &Plane, count: usize) -> Vec<Block> {
    let samples = plane.data();
    let sample = |i: usize| i32::from(samples[i % samples.len()]) - 128;
    let value = |block: usize, place: usize| {
        let (size, i) = (sample(3 * block + 1), 64 * block + place);
        let value = match block % 6 {
            // A few; many small ones; only a mean; large ones; all that fits; about the largest that is decided.
            0 => {
                if i % 11 == 0 {
                    sample(7 * i) / 4
                } else {
                    0
                }
            }
            1 => sample(5 * i) / 32,
            2 => {
                if place == 0 {
                    16 * size
                } else {
                    0
                }
            }
            3 => sample(3 * i) * 3,
            4 => sample(i) * 256 + sample(3 * i),
            _ => {
                if place == block % 64 {
                    16_383 * size.signum() + sample(i) / 64
                } else {
                    0
                }
            }
        };
        value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
    };
    (0..count).map(|block| std::array::from_fn(|place| value(block, place))).collect()
}

/// The samples of hostile coefficients alone, and added to a prediction.
fn inverses(name: &str, prediction: &Plane, steps: &[u8; 64]) -> [Case; 2] {
    let (w, h) = (prediction.width(), prediction.height());
    let mut region = PlaneAllocator::default();
    let other = region.allocate(w, h, SampleFormat::U8);
    let src = region.allocate(w, h, SampleFormat::Blocks);
    let dst = region.allocate(w, h, SampleFormat::U8);
    let factors: Factors = steps.map(u16::from);
    let blocks = hostile(prediction, src.blocks());
    let columns = w.div_ceil(8);
    let mut samples = Plane::new(columns * 8, h.div_ceil(8) * 8);
    let mut flagged = Vec::new();
    for (i, block) in blocks.iter().enumerate() {
        let (x, y) = (i % columns * 8, i / columns * 8);
        let (of_block, flags) = samples_and_flags(block, &factors, (w - x, h - y));
        flagged.push((*block, flags));
        for (row, of_row) in of_block.iter().enumerate() {
            samples.row_mut(y + row)[x..x + 8].copy_from_slice(of_row);
        }
    }
    let samples = samples.view().part(0, 0, w, h).to_plane();
    let mut corrected = prediction.clone();
    residual::apply(&mut corrected, samples.view());
    let job = Job::transform(src, dst, Arc::new(DeviceTable::of_steps(steps))).with(other, other);
    let unflagged: Vec<(Block, u32)> = blocks.into_iter().map(|block| (block, 0)).collect();
    [("samples", Pass::Inverse, samples), ("corrected", Pass::Correct, corrected)].map(
        |(what, pass, want)| Case {
            kernel: Kernel::Inverse,
            name: format!("{what}, {name}"),
            program: program(
                vec![other, src.as_bytes()],
                vec![(pass, vec![job.clone()])],
                vec![src.as_bytes(), dst],
                region,
            ),
            planes: vec![prediction.clone(), records(&unflagged)],
            want: vec![records(&flagged), want],
        },
    )
}

/// The samples of hostile coefficients that the host packed, and their flags.
fn unpacked(name: &str, plane: &Plane, steps: [u8; 64]) -> Case {
    let (w, h) = (plane.width(), plane.height());
    let (columns, factors): (usize, Factors) = (w.div_ceil(8), steps.map(u16::from));
    let mut packed = PackedPlane::new((w, h), steps);
    let mut want = Plane::new(columns * 8, h.div_ceil(8) * 8);
    let mut all = 0;
    for (i, block) in hostile(plane, columns * h.div_ceil(8)).iter().enumerate() {
        packed.push(block, (i % columns, i / columns));
        let (x, y) = (i % columns * 8, i / columns * 8);
        let (of_block, flags) = samples_and_flags(block, &factors, (w - x, h - y));
        all |= flags;
        for (row, of_row) in of_block.iter().enumerate() {
            want.row_mut(y + row)[x..x + 8].copy_from_slice(of_row);
        }
    }
    let mut region = PlaneAllocator::default();
    let mut row = |bytes: usize| region.allocate(bytes, 1, SampleFormat::U8);
    let (blocks, values, word) = (row(packed.blocks.len()), row(packed.values.len()), row(4));
    let dst = region.allocate(w, h, SampleFormat::U8);
    let over = PlaneLayout { offset: blocks.offset, width: w, height: h, format: SampleFormat::Blocks };
    let unpack = Job::transform(over, dst, Arc::new(DeviceTable::of_steps(&steps))).with(values, values);
    let passes = vec![(Pass::Unpack, vec![unpack]), (Pass::Flags, vec![Job::gather(over, word)])];
    Case {
        kernel: Kernel::Inverse,
        name: format!("packed, {name}"),
        program: program(vec![blocks, values], passes, vec![word, dst], region),
        planes: vec![row_of(packed.blocks), row_of(packed.values)],
        want: vec![words_of(&[all]), want.view().part(0, 0, w, h).to_plane()],
    }
}

/// With room for all values, and with too little.
fn packs(name: &str, plane: &Plane) -> [Case; 2] {
    let (w, h) = (plane.width(), plane.height());
    let flags = |i: usize| [0, CONTENT, 0, UNDECIDED][usize::from(plane.data()[i % plane.data().len()] % 4)];
    let count = w.div_ceil(8) * h.div_ceil(8);
    let blocks: Vec<_> =
        hostile(plane, count).into_iter().enumerate().map(|(i, block)| (block, flags(i))).collect();
    let want = pack(blocks.iter().map(|(block, flags)| (block, *flags)));
    let head = want.len() - want[0] as usize;
    [("all", want.len()), ("too little room", head)].map(|(what, shown)| {
        let mut region = PlaneAllocator::default();
        let src = region.allocate(w, h, SampleFormat::Blocks);
        let packed = region.allocate(4 * want.len(), 1, SampleFormat::U8);
        let room = if shown == head { want[0] / 2 } else { want[0] };
        let job = Job::pack(src, packed, room);
        let passes = vec![(Pass::Offsets, vec![job.clone()]), (Pass::Pack, vec![job])];
        let download = PlaneLayout { width: 4 * shown, ..packed };
        Case {
            kernel: Kernel::Pack,
            name: format!("{what}, {name}"),
            program: program(vec![src.as_bytes()], passes, vec![download], region),
            planes: vec![records(&blocks)],
            want: vec![words_of(&want[..shown])],
        }
    })
}

/// Of the plane, and of it and another one.
fn proofs(name: &str, plane: &Plane) -> Vec<Case> {
    let (w, h) = (plane.width(), plane.height());
    let turned = Plane::from_vec(w, h, plane.data().iter().rev().copied().collect());
    let both = [plane.clone(), turned];
    let of = |count: usize| {
        let views: Vec<_> = both[..count].iter().map(Plane::view).collect();
        let want = proof::sums(&views)?;
        let mut region = PlaneAllocator::default();
        let sources: Vec<_> = (0..count).map(|_| region.allocate(w, h, SampleFormat::U8)).collect();
        let sums = region.allocate(8 * want.len(), 1, SampleFormat::U8);
        let passes = vec![(Pass::Proof, vec![Job::proof(&sources, sums)])];
        Some(Case {
            kernel: Kernel::Proof,
            name: format!("{count} of {name}"),
            program: program(sources, passes, vec![sums], region),
            planes: both[..count].to_vec(),
            want: vec![row_of(want.iter().flat_map(|sum| sum.to_le_bytes()).collect())],
        })
    };
    [1, 2].into_iter().filter_map(of).collect()
}

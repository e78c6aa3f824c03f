//! One plane to compute: the planes, tables and numbers of a kernel.

use std::sync::Arc;

use super::layout::PlaneLayout;
use crate::gpu::tables::DeviceTable;
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::Taps;

/// Tables of a job.
#[derive(Clone, Debug)]
pub enum JobTables {
    /// None.
    None,
    /// Horizontal and vertical taps, for the kernels that filter.
    Taps([Arc<Taps>; 2]),
    /// The steps of a quantiser, or the table of a trellis.
    Steps(Arc<DeviceTable>),
}

/// One plane to compute.
#[derive(Clone, Debug)]
pub struct Job {
    /// Plane to read.
    pub src: PlaneLayout,
    /// Plane to write.
    pub dst: PlaneLayout,
    /// The tables that the kernel reads.
    pub tables: JobTables,
    /// Offsets of further planes: `a` and `b` of the shader.
    pub planes: [u32; 2],
    /// Numbers: `p` and `q` of the shader.
    pub numbers: [i32; 2],
}

impl Job {
    fn new(src: PlaneLayout, dst: PlaneLayout) -> Self {
        Self { src, dst, tables: JobTables::None, planes: [0; 2], numbers: [0; 2] }
    }

    /// Filters `src` to `dst` by two tables.
    pub fn filter(src: PlaneLayout, dst: PlaneLayout, h: Arc<Taps>, v: Arc<Taps>) -> Self {
        Self { tables: JobTables::Taps([h, v]), ..Self::new(src, dst) }
    }

    /// Sharpens `src` to `dst`.
    pub fn sharpen(src: PlaneLayout, dst: PlaneLayout, strength: Strength) -> Self {
        Self { numbers: [strength.q8() as i32, 0], ..Self::new(src, dst) }
    }

    /// Samples to the records of their blocks, or back.
    pub fn transform(src: PlaneLayout, dst: PlaneLayout, steps: Arc<DeviceTable>) -> Self {
        Self { tables: JobTables::Steps(steps), ..Self::new(src, dst) }
    }

    /// Samples to the records of their blocks, not quantised.
    pub fn exact(src: PlaneLayout, records: PlaneLayout) -> Self {
        Self::new(src, records)
    }

    /// Records of exact coefficients to counts of their symbols: [`COUNT_WORDS`](crate::gpu::COUNT_WORDS) words for each of [`counting_groups`](crate::gpu::counting_groups).
    pub fn count(records: PlaneLayout, counts: PlaneLayout, trellis: Arc<DeviceTable>) -> Self {
        Self { tables: JobTables::Steps(trellis), ..Self::new(records, counts.over(records)) }
    }

    /// What so many workgroups counted to costs: [`COST_WORDS`](crate::gpu::COST_WORDS).
    pub fn rates(counts: PlaneLayout, groups: usize, costs: PlaneLayout) -> Self {
        Self { numbers: [groups as i32, 0], ..Self::new(counts, costs) }
    }

    /// Records of exact coefficients to chosen ones, in units of so many blocks across and down.
    pub fn choose(
        [src, dst]: [PlaneLayout; 2],
        costs: PlaneLayout,
        (across, down): (usize, usize),
        trellis: Arc<DeviceTable>,
    ) -> Self {
        let numbers = [across as i32, down as i32];
        Self { numbers, tables: JobTables::Steps(trellis), ..Self::new(src, dst).with(costs, costs) }
    }

    /// Records of blocks to `packed`, which has room for so many words of values.
    pub fn pack(records: PlaneLayout, packed: PlaneLayout, value_words: u32) -> Self {
        let numbers = [i32::try_from(value_words).unwrap_or(i32::MAX), 0];
        Self { numbers, ..Self::new(records, packed.over(records)) }
    }

    /// The flags of packed blocks to one word.
    pub fn gather(blocks: PlaneLayout, word: PlaneLayout) -> Self {
        Self::new(blocks, word.over(blocks))
    }

    /// One plane, or two of one size, to the sums of their proof.
    pub fn proof(planes: &[PlaneLayout], sums: PlaneLayout) -> Self {
        let (first, last) = (planes[0], planes[planes.len() - 1]);
        let all = PlaneLayout { offset: sums.offset, height: planes.len() * first.height, ..first };
        Self { numbers: [planes.len() as i32, 0], ..Self::new(first, all).with(last, last) }
    }

    /// Adds two further planes.
    pub fn with(self, a: PlaneLayout, b: PlaneLayout) -> Self {
        Self { planes: [a.offset, b.offset], ..self }
    }

    /// Interleaved RGB to planes.
    pub fn to_ycc(rgb: PlaneLayout, planes: [PlaneLayout; 3]) -> Self {
        Self::new(rgb, planes[0]).with(planes[1], planes[2])
    }

    /// Planes to interleaved RGB.
    pub fn to_rgb(planes: [PlaneLayout; 3], rgb: PlaneLayout) -> Self {
        Self::new(planes[0], rgb).with(planes[1], planes[2])
    }
}

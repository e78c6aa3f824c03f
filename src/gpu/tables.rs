//! Tables of taps, and of quantisers, in the form that shaders read.
//!
//! Taps are rows of four `i32`, in three parts:
//!
//! - *heads*, one an output: first group, number of groups, row of its taps;
//! - *spans*, one for every [`TILE_ROWS`] outputs: first group and end of the groups that they need together;
//! - *taps* in groups of four. Equal ones are stored once: away from the edges all outputs of one phase of the
//!   filter have the same taps, so a workgroup reads few distinct words.
//!
//! Groups begin at multiples of four source samples, so that a group covers one quad of the source. Knows no
//! device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::shader::TILE_ROWS;
use crate::codec::coefficients::{NATURAL, Scale, Weights};
use crate::kernels::taps::Taps;

/// A table for the device.
#[derive(Debug)]
pub struct DeviceTable {
    /// Heads, spans, taps.
    pub rows: Vec<[i32; 4]>,
    /// First row of the spans.
    pub spans: u32,
}

impl DeviceTable {
    /// Converts a table of the CPU.
    pub fn new(taps: &Taps) -> Self {
        let outputs = taps.out_len();
        let mut heads = Vec::with_capacity(outputs);
        let mut groups: Vec<[i32; 4]> = Vec::new();
        let mut known: HashMap<Vec<[i32; 4]>, i32> = HashMap::new();
        let taps_at = outputs + outputs.div_ceil(TILE_ROWS);
        for i in 0..outputs {
            let (start, coeffs) = (taps.start(i), taps.coeffs(i));
            let used = coeffs.iter().rposition(|&c| c != 0).map_or(1, |last| last + 1);
            let (first, end) = (start / 4, (start + used).div_ceil(4));
            let mut own = vec![[0i32; 4]; end - first];
            for (k, &c) in coeffs[..used].iter().enumerate() {
                let at = start + k - 4 * first;
                own[at / 4][at % 4] = i32::from(c);
            }
            let at = *known.entry(own).or_insert_with_key(|own| {
                groups.extend(own);
                (taps_at + groups.len() - own.len()) as i32
            });
            heads.push([first as i32, (end - first) as i32, at, 0]);
        }
        let mut rows = heads;
        for block in (0..outputs).step_by(TILE_ROWS) {
            let of = rows[block..outputs.min(block + TILE_ROWS)].iter();
            let (first, end) =
                of.fold((i32::MAX, 0), |(first, end), head| (first.min(head[0]), end.max(head[0] + head[1])));
            rows.push([first, end, 0, 0]);
        }
        rows.extend(groups);
        Self { rows, spans: outputs as u32 }
    }
}

impl DeviceTable {
    /// The 64 steps of a quantiser, row by row.
    pub fn of_steps(steps: &[u8; 64]) -> Self {
        let rows = steps.as_chunks().0.iter().map(|row: &[u8; 4]| row.map(i32::from));
        Self { rows: rows.collect(), spans: 0 }
    }

    /// The reciprocals of a trellis by these steps, in zigzag order, then its weights.
    pub fn of_trellis(steps: &[u8; 64], weights: Weights) -> Self {
        let scale = Scale::new(steps);
        let reciprocals = NATURAL.map(|place| scale.reciprocals()[usize::from(place)] as i32);
        let weights = [weights.flat, weights.half_at, weights.least, 0];
        Self { rows: reciprocals.as_chunks().0.iter().copied().chain([weights]).collect(), spans: 0 }
    }
}

/// The steps of a quantiser, and the weights of one that is a trellis.
type Quantiser = ([u8; 64], Option<Weights>);

/// The tables of quantisers. There are few: one or two for each quality.
#[derive(Debug, Default)]
pub struct StepTables {
    made: Mutex<HashMap<Quantiser, Arc<DeviceTable>>>,
}

impl StepTables {
    /// The table of `steps`, made on first use.
    pub fn get(&self, steps: &[u8; 64]) -> Arc<DeviceTable> {
        self.made((*steps, None), || DeviceTable::of_steps(steps))
    }

    /// The table of a trellis, made on first use.
    pub fn of_trellis(&self, steps: &[u8; 64], weights: Weights) -> Arc<DeviceTable> {
        self.made((*steps, Some(weights)), || DeviceTable::of_trellis(steps, weights))
    }

    fn made(&self, of: Quantiser, make: impl FnOnce() -> DeviceTable) -> Arc<DeviceTable> {
        let mut made = self.made.lock().unwrap_or_else(|e| e.into_inner());
        made.entry(of).or_insert_with(|| Arc::new(make())).clone()
    }
}

/// Most tables in the cache. A server opens many slides, each with edges of its own size.
const MAX_TABLES: usize = 1024;

/// A table of the CPU and the device's form of it. The first keeps the address, which is the key, from being
/// reused.
type Pair = (Arc<Taps>, Arc<DeviceTable>);

/// A cache of device tables, by the address of the CPU's table.
#[derive(Debug, Default)]
pub struct DeviceTables {
    made: Mutex<HashMap<usize, Pair>>,
}

impl DeviceTables {
    /// The device's form of `taps`, converted on first use.
    pub fn get(&self, taps: &Arc<Taps>) -> Arc<DeviceTable> {
        let mut made = self.made.lock().unwrap_or_else(|e| e.into_inner());
        if made.len() >= MAX_TABLES {
            made.clear();
        }
        let entry = made
            .entry(Arc::as_ptr(taps) as usize)
            .or_insert_with(|| (taps.clone(), Arc::new(DeviceTable::new(taps))));
        entry.1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::taps::Filter;

    #[test]
    fn a_device_table_holds_the_same_taps_and_its_spans_cover_them() {
        for filter in Filter::ALL {
            for n in [1usize, 5, 64, 257, 1000] {
                let up = Taps::upsample(filter, n, 4, 4 * n);
                let down = Taps::downsample(filter, n, 8);
                for taps in [&up, &down, &Taps::scale(filter, n, n.div_ceil(3)), &Taps::gram(&up, 4)] {
                    let table = DeviceTable::new(taps);
                    for i in 0..taps.out_len() {
                        let [first, groups, at, _] = table.rows[i].map(|v| v as usize);
                        let mut want = vec![0i32; 4 * groups];
                        for (k, &c) in taps.coeffs(i).iter().enumerate().filter(|&(_, &c)| c != 0) {
                            want[taps.start(i) + k - 4 * first] = i32::from(c);
                        }
                        assert_eq!(table.rows[at..at + groups].concat(), want, "{filter:?} {n} output {i}");
                        let span = table.rows[table.spans as usize + i / TILE_ROWS];
                        assert!(span[0] as usize <= first && first + groups <= span[1] as usize);
                    }
                }
            }
        }
    }

    #[test]
    fn equal_taps_are_stored_once() {
        let down = DeviceTable::new(&Taps::downsample(Filter::Lanczos3, 1024, 4));
        let (heads, spans) = (256, 4);
        assert!(down.rows.len() < heads + spans + 100, "{} rows", down.rows.len());
    }
}

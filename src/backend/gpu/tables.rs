//! Tables of taps in the form that shaders read.
//!
//! One record an output: a head (first group, number of groups), then the taps in groups of four. Groups begin at multiples of
//! four source samples, so that a group meets one quad of the source. After the records come the spans: for every
//! [`TILE_ROWS`] outputs the first group and the end of those that they need. Knows no device.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::shader::TILE_ROWS;
use crate::kernels::taps::Taps;

/// A table for the device.
#[derive(Debug)]
pub struct DeviceTable {
    /// Records, then spans.
    pub rows: Vec<[i32; 4]>,
    /// Rows from one record to the next.
    pub record: u32,
    /// Where the spans begin.
    pub spans: u32,
}

impl DeviceTable {
    /// From a table of the CPU.
    pub fn new(taps: &Taps) -> Self {
        let outputs = taps.out_len();
        // First and last source sample with a tap that is not zero.
        let range = |i: usize| {
            let coeffs = taps.coeffs(i);
            let used = coeffs.iter().rposition(|&c| c != 0).map_or(1, |last| last + 1);
            (taps.start(i), taps.start(i) + used)
        };
        let groups = |i: usize| {
            let (first, end) = range(i);
            (first / 4, end.div_ceil(4))
        };
        let longest = (0..outputs).map(|i| groups(i).1 - groups(i).0).max().unwrap_or(1);
        let record = 1 + longest;
        let mut rows = vec![[0i32; 4]; record * outputs];
        for i in 0..outputs {
            let ((first, end), (group, group_end)) = (range(i), groups(i));
            rows[i * record] = [group as i32, (group_end - group) as i32, 0, 0];
            for at in first..end {
                let k = at - 4 * group;
                rows[i * record + 1 + k / 4][k % 4] = i32::from(taps.coeffs(i)[at - first]);
            }
        }
        let spans = rows.len() as u32;
        for block in (0..outputs).step_by(TILE_ROWS) {
            let of = (block..outputs.min(block + TILE_ROWS)).map(groups);
            let (first, end) = of.fold((usize::MAX, 0), |(first, end), (a, b)| (first.min(a), end.max(b)));
            rows.push([first as i32, end as i32, 0, 0]);
        }
        Self { rows, record: record as u32, spans }
    }
}

/// Most tables that are kept: a server meets many slides, each with edges of its own size.
const MOST_TABLES: usize = 1024;

/// A table of the CPU, which keeps its address taken, and the device's form of it.
type Pair = (Arc<Taps>, Arc<DeviceTable>);

/// Device tables by the address of the table that they are made from.
#[derive(Debug, Default)]
pub struct DeviceTables {
    made: Mutex<HashMap<usize, Pair>>,
}

impl DeviceTables {
    /// The device's form of `taps`, made on first use.
    pub fn get(&self, taps: &Arc<Taps>) -> Arc<DeviceTable> {
        let mut made = self.made.lock().unwrap_or_else(|e| e.into_inner());
        if made.len() >= MOST_TABLES {
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
                        let record = &table.rows[i * table.record as usize..][..table.record as usize];
                        let (first, groups) = (record[0][0] as usize, record[0][1] as usize);
                        let mut want = vec![0i32; 4 * groups];
                        for (k, &c) in taps.coeffs(i).iter().enumerate().filter(|&(_, &c)| c != 0) {
                            want[taps.start(i) + k - 4 * first] = i32::from(c);
                        }
                        assert_eq!(record[1..=groups].concat(), want, "{filter:?} {n} output {i}");
                        let span = table.rows[table.spans as usize + i / TILE_ROWS];
                        assert!(span[0] as usize <= first && first + groups <= span[1] as usize);
                    }
                }
            }
        }
    }
}

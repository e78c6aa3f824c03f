//! Programs of several families put together: one dispatch a pass, with a job for every plane of every family.
//!
//! Knows where tables lie, no device.

use std::collections::HashMap;
use std::sync::Arc;

use super::device::{Dispatch, JOB_BYTES, JOB_WINDOW_BYTES, JOBS_ALIGN};
use super::program::{Job, Phase};
use super::shader::Pass;
use super::tables::{DeviceTable, DeviceTables};
use crate::kernels::taps::Taps;

/// Bytes of the jobs of one crossing.
pub const JOBS_BYTES: usize = 1 << 18;
/// Most jobs of a dispatch.
const MOST_JOBS: usize = JOB_WINDOW_BYTES / JOB_BYTES;
/// Rows of a workspace's tables, 16 bytes each.
pub const TABLE_ROWS: u32 = 1 << 18;

/// A job as shaders read it.
type Words = [u32; JOB_BYTES / 4];

/// Where the tables of a workspace lie. They stay from batch to batch, as most families have the same ones.
#[derive(Default)]
pub struct Shelf {
    placed: HashMap<usize, (Arc<DeviceTable>, u32)>,
    next: u32,
    /// Tables that are not on the device yet, with their place.
    pub fresh: Vec<(Arc<DeviceTable>, u32)>,
}

impl Shelf {
    /// Makes room for tables; false where they do not fit beside those that are there.
    fn place(&mut self, tables: &[Arc<DeviceTable>]) -> bool {
        let key = |table: &Arc<DeviceTable>| Arc::as_ptr(table) as usize;
        let mut next = self.next;
        let mut new: Vec<(Arc<DeviceTable>, u32)> = Vec::new();
        for table in tables {
            let known =
                self.placed.contains_key(&key(table)) || new.iter().any(|(t, _)| Arc::ptr_eq(t, table));
            if !known {
                new.push((table.clone(), next));
                next += table.rows.len() as u32;
            }
        }
        if next > TABLE_ROWS {
            return false;
        }
        self.next = next;
        self.placed.extend(new.iter().map(|(table, at)| (key(table), (table.clone(), *at))));
        self.fresh.extend(new);
        true
    }

    /// As [`Self::place`], after throwing everything out if need be: only while no batch uses the shelf.
    fn place_first(&mut self, tables: &[Arc<DeviceTable>]) -> bool {
        if self.place(tables) {
            return true;
        }
        *self = Self::default();
        self.place(tables)
    }

    fn find(&self, table: &Arc<DeviceTable>) -> u32 {
        self.placed[&(Arc::as_ptr(table) as usize)].1
    }
}

/// The tables of a family's program, in the device's form, in the order of its jobs.
pub struct ProgramTables {
    all: Vec<Arc<DeviceTable>>,
}

impl ProgramTables {
    /// Looks up or makes the tables of `phases`.
    pub fn new(phases: &[Phase], tables: &DeviceTables) -> Self {
        let jobs = phases.iter().flat_map(|phase| phase.steps.iter().flat_map(|(_, jobs)| jobs));
        let taps = jobs.flat_map(|job| job.tables.iter().flatten());
        let mut seen: Vec<(*const Taps, Arc<DeviceTable>)> = Vec::new();
        let all = taps.map(|taps| {
            if let Some((_, table)) = seen.iter().find(|(known, _)| *known == Arc::as_ptr(taps)) {
                return table.clone();
            }
            let table = tables.get(taps);
            seen.push((Arc::as_ptr(taps), table.clone()));
            table
        });
        Self { all: all.collect() }
    }

    /// Puts them on a shelf; `alone` where no other family of the batch uses it.
    pub fn place(&self, shelf: &mut Shelf, alone: bool) -> bool {
        if alone { shelf.place_first(&self.all) } else { shelf.place(&self.all) }
    }
}

/// The jobs of one crossing of a batch.
#[derive(Default)]
pub struct Assembly {
    passes: Vec<(Pass, Vec<Words>, (usize, usize))>,
}

impl Assembly {
    /// Whether a family's phase consists of the same passes, and its jobs still fit.
    pub fn takes(&self, phase: &Phase) -> bool {
        if self.passes.is_empty() {
            return phase.steps.iter().all(|(_, jobs)| jobs.len() <= MOST_JOBS)
                && Self::bytes(phase.steps.iter().map(|(_, jobs)| jobs.len())) <= JOBS_BYTES;
        }
        let same = self.passes.iter().map(|&(pass, ..)| pass).eq(phase.passes());
        let counts =
            || self.passes.iter().zip(&phase.steps).map(|((_, have, _), (_, more))| have.len() + more.len());
        same && counts().all(|count| count <= MOST_JOBS) && Self::bytes(counts()) <= JOBS_BYTES
    }

    fn bytes(counts: impl Iterator<Item = usize>) -> usize {
        counts.map(|count| (count * JOB_BYTES).next_multiple_of(JOBS_ALIGN)).sum()
    }

    /// Adds a family whose region begins at `region`. `tables` are those of its whole program, `skip` the number of tables of the
    /// phases before this one.
    pub fn add(
        &mut self,
        phase: &Phase,
        region: u32,
        tables: &ProgramTables,
        skip: usize,
        shelf: &Shelf,
    ) -> usize {
        if self.passes.is_empty() {
            self.passes = phase.passes().map(|pass| (pass, Vec::new(), (0, 0))).collect();
        }
        let mut next = skip;
        for ((_, words, largest), (_, jobs)) in self.passes.iter_mut().zip(&phase.steps) {
            for job in jobs {
                let pair = job.tables.as_ref().map(|_| {
                    next += 2;
                    [&tables.all[next - 2], &tables.all[next - 1]].map(|table| (shelf.find(table), &**table))
                });
                words.push(encode(job, region, pair));
                *largest = (largest.0.max(job.dst.width), largest.1.max(job.dst.height));
            }
        }
        next
    }

    /// Takes everything: the dispatches, and the jobs as bytes.
    pub fn finish(&mut self) -> (Vec<Dispatch>, Vec<u8>) {
        let mut bytes = Vec::new();
        let passes = std::mem::take(&mut self.passes).into_iter();
        let dispatches = passes.map(|(pass, jobs, (width, height))| {
            bytes.resize(bytes.len().next_multiple_of(JOBS_ALIGN), 0);
            let jobs_at = bytes.len() as u32;
            bytes.extend(jobs.iter().flatten().flat_map(|word| word.to_le_bytes()));
            Dispatch { pass, jobs_at, jobs: jobs.len() as u32, groups: pass.groups(width, height) }
        });
        (dispatches.collect(), bytes)
    }
}

/// The order of `Job` in `shaders/lib/planes.wgsl`.
fn encode(job: &Job, region: u32, tables: Option<[(u32, &DeviceTable); 2]>) -> Words {
    let [h_table, v_table, v_spans] = match tables {
        Some([(h_at, _), (v_at, v)]) => [h_at, v_at, v_at + v.spans],
        None => [0; 3],
    };
    let [p, q] = job.numbers.map(i32::cast_unsigned);
    [
        region + job.src.at,
        job.src.stride(),
        region + job.dst.at,
        job.dst.stride(),
        job.dst.width as u32,
        job.dst.height as u32,
        h_table,
        v_table,
        v_spans,
        region + job.planes[0],
        region + job.planes[1],
        p,
        q,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use naga::TypeInner;

    /// The job of the shaders and the one here: the same fields in the same order, as far as the shader's own text tells.
    #[test]
    fn a_job_is_laid_out_as_the_shaders_read_it() {
        let source = super::super::shader::Kernel::Resample.source();
        let module = naga::front::wgsl::parse_str(&source).unwrap();
        let (_, job) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Job")).unwrap();
        let TypeInner::Struct { members, span } = &job.inner else { panic!("Job is a struct") };
        assert_eq!(*span as usize, JOB_BYTES);
        let names: Vec<_> = members.iter().map(|m| (m.name.as_deref().unwrap(), m.offset)).collect();
        let order = [
            "src",
            "src_stride",
            "dst",
            "dst_stride",
            "width",
            "height",
            "h_table",
            "v_table",
            "v_spans",
            "a",
            "b",
            "p",
            "q",
        ];
        assert_eq!(names, order.iter().zip((0..).step_by(4)).map(|(n, at)| (*n, at)).collect::<Vec<_>>());
    }
}

//! The jobs of several families, combined: one dispatch a pass, with a job for every plane of every family.
//!
//! Assigns tables to rows of the table buffer. Makes no device calls.

use std::collections::HashMap;
use std::sync::Arc;

use super::job::{GpuJob, JOB_BYTES, JOBS_ALIGN, MAX_DISPATCH_JOBS, MAX_JOBS_BYTES};
use super::pass::Pass;
use super::program::{Job, JobTables, RoundTrip};
use super::tables::{DeviceTable, DeviceTables};
use crate::kernels::taps::Taps;

/// Rows of a workspace's table buffer, 16 bytes each.
pub const MAX_TABLE_ROWS: u32 = 1 << 18;

/// A device table and its first row in the table buffer.
pub type PlacedTable = (Arc<DeviceTable>, u32);

/// The tables in a workspace's table buffer. They stay from batch to batch, as most families use the same
/// ones.
#[derive(Default)]
pub struct ResidentTables {
    /// By the address of the table.
    placed: HashMap<usize, PlacedTable>,
    next_row: u32,
    /// Tables that are not uploaded yet.
    pub pending: Vec<PlacedTable>,
}

impl ResidentTables {
    /// Assigns rows to the tables that have none; false where they do not fit beside those that are there.
    fn insert(&mut self, tables: &[Arc<DeviceTable>]) -> bool {
        let key = |table: &Arc<DeviceTable>| Arc::as_ptr(table) as usize;
        let mut next_row = self.next_row;
        let mut new: Vec<PlacedTable> = Vec::new();
        for table in tables {
            let known =
                self.placed.contains_key(&key(table)) || new.iter().any(|(t, _)| Arc::ptr_eq(t, table));
            if !known {
                new.push((table.clone(), next_row));
                next_row += table.rows.len() as u32;
            }
        }
        if next_row > MAX_TABLE_ROWS {
            return false;
        }
        self.next_row = next_row;
        self.placed.extend(new.iter().map(|(table, row)| (key(table), (table.clone(), *row))));
        self.pending.extend(new);
        true
    }

    /// As [`Self::insert`], after removing all tables if need be: only while no batch uses them.
    fn insert_or_replace(&mut self, tables: &[Arc<DeviceTable>]) -> bool {
        if self.insert(tables) {
            return true;
        }
        *self = Self::default();
        self.insert(tables)
    }

    fn row_of(&self, table: &Arc<DeviceTable>) -> u32 {
        self.placed[&(Arc::as_ptr(table) as usize)].1
    }
}

/// The tables of a family's program, in the device's form, in the order of its jobs.
pub struct ProgramTables {
    all: Vec<Arc<DeviceTable>>,
}

impl ProgramTables {
    /// Looks up or makes the tables of `round_trips`.
    pub fn new(round_trips: &[RoundTrip], tables: &DeviceTables) -> Self {
        let jobs = round_trips.iter().flat_map(|trip| trip.passes.iter().flat_map(|(_, jobs)| jobs));
        let mut seen: Vec<(*const Taps, Arc<DeviceTable>)> = Vec::new();
        let mut of_taps = |taps: &Arc<Taps>| {
            if let Some((_, table)) = seen.iter().find(|(known, _)| *known == Arc::as_ptr(taps)) {
                return table.clone();
            }
            let table = tables.get(taps);
            seen.push((Arc::as_ptr(taps), table.clone()));
            table
        };
        let mut all = Vec::new();
        for job in jobs {
            match &job.tables {
                JobTables::None => {}
                JobTables::Taps(pair) => all.extend(pair.iter().map(&mut of_taps)),
                JobTables::Steps(steps) => all.push(steps.clone()),
            }
        }
        Self { all }
    }

    /// Assigns them to rows of the table buffer; `alone` where no other family of the batch uses it. False
    /// where they do not fit.
    pub fn insert_into(&self, resident: &mut ResidentTables, alone: bool) -> bool {
        if alone { resident.insert_or_replace(&self.all) } else { resident.insert(&self.all) }
    }
}

/// One dispatch: a pipeline over consecutive jobs.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch {
    /// Which pipeline.
    pub pass: Pass,
    /// Byte offset of its first job; a multiple of [`JOBS_ALIGN`].
    pub jobs_offset: u32,
    /// How many jobs.
    pub jobs: u32,
    /// Workgroups across and down.
    pub groups: (u32, u32),
}

/// The jobs of one pass, and the size of its largest result.
struct PassJobs {
    pass: Pass,
    jobs: Vec<GpuJob>,
    max_width: usize,
    max_height: usize,
}

/// The jobs of one round trip of a batch.
#[derive(Default)]
pub struct BatchJobs {
    passes: Vec<PassJobs>,
}

impl BatchJobs {
    /// Whether a family's round trip has the same passes, and its jobs still fit.
    pub fn accepts(&self, round_trip: &RoundTrip) -> bool {
        let more = || round_trip.passes.iter().map(|(_, jobs)| jobs.len());
        if self.passes.is_empty() {
            return more().all(|count| count <= MAX_DISPATCH_JOBS) && Self::bytes(more()) <= MAX_JOBS_BYTES;
        }
        let same = self.passes.iter().map(|pass| pass.pass).eq(round_trip.pipelines());
        let counts = || self.passes.iter().zip(more()).map(|(pass, more)| pass.jobs.len() + more);
        same && counts().all(|count| count <= MAX_DISPATCH_JOBS) && Self::bytes(counts()) <= MAX_JOBS_BYTES
    }

    fn bytes(counts: impl Iterator<Item = usize>) -> usize {
        counts.map(|count| (count * JOB_BYTES).next_multiple_of(JOBS_ALIGN)).sum()
    }

    /// Adds a family whose region begins at the word `region`. `tables` are those of its whole program,
    /// `skip` the number of tables of the round trips before this one. Returns `skip` for the next round
    /// trip.
    pub fn add(
        &mut self,
        round_trip: &RoundTrip,
        region: u32,
        tables: &ProgramTables,
        skip: usize,
        resident: &ResidentTables,
    ) -> usize {
        if self.passes.is_empty() {
            let empty = |pass| PassJobs { pass, jobs: Vec::new(), max_width: 0, max_height: 0 };
            self.passes = round_trip.pipelines().map(empty).collect();
        }
        let mut next = skip;
        for (pass, (_, jobs)) in self.passes.iter_mut().zip(&round_trip.passes) {
            for job in jobs {
                let count = match job.tables {
                    JobTables::None => 0,
                    JobTables::Taps(_) => 2,
                    JobTables::Steps(_) => 1,
                };
                let own = &tables.all[next..next + count];
                next += count;
                let rows: Vec<_> = own.iter().map(|table| (resident.row_of(table), table.spans)).collect();
                pass.jobs.push(gpu_job(job, region, &rows));
                pass.max_width = pass.max_width.max(job.dst.width);
                pass.max_height = pass.max_height.max(job.dst.height);
            }
        }
        next
    }

    /// Takes everything: the dispatches, and the jobs as bytes.
    pub fn take(&mut self) -> (Vec<Dispatch>, Vec<u8>) {
        let mut bytes = Vec::new();
        let passes = std::mem::take(&mut self.passes).into_iter();
        let dispatches = passes.map(|PassJobs { pass, jobs, max_width, max_height }| {
            bytes.resize(bytes.len().next_multiple_of(JOBS_ALIGN), 0);
            let jobs_offset = bytes.len() as u32;
            bytes.extend_from_slice(bytemuck::cast_slice(&jobs));
            Dispatch {
                pass,
                jobs_offset,
                jobs: jobs.len() as u32,
                groups: pass.groups(max_width, max_height),
            }
        });
        (dispatches.collect(), bytes)
    }
}

/// `tables` are the first rows of the job's tables, each with the row of its spans.
fn gpu_job(job: &Job, region: u32, tables: &[(u32, u32)]) -> GpuJob {
    let row = |index: usize| tables.get(index).map_or((0, 0), |&(row, spans)| (row, row + spans));
    let ((h_table, _), (v_table, v_spans)) = (row(0), row(1));
    let [a, b] = job.planes.map(|plane| region + plane);
    let [p, q] = job.numbers;
    GpuJob {
        src: region + job.src.offset,
        src_stride: job.src.stride(),
        dst: region + job.dst.offset,
        dst_stride: job.dst.stride(),
        width: job.dst.width as u32,
        height: job.dst.height as u32,
        h_table,
        v_table,
        v_spans,
        a,
        b,
        p,
        q,
    }
}

//! The state of a batch: which families take part, where their planes lie, how far it is. No device calls;
//! `batch_queue` makes those.
//!
//! A batch begins empty on the host. It is closed when no more families may join. It is submitted when all of
//! its families have uploaded their planes, and comes back. Then it is submitted once more (an encode makes
//! two round trips), or ends when its last family has left.

use std::task::Waker;

use super::batch_jobs::{BatchJobs, ProgramTables, ResidentTables};
use super::program::{PlaneLayout, Program, RoundTrip};
use super::workspace::{BufferCopy, Submission};
use crate::span::{Place, Span, span};

/// Most round trips of a program.
pub const MAX_ROUND_TRIPS: usize = 2;

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchLocation {
    /// There is no batch: the workspace is free.
    Free,
    /// On the host: families write to the upload buffer or read from the download buffer.
    Host,
    /// Submitted to the device.
    Device,
}

/// Where the planes of one family lie.
#[derive(Clone, Debug)]
pub struct FamilyRegion {
    /// First word of its part of the arena.
    pub first_word: u32,
    /// Byte offsets per round trip: in the upload buffer, after its fixed part, and in the download buffer.
    pub staging: [(u64, u64); MAX_ROUND_TRIPS],
}

/// How much a batch can hold.
#[derive(Clone, Copy, Debug)]
pub struct BatchCapacity {
    /// Words of the arena.
    pub words: u32,
    /// Bytes of each staging buffer.
    pub staging_bytes: u64,
}

/// Why a family cannot join a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// It would fit into an empty batch.
    Full,
    /// It fits into no batch: it needs this many bytes.
    TooLarge(u64),
}

/// The state of one workspace and its batch.
pub struct BatchState {
    /// Where the batch is.
    pub location: BatchLocation,
    /// Round trips submitted so far.
    pub submitted: usize,
    /// Whether no more families may join.
    pub closed: bool,
    /// Families that take part.
    pub families: usize,
    /// Families that have uploaded their planes for the next round trip.
    pub uploaded: usize,
    /// Whether the download buffer is mapped.
    pub download_mapped: bool,
    /// Wakers of families that wait for the batch to come back.
    pub waiting: Vec<Waker>,
    /// Where the families of the next round trip are in their traces, those that have uploaded and are traced.
    pub places: Vec<Place>,
    tables: ResidentTables,
    jobs: [BatchJobs; MAX_ROUND_TRIPS],
    uploads: [Vec<BufferCopy>; MAX_ROUND_TRIPS],
    downloads: [Vec<BufferCopy>; MAX_ROUND_TRIPS],
    used_words: u32,
    used_staging: [(u64, u64); MAX_ROUND_TRIPS],
}

impl Default for BatchState {
    fn default() -> Self {
        Self {
            location: BatchLocation::Free,
            submitted: 0,
            closed: false,
            families: 0,
            uploaded: 0,
            download_mapped: false,
            waiting: Vec::new(),
            places: Vec::new(),
            tables: ResidentTables::default(),
            jobs: Default::default(),
            uploads: Default::default(),
            downloads: Default::default(),
            used_words: 0,
            used_staging: [(0, 0); MAX_ROUND_TRIPS],
        }
    }
}

fn bytes(planes: &[PlaneLayout]) -> u64 {
    let span = RoundTrip::span(planes);
    4 * u64::from(span.end - span.start)
}

impl BatchState {
    /// Begins a batch.
    pub fn begin(&mut self) {
        self.location = BatchLocation::Host;
        self.submitted = 0;
        self.closed = false;
        self.uploaded = 0;
        self.places.clear();
        self.used_words = 0;
        self.used_staging = [(0, 0); MAX_ROUND_TRIPS];
    }

    /// Adds a family.
    ///
    /// # Errors
    /// Arena, staging buffers, jobs or tables do not fit, or the family's passes are others than the batch's.
    pub fn join(
        &mut self,
        program: &Program,
        tables: &ProgramTables,
        capacity: BatchCapacity,
    ) -> Result<FamilyRegion, JoinError> {
        let alone = self.families == 0;
        let error = |need: u64| if alone { JoinError::TooLarge(need) } else { JoinError::Full };
        let need = u64::from(self.used_words) + u64::from(program.words);
        if need > u64::from(capacity.words) {
            return Err(error(4 * need));
        }
        let mut used_staging = self.used_staging;
        for (round_trip, (up, down)) in program.round_trips.iter().zip(&mut used_staging) {
            *up += bytes(&round_trip.upload);
            *down += bytes(&round_trip.download);
            if (*up).max(*down) > capacity.staging_bytes {
                return Err(error((*up).max(*down)));
            }
        }
        let fits = program.round_trips.iter().zip(&self.jobs).all(|(trip, jobs)| jobs.accepts(trip));
        if !fits || !tables.insert_into(&mut self.tables, alone) {
            return Err(error(4 * u64::from(program.words)));
        }

        let region = FamilyRegion { first_word: self.used_words, staging: self.used_staging };
        let mut skip = 0;
        for (i, round_trip) in program.round_trips.iter().enumerate() {
            skip = self.jobs[i].add(round_trip, region.first_word, tables, skip, &self.tables);
            let copy = |planes: &[PlaneLayout], staging| BufferCopy {
                staging,
                arena: 4 * u64::from(region.first_word + RoundTrip::span(planes).start),
                bytes: bytes(planes),
            };
            let (up, down) = region.staging[i];
            self.uploads[i].push(copy(&round_trip.upload, up));
            self.downloads[i].push(copy(&round_trip.download, down));
        }
        self.used_words += program.words;
        self.used_staging = used_staging;
        self.families += 1;
        Ok(region)
    }

    /// Whether the next round trip can be submitted.
    pub fn is_ready(&self) -> bool {
        self.location == BatchLocation::Host
            && self.closed
            && self.families > 0
            && self.uploaded == self.families
    }

    /// Takes what the device needs for the next round trip. The batch now counts as submitted.
    pub fn take_submission(&mut self) -> Submission {
        let round_trip = self.submitted;
        self.location = BatchLocation::Device;
        self.submitted += 1;
        self.uploaded = 0;
        let (dispatches, jobs) = self.jobs[round_trip].take();
        Submission {
            uploads: std::mem::take(&mut self.uploads[round_trip]),
            dispatches,
            jobs,
            tables: std::mem::take(&mut self.tables.pending),
            downloads: std::mem::take(&mut self.downloads[round_trip]),
        }
    }

    /// The span of the next round trip: a step of the family that uploaded first, with links to the others.
    pub fn span(&mut self) -> Span {
        let places = std::mem::take(&mut self.places);
        let Some((first, others)) = places.split_first() else { return Span::none() };
        let span = first.run(|| span!("gpu.batch", origami.families = self.families as i64));
        others.iter().for_each(|other| span.link(other));
        span
    }

    /// Ends the batch: the workspace is free again.
    pub fn end(&mut self) {
        self.location = BatchLocation::Free;
        for i in 0..MAX_ROUND_TRIPS {
            self.jobs[i].take();
            self.uploads[i].clear();
            self.downloads[i].clear();
        }
    }

    /// Takes the wakers of all families that wait.
    pub fn take_waiting(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.waiting)
    }
}

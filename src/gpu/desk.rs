//! The books of a batch: who takes part, where their planes lie, how far it is. No device calls; `lanes` makes those.
//!
//! A batch begins empty with the host, is closed when nobody may join any more, goes to the device when all of its members have handed
//! in their planes, comes back, and either goes round once more (an encode crosses twice) or ends when its last member has left.

use std::task::Waker;

use super::assembly::{Assembly, ProgramTables, Shelf};
use super::program::{Phase, Place, Program};
use super::workspace::{Copy, Crossing};

/// Most crossings of a program.
pub const MOST_PHASES: usize = 2;

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Nobody uses the workspace.
    Free,
    /// Members write to the upload buffer or read from the download buffer.
    Host,
    /// Submitted.
    Device,
}

/// Where a member's planes lie.
#[derive(Clone, Debug)]
pub struct Region {
    /// Its part of the arena: first word.
    pub words_at: u32,
    /// Per crossing: first byte in the upload buffer after the fixed part, and in the download buffer.
    pub staging: [(u64, u64); MOST_PHASES],
}

/// How much a batch can hold.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Words of the arena.
    pub words: u32,
    /// Bytes of staging, either way.
    pub staging_bytes: u64,
}

/// Why a family does not join a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It would fit into an empty one.
    Full,
    /// It fits into none: so many bytes would have to be there.
    TooLarge(u64),
}

/// The books of one workspace.
pub struct Desk {
    /// Where its batch is.
    pub at: At,
    /// Crossings submitted so far.
    pub turn: usize,
    /// Nobody may join any more.
    pub closed: bool,
    /// Families that take part.
    pub members: usize,
    /// Those that have handed in what the next crossing needs.
    pub arrived: usize,
    /// Whether the download buffer is mapped.
    pub readable: bool,
    /// Told when the batch comes back.
    pub waiting: Vec<Waker>,
    shelf: Shelf,
    assemblies: [Assembly; MOST_PHASES],
    up: [Vec<Copy>; MOST_PHASES],
    down: [Vec<Copy>; MOST_PHASES],
    used_words: u32,
    used_staging: [(u64, u64); MOST_PHASES],
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            at: At::Free,
            turn: 0,
            closed: false,
            members: 0,
            arrived: 0,
            readable: false,
            waiting: Vec::new(),
            shelf: Shelf::default(),
            assemblies: Default::default(),
            up: Default::default(),
            down: Default::default(),
            used_words: 0,
            used_staging: [(0, 0); MOST_PHASES],
        }
    }
}

fn bytes(planes: &[Place]) -> u64 {
    let span = Phase::span(planes);
    4 * u64::from(span.end - span.start)
}

impl Desk {
    /// Begins a batch.
    pub fn open(&mut self) {
        self.at = At::Host;
        self.turn = 0;
        self.closed = false;
        self.arrived = 0;
        self.used_words = 0;
        self.used_staging = [(0, 0); MOST_PHASES];
    }

    /// Takes a family in, or says why not.
    ///
    /// # Errors
    /// No room.
    pub fn join(
        &mut self,
        program: &Program,
        tables: &ProgramTables,
        capacity: Capacity,
    ) -> Result<Region, Refusal> {
        let alone = self.members == 0;
        let refusal = |need: u64| if alone { Refusal::TooLarge(need) } else { Refusal::Full };
        let need = u64::from(self.used_words) + u64::from(program.words);
        if need > u64::from(capacity.words) {
            return Err(refusal(4 * need));
        }
        let mut after = self.used_staging;
        for (phase, (up, down)) in program.phases.iter().zip(&mut after) {
            *up += bytes(&phase.up);
            *down += bytes(&phase.down);
            if (*up).max(*down) > capacity.staging_bytes {
                return Err(refusal((*up).max(*down)));
            }
        }
        let same = program.phases.iter().zip(&self.assemblies).all(|(phase, assembly)| assembly.takes(phase));
        if !same || !tables.place(&mut self.shelf, alone) {
            return Err(refusal(4 * u64::from(program.words)));
        }

        let region = Region { words_at: self.used_words, staging: self.used_staging };
        let mut skip = 0;
        for (i, phase) in program.phases.iter().enumerate() {
            skip = self.assemblies[i].add(phase, region.words_at, tables, skip, &self.shelf);
            let arena = |planes: &[Place]| 4 * u64::from(region.words_at + Phase::span(planes).start);
            let (up, down) = region.staging[i];
            self.up[i].push(Copy { staging: up, arena: arena(&phase.up), bytes: bytes(&phase.up) });
            self.down[i].push(Copy { staging: down, arena: arena(&phase.down), bytes: bytes(&phase.down) });
        }
        self.used_words += program.words;
        self.used_staging = after;
        self.members += 1;
        Ok(region)
    }

    /// Whether everything is there for the next crossing.
    pub fn complete(&self) -> bool {
        self.at == At::Host && self.closed && self.members > 0 && self.arrived == self.members
    }

    /// Everything for the next crossing; from here on the batch is with the device.
    pub fn depart(&mut self) -> Crossing {
        let turn = self.turn;
        self.at = At::Device;
        self.turn += 1;
        self.arrived = 0;
        let (dispatches, jobs) = self.assemblies[turn].finish();
        let (up, down) = (std::mem::take(&mut self.up[turn]), std::mem::take(&mut self.down[turn]));
        Crossing { up, dispatches, jobs, tables: std::mem::take(&mut self.shelf.fresh), down }
    }

    /// Ends the batch: the workspace is free again.
    pub fn end(&mut self) {
        self.at = At::Free;
        for i in 0..MOST_PHASES {
            self.assemblies[i].finish();
            self.up[i].clear();
            self.down[i].clear();
        }
    }

    /// Takes those to be told.
    pub fn wake(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.waiting)
    }
}

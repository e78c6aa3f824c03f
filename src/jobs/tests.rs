//! Tests that need more than one file of jobs.

mod bands;
mod queues;
mod simulation;
mod states;
mod videos;
pub mod workers;

use super::unit::{Source, Task, Unit};

/// A unit that no other number gives.
fn unit(number: usize) -> Unit {
    let identity = format!("file-1-{number:032x}");
    Unit::new(Task::Verify { deep: false }, format!("/slides/{number}"), Source::Bundle, identity, 10)
        .unwrap()
}

//! A unit as a queue holds it.

use super::state::Record;
use super::unit::Unit;

/// A unit and what the queue knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What is to be done.
    pub unit: Unit,
    /// How far it is.
    pub record: Record,
}

//! What a queue does for those who submit units and for workers.
//!
//! A queue may forget, repeat and be late: units are done once because of their manifests ([`super::Results`]), not because of it.

use super::entry::Entry;
use super::error::Result;
use super::overview::{Overview, WorkerRow};
use super::state::{Fault, Policy, Progress, Record, State};
use super::unit::{Key, Token, Unit};

/// An attempt that a worker has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What is to be done.
    pub unit: Unit,
    /// What tells this attempt from others.
    pub token: Token,
    /// The units of its bands, where an attempt before has split it.
    pub bands: Vec<Key>,
}

/// What became of units that were submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Submitted {
    /// They wait now.
    pub new: u64,
    /// They were known, in whatever state: nothing has changed.
    pub known: u64,
    /// They were known with their source at another place, which counts no more.
    pub moved: u64,
}

/// Most units whose addresses are looked after at a time.
pub(super) const MAX_OWED: usize = 100;

/// Which units a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every unit that the command can change.
    All,
    /// These.
    Keys(Vec<Key>),
}

/// A queue of units. Calls may be made from any thread; two workers may be in one process or on two machines.
pub trait Queue: Send + Sync {
    /// Its name in messages. It holds no credentials.
    fn name(&self) -> String;

    /// Where the results go; `None` before anybody said so.
    ///
    /// # Errors
    /// A queue that cannot be reached. So of every call here.
    fn place(&self) -> Result<Option<String>>;

    /// Says where the results go. Who comes first decides.
    ///
    /// # Errors
    /// They go elsewhere.
    fn bind(&self, place: &str) -> Result<()>;

    /// Adds units. One that is known is left as it is, unless its source lies elsewhere now: if it is not done and does not run, the new
    /// place counts, also for its bands, and what was given up is tried again.
    fn submit(&self, units: &[Unit]) -> Result<Submitted>;

    /// Begins attempts at up to `most` units that wait and are due, for a worker with so many free slots. Takes units from workers
    /// that are silent.
    fn claim(&self, worker: &str, most: usize) -> Result<Vec<Claim>>;

    /// The attempt goes on. `false`: it is ours no more, and its work is to be ended.
    fn heartbeat(&self, claim: &Claim, progress: Progress) -> Result<bool>;

    /// A manifest of the unit is there. `false`: the attempt is ours no more, which changes nothing.
    fn finish(&self, claim: &Claim, progress: Progress) -> Result<bool>;

    /// The attempt has failed. Returns the new record; `None`: the attempt is ours no more.
    fn fail(&self, claim: &Claim, fault: Fault, policy: &Policy) -> Result<Option<Record>>;

    /// The worker ends: another may have the unit at once.
    fn give_back(&self, claim: &Claim) -> Result<bool>;

    /// The slide of the claim is done in bands, whose units are added where they are not known. It waits until it is woken, or for a
    /// while. `false`: the attempt is ours no more, which changes nothing.
    fn split(&self, claim: &Claim, bands: &[Unit]) -> Result<bool>;

    /// A slide that waits for its bands is due. `false`: it does not wait for them.
    fn wake(&self, key: &Key) -> Result<bool>;

    /// What is known of a unit.
    fn record(&self, key: &Key) -> Result<Option<Record>>;

    /// Ends units that wait or run, and the bands of those that were split. Returns how many, without bands.
    fn cancel(&self, which: &Which) -> Result<u64>;

    /// Lets units that are dead or were cancelled be tried again, and such bands of them. Returns how many, without bands.
    fn retry(&self, which: &Which) -> Result<u64>;

    /// What the store of results says of a unit: it is there or not, and its manifest is there or not. The queue agrees afterwards.
    /// Returns whether it had to change.
    fn settle(&self, unit: &Unit, done: bool) -> Result<bool>;

    /// Of all manifests of a unit that this is called with, the first: for stores that cannot create once.
    fn elect(&self, key: &Key, manifest: &str) -> Result<String>;

    /// Every unit with its record, in no order.
    fn each(&self, take: &mut dyn FnMut(Entry) -> Result<()>) -> Result<()>;

    /// Units that have ended and whose address was not told so, at most so many as are told at a time.
    fn owed(&self) -> Result<Vec<Entry>>;

    /// The worker tells the address of such a unit, as the worker of the entry is silent. `false`: another does.
    fn take_call(&self, owed: &Entry, worker: &str) -> Result<bool>;

    /// The address of a unit was told of this end, or has not answered for long.
    fn told(&self, key: &Key, end: State) -> Result<()>;

    /// What workers have said of themselves.
    fn workers(&self) -> Result<Vec<WorkerRow>>;

    /// A worker says how it is.
    fn report(&self, row: &WorkerRow) -> Result<()>;

    /// One service answers for a queue: the caller becomes it, under a name that no other has. Where another was there that may be dead,
    /// this waits for the time of the lease. `false`: that one lives. A queue of one machine has a lock instead, and says `true`.
    fn begin_service(&self, _name: &str) -> Result<bool> {
        Ok(true)
    }

    /// The service goes on. `false`: it was silent for longer than the lease, and another is there.
    fn keep_service(&self, _name: &str) -> Result<bool> {
        Ok(true)
    }

    /// The service ends, and another may begin at once.
    fn end_service(&self, _name: &str) -> Result<()> {
        Ok(())
    }

    /// Whether nothing waits and nothing runs.
    fn is_over(&self) -> Result<bool> {
        Ok(self.overview()?.is_over())
    }

    /// How far everything is.
    fn overview(&self) -> Result<Overview>;
}

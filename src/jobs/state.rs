//! The life of a unit: a state machine without I/O and without a clock of its own.
//!
//! ```text
//!              claim               finish
//!   Waiting ----------> Running ------------> Done
//!      ^                 |  |  |
//!      |  fail, expire,  |  |  | fail for good, or once too often
//!      +--- give back ---+  |  +------------> Dead
//!      |                    | cancel
//!      +---- retry ---------+---------------> Cancelled
//! ```
//!
//! A large slide is split: its first attempt makes units of its bands, and it waits until they are done. Its last attempt joins them.
//!
//! Every change of a running unit names the token of its attempt: a worker that was thought dead and comes back changes nothing. Both
//! queues and the simulation use these functions, and store what they return only where the unit is still as it was.

use serde::{Deserialize, Serialize};

use super::code::Code;
use super::unit::{Key, Token};

/// Pause after which a slide looks whether its bands are done. Whoever ends the last one wakes it; this is for one that was killed before.
pub const LOOK_AGAIN_MS: u64 = 20_000;

/// Where a unit is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// To be claimed, when it is due.
    Waiting,
    /// A worker has it.
    Running,
    /// Its manifest is there.
    Done,
    /// It failed for good, or too often.
    Dead,
    /// Somebody wanted it no more.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Whether another attempt may succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outlook {
    /// It will fail again.
    Permanent,
    /// It may succeed later, or elsewhere.
    Transient,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whether another attempt may succeed.
    pub outlook: Outlook,
    /// What went wrong, for people.
    pub message: String,
    /// What went wrong, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}

impl Fault {
    /// A fault without a code.
    pub fn new(outlook: Outlook, message: impl Into<String>) -> Self {
        Self { outlook, message: message.into(), code: None }
    }

    /// The same with a code, unless it has one.
    #[must_use]
    pub fn coded(mut self, code: Code) -> Self {
        self.code.get_or_insert(code);
        self
    }
}

/// How far an attempt is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Families done.
    pub families: u64,
    /// Families of the unit; 0 before it is known.
    pub of: u64,
    /// Pixels of the finest level of the slide.
    pub pixels: u64,
    /// Time since the attempt began, in milliseconds.
    pub elapsed_ms: u64,
}

/// How often and how fast a unit is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts until a unit is dead.
    pub most_attempts: u32,
    /// Pause after the first failure; it doubles with each.
    pub first_pause_ms: u64,
    /// The longest pause.
    pub longest_pause_ms: u64,
}

impl Default for Policy {
    /// Five attempts, with pauses of 2 s to 10 minutes.
    fn default() -> Self {
        Self { most_attempts: 5, first_pause_ms: 2000, longest_pause_ms: 600_000 }
    }
}

impl Policy {
    /// The pause after so many attempts: doubled with each, and up to a quarter longer by chance, so that what failed together is not
    /// tried again together.
    fn pause_ms(&self, attempts: u32, token: &Token) -> u64 {
        let doubled = self.first_pause_ms.saturating_mul(1 << attempts.saturating_sub(1).min(30));
        let pause = doubled.min(self.longest_pause_ms);
        pause + pause / 4 * u64::from(token.bits()) / u64::from(u32::MAX)
    }
}

/// Why a change is refused: somebody else was faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The unit is in another state.
    Is(State),
    /// Another attempt runs.
    OtherAttempt,
    /// It may not be tried yet.
    NotDue,
}

/// What a queue knows of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where it is in its life.
    pub state: State,
    /// Attempts that were begun and not given back.
    pub attempts: u32,
    /// The attempt that runs.
    pub token: Option<Token>,
    /// Heartbeats of that attempt. Only that it grows has a meaning.
    pub beat: u64,
    /// The worker that runs it, or ran it last.
    pub worker: Option<String>,
    /// Earliest time of the next attempt, in milliseconds since 1970.
    pub due_ms: u64,
    /// How far the last attempt is.
    pub progress: Progress,
    /// Why the last attempt failed.
    pub fault: Option<Fault>,
    /// The units of its bands, once it was split.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Key>,
    /// The end of the unit that its address was told: done or dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<State>,
}

impl Record {
    /// Of a unit that was just submitted.
    pub fn new() -> Self {
        Self {
            state: State::Waiting,
            attempts: 0,
            token: None,
            beat: 0,
            worker: None,
            due_ms: 0,
            progress: Progress::default(),
            fault: None,
            bands: Vec::new(),
            told: None,
        }
    }

    /// Whether it has ended and its address, if it has one, was not told so.
    pub fn owes_call(&self) -> bool {
        matches!(self.state, State::Done | State::Dead) && self.told != Some(self.state)
    }

    /// Its address was told of this end, or does not answer.
    ///
    /// # Errors
    /// It is in another state meanwhile.
    pub fn tell(mut self, end: State) -> Result<Self, Refused> {
        match self.state == end {
            true => self.told = Some(end),
            false => return Err(Refused::Is(self.state)),
        }
        Ok(self)
    }

    /// A worker takes it over from `silent` to tell its address.
    ///
    /// # Errors
    /// There is nothing to tell, or another took it over.
    pub fn take_call(mut self, silent: Option<&str>, by: &str) -> Result<Self, Refused> {
        match self.owes_call() && self.worker.as_deref() == silent {
            true => self.worker = Some(by.into()),
            false => return Err(Refused::OtherAttempt),
        }
        Ok(self)
    }

    /// Whether it may be claimed at this time. A pause longer than there is one comes from a clock that was wrong, and counts as over.
    pub fn is_due(&self, policy: &Policy, now_ms: u64) -> bool {
        let longest = (policy.longest_pause_ms + policy.longest_pause_ms / 4).max(LOOK_AGAIN_MS);
        self.due_ms <= now_ms || self.due_ms > now_ms.saturating_add(longest)
    }

    /// A worker begins an attempt.
    ///
    /// # Errors
    /// It does not wait, or is not due.
    pub fn claim(
        mut self,
        token: Token,
        worker: &str,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<Self, Refused> {
        match self.state {
            State::Waiting if !self.is_due(policy, now_ms) => return Err(Refused::NotDue),
            State::Waiting => {}
            other => return Err(Refused::Is(other)),
        }
        self.state = State::Running;
        self.attempts += 1;
        self.token = Some(token);
        self.beat = 0;
        self.worker = Some(worker.into());
        self.progress = Progress::default();
        Ok(self)
    }

    /// The attempt goes on.
    ///
    /// # Errors
    /// It is no longer this attempt that runs.
    pub fn heartbeat(mut self, token: &Token, progress: Progress) -> Result<Self, Refused> {
        self.check(token)?;
        self.beat += 1;
        self.progress = progress;
        Ok(self)
    }

    /// The attempt has succeeded: its manifest, or that of another attempt, is there.
    ///
    /// # Errors
    /// It is no longer this attempt that runs.
    pub fn finish(mut self, token: &Token, progress: Progress) -> Result<Self, Refused> {
        self.check(token)?;
        self.progress = progress;
        Ok(self.settled())
    }

    /// The attempt has failed.
    ///
    /// # Errors
    /// It is no longer this attempt that runs.
    pub fn fail(
        mut self,
        token: &Token,
        fault: Fault,
        policy: &Policy,
        now_ms: u64,
    ) -> Result<Self, Refused> {
        self.check(token)?;
        let again = fault.outlook == Outlook::Transient && self.attempts < policy.most_attempts;
        self.state = if again { State::Waiting } else { State::Dead };
        self.due_ms = now_ms.saturating_add(policy.pause_ms(self.attempts, token));
        self.token = None;
        self.fault = Some(fault);
        Ok(self)
    }

    /// The worker of the attempt is silent. It counts as a failure: a slide that ends every worker must not go round for ever.
    ///
    /// # Errors
    /// It is no longer this attempt that runs.
    pub fn expire(self, token: &Token, policy: &Policy, now_ms: u64) -> Result<Self, Refused> {
        let worker = self.worker.clone().unwrap_or_default();
        let message = format!("worker {worker} fell silent during attempt {}", self.attempts);
        self.fail(token, Fault::new(Outlook::Transient, message), policy, now_ms)
    }

    /// The worker ends before the attempt does: it does not count, and the unit is due at once.
    ///
    /// # Errors
    /// It is no longer this attempt that runs.
    pub fn give_back(mut self, token: &Token) -> Result<Self, Refused> {
        self.check(token)?;
        self.attempts = self.attempts.saturating_sub(1);
        self.state = State::Waiting;
        self.token = None;
        self.due_ms = 0;
        Ok(self)
    }

    /// The slide is done in bands. The attempt does not count, and the next one is due when they are done.
    ///
    /// # Errors
    /// It is no longer this attempt that runs.
    pub fn split(self, token: &Token, bands: Vec<Key>, now_ms: u64) -> Result<Self, Refused> {
        let back = self.give_back(token)?;
        Ok(Self { due_ms: now_ms.saturating_add(LOOK_AGAIN_MS), bands, ..back })
    }

    /// The bands for which it waits have ended.
    ///
    /// # Errors
    /// It does not wait for bands.
    pub fn wake(mut self) -> Result<Self, Refused> {
        match self.state {
            State::Waiting if !self.bands.is_empty() => {}
            other => return Err(Refused::Is(other)),
        }
        self.due_ms = 0;
        Ok(self)
    }

    /// Nobody wants it any more.
    ///
    /// # Errors
    /// There is nothing left to cancel.
    pub fn cancel(mut self) -> Result<Self, Refused> {
        match self.state {
            State::Waiting | State::Running => {}
            other => return Err(Refused::Is(other)),
        }
        self.state = State::Cancelled;
        self.token = None;
        Ok(self)
    }

    /// A unit that was given up is tried again, as if it were new.
    ///
    /// # Errors
    /// It was not given up.
    pub fn retry(mut self) -> Result<Self, Refused> {
        match self.state {
            State::Dead | State::Cancelled => {}
            other => return Err(Refused::Is(other)),
        }
        self.state = State::Waiting;
        self.attempts = 0;
        self.due_ms = 0;
        self.told = None;
        Ok(self)
    }

    /// Whether an attempt will open its source.
    pub fn needs_source(&self) -> bool {
        !matches!(self.state, State::Running | State::Done)
    }

    /// Its source is where it can be opened again: what was given up is tried again.
    #[must_use]
    pub fn revived(self) -> Self {
        match self.state {
            State::Dead => self.clone().retry().unwrap_or(self),
            _ => self,
        }
    }

    /// Its manifest is there, whatever the queue thought.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.state = State::Done;
        self.token = None;
        self.fault = None;
        self.bands = Vec::new();
        self
    }

    /// It was done and its manifest is there no more: it is to be done again.
    #[must_use]
    pub fn reopened(self) -> Self {
        match self.state {
            State::Done => Self::new(),
            _ => self,
        }
    }

    fn check(&self, token: &Token) -> Result<(), Refused> {
        match self.state {
            State::Running if self.token.as_ref() == Some(token) => Ok(()),
            State::Running => Err(Refused::OtherAttempt),
            other => Err(Refused::Is(other)),
        }
    }
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

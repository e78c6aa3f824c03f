//! A job: what was asked for, which is a note beside the results; and what is known of its unit.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::sent::Sent;
use super::timestamp;
use crate::jobs::state::{Fault, Record, State};
use crate::jobs::{Code, Key, Manifest};

/// Version of notes.
pub const SCHEMA: u32 = 1;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Render,
    Encode,
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Queued,
    Processing,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Something in a request that has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    pub place: String,
    pub problem: String,
}

/// Whether the address of a job was told of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    None,
    Owed,
    Delivered,
    #[serde(rename = "given up")]
    GivenUp,
}

/// What was asked for, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub schema: u32,
    pub job_id: String,
    pub kind: Kind,
    /// The unit that does it.
    pub key: Key,
    /// As it was sent.
    pub request: Sent,
    pub warnings: Vec<Warning>,
    /// The address that the client gave.
    pub callback: Option<String>,
    /// The name under which the result is put as well.
    pub destination: Option<String>,
    pub submitted_ms: u64,
    pub started_ms: Option<u64>,
    /// Pixels of all frames, or bytes of the slide, as far as they are known before the work.
    pub work: u64,
    pub ended: Option<Ended>,
    pub told: Told,
    /// Calls that were made for the end.
    pub tries: u32,
}

/// Most sentences about what a result does not have.
const MAX_LEFT_OUT: usize = 100;

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    pub status: Status,
    pub at_ms: u64,
    pub error: Option<Fault>,
    pub result: Option<Outcome>,
    /// How far the last attempt was.
    pub seen: Seen,
}

/// What a job made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// An address, or a path on the machine with the results.
    pub url: String,
    /// Where it can be read.
    pub file: String,
    pub bytes: u64,
    pub frames: u64,
    /// Pixels of all frames, or of the slide.
    pub pixels: u64,
    /// How long its attempt took.
    pub took_ms: u64,
    /// What of the request it does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What the queue says of a unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub attempt: u32,
    pub done: u64,
    pub of: u64,
    pub elapsed_ms: u64,
    /// Why the last attempt failed.
    pub fault: Option<Fault>,
}

impl Seen {
    pub fn of(record: &Record) -> Self {
        let (progress, fault) = (record.progress, record.fault.clone());
        Self {
            attempt: record.attempts,
            done: progress.families,
            of: progress.of,
            elapsed_ms: progress.elapsed_ms,
            fault,
        }
    }

    /// Seconds that are left at the speed so far.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.of.saturating_sub(self.done) as f64;
        (self.done > 0 && self.of > 0).then(|| self.elapsed_ms as f64 / 1e3 * left / self.done as f64)
    }
}

/// The status of a job by the record of its unit. A slide that waits for its bands is worked on.
pub fn status_of(record: &Record) -> Status {
    match record.state {
        State::Waiting if record.bands.is_empty() => Status::Queued,
        State::Waiting => Status::Processing,
        State::Running => Status::Processing,
        State::Done => Status::Completed,
        State::Dead => Status::Failed,
        State::Cancelled => Status::Cancelled,
    }
}

/// The names of the notes of a job: while it has not ended, and afterwards. A client's name is no part of them.
pub fn names(job_id: &str) -> [String; 2] {
    let hash: String = Sha256::digest(job_id.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    [format!("open/{hash}"), format!("ended/{hash}")]
}

/// The directories of these notes.
pub const OPEN: &str = "open";
pub const ENDED: &str = "ended";

/// A job as it is at a time.
pub struct Now<'a> {
    pub job: &'a Job,
    pub status: Status,
    pub seen: &'a Seen,
    /// Place in the queue, from 1.
    pub position: Option<usize>,
    /// Seconds until it is done.
    pub left_s: Option<f64>,
}

impl Now<'_> {
    /// What the service answers.
    pub fn json(&self) -> Value {
        let Self { job, status, seen, position, left_s } = *self;
        let of = (seen.of > 0).then_some(seen.of);
        let fault = match &job.ended {
            Some(ended) => ended.error.as_ref(),
            None => seen.fault.as_ref(),
        };
        let result = job.ended.as_ref().and_then(|ended| ended.result.as_ref());
        let left_out = result.into_iter().flat_map(|result| &result.notes);
        let left_out = left_out.map(|note| Warning { place: "scenario.cues".into(), problem: note.clone() });
        let warnings: Vec<Warning> = job.warnings.iter().cloned().chain(left_out).collect();
        json!({
            "job_id": job.job_id, "kind": job.kind, "status": status, "progress": self.progress(),
            "frames_done": of.map(|_| seen.done), "frames_total": of, "estimated_time": left_s.map(tenths),
            "position": position, "attempt": seen.attempt, "message": self.message(),
            "submitted_at": timestamp::text(job.submitted_ms), "started_at": job.started_ms.map(timestamp::text),
            "finished_at": job.ended.as_ref().map(|ended| timestamp::text(ended.at_ms)),
            "result": result.map(|result| self.result(result)), "error": fault.map(|fault| self.error(fault)), "warnings": warnings,
            "callback": {"state": job.told, "tries": job.tries},
        })
    }

    fn result(&self, result: &Outcome) -> Value {
        json!({
            "url": result.url, "download": format!("/api/render/{}/result", segment(&self.job.job_id)),
            "bytes": result.bytes, "frames": result.frames,
        })
    }

    /// Why the job ended, or why its last attempt did. The context is how far that was.
    fn error(&self, fault: &Fault) -> Value {
        let code = fault.code.unwrap_or(Code::RenderError);
        let Seen { attempt, done, of, .. } = self.seen;
        let context = match *of {
            0 => format!("attempt {attempt}"),
            of => format!("attempt {attempt}, {done} of {of} {}", self.things()),
        };
        json!({
            "code": code, "message": fault.message,
            "details": {"context": context, "suggestion": code.suggestion()},
        })
    }

    fn things(&self) -> &'static str {
        if self.job.kind == Kind::Render { "frames" } else { "families" }
    }

    /// From 0 to 100.
    fn progress(&self) -> f64 {
        match (self.status, self.seen.of) {
            (Status::Completed, _) => 100.0,
            (_, 0) => 0.0,
            (_, of) => tenths(self.seen.done.min(of) as f64 * 100.0 / of as f64),
        }
    }

    fn message(&self) -> String {
        let Seen { done, of, .. } = self.seen;
        match self.status {
            Status::Queued => match self.position {
                Some(place) => format!("queued at place {place}"),
                None => "queued".into(),
            },
            Status::Processing if *of > 0 => format!("{done} of {of} {}", self.things()),
            Status::Processing => "begun".into(),
            other => other.name().into(),
        }
    }

    /// What the address is told.
    pub fn call(&self, now_ms: u64) -> Value {
        let mut told = self.json();
        let name = if self.status.is_final() { self.status.name() } else { "progress" };
        told["event"] = name.into();
        // The same in each try of a call, so that a receiver can drop what it knows.
        let serial = if self.status.is_final() { self.job.submitted_ms } else { now_ms };
        told["id"] = format!("{}-{serial}-{name}", self.job.key).into();
        told["timestamp"] = timestamp::text(now_ms).into();
        told
    }
}

/// What a manifest says of the result of a job.
pub fn outcome(manifest: &Manifest, file: &std::path::Path, took_ms: u64) -> Outcome {
    let file = file.to_string_lossy().into_owned();
    Outcome {
        url: file.clone(),
        file,
        bytes: manifest.content.bytes,
        frames: manifest.families,
        pixels: manifest.pixels,
        took_ms,
        notes: manifest.notes.iter().take(MAX_LEFT_OUT).cloned().collect(),
    }
}

/// With one decimal.
pub fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A name as a part of an address.
fn segment(name: &str) -> String {
    crate::serve::path_segment(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        let [open, ended] = names("../../etc/passwd\n");
        assert!(open.starts_with("open/") && open.len() == 69 && ended.len() == 70);
        assert!(open[5..].bytes().all(|b| b.is_ascii_hexdigit()));
        assert_ne!(names("a"), names("b"));
    }

    #[test]
    fn what_is_left_follows_the_speed_so_far() {
        let seen = |done, of| Seen { done, of, elapsed_ms: 3000, ..Seen::default() };
        assert_eq!(seen(0, 10).seconds_left(), None);
        assert_eq!(seen(3, 9).seconds_left(), Some(6.0));
        assert_eq!(seen(9, 9).seconds_left(), Some(0.0));
    }
}

//! A request to do something: read, checked, and made a unit.

use std::path::Path;

use axum::extract::{self, FromRequestParts};
use axum::http::request::Parts;
use serde_json::{Map, Value};

use super::job::{Kind, Warning};
use super::lines::Lines;
use super::options::ServiceOptions;
use super::problem::Problem;
use super::sent::Sent;
use super::sources::{self, Found};
use crate::jobs::callback::check_address;
use crate::jobs::{Render, Results, Sound, Source, Task, Token, Unit};
use crate::tour::{self, DEFAULT_FORMAT, Severity, Strictness, Tour};

/// Most bytes of a body.
pub const MAX_BYTES: usize = 512 << 10;
/// Most levels of lists and objects.
const MAX_LEVELS: usize = 64;
/// Most warnings of a job, and the longest place and sentence of one, in characters.
const MAX_WARNINGS: usize = 100;
const MAX_WARNING_CHARS: usize = 400;
/// Longest name of a job, in characters.
const MAX_NAME_CHARS: usize = 256;
/// Longest side of a video in pixels.
const MAX_SIDE: u32 = 4096;
/// Longest video in seconds.
const MAX_SECONDS: f64 = 3600.0;
/// Length that a video is taken to have before it is read, in seconds.
const GUESSED_SECONDS: f64 = 60.0;
/// Families of a slide from which on it is encoded in bands.
const BAND_FAMILIES: u64 = 4096;
/// What the document is called in messages.
const DOCUMENT: &str = "request";

/// The `job_id` of an address.
pub struct JobId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for JobId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = extract::Path::from_request_parts(parts, state).await;
        // Every address with a name has one part alone, and any text is a name.
        let extract::Path(name) = name.map_err(|_| Problem::wrong("the name of the job is not UTF-8"))?;
        Ok(Self(name))
    }
}

/// What is wanted.
pub struct Wanted {
    pub job_id: String,
    pub kind: Kind,
    pub unit: Unit,
    pub request: Sent,
    pub warnings: Vec<Warning>,
    pub callback: Option<String>,
    pub destination: Option<String>,
    /// Pixels of all frames, or bytes of the slide.
    pub work: u64,
}

/// Reads a request. It opens slides, and looks names up.
///
/// # Errors
/// What is wrong with it.
pub fn read(kind: Kind, body: &[u8], options: &ServiceOptions) -> Result<Wanted, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Problem::wrong("the body is not UTF-8"))?;
    if levels(text) > MAX_LEVELS {
        return Err(Problem::wrong(format!(
            "the body has more than {MAX_LEVELS} levels of lists and objects"
        )));
    }
    let request: Value =
        serde_json::from_str(text).map_err(|e| Problem::wrong(format!("the body is no JSON: {e}")))?;
    let Value::Object(fields) = &request else {
        return Err(Problem::wrong("the body is no JSON object"));
    };
    let job_id = job_id(fields)?;
    let callback = callback(fields, options)?;
    let mut wanted = match kind {
        Kind::Render => render(&job_id, text, fields, options)?,
        Kind::Encode => encode(fields, options)?,
    };
    (wanted.job_id, wanted.callback, wanted.request) = (job_id, callback, Sent::new(&request));
    wanted.warnings = bounded(wanted.warnings);
    Ok(wanted)
}

/// The first warnings, and their number: a body has room for very many fields, and for very long names.
fn bounded(mut warnings: Vec<Warning>) -> Vec<Warning> {
    let more = warnings.len().saturating_sub(MAX_WARNINGS);
    warnings.truncate(MAX_WARNINGS);
    for text in warnings.iter_mut().flat_map(|warning| [&mut warning.place, &mut warning.problem]) {
        if let Some((end, _)) = text.char_indices().nth(MAX_WARNING_CHARS) {
            text.truncate(end);
            text.push('…');
        }
    }
    if more > 0 {
        warnings.push(Warning { place: String::new(), problem: format!("and {more} more of this kind") });
    }
    warnings
}

/// The deepest level of lists and objects, without the parser's recursion.
fn levels(text: &str) -> usize {
    let (mut level, mut deepest, mut inside, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => {
                level += 1;
                deepest = deepest.max(level);
            }
            b'}' | b']' if !inside => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn field<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn text<'f>(fields: &'f Map<String, Value>, name: &str) -> Result<Option<&'f str>, Problem> {
    let wrong = || Problem::wrong(format!("{name}: it is no text"));
    field(fields, name).map(|value| value.as_str().ok_or_else(wrong)).transpose()
}

fn job_id(fields: &Map<String, Value>) -> Result<String, Problem> {
    let Some(name) = text(fields, "jobId")? else {
        let token = Token::random()?;
        return Ok(format!("job-{token}"));
    };
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let wanted = format!("give 1 to {MAX_NAME_CHARS} characters without control characters");
        return Err(
            Problem::wrong("jobId: it is empty, too long, or holds control characters").advised(&wanted)
        );
    }
    // Addresses of the service have these names where a job has its own.
    if ["queue", "process", ".", ".."].contains(&name) {
        return Err(
            Problem::wrong(format!("jobId: {name:?} is a name of the service")).advised("give another")
        );
    }
    Ok(name.into())
}

fn callback(fields: &Map<String, Value>, options: &ServiceOptions) -> Result<Option<String>, Problem> {
    let Some(address) = text(fields, "callbackUrl")? else { return Ok(None) };
    check_address(address).map_err(|e| Problem::address("callbackUrl", e))?;
    sources::web("callbackUrl", address, &options.addresses)?;
    Ok(Some(address.into()))
}

fn wanted(kind: Kind, unit: Unit, warnings: Vec<Warning>, work: u64) -> Wanted {
    let (job_id, request, callback, destination) = (String::new(), Sent::NOT_HERE, None, None);
    Wanted { job_id, kind, unit, request, warnings, callback, destination, work }
}

fn render(
    job_id: &str,
    body: &str,
    fields: &Map<String, Value>,
    options: &ServiceOptions,
) -> Result<Wanted, Problem> {
    // The text as it was sent: faults have their places in it.
    let (tour, faults) = tour::read(Path::new(DOCUMENT), body, Strictness::Lenient).map_err(refused)?;
    let warnings = faults
        .into_iter()
        .filter(|fault| fault.severity == Severity::Warning)
        .map(|fault| Warning { place: fault.place, problem: fault.problem })
        .collect();
    let inner = fields.get("scenario").and_then(Value::as_object);
    let given = |name| field(fields, name).or_else(|| inner.and_then(|inner| field(inner, name)));
    let named = |name: &'static str| given(name).and_then(Value::as_str).map(|text| (name, text));
    let source = match (named("slide"), named("video").or(named("videoUrl"))) {
        (Some((name, text)), _) => sources::slide(name, text, &options.slides, Some(&options.addresses))?,
        (None, Some((name, text))) => sources::media(name, text, &options.slides, &options.addresses)?,
        (None, None) => return Err(Problem::wrong("slide is missing, or videoUrl: what the tour shows")),
    };
    let audio = named("audio")
        .map(|(name, text)| sources::media(name, text, &options.slides, &options.addresses))
        .transpose()?;
    let work = limits(&tour)?;
    let sound =
        audio.as_ref().map(|audio| Sound { source: audio.place.clone(), identity: audio.identity.clone() });
    let task = Render::new(fields.clone(), sound);
    if source.thing != Source::Video {
        fits(&task, &source)?;
    }
    let identity = identity(job_id, &source, audio.as_ref());
    let unit = Unit::new(Task::Render(task), source.place, source.thing, identity, source.bytes)?;
    Ok(wanted(Kind::Render, unit, warnings, work))
}

/// What is at an address may be another thing tomorrow: only a job of the same name is the same work.
fn identity(job_id: &str, source: &Found, audio: Option<&Found>) -> String {
    let of_address = |place: &str| {
        let hash = xxhash_rust::xxh3::xxh3_128(format!("{place}\n{job_id}").as_bytes());
        format!("address-0-{hash:032x}")
    };
    match (&source.identity, audio.map(|audio| (&audio.identity, &audio.place))) {
        (Some(identity), _) => identity.clone(),
        (None, Some((None, place))) => of_address(&format!("{}\n{place}", source.place)),
        (None, _) => of_address(&source.place),
    }
}

fn refused(error: tour::Error) -> Problem {
    match error {
        tour::Error::Document { faults, .. } => {
            let is_error = |fault: &tour::Fault| fault.severity == Severity::Error;
            Problem::faults(&faults.into_iter().filter(is_error).collect::<Vec<_>>())
        }
        other => {
            let text = other.to_string();
            Problem::wrong(text.strip_prefix(&format!("{DOCUMENT}: ")).unwrap_or(&text))
        }
    }
}

/// Refuses a video that is too large. Returns the pixels of all frames, as far as they are known.
fn limits(tour: &Tour) -> Result<u64, Problem> {
    let format = tour.format_over(DEFAULT_FORMAT);
    for (name, side) in [("width", format.width), ("height", format.height)] {
        if side > MAX_SIDE {
            let problem = Problem::wrong(format!("options.{name}: {side} is more than {MAX_SIDE} pixels"));
            return Err(problem.advised("give a smaller one"));
        }
    }
    let is_video = matches!(tour.source, tour::Source::Video(_));
    let seconds = tour.duration();
    if seconds > MAX_SECONDS {
        let problem = format!("the video would have {seconds} s, which is more than {MAX_SECONDS} s");
        return Err(Problem::wrong(problem).advised("make it shorter, or render it in parts"));
    }
    let guessed = if is_video { seconds.max(GUESSED_SECONDS) } else { seconds };
    let frames = format.first_frame_at(guessed).max(1);
    Ok(frames * u64::from(format.width) * u64::from(format.height))
}

/// Whether the slide allows what the tour asks of it.
fn fits(task: &Render, source: &Found) -> Result<(), Problem> {
    let document =
        Value::Object(task.with_sources(source.thing == Source::Video, &source.place, None)).to_string();
    let (tour, _) = tour::read(Path::new(DOCUMENT), &document, Strictness::Lenient).map_err(refused)?;
    tour::check(&tour, Path::new(DOCUMENT)).map(drop).map_err(|e| match e {
        e @ (tour::Error::Document { .. } | tour::Error::Unfit { .. }) => refused(e),
        e => {
            static LINES: Lines = Lines::new();
            LINES.warn(&e);
            Problem::wrong("slide: it cannot be opened; the log of the service says why")
        }
    })
}

fn encode(fields: &Map<String, Value>, options: &ServiceOptions) -> Result<Wanted, Problem> {
    const KNOWN: [&str; 5] = ["jobId", "source", "destination", "options", "callbackUrl"];
    let source = text(fields, "source")?.ok_or_else(|| Problem::wrong("source is missing: the slide"))?;
    let empty = Map::new();
    let flags = match field(fields, "options") {
        None => &empty,
        Some(Value::Object(flags)) => flags,
        Some(_) => return Err(Problem::wrong("options: it is no object")),
    };
    let destination = text(fields, "destination")?;
    if let Some(name) = destination.filter(|name| !Results::may_be_named(name)) {
        let problem = Problem::wrong(format!("destination: {name:?} is no path below the results"));
        return Err(problem.advised("give names with / between them, without .., other than units and notes"));
    }
    let task = (options.encode)(flags).map_err(|e| Problem::wrong(format!("options: {e}")))?;
    let found = sources::slide("source", source, &options.slides, None)?;
    let identity = found.identity.unwrap_or_default();
    let unit = Unit::new(Task::Encode(task), found.place, found.thing, identity, found.bytes)?;
    let unit = Unit { most_families: Some(BAND_FAMILIES), ..unit };
    let unknown = fields.keys().filter(|name| !KNOWN.contains(&name.as_str()));
    let warnings = unknown.map(|name| Warning {
        place: name.clone(),
        problem: format!("this field is not known; known here: {}", KNOWN.join(", ")),
    });
    let warnings = warnings.collect();
    Ok(Wanted {
        destination: destination.map(String::from),
        ..wanted(Kind::Encode, unit, warnings, found.bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_without_what_is_in_texts() {
        assert_eq!(levels(r#"{"a": [1, [2]], "b": "[[[\"{{"}"#), 3);
        assert_eq!(levels(&"[".repeat(100_000)), 100_000);
    }
}

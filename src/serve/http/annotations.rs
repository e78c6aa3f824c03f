//! `/api/slides/{slide}/annotations[/{id}]`: marks on a slide as GeoJSON, each with a revision.
//!
//! Who may write is decided by `mark_changes`; what a change does by `serve::annotations`.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::mark_changes::{Given, Refusal, based_on, failed, given, may_write, off, refused, value_of};
use super::state::{HandlerResult, State, open_slide};
use super::url::path_segment;
use crate::serve::annotations::{Change, Conflict, Document, Drawn, Refused, Store, StoreError, merged};
use crate::serve::slide::Slide;
use crate::web::blocking;
use crate::web::budget::{Charge, Purpose};
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, json_response, json_text};

/// Most threads that work with files of marks at a time.
const MOST_THREADS: usize = 8;

/// What the marks of a slide take while they are read, changed and written as text, for each byte of their file.
const MARKS: u64 = 5;
/// The same beside them.
const MARKS_BASE_BYTES: u64 = 64 << 10;

/// How long a slide's description waits for who writes its marks.
const WRITER_TIME: Duration = Duration::from_secs(5);

const GEOJSON: &str = "application/geo+json";

/// Several changes at once.
#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    changes: Vec<Change>,
    /// Marks of another slide of this name belong on this one.
    #[serde(default)]
    adopt: bool,
}

/// All marks of a slide. Of marks that were drawn on another slide of its name there is only a note, unless the query has `other=show`.
pub async fn all(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let Some(store) = state.annotations.clone() else { return Ok(off().into_response()) };
    let (slide, segment) = (open_slide(&state, &name).await?, path_segment(&name));
    let show = query.is_some_and(|query| query.split('&').any(|part| part == "other=show"));
    let charge = memory_of(&state, &store, &segment, Purpose::Image).await?;
    let text = move || -> Result<String, StoreError> {
        let slide = drawn(&slide);
        let document = store.document(&segment, &slide)?;
        if show || document.belongs_on(&slide) {
            return Ok(document.to_text());
        }
        let other = json!({"slide": document.slide(), "marks": document.count()});
        Ok(json!({"type": "FeatureCollection", "origami": {"other": other}, "features": []}).to_string())
    };
    // Of a read that hangs the bytes stay taken.
    let (read, charge) = with_files(state.options.limits.read_timeout, move || (text(), charge)).await?;
    Ok(match read {
        Ok(text) => {
            let tag = etag(text.as_bytes());
            let body = state.tiles.to_send_within(charge, text.into()).await?;
            cacheable(&headers, &tag, "no-cache", GEOJSON, body)
        }
        Err(error) => failed(&state, &name, &error).into_response(),
    })
}

/// One mark. Its entity tag is its revision.
pub async fn one(
    Shared(state): Shared<State>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    let Some(store) = state.annotations.clone() else { return Ok(off().into_response()) };
    let (slide, segment) = (open_slide(&state, &name).await?, path_segment(&name));
    let charge = memory_of(&state, &store, &segment, Purpose::Image).await?;
    let read = move || -> Result<Option<(u64, String)>, StoreError> {
        let slide = drawn(&slide);
        let document = store.document(&segment, &slide)?;
        let found = document.get(&id).filter(|_| document.belongs_on(&slide));
        Ok(found.map(|(revision, text)| (revision, text.to_string())))
    };
    let (read, charge) = with_files(state.options.limits.read_timeout, move || (read(), charge)).await?;
    Ok(match read {
        Ok(Some((revision, text))) => {
            let body = state.tiles.to_send_within(charge, text.into()).await?;
            cacheable(&headers, &tag(revision), "no-cache", GEOJSON, body)
        }
        Ok(None) => refused(StatusCode::NOT_FOUND, "there is no such mark").into_response(),
        Err(error) => failed(&state, &name, &error).into_response(),
    })
}

/// Makes several changes, each based on a revision: those that conflict are listed, the others are made.
pub async fn patch_all(
    shared: Shared<State>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> HandlerResult {
    let given = match given(&shared, &name, &uri, &headers, body).await? {
        Ok(given) => given,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let Changes { changes, adopt } = match given.parse(&headers) {
        Ok(changes) => changes,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let ids: Vec<String> = changes.iter().map(|change| change.id.clone()).collect();
    let made = change(&shared, &name, adopt, move |_| Ok(changes)).await?;
    let Made { conflicts, document, charge } = match made {
        Ok(made) => made,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let text = changed(&ids, &conflicts, &document);
    drop((conflicts, document));
    Ok(json_text(StatusCode::OK, shared.tiles.to_send_within(charge, text.into()).await?))
}

/// What several changes are answered: the new revisions of marks, and those that conflict, as they are stored.
fn changed(ids: &[String], conflicts: &[Conflict], document: &Document) -> String {
    let all: HashMap<&str, u64> = document.revisions().collect();
    let revisions: serde_json::Map<String, Value> =
        ids.iter().filter_map(|id| Some((id.clone(), (*all.get(id.as_str())?).into()))).collect();
    let shown: usize = conflicts.iter().filter_map(|one| one.feature.as_deref()).map(str::len).sum();
    let mut text = String::with_capacity(shown + 128 * (conflicts.len() + ids.len() + 1));
    text += "{\"conflicts\":[";
    for (at, one) in conflicts.iter().enumerate() {
        text += if at > 0 { "," } else { "" };
        conflict(&mut text, None, one);
    }
    // It fails only where a text cannot grow.
    let _ = write!(text, "],\"marks\":{},\"revision\":{}}}", Value::Object(revisions), document.revision());
    text
}

/// Replaces all marks by those of a `FeatureCollection`. `If-Match` is the entity tag of all marks.
pub async fn put_all(
    shared: Shared<State>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> HandlerResult {
    let given = match given(&shared, &name, &uri, &headers, body).await? {
        Ok(given) => given,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let features = || -> Result<Vec<Value>, Refusal> {
        let mut given: Value = given.parse(&headers)?;
        match given.get_mut("features").map(Value::take) {
            Some(Value::Array(features)) => Ok(features),
            _ => Err(refused(StatusCode::BAD_REQUEST, "not a FeatureCollection")),
        }
    };
    match features() {
        Ok(features) => replace(&shared, &name, &headers, features).await,
        Err(refusal) => Ok(refusal.into_response()),
    }
}

/// Removes all marks. `If-Match` is the entity tag of all marks.
pub async fn delete_all(
    shared: Shared<State>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> HandlerResult {
    match may_write(&shared, &name, &uri, &headers) {
        Ok(()) => replace(&shared, &name, &headers, Vec::new()).await,
        Err(refusal) => Ok(refusal.into_response()),
    }
}

/// Puts a mark in place of the revision that `If-Match` names, or of none (`If-None-Match: *`).
pub async fn put(
    shared: Shared<State>,
    Path((name, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> HandlerResult {
    let given = match given(&shared, &name, &uri, &headers, body).await? {
        Ok(given) => given,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    match one_change(&headers, &given) {
        Ok((revision, feature)) => single(&shared, &name, id, revision, |_| Some(feature)).await,
        Err(refusal) => Ok(refusal.into_response()),
    }
}

/// Changes members of a mark (RFC 7396): a member that is null goes.
pub async fn patch(
    shared: Shared<State>,
    Path((name, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> HandlerResult {
    let given = match given(&shared, &name, &uri, &headers, body).await? {
        Ok(given) => given,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let merge = |patch: Value| {
        move |present: Option<&str>| {
            let mut feature = present.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
            merged(&mut feature, patch);
            Some(feature)
        }
    };
    match one_change(&headers, &given) {
        Ok((revision, patch)) => single(&shared, &name, id, revision, merge(patch)).await,
        Err(refusal) => Ok(refusal.into_response()),
    }
}

/// Removes the revision of a mark that `If-Match` names.
pub async fn delete(
    shared: Shared<State>,
    Path((name, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> HandlerResult {
    match may_write(&shared, &name, &uri, &headers).and_then(|()| based_on(&headers)) {
        Ok(revision) => single(&shared, &name, id, revision, |_| None).await,
        Err(refusal) => Ok(refusal.into_response()),
    }
}

/// What a request brings for one mark, and the revision that it is based on.
fn one_change(headers: &HeaderMap, given: &Given) -> Result<(u64, Value), Refusal> {
    Ok((based_on(headers)?, given.parse(headers)?))
}

/// Makes one change, and answers with what the mark is then, or with what it is instead.
async fn single(
    state: &State,
    name: &str,
    id: String,
    revision: u64,
    after: impl FnOnce(Option<&str>) -> Option<Value> + Send + 'static,
) -> HandlerResult {
    let of = id.clone();
    let made = change(state, name, false, move |document| {
        let feature = after(document.get(&id).map(|(_, text)| text));
        Ok(vec![Change { id, revision, feature }])
    });
    let Made { conflicts, document, charge } = match made.await? {
        Ok(made) => made,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let send = async |text: String| state.tiles.to_send_within(charge, text.into()).await;
    if let Some(other) = conflicts.first() {
        let mut text = String::new();
        conflict(&mut text, Some("the mark has been changed since: this is how it is now"), other);
        drop((conflicts, document));
        return Ok(json_text(StatusCode::CONFLICT, send(text).await?));
    }
    let Some((revision, text)) = document.get(&of).map(|(revision, text)| (revision, text.to_string()))
    else {
        return Ok(json_response(StatusCode::OK, &json!({"removed": of})));
    };
    drop(document);
    Ok(cacheable(&HeaderMap::new(), &tag(revision), "no-cache", GEOJSON, send(text).await?))
}

/// Replaces all marks where `If-Match` has the tag of those that are there.
async fn replace(state: &State, name: &str, headers: &HeaderMap, features: Vec<Value>) -> HandlerResult {
    let Some(wanted) = value_of(headers, &header::IF_MATCH).map(str::to_string) else {
        let problem = "say which marks are replaced: If-Match with their entity tag";
        return Ok(refused(StatusCode::PRECONDITION_REQUIRED, problem).into_response());
    };
    let made = change(state, name, false, move |document| {
        if wanted != "*" && wanted != etag(document.to_text().as_bytes()) {
            return Err(StoreError::Changed);
        }
        let (mut given, mut ids) = (Vec::new(), HashSet::new());
        let there: HashMap<&str, u64> = document.revisions().collect();
        for feature in features {
            let id = feature.get("id").and_then(Value::as_str).unwrap_or_default().to_string();
            // One without an id is refused as such.
            if !ids.insert(id.clone()) && !id.is_empty() {
                let id = id.chars().take(40).collect();
                return Err(Refused::Bad { id, problem: "it is there twice".into() }.into());
            }
            let revision = there.get(id.as_str()).copied().unwrap_or(0);
            given.push(Change { id, revision, feature: Some(feature) });
        }
        let gone = document.revisions().filter(|(id, _)| !ids.contains(*id));
        let mut all: Vec<Change> =
            gone.map(|(id, revision)| Change { id: id.into(), revision, feature: None }).collect();
        all.append(&mut given);
        Ok(all)
    });
    Ok(match made.await? {
        Err(refusal) => refusal.into_response(),
        Ok(Made { document, charge, .. }) => {
            let text = document.to_text();
            drop(document);
            let tag = etag(text.as_bytes());
            let body = state.tiles.to_send_within(charge, text.into()).await?;
            cacheable(&HeaderMap::new(), &tag, "no-cache", GEOJSON, body)
        }
    })
}

/// Whether another server writes the marks, so that a change here would be refused. Where the storage does not say so in time, none does.
pub async fn are_written_elsewhere(state: &State) -> bool {
    let Some(store) = state.annotations.clone() else { return false };
    let limit = state.options.limits.read_timeout.min(WRITER_TIME);
    with_files(limit, move || store.has_other_writer()).await.unwrap_or(false)
}

/// Works with the files of marks, away from the asynchronous threads. A storage that hangs holds a few threads, and nothing else: the permit
/// goes with the thread, not with the request.
async fn with_files<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServeError> {
    static THREADS: Semaphore = Semaphore::const_new(MOST_THREADS);
    let waited = tokio::time::timeout(limit, THREADS.acquire()).await;
    // It is never closed.
    let permit = waited.map_err(|_| ServeError::Away)?.map_err(|_| ServeError::Broken)?;
    let work = move || {
        let _permit = permit;
        work()
    };
    blocking::run(limit, work).await
}

/// The memory of requests for the marks of a slide, by the size of their file.
async fn memory_of(
    state: &State,
    store: &Arc<Store>,
    segment: &str,
    purpose: Purpose,
) -> Result<Charge, ServeError> {
    let (of, segment) = (store.clone(), segment.to_string());
    let bytes = with_files(state.options.limits.read_timeout, move || of.bytes(&segment)).await?;
    state.tiles.charge(purpose, MARKS_BASE_BYTES + MARKS * bytes).await
}

/// What changes have led to, and the memory of it.
struct Made {
    /// The changes that were not made.
    conflicts: Vec<Conflict>,
    /// What is stored now.
    document: Document,
    charge: Charge,
}

/// Changes the marks of a slide. A change whose answer comes too late may have been made: the same change of a mark again is none, and a
/// replacement of all marks is refused as changed.
async fn change(
    state: &State,
    name: &str,
    adopt: bool,
    changes: impl FnOnce(&Document) -> Result<Vec<Change>, StoreError> + Send + 'static,
) -> Result<Result<Made, Refusal>, ServeError> {
    let Some(store) = state.annotations.clone() else { return Ok(Err(off())) };
    let (slide, segment) = (open_slide(state, name).await?, path_segment(name));
    // What the request brings is taken for other purposes, which come before this one.
    let charge = memory_of(state, &store, &segment, Purpose::Tile).await?;
    let change = move || (store.change(&segment, &drawn(&slide), adopt, changes), charge);
    let (made, charge) = with_files(state.options.limits.read_timeout, change).await?;
    Ok(match made {
        Ok((conflicts, document)) => Ok(Made { conflicts, document, charge }),
        Err(error) => Err(failed(state, name, &error)),
    })
}

/// What a slide is to its marks.
fn drawn(slide: &Slide) -> Drawn {
    let geometry = &slide.geometry;
    Drawn::new(geometry.width(), geometry.height(), slide.sources())
}

fn tag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// Adds a conflict to a text of JSON, with what is said of it. The mark is the line that is stored.
fn conflict(text: &mut String, error: Option<&str>, of: &Conflict) {
    let error = error.map(|error| format!("\"error\":{},", json!(error))).unwrap_or_default();
    let feature = of.feature.as_deref().unwrap_or("null");
    // It fails only where a text cannot grow.
    let _ =
        write!(text, "{{{error}\"feature\":{feature},\"id\":{},\"revision\":{}}}", json!(of.id), of.revision);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn files_of_marks_that_hang_hold_a_few_threads_and_no_more() {
        const SHORT: Duration = Duration::from_millis(20);
        let (mut release, mut held) = (Vec::new(), Vec::new());
        for _ in 0..MOST_THREADS {
            let (sender, receiver) = mpsc::channel::<()>();
            release.push(sender);
            held.push(with_files(SHORT, move || receiver.recv().is_err()).await);
        }
        assert_eq!(held, vec![Err(ServeError::Away); MOST_THREADS]);
        assert_eq!(with_files(SHORT, || true).await, Err(ServeError::Away));
        assert_eq!(blocking::run(Duration::from_secs(60), || true).await, Ok(true));
        drop(release);
        assert_eq!(with_files(Duration::from_secs(60), || true).await, Ok(true));
    }
}

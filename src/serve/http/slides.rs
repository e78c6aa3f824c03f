//! `/api/slides`: descriptions of slides as JSON.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use axum::extract::{Path as Segment, RawQuery, State as Shared};
use axum::http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

use super::annotations::are_written_elsewhere;
use super::associated::names;
use super::auth::may_annotate;
use super::state::{HandlerResult, State, open_view};
use super::url::path_segment;
use crate::serve::catalog::{Listed, ListedSlide};
use crate::serve::choice::Choice;
use crate::serve::slide::{Planes, Slide};
use crate::serve::view;
use crate::slide::Selection;
use crate::store::is_address;
use crate::web::blocking;
use crate::web::budget::Purpose;
use crate::web::respond::{cacheable, etag};

/// How long a request for the whole list opens slides. The next one goes on.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same of a page of it, which somebody waits for.
const PAGE_PATIENCE: Duration = Duration::from_millis(400);
/// What the description of a slide takes, alone and in the list, and what an entry that is not served takes, each about: names may be long.
const SLIDE_BYTES: u64 = 4 << 10;
const SKIPPED_BYTES: u64 = 256;
/// The same of all else in the list, and of one slide with its levels.
const LIST_BYTES: u64 = 16 << 10;
/// Most entries of what is not served, on a page.
const MAX_SKIPPED: usize = 100;

/// `/api/slides`: all slides, or the page of them that the query asks for. Pages poll it, so it has an entity tag.
pub async fn list(
    Shared(state): Shared<State>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let choice = Choice::parse(query.as_deref().unwrap_or_default())?;
    if choice.is_page() && state.catalog.claim_refresh() {
        let catalog = state.catalog.clone();
        tokio::task::spawn_blocking(move || catalog.refresh());
    }
    let charge = state.tiles.charge(Purpose::Tile, bytes_of(&state, &choice)).await?;
    let (limit, of) = (state.options.limits.read_timeout, state.clone());
    let made = blocking::run(limit, move || {
        if !choice.is_page() {
            of.catalog.refresh();
        }
        let patience = if choice.is_page() { PAGE_PATIENCE } else { PATIENCE };
        let listed = of.catalog.chosen(&choice, patience, |slide| text(&of, slide));
        // Of a root that hangs the bytes stay taken.
        (text_of(&of, listed, &choice), charge)
    });
    let (text, charge) = made.await?;
    let tag = etag(text.as_bytes());
    let body = state.tiles.to_send_within(charge, text.into()).await?;
    Ok(cacheable(&headers, &tag, "no-cache", "application/json", body))
}

/// What the list takes, estimated by how many slides and other entries are in it.
fn bytes_of(state: &State, choice: &Choice) -> u64 {
    let (slides, skipped) = state.catalog.counts();
    let shown = if choice.is_page() { MAX_SKIPPED } else { usize::MAX };
    let (slides, skipped) = (slides.min(choice.most()) as u64, skipped.min(shown) as u64);
    LIST_BYTES + SLIDE_BYTES * slides + SKIPPED_BYTES * skipped
}

/// The list as JSON, of descriptions that are text already. It may be large: it is written once.
fn text_of(state: &State, Listed { slides, total, skipped }: Listed, choice: &Choice) -> String {
    let shown = if choice.is_page() { MAX_SKIPPED } else { usize::MAX };
    let described = |of: &ListedSlide| of.description.as_ref().map_or(256, |text| text.len() + 64);
    let bytes: usize = slides.iter().map(described).sum();
    let mut text = String::with_capacity(bytes + 256);
    // A text can always be written to.
    let _ = write!(text, r#"{{"next":{},"skipped":["#, json!(choice.next(total)));
    for (at, skipped) in skipped.iter().take(shown).enumerate() {
        let (path, reason) = skipped.for_clients(&state.options.slides.root);
        let _ = write!(text, "{}{}", comma(at), json!({"path": path, "reason": reason}));
    }
    let _ = write!(text, r#"],"skipped_total":{},"slides":["#, skipped.len());
    for (at, of) in slides.iter().enumerate() {
        let modified = of.modified.map_or("null".into(), |seconds| seconds.to_string());
        // The time is that of the listing, and the description that of the slide.
        let _ = write!(text, r#"{}{{"modified":{modified},"#, comma(at));
        match &of.description {
            Some(description) => text += description.trim_start_matches('{'),
            None => {
                let pending = json!({"name": of.name, "encoded": of.encoded, "pending": true}).to_string();
                text += pending.trim_start_matches('{');
            }
        }
    }
    let _ = write!(text, r#"],"total":{total}}}"#);
    text
}

/// What stands before one of several.
fn comma(at: usize) -> &'static str {
    if at > 0 { "," } else { "" }
}

/// A slide's description in the list: without its levels, which would be most of it.
pub fn text(state: &State, slide: &Slide) -> String {
    describe(state, slide).to_string()
}

/// `/api/slides/{slide}`. What it says of marks depends on who asks, so it is asked for anew each time. With `sources=1` in the query also
/// what identifies the slide, which may read of its file.
pub async fn one(
    Shared(state): Shared<State>,
    Segment(name): Segment<String>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open_view(&state, &name, query.as_deref()).await?;
    // Whether marks are kept, and whether who asks may change them.
    let write =
        may_annotate(&state, &name, &Method::GET, &uri, &headers) && !are_written_elsewhere(&state).await;
    let associated = names(&state, &slide).await?;
    let sources = match query.is_some_and(|query| query.split('&').any(|part| part == "sources=1")) {
        true => {
            let of = slide.clone();
            Some(slide.reads().run(move || of.sources()).await?)
        }
        false => None,
    };
    let charge = state.tiles.charge(Purpose::Tile, LIST_BYTES).await?;
    let mut body = describe(&state, &slide);
    body["levels"] = levels(&slide);
    body["associated"] = json!(associated);
    // Whether a page elsewhere may show the slide in a frame.
    body["embed"] = json!(!state.options.access.embed_origins.is_empty());
    body["annotations"] = state.annotations.as_ref().map_or(Value::Null, |_| json!({"write": write}));
    if let Some(sources) = sources {
        body["sources"] = json!(sources);
    }
    let text = body.to_string();
    drop(body);
    let tag = etag(text.as_bytes());
    let body = state.tiles.to_send_within(charge, text.into()).await?;
    Ok(cacheable(&headers, &tag, "no-cache", "application/json", body))
}

fn describe(state: &State, slide: &Slide) -> Value {
    let g = &slide.geometry;
    let pixels: u64 =
        (0..=g.top_level()).map(|l| g.level_size(l)).map(|(w, h)| u64::from(w) * u64::from(h)).sum();
    let lossy = slide
        .input()
        .filter(|_| slide.reconstructs() && !slide.keeps_originals())
        .map(|input| json!({"reconstructed": true, "encode": input.meta().encode}));
    let view = slide.view_query();
    let query = if view.is_empty() { String::new() } else { format!("?{view}") };
    // Below the root: clients must not learn where that is.
    let root = &state.options.slides.root;
    let below = slide.path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
    let file = below.or(slide.path.file_name().map(Path::new)).filter(|_| !is_address(root));
    json!({
        "name": slide.name, "file": file, "width": g.width(), "height": g.height(), "tile_size": g.tile(), "overlap": 0,
        "format": state.options.output.format.extension(),
        "microns_per_pixel": slide.microns_per_pixel(), "objective_power": slide.objective_power(), "scanner": slide.scanner(),
        "stored_bytes": slide.file_bytes(), "source_bytes": slide.source_bytes(), "represented_bytes": 3 * pixels, "lossy": lossy,
        "lossless": slide.reconstructs() && slide.keeps_originals(), "encoded": slide.is_encoded(), "warning": slide.warning,
        "icc": slide.colours().describe(),
        "has_original": slide.original_identity().is_some() && slide.reconstructs(),
        "version": format!("{:016x}", slide.version as u64),
        "view": view, "made_of": slide.made_of().map(|view| view::query(&view)), "planes": slide.planes().map(|(planes, view)| describe_planes(planes, view)),
        "dzi": format!("/dzi/{}.dzi{query}", path_segment(&slide.name)),
        "thumbnail": format!("/thumbnails/{}{query}", path_segment(&slide.name)),
    })
}

/// The size of each level, in pixels and in tiles.
fn levels(slide: &Slide) -> Value {
    let g = &slide.geometry;
    let levels = (0..=g.top_level()).map(|level| {
        let ((width, height), (columns, rows)) = (g.level_size(level), g.tiles(level));
        json!({"level": level, "width": width, "height": height, "columns": columns, "rows": rows})
    });
    Value::from_iter(levels)
}

/// What a slide has several of, and which of it is shown.
fn describe_planes(planes: &Planes, view: &Selection) -> Value {
    let colors = view.colors.iter().map(|(number, color)| (number.to_string(), json!(view::hex(*color))));
    let windows = view.windows.iter().map(|(number, window)| (number.to_string(), json!(window)));
    json!({
        "channels": planes.channels, "focal_planes": planes.focal_planes, "times": planes.times,
        "shown": {
            "channels": view.channels, "z": view.z, "time": view.time, "window": view.window,
            "colors": Value::from_iter(colors), "windows": Value::from_iter(windows),
        },
    })
}

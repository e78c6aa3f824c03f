//! `/api/slides`: descriptions of slides as JSON.

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::state::{HandlerResult, State, open_slide};
use super::url::path_segment;
use crate::serve::slide::Slide;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag, json_response};

/// `/api/slides`. Pages poll it, so it has an entity tag.
pub async fn list(Shared(state): Shared<State>, headers: HeaderMap) -> HandlerResult {
    let catalog = state.catalog.clone();
    let names = tokio::task::spawn_blocking(move || catalog.names()).await.map_err(|_| ServeError::Broken)?;
    let mut all = Vec::new();
    for name in names {
        all.push(match open_slide(&state, &name).await {
            Ok(slide) => describe(&state, &slide),
            Err(e) => json!({"name": name, "error": e.to_string()}),
        });
    }
    let text = json!({"slides": all}).to_string();
    Ok(cacheable(&headers, &etag(text.as_bytes()), "no-cache", "application/json", text.into()))
}

/// `/api/slides/{slide}`.
pub async fn one(Shared(state): Shared<State>, Path(name): Path<String>) -> HandlerResult {
    let slide = open_slide(&state, &name).await?;
    Ok(json_response(StatusCode::OK, &describe(&state, &slide)))
}

fn describe(state: &State, slide: &Slide) -> Value {
    let g = &slide.geometry;
    let levels = (0..=g.top_level()).map(|level| {
        let ((width, height), (columns, rows)) = (g.level_size(level), g.tiles(level));
        json!({"level": level, "width": width, "height": height, "columns": columns, "rows": rows})
    });
    let pixels: u64 =
        (0..=g.top_level()).map(|l| g.level_size(l)).map(|(w, h)| u64::from(w) * u64::from(h)).sum();
    let stored =
        slide.input().filter(|input| !input.is_directory()).map(|input| input.archive().file_bytes());
    let lossy = slide
        .input()
        .filter(|_| slide.reconstructs())
        .map(|input| json!({"reconstructed": true, "encode": input.meta().encode}));
    json!({
        "name": slide.name, "width": g.width(), "height": g.height(), "tile_size": g.tile(), "overlap": 0,
        "format": state.options.output.format.extension(), "levels": levels.collect::<Vec<_>>(),
        "microns_per_pixel": slide.microns_per_pixel(), "objective_power": slide.objective_power(),
        "stored_bytes": stored, "represented_bytes": 3 * pixels, "lossy": lossy, "warning": slide.warning,
        "has_original": slide.original_identity().is_some() && slide.reconstructs(),
        "version": format!("{:016x}", slide.version as u64),
        "dzi": format!("/dzi/{}.dzi", path_segment(&slide.name)),
        "thumbnail": format!("/thumbnails/{}", path_segment(&slide.name)),
    })
}

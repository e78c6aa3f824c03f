//! `/associated/{slide}/{image}`: label, macro and other images in a scanned file, those that the server was told to show.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;

use super::state::{HandlerResult, State, open_slide};
use crate::error::Error;
use crate::serve::slide::Slide;
use crate::web::blocking;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag};

/// An image as JPEG.
pub async fn image(
    Shared(state): Shared<State>,
    Path((name, image)): Path<(String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    // Whether a slide has a label is not told either.
    if !state.options.slides.associated.contains(&image) {
        return Err(ServeError::NotFound);
    }
    let slide = open_slide(&state, &name).await?;
    let (of, quality) = (slide.clone(), state.options.output.quality);
    let made = read(&state, &slide, move || of.associated_image(&image, quality)).await?;
    let made = made.ok_or(ServeError::NotFound)?;
    let tag = etag(&made);
    let body = state.tiles.to_send(made.into()).await?;
    Ok(cacheable(&headers, &tag, &state.options.access.cache_control, "image/jpeg", body))
}

/// The names of a slide's images that are shown.
pub async fn names(state: &State, slide: &Arc<Slide>) -> Result<Vec<String>, ServeError> {
    if state.options.slides.associated.is_empty() {
        return Ok(Vec::new());
    }
    let (of, options) = (slide.clone(), state.options.clone());
    read(state, slide, move || of.associated(&options.slides.associated)).await
}

async fn read<T: Send + 'static>(
    state: &State,
    slide: &Slide,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, ServeError> {
    blocking::run(state.options.limits.read_timeout, work).await?.map_err(|e| {
        state.tiles.faults().log(&slide.name, &e);
        ServeError::Broken
    })
}

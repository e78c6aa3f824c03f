//! `/associated/{slide}/{image}`: label, macro and other images in a scanned file, those that the server was told to show.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;

use super::state::{HandlerResult, State, open_slide};
use crate::error::Error;
use crate::serve::iiif::MAX_AREA;
use crate::serve::slide::Slide;
use crate::slide::AssociatedSize;
use crate::web::budget::Purpose;
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
    let (of, named) = (slide.clone(), image.clone());
    let size = read(&state, &slide, move || of.associated_size(&named)).await?.ok_or(ServeError::NotFound)?;
    let AssociatedSize { width, height, .. } = size;
    if u64::from(width) * u64::from(height) > MAX_AREA {
        let problem = format!("an image of {width} x {height} pixels: the most are {MAX_AREA}");
        return Err(ServeError::Failed(problem));
    }
    slide.reads().answer().await?;
    let charge = state.tiles.charge(Purpose::Image, Slide::associated_bytes(size)).await?;
    let (of, quality) = (slide.clone(), state.options.output.quality);
    let work = state.tiles.threads().read(slide.reads(), move |_| async move {
        // Of a read that hangs the bytes stay taken.
        let mut charge = charge;
        let made = of.associated_image(&image, size, quality)?;
        charge.shrink_to(made.len() as u64);
        Ok((made, charge))
    });
    let made = state.tiles.in_time(work).await?;
    let (made, charge) = made.map_err(|e: Error| broken(&state, &slide, &e))?;
    let tag = etag(&made);
    let body = charge.hold(made.into());
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
    let done = slide.reads().run(work).await?;
    done.map_err(|e| broken(state, slide, &e))
}

fn broken(state: &State, slide: &Slide, error: &Error) -> ServeError {
    state.tiles.faults().log(&slide.name, error);
    ServeError::Broken
}

//! QIDO-RS: searches for studies, series and instances.

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;

use super::dicomweb_service::{Asked, service, slides, varied};
use super::state::{HandlerResult, State};
use crate::serve::dicomweb::{All, Described, Scope, Search, find, of_json};
use crate::web::budget::Purpose;
use crate::web::respond::{cacheable, etag};

/// Media type of answers.
pub const JSON: &str = "application/dicom+json";

pub async fn studies(Shared(state): Shared<State>, asked: Asked) -> HandlerResult {
    all(&state, Scope::Studies, asked).await
}

pub async fn series(Shared(state): Shared<State>, asked: Asked) -> HandlerResult {
    all(&state, Scope::Series, asked).await
}

pub async fn instances(Shared(state): Shared<State>, asked: Asked) -> HandlerResult {
    all(&state, Scope::Instances, asked).await
}

pub async fn series_of_study(
    Shared(state): Shared<State>,
    Path(study): Path<String>,
    asked: Asked,
) -> HandlerResult {
    below(&state, Scope::Series, (&study, None), asked).await
}

pub async fn instances_of_study(
    Shared(state): Shared<State>,
    Path(study): Path<String>,
    asked: Asked,
) -> HandlerResult {
    below(&state, Scope::Instances, (&study, None), asked).await
}

pub async fn instances_of_series(
    Shared(state): Shared<State>,
    Path((study, series)): Path<(String, String)>,
    asked: Asked,
) -> HandlerResult {
    below(&state, Scope::Instances, (&study, Some(&series)), asked).await
}

/// Among all slides.
async fn all(state: &State, scope: Scope, asked: Asked) -> HandlerResult {
    let mut search = read(&asked)?;
    let All { slides, mut left_out } = service(state)?.index.all().await?;
    let slides: Vec<&Described> =
        slides.iter().map(AsRef::as_ref).filter(|slide| asked.sees(slide)).collect();
    if asked.only.is_some() {
        // Of others nothing is said.
        left_out = usize::from(slides.is_empty());
    }
    if left_out > 0 {
        let slides = if left_out == 1 { "slide is" } else { "slides are" };
        search.warn(&format!("{left_out} {slides} left out: the log of the server says why"));
    }
    answer(state, &slides, scope, search, &asked).await
}

/// Among those of a study or series.
async fn below(
    state: &State,
    scope: Scope,
    (study, series): (&str, Option<&str>),
    asked: Asked,
) -> HandlerResult {
    let search = read(&asked)?;
    let found = slides(state, &asked, (study, series)).await?;
    let slides: Vec<&Described> = found.iter().map(AsRef::as_ref).collect();
    answer(state, &slides, scope, search, &asked).await
}

fn read(asked: &Asked) -> Result<Search, crate::web::error::ServeError> {
    of_json(&asked.accepted()?)?;
    Search::parse(asked.query().unwrap_or_default())
}

async fn answer(
    state: &State,
    slides: &[&Described],
    scope: Scope,
    mut search: Search,
    asked: &Asked,
) -> HandlerResult {
    let base = asked.base(state);
    let found = find(slides, scope, &mut search, &base);
    let mut response = match found.is_empty() {
        true => (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-cache")]).into_response(),
        false => {
            let charge = state.tiles.charge(Purpose::Tile, found.bytes(&search)).await?;
            let text = found.text(&search);
            let tag = etag(text.as_bytes());
            let body = state.tiles.to_send_within(charge, text.into()).await?;
            cacheable(&asked.headers, &tag, "no-cache", JSON, body)
        }
    };
    for warning in search.warnings() {
        if let Ok(value) = HeaderValue::from_str(&format!("299 origami \"{warning}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    Ok(varied(response))
}

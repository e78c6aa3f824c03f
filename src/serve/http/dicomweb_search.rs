//! QIDO-RS: searches for studies, series and instances.

use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse;
use serde_json::Value;

use super::dicomweb_service::{accepted, base, service, slides, varied};
use super::state::{HandlerResult, State};
use crate::serve::dicomweb::{All, Described, Scope, Search, find, of_json};
use crate::web::respond::{cacheable, etag};

/// Media type of answers.
pub const JSON: &str = "application/dicom+json";

/// What of a request all searches look at.
struct Asked {
    uri: Uri,
    query: Option<String>,
    headers: HeaderMap,
}

pub async fn studies(
    Shared(state): Shared<State>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    all(&state, Scope::Studies, Asked { uri, query, headers }).await
}

pub async fn series(
    Shared(state): Shared<State>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    all(&state, Scope::Series, Asked { uri, query, headers }).await
}

pub async fn instances(
    Shared(state): Shared<State>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    all(&state, Scope::Instances, Asked { uri, query, headers }).await
}

pub async fn series_of_study(
    Shared(state): Shared<State>,
    Path(study): Path<String>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    below(&state, Scope::Series, (&study, None), Asked { uri, query, headers }).await
}

pub async fn instances_of_study(
    Shared(state): Shared<State>,
    Path(study): Path<String>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    below(&state, Scope::Instances, (&study, None), Asked { uri, query, headers }).await
}

pub async fn instances_of_series(
    Shared(state): Shared<State>,
    Path((study, series)): Path<(String, String)>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    below(&state, Scope::Instances, (&study, Some(&series)), Asked { uri, query, headers }).await
}

/// Among all slides.
async fn all(state: &State, scope: Scope, asked: Asked) -> HandlerResult {
    let mut search = read(&asked)?;
    let All { slides, left_out } = service(state)?.index.all().await?;
    if left_out > 0 {
        let slides = if left_out == 1 { "slide is" } else { "slides are" };
        search.warn(&format!("{left_out} {slides} left out: the log of the server says why"));
    }
    let slides: Vec<&Described> = slides.iter().map(AsRef::as_ref).collect();
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
    let found = slides(state, study, series).await?;
    let slides: Vec<&Described> = found.iter().map(AsRef::as_ref).collect();
    answer(state, &slides, scope, search, &asked).await
}

fn read(asked: &Asked) -> Result<Search, crate::web::error::ServeError> {
    of_json(&accepted(&asked.headers, asked.query.as_deref())?)?;
    Search::parse(asked.query.as_deref().unwrap_or_default())
}

async fn answer(
    state: &State,
    slides: &[&Described],
    scope: Scope,
    mut search: Search,
    asked: &Asked,
) -> HandlerResult {
    let found = find(slides, scope, &mut search, &base(state, &asked.uri, &asked.headers));
    let mut response = match found.is_empty() {
        true => StatusCode::NO_CONTENT.into_response(),
        false => {
            let text = Value::Array(found).to_string();
            let tag = etag(text.as_bytes());
            let body = state.tiles.to_send(text.into()).await?;
            cacheable(&asked.headers, &tag, "no-cache", JSON, body)
        }
    };
    for warning in &search.warnings {
        if let Ok(value) = HeaderValue::from_str(&format!("299 origami \"{warning}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    Ok(varied(response))
}

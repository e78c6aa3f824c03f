//! The routes of IIIF Image API 3.0.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use tower_http::cors::{Any, CorsLayer};

use super::auth::require_credentials;
use super::client;
use super::state::{HandlerResult, State, open_view};
use super::thumbnail::send_image;
use super::url::path_segment;
use crate::serve::access::signature_params;
use crate::serve::iiif::{info, parse};
use crate::serve::slide::Slide;
use crate::serve::view;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag};

const INFO_TYPE: &str = "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\"";
const PROFILE: &str = "<http://iiif.io/api/image/3/level2.json>;rel=\"profile\"";

/// Everything below `/iiif/3`.
pub fn routes(state: &State) -> Router<State> {
    // IIIF requires this whatever `--cors` says. It is outside the credentials check, so that preflight requests pass.
    let open_to_all = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::AUTHORIZATION])
        .vary([]);
    Router::new()
        .route("/iiif/3/{identifier}", get(base))
        .route("/iiif/3/{identifier}/info.json", get(description))
        .route("/iiif/3/{identifier}/{region}/{size}/{rotation}/{file}", get(image))
        .layer(middleware::from_fn_with_state(state.clone(), require_credentials))
        .layer(open_to_all)
}

/// The slide of an identifier, in the view that identifier or query ask for. The other of both is not looked at.
async fn open(state: &State, identifier: &str, query: Option<&str>) -> Result<Arc<Slide>, ServeError> {
    match view::split(identifier) {
        (_, "") => open_view(state, identifier, query).await,
        (name, view) => open_view(state, name, Some(view)).await,
    }
}

/// The path of a slide's image service. IIIF adds to it, so that a view cannot be its query and is part of the identifier.
fn path_of(slide: &Slide) -> String {
    let view = slide.view_query();
    let identifier = if view.is_empty() { slide.name.clone() } else { format!("{}?{view}", slide.name) };
    format!("/iiif/3/{}", path_segment(&identifier))
}

/// Redirects to `info.json`, with the signature of the query if there is one.
async fn base(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open(&state, &name, query.as_deref()).await?;
    let prefix = client::prefix(&headers, state.options.access.trust_forwarded);
    let mut location = format!("{prefix}{}/info.json", path_of(&slide));
    let signature = signature_params(query.as_deref().unwrap_or(""));
    if !signature.is_empty() {
        location += &format!("?{signature}");
    }
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

async fn description(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open(&state, &name, uri.query()).await?;
    let base = client::base(&uri, &headers, state.options.access.trust_forwarded);
    let id = format!("{base}{}", path_of(&slide));
    let text = info(&id, &slide.geometry).to_string();
    let plain = headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json");
    let kind = if plain { "application/json" } else { INFO_TYPE };
    let tag = etag(format!("{kind} {text}").as_bytes());
    let mut response = cacheable(&headers, &tag, "no-cache", kind, text.into());
    response.headers_mut().insert(header::LINK, HeaderValue::from_static(PROFILE));
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

async fn image(
    Shared(state): Shared<State>,
    Path((name, region, size, rotation, file)): Path<(String, String, String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open(&state, &name, query.as_deref()).await?;
    let request = parse(&slide.geometry, &region, &size, &rotation, &file)?;
    let tag = etag(format!("{:x} {request:?}", slide.version).as_bytes());
    let mut response =
        send_image(&state, &slide, request, (tag, state.options.output.quality), &headers).await?;
    response.headers_mut().insert(header::LINK, HeaderValue::from_static(PROFILE));
    Ok(response)
}

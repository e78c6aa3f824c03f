//! The routes of IIIF Image API 3.0.

use axum::Router;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use tower_http::cors::{Any, CorsLayer};

use super::auth::require_credentials;
use super::client;
use super::state::{HandlerResult, State, open_slide};
use super::url::path_segment;
use crate::serve::access::signature_params;
use crate::serve::iiif::{Format, info, parse};
use crate::serve::image::render;
use crate::web::respond::{cacheable, etag, matches};

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
        .route("/iiif/3/{slide}", get(base))
        .route("/iiif/3/{slide}/info.json", get(description))
        .route("/iiif/3/{slide}/{region}/{size}/{rotation}/{file}", get(image))
        .layer(middleware::from_fn_with_state(state.clone(), require_credentials))
        .layer(open_to_all)
}

/// Redirects to `info.json`, with the signature of the query if there is one.
async fn base(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open_slide(&state, &name).await?;
    let prefix = client::prefix(&headers, state.options.access.trust_forwarded);
    let mut location = format!("{prefix}/iiif/3/{}/info.json", path_segment(&slide.name));
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
    let slide = open_slide(&state, &name).await?;
    let base = client::base(&uri, &headers, state.options.access.trust_forwarded);
    let id = format!("{base}/iiif/3/{}", path_segment(&slide.name));
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
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open_slide(&state, &name).await?;
    let request = parse(&slide.geometry, &region, &size, &rotation, &file)?;
    let tag = etag(format!("{:x} {request:?}", slide.version).as_bytes());
    let kind = if request.format == Format::Jpg { "image/jpeg" } else { "image/png" };
    let control = state.options.access.cache_control.clone();
    let bytes = match matches(&headers, &tag) {
        true => Vec::new(),
        false => render(&state.tiles, &slide, request, state.options.output.quality).await?,
    };
    let mut response = cacheable(&headers, &tag, &control, kind, bytes.into());
    response.headers_mut().insert(header::LINK, HeaderValue::from_static(PROFILE));
    Ok(response)
}

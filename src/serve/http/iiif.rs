//! The routes of IIIF Image API 3.0 and 2.1. An image that is a tile of Deep Zoom is sent as that tile.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};

use super::auth::require_credentials;
use super::client::{self, Client};
use super::state::{HandlerResult, State, open_view};
use super::thumbnail::send_image;
use super::tile::send_tile;
use super::url::path_segment;
use crate::serve::access::signature_params;
use crate::serve::iiif::{Described, Version, info, parse};
use crate::serve::image::output_format;
use crate::serve::slide::Slide;
use crate::serve::tiles::TileSet;
use crate::serve::view;
use crate::web::budget::Purpose;
use crate::web::error::ServeError;
use crate::web::respond::{cacheable, etag};

/// What `info.json` takes, about.
const INFO_BYTES: u64 = 8 << 10;

/// Everything below `/iiif`.
pub fn routes(state: &State) -> Router<State> {
    Router::new()
        .route("/iiif/3/{identifier}", get(base))
        .route("/iiif/3/{identifier}/info.json", get(description))
        .route("/iiif/3/{identifier}/{region}/{size}/{rotation}/{file}", get(image))
        .route("/iiif/2/{identifier}", get(base))
        .route("/iiif/2/{identifier}/info.json", get(description))
        .route("/iiif/2/{identifier}/{region}/{size}/{rotation}/{file}", get(image))
        .layer(middleware::from_fn_with_state(state.clone(), require_credentials))
}

/// The version that an address names.
fn version_of(uri: &Uri) -> Version {
    if uri.path().starts_with("/iiif/2/") { Version::Two } else { Version::Three }
}

/// The link to what a service can do.
fn profile(version: Version) -> HeaderValue {
    HeaderValue::from_static(match version {
        Version::Two => "<http://iiif.io/api/image/2/level2.json>;rel=\"profile\"",
        Version::Three => "<http://iiif.io/api/image/3/level2.json>;rel=\"profile\"",
    })
}

/// The content type of `info.json`: JSON-LD unless a client asks for JSON, and in version 2 the other way round.
fn info_type(version: Version, headers: &HeaderMap) -> &'static str {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match version {
        Version::Three if accept == "application/json" => "application/json",
        Version::Three => "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\"",
        Version::Two if accept.contains("application/ld+json") => "application/ld+json",
        Version::Two => "application/json",
    }
}

/// The slide of an identifier, in the view that identifier or query ask for. The other of both is not looked at.
async fn open(state: &State, identifier: &str, query: Option<&str>) -> Result<Arc<Slide>, ServeError> {
    match view::split(identifier) {
        (_, "") => open_view(state, identifier, query).await,
        (name, view) => open_view(state, name, Some(view)).await,
    }
}

/// The path of a slide's image service. IIIF adds to it, so that a view cannot be its query and is part of the identifier.
fn path_of(version: Version, slide: &Slide) -> String {
    let view = slide.view_query();
    let identifier = if view.is_empty() { slide.name.clone() } else { format!("{}?{view}", slide.name) };
    format!("/iiif/{}/{}", version.number(), path_segment(&identifier))
}

/// Redirects to `info.json`, with the signature of the query if there is one.
async fn base(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> HandlerResult {
    let slide = open(&state, &name, uri.query()).await?;
    let prefix = client::prefix(&headers, state.options.access.trust_forwarded);
    let mut location = format!("{prefix}{}/info.json", path_of(version_of(&uri), &slide));
    let signature = signature_params(uri.query().unwrap_or(""));
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
    let (slide, version) = (open(&state, &name, uri.query()).await?, version_of(&uri));
    let base = client::base(&uri, &headers, state.options.access.trust_forwarded);
    let id = format!("{base}{}", path_of(version, &slide));
    let (cheap, microns_per_pixel) = (slide.cheap_levels(), slide.microns_per_pixel());
    let described = Described { id: &id, geometry: &slide.geometry, cheap: &cheap, microns_per_pixel };
    let charge = state.tiles.charge(Purpose::Tile, INFO_BYTES).await?;
    let text = info(version, &described).to_string();
    let kind = info_type(version, &headers);
    let tag = etag(format!("{kind} {text}").as_bytes());
    let body = state.tiles.to_send_within(charge, text.into()).await?;
    let mut response = cacheable(&headers, &tag, "no-cache", kind, body);
    response.headers_mut().insert(header::LINK, profile(version));
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

async fn image(
    Shared(state): Shared<State>,
    Extension(client): Extension<Client>,
    Path((name, region, size, rotation, file)): Path<(String, String, String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> HandlerResult {
    let (slide, version) = (open(&state, &name, uri.query()).await?, version_of(&uri));
    let request = parse((version, &slide.geometry), &region, &size, &rotation, &file)?;
    let tile = request.tile(&slide.geometry);
    let mut response = match tile.filter(|_| output_format(request.format) == state.options.output.format) {
        Some(tile) => send_tile(&state, client.address, &slide, tile, &headers, TileSet::Served).await?,
        None => {
            let tag = etag(format!("{:x} {request:?}", slide.version).as_bytes());
            send_image(&state, &slide, request, (tag, state.options.output.quality), &headers).await?
        }
    };
    response.headers_mut().insert(header::LINK, profile(version));
    Ok(response)
}

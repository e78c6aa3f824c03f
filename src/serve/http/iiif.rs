//! The addresses of IIIF Image API 3.0.

use axum::Router;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use tower_http::cors::{Any, CorsLayer};
use xxhash_rust::xxh3::xxh3_64;

use super::super::access::{credentials, path_segment};
use super::super::iiif::{Format, info, parse};
use super::super::image::render;
use super::guard::guard;
use super::{Answer, State, cacheable, client, matches, open};

const INFO_TYPE: &str = "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\"";
const PROFILE: &str = "<http://iiif.io/api/image/3/level2.json>;rel=\"profile\"";

/// Everything below `/iiif/3`.
pub fn routes(state: &State) -> Router<State> {
    // IIIF asks for this whatever else is configured; outside the guard, so that a page elsewhere can ask with a token.
    let open_to_all = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::AUTHORIZATION])
        .vary([]);
    Router::new()
        .route("/iiif/3/{slide}", get(base))
        .route("/iiif/3/{slide}/info.json", get(description))
        .route("/iiif/3/{slide}/{region}/{size}/{rotation}/{file}", get(image))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .layer(open_to_all)
}

/// A signature goes on to where the redirect leads.
async fn base(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let slide = open(&state, &name).await?;
    let prefix = client::prefix(&headers, state.options.trust_forwarded);
    let mut place = format!("{prefix}/iiif/3/{}/info.json", path_segment(&slide.name));
    let signed = credentials(query.as_deref().unwrap_or(""));
    if !signed.is_empty() {
        place += &format!("?{signed}");
    }
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response())
}

async fn description(
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let slide = open(&state, &name).await?;
    let base = client::base(&uri, &headers, state.options.trust_forwarded);
    let id = format!("{base}/iiif/3/{}", path_segment(&slide.name));
    let text = info(&id, &slide.geometry).to_string();
    let plain = headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json");
    let kind = if plain { "application/json" } else { INFO_TYPE };
    let tag = format!("\"{:016x}\"", xxh3_64(format!("{kind} {text}").as_bytes()));
    let mut response = cacheable(&headers, &tag, "no-cache", kind, text.into());
    response.headers_mut().insert(header::LINK, HeaderValue::from_static(PROFILE));
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

async fn image(
    Shared(state): Shared<State>,
    Path((name, region, size, rotation, file)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let slide = open(&state, &name).await?;
    let wanted = parse(&slide.geometry, &region, &size, &rotation, &file)?;
    let tag = format!("\"{:016x}\"", xxh3_64(format!("{:x} {wanted:?}", slide.version).as_bytes()));
    let kind = if wanted.format == Format::Jpg { "image/jpeg" } else { "image/png" };
    let control = state.options.cache_control.clone();
    let bytes = match matches(&headers, &tag) {
        true => Vec::new(),
        false => render(&state.tiles, &slide, wanted, state.options.quality).await?,
    };
    let mut response = cacheable(&headers, &tag, &control, kind, bytes.into());
    response.headers_mut().insert(header::LINK, HeaderValue::from_static(PROFILE));
    Ok(response)
}

//! The addresses of IIIF Image API 3.0.

use axum::Router;
use axum::extract::{Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use xxhash_rust::xxh3::xxh3_64;

use super::super::iiif::{Format, info, parse};
use super::super::image::render;
use super::{Answer, State, cacheable, matches, open};

const INFO_TYPE: &str = "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\"";
const PROFILE: &str = "<http://iiif.io/api/image/3/level2.json>;rel=\"profile\"";

/// Everything below `/iiif/3`.
pub fn routes() -> Router<State> {
    Router::new()
        .route("/iiif/3/{slide}", get(base))
        .route("/iiif/3/{slide}/info.json", get(description))
        .route("/iiif/3/{slide}/{region}/{size}/{rotation}/{file}", get(image))
        .layer(middleware::from_fn(open_to_all))
}

/// IIIF asks for this whatever else is configured.
async fn open_to_all(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

async fn base(Shared(state): Shared<State>, Path(name): Path<String>) -> Answer {
    let slide = open(&state, &name).await?;
    let place = format!("/iiif/3/{}/info.json", encoded(&slide.name));
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response())
}

async fn description(Shared(state): Shared<State>, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let slide = open(&state, &name).await?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let id = format!("http://{host}/iiif/3/{}", encoded(&slide.name));
    let text = info(&id, &slide.geometry).to_string();
    let tag = format!("\"{:016x}\"", xxh3_64(text.as_bytes()));
    let plain = headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json");
    let kind = if plain { "application/json" } else { INFO_TYPE };
    let mut response = cacheable(&headers, &tag, "no-cache", kind, text.into());
    response.headers_mut().insert(header::LINK, HeaderValue::from_static(PROFILE));
    Ok(response)
}

async fn image(
    Shared(state): Shared<State>,
    Path((name, region, size, rotation, file)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let slide = open(&state, &name).await?;
    let wanted = parse(&slide.geometry, &region, &size, &rotation, &file)?;
    let tag = format!("\"{:016x}\"", xxh3_64(format!("{:x} {wanted:?}", slide.identity).as_bytes()));
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

/// A name as a part of an address.
fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

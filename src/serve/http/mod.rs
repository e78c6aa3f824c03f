//! Routes and middleware. The handlers are in the modules below; they share [`State`].

mod annotations;
mod associated;
mod auth;
mod client;
mod descriptor;
mod dicomweb;
mod dicomweb_frames;
mod dicomweb_instances;
mod dicomweb_metadata;
mod dicomweb_rendered;
mod dicomweb_search;
mod dicomweb_service;
mod family;
mod iiif;
mod languages;
mod layouts;
mod login;
mod login_page;
mod mark_changes;
mod monitor;
mod openapi;
mod region;
mod regions;
mod request_log;
mod request_span;
mod slides;
mod state;
mod thumbnail;
mod tile;
mod url;
mod viewer;

use axum::Router;
use axum::http::{HeaderValue, Method, header};
use axum::middleware;
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

pub use monitor::log_stats;
pub use slides::text as description;
pub use state::{AppState, State};
pub use url::path_segment;

/// Marks on slides.
fn annotations() -> Router<State> {
    use self::annotations as of;
    let all = get(of::all).put(of::put_all).patch(of::patch_all).delete(of::delete_all);
    let one = get(of::one).put(of::put).patch(of::patch).delete(of::delete);
    Router::new()
        .route("/api/slides/{slide}/annotations", all)
        .route("/api/slides/{slide}/annotations/{id}", one)
}

/// What pages of other servers may send and read, apart from methods.
fn for_pages_of(origin: AllowOrigin) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origin)
        // The media types of DICOMweb and of IIIF have quotes in them, for which browsers ask.
        .allow_headers([header::AUTHORIZATION, header::ACCEPT, header::CONTENT_TYPE, header::RANGE])
        .expose_headers([header::ETAG, region::WIDTH, region::HEIGHT, header::WARNING, header::CONTENT_RANGE])
}

/// Every route, and those of `more`, which are the addresses of jobs.
pub fn router(state: State, more: Option<Router>) -> Router {
    let has_dicomweb = state.dicomweb.is_some();
    let of_dicomweb = |routes: fn() -> Router<State>| if has_dicomweb { routes() } else { Router::new() };
    let router = Router::new()
        .route("/dzi/{file}", get(descriptor::served))
        .route("/original/{file}", get(descriptor::original))
        .route("/zoomify/{slide}/ImageProperties.xml", get(layouts::zoomify_properties))
        .route("/api/slides", get(slides::list))
        .route("/api/slides/{slide}", get(slides::one))
        .merge(annotations())
        .route("/associated/{slide}/{image}", get(associated::image))
        .route("/families/{slide}/{level}/{tile}", get(family::family))
        .route("/healthz", get(monitor::alive))
        .route("/readyz", get(monitor::ready))
        .route("/metrics", get(monitor::metrics))
        .merge(openapi::router(more.is_some()))
        .merge(viewer::router(more.is_some()))
        .merge(login::router())
        .merge(of_dicomweb(dicomweb::texts))
        .fallback(viewer::nowhere)
        .layer(CompressionLayer::new())
        // Below the compression: images are compressed already.
        .route("/dzi/{files}/{level}/{tile}", get(tile::deep_zoom))
        .route("/tiles/{slide}/{level}/{tile}", get(tile::plain))
        .route("/original/{files}/{level}/{tile}", get(tile::original))
        .route("/zoomify/{slide}/{group}/{tile}", get(layouts::zoomify))
        .route("/xyz/{slide}/{z}/{x}/{y}", get(layouts::xyz))
        .route("/thumbnails/{slide}", get(thumbnail::thumbnail))
        .route("/api/slides/{slide}/region", get(region::region))
        .route("/api/slides/{slide}/regions", post(regions::regions))
        .merge(of_dicomweb(dicomweb::images));
    let access = &state.options.access;
    let mut router = if access.credentials.is_open() {
        router
    } else {
        router.layer(middleware::from_fn_with_state(state.clone(), auth::require_credentials))
    };
    if let Some(origin) = access.cors.as_deref().and_then(|origin| HeaderValue::from_str(origin).ok()) {
        let origin = if origin == "*" { AllowOrigin::any() } else { AllowOrigin::exact(origin) };
        let methods = [Method::GET, Method::HEAD, Method::POST];
        router = router.layer(for_pages_of(origin).allow_methods(methods));
    }
    // IIIF wants pages of every origin to read it, whatever `--cors` says. It is outside the credentials check, so that preflight requests pass.
    let open_to_all = for_pages_of(AllowOrigin::any()).allow_methods([Method::GET, Method::HEAD]).vary([]);
    let router = router.merge(iiif::routes(&state).layer(open_to_all).layer(CompressionLayer::new()));
    let router = router.with_state(state.clone()).merge(more.unwrap_or_default());
    router.layer(middleware::from_fn_with_state(state, request_log::log))
}

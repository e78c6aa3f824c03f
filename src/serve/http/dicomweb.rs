//! `/dicomweb/`: the addresses of DICOMweb.

use axum::Router;
use axum::routing::get;

use super::state::State;
use super::{dicomweb_frames as frames, dicomweb_metadata as metadata, dicomweb_rendered as rendered};
use super::{dicomweb_instances as instances, dicomweb_search as search};

/// Answers that are JSON.
pub fn texts() -> Router<State> {
    Router::new()
        .route("/dicomweb/studies", get(search::studies))
        .route("/dicomweb/series", get(search::series))
        .route("/dicomweb/instances", get(search::instances))
        .route("/dicomweb/studies/{study}/series", get(search::series_of_study))
        .route("/dicomweb/studies/{study}/instances", get(search::instances_of_study))
        .route("/dicomweb/studies/{study}/series/{series}/instances", get(search::instances_of_series))
        .route("/dicomweb/studies/{study}/metadata", get(metadata::of_study))
        .route("/dicomweb/studies/{study}/series/{series}/metadata", get(metadata::of_series))
        .route(
            "/dicomweb/studies/{study}/series/{series}/instances/{instance}/metadata",
            get(metadata::of_instance),
        )
}

/// Answers that are compressed already.
pub fn images() -> Router<State> {
    Router::new()
        .route("/dicomweb/studies/{study}", get(instances::study))
        .route("/dicomweb/studies/{study}/series/{series}", get(instances::series))
        .route("/dicomweb/studies/{study}/series/{series}/instances/{instance}", get(instances::instance))
        .route(
            "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}",
            get(frames::some),
        )
        .route(
            "/dicomweb/studies/{study}/series/{series}/instances/{instance}/bulkdata/pixels",
            get(frames::all),
        )
        .route(
            "/dicomweb/studies/{study}/series/{series}/instances/{instance}/bulkdata/icc",
            get(metadata::profile),
        )
        .route(
            "/dicomweb/studies/{study}/series/{series}/instances/{instance}/rendered",
            get(rendered::instance),
        )
        .route(
            "/dicomweb/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
            get(rendered::frame),
        )
        .route("/dicomweb/studies/{study}/thumbnail", get(rendered::thumbnail_of_study))
        .route("/dicomweb/studies/{study}/series/{series}/thumbnail", get(rendered::thumbnail_of_series))
        .route(
            "/dicomweb/studies/{study}/series/{series}/instances/{instance}/thumbnail",
            get(rendered::thumbnail_of_instance),
        )
}

//! What all handlers share, and the lookup of a slide by the name in an address.

use std::sync::{Arc, OnceLock};

use axum::response::Response;

use crate::error::Error;
use crate::serve::access::Attempts;
use crate::serve::annotations::Store;
use crate::serve::catalog::Catalog;
use crate::serve::dicomweb::Dicomweb;
use crate::serve::faults::Faults;
use crate::serve::metrics::{BackendStats, Metrics};
use crate::serve::options::ServeOptions;
use crate::serve::region::Regions;
use crate::serve::slide::Slide;
use crate::serve::throttle::Throttle;
use crate::serve::tiles::Tiles;
use crate::serve::view;
use crate::slide::SlideError;
use crate::web::blocking;
use crate::web::error::ServeError;

/// The state of every handler. One `Arc`: each layer of each request clones it.
pub type State = Arc<AppState>;

/// The parts of a server.
pub struct AppState {
    pub options: Arc<ServeOptions>,
    pub catalog: Arc<Catalog>,
    pub tiles: Arc<Tiles>,
    pub regions: Regions,
    pub metrics: Arc<Metrics>,
    /// Marks on slides, where they are kept.
    pub annotations: Option<Arc<Store>>,
    /// Faults of their files, each slide's once a minute.
    pub mark_faults: Faults,
    /// Tokens that were tried at the login.
    pub logins: Attempts,
    /// Lines about logins that fail.
    pub failed_logins: Throttle,
    /// Slides as studies, where that is asked for.
    pub dicomweb: Option<Dicomweb>,
    pub backend_stats: Arc<dyn Fn() -> BackendStats + Send + Sync>,
    /// Figures of what else runs here.
    pub more_metrics: OnceLock<Box<dyn Fn() -> String + Send + Sync>>,
}

/// Who asks has a session: in the extensions of a request.
#[derive(Clone, Copy)]
pub struct HasSession;

/// The one slide that who asks may see, where the address says none: in the extensions of a request.
#[derive(Clone)]
pub struct OnlySlide(pub Arc<str>);

/// What a handler returns.
pub type HandlerResult = Result<Response, ServeError>;

/// Looks a slide up by name. Leaves the asynchronous threads where that may read files.
pub async fn open_slide(state: &State, name: &str) -> Result<Arc<Slide>, ServeError> {
    let catalog = state.catalog.clone();
    if catalog.claim_refresh() {
        let catalog = catalog.clone();
        tokio::task::spawn_blocking(move || catalog.refresh());
    }
    let found = match catalog.get_open(name) {
        Some(slide) => Some(slide),
        None => {
            let name = name.to_string();
            let limit = state.options.limits.read_timeout;
            match catalog.reads(&name) {
                Some(reads) => reads.run(move || catalog.get(&name)).await?,
                // The root may have to be listed.
                None => blocking::run(limit, move || catalog.get(&name)).await?,
            }
        }
    };
    let away = |otherwise| if state.catalog.is_away(name) { ServeError::Away } else { otherwise };
    found.ok_or_else(|| away(ServeError::NotFound))?.map_err(|_| away(ServeError::Broken))
}

/// Looks a slide up by name, in the view that the query of the address asks for.
pub async fn open_view(state: &State, name: &str, query: Option<&str>) -> Result<Arc<Slide>, ServeError> {
    let asked = view::parse(query.unwrap_or_default())?;
    let slide = open_slide(state, name).await?;
    let Some(view) = slide.other_view(&asked) else { return Ok(slide) };
    if let Some(open) = state.catalog.get_open_view(&slide, &view) {
        return Ok(open);
    }
    let catalog = state.catalog.clone();
    let tiles = state.tiles.clone();
    let reads = slide.reads().clone();
    let opened = reads.run(move || {
        let opened = catalog.get_view(&slide, &view)?;
        Some(opened.map_err(|e| not_viewed(tiles.faults(), &slide.name, &e)))
    });
    opened.await?.ok_or(ServeError::NotFound)?
}

/// Why a slide has no such view, without the name of its file. What is wrong with the file goes to the log.
fn not_viewed(faults: &Faults, name: &str, error: &Error) -> ServeError {
    let of_request = match error {
        Error::Slide(
            SlideError::NoSuchPlane { path, .. }
            | SlideError::NoSuchWindow { path, .. }
            | SlideError::NothingToChoose { path, .. },
        ) => error.to_string().strip_prefix(&format!("{}: ", path.display())).map(str::to_string),
        Error::Slide(SlideError::Unsupported { .. }) => {
            Some("this slide shows no such view; choose one channel".into())
        }
        Error::Served { fault, .. } => Some(fault.to_string()),
        _ => None,
    };
    of_request.map_or_else(
        || {
            faults.log(name, error);
            ServeError::Broken
        },
        ServeError::Bad,
    )
}

//! What all handlers share, and the lookup of a slide by the name in an address.

use std::sync::Arc;

use axum::response::Response;

use crate::serve::catalog::Catalog;
use crate::serve::metrics::{BackendStats, Metrics};
use crate::serve::options::ServeOptions;
use crate::serve::slide::Slide;
use crate::serve::tiles::Tiles;
use crate::web::error::ServeError;

/// The state of every handler. One `Arc`: each layer of each request clones it.
pub type State = Arc<AppState>;

/// The parts of a server.
pub struct AppState {
    pub options: Arc<ServeOptions>,
    pub catalog: Arc<Catalog>,
    pub tiles: Arc<Tiles>,
    pub metrics: Arc<Metrics>,
    pub backend_stats: Arc<dyn Fn() -> BackendStats + Send + Sync>,
}

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
            tokio::task::spawn_blocking(move || catalog.get(&name)).await.map_err(|_| ServeError::Broken)?
        }
    };
    let away = |otherwise| if state.catalog.is_away(name) { ServeError::Away } else { otherwise };
    found.ok_or_else(|| away(ServeError::NotFound))?.map_err(|_| away(ServeError::Broken))
}

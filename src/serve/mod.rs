//! The tile server: any tile of any slide, from one file a slide.
//!
//! ```text
//! catalog    slides by name, opened when asked for          files
//! slide      what each tile of a slide is made of           files
//! tiles      a tile's bytes: cache, stored, reconstructed   threads
//! flight     one reconstruction however many ask            no I/O
//! iiif       what an IIIF address asks for                  no I/O
//! image      any region at any size, from tiles             threads
//! http       addresses, headers, errors                     HTTP
//! metrics    what an operator watches                       no I/O
//! viewer     the pages, embedded                            no I/O
//! ```

mod catalog;
mod error;
mod flight;
mod http;
mod iiif;
mod image;
mod metrics;
mod slide;
mod tiles;
mod viewer;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

pub use error::ServeError;
pub use metrics::BackendFigures;

use self::catalog::Catalog;
use self::metrics::Metrics;
use self::tiles::Tiles;
use crate::backend::Backend;
use crate::codec::Sampling;
use crate::error::{Error, Result};
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::Filter;
use crate::tile::OutputFormat;

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Directory of slides: directories of the usual layout, and single bundles.
    pub slides_root: PathBuf,
    /// Where a slide's archive is looked for first, within its directory.
    pub pack_dir: PathBuf,
    /// Where it is looked for next.
    pub residuals_dir: PathBuf,
    /// Quality of tiles that are coded, 1 to 100.
    pub quality: u8,
    /// A filter that archives must agree with.
    pub upsample_filter: Option<Filter>,
    /// Unsharp mask on L2 of archives that record none; 0 for none.
    pub sharpen: f64,
    /// Format of tiles.
    pub format: OutputFormat,
    /// Chroma sampling of JPEG tiles.
    pub sampling: Sampling,
    /// Luma only.
    pub grayscale: bool,
    /// L0 and L1 from the tree where it has them.
    pub prefer_original: bool,
    /// Most tiles in memory.
    pub cache_entries: u64,
    /// Most mebibytes of them.
    pub cache_mb: u64,
    /// Families reconstructed at a time.
    pub max_inflight_families: usize,
    /// How long a family waits for its turn.
    pub queue_timeout: Duration,
    /// Threads that decode and code; 0 for one a core.
    pub rayon_threads: usize,
    /// A request for an L2 tile reconstructs its family ahead.
    pub prewarm_on_l2: bool,
    /// Log where the time of each family went.
    pub timing_breakdown: bool,
    /// `Cache-Control` of tiles.
    pub cache_control: String,
    /// `Access-Control-Allow-Origin`, if any.
    pub cors: Option<String>,
    /// How often a line of figures is logged; zero for never.
    pub metrics_interval: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            slides_root: "data".into(),
            pack_dir: "residual_packs".into(),
            residuals_dir: "residuals_q32".into(),
            quality: 95,
            upsample_filter: None,
            sharpen: 0.0,
            format: OutputFormat::Jpeg,
            sampling: Sampling::S420,
            grayscale: false,
            prefer_original: false,
            cache_entries: 2048,
            cache_mb: 256,
            max_inflight_families: 32,
            queue_timeout: Duration::from_secs(5),
            rayon_threads: 0,
            prewarm_on_l2: false,
            timing_breakdown: false,
            cache_control: "public, max-age=3600".into(),
            cors: None,
            metrics_interval: Duration::from_secs(30),
        }
    }
}

/// Says what the backend has done so far.
pub type Figures = Arc<dyn Fn() -> BackendFigures + Send + Sync>;

/// A server that is ready to listen.
pub struct Server {
    state: http::State,
}

impl Server {
    /// Over a root that may be empty and may change.
    ///
    /// # Errors
    /// A root that is no directory, options that make no sense.
    pub fn new(options: ServeOptions, backend: Arc<dyn Backend>, figures: Figures) -> Result<Self> {
        if !options.slides_root.is_dir() {
            return Err(Error::input(
                &options.slides_root,
                "not a directory; --slides-root is where slides are",
            ));
        }
        // Fails now rather than at every slide.
        crate::tile::TileCoder::new(options.format, options.quality)?;
        if options.sharpen != 0.0 && Strength::new(options.sharpen).is_none() {
            let (given, most) = (options.sharpen, crate::spec::MAX_SHARPEN);
            return Err(Error::Usage(format!(
                "--sharpen {given}: a strength is 1/512 to {most}, or 0 for none"
            )));
        }
        if options.max_inflight_families == 0 {
            return Err(Error::Usage("--max-inflight-families 0: at least one".into()));
        }
        let options = Arc::new(options);
        let metrics = Arc::new(Metrics::new(&backend.name()));
        let tiles = Tiles::new(options.clone(), backend, metrics.clone())?;
        let catalog = Arc::new(Catalog::new(options.clone()));
        Ok(Self { state: http::State { options, catalog, tiles, metrics, figures } })
    }

    /// Serves until `stop` is done, then finishes the requests in flight.
    ///
    /// # Errors
    /// A socket that fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let ticker = http::log_figures(self.state.clone());
        let served = axum::serve(
            listener,
            http::router(self.state).into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(stop)
        .await;
        ticker.abort();
        served
    }

    /// Families reconstructed so far; for tests and logs.
    pub fn families_reconstructed(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let metrics = self.state.metrics.clone();
        move || metrics.families_reconstructed()
    }
}

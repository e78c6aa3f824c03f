//! The tile server: any tile of any slide, from one file a slide.
//!
//! ```text
//! catalog    slides by name, opened when asked for          files
//! slide      what each tile of a slide is made of           files
//! tiles      a tile's bytes: caches, stored, reconstructed  threads
//! flight     one reconstruction however many ask            no I/O
//! travel     where a viewer is going                        no I/O
//! buffers    the memory of families, used again             no I/O
//! warm       tiles on disk that outlive the server          RocksDB
//! threads    where decoding and coding run                  threads
//! iiif       what an IIIF address asks for                  no I/O
//! image      any region at any size, from tiles             threads
//! http       addresses, headers, errors                     HTTP
//! access     tokens, signatures                             files
//! listen     connections and their limits                   sockets
//! metrics    what an operator watches                       no I/O
//! viewer     the pages, embedded                            no I/O
//! assets     how embedded files go out                      no I/O
//! evals      another server: a page over evaluation runs    files
//! ```

mod access;
pub(crate) mod assets;
mod buffers;
mod catalog;
pub(crate) mod error;
mod flight;
pub(crate) mod http;
mod iiif;
mod image;
pub(crate) mod listen;
mod metrics;
mod slide;
mod threads;
mod tiles;
mod travel;
mod viewer;
#[cfg(feature = "rocksdb")]
mod warm;
#[cfg(not(feature = "rocksdb"))]
#[allow(dead_code, reason = "it is never made")]
#[path = "warm_absent.rs"]
mod warm;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

pub use access::{ALL, Access, SigningKey, path_segment};
pub use error::ServeError;
pub use metrics::BackendFigures;

use self::catalog::Catalog;
use self::metrics::Metrics;
use self::tiles::Tiles;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::image::ycc::Sampling;
use crate::kernels::sharpen::Strength;
use crate::kernels::taps::Filter;
use crate::output::tile::OutputFormat;

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
    /// Where tiles outlive the server; `None` for nowhere.
    pub cache_dir: Option<PathBuf>,
    /// Most mebibytes there.
    pub cache_dir_mb: u64,
    /// Families' buffers that are kept for the next ones.
    pub buffer_pool_size: usize,
    /// No family is reconstructed ahead in the direction a viewer moves.
    pub no_prefetch: bool,
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
    /// What a request must carry.
    pub access: Access,
    /// Whether a proxy is believed what it says of its clients in `X-Forwarded-*` and `X-Request-Id`.
    pub trust_forwarded: bool,
    /// Connections at a time.
    pub max_connections: usize,
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
            cache_dir: None,
            cache_dir_mb: 10_240,
            buffer_pool_size: 128,
            no_prefetch: false,
            max_inflight_families: 32,
            queue_timeout: Duration::from_secs(5),
            rayon_threads: 0,
            prewarm_on_l2: false,
            timing_breakdown: false,
            cache_control: "public, max-age=3600".into(),
            cors: None,
            metrics_interval: Duration::from_secs(30),
            access: Access::default(),
            trust_forwarded: false,
            max_connections: 4096,
        }
    }
}

/// `*`, or scheme and host with an optional port: what a browser compares with its own.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    text == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ',', ' ', '*']))
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
        if options.max_connections == 0 {
            return Err(Error::Usage("--max-connections 0: at least one".into()));
        }
        // Fails now rather than at every slide.
        crate::output::tile::TileCoder::new(options.format, options.quality)?;
        if options.sharpen != 0.0 && Strength::new(options.sharpen).is_none() {
            let (given, most) = (options.sharpen, crate::image::spec::MAX_SHARPEN);
            return Err(Error::Usage(format!(
                "--sharpen {given}: a strength is 1/512 to {most}, or 0 for none"
            )));
        }
        for (flag, value) in
            [("--cors", options.cors.as_deref()), ("--cache-control", Some(&*options.cache_control))]
        {
            if let Some(value) = value
                && axum::http::HeaderValue::from_str(value).is_err()
            {
                return Err(Error::Usage(format!("{flag} {value:?}: not a value that a header can have")));
            }
        }
        if let Some(origin) = options.cors.as_deref().filter(|origin| !is_origin(origin)) {
            return Err(Error::Usage(format!(
                "--cors {origin}: give * or one origin, as https://viewer.example.org"
            )));
        }
        if options.max_inflight_families == 0 {
            return Err(Error::Usage("--max-inflight-families 0: at least one".into()));
        }
        let options = Arc::new(options);
        let metrics = Arc::new(Metrics::new(&backend.name()));
        let tiles = Tiles::new(options.clone(), backend, metrics.clone())?;
        let catalog = Arc::new(Catalog::new(options.clone()));
        Ok(Self { state: Arc::new(http::Everything { options, catalog, tiles, metrics, figures }) })
    }

    /// Serves until `stop` is done, then finishes the requests in flight, for 30 seconds at most.
    ///
    /// # Errors
    /// None at present: a connection that fails, or cannot be had, does not end the server.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let tiles = self.state.tiles.clone();
        let ticker = http::log_figures(self.state.clone());
        let limits = listen::Limits::new(self.state.options.max_connections);
        listen::serve(listener, http::router(self.state), limits, stop).await;
        ticker.abort();
        tiles.close();
        Ok(())
    }

    /// Families reconstructed so far; for tests and logs.
    pub fn families_reconstructed(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let metrics = self.state.metrics.clone();
        move || metrics.families_reconstructed()
    }
}

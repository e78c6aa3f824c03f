//! The tile server: any tile of any slide, from one file a slide.
//!
//! ```text
//! options       how to serve                                 data
//! error         why a server cannot start                    data
//! skipped       what is not served, and why                  data
//! bounds        what may be served, wherever links lead  files
//! busy          work that is under way, and since when   no I/O
//! memory        the most memory that a server takes      no I/O
//! discovery     which slides lie at the root and below it    files
//! catalog       slides by name, opened on request            files
//! choice        which slides of the list are asked for     no I/O
//! recent        caches of what was used last             no I/O
//! slide         what each tile of a slide is made of         files
//! tiles         a tile's bytes: caches, stored, rebuilt      threads
//! faults        a slide's faults in the log             no I/O
//! view          which planes of a slide are shown            no I/O
//! tile_key      the key of a tile in every cache             data
//! singleflight  one reconstruction for all its requests      no I/O
//! turns         one maker of a tile at a time                no I/O
//! pan           in which direction a viewer moves            no I/O
//! buffers       a pool of families' planes                   no I/O
//! warm          the cache on disk                            RocksDB
//! threads       where decoding and encoding run              threads
//! reads         the reads of a slide that are under way  threads
//! dicomweb      slides as studies of DICOM               files
//! iiif          what an IIIF address asks for                no I/O
//! image         any region at any size, from tiles           threads
//! region        any rectangle at any scale, from pixels      threads
//! openapi       what each address takes and answers          data
//! http          routes, headers, pages                       HTTP
//! access        bearer tokens, signatures                    files
//! annotations   marks on slides, a file a slide              files
//! request_memory  the memory of requests, for others     no I/O
//! throttle      how often a line of the log is written      no I/O
//! metrics       Prometheus metrics                           no I/O
//! traces        spans for a collector of OpenTelemetry       HTTP
//! ```

mod access;
mod annotations;
mod bounds;
mod buffers;
mod busy;
mod catalog;
mod choice;
mod dicomweb;
mod discovery;
mod error;
mod faults;
mod http;
mod iiif;
mod image;
mod memory;
mod metrics;
mod openapi;
mod options;
mod pan;
mod reads;
mod recent;
mod region;
#[cfg(feature = "jobs")]
mod request_memory;
mod singleflight;
mod skipped;
mod slide;
mod threads;
mod throttle;
mod tile_key;
mod tiles;
#[cfg(feature = "otel")]
mod traces;
mod turns;
mod view;
mod warm;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

#[cfg(feature = "jobs")]
pub(crate) use self::{bounds::Bounds, slide::outside, throttle::Throttle};
pub use access::{ALL, Credentials, Presented, Refusal, Secret, SigningKey};
pub use error::StartError;
pub use http::path_segment;
pub use memory::{MemoryPart, SCANNED_SLIDE_BYTES, SCANNED_SLIDES, ThreadCounts, memory_bound};
pub use metrics::BackendStats;
pub use options::{Access, Annotations, CacheOptions, Limits, Logging, ServeOptions, SlideOptions};
#[cfg(feature = "jobs")]
pub use request_memory::RequestMemory;
pub use skipped::{Overview, SkipReason, Skipped};
#[cfg(feature = "otel")]
pub use traces::{Collector, TraceSettings, Traces, WrongTraceSetting};

use self::catalog::Catalog;
use self::dicomweb::Dicomweb;
use self::metrics::Metrics;
use self::tiles::Tiles;
use crate::backend::Backend;
use crate::kernels::sharpen::Strength;
use crate::output::tile::OutputFormat;
use crate::store::is_address;
use crate::web::blocking;
use crate::web::listen::{self, ConnectionLimits};

/// `*`, or scheme and host with an optional port, as browsers write an origin.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.bytes().all(plain))
}

fn check(options: &ServeOptions) -> Result<(), StartError> {
    let root = &options.slides.root;
    let is_far = cfg!(feature = "remote") && is_address(root);
    if !is_far && !root.exists() {
        return Err(StartError::NoRoot(root.clone()));
    }
    if !is_far
        && !root.is_dir()
        && !matches!(discovery::root_itself(&options.slides, &mut Default::default()), Ok(Some(_)))
    {
        return Err(StartError::Root(root.clone()));
    }
    if options.limits.max_connections == 0 {
        return Err(StartError::NoConnections);
    }
    // Fails now rather than at every slide.
    crate::output::tile::TileCoder::new(options.output.format, options.output.quality)?;
    let sharpen = options.slides.sharpen;
    if sharpen != 0.0 && Strength::new(sharpen).is_none() {
        return Err(StartError::Sharpen(sharpen));
    }
    let (origin, cache_control) = (&options.access.cors, &options.access.cache_control);
    let is_header = |value: &str| axum::http::HeaderValue::from_str(value).is_ok();
    if let Some(origin) = origin.as_ref().filter(|origin| !is_header(origin)) {
        return Err(StartError::OriginHeader(origin.clone()));
    }
    if !is_header(cache_control) {
        return Err(StartError::CacheControlHeader(cache_control.clone()));
    }
    if let Some(origin) = origin.as_ref().filter(|origin| !is_origin(origin)) {
        return Err(StartError::Origin(origin.clone()));
    }
    let embeds = |origin: &&String| is_origin(origin) && *origin != "*";
    if let Some(origin) = options.access.embed_origins.iter().find(|origin| !embeds(origin)) {
        return Err(StartError::EmbedOrigin(origin.clone()));
    }
    if options.dicomweb && options.output.format != OutputFormat::Jpeg {
        return Err(StartError::Dicomweb);
    }
    if options.limits.max_inflight_families == 0 {
        return Err(StartError::NoFamilies);
    }
    Ok(())
}

/// How long slides are opened before the server listens.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the end of the server waits for the cache on disk.
const GOODBYE: Duration = Duration::from_secs(10);

/// What a server leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing.
    Whole,
    /// Threads of the cache on disk, which does not answer. The destructors of RocksDB would wait for them.
    CacheHangs,
}

/// A server that is ready to listen.
pub struct Server {
    state: http::State,
    more: Option<axum::Router>,
}

impl Server {
    /// A server of the slides at a root, which may be empty and may change. `backend_stats` is called for each scrape of the
    /// metrics.
    ///
    /// # Errors
    /// A root that is no directory, bundle or descriptor of a tree; options out of range.
    pub fn new(
        options: ServeOptions,
        backend: Arc<dyn Backend>,
        backend_stats: Arc<dyn Fn() -> BackendStats + Send + Sync>,
    ) -> Result<Self, StartError> {
        check(&options)?;
        let options = Arc::new(options);
        let metrics = Arc::new(Metrics::new(&backend.name()));
        let tiles = Tiles::new(options.clone(), backend, metrics.clone())?;
        let catalog = Arc::new(Catalog::new(options.clone()));
        let annotations = options.annotations.dir.as_deref().map(annotations::Store::open).transpose();
        let annotations = annotations.map_err(StartError::of_marks)?.map(Arc::new);
        let dicomweb = options.dicomweb.then(|| Dicomweb::new(catalog.clone(), options.clone()));
        let more_metrics = std::sync::OnceLock::new();
        let (logins, failed_logins) = (access::Attempts::default(), throttle::Throttle::new());
        let regions = region::Regions::new(options.cache.max_memory_bytes / memory::DECODED_PART);
        let state = http::AppState {
            options,
            catalog,
            tiles,
            regions,
            metrics,
            annotations,
            mark_faults: faults::Faults::default(),
            dicomweb,
            logins,
            failed_logins,
            backend_stats,
            more_metrics,
        };
        Ok(Self { state: Arc::new(state), more: None })
    }

    /// The same with the addresses of jobs, which ask for credentials themselves, and figures for the metrics, in their text format and
    /// without an end mark.
    #[must_use]
    pub fn with(self, routes: axum::Router, metrics: impl Fn() -> String + Send + Sync + 'static) -> Self {
        // A server has one such set, whose figures are those of the first.
        drop(self.state.more_metrics.set(Box::new(metrics)));
        Self { more: Some(routes), ..self }
    }

    /// The memory that its requests share.
    #[cfg(feature = "jobs")]
    pub fn memory(&self) -> RequestMemory {
        RequestMemory::of(self.state.tiles.clone())
    }

    /// What is served at present and what is not. Opens slides, for two seconds at most; a slide that is not opened by then counts as
    /// served.
    pub fn overview(&self) -> Overview {
        self.overview_within(PATIENCE)
    }

    /// The same, where slides are opened for as long as `patience`.
    pub fn overview_within(&self, patience: Duration) -> Overview {
        let describe = |slide: &slide::Slide| http::description(&self.state, slide);
        let listed = self.state.catalog.overview(patience, describe);
        let unencoded = listed.slides.iter().filter(|slide| !slide.encoded).count();
        let scanned = listed.slides.iter().filter(|slide| slide.scanned).count();
        let names = listed.slides.into_iter().map(|slide| slide.name).collect();
        Overview { names, unencoded, scanned, skipped: listed.skipped }
    }

    /// Serves until `stop` completes, then finishes the requests in flight, for 30 seconds at most. Says whether the cache on disk was closed.
    ///
    /// # Errors
    /// None at present: a connection that fails does not end the server.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<Ended> {
        let tiles = self.state.tiles.clone();
        let stats = http::log_stats(self.state.clone());
        let limits = ConnectionLimits::new(self.state.options.limits.max_connections);
        listen::serve(listener, http::router(self.state, self.more), limits, stop).await;
        stats.abort();
        if tiles.has_disk_cache() && blocking::run(GOODBYE, move || tiles.close()).await.is_err() {
            tracing::warn!("the cache on disk does not answer; what it had not written is lost");
            return Ok(Ended::CacheHangs);
        }
        Ok(Ended::Whole)
    }
}

//! How to serve, grouped by subject. Plain data: [`super::Server::new`] checks it.

use std::path::PathBuf;
use std::time::Duration;

use super::access::Credentials;
use crate::kernels::taps::Filter;
use crate::output::icc::Icc;
use crate::output::render::Output;
use crate::slide::Selection;

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// Which slides, and how their archives are read.
    pub slides: SlideOptions,
    /// Format, quality and sampling of tiles.
    pub output: Output,
    /// How tiles and images carry a slide's colour profile; `None` for the default of [`Colour`](crate::output::icc::Colour).
    pub icc: Option<Icc>,
    /// Caches in memory and on disk, and what is reconstructed ahead.
    pub cache: CacheOptions,
    /// Threads, queues and connections.
    pub limits: Limits,
    /// Access control, and the headers for shared caches and proxies.
    pub access: Access,
    /// What is logged beside requests and errors.
    pub logging: Logging,
    /// Marks that users draw on slides.
    pub annotations: Annotations,
    /// Whether there is DICOMweb: a search opens every slide. Default: no.
    pub dicomweb: bool,
}

/// Marks that users draw on slides.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    /// Directory in which they are kept, a file a slide. Default: none, and they stay in the browser.
    pub dir: Option<PathBuf>,
    /// Whether everybody may change them where no credentials are asked for. Default: no.
    pub open: bool,
}

/// Where slides are, and how their archives are read.
#[derive(Clone, Debug)]
pub struct SlideOptions {
    /// Directory of slides: directories of the usual layout, bundles and trees; or one of these. Default: `data`.
    pub root: PathBuf,
    /// Where a slide's archive is looked for first, within the slide's directory. Default: `residual_packs`.
    pub pack_dir: PathBuf,
    /// Where it is looked for next. Default: `residuals_q32`.
    pub residuals_dir: PathBuf,
    /// A filter that archives must agree with; a slide whose archive records another one is refused. Default: any.
    pub upsample_filter: Option<Filter>,
    /// Strength of the unsharp mask on L2 of archives that record none, 1/512 to [`MAX_SHARPEN`]; 0, the default, for none.
    ///
    /// [`MAX_SHARPEN`]: crate::image::spec::MAX_SHARPEN
    pub sharpen: f64,
    /// What is shown of scanned slides that have several channels, focal planes or points in time, and of more than 8 bits; where it
    /// leaves something open, the first.
    pub selection: Selection,
    /// Serve L0 and L1 from the slide's own tree where it has one. Default: off.
    pub prefer_original: bool,
    /// Serve what symbolic links name outside the root. Default: off.
    pub follow_links: bool,
    /// Names of images beside a slide in its file that are shown, as `label` and `macro`. Default: none, since labels name patients.
    pub associated: Vec<String>,
}

impl Default for SlideOptions {
    fn default() -> Self {
        Self {
            root: "data".into(),
            pack_dir: "residual_packs".into(),
            residuals_dir: "residuals_q32".into(),
            upsample_filter: None,
            sharpen: 0.0,
            selection: Selection::default(),
            prefer_original: false,
            follow_links: false,
            associated: Vec::new(),
        }
    }
}

/// Caches of encoded tiles, and what is reconstructed before it is requested.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// Most tiles in memory, at least 1. Default: 2048.
    pub max_tiles: u64,
    /// Most bytes of tiles in memory, at least 1 MiB. Default: 256 MiB.
    pub max_memory_bytes: u64,
    /// Directory of the cache on disk, which outlives the server. Default: none.
    pub dir: Option<PathBuf>,
    /// Most bytes of that directory, at least 4 MiB. Default: 10 GiB.
    pub max_disk_bytes: u64,
    /// Reconstruct families ahead in the direction in which a viewer pans, when the server is idle. Default: on.
    pub prefetch: bool,
    /// A request for an L2 tile reconstructs its family ahead, when the server is idle. Default: off.
    pub prewarm_on_l2: bool,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            max_tiles: 2048,
            max_memory_bytes: 256 << 20,
            dir: None,
            max_disk_bytes: 10 << 30,
            prefetch: true,
            prewarm_on_l2: false,
        }
    }
}

/// Limits of work, memory and connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most bytes that requests hold at a time: planes, payloads, images, and bodies that clients have not taken. A request that needs more
    /// has all of them, and is alone. At least 4 KiB. Default: 1 GiB.
    pub max_request_bytes: u64,
    /// How long a file is read before its requests get 503. Default: 30 s.
    pub read_timeout: Duration,
    /// Families reconstructed at the same time, at least 1. Default: 32.
    pub max_inflight_families: usize,
    /// How long a request waits for its turn, or for memory, before it gets 503. Default: 5 s.
    pub queue_timeout: Duration,
    /// Idle families' buffers that are kept for reuse. Default: 128.
    pub buffer_pool_size: usize,
    /// Threads that decode and encode; 0, the default, for one a core.
    pub threads: usize,
    /// Open connections, at least 1; further clients wait. Default: 4096.
    pub max_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_bytes: 1 << 30,
            read_timeout: Duration::from_secs(30),
            max_inflight_families: 32,
            queue_timeout: Duration::from_secs(5),
            buffer_pool_size: 128,
            threads: 0,
            max_connections: 4096,
        }
    }
}

/// Access control, and the headers for browsers, caches and proxies.
#[derive(Clone, Debug)]
pub struct Access {
    /// What a request must carry. Default: nothing.
    pub credentials: Credentials,
    /// `Access-Control-Allow-Origin`: `*` or one origin. Default: none.
    pub cors: Option<String>,
    /// Origins of pages that may show `/embed/{slide}` in a frame, as `https://course.example.org`. Default: none.
    pub embed_origins: Vec<String>,
    /// `Cache-Control` of tiles. Default: `public, max-age=3600`.
    pub cache_control: String,
    /// Whether `X-Forwarded-*` and `X-Request-Id` are believed; only behind a proxy that sets them. Default: no.
    pub trust_forwarded: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            cors: None,
            embed_origins: Vec::new(),
            cache_control: "public, max-age=3600".into(),
            trust_forwarded: false,
        }
    }
}

/// What is logged beside requests and errors.
#[derive(Clone, Debug)]
pub struct Logging {
    /// Log the time of each step of each family. Default: off.
    pub timing_breakdown: bool,
    /// Interval of a line with cache and family counts, at least 1 s; zero for never. Default: 30 s.
    pub stats_interval: Duration,
}

impl Default for Logging {
    fn default() -> Self {
        Self { timing_breakdown: false, stats_interval: Duration::from_secs(30) }
    }
}

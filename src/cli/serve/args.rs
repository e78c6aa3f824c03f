//! The flags of `origami serve`, and what they mean to the library.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use origami::backend::MAX_THREADS;
use origami::image::spec::MAX_SHARPEN;
use origami::image::ycc::Sampling;
use origami::kernels::taps::Filter;
use origami::output::icc::Icc;
use origami::output::render::Output;
use origami::output::tile::OutputFormat;
use origami::serve::{
    Access, Annotations, CacheOptions, Credentials, Limits, Logging, Secret, ServeOptions, SlideOptions,
};

use crate::cli::args::backend::BackendArgs;
use crate::cli::args::open::SelectArgs;
use crate::cli::args::values::{
    DAY, MIB, MILLISECOND, SECOND, TIB, TILE_SAMPLINGS, duration, names, one_of, real, size, whole,
};
use crate::cli::args::work::JsonArgs;
use crate::cli::config::Settings;
#[cfg(feature = "jobs")]
use crate::cli::jobs::service_args::ServiceArgs;
use crate::cli::log::LogFormat;

/// Formats of tiles that viewers show.
const FORMATS: &[(&str, OutputFormat)] = &[("jpeg", OutputFormat::Jpeg), ("webp", OutputFormat::Webp)];

/// Serve slides as Deep Zoom tiles over HTTP.
///
/// Serves the slides of a directory and of the directories below it: bundles, trees, and scanned slides as they are; or one of these.
/// Slides may come, change and go while it runs. Every flag may also be set by a variable, --port as ORIGAMI_SERVE_PORT, or in the
/// file of --config. Ctrl-C, SIGTERM and SIGHUP
/// finish the requests in flight; a second one ends it at once.
#[derive(Args)]
pub struct ServeArgs {
    /// Directory of slides, or one slide: a bundle, a tree, a scanned slide [default: data]
    ///
    /// Directories below it are searched too. One slide may also be given by its directory. An address, as s3://bucket/slides, stands
    /// for the bundles below it.
    #[arg(value_name = "DIR|FILE", conflicts_with = "slides_root", help_heading = "Input")]
    slides: Option<PathBuf>,
    /// The same as a flag
    #[arg(long, value_name = "DIR", default_value = "data", conflicts_with = "slides")]
    #[arg(help_heading = "Input", hide_short_help = true)]
    slides_root: PathBuf,
    /// Open the viewer in the browser
    #[arg(long, help_heading = "Output")]
    pub open: bool,
    /// File of settings, in TOML: `port = 8080` [default: none]
    ///
    /// Keys are the names of the flags without --. Flags and variables override it.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    config: Option<PathBuf>,
    /// Show each setting and where it comes from, and end
    #[arg(long, help_heading = "Output")]
    pub print_config: bool,
    /// How the log is written to standard error; RUST_LOG says how much
    #[arg(long, value_name = "FORMAT", value_enum, value_parser = names::<LogFormat>(), default_value = "text")]
    #[arg(help_heading = "Logging", hide_short_help = true)]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub json: JsonArgs,
    /// Where a slide's archive is looked for next, within its directory
    #[arg(long, value_name = "DIR", default_value = "residuals_q32")]
    #[arg(help_heading = "Input", hide_short_help = true)]
    residuals_dir: PathBuf,
    /// Where a slide's archive is looked for first, within its directory
    #[arg(long, value_name = "DIR", default_value = "residual_packs")]
    #[arg(help_heading = "Input", hide_short_help = true)]
    pack_dir: PathBuf,
    /// Port; 0 takes a free one and says which [range: 0 to 65535]
    #[arg(long, value_name = "PORT", default_value_t = 8080, value_parser = whole::<u16>(0..=65_535))]
    #[arg(help_heading = "Network")]
    pub port: u16,
    /// Address to listen on; 0.0.0.0 or :: for all networks
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", help_heading = "Network")]
    pub bind: IpAddr,
    /// Quality of tiles that are coded [range: 1 to 100]
    #[arg(long, value_name = "Q", default_value_t = 95, value_parser = whole::<u8>(1..=100))]
    #[arg(help_heading = "Quality", hide_short_help = true)]
    tile_quality: u8,
    /// Filter; a slide whose archive records another is refused [default: the archive's]
    #[arg(long, value_name = "FILTER", value_parser = names::<Filter>())]
    #[arg(help_heading = "Quality", hide_short_help = true)]
    upsample_filter: Option<Filter>,
    /// Unsharp mask on L2 of archives that record none; 0 is off [range: 0 to 16]
    #[arg(long, value_name = "S", default_value = "0", value_parser = real(0.0..=MAX_SHARPEN))]
    #[arg(help_heading = "Quality", hide_short_help = true)]
    sharpen: f64,
    /// Format of tiles
    #[arg(long, value_name = "FORMAT", value_parser = one_of(FORMATS), default_value = "jpeg")]
    #[arg(help_heading = "Output", hide_short_help = true)]
    output_format: OutputFormat,
    /// Chroma sampling of JPEG tiles
    #[arg(long, value_name = "SAMPLING", value_parser = one_of(TILE_SAMPLINGS), default_value = "420")]
    #[arg(help_heading = "Output", hide_short_help = true)]
    tile_subsamp: Sampling,
    /// Luma only
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    grayscale_only: bool,
    /// How tiles and images carry the colour profile [default: embed up to 4 kB, else srgb]
    ///
    /// embed: it is in each of them. srgb: pixels are converted. none: neither. Tiles of a lossless archive stay as they are stored,
    /// unless srgb is given.
    #[arg(long, value_name = "HOW", value_parser = names::<Icc>(), help_heading = "Output", hide_short_help = true)]
    icc: Option<Icc>,
    /// L0 and L1 from the slide's own tree where it has them
    #[arg(long, help_heading = "Input", hide_short_help = true)]
    prefer_original: bool,
    /// Serve what symbolic links name outside the directory
    ///
    /// Otherwise who may write there could show any file that the server may read.
    #[arg(long, help_heading = "Input", hide_short_help = true)]
    follow_links: bool,
    /// Image beside a slide in its file that is shown too: label, macro, thumbnail; repeatable [default: none]
    ///
    /// Labels often name a patient. Several in one value have commas between them.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Access", hide_short_help = true)]
    associated: Vec<String>,
    /// Most tiles in memory [range: 1 to 1000000000]
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = whole::<u64>(1..=1_000_000_000))]
    #[arg(help_heading = "Cache", hide_short_help = true)]
    cache_entries: u64,
    /// Most memory for tiles [range: 1MiB to 1TiB]
    ///
    /// Without a unit it is in MiB.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size(MIB, MIB..=TIB))]
    #[arg(help_heading = "Cache")]
    cache_mb: u64,
    #[cfg_attr(feature = "rocksdb", doc = "Directory in which tiles outlive the server [default: off]")]
    #[cfg_attr(
        not(feature = "rocksdb"),
        doc = "Not in this build (feature rocksdb): directory in which tiles outlive the server [default: off]"
    )]
    ///
    /// It is a RocksDB; needs a build with the feature rocksdb.
    #[arg(long, value_name = "DIR", help_heading = "Cache", hide_short_help = true)]
    cache_dir: Option<PathBuf>,
    /// Most disk space for tiles; the oldest go first [range: 4MiB to 1024TiB]
    ///
    /// Without a unit it is in MiB.
    #[arg(long, value_name = "SIZE", default_value = "10GiB", value_parser = size(MIB, 4 * MIB..=1024 * TIB))]
    #[arg(help_heading = "Cache", hide_short_help = true)]
    cache_dir_mb: u64,
    /// Most memory for blocks of bundles at addresses [range: 8MiB to 1TiB]
    ///
    /// Without a unit it is in MiB.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size(MIB, 8 * MIB..=TIB))]
    #[arg(help_heading = "Cache", hide_short_help = true)]
    block_cache_mb: u64,
    /// Directory in which these blocks outlive the server [default: off]
    ///
    /// Each server needs a directory of its own.
    #[arg(long, value_name = "DIR", help_heading = "Cache", hide_short_help = true)]
    block_cache_dir: Option<PathBuf>,
    /// Most disk space for blocks; those not used for the longest time go first [range: 8MiB to 1024TiB]
    ///
    /// Without a unit it is in MiB.
    #[arg(long, value_name = "SIZE", default_value = "10GiB", value_parser = size(MIB, 8 * MIB..=1024 * TIB))]
    #[arg(help_heading = "Cache", hide_short_help = true)]
    block_cache_dir_mb: u64,
    /// Most memory that requests hold at a time: pixels, images, answers not yet taken [range: 16MiB to 1TiB]
    ///
    /// Further requests wait, for --queue-timeout-ms at most. Without a unit it is in MiB.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size(MIB, 16 * MIB..=TIB))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    request_mb: u64,
    /// How long a file is read before the answer is 503 [range: 100ms to 1d]
    ///
    /// Without a unit it is in milliseconds.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    #[arg(value_parser = duration(Some(MILLISECOND), Duration::from_millis(100)..=DAY))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    read_timeout_ms: Duration,
    /// How long storage at an address is waited for before the answer is 503 [range: 100ms to 1d]
    ///
    /// Without a unit it is in milliseconds.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    #[arg(value_parser = duration(Some(MILLISECOND), Duration::from_millis(100)..=DAY))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    storage_timeout_ms: Duration,
    /// Families whose planes stay in memory for their next tile [range: 0 to 65536]
    ///
    /// Half of that memory keeps all planes of a family, half the decoded baselines of the families before those, which are some 50 times
    /// as many. Never more than --max-inflight-families, in which they count.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = whole::<usize>(0..=65_536))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    buffer_pool_size: usize,
    /// Do not reconstruct families ahead
    ///
    /// Otherwise it is done in the direction in which a viewer moves, where there is nothing else to do.
    #[arg(long, help_heading = "Speed", hide_short_help = true)]
    no_prefetch: bool,
    /// Families reconstructed at a time [range: 1 to 65536]
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = whole::<u32>(1..=65_536))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    max_inflight_families: u32,
    /// How long a family waits for its turn before the answer is 503 [range: 0 to 1d]
    ///
    /// Without a unit it is in milliseconds.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    #[arg(value_parser = duration(Some(MILLISECOND), Duration::ZERO..=DAY))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    queue_timeout_ms: Duration,
    /// Threads that decode and code; 0 is one per core [range: 0 to 1024]
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>(0..=MAX_THREADS as u64))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    pub rayon_threads: usize,
    /// Threads for connections [range: 1 to 1024]
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = whole::<u32>(1..=1024))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    pub tokio_workers: u32,
    /// Threads for reading files [range: 1 to 4096]
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = whole::<u32>(1..=4096))]
    #[arg(help_heading = "Speed", hide_short_help = true)]
    pub tokio_blocking_threads: u32,
    /// A request for an L2 tile reconstructs its family ahead, where there is time
    #[arg(long, help_heading = "Speed", hide_short_help = true)]
    prewarm_on_l2: bool,
    /// Log where the time of each family went
    #[arg(long, help_heading = "Logging", hide_short_help = true)]
    timing_breakdown: bool,
    /// How often a line of figures is logged; 0 is never [range: 0 to 365d]
    ///
    /// At most one line a second. Without a unit it is in seconds.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    #[arg(value_parser = duration(Some(SECOND), Duration::ZERO..=365 * DAY))]
    #[arg(help_heading = "Logging", hide_short_help = true)]
    metrics_interval_secs: Duration,
    /// Cache-Control of tiles [default: public, max-age=3600; private where credentials are asked for]
    #[arg(long, value_name = "VALUE", help_heading = "Network", hide_short_help = true)]
    cache_control: Option<String>,
    /// Access-Control-Allow-Origin: an origin, or * [default: none]
    #[arg(long, value_name = "ORIGIN", help_heading = "Access", hide_short_help = true)]
    cors: Option<String>,
    /// Origin whose pages may show /embed/{slide} in a frame; repeatable [default: none]
    ///
    /// As https://course.example.org. Several in one value have commas between them. The frame's address needs credentials like others.
    #[arg(
        long,
        value_name = "ORIGIN",
        value_delimiter = ',',
        help_heading = "Access",
        hide_short_help = true
    )]
    embed_origin: Vec<String>,
    /// Ask for a bearer token: a line of this file, 16 characters at least [default: none]
    ///
    /// Each line is a token; # begins a comment.
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    token_file: Option<PathBuf>,
    /// Ask for addresses signed with this key, 32 bytes at least [default: none]
    ///
    /// `origami sign` makes them. The whole file is the key. With --token-file, a token or a signature will do.
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    signing_key_file: Option<PathBuf>,
    /// DICOMweb under /dicomweb/: searches, attributes, frames, read-only
    ///
    /// A search opens every slide, and whoever may search sees all of them. NAME.dicom.json beside a slide says whose it is.
    #[arg(long, help_heading = "Access", hide_short_help = true)]
    dicomweb: bool,
    /// Directory in which marks on slides are kept, a GeoJSON file a slide [default: none, they stay in the browser]
    ///
    /// One server writes a directory. Changes take a token, an address of `origami sign --annotate`, or --annotations-open.
    #[arg(long, value_name = "DIR", help_heading = "Access", hide_short_help = true)]
    annotations: Option<PathBuf>,
    /// Without tokens and signatures, let everybody change marks
    #[arg(long, requires = "annotations", help_heading = "Access", hide_short_help = true)]
    annotations_open: bool,
    /// Believe the headers of a proxy: only behind one that sets them
    ///
    /// They are X-Forwarded-For (its last entry), -Proto, -Host, -Prefix and X-Request-Id.
    #[arg(long, help_heading = "Access", hide_short_help = true)]
    trust_forwarded: bool,
    /// Connections at a time; more wait until one ends [range: 1 to 1000000]
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = whole::<u32>(1..=1_000_000))]
    #[arg(help_heading = "Network", hide_short_help = true)]
    max_connections: u32,
    /// Take renderings of tours and encodes as well, as `origami jobs serve` does
    #[cfg(feature = "jobs")]
    #[arg(long, help_heading = "Input", hide_short_help = true)]
    pub jobs: bool,
    #[cfg(feature = "jobs")]
    #[command(flatten)]
    pub service: ServiceArgs,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
}

impl ServeArgs {
    /// Where slides are.
    pub fn root(&self) -> &Path {
        self.slides.as_deref().unwrap_or(&self.slides_root)
    }

    /// The options as the library takes them.
    ///
    /// # Errors
    /// A secret that cannot be read, or is none.
    pub fn options(&self, settings: &Settings) -> Result<ServeOptions> {
        let tokens = secret(settings, "token", self.token_file.as_deref())?;
        let key = secret(settings, "signing-key", self.signing_key_file.as_deref())?;
        let credentials = Credentials::new(tokens.as_ref(), key.as_ref())?;
        // A shared cache must not give one user's tiles to another who may not see them.
        let shared = if credentials.is_open() { "public, max-age=3600" } else { "private, max-age=3600" };
        Ok(ServeOptions {
            slides: SlideOptions {
                root: self.root().into(),
                pack_dir: self.pack_dir.clone(),
                residuals_dir: self.residuals_dir.clone(),
                upsample_filter: self.upsample_filter,
                sharpen: self.sharpen,
                selection: self.select.selection(),
                prefer_original: self.prefer_original,
                follow_links: self.follow_links,
                associated: self.associated.clone(),
            },
            output: Output {
                format: self.output_format,
                quality: self.tile_quality,
                sampling: self.tile_subsamp,
                grayscale: self.grayscale_only,
            },
            icc: self.icc,
            cache: CacheOptions {
                max_tiles: self.cache_entries,
                max_memory_bytes: self.cache_mb,
                dir: self.cache_dir.clone(),
                max_disk_bytes: self.cache_dir_mb,
                prefetch: !self.no_prefetch,
                prewarm_on_l2: self.prewarm_on_l2,
            },
            limits: Limits {
                max_request_bytes: self.request_mb,
                read_timeout: self.read_timeout_ms,
                max_inflight_families: self.max_inflight_families as usize,
                queue_timeout: self.queue_timeout_ms,
                buffer_pool_size: self.buffer_pool_size,
                threads: self.rayon_threads,
                max_connections: self.max_connections as usize,
            },
            access: Access {
                credentials,
                cors: self.cors.clone(),
                embed_origins: self.embed_origin.clone(),
                cache_control: self.cache_control.clone().unwrap_or_else(|| shared.into()),
                trust_forwarded: self.trust_forwarded,
            },
            logging: Logging {
                timing_breakdown: self.timing_breakdown,
                stats_interval: self.metrics_interval_secs,
            },
            dicomweb: self.dicomweb,
            annotations: Annotations { dir: self.annotations.clone(), open: self.annotations_open },
        })
    }

    /// How storage at addresses is used.
    #[cfg(feature = "remote")]
    pub fn storage(&self) -> origami::store::remote::Settings {
        origami::store::remote::Settings {
            request_timeout: self.storage_timeout_ms,
            retry_timeout: self.storage_timeout_ms,
            memory_bytes: self.block_cache_mb,
            disk_dir: self.block_cache_dir.clone(),
            disk_bytes: self.block_cache_dir_mb,
            ..Default::default()
        }
    }
}

/// A secret from its variable, else from its file.
fn secret(settings: &Settings, name: &str, file: Option<&Path>) -> origami::error::Result<Option<Secret>> {
    match settings.secret(name) {
        Some(secret) => Ok(Some(Secret::new(&secret.variable, secret.contents.as_encoded_bytes().to_vec()))),
        None => file.map(Secret::read).transpose(),
    }
}

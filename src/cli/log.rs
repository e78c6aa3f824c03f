//! The log on standard error. Servers run for long: theirs has timestamps.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use super::print;

/// The filter of the log where `RUST_LOG` is not set. It is strict with wgpu, because our own errors repeat what a driver reported,
/// and because builds with debug assertions pass on the messages of Vulkan's loader, such as that a machine has no driver. The lines
/// of the command line itself are about the start and the end of a server.
const DEFAULT_FILTER: &str =
    "warn,origami::cli=info,wgpu_core=error,wgpu_hal=error,wgpu_hal::vulkan::instance=off,naga=error";

/// The spans of traces are no part of the log, whatever RUST_LOG says: they would stand in front of each line.
const NO_SPANS: &str = "origami::span=off";

/// What takes in spans besides the log, if anything does.
pub type Spans = Option<Box<dyn Layer<Registry> + Send + Sync>>;

/// How a server's log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The level of LOG_LEVEL, by the names of other programs as well.
fn level() -> &'static str {
    let level = std::env::var("LOG_LEVEL").unwrap_or_default().to_ascii_lowercase();
    match &*level {
        "trace" => "trace",
        "debug" => "debug",
        "warn" | "warning" => "warn",
        "error" | "critical" | "fatal" => "error",
        "" | "info" => "info",
        _ => {
            eprintln!("origami: LOG_LEVEL is none of DEBUG, INFO, WARNING, ERROR; INFO is taken");
            "info"
        }
    }
}

/// Starts the log; `server` is the format of one with timestamps, in UTC as RFC 3339 writes them.
///
/// Where RUST_LOG says nothing, and `by_level`, LOG_LEVEL says how much of our own is logged: everything from INFO up by default.
pub fn to_stderr(server: Option<LogFormat>, by_level: bool, spans: Spans) {
    let wanted = std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty());
    let wanted = wanted.or_else(|| by_level.then(|| format!("{DEFAULT_FILTER},origami={}", level())));
    let colours = std::io::stderr().is_terminal() && !print::no_color();
    let filter = format!("{},{NO_SPANS}", wanted.as_deref().unwrap_or(DEFAULT_FILTER));
    let log = fmt::layer::<Registry>().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    let log = match server {
        None => log.compact().without_time().boxed(),
        Some(LogFormat::Text) => log.compact().boxed(),
        Some(LogFormat::Json) => {
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    };
    let mut layers = vec![log.with_filter(EnvFilter::new(filter)).boxed()];
    layers.extend(spans);
    tracing_subscriber::registry().with(layers).init();
}

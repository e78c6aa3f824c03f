//! Sends [spans](crate::span) to a collector of OpenTelemetry, as OTLP over HTTP.
//!
//! ```text
//! settings   where to, from the variables      environment
//! exporter   lines in the log                  no I/O
//! client     one request a batch               HTTP
//! ```
//!
//! No request waits for any of this. Spans that are done go to a queue of bounded length, from which one thread sends them; where the queue is
//! full they are dropped. The end of the program waits for the rest [for a moment](GOODBYE).

mod client;
mod exporter;
mod settings;

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::client::{Client, LastFault};
use self::exporter::Exporter;
pub use self::settings::{Collector, TraceSettings, Wrong as WrongTraceSetting};
use crate::span::TARGET;

/// How long the end waits until the last spans are sent.
const GOODBYE: Duration = Duration::from_secs(2);

/// Traces that are sent.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts the thread that sends. Nobody is reached yet.
    ///
    /// # Errors
    /// The system gives no threads, or no certificates; in words.
    pub fn start(to: &Collector) -> Result<Self, String> {
        let fault = LastFault::default();
        let otlp = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(to, fault.clone())?)
            .with_endpoint(to.address.as_str())
            .with_timeout(to.timeout)
            .build()
            .map_err(|e| e.to_string())?;
        let mut resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if !to.is_named {
            resource = resource.with_service_name("origami");
        }
        let exporter = Exporter::new(otlp, to.shown(), fault);
        Ok(Self(
            SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_resource(resource.build())
                .build(),
        ))
    }

    /// What takes in the spans, for the subscriber of the program. It takes no lines of the log.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let ours =
            filter_fn(|of| of.is_span() && of.target() == TARGET).with_max_level_hint(LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("origami"))
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(ours)
    }

    /// Sends what is left, for two seconds at most. What is done later is lost.
    pub fn end(self) {
        // The queue has said it.
        drop(self.0.shutdown_with_timeout(GOODBYE));
    }
}

//! Says in the log when a collector does not take traces, once, and when it takes them again.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry_otlp::SpanExporter as Otlp;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::client::LastFault;

/// The exporter of OTLP, with lines in the log.
#[derive(Debug)]
pub struct Exporter {
    otlp: Otlp,
    /// The collector's address as it may be shown.
    to: String,
    fault: LastFault,
    is_away: AtomicBool,
}

impl Exporter {
    /// Of an exporter whose client notes its faults in `fault`.
    pub fn new(otlp: Otlp, to: String, fault: LastFault) -> Self {
        Self { otlp, to, fault, is_away: AtomicBool::new(false) }
    }

    fn say(&self, sent: OTelSdkResult) {
        let was_away = self.is_away.swap(sent.is_err(), Relaxed);
        match sent {
            Err(e) if !was_away => {
                let reason = self.fault.take().unwrap_or_else(|| e.to_string());
                tracing::warn!("{} takes no traces: {reason}; they are lost until it does", self.to);
            }
            Ok(()) if was_away => tracing::info!("{} takes traces again", self.to),
            _ => {}
        }
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.otlp.export(batch).await;
        self.say(sent);
        // Said once; the queue would say it for each batch.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.otlp.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

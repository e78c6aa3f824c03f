use std::sync::{Arc, Mutex};

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::dispatcher::{self, Dispatch};
use tracing_subscriber::layer::SubscriberExt;

use super::{Place, PlaceCell, Span, TARGET, span};

/// Keeps the spans that have ended.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Kept {
    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|span| span.name.to_string()).collect()
    }

    fn one(&self, name: &str) -> SpanData {
        self.0.lock().unwrap().iter().find(|span| span.name == name).unwrap().clone()
    }
}

/// Runs `work` where its spans are kept.
fn keeping(work: impl FnOnce(&Kept)) {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tests"));
    dispatcher::with_default(&Dispatch::new(tracing_subscriber::registry().with(layer)), || work(&kept));
}

fn request(parent: Context) -> Span {
    Span::first(tracing::info_span!(target: TARGET, "request"), parent)
}

#[test]
fn a_step_of_nothing_is_nothing() {
    keeping(|kept| {
        span!("step", origami.number = 1).run(|| assert!(!Place::here().is_traced()));
        assert_eq!(kept.names(), [""; 0]);
    });
}

#[test]
fn a_step_belongs_to_what_is_done_around_it() {
    keeping(|kept| {
        let request = request(Context::new());
        request.run(|| {
            let step = span!("step", origami.hit = tracing::field::Empty);
            step.run(|| pollster::block_on(span!("inner").around(async {})));
            step.record("origami.hit", true);
        });
        request.end();
        assert_eq!(kept.names(), ["inner", "step", "request"]);
        let (step, request) = (kept.one("step"), kept.one("request"));
        assert_eq!(kept.one("inner").parent_span_id, step.span_context.span_id());
        assert_eq!(step.parent_span_id, request.span_context.span_id());
        assert!(step.attributes.iter().any(|of| of.key.as_str() == "origami.hit"));
    });
}

#[test]
fn work_in_another_thread_goes_on_with_the_trace_after_its_request_has_ended() {
    keeping(|kept| {
        let (first, cell) = (request(Context::new()), PlaceCell::default());
        first.run(|| cell.set(Place::here()));
        first.end();
        assert_eq!(kept.names(), ["request"], "what goes on elsewhere holds nobody up");
        let (place, dispatch) = (cell.get(), dispatcher::get_default(Dispatch::clone));
        let work = place.clone().around(async { span!("later").run(|| ()) });
        let thread = std::thread::spawn(move || {
            dispatcher::with_default(&dispatch, || pollster::block_on(work));
        });
        thread.join().unwrap();
        let request = kept.one("request").span_context;
        assert_eq!(kept.one("later").parent_span_id, request.span_id());
        assert_eq!(kept.one("later").span_context.trace_id(), request.trace_id());

        let other = self::request(Context::new());
        other.run(|| span!("join").link(&place));
        assert_eq!(kept.one("join").links.links[0].span_context.span_id(), request.span_id());
        assert_ne!(kept.one("join").span_context.trace_id(), request.trace_id());
    });
}

#[test]
fn a_request_goes_on_with_the_trace_of_its_caller_or_is_not_kept_as_that_is_not() {
    let caller = |flags| {
        let (trace, span) = (TraceId::from_bytes([7; 16]), SpanId::from_bytes([9; 8]));
        let context = SpanContext::new(trace, span, flags, true, TraceState::default());
        Context::new().with_remote_span_context(context)
    };
    keeping(|kept| {
        request(caller(TraceFlags::NOT_SAMPLED)).run(|| span!("step").run(|| ()));
        assert_eq!(kept.names(), [""; 0]);
        request(caller(TraceFlags::SAMPLED)).run(|| span!("step").run(|| ()));
        let request = kept.one("request");
        assert_eq!(request.parent_span_id, SpanId::from_bytes([9; 8]));
        assert_eq!(kept.one("step").span_context.trace_id(), TraceId::from_bytes([7; 16]));
    });
}

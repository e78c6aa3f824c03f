//! The span of a request, by the conventions of OpenTelemetry for servers of HTTP. Of the address it has the path and the route, never the
//! query, which may hold a signature; of the headers none but the caller's place in its trace.

use axum::extract::Request;

use crate::span::Span;

/// The span of a request of this number, which goes on with the caller's trace if it says which that is. `scheme` is what the client spoke.
#[cfg(feature = "otel")]
pub fn of(request: &Request, id: &str, scheme: &str) -> Span {
    use axum::extract::MatchedPath;
    use axum::http::Method;
    use opentelemetry::Context;
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry_http::HeaderExtractor;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing::field::Empty;

    use crate::span::TARGET;

    if !tracing::span_enabled!(target: TARGET, tracing::Level::INFO) {
        return Span::none();
    }
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    let method = if known.contains(request.method()) { request.method().as_str() } else { "_OTHER" };
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let name = match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_string(),
    };
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        "error.type" = Empty,
        url.path = request.uri().path(),
        url.scheme = scheme,
        origami.request_id = id,
    );
    let caller = HeaderExtractor(request.headers());
    Span::first(span, TraceContextPropagator::new().extract_with_context(&Context::new(), &caller))
}

/// Nothing, in a build without traces.
#[cfg(not(feature = "otel"))]
pub fn of(_: &Request, _: &str, _: &str) -> Span {
    Span
}

/// Notes how a request was answered.
pub fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", i64::from(status));
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.to_string().as_str());
    }
}

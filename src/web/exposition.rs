//! Metrics as text: OpenMetrics 1.0, or Prometheus' own format, which tools read that know no other.
//!
//! Both formats have the same samples. They differ in what stands about a counter (its name there without `_total`), in the type of an info,
//! and in units and the end mark, which only OpenMetrics has. Knows no metric.

use std::collections::HashMap;
use std::fmt::Write;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::respond::uncached;

const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The answer to a request for metrics; `text` is in OpenMetrics.
pub fn metrics(headers: &HeaderMap, text: String) -> Response {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    match accepted.flat_map(|accept| accept.split(',')).any(is_open) {
        true => uncached(([(header::CONTENT_TYPE, OPEN)], text).into_response()),
        false => uncached(([(header::CONTENT_TYPE, PLAIN)], plain(&text)).into_response()),
    }
}

/// Whether a part of `Accept` names OpenMetrics.
fn is_open(part: &str) -> bool {
    part.trim_start().starts_with("application/openmetrics-text")
}

/// A text of OpenMetrics in Prometheus' format.
fn plain(text: &str) -> String {
    let kinds: HashMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    // The name of the samples, and the type under which this format knows them.
    let named = |name: &str| match kinds.get(name) {
        Some(&"counter") => (format!("{name}_total"), "counter"),
        Some(&"info") => (format!("{name}_info"), "gauge"),
        Some(kind) => (name.to_string(), *kind),
        None => (name.to_string(), "untyped"),
    };
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let about = |what: &str| line.strip_prefix(what)?.split_once(' ');
        // A string takes everything.
        let _ = match (about("# HELP "), about("# TYPE ")) {
            (Some((name, help)), _) => writeln!(out, "# HELP {} {help}", named(name).0),
            (_, Some((name, _))) => {
                let (name, kind) = named(name);
                writeln!(out, "# TYPE {name} {kind}")
            }
            _ if line.starts_with("# UNIT ") || line == "# EOF" => continue,
            _ => writeln!(out, "{line}"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_about_samples_has_their_names() {
        let open = "# HELP a_bytes Sent.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\na_bytes_total{x=\"# EOF\"} 3\n\
                    # HELP b B.\n# TYPE b gauge\nb 1\n# HELP c Program.\n# TYPE c info\nc_info{v=\"1\"} 1\n# EOF\n";
        let want = "# HELP a_bytes_total Sent.\n# TYPE a_bytes_total counter\na_bytes_total{x=\"# EOF\"} 3\n\
                    # HELP b B.\n# TYPE b gauge\nb 1\n# HELP c_info Program.\n# TYPE c_info gauge\nc_info{v=\"1\"} 1\n";
        assert_eq!(plain(open), want);
    }
}

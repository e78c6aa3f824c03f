//! `/metrics`: each name with its type, unit and labels is in `docs/metrics.md`, and the text is what the request asks for.

use std::collections::{BTreeMap, BTreeSet};

use crate::kit::slides::{encode_tree, tree};
use crate::running::Running;
use origami::params::EncodeParams;

/// What is known of a metric.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    kind: String,
    labels: BTreeSet<String>,
}

/// The metrics of a text in Prometheus' own format, which this checks by its rules.
fn metrics_of(text: &str) -> BTreeMap<String, Known> {
    let mut found: BTreeMap<String, Known> = BTreeMap::new();
    let mut told = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(told.insert(name.to_string()) && help.len() > 5, "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(told.contains(name), "{line}: no help before it");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(
                found.insert(name.into(), Known { kind: kind.into(), ..Known::default() }).is_none(),
                "{line}"
            );
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            value.parse::<f64>().unwrap_or_else(|e| panic!("{line}: {e}"));
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let ends = ["_bucket", "_sum", "_count"];
            let whole = ends
                .iter()
                .find_map(|end| found.contains_key(name.strip_suffix(end)?).then(|| name.strip_suffix(end)));
            let name = whole.flatten().unwrap_or(name);
            let of = found.get_mut(name).unwrap_or_else(|| panic!("{line}: no type before it"));
            let names = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_string()));
            of.labels.extend(names.filter(|name| name != "le"));
        }
    }
    found
}

/// The rows of the table below a heading of the page: name, and what is known of it; the unit must be that of the name.
fn documented(heading: &str) -> BTreeMap<String, Known> {
    let page = include_str!("../../docs/metrics.md");
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" |").map(str::trim).collect();
        let [name, kind, unit, labels, meaning] = cells[..] else { panic!("{row}") };
        let name = name.trim_matches('`').to_string();
        for of in ["seconds", "bytes"] {
            assert_eq!(name.split('_').any(|word| word == of), unit == of, "{row}");
        }
        assert!(meaning.len() > 10, "{row}");
        let labels = labels.split(", ").map(|label| label.trim_matches('`').to_string());
        (name, Known { kind: kind.into(), labels: labels.filter(|label| !label.is_empty()).collect() })
    })
    .collect()
}

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("one");
    encode_tree(&tree(&dir, 300, 260, 64, 1), &dir, &EncodeParams::default());
    root
}

#[test]
fn the_page_lists_each_metric_with_its_type_and_labels() {
    let root = root();
    let server = Running::start(root.path(), &[]);
    // Series with labels appear with their first value.
    assert_eq!(server.get("/tiles/one/9/0_0.jpg").status, 200);
    assert_eq!(metrics_of(&server.get("/metrics").text()), documented("The tile server"));
}

#[cfg(feature = "jobs")]
#[test]
fn the_page_lists_each_metric_of_jobs() {
    let (root, work) = (root(), tempfile::tempdir().unwrap());
    let (out, temp) = (work.path().join("out"), work.path().join("temp"));
    std::fs::create_dir(&temp).unwrap();
    let out = crate::kit::program::arg(&out).to_string();
    let flags = ["--slides", crate::kit::program::arg(root.path()), "--out", &out, "--backend", "cpu"];
    let server = Running::jobs(crate::kit::program::program().env("TEMP_DIR", &temp), &flags);
    let reply = server.get("/metrics");
    assert_eq!(metrics_of(&reply.text()), documented("Jobs"));

    let flags = ["--jobs", "--out", &format!("{out}2"), "--temp-dir", crate::kit::program::arg(&temp)];
    let both = Running::start(root.path(), &flags);
    assert_eq!(both.get("/tiles/one/9/0_0.jpg").status, 200);
    let mut all = documented("The tile server");
    all.extend(documented("Jobs"));
    assert_eq!(metrics_of(&both.get("/metrics").text()), all);
}

#[test]
fn the_format_is_the_one_that_is_asked_for() {
    let root = root();
    let server = Running::start(root.path(), &[]);
    let plain = server.get("/metrics");
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(
        plain.text().contains("\n# TYPE origami_build_info gauge\norigami_build_info{version=\""),
        "{}",
        plain.text()
    );
    assert!(!plain.text().contains("# EOF") && !plain.text().contains("# UNIT"), "{}", plain.text());
    let of = |accept: &str| server.request("GET", "/metrics", &[("Accept", accept)]);
    for accept in ["*/*", "text/plain", "text/html,application/xhtml+xml"] {
        assert_eq!(of(accept).header("content-type"), plain.header("content-type"), "{accept}");
    }
    // As Prometheus asks.
    let open =
        of("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1");
    assert_eq!(open.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(
        open.text().ends_with("# EOF\n") && open.text().contains("# TYPE origami_build info"),
        "{}",
        open.text()
    );
    assert!(
        open.text().contains("# TYPE origami_sent_bytes counter\n# UNIT origami_sent_bytes bytes\n"),
        "{}",
        open.text()
    );
}

//! The dashboard of `docs/grafana.json` asks for nothing that the built server does not tell.

use std::collections::{BTreeSet, HashSet};

use crate::kit::slides::{encode_tree, tree};
use crate::running::Running;
use origami::params::EncodeParams;
use serde_json::Value;

fn dashboard() -> Value {
    serde_json::from_str(include_str!("../../docs/grafana.json")).unwrap()
}

fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    board["panels"].as_array().unwrap().iter()
}

/// The names of figures in all queries.
fn asked(board: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for panel in panels(board).filter(|panel| panel["type"] != "row") {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let found: Vec<_> = words.filter(|word| word.starts_with("origami_")).map(String::from).collect();
            assert!(!found.is_empty(), "{expression} asks for nothing of the server");
            names.extend(found);
        }
    }
    names
}

/// The names of samples that a text of metrics declares.
fn declared(text: &str) -> HashSet<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = lines.flat_map(|(name, kind)| {
        let ends: &[&str] = match kind {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        ends.iter().map(move |end| format!("{name}{end}"))
    });
    names.collect()
}

#[test]
fn every_figure_of_the_dashboard_is_one_of_the_servers() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("one");
    encode_tree(&tree(&dir, 300, 260, 64, 1), &dir, &EncodeParams::default());
    let server = Running::start(root.path(), &[]);
    // Figures with labels appear with their first value.
    assert_eq!(server.get("/tiles/one/9/0_0.jpg").status, 200);
    let declared = declared(&server.get("/metrics").text());
    let asked = asked(&dashboard());
    assert!(asked.len() > 15, "{asked:?}");
    for name in &asked {
        assert!(declared.contains(name), "{name} is not among {declared:?}");
    }
}

#[test]
fn the_dashboard_can_be_imported_and_its_panels_do_not_overlap() {
    let board = dashboard();
    assert_eq!(board["__inputs"][0]["name"], "DS_PROMETHEUS");
    assert!(board["schemaVersion"].as_u64().unwrap() >= 36 && board["id"].is_null());
    let (mut ids, mut taken) = (HashSet::new(), HashSet::new());
    for panel in panels(&board) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: its number is another's", panel["title"]);
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} lies on another one", panel["title"]);
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${DS_PROMETHEUS}", "{}", panel["title"]);
        }
    }
}

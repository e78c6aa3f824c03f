//! Reads a run's `manifest.json`, that of `evals/` or that of `origami encode --manifest`, into one form.
//!
//! Every field may be missing. A field of the wrong type is left out and named in a note: a run with half a manifest is still a run.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fields::RunFields;

/// Largest manifest that is read. That of a slide of 100,000 tiles has some 15 MB.
const MAX_BYTES: u64 = 64 << 20;
/// Most numbers that are kept of `metrics`.
const MAX_METRICS: usize = 200;
/// Largest object in `details`, as JSON.
const MAX_OBJECT_BYTES: usize = 64 << 10;

/// A manifest, read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Manifest {
    pub name: Option<String>,
    pub image: Option<String>,
    pub kind: Option<String>,
    pub codec: Option<String>,
    /// What the run was made with; older manifests do not say.
    #[serde(skip)]
    pub run: Option<RunFields>,
    /// The curve that the run is a point of.
    pub label: Option<String>,
    /// Class of the image.
    pub image_class: Option<String>,
    /// The parameter that is swept along the curve; `quality` is its value.
    pub swept: Option<String>,
    pub quality: Option<f64>,
    pub bytes_total: Option<f64>,
    pub pixels: Option<f64>,
    /// Numbers by name. Those of a nested object have its name and a dot before theirs, those of the tiles `tiles.`. A PSNR without
    /// any error is `"inf"`.
    pub metrics: Map<String, Value>,
    /// Other objects of the manifest, unchanged.
    pub details: Map<String, Value>,
    /// Fields that could not be read, and why.
    pub notes: Vec<String>,
    /// Whether `origami encode` wrote it. Its `image` is the name of a file.
    #[serde(skip)]
    pub own: bool,
}

/// The known fields. `families`, the bulk of the manifest of `origami encode`, is not among them and so is not kept in memory.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    name: Value,
    image: Value,
    kind: Value,
    codec: Value,
    run: Value,
    label: Value,
    image_class: Value,
    bytes_total: Value,
    pixels: Value,
    metrics: Value,
    metrics_tiles: Value,
    parameters: Value,
    bytes_by_level: Value,
    timings: Value,
    decompression_phase: Value,
    size_comparison: Value,
    picture: Value,
    tool: Value,
    // Of `origami encode`.
    width: Value,
    height: Value,
    tile_size: Value,
    source: Value,
    encode: Value,
    summary: Value,
}

impl Manifest {
    /// Reads a file.
    ///
    /// # Errors
    /// Why nothing of it can be used, for people, without its path.
    pub fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |e: std::io::Error| format!("manifest.json cannot be read: {e}");
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        if bytes.len() as u64 > MAX_BYTES {
            let most = MAX_BYTES >> 20;
            return Err(format!("manifest.json is larger than {most} MiB and is not read; shorten it"));
        }
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let wrong = |problem: &dyn std::fmt::Display| {
            format!(
                "manifest.json is not what it should be: {problem}; write it again, with null for what is no number"
            )
        };
        // serde would also accept a list of the fields in their order.
        if bytes.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
            return Err(wrong(&"an object is expected"));
        }
        let fields: Fields = serde_json::from_slice(bytes).map_err(|e| wrong(&e))?;
        let mut out = Self::default();
        if fields.encode.is_object() && fields.summary.is_object() {
            out.own = true;
            out.take_own(&fields);
        }
        out.take_common(fields);
        Ok(out)
    }

    fn take_common(&mut self, fields: Fields) {
        if !fields.run.is_null() {
            match RunFields::from_manifest(&fields.run) {
                Ok(run) => self.run = Some(run),
                Err(problem) => {
                    self.notes.push(format!("run: {problem}; the directory's name is used instead"))
                }
            }
        }
        for (key, value, place) in [
            ("name", &fields.name, &mut self.name),
            ("image", &fields.image, &mut self.image),
            ("kind", &fields.kind, &mut self.kind),
            ("codec", &fields.codec, &mut self.codec),
            ("label", &fields.label, &mut self.label),
            ("image_class", &fields.image_class, &mut self.image_class),
            ("parameters.swept", fields.parameters.get("swept").unwrap_or(&Value::Null), &mut self.swept),
        ] {
            match value {
                Value::Null => {}
                Value::String(text) => *place = Some(text.clone()),
                other => self.notes.push(wrong(key, "text", other)),
            }
        }
        for (key, value, place) in [
            ("bytes_total", &fields.bytes_total, &mut self.bytes_total),
            ("pixels", &fields.pixels, &mut self.pixels),
        ] {
            match value {
                Value::Null => {}
                other => match other.as_f64().filter(|n| *n >= 0.0) {
                    Some(n) => *place = Some(n),
                    None => self.notes.push(wrong(key, "a number of 0 or more", other)),
                },
            }
        }
        self.quality = fields.parameters.get("value").and_then(Value::as_f64).or(self.quality);
        for (key, before, value) in
            [("metrics", "", &fields.metrics), ("metrics_tiles", "tiles", &fields.metrics_tiles)]
        {
            match value {
                Value::Null => {}
                Value::Object(metrics) => self.take_metrics(before, metrics, 0),
                other => self.notes.push(wrong(key, "an object", other)),
            }
        }
        for (key, value) in [
            ("parameters", fields.parameters),
            ("bytes_by_level", fields.bytes_by_level),
            ("timings", fields.timings),
            ("decompression_phase", fields.decompression_phase),
            ("size_comparison", fields.size_comparison),
            ("picture", fields.picture),
            ("tool", fields.tool),
        ] {
            self.keep(key, value);
        }
    }

    /// Adds the numbers of an object and of nested ones.
    fn take_metrics(&mut self, before: &str, metrics: &Map<String, Value>, depth: usize) {
        for (key, value) in metrics {
            if self.metrics.len() == MAX_METRICS {
                self.notes.push(format!("metrics: more than {MAX_METRICS} figures; the others are left out"));
                return;
            }
            let key = if before.is_empty() { key.clone() } else { format!("{before}.{key}") };
            match value {
                Value::Number(_) => drop(self.metrics.insert(key, value.clone())),
                Value::String(text) if is_infinite(text) => drop(self.metrics.insert(key, "inf".into())),
                Value::Object(within) if depth < 3 => self.take_metrics(&key, within, depth + 1),
                // `null` was not measured; lists are curves and tables.
                _ => {}
            }
        }
    }

    /// Adds an object to `details`.
    fn keep(&mut self, key: &str, value: Value) {
        if value.is_null() {
            return;
        }
        if value.to_string().len() > MAX_OBJECT_BYTES {
            self.notes.push(format!("{key}: longer than {} KiB; left out", MAX_OBJECT_BYTES >> 10));
            return;
        }
        self.details.insert(key.into(), value);
    }

    /// Takes the fields of `origami encode --manifest`.
    fn take_own(&mut self, fields: &Fields) {
        let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_f64);
        self.kind = Some("origami".into());
        self.codec = Some("ORIGAMI".into());
        self.image = fields.source.get("name").and_then(Value::as_str).map(str::to_string);
        self.bytes_total = number(&fields.size_comparison, "bundle_bytes");
        if let (Some(width), Some(height)) = (fields.width.as_f64(), fields.height.as_f64()) {
            self.pixels = Some(width * height);
        }
        self.quality = number(&fields.encode, "residual_quality");
        for (metric, psnr, mse) in
            [("y_psnr", "l0_y_psnr", "l0_y_mse"), ("l1_y_psnr", "l1_y_psnr", "l1_y_mse")]
        {
            match (number(&fields.summary, psnr), number(&fields.summary, mse)) {
                (Some(db), _) => drop(self.metrics.insert(metric.into(), db.into())),
                // Without any error the PSNR is infinite, which JSON has no number for.
                (None, Some(0.0)) => drop(self.metrics.insert(metric.into(), "inf".into())),
                _ => {}
            }
        }
        for (key, value) in [("parameters", &fields.encode), ("source", &fields.source)] {
            self.keep(key, value.clone());
        }
        let slide = json!({
            "width": fields.width, "height": fields.height, "tile_size": fields.tile_size,
            "families": fields.summary.get("families"),
        });
        self.keep("slide", slide);
    }
}

fn is_infinite(text: &str) -> bool {
    ["inf", "Infinity", "infinity", "+inf"].contains(&text)
}

fn wrong(key: &str, expected: &str, found: &Value) -> String {
    let mut found = found.to_string();
    if found.chars().count() > 40 {
        found = found.chars().take(40).chain(['…']).collect();
    }
    format!("{key}: expected {expected}, found {found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Value) -> Manifest {
        Manifest::parse(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_manifest_of_evals_is_read() {
        let read = of(json!({
            "name": "jpeg_baseline_q70", "image": "one", "kind": "baseline", "codec": "jpeg420", "label": "JPEG",
            "run": {"kind": "baseline", "codec": "jpeg", "quality": 70},
            "parameters": {"swept": "quality", "value": 70}, "image_class": "aligned", "tool": "origami 0.1.0", "bytes_total": 1000, "bytes_by_level": {"L0": 800, "L1": 200},
            "pixels": 4096, "metrics": {"y_psnr": 38.5, "vif": null, "old": {"ssim_y": 0.9}, "cb_psnr": "inf"},
            "metrics_tiles": {"ssim_y": 0.98},
            "timings": {"encode_s": 0.5}, "decompression_phase": {"total_s": 0.1}, "size_comparison": {"ratio": 0.3},
            "unknown": [1, 2, 3],
        }));
        assert_eq!((read.image.as_deref(), read.codec.as_deref()), (Some("one"), Some("jpeg420")));
        assert_eq!((read.label.as_deref(), read.swept.as_deref()), (Some("JPEG"), Some("quality")));
        assert_eq!(
            (read.quality, read.image_class.as_deref(), read.own),
            (Some(70.0), Some("aligned"), false)
        );
        assert_eq!((read.bytes_total, read.pixels), (Some(1000.0), Some(4096.0)));
        assert_eq!(
            Value::from(read.metrics),
            json!({"y_psnr": 38.5, "old.ssim_y": 0.9, "tiles.ssim_y": 0.98, "cb_psnr": "inf"})
        );
        assert_eq!(read.run.unwrap().codec.as_deref(), Some("JPEG"));
        assert_eq!(read.details["timings"], json!({"encode_s": 0.5}));
        assert_eq!((read.details.len(), read.notes.len()), (6, 0));
    }

    #[test]
    fn the_manifest_of_an_encode_is_read() {
        let read = of(json!({
            "tool": "origami 0.1.0", "width": 200, "height": 100, "tile_size": 256, "overlap": 0,
            "source": {"name": "one.svs"}, "encode": {"residual_quality": 50}, "families": [{"x": 0}],
            "summary": {"families": 1, "l0_y_mse": 0.0, "l0_y_psnr": null, "l1_y_mse": 2.0, "l1_y_psnr": 45.1},
            "size_comparison": {"bundle_bytes": 5000, "baseline_bytes": 3000},
        }));
        assert_eq!((read.kind.as_deref(), read.image.as_deref()), (Some("origami"), Some("one.svs")));
        assert_eq!((read.bytes_total, read.pixels, read.quality), (Some(5000.0), Some(20000.0), Some(50.0)));
        assert_eq!(Value::from(read.metrics), json!({"y_psnr": "inf", "l1_y_psnr": 45.1}));
        assert_eq!(read.details["parameters"], json!({"residual_quality": 50}));
        assert_eq!(read.details["slide"]["families"], json!(1));
        assert!(read.details.contains_key("size_comparison") && read.notes.is_empty());
    }

    #[test]
    fn fields_of_the_wrong_type_are_named_and_left_out() {
        let read = of(json!({
            "name": 3, "bytes_total": "many", "pixels": -1, "metrics": [1], "kind": "baseline",
            "parameters": {"x": "y".repeat(MAX_OBJECT_BYTES)}, "run": {"kind": "origami", "baseq": "high"},
        }));
        assert_eq!((read.name, read.bytes_total, read.pixels), (None, None, None));
        assert_eq!((read.kind.as_deref(), read.run), (Some("baseline"), None));
        for key in ["name: expected text", "run: ", "bytes_total", "pixels", "metrics", "parameters: longer"]
        {
            assert!(read.notes.iter().any(|note| note.starts_with(key)), "{key}: {:?}", read.notes);
        }
        let many: Map<String, Value> = (0..1000).map(|i| (format!("m{i}"), i.into())).collect();
        let read = of(json!({ "metrics": many }));
        assert_eq!((read.metrics.len(), read.notes.len()), (MAX_METRICS, 1));
    }

    #[test]
    fn an_unreadable_manifest_is_an_error_that_says_so() {
        let nested = "[".repeat(100_000);
        for wrong in
            ["", "{", "[]", "3", "nul", "{\"metrics\": {\"y_psnr\": Infinity}}", "\u{feff}{}", &nested]
        {
            let problem = Manifest::parse(wrong.as_bytes()).unwrap_err();
            assert!(problem.starts_with("manifest.json is not what it should be"), "{problem}");
        }
        assert!(Manifest::parse(&[0xff, 0xfe]).is_err());
        assert_eq!(Manifest::parse(b"{}").unwrap(), Manifest::default());
    }
}

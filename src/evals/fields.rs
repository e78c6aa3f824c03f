//! What a run was made with: codec, qualities, filter. The object `run` of `manifest.json` carries the fields; `names` parses the
//! directory names of runs without it.
//!
//! Touches no files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The fields of a run, as the page gets them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunFields {
    /// `baseline`, `origami`, or nothing if neither manifest nor name says.
    pub kind: Option<&'static str>,
    /// The codec, for people.
    pub codec: Option<String>,
    /// The run without its quality, for people.
    pub label: String,
    /// Runs of one series are points of one curve. They differ in their quality.
    pub series: String,
    /// The quality that is swept: of a baseline its own, of ORIGAMI that of the residual, or the one of a preset.
    pub quality: Option<f64>,
    /// Chroma sampling, of ORIGAMI that of L2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsamp: Option<String>,
    /// Quality of L2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseq: Option<f64>,
    /// Quality of the residual of L1, which older runs had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1q: Option<f64>,
    /// Whether L2 was optimised.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optl2: bool,
    /// The largest change of a sample that this may make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delta: Option<f64>,
    /// The upsampling filter of the prediction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Quality of the chroma residual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chroma_resq: Option<f64>,
    /// Encoder of the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
    /// Encoder of the residual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residual_encoder: Option<String>,
    /// The preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
}

/// Chroma samplings by their keys.
pub const SUBSAMP: [(&str, &str); 3] = [("444", "4:4:4"), ("420", "4:2:0"), ("420opt", "4:2:0 optimised")];
/// Codecs of baselines by their keys. `X_jpeg` is X as the encoder of JPEG baselines.
const CODECS: [(&str, &str); 15] = [
    ("jpeg", "JPEG"),
    ("jpegopt", "JPEG, optimised"),
    ("turbojpeg", "JPEG, turbojpeg"),
    ("turbojpeg_jpeg", "JPEG, turbojpeg"),
    ("mozjpeg", "JPEG, mozjpeg"),
    ("mozjpeg_jpeg", "JPEG, mozjpeg"),
    ("jpegli", "JPEG, jpegli"),
    ("jpegli_jpeg", "JPEG, jpegli"),
    ("jp2", "JPEG 2000"),
    ("jpegxl", "JPEG XL"),
    ("jxl", "JPEG XL"),
    ("jpegxl_jpeg", "JPEG XL"),
    ("webp", "WebP"),
    ("webp_jpeg", "WebP"),
    ("avif", "AVIF"),
];

/// The value of a key in a table.
pub fn find(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// The name for people of a codec by its key, and the chroma sampling if the key ends with it, as `mozjpeg444` does.
pub fn codec(key: &str) -> Option<(&'static str, Option<&'static str>)> {
    if let Some(shown) = find(&CODECS, key) {
        return Some((shown, None));
    }
    let mut sampled = SUBSAMP[..2]
        .iter()
        .filter_map(|(end, subsamp)| Some((find(&CODECS, key.strip_suffix(end)?)?, Some(*subsamp))));
    sampled.next()
}

/// The label of a manifest, for people: those of baselines are keys of codecs.
pub fn curve(label: &str) -> String {
    codec(label).map_or(label.into(), |(shown, subsamp)| joined([Some(shown), subsamp]))
}

fn joined<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The object `run` of a manifest, as `evals/origami_evals/run_fields.py` writes it.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Recorded {
    Baseline { codec: String, quality: f64 },
    Origami(Box<RecordedOrigami>),
}

/// Every field but the first two is absent if its flag was not given.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RecordedOrigami {
    backend: String,
    subsamp: String,
    baseq: Option<f64>,
    optl2: bool,
    max_delta: Option<f64>,
    l0q: Option<f64>,
    quality: Option<f64>,
    upsample_filter: Option<String>,
    encoder: Option<String>,
    residual_encoder: Option<String>,
    chroma_resq: Option<f64>,
    preset: Option<String>,
    /// Further flags and their values.
    other: BTreeMap<String, String>,
}

impl RunFields {
    /// Reads the object `run` of a manifest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_manifest(run: &Value) -> Result<Self, String> {
        match Recorded::deserialize(run).map_err(|e| e.to_string())? {
            Recorded::Baseline { codec, quality } => {
                let mut fields = Self { quality: Some(quality), ..Self::baseline(&codec) };
                fields.set_baseline_label();
                fields.series.clone_from(&fields.label);
                Ok(fields)
            }
            Recorded::Origami(recorded) => Ok(Self::from_origami(*recorded)),
        }
    }

    fn from_origami(recorded: RecordedOrigami) -> Self {
        let subsamp = find(&SUBSAMP, &recorded.subsamp).map_or(recorded.subsamp, str::to_string);
        let mut fields = Self {
            quality: recorded.l0q.or(recorded.quality),
            subsamp: Some(subsamp).filter(|text| !text.is_empty()),
            baseq: recorded.baseq,
            optl2: recorded.optl2,
            max_delta: recorded.max_delta,
            filter: recorded.upsample_filter,
            chroma_resq: recorded.chroma_resq,
            encoder: recorded.encoder,
            residual_encoder: recorded.residual_encoder,
            preset: recorded.preset,
            ..Self::origami()
        };
        let on_gpu = ["gpu", "hybrid"].contains(&recorded.backend.as_str());
        let others: Vec<String> =
            recorded.other.iter().map(|(flag, value)| format!("{flag} {value}").trim().to_string()).collect();
        fields.set_origami_label(if on_gpu { "ORIGAMI on GPU" } else { "ORIGAMI" }, &others);
        fields.series.clone_from(&fields.label);
        fields
    }

    /// A baseline by the key of its codec. Without label and series.
    pub fn baseline(key: &str) -> Self {
        let known = codec(key);
        Self {
            kind: Some("baseline"),
            codec: Some(known.map_or(key, |(shown, _)| shown).to_string()),
            subsamp: known.and_then(|(_, subsamp)| subsamp).map(str::to_string),
            ..Self::default()
        }
    }

    /// A run of ORIGAMI. Without label and series.
    pub fn origami() -> Self {
        Self { kind: Some("origami"), codec: Some("ORIGAMI".into()), ..Self::default() }
    }

    /// Sets the label of a baseline from the other fields.
    pub fn set_baseline_label(&mut self) {
        self.label = joined([self.codec.as_deref(), self.subsamp.as_deref()]);
    }

    /// Sets the label of a run of ORIGAMI from the other fields: `head` begins it, `others` end it.
    pub fn set_origami_label(&mut self, head: &str, others: &[String]) {
        let optl2 = match (self.optl2, self.max_delta) {
            (true, Some(delta)) => Some(format!("optL2 ±{delta}")),
            (true, None) => Some("optL2".into()),
            (false, delta) => delta.map(|delta| format!("±{delta}")),
        };
        let parts = [
            Some(head.to_string()),
            self.subsamp.clone(),
            self.baseq.map(|q| format!("base {q}")),
            optl2,
            self.filter.clone(),
            self.encoder.clone(),
            self.residual_encoder.as_ref().map(|encoder| format!("residual {encoder}")),
            self.chroma_resq.map(|q| format!("chroma {q}")),
            self.preset.as_ref().map(|preset| format!("preset {preset}")),
            self.l1q.map(|q| format!("L1 {q}")),
        ];
        self.label =
            joined(parts.iter().map(Option::as_deref).chain(others.iter().map(|o| Some(o.as_str()))));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_a_manifest_are_read() {
        let fields =
            RunFields::from_manifest(&json!({"kind": "baseline", "codec": "jpeg444", "quality": 70}));
        let fields = fields.unwrap();
        assert_eq!((fields.kind, fields.codec.as_deref()), (Some("baseline"), Some("JPEG")));
        assert_eq!((fields.label.as_str(), fields.quality), ("JPEG, 4:4:4", Some(70.0)));
        let fields = RunFields::from_manifest(&json!({
            "kind": "origami", "backend": "gpu", "subsamp": "420opt", "baseq": 90, "optl2": true, "max_delta": 20,
            "l0q": 40, "upsample_filter": "bicubic", "encoder": "mozjpeg", "residual_encoder": "jpegxl",
            "chroma_resq": 30, "preset": "small", "other": {"target-psnr": "38", "save-sharpened": ""},
        }));
        let fields = fields.unwrap();
        assert_eq!(
            fields.label,
            "ORIGAMI on GPU, 4:2:0 optimised, base 90, optL2 ±20, bicubic, mozjpeg, residual jpegxl, chroma 30, \
             preset small, save-sharpened, target-psnr 38"
        );
        assert_eq!((fields.quality, fields.baseq, fields.max_delta), (Some(40.0), Some(90.0), Some(20.0)));
        assert_eq!(fields.series, fields.label);
        let preset = json!({"kind": "origami", "backend": "cpu", "subsamp": "444", "preset": "archive", "quality": 50});
        let fields = RunFields::from_manifest(&preset).unwrap();
        assert_eq!((fields.label.as_str(), fields.quality), ("ORIGAMI, 4:4:4, preset archive", Some(50.0)));
    }

    #[test]
    fn wrong_fields_are_an_error() {
        for wrong in [
            json!({}),
            json!({"kind": "unknown"}),
            json!({"kind": "baseline", "codec": "jpeg"}),
            json!({"kind": "origami", "baseq": "high"}),
            json!([]),
        ] {
            assert!(RunFields::from_manifest(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn curves_of_baselines_are_called_by_their_codecs() {
        for (label, want) in [
            ("jpeg420", "JPEG, 4:2:0"),
            ("mozjpeg444", "JPEG, mozjpeg, 4:4:4"),
            ("jpegxl", "JPEG XL"),
            ("jp2", "JPEG 2000"),
            ("luma only, base 90", "luma only, base 90"),
            ("x420", "x420"),
            ("444", "444"),
        ] {
            assert_eq!(curve(label), want);
        }
    }
}

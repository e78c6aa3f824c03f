//! What an encode came to, in words and as JSON.

use std::path::Path;

use origami::archive::SourceKind;
use origami::encode::EncodeReport;
use origami::params::EncodeParams;
use origami::quality::presets::Preset;
use serde_json::{Value, json};

use crate::cli::args::backend::OpenBackend;
use crate::cli::print::{families, human_bytes};

/// One encode, done.
pub struct Summary<'a> {
    /// The path of the source, as it was given.
    pub source: &'a Path,
    pub params: &'a EncodeParams,
    pub report: &'a EncodeReport,
    /// How long it took.
    pub seconds: f64,
    pub opened: &'a OpenBackend,
}

impl Summary<'_> {
    /// The line that scripts read: where the bundle is, its size, and how it was made.
    pub fn line(&self) -> String {
        let report = self.report;
        let mut line = format!("{}: {}", report.bundle.display(), human_bytes(report.bundle_bytes));
        if let (SourceKind::Deepzoom, Some(ratio)) = (report.source_kind, self.ratio()) {
            line += &format!(", {ratio:.3} of the pyramid's {}", human_bytes(report.source_bytes));
        }
        if let Some(db) = report.y_psnr {
            line += &format!(", Y-PSNR {db:.2} dB");
        }
        let families = families(report.families);
        line + &format!(", {families}, {:.1} s {}", self.seconds, self.opened.summary())
    }

    /// What a person at a terminal wants to know besides.
    pub fn details(&self) -> Vec<String> {
        let report = self.report;
        let ratio = self.ratio().map_or_else(String::new, |ratio| format!(": {ratio:.3} of it"));
        let bundle = quoted(&report.bundle);
        vec![
            format!(
                "  size     {}, the bundle has {}{ratio}",
                source_words(report.source_kind, report.source_bytes),
                human_bytes(report.bundle_bytes),
            ),
            format!("  quality  {}", quality_words(self.params, report.y_psnr)),
            format!("  view     origami serve {bundle} --open"),
            format!("  tiles    origami decode {bundle}"),
        ]
    }

    /// The result as JSON.
    pub fn json(&self) -> Value {
        let report = self.report;
        json!({
            "source": self.source, "source_kind": report.source_kind, "source_bytes": report.source_bytes,
            "bundle": report.bundle, "bundle_bytes": report.bundle_bytes, "ratio": self.ratio(),
            "families": report.families, "baseline_bytes": report.baseline_bytes,
            "residual_bytes": report.residual_bytes, "shared_bytes": report.shared_bytes,
            "y_psnr": report.y_psnr, "channel": report.channel, "seconds": self.seconds, "backend": self.opened.backend.name(),
            "preset": Preset::of(self.params).map(Preset::name), "parameters": self.params,
        })
    }

    /// Bytes of the bundle divided by those of the source.
    fn ratio(&self) -> Option<f64> {
        let EncodeReport { bundle_bytes, source_bytes, .. } = *self.report;
        (source_bytes > 0).then(|| bundle_bytes as f64 / source_bytes as f64)
    }
}

/// The size of a source, and of what.
pub fn source_words(kind: SourceKind, bytes: u64) -> String {
    let what = match kind {
        SourceKind::Deepzoom => "the tree's tiles have",
        SourceKind::Slide => "the slide's file has",
    };
    format!("{what} {}", human_bytes(bytes))
}

fn quality_words(params: &EncodeParams, y_psnr: Option<f64>) -> String {
    if params.originals {
        return "lossless: L0 is kept byte for byte".into();
    }
    let chroma = match params.chroma_residual_quality {
        Some(quality) => format!(", chroma residual {quality}"),
        None => ", chroma from L2".into(),
    };
    let preset = Preset::of(params).map_or_else(String::new, |preset| format!("preset {}: ", preset.name()));
    let measured = match y_psnr {
        Some(db) if db.is_finite() => format!("; Y-PSNR {db:.2} dB"),
        Some(_) => "; luma of L0 without any error".into(),
        None => "; --manifest measures the Y-PSNR".into(),
    };
    format!(
        "{preset}baseline {}, residual {}{chroma}{measured}",
        params.base_quality, params.residual_quality
    )
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kind: SourceKind) -> EncodeReport {
        EncodeReport {
            bundle: "slides/a b/residual_packs/residuals.bundle".into(),
            bundle_bytes: 500_000,
            shared_bytes: 10,
            families: 9,
            baseline_bytes: 200_000,
            residual_bytes: 250_000,
            source_kind: kind,
            source_bytes: 2_000_000,
            y_psnr: None,
            channel: None,
            losses: None,
        }
    }

    fn summary<'a>(
        report: &'a EncodeReport,
        params: &'a EncodeParams,
        opened: &'a OpenBackend,
    ) -> Summary<'a> {
        Summary { source: Path::new("a b.svs"), params, report, seconds: 1.25, opened }
    }

    #[test]
    fn the_line_that_scripts_read_keeps_its_form() {
        let (params, opened) = (EncodeParams::default(), OpenBackend::cpu());
        let line = |report: &EncodeReport| summary(report, &params, &opened).line();
        let ran = opened.summary();
        let bundle = "slides/a b/residual_packs/residuals.bundle";
        assert_eq!(line(&report(SourceKind::Slide)), format!("{bundle}: 500 kB, 9 families, 1.2 s {ran}"));
        let tree = EncodeReport { y_psnr: Some(40.128), ..report(SourceKind::Deepzoom) };
        let said = "500 kB, 0.250 of the pyramid's 2.00 MB, Y-PSNR 40.13 dB, 9 families, 1.2 s";
        assert_eq!(line(&tree), format!("{bundle}: {said} {ran}"));
    }

    #[test]
    fn the_details_say_against_what_and_how_to_go_on() {
        let (params, opened) = (Preset::Balanced.params(), OpenBackend::cpu());
        let report = report(SourceKind::Slide);
        let details = summary(&report, &params, &opened).details().join("\n");
        for said in [
            "the slide's file has 2.00 MB, the bundle has 500 kB: 0.250 of it",
            "preset balanced: baseline 61, residual 52, chroma residual 62; --manifest measures the Y-PSNR",
            "origami serve 'slides/a b/residual_packs/residuals.bundle' --open",
            "origami decode 'slides/a b/residual_packs/residuals.bundle'",
        ] {
            assert!(details.contains(said), "{said:?} in {details}");
        }
    }

    #[test]
    fn an_infinite_psnr_is_null() {
        let (params, opened) = (EncodeParams::default(), OpenBackend::cpu());
        let report = EncodeReport { y_psnr: Some(f64::INFINITY), ..report(SourceKind::Slide) };
        let value = summary(&report, &params, &opened).json();
        assert_eq!((&value["y_psnr"], &value["ratio"]), (&Value::Null, &json!(0.25)));
        assert_eq!(value["parameters"]["base_quality"], 95);
    }
}

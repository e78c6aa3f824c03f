//! The recorded settings of the encoder in words.

use crate::archive::{Meta, SourceKind};
use crate::params::{EncodeParams, Subsamp};
use crate::quality::presets::Preset;

/// The preset whose parameters were used.
pub fn preset(params: &EncodeParams) -> Option<&'static str> {
    Preset::of(params).map(Preset::name)
}

/// Label and text of every setting, in the order of the pipeline.
pub fn rows(meta: &Meta) -> Vec<(&'static str, String)> {
    let (params, coding) = (&meta.encode, &meta.coding);
    let mut rows = vec![("preset", preset(params).unwrap_or("none").into())];
    if coding.originals {
        rows.extend(lossless(meta));
    } else {
        rows.extend(coded(meta));
    }
    rows.push(("entropy coder", params.entropy.name().into()));
    let (up, down) = (coding.upsample_filter.name(), coding.downsample_filter.name());
    rows.push(("filters", format!("up {up}, down {down}")));
    rows
}

/// The settings where the source's own L0 tiles are stored.
fn lossless(meta: &Meta) -> Vec<(&'static str, String)> {
    let own = || "the source's own tiles, exactly".to_string();
    let l2 = if meta.source.kind == SourceKind::Deepzoom { own() } else { baseline(&meta.encode) };
    vec![("L0", own()), ("L2", l2)]
}

/// The settings where L0 is predicted.
fn coded(meta: &Meta) -> Vec<(&'static str, String)> {
    let (params, coding) = (&meta.encode, &meta.coding);
    let quality = |quality: u8| format!("quality {quality}");
    let sharpened = if params.save_sharpened { "stored" } else { "by the decoder" };
    let or_off = |on: bool, text: String| if on { text } else { "off".into() };
    vec![
        ("baseline", baseline(params)),
        ("optL2", or_off(params.optl2, format!("max delta {}", params.max_delta))),
        ("sharpen L2", or_off(params.sharpen > 0.0, format!("{}, {sharpened}", params.sharpen))),
        (
            "residual",
            format!(
                "{}, {}% of L0, {}",
                quality(params.residual_quality),
                coding.l0_scale_pct,
                params.residual_encoder().name()
            ),
        ),
        ("chroma residual", params.chroma_residual_quality.map_or("off".into(), quality)),
        ("sharpen residual", or_off(params.l0_sharpen > 0.0, params.l0_sharpen.to_string())),
    ]
}

fn baseline(params: &EncodeParams) -> String {
    let subsamp = match params.subsamp {
        Subsamp::S444 => "444".into(),
        Subsamp::S420 => "420".into(),
        Subsamp::S420Opt => format!("420opt (max delta {})", params.max_delta),
    };
    format!("quality {}, {subsamp}, {}", params.base_quality, params.encoder.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::SourceMeta;

    fn meta(params: EncodeParams) -> Meta {
        Meta {
            tool: "origami".into(),
            content: String::new(),
            coding: params.coding(),
            encode: params,
            source: SourceMeta {
                name: "slide.svs".into(),
                kind: SourceKind::Slide,
                format: "aperio".into(),
                overlap: 0,
                identity: None,
                origin: None,
                lossy: None,
                tile_metadata: None,
            },
            microns_per_pixel: None,
            objective_power: None,
            scanner: None,
            complete: true,
            associated: Vec::new(),
        }
    }

    fn row(rows: &[(&str, String)], label: &str) -> String {
        rows.iter().find(|(name, _)| *name == label).map_or(String::new(), |(_, text)| text.clone())
    }

    #[test]
    fn a_preset_is_named_with_all_that_it_sets() {
        let rows = rows(&meta(Preset::Archive.params()));
        let expected = [
            ("preset", "archive"),
            ("baseline", "quality 72, 444, trellis"),
            ("optL2", "off"),
            ("sharpen L2", "off"),
            ("residual", "quality 70, 100% of L0, trellis"),
            ("chroma residual", "quality 80"),
            ("sharpen residual", "off"),
            ("entropy coder", "context"),
            ("filters", "up lanczos3, down lanczos3"),
        ];
        assert_eq!(rows, expected.map(|(label, text)| (label, text.to_string())));
    }

    #[test]
    fn every_setting_that_is_on_is_said() {
        let params = EncodeParams {
            optl2: true,
            sharpen: 0.5,
            l0_sharpen: 0.25,
            subsamp: Subsamp::S420Opt,
            residual_encoder: Some(crate::codec::EncoderKind::Webp),
            ..EncodeParams::default()
        };
        let rows = rows(&meta(params));
        for (label, text) in [
            ("preset", "none"),
            ("baseline", "quality 95, 420opt (max delta 15), turbojpeg"),
            ("optL2", "max delta 15"),
            ("sharpen L2", "0.5, by the decoder"),
            ("residual", "quality 50, 100% of L0, webp"),
            ("chroma residual", "off"),
            ("sharpen residual", "0.25"),
            ("entropy coder", "huffman"),
        ] {
            assert_eq!(row(&rows, label), text, "{label}");
        }
    }

    #[test]
    fn a_lossless_archive_has_no_residual_to_speak_of() {
        let slide = rows(&meta(Preset::Lossless.params()));
        assert_eq!(row(&slide, "preset"), "lossless");
        assert_eq!(row(&slide, "L2"), "quality 95, 444, turbojpeg");
        assert!(slide.iter().all(|(label, _)| *label != "residual"));
        let mut tree = meta(Preset::Lossless.params());
        tree.source.kind = SourceKind::Deepzoom;
        assert_eq!(row(&rows(&tree), "L2"), row(&rows(&tree), "L0"));
    }
}

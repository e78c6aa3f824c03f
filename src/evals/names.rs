//! What the name of a run's directory says: codec, qualities, filter, and which runs are points of one curve.
//!
//! Knows no files. A name of no known form is no error: it is taken as it is.

use serde::Serialize;

/// A name, read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Name {
    /// `baseline`, `origami`, or nothing where the name does not say.
    pub kind: Option<&'static str>,
    /// The codec, for people.
    pub codec: Option<String>,
    /// What the run is, without its quality, for people.
    pub label: String,
    /// The name without its quality: runs that share it are points of one curve.
    pub series: String,
    /// The quality that is swept: that of the baseline, of ORIGAMI that of the residual.
    pub quality: Option<f64>,
    /// Chroma sampling of L2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsamp: Option<&'static str>,
    /// Quality of L2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseq: Option<f64>,
    /// Quality of the residual of L1, which older runs had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1q: Option<f64>,
    /// Whether L2 was optimised.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optl2: bool,
    /// The largest change that this made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delta: Option<f64>,
    /// The filter that predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<&'static str>,
    /// Quality of the residual of chroma.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chroma_resq: Option<f64>,
    /// The encoder, where the name says it; and that of the residual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residual_encoder: Option<String>,
    /// The preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
}

const SUBSAMP: [(&str, &str); 3] = [("444", "4:4:4"), ("420", "4:2:0"), ("420opt", "4:2:0 optimised")];
const FILTERS: [(&str, &str); 3] = [("bl", "bilinear"), ("bc", "bicubic"), ("l3", "lanczos3")];
const ENCODERS: [&str; 5] = ["turbojpeg", "mozjpeg", "jpegli", "jpegxl", "webp"];
/// Codecs of baselines. `X_jpeg` is X as the encoder in the program that makes the JPEG baseline.
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

fn find(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// A codec as programs call it, its chroma sampling at its end (`mozjpeg444`), for people.
pub fn codec(key: &str) -> Option<(&'static str, Option<&'static str>)> {
    if let Some(shown) = find(&CODECS, key) {
        return Some((shown, None));
    }
    let mut sampled = SUBSAMP[..2]
        .iter()
        .filter_map(|(end, subsamp)| Some((find(&CODECS, key.strip_suffix(end)?)?, Some(*subsamp))));
    sampled.next()
}

/// What is known, with commas.
fn joined<const N: usize>(parts: [Option<&str>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What a manifest calls a curve, for people: baselines are called as programs call their codecs.
pub fn curve(label: &str) -> String {
    codec(label).map_or(label.into(), |(shown, subsamp)| joined([Some(shown), subsamp]))
}

/// The number of `q70` and the like.
fn number(token: &str, prefix: &str) -> Option<f64> {
    let digits = token.strip_prefix(prefix)?;
    let plain = digits.len() <= 6
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| digits.parse().ok()).flatten()
}

/// Puts a value where there is none yet: a name that says a thing twice is of no known form.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.is_none().then(|| *place = Some(value))
}

impl Name {
    /// Reads any name.
    pub fn parse(name: &str) -> Self {
        let tokens: Vec<&str> = name.split('_').collect();
        baseline(&tokens).or_else(|| origami(&tokens)).unwrap_or_else(|| as_it_is(name))
    }
}

/// `{codec}_baseline_q{quality}`; the chroma sampling, where it is named, ends the codec or stands before or after `baseline`.
fn baseline(tokens: &[&str]) -> Option<Name> {
    let at = tokens.iter().position(|&token| token == "baseline")?;
    let (last, between) = tokens[at + 1..].split_last()?;
    let quality = number(last, "q")?;
    let mut name = Name { kind: Some("baseline"), quality: Some(quality), ..Name::default() };
    for token in between {
        once(&mut name.subsamp, find(&SUBSAMP, token)?)?;
    }
    let mut before = &tokens[..at];
    if let Some((last, others)) = before.split_last()
        && let Some(subsamp) = find(&SUBSAMP, last)
    {
        once(&mut name.subsamp, subsamp)?;
        before = others;
    }
    if before.is_empty() || before.iter().any(|token| token.is_empty()) {
        return None;
    }
    let key = before.join("_");
    let known = codec(&key);
    if let Some((_, Some(subsamp))) = known {
        once(&mut name.subsamp, subsamp)?;
    }
    let shown = known.map_or(key, |(shown, _)| shown.to_string());
    name.label = joined([Some(&shown), name.subsamp]);
    name.codec = Some(shown);
    name.series = tokens[..tokens.len() - 1].join("_");
    Some(name)
}

/// `rs_…`, `gpu_…`, `uf_{filter}_…` and `optl2_debug_…`; what follows is told apart by its letters.
fn origami(tokens: &[&str]) -> Option<Name> {
    let mut name = Name { kind: Some("origami"), codec: Some("ORIGAMI".into()), ..Name::default() };
    let (head, rest) = match tokens {
        ["rs", rest @ ..] => ("ORIGAMI", rest),
        ["gpu", rest @ ..] => ("ORIGAMI on GPU", rest),
        ["uf", filter, rest @ ..] => {
            name.filter = Some(find(&FILTERS, filter)?);
            ("ORIGAMI", rest)
        }
        ["optl2", "debug", rest @ ..] => {
            name.optl2 = true;
            ("ORIGAMI debug", rest)
        }
        _ => return None,
    };
    let mut packs = None;
    for token in rest {
        if let Some(subsamp) = find(&SUBSAMP, token) {
            once(&mut name.subsamp, subsamp)?;
        } else if let Some(q) = swept(token) {
            once(&mut name.quality, q)?;
        } else if let Some(q) = number(token, "l1q") {
            once(&mut name.l1q, q)?;
        } else if let Some(q) = number(token, "b") {
            once(&mut name.baseq, q)?;
        } else if let Some(q) = number(token, "c") {
            once(&mut name.chroma_resq, q)?;
        } else if let Some(encoder) = token.strip_prefix("r-").filter(|rest| !rest.is_empty()) {
            once(&mut name.residual_encoder, encoder.to_string())?;
        } else if let Some(preset) = token.strip_prefix("p-").filter(|rest| !rest.is_empty()) {
            once(&mut name.preset, preset.to_string())?;
        } else if let Some(delta) = number(token, "d") {
            once(&mut name.max_delta, delta)?;
        } else if let Some(encoder) = ENCODERS.iter().find(|one| *one == token) {
            once(&mut name.encoder, encoder)?;
        } else if *token == "optl2" && !name.optl2 {
            name.optl2 = true;
        } else if *token == "pac" {
            once(&mut packs, "packs")?;
        } else {
            return None;
        }
    }
    name.quality?;
    let parts = [
        Some(head.to_string()),
        name.subsamp.map(str::to_string),
        name.baseq.map(|q| format!("base {q}")),
        name.optl2.then(|| name.max_delta.map_or("optL2".into(), |delta| format!("optL2 ±{delta}"))),
        name.max_delta.filter(|_| !name.optl2).map(|delta| format!("±{delta}")),
        name.filter.map(str::to_string),
        name.encoder.map(str::to_string),
        name.residual_encoder.as_ref().map(|encoder| format!("residual {encoder}")),
        name.chroma_resq.map(|q| format!("chroma {q}")),
        name.preset.as_ref().map(|preset| format!("preset {preset}")),
        name.l1q.map(|q| format!("L1 {q}")),
        packs.map(str::to_string),
    ];
    name.label = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let fixed = |token: &&&str| swept(token).is_none();
    name.series = tokens.iter().filter(fixed).copied().collect::<Vec<_>>().join("_");
    Some(name)
}

/// The quality that moves a run of ORIGAMI along its curve: that of the residual, or the one for all.
fn swept(token: &str) -> Option<f64> {
    ["l0q", "j", "quality"].into_iter().find_map(|prefix| number(token, prefix))
}

/// A name that says nothing, but for a quality at its end: `_q70`, `-q70`.
fn as_it_is(name: &str) -> Name {
    let cut = name.rsplit_once(['_', '-']).filter(|(before, _)| !before.is_empty());
    let swept = cut.and_then(|(before, last)| {
        number(last, "q").or_else(|| swept(last)).map(|quality| (before, quality))
    });
    let (label, quality) = swept.map_or((name, None), |(before, quality)| (before, Some(quality)));
    Name { label: label.into(), series: label.into(), quality, ..Name::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that the users' own tools write: kind, label, series, quality.
    #[test]
    fn names_of_runs_are_read() {
        for (name, kind, label, series, quality) in [
            ("jpeg_baseline_q70", "baseline", "JPEG", "jpeg_baseline", 70.0),
            ("jp2_baseline_q50", "baseline", "JPEG 2000", "jp2_baseline", 50.0),
            ("jpegxl_jpeg_baseline_q60", "baseline", "JPEG XL", "jpegxl_jpeg_baseline", 60.0),
            ("mozjpeg_jpeg_baseline_q60", "baseline", "JPEG, mozjpeg", "mozjpeg_jpeg_baseline", 60.0),
            ("jpeg_444_baseline_q70", "baseline", "JPEG, 4:4:4", "jpeg_444_baseline", 70.0),
            ("jpeg444_baseline_q70", "baseline", "JPEG, 4:4:4", "jpeg444_baseline", 70.0),
            ("mozjpeg444_baseline_q70", "baseline", "JPEG, mozjpeg, 4:4:4", "mozjpeg444_baseline", 70.0),
            (
                "rs_444_b80_l0q50_mozjpeg_r-jpegxl_c40_p-balanced",
                "origami",
                "ORIGAMI, 4:4:4, base 80, mozjpeg, residual jpegxl, chroma 40, preset balanced",
                "rs_444_b80_mozjpeg_r-jpegxl_c40_p-balanced",
                50.0,
            ),
            ("avif_baseline_420_q7.5", "baseline", "AVIF, 4:2:0", "avif_baseline_420", 7.5),
            ("new_baseline_q1", "baseline", "new", "new_baseline", 1.0),
            ("rs_444_optl2_j50", "origami", "ORIGAMI, 4:4:4, optL2", "rs_444_optl2", 50.0),
            (
                "rs_444_b90_optl2_d20_l0q40",
                "origami",
                "ORIGAMI, 4:4:4, base 90, optL2 ±20",
                "rs_444_b90_optl2_d20",
                40.0,
            ),
            ("rs_444_l0q40", "origami", "ORIGAMI, 4:4:4", "rs_444", 40.0),
            ("rs_420opt_d20_l0q40", "origami", "ORIGAMI, 4:2:0 optimised, ±20", "rs_420opt_d20", 40.0),
            ("rs_444_b90_l1q60_l0q40", "origami", "ORIGAMI, 4:4:4, base 90, L1 60", "rs_444_b90_l1q60", 40.0),
            ("optl2_debug_l0q40_pac", "origami", "ORIGAMI debug, optL2, packs", "optl2_debug_pac", 40.0),
            (
                "gpu_444_b90_optl2_d20_l0q40",
                "origami",
                "ORIGAMI on GPU, 4:4:4, base 90, optL2 ±20",
                "gpu_444_b90_optl2_d20",
                40.0,
            ),
            ("uf_l3_444_optl2_l0q40", "origami", "ORIGAMI, 4:4:4, optL2, lanczos3", "uf_l3_444_optl2", 40.0),
            ("uf_bl_444_l0q40", "origami", "ORIGAMI, 4:4:4, bilinear", "uf_bl_444", 40.0),
            ("uf_bc_444_l0q40", "origami", "ORIGAMI, 4:4:4, bicubic", "uf_bc_444", 40.0),
            (
                "rs_444_p-archive_quality50",
                "origami",
                "ORIGAMI, 4:4:4, preset archive",
                "rs_444_p-archive",
                50.0,
            ),
            (
                "rs_420_mozjpeg_b85_l0q30",
                "origami",
                "ORIGAMI, 4:2:0, base 85, mozjpeg",
                "rs_420_mozjpeg_b85",
                30.0,
            ),
        ] {
            let read = Name::parse(name);
            assert_eq!(
                (read.kind, read.label.as_str(), read.series.as_str(), read.quality),
                (Some(kind), label, series, Some(quality)),
                "{name}"
            );
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

    #[test]
    fn the_parts_of_a_name_are_told_apart() {
        let read = Name::parse("rs_420opt_b90_optl2_d20_l1q60_l0q40");
        assert_eq!((read.subsamp, read.baseq), (Some("4:2:0 optimised"), Some(90.0)));
        assert_eq!((read.optl2, read.max_delta, read.l1q), (true, Some(20.0), Some(60.0)));
        assert_eq!(Name::parse("uf_bc_444_l0q40").filter, Some("bicubic"));
        assert_eq!(Name::parse("jp2_baseline_q50").codec.as_deref(), Some("JPEG 2000"));
        // Without what is optional, runs of one curve differ in their quality alone.
        assert_eq!(Name::parse("rs_444_b90_l0q30").series, Name::parse("rs_444_b90_l0q60").series);
        assert_ne!(Name::parse("rs_444_b90_l0q30").series, Name::parse("rs_444_b95_l0q30").series);
    }

    #[test]
    fn other_names_are_taken_as_they_are() {
        for name in [
            "",
            "_",
            "q70",
            "first try",
            "jpeg_baseline",
            "jpeg__baseline_qx",
            "rs",
            "rs_444",
            "rs_444_444_l0q",
            "rs_444_b90",
            "uf_xx_444",
            "jpeg_baseline_q",
            "jpeg_baseline_q7.",
            "<b>",
            "été_baseline",
            "rs_444_l0q1234567",
        ] {
            let read = Name::parse(name);
            assert_eq!((read.kind, read.label.as_str(), read.series.as_str()), (None, name, name));
            assert_eq!(read.quality, None, "{name}");
        }
        // A quality at the end makes a curve all the same.
        let read = Name::parse("my-codec_v2_q35");
        assert_eq!((read.kind, read.series.as_str(), read.quality), (None, "my-codec_v2", Some(35.0)));
        let read = Name::parse("rs_444_new_l0q35");
        assert_eq!((read.kind, read.series.as_str(), read.quality), (None, "rs_444_new", Some(35.0)));
    }
}

//! Parses the directory names of runs whose manifest has no fields: older runs, and those of other tools. `evals/README.md` has the
//! grammar.
//!
//! Knows no files. A name of no known form is not an error: it becomes the label.

use super::fields::{RunFields, SUBSAMP, find};

const FILTERS: [(&str, &str); 3] = [("bl", "bilinear"), ("bc", "bicubic"), ("l3", "lanczos3")];
const ENCODERS: [&str; 6] = ["turbojpeg", "trellis", "mozjpeg", "jpegli", "jpegxl", "webp"];

/// Parses any name.
pub fn parse(name: &str) -> RunFields {
    let tokens: Vec<&str> = name.split('_').collect();
    baseline(&tokens).or_else(|| origami(&tokens)).unwrap_or_else(|| unknown(name))
}

/// The number after a prefix, as in `q70`: at most 6 digits and points.
fn number(token: &str, prefix: &str) -> Option<f64> {
    let digits = token.strip_prefix(prefix)?;
    let plain = digits.len() <= 6
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| digits.parse().ok()).flatten()
}

/// Sets a field that is not set yet: a name with a repeated part is of no known form.
fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.is_none().then(|| *field = Some(value))
}

/// `{codec}_baseline_q{quality}`. A chroma sampling may end the codec, or stand before or after `baseline`.
fn baseline(tokens: &[&str]) -> Option<RunFields> {
    let at = tokens.iter().position(|&token| token == "baseline")?;
    let (last, between) = tokens[at + 1..].split_last()?;
    let quality = number(last, "q")?;
    let mut subsamp = None;
    for token in between {
        once(&mut subsamp, find(&SUBSAMP, token)?)?;
    }
    let mut before = &tokens[..at];
    if let Some((last, others)) = before.split_last()
        && let Some(sampling) = find(&SUBSAMP, last)
    {
        once(&mut subsamp, sampling)?;
        before = others;
    }
    if before.is_empty() || before.iter().any(|token| token.is_empty()) {
        return None;
    }
    let mut fields = RunFields { quality: Some(quality), ..RunFields::baseline(&before.join("_")) };
    if let Some(subsamp) = subsamp {
        once(&mut fields.subsamp, subsamp.to_string())?;
    }
    fields.set_baseline_label();
    fields.series = tokens[..tokens.len() - 1].join("_");
    Some(fields)
}

/// `rs_…`, `gpu_…`, `uf_{filter}_…` and `optl2_debug_…`. The first letters of each further part say what it is.
fn origami(tokens: &[&str]) -> Option<RunFields> {
    let mut fields = RunFields::origami();
    let (head, rest) = match tokens {
        ["rs", rest @ ..] => ("ORIGAMI", rest),
        ["gpu", rest @ ..] => ("ORIGAMI on GPU", rest),
        ["uf", filter, rest @ ..] => {
            fields.filter = Some(find(&FILTERS, filter)?.into());
            ("ORIGAMI", rest)
        }
        ["optl2", "debug", rest @ ..] => {
            fields.optl2 = true;
            ("ORIGAMI debug", rest)
        }
        _ => return None,
    };
    let mut packs = None;
    for token in rest {
        if let Some(subsamp) = find(&SUBSAMP, token) {
            once(&mut fields.subsamp, subsamp.into())?;
        } else if let Some(q) = swept_quality(token) {
            once(&mut fields.quality, q)?;
        } else if let Some(q) = number(token, "l1q") {
            once(&mut fields.l1q, q)?;
        } else if let Some(q) = number(token, "b") {
            once(&mut fields.baseq, q)?;
        } else if let Some(q) = number(token, "c") {
            once(&mut fields.chroma_resq, q)?;
        } else if let Some(encoder) = token.strip_prefix("r-").filter(|rest| !rest.is_empty()) {
            once(&mut fields.residual_encoder, encoder.into())?;
        } else if let Some(preset) = token.strip_prefix("p-").filter(|rest| !rest.is_empty()) {
            once(&mut fields.preset, preset.into())?;
        } else if let Some(delta) = number(token, "d") {
            once(&mut fields.max_delta, delta)?;
        } else if let Some(encoder) = ENCODERS.iter().find(|one| *one == token) {
            once(&mut fields.encoder, (*encoder).into())?;
        } else if *token == "optl2" && !fields.optl2 {
            fields.optl2 = true;
        } else if *token == "pac" {
            once(&mut packs, "packs".to_string())?;
        } else {
            return None;
        }
    }
    fields.quality?;
    fields.set_origami_label(head, packs.as_slice());
    let fixed = |token: &&&str| swept_quality(token).is_none();
    fields.series = tokens.iter().filter(fixed).copied().collect::<Vec<_>>().join("_");
    Some(fields)
}

/// The quality that is swept along a curve of ORIGAMI: that of the residual, or the one of a preset.
fn swept_quality(token: &str) -> Option<f64> {
    ["l0q", "j", "quality"].into_iter().find_map(|prefix| number(token, prefix))
}

/// A name of no known form. It may end with a quality: `_q70`, `-q70`.
fn unknown(name: &str) -> RunFields {
    let cut = name.rsplit_once(['_', '-']).filter(|(before, _)| !before.is_empty());
    let swept = cut.and_then(|(before, last)| {
        number(last, "q").or_else(|| swept_quality(last)).map(|quality| (before, quality))
    });
    let (label, quality) = swept.map_or((name, None), |(before, quality)| (before, Some(quality)));
    RunFields { label: label.into(), series: label.into(), quality, ..RunFields::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the users' tools with kind, label, series and quality.
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
            let read = parse(name);
            assert_eq!(
                (read.kind, read.label.as_str(), read.series.as_str(), read.quality),
                (Some(kind), label, series, Some(quality)),
                "{name}"
            );
        }
    }

    #[test]
    fn the_parts_of_a_name_become_fields() {
        let read = parse("rs_420opt_b90_optl2_d20_l1q60_l0q40");
        assert_eq!((read.subsamp.as_deref(), read.baseq), (Some("4:2:0 optimised"), Some(90.0)));
        assert_eq!((read.optl2, read.max_delta, read.l1q), (true, Some(20.0), Some(60.0)));
        assert_eq!(parse("uf_bc_444_l0q40").filter.as_deref(), Some("bicubic"));
        assert_eq!(parse("jp2_baseline_q50").codec.as_deref(), Some("JPEG 2000"));
        // Runs of one series differ in their quality alone.
        assert_eq!(parse("rs_444_b90_l0q30").series, parse("rs_444_b90_l0q60").series);
        assert_ne!(parse("rs_444_b90_l0q30").series, parse("rs_444_b95_l0q30").series);
    }

    #[test]
    fn other_names_are_their_own_labels() {
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
            let read = parse(name);
            assert_eq!((read.kind, read.label.as_str(), read.series.as_str()), (None, name, name));
            assert_eq!(read.quality, None, "{name}");
        }
        // A quality at the end makes a series even so.
        let read = parse("my-codec_v2_q35");
        assert_eq!((read.kind, read.series.as_str(), read.quality), (None, "my-codec_v2", Some(35.0)));
        let read = parse("rs_444_new_l0q35");
        assert_eq!((read.kind, read.series.as_str(), read.quality), (None, "rs_444_new", Some(35.0)));
    }
}

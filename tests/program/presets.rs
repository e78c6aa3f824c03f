//! `--preset`, `--target-psnr`, `--target-size`, `--entropy`: encodes by goal instead of by number.

use std::fs;

use crate::kit::files::{contents, nothing_written};
#[cfg(feature = "mozjpeg")]
use crate::kit::image::Image;
use crate::kit::program::{arg, inspected, origami};
use crate::kit::slides::{Small, write_png};
use serde_json::Value;

#[test]
fn every_preset_decodes_to_what_its_encoder_saw() {
    let s = Small::new();
    let mut sizes = Vec::new();
    for preset in ["archive", "balanced", "small"] {
        let out = s.path(preset);
        origami(&["encode", "--pyramid", arg(&s.dzi), "--out", arg(&out), "--preset", preset]).ok();
        let bundle = out.join("residual_packs/residuals.bundle");
        origami(&["verify", "--deep", arg(&bundle)]).ok();
        let value = inspected(&bundle);
        assert_eq!(value["preset"], preset);
        let text = origami(&["inspect", arg(&bundle)]).ok().stdout;
        let row = |label: &str| text.lines().find_map(|line| line.strip_prefix(label)).unwrap_or("").trim();
        assert_eq!((row("preset "), row("complete ")), (preset, "yes"), "{text}");
        assert_eq!(format!("\"{}\"", row("entropy coder ")), value["entropy"].to_string(), "{text}");
        let meta = value["meta"].clone();
        assert_eq!(meta["coding"]["chroma_residual"], true, "{preset}");
        assert_eq!(meta["encode"]["encoder"], "trellis");
        assert_eq!(meta["encode"]["entropy"], if preset == "balanced" { "adaptive" } else { "context" });
        sizes.push(fs::metadata(&bundle).unwrap().len());
    }
    // Where there is as little to code as here, the coder of `archive` outweighs its finer steps.
    assert!(sizes[0] > sizes[2] && sizes[1] > sizes[2], "{sizes:?}");
    // A flag beside a preset is the user's word.
    let out = s.path("own");
    let args = ["encode", "--pyramid", arg(&s.dzi), "--out", arg(&out), "--preset", "archive"];
    origami(&[&args[..], &["--entropy", "huffman", "--baseq", "91", "--chroma-resq", "33"]].concat()).ok();
    let value = inspected(&out.join("residual_packs/residuals.bundle"));
    assert_eq!((&value["preset"], &value["entropy"]), (&Value::Null, &"huffman".into()));
    let meta = &value["meta"];
    assert_eq!(
        (&meta["encode"]["base_quality"], &meta["encode"]["chroma_residual_quality"]),
        (&91.into(), &33.into())
    );
    assert_eq!(meta["encode"]["entropy"], Value::Null);
}

#[test]
fn what_a_preset_switches_on_can_be_switched_off_beside_it() {
    let s = Small::new();
    let encode = |name: &str, flags: &[&str]| {
        let out = s.path(name);
        origami(&[&["encode", "--pyramid", arg(&s.dzi), "--out", arg(&out)], flags].concat()).ok();
        out.join("residual_packs/residuals.bundle")
    };
    let bundle = encode("off", &["--preset", "balanced", "--chroma-resq", "off", "--entropy", "huffman"]);
    origami(&["verify", "--deep", arg(&bundle)]).ok();
    let meta = inspected(&bundle)["meta"].clone();
    assert_eq!(meta["coding"]["chroma_residual"], Value::Null);
    assert_eq!(
        (&meta["encode"]["chroma_residual_quality"], &meta["encode"]["entropy"]),
        (&Value::Null, &Value::Null)
    );
    // What is left of the preset is what its numbers alone say, to the byte.
    let spelled = encode("spelled", &["--encoder", "trellis", "--subsamp", "420", "--quality", "52"]);
    assert_eq!(fs::read(&bundle).unwrap(), fs::read(spelled).unwrap());
    // A quality or a target moves what is on, and brings nothing back.
    let moved = encode("moved", &["--preset", "small", "--chroma-resq", "off", "--target-psnr", "30"]);
    let meta = inspected(&moved)["meta"].clone();
    assert_eq!(meta["coding"]["chroma_residual"], Value::Null);
    assert_eq!(meta["encode"]["entropy"], "context");
    for wrong in ["0", "101", "none"] {
        let args = ["encode", "--pyramid", arg(&s.dzi), "--out", "x", "--chroma-resq", wrong];
        origami(&args).refused(&["1 to 100", "off"]);
    }
}

/// Two families: noisy glass with a speck on it, which is nearly nothing to a residual, and tissue.
#[cfg(feature = "mozjpeg")]
fn glass_and_tissue(path: &std::path::Path) {
    let (width, height) = (512, 256);
    let mut image = Image::cells(width, height, 3);
    for (i, px) in image.data.chunks_exact_mut(3).enumerate() {
        let (x, y) = (i % width, i / width);
        if x < width / 2 {
            let noise = ((i.wrapping_mul(2_654_435_761) >> 13) % 4) as u8;
            let speck = if x.abs_diff(100) < 3 && y.abs_diff(90) < 3 { 120 } else { 0 };
            px.copy_from_slice(&[236 + noise - speck, 234 + noise - speck, 238 + noise - speck]);
        }
    }
    fs::write(path, image.png()).unwrap();
}

#[cfg(feature = "mozjpeg")]
#[test]
fn residuals_of_glass_take_less_and_decode_to_the_same_files_and_others_stay_as_they_are() {
    let s = Small::new();
    let slide = s.path("slide.png");
    glass_and_tissue(&slide);
    let made = ["huffman", "adaptive", "lepton", "context", "huffman+context"].map(|recorded| {
        let out = s.path(recorded);
        let (entropy, residual) = recorded.split_once('+').unwrap_or((recorded, ""));
        let args = ["encode", "--image", arg(&slide), "--tile", "64", "--out", arg(&out), "--pack"];
        let how = ["--encoder", "mozjpeg", "--quality", "50", "--chroma-resq", "50", "--entropy", entropy];
        let apart = ["--residual-entropy", residual];
        origami(&[&args[..], &how, if residual.is_empty() { &[] } else { &apart }].concat()).ok();
        let bundle = out.join("residual_packs/residuals.bundle");
        origami(&["verify", "--deep", arg(&bundle)]).ok();
        assert_eq!(inspected(&bundle)["entropy"], recorded);
        let payloads: Vec<Vec<(u64, String)>> = inspected(&bundle)["family_list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|family| {
                let of = |p: &Value| (p["bytes"].as_u64().unwrap(), p["codec"].as_str().unwrap().to_string());
                family["payloads"].as_array().unwrap().iter().map(of).collect()
            })
            .collect();
        let decoded = out.join("decoded");
        let args = ["decode", "--bundle", arg(&bundle), "--out", arg(&decoded), "--output-format", "png"];
        origami(&args).ok();
        // The sidecar names the archive, so only the tiles are compared.
        (payloads, contents(&decoded.join("decoded_pyramid_files")))
    });
    let [huffman, adaptive, lepton, context, huffman_context] = &made;
    for other in [adaptive, lepton, context, huffman_context] {
        assert!(huffman.1 == other.1, "the tiles differ");
    }
    let residual = |of: &(Vec<Vec<(u64, String)>>, _), family: usize| of.0[family][1].clone();
    let (glass, tissue) = (0, 1);
    // What viewers are sent as it is stays a JPEG of Huffman codes, and so does tissue.
    assert_eq!(adaptive.0[glass][0], huffman.0[glass][0]);
    assert_eq!(adaptive.0[tissue], huffman.0[tissue]);
    assert_eq!(context.0[tissue][0], lepton.0[tissue][0]);
    for family in [glass, tissue] {
        let parts = &huffman_context.0[family];
        assert_eq!((&parts[0], &parts[1]), (&huffman.0[family][0], &context.0[family][1]));
    }
    assert!(residual(adaptive, glass).0 * 4 <= residual(huffman, glass).0 * 3);
    assert!(residual(context, glass).0 * 2 <= residual(adaptive, glass).0);
    for family in [glass, tissue] {
        assert_eq!(residual(context, family).1, "context");
        assert!(residual(context, family).0 < residual(huffman, family).0);
    }
    assert!(residual(context, glass).0 * 2 <= residual(lepton, glass).0);
}

#[test]
fn repacked_bundles_are_smaller_and_decode_to_the_same_files() {
    let dir = tempfile::tempdir().unwrap();
    let slide = dir.path().join("slide.png");
    write_png(&slide, 700, 520, 5);
    let [plain, packed] = ["huffman", "lepton"].map(|entropy| {
        let out = dir.path().join(entropy);
        let args =
            ["encode", "--image", arg(&slide), "--tile", "64", "--out", arg(&out), "--entropy", entropy];
        origami(&[&args[..], &["--chroma-resq", "60"]].concat()).ok();
        let bundle = out.join("residual_packs/residuals.bundle");
        origami(&["verify", "--deep", arg(&bundle)]).ok();
        let decoded = out.join("decoded");
        origami(&["decode", "--bundle", arg(&bundle), "--out", arg(&decoded)]).ok();
        let tiles: Vec<_> =
            contents(&decoded).into_iter().filter(|(name, _)| name.ends_with(".jpg")).collect();
        (inspected(&bundle), tiles)
    });
    assert!(packed.0["file_bytes"].as_u64() < plain.0["file_bytes"].as_u64());
    let codecs = |value: &Value| {
        value["family_list"][0]["payloads"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["codec"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!((codecs(&plain.0), codecs(&packed.0)), (vec!["jpeg".into(); 2], vec!["lepton".into(); 2]));
    assert!(plain.1.len() > 100);
    assert!(plain.1 == packed.1, "the tiles differ");
}

#[test]
fn a_wanted_psnr_is_reached_by_the_lowest_quality_that_does() {
    let s = Small::new();
    let psnr = |out: &std::path::Path| {
        let manifest: Value = serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
        manifest["summary"]["l0_y_psnr"].as_f64().unwrap()
    };
    let encode = |name: &str, extra: &[&str]| {
        let out = s.path(name);
        let args = ["encode", "--pyramid", arg(&s.dzi), "--out", arg(&out), "--manifest"];
        let said = origami(&[&args[..], extra].concat()).ok().stdout;
        (out, said)
    };
    let (out, said) = encode("wanted", &["--target-psnr", "38"]);
    assert!(said.contains("residual quality"), "{said}");
    let meta = inspected(&out.join("residual_packs/residuals.bundle"))["meta"]["encode"].clone();
    let (quality, base) = (meta["residual_quality"].as_u64().unwrap(), meta["base_quality"].to_string());
    // All families of so small a slide are tried: the estimate is exact.
    assert!(psnr(&out) >= 38.0);
    let (lower, _) = encode("lower", &["--l0q", &(quality - 1).to_string(), "--baseq", &base]);
    assert!(psnr(&lower) < 38.3, "{quality}: {} dB below it", psnr(&lower));
    let refused = s.path("refused");
    let args = ["encode", "--pyramid", arg(&s.dzi), "--out", arg(&refused)];
    origami(&[&args[..], &["--target-psnr", "90"]].concat()).fails(&[
        "--target-psnr 90",
        "dB",
        "ask for less",
    ]);
    origami(&[&args[..], &["--target-size", "100"]].concat()).fails(&["--target-size 100", "ask for more"]);
    origami(&[&args[..], &["--target-size", "much"]].concat()).refused(&["1.5GB"]);
    origami(&[&args[..], &["--target-psnr", "40", "--l0q", "50"]].concat()).refused(&["cannot be used with"]);
    nothing_written(&refused);
}

#[test]
fn a_wanted_size_is_kept_to() {
    let dir = tempfile::tempdir().unwrap();
    let slide = dir.path().join("slide.png");
    write_png(&slide, 900, 700, 9);
    for size in [60_000u64, 120_000] {
        let out = dir.path().join(size.to_string());
        let wanted = format!("{}k", size / 1000);
        let args =
            ["encode", "--image", arg(&slide), "--tile", "128", "--out", arg(&out), "--preset", "small"];
        origami(&[&args[..], &["--target-size", &wanted]].concat()).ok();
        let bytes = fs::metadata(out.join("residual_packs/residuals.bundle")).unwrap().len();
        assert!((size * 80 / 100..=size * 112 / 100).contains(&bytes), "{bytes} bytes for {size}");
    }
}

#[test]
fn blank_glass_has_no_residual_and_decodes_to_blank_glass() {
    let s = Small::new();
    let (white, out) = (s.path("white.png"), s.path("white"));
    fs::write(&white, origami::codec::encode_png(&vec![255; 3 * 300 * 300], 3, 300, 300).unwrap()).unwrap();
    let args = ["encode", "--image", arg(&white), "--tile", "32", "--out", arg(&out), "--chroma-resq", "50"];
    origami(&args).ok();
    let bundle = out.join("residual_packs/residuals.bundle");
    origami(&["verify", "--deep", arg(&bundle)]).ok();
    let value = inspected(&bundle);
    assert!(
        value["family_list"].as_array().unwrap().iter().all(|f| f["payloads"].as_array().unwrap().len() == 1)
    );
    let decoded = s.path("decoded");
    origami(&["decode", "--bundle", arg(&bundle), "--out", arg(&decoded), "--output-format", "png"]).ok();
    for (name, bytes) in contents(&decoded).into_iter().filter(|(name, _)| name.ends_with(".png")) {
        let image = origami::codec::decode_png(&bytes, 1 << 20).unwrap();
        assert!(image.data.iter().all(|&v| v == 255), "{name}");
    }
}

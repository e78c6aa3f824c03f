//! The command line: help, flags that contradict each other, output that must not be there.
//!
//! `bad_input.rs` has the files that are wrong, `crash.rs` the disk that is full and the run that is killed.

use crate::kit::files::{contents, listing, nothing_written};
use crate::kit::forge::{self, Forge};
use crate::kit::program::{Ran, arg, inspected, origami, program};
use crate::kit::slides::{Small, write_png};
use std::fs;
use std::process::Stdio;

/// What the help of each subcommand must list: the contract with users.
const FLAGS: [(&str, &str); 3] = [
    (
        "encode",
        "--pyramid --image --slide --out --baseq --resq --l0q --subsamp --encoder --optl2 --max-delta --sharpen \
         --save-sharpened --upsample-filter --downsample-filter --l0-scale --l0-sharpen --tile --pack --manifest \
         --debug-images --max-parents --missing --quiet",
    ),
    (
        "decode",
        "--pyramid --out --packs --pack-file --bundle --quality --tile --upsample-filter --output-format --max-parents \
         --grayscale --timing --tile-subsamp --overwrite --quiet",
    ),
    ("pyramid", "--out --tile --quality --subsamp --format --overwrite --max-memory --associated --quiet"),
];

#[test]
fn help_lists_every_flag_and_default_of_the_contract() {
    for (command, flags) in FLAGS {
        let help = origami(&[command, "--help"]).ok().stdout;
        for flag in flags.split_whitespace() {
            let listed = help.lines().any(|l| l.split_whitespace().any(|w| w.trim_end_matches(',') == flag));
            assert!(listed, "{command} --help lacks {flag}:\n{help}");
        }
    }
    let help = origami(&["encode", "--help"]).ok().stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in [
        "[default: 95]",
        "[default: 50]",
        "[default: 444]",
        "[default: turbojpeg]",
        "[default: 15]",
        "420opt",
    ] {
        assert!(help.contains(word), "{word}");
    }
    for command in ["inspect", "verify", "compare", "bench"] {
        assert!(!origami(&[command, "--help"]).ok().stdout.is_empty());
    }
    origami(&["--version"]).ok();
}

#[test]
fn flags_that_make_no_sense_are_refused_before_anything_is_written() {
    let s = Small::new();
    let out = s.path("refused");
    let (dzi, bundle) = (arg(&s.dzi), arg(&s.bundle));
    let encode =
        |extra: &[&str]| origami(&[&["encode", "--pyramid", dzi, "--out", arg(&out)], extra].concat());
    let decode =
        |extra: &[&str]| origami(&[&["decode", "--bundle", bundle, "--out", arg(&out)], extra].concat());
    encode(&["--upsample-filter", "sinc"]).refused(&["sinc", "lanczos3"]);
    encode(&["--baseq", "0"]).refused(&["0", "--baseq", "1 to 100"]);
    encode(&["--l0q", "101"]).refused(&["101", "1 to 100"]);
    encode(&["--subsamp", "422"]).refused(&["422", "420opt"]);
    encode(&["--image", dzi]).refused(&["cannot be used with"]);
    origami(&["encode", "--out", arg(&out)]).refused(&["--pyramid"]);
    encode(&["--tile", "256"]).refused(&["--tile 256", "32", "baseline_pyramid.dzi"]);
    encode(&["--save-sharpened"]).refused(&["--sharpen S"]);
    encode(&["--sharpen", "17"]).refused(&["'17'", "--sharpen", "0 to 16"]);
    encode(&["--sharpen", "nan"]).refused(&["'nan'", "--sharpen"]);
    encode(&["--l0-scale", "0"]).refused(&["--l0-scale", "1 to 100"]);
    encode(&["--l0-scale", "101"]).refused(&["'101'", "--l0-scale"]);
    encode(&["--max-parents", "0"]).refused(&["'0'", "--max-parents"]);
    let built = [
        ("mozjpeg", cfg!(feature = "mozjpeg")),
        ("jpegli", cfg!(feature = "jpegli")),
        ("jpegxl", cfg!(feature = "jpegxl")),
        ("webp", cfg!(feature = "webp")),
    ];
    for (encoder, _) in built.into_iter().filter(|(_, built)| !built) {
        let feature = format!("--features {encoder}");
        encode(&["--encoder", encoder, "--subsamp", "420"]).refused(&[encoder, &feature]);
        encode(&["--residual-encoder", encoder]).refused(&[encoder, &feature]);
    }
    encode(&["--encoder", "webp"]).refused(&["--encoder webp", "--subsamp 420"]);
    encode(&["--threads", "100000000"]).refused(&["'100000000'", "--threads", "0 to 1024"]);
    decode(&["--tile", "256"]).refused(&["residuals.bundle", "--tile 256", "32", "leave the flag out"]);
    decode(&["--upsample-filter", "bicubic"]).refused(&["residuals.bundle", "bicubic", "lanczos3"]);
    decode(&["--quality", "0"]).refused(&["1 to 100"]);
    decode(&["--quality", "101"]).refused(&["1 to 100"]);
    decode(&["--packs", bundle]).refused(&["cannot be used with"]);
    decode(&["--max-parents", "0"]).refused(&["'0'", "--max-parents"]);
    origami(&["decode", "--out", arg(&out)]).refused(&["--bundle"]);
    nothing_written(&out);
    assert!(!out.exists());
}

#[test]
fn a_pack_and_a_bundle_are_not_mistaken_for_one_another() {
    let s = Small::new();
    let out = s.path("out2");
    let (pack, o) = (s.pack(), arg(&out));
    origami(&["decode", "--bundle", arg(&pack), "--out", o])
        .refused(&["0_0.pack", "give it with --pack-file"]);
    origami(&["decode", "--pack-file", arg(&s.bundle), "--out", o])
        .refused(&["residuals.bundle", "give it with --bundle"]);
    origami(&["decode", "--pack-file", arg(&pack), "--out", o]).refused(&["0_0.pack", "--pyramid P"]);
    nothing_written(&out);
    origami(&["decode", "--pack-file", arg(&pack), "--pyramid", arg(&s.dzi), "--out", o]).ok();
}

#[test]
fn packs_that_are_mixed_missing_or_damaged_are_refused_by_name() {
    let s = Small::new();
    let (dir, out) = (s.bundle.parent().unwrap().to_path_buf(), s.path("out3"));
    let decode = |extra: &[&str]| {
        origami(
            &[&["decode", "--packs", arg(&dir), "--pyramid", arg(&s.dzi), "--out", arg(&out)], extra]
                .concat(),
        )
    };
    let other = s.path("other");
    origami(&["encode", "--pyramid", arg(&s.dzi), "--out", arg(&other), "--pack", "--l0q", "40", "-q"]).ok();
    let theirs = other.join("residual_packs/1_1.pack");
    let own = fs::read(dir.join("1_1.pack")).unwrap();
    fs::copy(&theirs, dir.join("1_1.pack")).unwrap();
    decode(&[]).fails(&["1_1.pack", "another encode"]);
    nothing_written(&out);
    let mut bad = own.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(dir.join("1_1.pack"), bad).unwrap();
    decode(&[]).damaged(&["1_1.pack", "checksum"]);
    // A lie inside is blamed on its own pack, not on the first.
    let mut forge = forge::Forge::new(&own);
    forge.families[0].payloads.remove(0);
    fs::write(dir.join("1_1.pack"), forge.bytes()).unwrap();
    decode(&[]).damaged(&["1_1.pack", "it has no baseline"]);
    fs::remove_file(dir.join("1_1.pack")).unwrap();
    decode(&[]).damaged(&["3 packs", "4 families", "--max-parents 3"]);
    nothing_written(&out);
    fs::write(dir.join("9_9.pack"), &own).unwrap();
    decode(&[]).fails(&["9_9.pack", "remove it"]);
    origami(&["decode", "--packs", arg(&s.path("tree")), "--out", arg(&out)])
        .fails(&["no .pack files", "--bundle"]);
    nothing_written(&out);
    fs::remove_file(dir.join("9_9.pack")).unwrap();
    fs::write(dir.join("1_1.pack"), own).unwrap();
    decode(&[]).ok();
}

#[test]
fn what_is_there_is_kept_unless_overwrite_is_given() {
    let s = Small::new();
    let (image, out) = (s.path("a.png"), s.path("both"));
    write_png(&image, 150, 130, 1);
    let pyramid = ["pyramid", arg(&image), "--out", arg(&out), "--tile", "32"];
    let decode = ["decode", "--bundle", arg(&s.bundle), "--out", arg(&out)];
    for command in [&pyramid[..], &decode] {
        origami(command).ok();
        let before = contents(&out);
        origami(command).fails(&["it is there already", "--overwrite"]);
        assert_eq!(contents(&out), before);
        origami(&[command, &["--overwrite"]].concat()).ok();
        assert_eq!(contents(&out), before);
    }
}

#[test]
fn encode_into_the_slides_own_directory_adds_and_alters_nothing() {
    let s = Small::new();
    let dir = s.path("tree");
    let before = contents(&dir);
    origami(&["encode", "--pyramid", arg(&dir), "--out", arg(&dir), "--pack"]).ok();
    let added: Vec<_> = contents(&dir).into_iter().filter(|file| !before.contains(file)).collect();
    assert_eq!(contents(&dir).len(), before.len() + added.len());
    assert!(added.iter().all(|(name, _)| name.starts_with("residual_packs/")), "{:?}", listing(&dir));
    assert_eq!(added.len(), 5);
}

#[test]
fn quiet_prints_nothing_and_pipes_get_no_control_characters() {
    let s = Small::new();
    let (image, dir) = (s.path("a.png"), s.path("t"));
    write_png(&image, 150, 130, 1);
    let (e, d) = (s.path("e"), s.path("d"));
    for quiet in ["--quiet", ""] {
        let again = if quiet.is_empty() { "--overwrite" } else { "" };
        let all = [
            origami(&["pyramid", arg(&image), "--out", arg(&dir), "--tile", "32", quiet, again]),
            origami(&["encode", "--pyramid", arg(&dir), "--out", arg(&e), quiet]),
            origami(&["decode", "--bundle", arg(&s.bundle), "--out", arg(&d), quiet, again]),
            origami(&["verify", "--deep", arg(&s.bundle), quiet]),
        ];
        for ran in all.map(Ran::ok) {
            let printed = format!("{}{}", ran.stdout, ran.stderr);
            assert!(printed.chars().all(|c| c == '\n' || !c.is_control()), "{ran:?}");
            assert_eq!(printed.is_empty(), !quiet.is_empty(), "{ran:?}");
        }
    }
}

#[test]
fn timing_has_a_row_a_family() {
    let s = Small::new();
    let out =
        origami(&["decode", "--bundle", arg(&s.bundle), "--out", arg(&s.path("d")), "--timing", "-q"]).ok();
    let rows: Vec<Vec<&str>> = out.stdout.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["family", "read_us", "decode_us", "reconstruct_us", "encode_us", "write_us"]);
    let names: Vec<_> = rows[1..].iter().map(|row| row[0]).collect();
    assert_eq!(names, ["0_0", "1_0", "0_1", "1_1"]);
    assert!(rows[1..].iter().all(|row| row.len() == 6 && row[1..].iter().all(|n| n.parse::<u64>().is_ok())));
}

#[test]
fn the_parts_that_inspect_lists_add_up_to_the_file() {
    let s = Small::new();
    // White glass: equal blobs, stored once.
    let (white, out) = (s.path("white.png"), s.path("white"));
    fs::write(&white, origami::codec::encode_png(&vec![255; 3 * 300 * 300], 3, 300, 300).unwrap()).unwrap();
    origami(&["encode", "--image", arg(&white), "--tile", "32", "--out", arg(&out)]).ok();
    for file in [&s.bundle, &s.pack(), &out.join("residual_packs/residuals.bundle")] {
        let value = inspected(file);
        let parts = value["bytes"].as_object().unwrap();
        let sum: u64 =
            parts.iter().filter(|(name, _)| *name != "shared").map(|(_, n)| n.as_u64().unwrap()).sum();
        assert_eq!(sum, fs::metadata(file).unwrap().len(), "{value}");
        assert_eq!(value["file_bytes"].as_u64(), Some(sum));
        assert!(!origami(&["inspect", arg(file)]).ok().stdout.is_empty());
    }
    let nothing = s.path("nothing");
    fs::create_dir(&nothing).unwrap();
    assert!(origami(&["inspect", arg(&nothing)]).fails(&["nothing"]).stdout.is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_or_closed_standard_output_is_no_panic() {
    let s = Small::new();
    let commands = [
        vec!["inspect", arg(&s.bundle)],
        vec!["inspect", "--json", arg(&s.bundle)],
        vec!["verify", arg(&s.bundle)],
    ];
    for args in commands {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran: Ran = program().args(&args).stdout(full).stderr(Stdio::piped()).output().unwrap().into();
        ran.fails(&["standard output"]);
        let (reader, writer) = io_pipe();
        drop(reader);
        let ran: Ran = program().args(&args).stdout(writer).stderr(Stdio::piped()).output().unwrap().into();
        assert!(ran.ok().stderr.is_empty());
    }
}

#[cfg(target_os = "linux")]
fn io_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    std::io::pipe().unwrap()
}

#[test]
fn packs_of_two_slides_that_look_alike_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    for (name, quality) in [("a", "50"), ("b", "90")] {
        // The same name, size and parameters; only the pixels differ.
        origami(&["bench", "slide", "--size", "300x300", "--out", &at(&format!("{name}.png"))]).ok();
        let (png, tree) = (at(&format!("{name}.png")), at(name));
        origami(&["pyramid", &png, "--out", &tree, "--tile", "32", "--quality", quality]).ok();
        origami(&["encode", "--pyramid", &tree, "--out", &tree, "--pack"]).ok();
    }
    let decode = |out: &str| {
        origami(&["decode", "--packs", &at("a/residual_packs"), "--pyramid", &at("a"), "--out", out])
    };
    decode(&at("whole")).ok();
    std::fs::copy(at("b/residual_packs/1_1.pack"), at("a/residual_packs/1_1.pack")).unwrap();
    decode(&at("mixed")).fails(&["1_1.pack", "another encode"]);
    assert!(!dir.path().join("mixed/decoded_pyramid.dzi").exists());
    std::fs::rename(at("a/residual_packs/1_1.pack"), at("a/residual_packs/01_1.pack")).unwrap();
    decode(&at("mixed")).fails(&["01_1.pack"]);
}

#[test]
fn files_that_were_there_are_not_replaced_unasked() {
    let s = Small::new();
    let (dzi, bundle) = (arg(&s.dzi), arg(&s.bundle));
    let out = s.path("mine");
    for (name, args) in [
        ("decoded_pyramid.json", vec!["decode", "--bundle", bundle, "--out", arg(&out)]),
        ("manifest.json", vec!["encode", "--pyramid", dzi, "--out", arg(&out), "--manifest"]),
    ] {
        std::fs::create_dir_all(&out).unwrap();
        let file = out.join(name);
        std::fs::write(&file, "my notes").unwrap();
        origami(&args).fails(&[name]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "my notes");
        std::fs::remove_dir_all(&out).unwrap();
    }
    // A manifest of an earlier encode is the next one's to replace.
    let encode = ["encode", "--pyramid", dzi, "--out", arg(&out), "--manifest"];
    origami(&encode).ok();
    origami(&encode).ok();
}

#[test]
fn small_levels_missing_from_the_tree_beside_packs_are_refused() {
    let s = Small::new();
    let dir = s.dzi.parent().unwrap();
    let out = s.path("from_packs");
    origami(&["encode", "--pyramid", arg(&s.dzi), "--out", arg(dir), "--pack"]).ok();
    let packs = dir.join("residual_packs");
    std::fs::remove_file(dir.join("baseline_pyramid_files/1/0_0.jpg")).unwrap();
    origami(&["decode", "--packs", arg(&packs), "--pyramid", arg(&s.dzi), "--out", arg(&out)])
        .damaged(&["1/0_0.jpg"]);
}

/// Metadata come from files of strangers: they must not move the cursor, set the title, or look like another line.
#[test]
fn control_characters_of_metadata_are_shown_and_not_obeyed() {
    let small = Small::new();
    let mut forge = Forge::new(&fs::read(&small.bundle).unwrap());
    forge.meta["source"]["name"] = "\u{1b}]0;owned\u{7}\nfile  another".into();
    let path = small.path("forged.bundle");
    fs::write(&path, forge.bytes()).unwrap();
    let ran = origami(&["inspect", arg(&path)]).ok();
    assert!(ran.stdout.contains(r"\u{1b}]0;owned\u{7}\nfile  another"), "{ran:?}");
    let name = small.path("\u{1b}[2J.bundle");
    let error = origami(&["inspect", arg(&name)]).fails(&[r"\u{1b}[2J.bundle"]);
    assert!([ran.stdout, error.stderr].iter().all(|text| !text.contains(['\u{1b}', '\u{7}'])));
}

#[test]
fn a_result_without_some_of_its_packs_or_its_manifest_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (png, out) = (dir.path().join("a.png"), dir.path().join("out"));
    write_png(&png, 150, 130, 1);
    let base = ["encode", arg(&png), "--out", arg(&out), "--pack", "--manifest", "--tile", "32"];
    let again = || origami(&[&base[..], &["--skip-existing"]].concat());
    origami(&base).ok();
    assert!(again().ok().stdout.contains("it is there already"));
    fs::remove_file(out.join("residual_packs/1_0.pack")).unwrap();
    again().fails(&["lacks some of its packs"]);
    origami(&[&base[..], &["--overwrite"]].concat()).ok();
    fs::remove_file(out.join("manifest.json")).unwrap();
    again().fails(&["lacks its manifest"]);
}

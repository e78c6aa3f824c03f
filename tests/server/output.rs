//! What is sent is what the rules of output say: subsampling, what goes out as stored and what is coded again, sharpening, and
//! that Content-Type, manifest and descriptor tell the truth. Over the built server.

use std::fs;
use std::path::{Path, PathBuf};

use crate::kit::files::contents;
use crate::kit::forge::Forge;
use crate::kit::jpeg::frame;
use crate::kit::pipeline::ready_encoders;
use crate::kit::program::{arg, origami};
use crate::kit::slides::{encode_tree, tree, write_png};
use crate::running::{Reply, Running};
use origami::archive::{Archive, BUNDLE_NAME, PACK_DIR};
use origami::codec::{CodecId, EncoderKind, Shape, decoder};
use origami::image::family::PayloadKind;
use origami::image::geometry::{Geometry, TileId};
use origami::params::{EncodeParams, Subsamp};

const SIZE: (u32, u32) = (300, 260);

/// A slide of a tree and its bundle, `SIZE` in tiles of `tile`; returns the bundle.
fn slide(root: &Path, name: &str, tile: u32, params: &EncodeParams) -> PathBuf {
    let dir = root.join(name);
    let dzi = tree(&dir, SIZE.0 as usize, SIZE.1 as usize, tile, 5);
    encode_tree(&dzi, &dir, params)
}

/// Every tile of levels that are so many below the finest.
fn tiles(tile: u32, down: impl Fn(u32) -> bool) -> Vec<TileId> {
    let geometry = Geometry::new(SIZE.0, SIZE.1, tile).unwrap();
    let levels = (0..=geometry.top_level()).filter(|&level| down(geometry.top_level() - level));
    let all = levels.flat_map(|level| {
        let (columns, rows) = geometry.tiles(level);
        (0..rows).flat_map(move |y| (0..columns).map(move |x| TileId { level, x, y }))
    });
    all.collect()
}

fn get(server: &Running, name: &str, tile: TileId) -> Reply {
    let reply = server.get(&format!("/tiles/{name}/{}/{}_{}.jpg", tile.level, tile.x, tile.y));
    assert_eq!(reply.status, 200, "{tile}: {reply:?}");
    reply
}

/// Sampling factors of the components of a JPEG.
fn factors(jpeg: &[u8]) -> Vec<(u8, u8)> {
    frame(jpeg).2
}

/// The type that the bytes themselves tell.
fn true_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => "nothing known",
    }
}

const S420: &[(u8, u8)] = &[(2, 2), (1, 1), (1, 1)];
const S444: &[(u8, u8)] = &[(1, 1), (1, 1), (1, 1)];
const GRAY: &[(u8, u8)] = &[(1, 1)];

#[test]
fn tiles_that_are_made_have_the_chroma_that_was_asked_for() {
    let root = tempfile::tempdir().unwrap();
    slide(root.path(), "even", 64, &EncodeParams::default());
    slide(root.path(), "odd", 63, &EncodeParams::default());
    let cases: [(&[&str], _, _); 4] = [
        (&[], S420, S444),
        (&["--tile-subsamp", "420"], S420, S444),
        (&["--tile-subsamp", "444"], S444, S444),
        (&["--grayscale-only"], GRAY, GRAY),
    ];
    for (flags, even, odd) in cases {
        let server = Running::start(root.path(), flags);
        for (name, tile, want) in [("even", 64, even), ("odd", 63, odd)] {
            for id in tiles(tile, |down| down < 2) {
                assert_eq!(factors(&get(&server, name, id).body), want, "{flags:?}: {name}: {id}");
            }
        }
    }
}

/// Codec and bytes of a tile of L2 or of a smaller level, as the archive has them.
fn stored(archive: &Archive, tile: TileId) -> (CodecId, Vec<u8>) {
    match archive.geometry().family_of(tile) {
        Some(id) => {
            let record = archive.read_family(archive.find(id).unwrap()).unwrap();
            let payload = record.payload(PayloadKind::Baseline).unwrap();
            (payload.codec, payload.bytes.clone())
        }
        None => {
            let entry = archive.find_tile(tile).unwrap();
            (entry.codec, archive.read_tile(entry).unwrap())
        }
    }
}

#[test]
fn stored_tiles_are_sent_as_they_are_where_they_fit_and_coded_once_where_not() {
    let root = tempfile::tempdir().unwrap();
    let archive = Archive::open(&slide(root.path(), "one", 64, &EncodeParams::default())).unwrap();
    let small = tiles(64, |down| down >= 2);
    assert!(small.len() > 10);
    // Neither quality nor sampling of tiles that are made touches those that are stored.
    let cases: [(&[&str], _); 4] = [
        (&[], "image/jpeg"),
        (&["--tile-subsamp", "444", "--tile-quality", "30"], "image/jpeg"),
        (&["--grayscale-only"], "image/jpeg"),
        (&["--output-format", "webp"], "image/webp"),
    ];
    for (flags, kind) in cases {
        let server = Running::start(root.path(), flags);
        for &tile in &small {
            let (codec, bytes) = stored(&archive, tile);
            let first = get(&server, "one", tile);
            let fits = kind == "image/jpeg" && codec == CodecId::Jpeg && flags != ["--grayscale-only"];
            assert_eq!(first.body == bytes, fits, "{flags:?}: {tile}");
            assert_eq!((first.header("content-type"), true_type(&first.body)), (kind, kind), "{tile}");
            if flags == ["--grayscale-only"] {
                assert_eq!(factors(&first.body), GRAY, "{tile}");
            }
            let again = get(&server, "one", tile);
            assert!(again.body == first.body, "{flags:?}: {tile} is another one the second time");
        }
        // Read and coded once each: the second answer is the cache's.
        for outcome in ["stored", "hot"] {
            let figure = format!("origami_tiles_total{{level=\"small\",outcome=\"{outcome}\"}}");
            assert_eq!(server.figure(&figure), small.len() as f64, "{flags:?}: {figure}");
        }
        assert_eq!(server.figure("origami_families_reconstructed_total"), 0.0);
    }
}

#[test]
fn gray_tiles_that_are_stored_fit_a_gray_server() {
    let root = tempfile::tempdir().unwrap();
    let bundle = slide(root.path(), "colour", 64, &EncodeParams::default());
    // A tree of gray JPEG tiles.
    let out = root.path().join("gray");
    origami(&["decode", "-q", "--bundle", arg(&bundle), "--out", arg(&out), "--grayscale"]).ok();
    let files = contents(&out.join("decoded_pyramid_files"));
    for flags in [&["--grayscale-only"][..], &[]] {
        let server = Running::start(root.path(), flags);
        for (tile, want) in &files {
            let got = server.get(&format!("/tiles/gray/{tile}"));
            assert!(&got.body == want && factors(want) == GRAY, "{flags:?}: {tile}");
        }
    }
}

#[test]
fn a_tree_of_png_is_coded_in_the_format_of_the_server() {
    let root = tempfile::tempdir().unwrap();
    let image = root.path().join("image.png");
    write_png(&image, SIZE.0 as usize, SIZE.1 as usize, 6);
    let dir = root.path().join("plain");
    origami(&["pyramid", "-q", arg(&image), "--out", arg(&dir), "--tile", "64", "--format", "png"]).ok();
    let files = contents(&dir.join("baseline_pyramid_files"));
    assert!(files.iter().all(|(_, bytes)| true_type(bytes) == "image/png"));
    for (format, kind) in [("jpeg", "image/jpeg"), ("webp", "image/webp")] {
        let server = Running::start(root.path(), &["--output-format", format]);
        for (tile, _) in &files {
            // Whatever name a client derives.
            let first = server.get(&format!("/tiles/plain/{tile}"));
            assert_eq!((first.header("content-type"), true_type(&first.body)), (kind, kind), "{tile}");
            assert!(server.get(&format!("/dzi/plain_files/{tile}")).body == first.body, "{tile}");
        }
        assert_eq!(server.figure("origami_tiles_total{level=\"L0\",outcome=\"hot\"}"), 25.0);
    }
}

#[test]
fn a_slide_without_families_is_told_to_be_what_it_is() {
    let root = tempfile::tempdir().unwrap();
    for (name, (width, height), lossy) in [("two levels", (2, 1), false), ("three levels", (3, 2), true)] {
        let dir = root.path().join(name);
        encode_tree(&tree(&dir, width, height, 64, 5), &dir, &EncodeParams::default());
        let server = Running::start(root.path(), &[]);
        let path = format!("/api/slides/{}", name.replace(' ', "%20"));
        let told: serde_json::Value = serde_json::from_str(&server.get(&path).text()).unwrap();
        assert_eq!((told["lossy"].is_object(), &told["has_original"]), (lossy, &lossy.into()), "{told}");
    }
}

/// Every tile of a slide by address, with its tag.
fn all(root: &Path, flags: &[&str], name: &str) -> (Vec<(TileId, Reply)>, String) {
    let server = Running::start(root, flags);
    let replies = tiles(64, |_| true).into_iter().map(|tile| (tile, get(&server, name, tile))).collect();
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    (replies, log)
}

const WARNING: &str = "sharpening acts on an archive that was made without";

#[test]
fn the_servers_sharpening_acts_on_archives_that_record_none_and_says_so() {
    let root = tempfile::tempdir().unwrap();
    let bundle = slide(root.path(), "plain", 64, &EncodeParams::default());
    // The same payloads under a record that says: sharpen by 1.5.
    let mut forged = Forge::new(&fs::read(&bundle).unwrap());
    assert_eq!(forged.meta["coding"]["sharpen_q8"], 0);
    forged.meta["coding"]["sharpen_q8"] = 384.into();
    fs::write(root.path().join("recorded.bundle"), forged.bytes()).unwrap();

    let (without, quiet) = all(root.path(), &[], "plain");
    let (sharpened, log) = all(root.path(), &["--sharpen", "1.5"], "plain");
    let (recorded, _) = all(root.path(), &[], "recorded");
    assert!(!quiet.contains(WARNING), "{quiet}");
    assert_eq!(log.matches(WARNING).count(), 1, "once a slide: {log}");
    assert!(log.contains("plain"), "it names the slide: {log}");
    let top = Geometry::new(SIZE.0, SIZE.1, 64).unwrap().top_level();
    for (((tile, without), (_, sharpened)), (_, recorded)) in without.iter().zip(&sharpened).zip(&recorded) {
        assert!(sharpened.body == recorded.body, "{tile} is not what a record of the same strength gives");
        assert_ne!(sharpened.header("etag"), without.header("etag"), "{tile}");
        // L2 and below go out as they are stored.
        assert_eq!(sharpened.body == without.body, top - tile.level >= 2, "{tile}");
    }
    origami(&["serve", "--slides-root", arg(root.path()), "--sharpen", "17"]).refused(&[
        "17",
        "--sharpen",
        "16",
    ]);
    origami(&["serve", "--slides-root", arg(root.path()), "--sharpen=-1"]).refused(&[
        "-1",
        "--sharpen",
        "16",
    ]);
}

#[test]
fn the_servers_sharpening_leaves_archives_alone_that_record_their_own() {
    let root = tempfile::tempdir().unwrap();
    let sharpen = EncodeParams { sharpen: 0.75, ..EncodeParams::default() };
    let save = EncodeParams { save_sharpened: true, ..sharpen.clone() };
    for (name, params) in [("decoder", &sharpen), ("saved", &save)] {
        let archive = Archive::open(&slide(root.path(), name, 64, params)).unwrap();
        let (without, _) = all(root.path(), &[], name);
        let (with, log) = all(root.path(), &["--sharpen", "1.5"], name);
        assert!(!log.contains(WARNING), "{name}: {log}");
        let top = archive.geometry().top_level();
        for ((tile, without), (_, with)) in without.iter().zip(&with) {
            assert!(with.body == without.body, "{name}: {tile}");
            assert_eq!(with.header("etag"), without.header("etag"), "{name}: {tile}");
            // The stored L2: sharpened only where the encoder did it.
            if top - tile.level >= 2 {
                assert!(with.body == stored(&archive, *tile).1, "{name}: {tile}");
            }
        }
    }
}

#[test]
fn content_type_manifest_and_descriptor_tell_the_truth_whatever_the_client_derives() {
    let root = tempfile::tempdir().unwrap();
    slide(root.path(), "one", 64, &EncodeParams::default());
    let cases: [(&[&str], _, _); 3] = [
        (&[], "jpg", "image/jpeg"),
        (&["--grayscale-only", "--tile-subsamp", "444"], "jpg", "image/jpeg"),
        (&["--output-format", "webp"], "webp", "image/webp"),
    ];
    let top = Geometry::new(SIZE.0, SIZE.1, 64).unwrap().top_level();
    for (flags, format, kind) in cases {
        let server = Running::start(root.path(), flags);
        let manifest: serde_json::Value =
            serde_json::from_str(&server.get("/api/slides/one").text()).unwrap();
        assert_eq!((&manifest["format"], &manifest["overlap"]), (&format.into(), &0.into()), "{flags:?}");
        for side in ["dzi", "original"] {
            let text = server.get(&format!("/{side}/one.dzi")).text();
            assert!(
                text.contains(&format!("Format=\"{format}\"")) && text.contains("Overlap=\"0\""),
                "{text}"
            );
        }
        let mut addresses = vec!["/thumbnails/one".to_string()];
        for extension in ["jpg", "jpeg", "webp", "png"] {
            // L0, L1, L2, a small level, and the smallest.
            for level in [top, top - 1, top - 2, top - 4, 0] {
                for place in ["tiles/one", "dzi/one_files", "original/one_files"] {
                    addresses.push(format!("/{place}/{level}/0_0.{extension}"));
                }
            }
        }
        for address in addresses {
            let reply = server.get(&address);
            assert_eq!(reply.status, 200, "{address}");
            assert_eq!((reply.header("content-type"), true_type(&reply.body)), (kind, kind), "{address}");
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{address}");
        }
        // Images of a size have the type of their address, and are made of JPEG tiles only.
        for (address, kind) in [
            ("/iiif/3/one/full/max/0/default.jpg", "image/jpeg"),
            ("/iiif/3/one/0,0,70,70/max/0/default.png", "image/png"),
            ("/thumbnails/one?width=100", "image/jpeg"),
        ] {
            let reply = server.get(address);
            if format == "webp" {
                assert_eq!(
                    (reply.status, reply.header("content-type")),
                    (501, "application/json"),
                    "{address}"
                );
                assert!(reply.text().contains("output format is jpeg"), "{}", reply.text());
            } else {
                assert_eq!((reply.header("content-type"), true_type(&reply.body)), (kind, kind), "{address}");
            }
        }
    }
}

/// Encodes of every codec that this build has, the residual coded as the baseline is.
fn encoders() -> Vec<EncodeParams> {
    let params = |encoder| EncodeParams { encoder, subsamp: Subsamp::S420, ..EncodeParams::default() };
    ready_encoders().into_iter().map(params).collect()
}

#[test]
fn tiles_are_the_same_from_serve_and_from_decode_whatever_coded_the_archive() {
    let root = tempfile::tempdir().unwrap();
    let all = encoders();
    for params in &all {
        slide(root.path(), params.encoder.name(), 64, params);
    }
    for (flags, format) in [(&[][..], "jpg"), (&["--output-format", "webp"][..], "webp")] {
        if format == "webp" && cfg!(not(feature = "webp")) {
            continue;
        }
        let server = Running::start(root.path(), flags);
        for params in &all {
            let name = params.encoder.name();
            let bundle = root.path().join(name).join(PACK_DIR).join(BUNDLE_NAME);
            let archive = Archive::open(&bundle).unwrap();
            let out = root.path().join(format!("{name}-{format}"));
            origami(&[&["decode", "--bundle", arg(&bundle), "--out", arg(&out)], flags].concat()).ok();
            let kind = if format == "jpg" { "image/jpeg" } else { "image/webp" };
            for tile in tiles(64, |_| true) {
                let case = format!("{name}, {format}, {tile}");
                let reply = get(&server, name, tile);
                assert_eq!((reply.header("content-type"), true_type(&reply.body)), (kind, kind), "{case}");
                let path = format!("decoded_pyramid_files/{}/{}_{}.{format}", tile.level, tile.x, tile.y);
                assert!(
                    reply.body == fs::read(out.join(path)).unwrap(),
                    "{case}: decode writes another tile"
                );
                let down = archive.geometry().top_level() - tile.level;
                if down > 2 {
                    assert_eq!(stored(&archive, tile).0, CodecId::Jpeg, "{case}: small levels are JPEG");
                } else if down == 2 && format == "jpg" && params.encoder != EncoderKind::Webp {
                    // L2 is a JPEG, or holds one: it is not coded a second time.
                    let (codec, bytes) = stored(&archive, tile);
                    let rect = archive.geometry().tile_rect(tile).unwrap();
                    let shape =
                        Shape { width: rect.width as usize, height: rect.height as usize, sampling: None };
                    let planes = decoder(codec).unwrap().decode(&bytes, shape).unwrap();
                    assert!(
                        decoder(CodecId::Jpeg).unwrap().decode(&reply.body, shape).unwrap() == planes,
                        "{case}"
                    );
                }
            }
        }
    }
}

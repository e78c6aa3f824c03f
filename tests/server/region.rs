//! Rectangles at any scale: the server and `origami crop` give the same pixels, which are those of the slide.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::kit::image::Image;
use crate::kit::program::{arg, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::protocols::scaled_tree;
use crate::running::{Reply, Running, send};
use crate::tiffs::write_tiff;
use origami::codec::{decode_png, foreign_pixels};
use origami::image::family::Pixels;
use origami::image::plane::Plane;
use origami::kernels::resample::{Scratch, resample};
use origami::kernels::taps::{Filter, Taps};
use origami::params::EncodeParams;

/// Width and height, in tiles of 64: families, and small levels.
const SIZE: (usize, usize) = (500, 390);

/// Slides of every kind by name, and what `crop` opens.
fn slides(root: &Path) -> Vec<(&'static str, PathBuf)> {
    let dzi = tree(&root.join("tree"), SIZE.0, SIZE.1, 64, 7);
    let bundle = encode_tree(&dzi, &root.join("bundle"), &EncodeParams::default());
    let args = ["encode", "-q", "--preset", "lossless", "--pyramid", arg(&dzi), "--out"];
    let lossless = root.join("lossless");
    origami(&[&args[..], &[arg(&lossless)]].concat()).ok();
    let scan = root.join("scan.tif");
    write_tiff(&scan, &Image::cells(SIZE.0, SIZE.1, 7), None);
    vec![
        ("tree", dzi),
        ("bundle", bundle),
        ("lossless", lossless.join("residual_packs/residuals.bundle")),
        ("scan", scan),
    ]
}

fn get(server: &Running, name: &str, query: &str) -> Reply {
    let reply = server.get(&format!("/api/slides/{name}/region?{query}"));
    assert_eq!(reply.status, 200, "{name} {query}: {}", reply.text());
    reply
}

#[test]
fn crop_writes_what_the_server_sends_of_every_kind_of_slide() {
    let root = tempfile::tempdir().unwrap();
    let slides = slides(root.path());
    let server = Running::start(root.path(), &[]);
    let out = root.path().join("out");
    for (name, path) in &slides {
        for ((x, y, w, h), scale, format) in [
            ((0, 0, 500, 390), "", "png"),
            ((13, 77, 301, 111), "", "raw"),
            ((13, 77, 301, 111), "scale=1/3", "png"),
            ((0, 0, 500, 390), "scale=0.1", "raw"),
            ((64, 64, 400, 326), "level=2", "png"),
            ((0, 0, 500, 390), "scale=0.02", "raw"),
            ((0, 0, 500, 390), "level=6", "png"),
            ((1, 1, 9, 9), "scale=3", "png"),
            ((128, 0, 256, 256), "scale=0.5", "jpeg"),
            ((128, 0, 256, 256), "level=1", "webp"),
        ] {
            let query = format!("x={x}&y={y}&w={w}&h={h}&format={format}&{scale}");
            let reply = get(&server, name, &query);
            let rectangle = format!("{x},{y},{w},{h}");
            let flags: Vec<String> = match scale.split_once('=') {
                Some((flag, value)) => vec![format!("--{flag}"), value.into()],
                None => Vec::new(),
            };
            let args =
                ["crop", arg(path), &rectangle, "-o", arg(&out), "--overwrite", "--json", "--format", format];
            let flags = flags.iter().map(String::as_str);
            let said = origami(&args.into_iter().chain(flags).collect::<Vec<_>>()).ok().stdout;
            let said: Value = serde_json::from_str(&said).unwrap();
            let header = |of: &str| reply.header(of).parse::<u64>().unwrap();
            assert_eq!(
                (&said["width"], &said["height"]),
                (&header("origami-width").into(), &header("origami-height").into())
            );
            assert!(fs::read(&out).unwrap() == reply.body, "{name}: {query}");
            if format == "raw" {
                assert_eq!(reply.body.len() as u64, 3 * header("origami-width") * header("origami-height"));
            }
        }
    }
}

/// The pixels of a tile, which has no profile.
fn rgb(file: &[u8]) -> Vec<u8> {
    match foreign_pixels(file, None).unwrap() {
        Pixels::Rgb(plane) => plane.data().to_vec(),
        Pixels::Ycc(planes) => planes.to_rgb().data().to_vec(),
    }
}

#[test]
fn a_rectangle_on_the_grid_of_a_level_is_that_level() {
    let root = tempfile::tempdir().unwrap();
    slides(root.path());
    let server = Running::start(root.path(), &[]);
    // The finest level of Deep Zoom is 9.
    for (name, downs) in [("tree", 0..4), ("lossless", 0..1), ("bundle", 2..4)] {
        for down in downs {
            let (side, level) = (64 << down, 9 - down);
            for (column, row) in [(0, 0), (1, 0)].into_iter().filter(|(column, _)| column * side < SIZE.0) {
                let (x, y) = (column * side, row * side);
                let (w, h) = (side.min(SIZE.0 - x), side.min(SIZE.1 - y));
                let tile = server.get(&format!("/tiles/{name}/{level}/{column}_{row}.jpg"));
                assert_eq!(tile.status, 200);
                let query = format!("x={x}&y={y}&w={w}&h={h}&level={down}&format=raw");
                assert!(get(&server, name, &query).body == rgb(&tile.body), "{name}: {query}");
            }
        }
    }
}

#[test]
fn pixels_are_those_of_the_slide_scaled_by_the_kernels() {
    let root = tempfile::tempdir().unwrap();
    slides(root.path());
    let server = Running::start(root.path(), &[]);
    let image = Image::cells(SIZE.0, SIZE.1, 7);
    let cut = image.cut(13, 77, 301, 111);
    assert!(get(&server, "scan", "x=13&y=77&w=301&h=111&format=raw").body == cut.data);
    let png = get(&server, "scan", "x=13&y=77&w=301&h=111&format=png").body;
    assert!(decode_png(&png, 301 * 111).unwrap().data == cut.data);
    // Sides to the nearest pixel, each by a ratio of its own: 301 / 100 and 111 / 37.
    let reply = get(&server, "scan", "x=13&y=77&w=301&h=111&format=raw&scale=1/3");
    assert_eq!((reply.header("origami-width"), reply.header("origami-height")), ("100", "37"));
    let (h, v) = (Taps::scale(Filter::Bicubic, 301, 100), Taps::scale(Filter::Bicubic, 111, 37));
    for channel in 0..3 {
        let samples = cut.data.iter().skip(channel).step_by(3).copied().collect();
        let mut want = Plane::default();
        resample(Plane::from_vec(301, 111, samples).view(), &h, &v, &mut want, &mut Scratch::default());
        let got: Vec<u8> = reply.body.iter().skip(channel).step_by(3).copied().collect();
        assert!((0..37).all(|y| got[100 * y..][..100] == *want.row(y)), "channel {channel}");
    }
    // A rectangle and its neighbour are those of both.
    let part = |x: usize, w: usize| get(&server, "bundle", &format!("x={x}&y=100&w={w}&h=1&format=raw")).body;
    assert!([part(40, 200), part(240, 33)].concat() == part(40, 233));
}

#[test]
fn micrometres_per_pixel_are_a_scale_of_slides_that_say_their_own() {
    let root = tempfile::tempdir().unwrap();
    scaled_tree(&root.path().join("even"), &json!([0.25, 0.25]));
    scaled_tree(&root.path().join("oblong"), &json!([0.25, 0.5]));
    let server = Running::start(root.path(), &[]);
    let half = get(&server, "even", "x=64&y=0&w=200&h=100&format=raw&scale=0.5");
    let same = get(&server, "even", "x=64&y=0&w=200&h=100&format=raw&mpp=0.5");
    assert!(half.body == same.body && half.header("etag") == same.header("etag"));
    let size = |query: &str| {
        let reply = get(&server, "oblong", query);
        (reply.header("origami-width").to_string(), reply.header("origami-height").to_string())
    };
    assert_eq!(size("x=0&y=0&w=200&h=100&mpp=0.5"), ("100".into(), "100".into()));
    assert_eq!(size("x=0&y=0&w=200&h=100&mpp=0.7"), ("71".into(), "71".into()));
    // Finer than the slide.
    assert_eq!(size("x=0&y=0&w=20&h=10&mpp=0.25"), ("20".into(), "20".into()));
}

#[test]
fn a_rectangle_that_cannot_be_made_is_refused_with_the_limits() {
    let root = tempfile::tempdir().unwrap();
    slides(root.path());
    let server = Running::start(root.path(), &[]);
    for (query, says) in [
        ("x=0&y=0&w=501&h=1", "500x390"),
        ("x=500&y=0&w=1&h=1", "500x390"),
        ("x=18446744073709551615&y=0&w=2&h=2", "beyond its right edge"),
        ("x=0&y=0&w=0&h=5", "at least 1"),
        ("x=0&y=0&w=5&h=5&scale=2000", "8192 pixels a side and 16777216 in all"),
        ("x=0&y=0&w=500&h=390&scale=16", "16777216 in all"),
        ("x=0&y=0&w=5&h=5&level=32", "to 31"),
        ("x=0&y=0&w=5&h=5&mpp=0", "above 0"),
        ("x=0&y=0&w=5&h=5&mpp=1", "give a scale or a level"),
        ("x=0&y=0&w=5&h=5&mpp=nan", "above 0"),
        ("x=a", "x 'a'"),
        ("format=bmp", "jpeg, png, webp, raw"),
    ] {
        let reply = server.get(&format!("/api/slides/scan/region?{query}"));
        assert_eq!((reply.status, reply.header("cache-control")), (400, "no-store"), "{query}");
        let error: Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(error["error"].as_str().unwrap().contains(says), "{query}: {error}");
    }
    assert_eq!(server.get("/api/slides/none/region").status, 404);
    // The same words from the program, which names the slide.
    let scan = root.path().join("scan.tif");
    let crop = |rectangle: &str, more: &[&str]| {
        origami(&[&["crop", arg(&scan), rectangle, "-o", arg(&root.path().join("o.png"))], more].concat())
    };
    crop("0,0,501,1", &[]).ends(2, &["scan.tif", "500x390", "right edge"]);
    crop("0,0,5,5", &["--mpp", "1"]).ends(2, &["scan.tif", "give a scale or a level"]);
    crop("0,0,5,5", &["--scale", "99999"]).ends(2, &["65535 pixels a side"]);
    crop("0,0,5,5", &["--scale", "999"]).ok();
    crop("0,0,5", &[]).refused(&["four whole numbers"]);
    crop("0,0,5,5", &["--scale", "1/0"]).refused(&["1/3"]);
    crop("0,0,5,5", &["--scale", "1", "--level", "2"]).refused(&["cannot be used with"]);
    crop("0,0,5,5", &[]).fails(&["o.png", "--overwrite"]);
    origami(&["crop", arg(&scan), "0,0,5,5", "-o", arg(&root.path().join("o.bmp"))]).ends(2, &["--format"]);
    origami(&["crop", arg(&root.path().join("none.tif")), "0,0,5,5", "-o", "x.png"]).fails(&["none.tif"]);
}

#[test]
fn where_an_archive_has_a_gap_the_tree_fills_it() {
    let root = tempfile::tempdir().unwrap();
    slides(root.path());
    // A slide of packs, one of which is missing, with its tree.
    let dir = root.path().join("packs");
    tree(&dir, SIZE.0, SIZE.1, 64, 7);
    fs::create_dir(dir.join("residual_packs")).unwrap();
    for pack in ["0_0.pack", "0_1.pack", "1_1.pack"] {
        let from = root.path().join("bundle/residual_packs").join(pack);
        fs::copy(from, dir.join("residual_packs").join(pack)).unwrap();
    }
    let server = Running::start(root.path(), &[]);
    let rows = |name: &str, x: usize, w: usize| {
        let all = get(&server, name, &format!("x={x}&y=10&w={w}&h=20&format=raw")).body;
        all.chunks_exact(3 * w).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let (left, right) = (rows("bundle", 200, 56), rows("tree", 256, 100));
    assert_ne!(right, rows("bundle", 256, 100));
    let both: Vec<_> = left.iter().zip(&right).map(|(left, right)| [&left[..], right].concat()).collect();
    assert_eq!(rows("packs", 200, 156), both);
    let small = "level=3&format=raw";
    assert!(get(&server, "packs", small).body == get(&server, "tree", small).body);
}

#[test]
fn pictures_have_the_headers_of_tiles() {
    let root = tempfile::tempdir().unwrap();
    slides(root.path());
    let server = Running::start(root.path(), &["--cors", "*"]);
    let address = "/api/slides/bundle/region?x=9&y=9&w=99&h=50&scale=0.5&format=png";
    let first = server.request("GET", address, &[("Origin", "https://a.example.org")]);
    assert_eq!((first.status, first.header("content-type")), (200, "image/png"));
    assert_eq!(first.header("cache-control"), "public, max-age=3600");
    assert_eq!(first.header("access-control-allow-origin"), "*");
    let exposed = first.header("access-control-expose-headers");
    assert!(
        ["etag", "origami-width", "origami-height"].iter().all(|name| exposed.contains(name)),
        "{exposed}"
    );
    let head = server.request("HEAD", address, &[]);
    assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, first.header("etag")));
    assert_eq!(head.header("content-length"), first.body.len().to_string());
    let again = server.request("GET", address, &[("If-None-Match", first.header("etag"))]);
    assert_eq!((again.status, again.body.len(), again.header("origami-width")), (304, 0, "50"));
    // Written otherwise it is the same picture, and in another format another one.
    let same = server.get("/api/slides/bundle/region?format=png&scale=1/2&h=50&w=99&y=9&x=9");
    assert_eq!(same.header("etag"), first.header("etag"));
    let other = server.get("/api/slides/bundle/region?x=9&y=9&w=99&h=50&scale=0.5");
    assert_eq!(
        (other.header("content-type"), other.header("etag") == first.header("etag")),
        ("image/jpeg", false)
    );
}

#[test]
fn a_file_of_a_tree_that_is_written_anew_is_another_picture() {
    let root = tempfile::tempdir().unwrap();
    tree(&root.path().join("tree"), SIZE.0, SIZE.1, 64, 7);
    let server = Running::start(root.path(), &[]);
    let query = "x=0&y=0&w=64&h=64&format=raw";
    let first = get(&server, "tree", query);
    let files = root.path().join("tree/baseline_pyramid_files/9");
    fs::copy(files.join("1_1.jpg"), files.join("0_0.jpg")).unwrap();
    let then = get(&server, "tree", query);
    assert!(then.body == get(&server, "tree", "x=64&y=64&w=64&h=64&format=raw").body);
    assert_ne!(then.header("etag"), first.header("etag"));
}

/// The entries of a tar archive.
fn entries(mut tar: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_string();
    let mut all = Vec::new();
    while tar[0] != 0 {
        let size = usize::from_str_radix(text(&tar[124..136]).trim(), 8).unwrap();
        all.push((text(&tar[..100]), tar[512..][..size].to_vec()));
        tar = &tar[512 + size.next_multiple_of(512)..];
    }
    assert_eq!(tar, [0; 1024]);
    all
}

#[test]
fn many_rectangles_come_in_one_archive() {
    let root = tempfile::tempdir().unwrap();
    slides(root.path());
    let server = Running::start(root.path(), &[]);
    let post = |body: &str| send(&server.address, "POST", "/api/slides/bundle/regions", &[], body.as_bytes());
    let asked = json!({"format": "raw", "regions": [
        {"x": 0, "y": 0, "w": 100, "h": 50},
        {"x": 300, "y": 200, "w": 128, "h": 64, "level": 1},
        {"x": 7, "y": 8, "w": 90, "h": 30, "scale": "1/3"},
        {"x": 7, "y": 8, "w": 90, "h": 30, "scale": 0.5},
    ]});
    let reply = post(&asked.to_string());
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-tar"));
    assert_eq!(reply.header("cache-control"), "no-store");
    let all = entries(&reply.body);
    assert_eq!(all.len(), 5);
    let index: Value = serde_json::from_slice(&all[0].1).unwrap();
    assert_eq!((all[0].0.as_str(), &index["format"]), ("regions.json", &json!("raw")));
    let queries = [
        "x=0&y=0&w=100&h=50",
        "x=300&y=200&w=128&h=64&level=1",
        "x=7&y=8&w=90&h=30&scale=1/3",
        "x=7&y=8&w=90&h=30&scale=1/2",
    ];
    for (number, (query, (name, bytes))) in queries.iter().zip(&all[1..]).enumerate() {
        let alone = get(&server, "bundle", &format!("{query}&format=raw"));
        assert!(alone.body == *bytes, "{query}");
        let entry = &index["regions"][number];
        assert_eq!(
            (&entry["name"], entry["width"].to_string().as_str()),
            (&json!(name), alone.header("origami-width"))
        );
    }
    let one = json!({"x": 0, "y": 0, "w": 9, "h": 9});
    let with = |key: &str, value: Value| {
        let mut one = one.clone();
        one[key] = value;
        json!({"regions": [{"x": 0, "y": 0, "w": 9, "h": 9}, one]}).to_string()
    };
    for (body, says) in [
        (String::new(), "no JSON"),
        ("[]".into(), "no object"),
        (json!({"regions": []}).to_string(), "1 to 256"),
        (json!({"regions": vec![one.clone(); 257]}).to_string(), "1 to 256"),
        (json!({"regions": [one], "formats": "png"}).to_string(), "'formats'"),
        (json!({"regions": [one], "format": "bmp"}).to_string(), "jpeg, png, webp, raw"),
        (with("w", json!(501)), "rectangle 1: the rectangle 0,0,501,9"),
        (with("x", json!(-1)), "rectangle 1: x"),
        (with("x", json!(0.5)), "rectangle 1: x"),
        (with("zoom", json!(1)), "rectangle 1: it has the key 'zoom'"),
        (with("scale", json!([1])), "rectangle 1: scale"),
    ] {
        let reply = post(&body);
        assert!(reply.status == 400 && reply.text().contains(says), "{body}: {reply:?}");
    }
    let large = post(&" ".repeat(70_000));
    assert!(large.status == 413 && large.text().contains("256 rectangles"), "{large:?}");
}

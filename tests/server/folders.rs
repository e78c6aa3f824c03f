//! Folders of slides: nested names in every address, slides that are not encoded, trees without their low levels, entries that are bad.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::kit::compare::psnr;
use crate::kit::image::Image;
use crate::kit::program::{arg, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Running, as_a_user, wait_until};
use crate::tiffs::write_tiff;
use origami::codec::{decode_foreign, decode_png};
use origami::image::plane::Plane;
use origami::params::EncodeParams;

pub fn api(server: &Running, path: &str) -> Value {
    let reply = server.get(path);
    serde_json::from_str(&reply.text()).unwrap_or_else(|e| panic!("{path}: {e}: {}", reply.text()))
}

pub fn names(server: &Running) -> Vec<String> {
    let list = api(server, "/api/slides");
    list["slides"].as_array().unwrap().iter().map(|slide| slide["name"].as_str().unwrap().into()).collect()
}

/// The luma of a tile or image, which must be of this size.
pub fn luma(server: &Running, path: &str, width: usize, height: usize) -> Plane {
    let reply = server.get(path);
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    decode_foreign(&reply.body, Some((width, height))).unwrap_or_else(|e| panic!("{path}: {e}")).luma
}

/// Compares the tiles of all levels with the image and its halvings.
pub fn is_served(server: &Running, name: &str, image: &Image, tile: usize, least_db: f64) {
    let mut level = image.clone();
    let sides = image.width.max(image.height);
    for number in (0..=sides.next_power_of_two().ilog2()).rev() {
        for (y, top) in (0..level.height).step_by(tile).enumerate() {
            for (x, left) in (0..level.width).step_by(tile).enumerate() {
                let (width, height) = (tile.min(level.width - left), tile.min(level.height - top));
                let path = format!("/dzi/{name}_files/{number}/{x}_{y}.jpg");
                let got = luma(server, &path, width, height);
                let like = psnr(&level.cut(left, top, width, height).luma(), &got);
                // Of a few pixels one rounding of JPEG is much.
                let least_db = if width * height < 64 { least_db - 6.0 } else { least_db };
                assert!(like > least_db, "{path}: {like} dB");
            }
        }
        level = level.halved();
    }
}

#[test]
fn a_nested_slide_is_one_segment_in_every_address() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("more 1/case-b");
    encode_tree(&tree(&dir, 300, 200, 64, 4), &dir, &EncodeParams::default());
    let key = root.path().join("key.txt");
    fs::write(&key, "k".repeat(40)).unwrap();
    let open = Running::start(root.path(), &[]);
    assert_eq!(names(&open), ["more 1/case-b"]);
    let segment = "more%201%2Fcase-b";
    let paths = [
        format!("/dzi/{segment}.dzi"),
        format!("/dzi/{segment}_files/8/0_0.jpg"),
        format!("/tiles/{segment}/9/1_0.jpg"),
        format!("/original/{segment}.dzi"),
        format!("/original/{segment}_files/9/1_0.jpg"),
        format!("/viewer/{segment}"),
        format!("/api/slides/{segment}"),
        format!("/thumbnails/{segment}?width=100"),
        format!("/iiif/3/{segment}/info.json"),
        format!("/iiif/3/{segment}/full/max/0/default.jpg"),
    ];
    for path in &paths {
        assert_eq!(open.get(path).status, 200, "{path}");
        assert_eq!(open.get(&path.replace("%2F", "%2f")).status, 200, "{path}");
        assert_eq!(open.get(&path.replace("%2F", "/")).status, 404, "{path}");
        for wrong in
            ["..%2Fmore%201%2F", "more%201%2F..%2Fmore%201%2F", "%2F", ".%2Fmore%201%2F", "more%201%252F"]
        {
            let wrong = path.replace("more%201%2F", wrong);
            assert_eq!(open.get(&wrong).status, 404, "{wrong}");
        }
    }
    let described = api(&open, &format!("/api/slides/{segment}"));
    assert_eq!(described["dzi"], paths[0]);
    assert_eq!(described["name"], "more 1/case-b");
    let id = api(&open, &paths[8])["id"].as_str().unwrap().to_string();
    assert!(id.ends_with(&format!("/iiif/3/{segment}")), "{id}");
    drop(open);

    // A signature is of the name, not of its form in addresses.
    let guarded = Running::start(root.path(), &["--signing-key-file", arg(&key)]);
    let signed = |name: &str| origami(&["sign", name, "--key-file", arg(&key), "--json"]).ok().stdout;
    let query = |name: &str| {
        serde_json::from_str::<Value>(&signed(name)).unwrap()["query"].as_str().unwrap().to_string()
    };
    let (good, bad) = (query("more 1/case-b"), query("more 1"));
    for path in &paths {
        let with = |query: &str| format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' });
        assert_eq!(guarded.get(&with(&good)).status, 200, "{path}");
        assert_eq!(guarded.get(&with(&bad)).status, 403, "{path}");
        assert_eq!(guarded.get(path).status, 401, "{path}");
    }
    let url = ["sign", "more 1/case-b", "--key-file", arg(&key), "--url", "https://a.org"];
    assert!(origami(&url).ok().stdout.starts_with(&format!("https://a.org/viewer/{segment}?")));
}

#[test]
fn what_encode_writes_of_a_directory_is_served_under_the_same_names() {
    let (slides, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(slides.path().join("more")).unwrap();
    for (name, seed) in [("case-a.tif", 1), ("more/case-b.tif", 2)] {
        write_tiff(&slides.path().join(name), &Image::tissue(300, 200, seed), None);
    }
    origami(&["encode", "--quiet", arg(slides.path()), "--out", arg(out.path())]).ok();
    assert_eq!(names(&Running::start(out.path(), &[])), ["case-a", "more/case-b"]);
    assert_eq!(names(&Running::start(slides.path(), &[])), ["case-a", "more/case-b"]);
}

#[test]
fn a_slide_is_served_without_being_encoded() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("in")).unwrap();
    let image = Image::tissue(1100, 900, 4);
    write_tiff(&root.path().join("in/x.tif"), &image, None);
    let server = Running::start(root.path(), &[]);
    is_served(&server, "in%2Fx", &image, 256, 34.0);
    let mut described = api(&server, "/api/slides/in%2Fx");
    assert_eq!(
        (&described["encoded"], &described["lossy"], &described["lossless"]),
        (&false.into(), &Value::Null, &false.into())
    );
    assert_eq!(described["has_original"], false);
    let list = api(&server, "/api/slides");
    // Who asks decides about marks, and the list is one for all. It has no levels, and says when the file was changed.
    let fields = described.as_object_mut().unwrap();
    assert_eq!(fields.remove("annotations"), Some(Value::Null));
    assert_eq!(fields.remove("levels").unwrap().as_array().unwrap().len(), 12);
    assert_eq!((fields.remove("embed"), fields.remove("associated")), (Some(false.into()), Some(json!([]))));
    fields.insert("modified".into(), list["slides"][0]["modified"].clone());
    assert!(list["slides"][0]["modified"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!((&list["slides"][0], &list["skipped"]), (&described, &json!([])));
    luma(&server, "/thumbnails/in%2Fx?width=110", 110, 90);
    luma(&server, "/iiif/3/in%2Fx/full/550,/0/default.jpg", 550, 450);
    assert_eq!(server.get("/original/in%2Fx.dzi").status, 404);
    assert_eq!(server.get("/tiles/in%2Fx/11/9_0.jpg").status, 404);
    // The same tile twice is the same bytes; of another file of that name it is another.
    let tile = || server.get("/tiles/in%2Fx/4/0_0.jpg");
    let first = tile();
    assert_eq!((first.header("etag"), &first.body), (tile().header("etag"), &tile().body));
    write_tiff(&root.path().join("in/x.tif"), &Image::tissue(1100, 900, 5), None);
    wait_until("a slide that changes keeps its tiles", || tile().header("etag") != first.header("etag"));
    drop(server);
    // The tiles of all levels as gray JPEG and as WebP.
    let gray = Running::start(root.path(), &["--grayscale-only"]);
    assert!(decode_foreign(&gray.get("/tiles/in%2Fx/11/0_0.jpg").body, None).unwrap().chroma.is_none());
    let webp = Running::start(&root.path().join("in/x.tif"), &["--output-format", "webp"]);
    for level in [0, 5, 8, 11] {
        let reply = webp.get(&format!("/tiles/x/{level}/0_0.jpg"));
        assert!(reply.status == 200 && reply.body.starts_with(b"RIFF"), "level {level}: {}", reply.status);
    }
}

#[test]
fn many_requests_for_coarse_tiles_of_a_slide_share_the_work() {
    let root = tempfile::tempdir().unwrap();
    write_tiff(&root.path().join("x.tif"), &Image::tissue(3000, 2000, 4), None);
    let server = Running::start(root.path(), &["--max-inflight-families", "1", "--rayon-threads", "2"]);
    let bodies: Vec<_> = std::thread::scope(|scope| {
        let ask = |n: u32| server.get(&format!("/tiles/x/{}/0_0.jpg", n % 9));
        let all: Vec<_> = (0..27).map(|n| scope.spawn(move || ask(n))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for (n, reply) in bodies.iter().enumerate() {
        assert_eq!((reply.status, &reply.body), (200, &bodies[n % 9].body), "request {n}");
    }
}

#[test]
fn low_levels_that_a_tree_lacks_are_made_of_finer_ones() {
    let root = tempfile::tempdir().unwrap();
    for (name, last) in [("few", 5), ("all-stored", 8), ("gap", 3), ("hole", 5)] {
        tree(&root.path().join(name), 700, 520, 64, 4);
        let files = root.path().join(name).join("baseline_pyramid_files");
        let levels = if name == "gap" { 3..=last } else { 0..=last };
        levels.for_each(|level| fs::remove_dir_all(files.join(level.to_string())).unwrap());
    }
    fs::remove_file(root.path().join("hole/baseline_pyramid_files/10/1_1.jpg")).unwrap();
    let server = Running::start(root.path(), &[]);
    let image = Image::cells(700, 520, 4);
    for name in ["few", "all-stored", "gap"] {
        is_served(&server, name, &image, 64, 27.0);
    }
    assert_eq!(names(&server), ["all-stored", "few", "gap", "hole"]);
    // A tile of a level that it has is not white.
    fs::remove_file(root.path().join("few/baseline_pyramid_files/10/1_1.jpg")).unwrap();
    assert_eq!(
        (server.get("/tiles/hole/10/1_1.jpg").status, server.get("/tiles/hole/10/0_0.jpg").status),
        (404, 200)
    );
}

#[test]
fn a_bad_entry_is_named_once_and_hides_nothing() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    tree(&path("good"), 100, 80, 64, 1);
    fs::write(path("good/._slide.dzi"), "AppleDouble").unwrap();
    write_tiff(&path("raw.tif"), &Image::tissue(300, 200, 1), None);
    fs::write(path("broken.svs"), "II*\0 and nothing").unwrap();
    fs::write(path("._raw.tif"), "AppleDouble").unwrap();
    for name in ["two/a", "two/b"] {
        tree(&path(name), 60, 50, 64, 1);
        let stem = Path::new(name).file_name().unwrap().to_str().unwrap();
        fs::rename(path(name).join("baseline_pyramid.dzi"), path("two").join(format!("{stem}.dzi"))).unwrap();
        fs::rename(path(name).join("baseline_pyramid_files"), path("two").join(format!("{stem}_files")))
            .unwrap();
        fs::remove_dir_all(path(name)).unwrap();
    }
    fs::create_dir(path("locked")).unwrap();
    write_tiff(&path("locked/x.tif"), &Image::tissue(300, 200, 1), None);
    let may = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    may(root.path(), 0o755);
    may(&path("locked"), 0);
    let copy = tempfile::tempdir().unwrap();
    let server = Running::of(&mut as_a_user(&path("locked"), copy.path()), root.path(), &[]);
    assert_eq!(names(&server), ["good", "raw", "two/a", "two/b"]);
    let list = api(&server, "/api/slides");
    let skipped: Vec<_> =
        list["skipped"].as_array().unwrap().iter().map(|of| of["path"].as_str().unwrap()).collect();
    assert_eq!(skipped, ["broken.svs", "locked"]);
    assert!(list["skipped"][1]["reason"].as_str().unwrap().contains("Permission denied"), "{list}");
    assert!(!list.to_string().contains(arg(root.path())), "clients learn where the root is: {list}");
    for name in names(&server) {
        let name = name.replace('/', "%2F");
        assert_eq!(server.get(&format!("/thumbnails/{name}")).status, 200, "{name}");
    }
    let (_, log) = server.terminate();
    assert_eq!(log.matches("broken.svs").count(), 1, "{log}");
    may(&path("locked"), 0o755);
}

#[test]
fn an_iiif_region_has_no_pixel_from_outside_it() {
    let root = tempfile::tempdir().unwrap();
    let (side, inside) = (1100, 7..7 + 1024);
    let mut image = Image::smooth(side, side);
    for (i, sample) in image.data.iter_mut().enumerate() {
        let (x, y) = (i / 3 % side, i / 3 / side);
        *sample = if inside.contains(&x) && inside.contains(&y) { 220 } else { 0 };
    }
    write_tiff(&root.path().join("x.tif"), &image, None);
    let server = Running::start(root.path(), &["--tile-quality", "100", "--tile-subsamp", "444"]);
    for (region, size) in
        [("7,7,1024,1024", 128), ("7,7,1024,1024", 100), ("9,8,1001,1001", 77), ("13,21,700,700", 33)]
    {
        let reply = server.get(&format!("/iiif/3/x/{region}/{size},/0/default.png"));
        assert_eq!(reply.status, 200, "{region}: {}", reply.text());
        let got = decode_png(&reply.body, size * size).unwrap();
        let darkest = got.data.iter().min().unwrap();
        assert!(got.width == size && *darkest > 210, "{region} at {size}: {darkest}");
    }
    // Against an exact cut and reduction, on and off the grid.
    let image = Image::waves(1100, 1100, 0.5);
    write_tiff(&root.path().join("y.tif"), &image, None);
    wait_until("a slide that is added is not served", || names(&server).len() == 2);
    for (x, y, side, down) in
        [(0, 0, 1024, 3), (7, 7, 1024, 3), (3, 50, 512, 2), (16, 32, 256, 0), (77, 1, 640, 1)]
    {
        let mut want = image.cut(x, y, side, side);
        (0..down).for_each(|_| want = want.halved());
        let reply = server.get(&format!("/iiif/3/y/{x},{y},{side},{side}/{},/0/default.png", side >> down));
        let got = decode_png(&reply.body, side * side).unwrap();
        let got = Image { width: got.width, height: got.height, channels: got.channels, data: got.data };
        let like = psnr(&want.luma(), &got.luma());
        assert!(like > 38.0, "{x},{y},{side} by {down}: {like} dB");
    }
}

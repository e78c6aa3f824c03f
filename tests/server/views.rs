//! Slides of several channels and focal planes: the first is shown, every other one can be asked for, and no address leaves it open.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::folders::{api, luma, names};
use crate::kit::compare::psnr;
use crate::kit::image::Image;
use crate::kit::program::{arg, origami};
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Reply, Running};
use crate::tiffs::{ome, write_pages, write_tiff};
use origami::codec::{decode_foreign, decode_png};
use origami::params::EncodeParams;

const CHANNELS: [&str; 3] = ["DAPI", "FITC", "<b>Cy5"];
/// Width and height.
const SIZE: (usize, usize) = (700, 500);

/// The page of a channel in one of two focal planes.
fn page(channel: usize, z: usize) -> Image {
    Image::tissue(SIZE.0, SIZE.1, (10 + 3 * z + channel) as u64).to_gray()
}

/// Three channels in two focal planes.
fn write_stack(path: &Path) {
    let pages: Vec<_> = (0..6).map(|number| page(number % 3, number / 3)).collect();
    write_pages(
        path,
        &pages,
        &ome(&CHANNELS.map(|name| name.replace('<', "&lt;")).each_ref().map(String::as_str), 2),
    );
}

/// Whether a tile of L0 at the upper left is that of a page.
fn shows(reply: &Reply, channel: usize, z: usize) -> bool {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let got = decode_foreign(&reply.body, Some((256, 256))).unwrap();
    psnr(&page(channel, z).cut(0, 0, 256, 256).luma(), &got.luma) > 34.0
}

fn with(path: &str, query: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    if query.is_empty() { path.into() } else { format!("{path}{sign}{query}") }
}

#[test]
fn every_channel_and_focal_plane_is_a_view() {
    let root = tempfile::tempdir().unwrap();
    write_stack(&root.path().join("x.ome.tif"));
    let server = Running::start(root.path(), &[]);
    assert_eq!(names(&server), ["x.ome"]);
    let described = api(&server, "/api/slides/x.ome");
    let shown = json!({"channels": [0], "z": 0, "time": null, "window": null, "colors": {}, "windows": {}});
    assert_eq!(
        (&described["planes"], described["view"].as_str()),
        (
            &json!({"channels": CHANNELS, "focal_planes": 2, "times": 1, "shown": shown}),
            Some("channel=0&z=0")
        )
    );
    assert_eq!(described["dzi"], "/dzi/x.ome.dzi?channel=0&z=0");
    assert_eq!(api(&server, "/api/slides")["skipped"], json!([]));
    let tile = "/tiles/x.ome/10/0_0.jpg";
    let mut tags = Vec::new();
    for (channel, z) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)] {
        let reply = server.get(&with(tile, &format!("channel={channel}&z={z}")));
        for other in 0..6 {
            assert_eq!(
                shows(&reply, other % 3, other / 3),
                (other % 3, other / 3) == (channel, z),
                "{channel} {z}"
            );
        }
        // A tag of one view does not stand for another.
        let tag = reply.header("etag").to_string();
        let again =
            |query: &str| server.request("GET", &with(tile, query), &[("If-None-Match", &tag)]).status;
        assert_eq!(again(&format!("z={z}&channel={channel}&v=1")), 304);
        assert_eq!(again("channel=0&z=0") == 304, (channel, z) == (0, 0));
        assert!(!tags.contains(&tag));
        tags.push(tag);
    }
    // What is left open is the first; the same view has the same tag, however it is asked for.
    for (query, first) in [("", 0), ("z=0", 0), ("channel=0", 0), ("channel=1", 1), ("z=1", 3)] {
        assert_eq!(server.get(&with(tile, query)).header("etag"), tags[first], "{query}");
    }
    // Several channels are blended in their colours, in any order.
    let blended = server.get(&with(tile, "channel=1%2C0"));
    assert_eq!(blended.body, server.get(&with(tile, "channel=0,1&z=0")).body);
    assert!(decode_foreign(&blended.body, None).unwrap().chroma.is_some());
    // Levels that are made of finer tiles.
    let coarse = |query: &str| luma(&server, &with("/tiles/x.ome/7/0_0.jpg", query), 88, 63);
    let mut want = page(2, 1);
    (0..3).for_each(|_| want = want.halved());
    assert!(psnr(&want.luma(), &coarse("channel=2&z=1")) > 34.0 && psnr(&want.luma(), &coarse("")) < 30.0);
}

#[test]
fn every_address_of_a_slide_takes_a_view() {
    let root = tempfile::tempdir().unwrap();
    write_stack(&root.path().join("x.tif"));
    let server = Running::start(root.path(), &[]);
    let view = "channel=2&z=1";
    let tile = server.get("/tiles/x/10/0_0.jpg?channel=2&z=1").body;
    assert_eq!(server.get(&format!("/dzi/x_files/10/0_0.jpg?{view}")).body, tile);
    assert_eq!(server.get(&format!("/dzi/x.dzi?{view}")).status, 200);
    assert_eq!(server.get(&format!("/original/x.dzi?{view}")).status, 404);
    assert_eq!(api(&server, &format!("/api/slides/x?{view}"))["view"], view);
    assert_eq!(server.get(&format!("/viewer/x?{view}")).status, 200);
    let mut want = page(2, 1);
    (0..2).for_each(|_| want = want.halved());
    let small = luma(&server, &format!("/thumbnails/x?width=175&{view}"), 175, 125);
    assert!(psnr(&want.luma(), &small) > 30.0);
    // IIIF adds to the address of an image, so that the view is part of its identifier.
    for address in [format!("/iiif/3/x/info.json?{view}"), "/iiif/3/x%3Fchannel%3D2%26z%3D1/info.json".into()]
    {
        let id = api(&server, &address)["id"].as_str().unwrap().to_string();
        let path = &id[id.find("/iiif").unwrap()..];
        assert_eq!(path, "/iiif/3/x%3Fchannel%3D2%26z%3D1");
        let region = server.get(&format!("{path}/0,0,256,256/max/0/default.png"));
        let (got, stored) = (decode_png(&region.body, 65_536).unwrap(), decode_foreign(&tile, None).unwrap());
        assert!((got.channels, got.data.as_slice()) == (1, stored.luma.data()), "{address}");
    }
    let redirected = server.get(&format!("/iiif/3/x?{view}"));
    assert_eq!(
        (redirected.status, redirected.header("location")),
        (303, "/iiif/3/x%3Fchannel%3D2%26z%3D1/info.json")
    );
}

#[test]
fn channels_take_colours_and_windows_that_are_asked_for() {
    let root = tempfile::tempdir().unwrap();
    write_stack(&root.path().join("x.tif"));
    let server = Running::start(root.path(), &[]);
    let region = |query: &str| {
        let reply = server.get(&format!("/api/slides/x/region?x=0&y=0&w=64&h=48&format=png&z=0&{query}"));
        decode_png(&reply.body, 65_536).unwrap()
    };
    // A region is RGB, of a gray channel too.
    let gray = |query: &str| region(query).data.chunks(3).map(|pixel| pixel[0]).collect::<Vec<_>>();
    let (first, second) = (gray("channel=0"), gray("channel=1"));
    let red = region("channel=1&color=1:ff0000");
    assert!(red.data.chunks(3).zip(&second).all(|(pixel, &level)| pixel == [level, 0, 0]));
    let stretched = |level: u8| ((u32::from(level.clamp(20, 120) - 20) * 255 + 50) / 100) as u8;
    let both = region("color=0:0000ff,1:00ff00&channel=0,1&window=0:20-120");
    let want = first.iter().zip(&second).flat_map(|(&a, &b)| [0, b, stretched(a)]);
    assert!(both.data.iter().copied().eq(want));
    let described = api(&server, "/api/slides/x?channel=0,1&color=1:00FF00,0:0000ff&window=0:20-120");
    assert_eq!(described["view"], "channel=0,1&color=0:0000ff,1:00ff00&z=0&window=0:20-120");
    assert_eq!(described["planes"]["shown"]["colors"], json!({"0": "0000ff", "1": "00ff00"}));
    assert_eq!(described["planes"]["shown"]["windows"], json!({"0": [20, 120]}));
    // A view of its own to caches.
    let plain = api(&server, "/api/slides/x?channel=0,1");
    assert_ne!(described["version"], plain["version"]);
}

#[test]
fn what_a_slide_does_not_have_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    write_stack(&root.path().join("x.tif"));
    write_tiff(&root.path().join("rgb.tif"), &Image::tissue(300, 200, 1), None);
    let dir = root.path().join("case");
    encode_tree(&tree(&dir, 300, 200, 64, 4), &dir, &EncodeParams::default());
    let server = Running::start(root.path(), &[]);
    let tile = |name: &str| format!("/tiles/{name}/9/0_0.jpg");
    for (path, query, says) in [
        (tile("x"), "channel=3", "no channel 3; it has channels 0 to 2"),
        (tile("x"), "z=2", "no focal plane 2"),
        (tile("x"), "time=1", "no point in time 1"),
        (tile("x"), "channel=a", "channel 'a': give numbers from 0, as 0,2"),
        (tile("x"), "window=1,200", "no window to choose"),
        (tile("rgb"), "channel=0", "no channel to choose"),
        (tile("case"), "channel=0", "no view to choose"),
        (tile("x"), "color=0:red", "color '0:red': give a colour for each channel, as 0:ff8000,2:0000ff"),
        (tile("x"), "channel=0&window=0:9-256", "256"),
        (tile("rgb"), "color=0:ff0000", "no channel to choose"),
        (tile("case"), "color=0:ff0000", "no view to choose"),
        ("/iiif/3/x/info.json".into(), "channel=9", "no channel 9"),
        ("/iiif/3/x%3Fchannel%3D9/info.json".into(), "", "no channel 9"),
        ("/api/slides/x".into(), "z=9", "no focal plane 9"),
        ("/thumbnails/x".into(), "width=100&z=9", "no focal plane 9"),
        ("/dzi/x.dzi".into(), "channel=9", "no channel 9"),
    ] {
        let reply = server.get(&with(&path, query));
        assert!(reply.text().contains(says), "{path} {query}: {}", reply.text());
        assert_eq!(reply.status, 400, "{path} {query}");
        assert!(!reply.text().contains(arg(root.path())), "{}", reply.text());
    }
    assert_eq!(server.get("/tiles/nobody/9/0_0.jpg?channel=1").status, 404);
    assert_eq!(api(&server, "/api/slides/rgb")["planes"], Value::Null);
    assert_eq!(api(&server, "/api/slides/rgb")["view"], "");
}

#[test]
fn a_signature_covers_every_view_of_its_slide_and_of_no_other() {
    let root = tempfile::tempdir().unwrap();
    write_stack(&root.path().join("x.tif"));
    write_stack(&root.path().join("y.tif"));
    let key = root.path().join("key.txt");
    fs::write(&key, "k".repeat(40)).unwrap();
    let server = Running::start(root.path(), &["--signing-key-file", arg(&key)]);
    let signed = |name: &str| {
        let made = origami(&["sign", name, "--key-file", arg(&key), "--json"]).ok().stdout;
        serde_json::from_str::<Value>(&made).unwrap()["query"].as_str().unwrap().to_string()
    };
    let (good, bad) = (signed("x"), signed("y"));
    for path in [
        "/tiles/x/10/0_0.jpg?channel=1",
        "/dzi/x.dzi?channel=1&z=1",
        "/dzi/x_files/10/0_0.jpg?z=1",
        "/api/slides/x?channel=0,1",
        "/thumbnails/x?width=100&channel=1",
        "/iiif/3/x/info.json?channel=1",
        "/iiif/3/x%3Fchannel%3D1/info.json",
        "/iiif/3/x%3Fchannel%3D1/full/100,/0/default.jpg",
    ] {
        assert_eq!(server.get(&with(path, &good)).status, 200, "{path}");
        assert_eq!(server.get(&with(path, &bad)).status, 403, "{path}");
        assert_eq!(server.get(path).status, 401, "{path}");
    }
    let redirected = server.get(&with("/iiif/3/x?channel=1", &good));
    assert_eq!(redirected.header("location"), format!("/iiif/3/x%3Fchannel%3D1%26z%3D0/info.json?{good}"));
}

#[test]
fn flags_choose_for_all_slides_that_leave_it_open() {
    let root = tempfile::tempdir().unwrap();
    write_stack(&root.path().join("x.tif"));
    let two: Vec<_> = (0..2).map(|channel| page(channel, 0)).collect();
    write_pages(&root.path().join("two.tif"), &two, "");
    write_tiff(&root.path().join("rgb.tif"), &Image::tissue(300, 200, 1), None);
    let server = Running::start(root.path(), &["--channel", "2", "--z", "1", "--window", "1,200"]);
    assert_eq!(names(&server), ["rgb", "x"]);
    let skipped = api(&server, "/api/slides")["skipped"].clone();
    assert_eq!(skipped[0]["path"], "two.tif");
    assert!(skipped[0]["reason"].as_str().unwrap().contains("no channel 2"), "{skipped}");
    assert!(shows(&server.get("/tiles/x/10/0_0.jpg"), 2, 1));
    assert!(shows(&server.get("/tiles/x/10/0_0.jpg?channel=0"), 0, 1));
    assert_eq!(api(&server, "/api/slides/x")["view"], "channel=2&z=1");
    assert_eq!(api(&server, "/api/slides/rgb")["view"], "");
    drop(server);
    let printed = origami(&["serve", arg(root.path()), "--channel", "0,2", "--print-config"]).ok().stdout;
    assert!(printed.lines().any(|line| line.contains("channel") && line.contains("0,2")), "{printed}");
}

#[test]
fn the_original_of_a_bundle_is_what_was_encoded_of_the_slide() {
    let root = tempfile::tempdir().unwrap();
    let slide = root.path().join("x.tif");
    write_stack(&slide);
    let out = root.path().join("x");
    origami(&["encode", "-q", arg(&slide), "--channel", "1", "--z", "1", "--out", arg(&out)]).ok();
    let server = Running::start(root.path(), &[]);
    assert_eq!(names(&server), ["x"]);
    let described = api(&server, "/api/slides/x");
    assert_eq!(described["made_of"], "channel=1&z=1");
    assert_eq!((&described["has_original"], &described["encoded"]), (&true.into(), &true.into()));
    assert!(shows(&server.get("/original/x_files/10/0_0.jpg"), 1, 1));
    assert!(shows(&server.get("/tiles/x/10/0_0.jpg"), 1, 1));
}

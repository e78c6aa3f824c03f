//! Addresses of other viewers: each tile that their formulas ask for is the tile of Deep Zoom, or of the same pixels.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::kit::image::Image;
use crate::kit::slides::{encode_tree, tree};
use crate::running::{Reply, Running};
use crate::tiffs::write_tiff;
use origami::codec::{decode_png, foreign_pixels};
use origami::image::family::Pixels;
use origami::image::geometry::Geometry;
use origami::image::plane::Plane;
use origami::params::EncodeParams;

const SIZE: (u32, u32) = (501, 390);
const TILE: u32 = 64;

fn slide(root: &Path) -> Geometry {
    let dir = root.join("one");
    let dzi = tree(&dir, SIZE.0 as usize, SIZE.1 as usize, TILE, 3);
    encode_tree(&dzi, &dir, &EncodeParams::default());
    Geometry::new(SIZE.0, SIZE.1, TILE).unwrap()
}

/// A tree whose sidecar says how large its pixels are.
pub fn scaled_tree(dir: &Path, microns: &Value) {
    tree(dir, SIZE.0 as usize, SIZE.1 as usize, TILE, 3);
    let sidecar = dir.join("baseline_pyramid.json");
    let mut fields: Value = serde_json::from_slice(&fs::read(&sidecar).unwrap()).unwrap();
    fields["microns_per_pixel"] = microns.clone();
    fs::write(sidecar, fields.to_string()).unwrap();
}

/// The tile of Deep Zoom so many levels below the finest.
fn deep_zoom(server: &Running, geometry: &Geometry, down: u32, x: u32, y: u32) -> Reply {
    let level = geometry.top_level() - down;
    let reply = server.get(&format!("/dzi/one_files/{level}/{x}_{y}.jpg"));
    assert_eq!(reply.status, 200, "{level}/{x}_{y}");
    reply
}

fn is_same(a: &Reply, b: &Reply) -> bool {
    a.body == b.body
        && a.header("etag") == b.header("etag")
        && a.header("content-type") == b.header("content-type")
}

/// The address of every tile by OpenSeadragon's `ZoomifyTileSource`, with its level below the finest, column and row: sizes are halved
/// and rounded down.
fn openseadragon_zoomify(width: u32, height: u32, tile: u32) -> Vec<(String, u32, u32, u32)> {
    let grid = |w: u32, h: u32| (w.div_ceil(tile), h.div_ceil(tile));
    let (mut w, mut h) = (width, height);
    let mut grids = vec![grid(w, h)];
    while w > tile || h > tile {
        (w, h) = (w / 2, h / 2);
        grids.push(grid(w, h));
    }
    numbered(grids)
}

/// The same by OpenLayers' `Zoomify` with its default calculation: the tile is doubled, and columns and rows are rounded up.
fn openlayers_zoomify(width: u32, height: u32, tile: u32) -> Vec<(String, u32, u32, u32)> {
    let (mut grids, mut side) = (Vec::new(), tile);
    while side < width || side < height {
        grids.push((width.div_ceil(side), height.div_ceil(side)));
        side += side;
    }
    grids.push((1, 1));
    numbered(grids)
}

/// Tiles in order from the coarsest level, of grids from the finest.
fn numbered(grids: Vec<(u32, u32)>) -> Vec<(String, u32, u32, u32)> {
    let (levels, mut number, mut all) = (grids.len() as u32, 0, Vec::new());
    for (z, (columns, rows)) in (0..).zip(grids.into_iter().rev()) {
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            all.push((format!("TileGroup{}/{z}-{x}-{y}.jpg", number / 256), levels - 1 - z, x, y));
            number += 1;
        }
    }
    all
}

#[test]
fn zoomify_has_the_tiles_of_deep_zoom() {
    let root = tempfile::tempdir().unwrap();
    let geometry = slide(root.path());
    let server = Running::start(root.path(), &[]);
    let properties = server.get("/zoomify/one/ImageProperties.xml");
    assert_eq!((properties.status, properties.header("content-type")), (200, "application/xml"));
    let properties = attributes(&properties.text());
    let of = |name: &str| properties.iter().find(|(key, _)| key == name).unwrap().1.parse::<u32>().unwrap();
    let tiles = openlayers_zoomify(of("WIDTH"), of("HEIGHT"), of("TILESIZE"));
    assert_eq!((of("WIDTH"), of("HEIGHT"), of("TILESIZE")), (SIZE.0, SIZE.1, TILE));
    assert_eq!(of("NUMTILES") as usize, tiles.len());
    let rounded_down = openseadragon_zoomify(SIZE.0, SIZE.1, TILE);
    assert!(tiles.len() > 70 && rounded_down.len() > 70);
    for (name, down, x, y) in tiles.iter().chain(&rounded_down) {
        let reply = server.get(&format!("/zoomify/one/{name}"));
        assert!(is_same(&reply, &deep_zoom(&server, &geometry, *down, *x, *y)), "{name}: {}", reply.status);
    }
    for wrong in [
        "TileGroup0/9-0-0.jpg",
        "TileGroup0/0-1-0.jpg",
        "TileGroup/0-0-0.jpg",
        "TileGroup0/0-0.jpg",
        "TileGroup0/0-0-0.gif",
    ] {
        assert_eq!(server.get(&format!("/zoomify/one/{wrong}")).status, 404, "{wrong}");
    }
}

/// The pixels of a JPEG in colour: three samples each.
fn rgb(jpeg: &[u8]) -> Plane {
    let Pixels::Rgb(pixels) = foreign_pixels(jpeg, None).unwrap() else { panic!("a colour tile") };
    pixels
}

/// Names and values of the attributes of a single element.
fn attributes(xml: &str) -> Vec<(String, String)> {
    let words = xml.split_once(' ').unwrap().1.split('"').collect::<Vec<_>>();
    let pairs = words.chunks_exact(2);
    pairs.map(|pair| (pair[0].trim().trim_end_matches('=').to_string(), pair[1].to_string())).collect()
}

#[test]
fn xyz_has_the_tiles_of_deep_zoom_and_fills_up_those_of_the_edge() {
    let root = tempfile::tempdir().unwrap();
    let geometry = slide(root.path());
    let server = Running::start(root.path(), &[]);
    let side = TILE as usize;
    let (mut whole, mut filled) = (0, 0);
    for z in 0..4 {
        let down = 3 - z;
        let (columns, rows) = geometry.tiles(geometry.top_level() - down);
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            let reply = server.get(&format!("/xyz/one/{z}/{x}/{y}.jpg"));
            let tile = deep_zoom(&server, &geometry, down, x, y);
            let (w, h) = geometry.level_size(geometry.top_level() - down);
            let (w, h) = ((w - x * TILE).min(TILE) as usize, (h - y * TILE).min(TILE) as usize);
            if (w, h) == (side, side) {
                assert!(is_same(&reply, &tile), "{z}/{x}/{y}");
                whole += 1;
                continue;
            }
            filled += 1;
            let (got, own) = (rgb(&reply.body), rgb(&tile.body));
            assert_eq!((got.width(), got.height()), (3 * side, side), "{z}/{x}/{y}");
            // Both are coded by themselves: near the white their blocks differ.
            let (inner, lower) = (w.saturating_sub(16), h.saturating_sub(16));
            for row in 0..lower {
                let (line, want) = (&got.row(row)[..3 * inner], &own.row(row)[..3 * inner]);
                assert!(line.iter().zip(want).all(|(a, b)| a.abs_diff(*b) <= 24), "{z}/{x}/{y} row {row}");
            }
            for row in 0..side {
                let from = if row < (h + 16).min(side) { 3 * (w + 16).min(side) } else { 0 };
                assert!(got.row(row)[from..].iter().all(|&sample| sample >= 250), "{z}/{x}/{y} row {row}");
            }
            let again = server.request(
                "GET",
                &format!("/xyz/one/{z}/{x}/{y}.jpg"),
                &[("If-None-Match", reply.header("etag"))],
            );
            assert_eq!(again.status, 304);
        }
    }
    assert!(whole > 40 && filled > 15, "{whole} {filled}");
    for wrong in ["4/0/0.jpg", "0/1/0.jpg", "0/0/0", "0/0/0.gif", "-1/0/0.jpg", "x/0/0.jpg"] {
        assert_eq!(server.get(&format!("/xyz/one/{wrong}")).status, 404, "{wrong}");
    }
}

#[test]
fn a_deep_zoom_descriptor_is_json_too() {
    let root = tempfile::tempdir().unwrap();
    slide(root.path());
    let server = Running::start(root.path(), &[]);
    let reply = server.get("/dzi/one.json");
    let want = json!({"Image": {
        "xmlns": "http://schemas.microsoft.com/deepzoom/2008", "Url": format!("http://{}/dzi/one_files/", server.address),
        "Format": "jpg", "Overlap": "0", "TileSize": "64", "Size": {"Width": "501", "Height": "390"},
    }});
    assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), want);
    assert_eq!(reply.header("content-type"), "application/json");
    assert!(server.get("/original/one.json").text().contains("/original/one_files/"));
    assert_eq!(server.get("/dzi/two.json").status, 404);
}

/// The address of every tile by OpenSeadragon's `IIIFTileSource`, version 3, with its level below the finest, column and row.
fn openseadragon_iiif(geometry: &Geometry, downs: u32) -> Vec<(String, u32, u32, u32)> {
    let (width, height, tile) = (geometry.width(), geometry.height(), geometry.tile());
    let mut all = Vec::new();
    for down in 0..downs {
        let (level_w, level_h) = (width.div_ceil(1 << down), height.div_ceil(1 << down));
        let side = tile << down;
        for (y, x) in
            (0..level_h.div_ceil(tile)).flat_map(|y| (0..level_w.div_ceil(tile)).map(move |x| (y, x)))
        {
            let address = if level_w < tile && level_h < tile {
                format!("full/{level_w},{level_h}/0/default.jpg")
            } else {
                let (left, top) = (x * side, y * side);
                let (w, h) = (side.min(width - left), side.min(height - top));
                let region = match (left, top, w, h) == (0, 0, width, height) {
                    true => "full".into(),
                    false => format!("{left},{top},{w},{h}"),
                };
                let (w, h) = (tile.min(level_w - x * tile), tile.min(level_h - y * tile));
                let size = if (w, h) == (width, height) { "max".into() } else { format!("{w},{h}") };
                format!("{region}/{size}/0/default.jpg")
            };
            all.push((address, down, x, y));
        }
    }
    all
}

#[test]
fn tiles_of_iiif_are_those_of_deep_zoom() {
    let root = tempfile::tempdir().unwrap();
    let geometry = slide(root.path());
    let server = Running::start(root.path(), &["--no-prefetch"]);
    let tiles = openseadragon_iiif(&geometry, 6);
    assert!(tiles.len() > 70);
    for version in [2, 3] {
        for (address, down, x, y) in &tiles {
            let reply = server.get(&format!(
                "/iiif/{version}/one/{}",
                if version == 2 { address.replace("/max/", "/full/") } else { address.clone() }
            ));
            assert!(
                is_same(&reply, &deep_zoom(&server, &geometry, *down, *x, *y)),
                "{address}: {}",
                reply.status
            );
            assert!(reply.header("link").contains(&format!("image/{version}/level2.json")), "{reply:?}");
            assert_eq!(reply.header("access-control-allow-origin"), "*");
        }
    }
    // Anything else is an image of its own.
    let tile = deep_zoom(&server, &geometry, 0, 0, 0);
    for other in [
        "0,0,64,64/max/90/default.jpg",
        "0,0,64,64/max/0/gray.jpg",
        "0,0,64,63/max/0/default.jpg",
        "1,0,64,64/max/0/default.jpg",
        "0,0,64,64/63,64/0/default.jpg",
    ] {
        let reply = server.get(&format!("/iiif/3/one/{other}"));
        assert!(reply.status == 200 && reply.header("etag") != tile.header("etag"), "{other}");
    }
    for (format, kind) in [("png", "image/png"), ("webp", "image/webp")] {
        let reply = server.get(&format!("/iiif/3/one/0,0,64,64/max/0/default.{format}"));
        assert_eq!((reply.status, reply.header("content-type")), (200, kind));
        assert_ne!(reply.header("etag"), tile.header("etag"));
    }
    let png = server.get("/iiif/3/one/0,0,64,64/max/0/default.png").body;
    assert!(decode_png(&png, 64 * 64).unwrap().data == rgb(&tile.body).data());
}

#[test]
fn what_iiif_says_of_a_slide_is_true() {
    let root = tempfile::tempdir().unwrap();
    let geometry = slide(root.path());
    write_tiff(&root.path().join("scan.tif"), &Image::cells(2100, 1500, 3), None);
    scaled_tree(&root.path().join("two"), &json!([0.5, 0.5]));
    scaled_tree(&root.path().join("oblong"), &json!([0.25, 0.5]));
    let server = Running::start(root.path(), &[]);
    let info = |address: &str, accept: &str| {
        let reply = server.request("GET", address, &[("Accept", accept)]);
        assert_eq!(reply.status, 200, "{address}");
        (serde_json::from_slice::<Value>(&reply.body).unwrap(), reply.header("content-type").to_string())
    };
    let (three, kind) = info("/iiif/3/one/info.json", "*/*");
    assert!(kind.starts_with("application/ld+json"), "{kind}");
    let (two, kind) = info("/iiif/2/one/info.json", "*/*");
    assert_eq!(
        (kind.as_str(), info("/iiif/2/one/info.json", "application/ld+json").1.as_str()),
        ("application/json", "application/ld+json")
    );
    assert_eq!(two["@id"], format!("http://{}/iiif/2/one", server.address));
    assert_eq!(two["profile"][0], "http://iiif.io/api/image/2/level2.json");
    assert_eq!((&two["sizes"], &two["tiles"]), (&three["sizes"], &three["tiles"]));
    let all: Vec<u32> = (0..=geometry.top_level()).map(|down| 1 << down).collect();
    assert_eq!(three["tiles"][0]["scaleFactors"], json!(all));
    assert!(three["extraFormats"].as_array().unwrap().contains(&json!("webp")));
    assert!(three.get("service").is_none() && two.get("service").is_none());
    for version in [2, 3] {
        let (scaled, _) = info(&format!("/iiif/{version}/two/info.json"), "*/*");
        assert_eq!(
            (&scaled["service"][0]["physicalScale"], &scaled["service"][0]["physicalUnits"]),
            (&json!(0.0005), &json!("mm"))
        );
        assert!(info(&format!("/iiif/{version}/oblong/info.json"), "*/*").0.get("service").is_none());
    }
    // A scanned slide without coarse levels: what would take many tiles is not recommended, and is served.
    let (scan, _) = info("/iiif/3/scan/info.json", "*/*");
    assert_eq!(scan["tiles"][0]["scaleFactors"], json!([1, 2, 4]));
    assert_eq!(
        scan["sizes"],
        json!([{"width": 525, "height": 375}, {"width": 1050, "height": 750}, {"width": 2100, "height": 1500}])
    );
    assert_eq!(server.get("/iiif/3/scan/full/66,47/0/default.jpg").status, 200);
    for (address, status) in [
        ("/iiif/2/one/full/full/0/default.jpg", 200),
        ("/iiif/2/one/full/^max/0/default.jpg", 400),
        ("/iiif/3/one/full/full/0/default.jpg", 400),
    ] {
        assert_eq!(server.get(address).status, status, "{address}");
    }
    assert_eq!(server.get("/iiif/2/one").header("location"), "/iiif/2/one/info.json");
}

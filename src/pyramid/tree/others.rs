//! What the descriptors of other layouts than Deep Zoom say: Zoomify's `ImageProperties.xml`, IIIF's `info.json`, and for Google Maps,
//! which has none, what libvips leaves beside the tiles.

use std::path::Path;

use super::layout::Layout;
use super::store::Store;
use crate::codec::{decode_png, foreign_pixels};
use crate::pyramid::dzi::Descriptor;
use crate::pyramid::error::{Error, Result};

fn number(path: &Path, name: &str, text: Option<&str>) -> Result<u32> {
    let text = text.ok_or_else(|| Error::damaged(path, format!("no {name}")))?;
    let wrong = || Error::damaged(path, format!("{name}=\"{text}\" is not a whole number"));
    text.trim().parse().map_err(|_| wrong())
}

fn plain(width: u32, height: u32, tile: u32) -> Descriptor {
    Descriptor { width, height, tile, overlap: 0, format: "jpg".into() }
}

/// `<IMAGE_PROPERTIES WIDTH="768" HEIGHT="512" TILESIZE="256" />`.
pub fn zoomify(path: &Path, text: &str) -> Result<Descriptor> {
    let bad = |problem: String| Error::damaged(path, format!("not Zoomify's properties: {problem}"));
    let doc = roxmltree::Document::parse(text).map_err(|e| bad(e.to_string()))?;
    let image = doc.root_element();
    if image.tag_name().name() != "IMAGE_PROPERTIES" {
        return Err(bad(format!("the root element is <{}>", image.tag_name().name())));
    }
    let of = |name| number(path, name, image.attribute(name));
    Ok(plain(of("WIDTH")?, of("HEIGHT")?, of("TILESIZE")?))
}

/// A level-0 image service: its tiles are files.
pub fn iiif(path: &Path, text: &str) -> Result<(Descriptor, Layout)> {
    let info: serde_json::Value = serde_json::from_str(text)
        .map_err(|e| Error::damaged(path, format!("not an info.json of IIIF: {e}")))?;
    let of = |value: &serde_json::Value, name: &str| {
        let found = value[name].as_u64().and_then(|n| u32::try_from(n).ok());
        found.ok_or_else(|| Error::damaged(path, format!("no {name} that is a whole number")))
    };
    let context = info["@context"].to_string();
    let version = match (context.contains("image/2/"), context.contains("image/3/")) {
        (true, _) => 2,
        (_, true) => 3,
        _ => {
            return Err(Error::input(
                path,
                "no context of the IIIF Image API 2 or 3; other versions are not read",
            ));
        }
    };
    let tiles = &info["tiles"][0];
    let side = of(tiles, "width")?;
    if tiles["height"].as_u64().is_some_and(|height| height != u64::from(side)) {
        return Err(Error::input(path, "its tiles are not square; make it again with square tiles"));
    }
    Ok((plain(of(&info, "width")?, of(&info, "height")?, side), Layout::Iiif { version }))
}

/// The size of a Google Maps tree by libvips' properties, else by its tiles; and what was assumed.
pub fn google(
    dir: &Path,
    store: &Store,
    names: &[String],
    properties: Option<&str>,
) -> Result<(Descriptor, Option<String>)> {
    let no_tiles = || Error::input(dir, "no tiles z/y/x.jpg or .png here, as the Google Maps layout has");
    let first = names.iter().find(|name| name.starts_with("0/0/0.")).ok_or_else(no_tiles)?;
    let bytes = store.read(first).map_err(Error::io("read", &dir.join(first)))?;
    let decoded = match bytes.starts_with(b"\x89PNG") {
        true => decode_png(&bytes, 1 << 24).map(|png| (png.width, png.height)),
        false => foreign_pixels(&bytes, None).map(|pixels| (pixels.width(), pixels.height())),
    };
    let (width, height) = decoded.map_err(|e| Error::damaged(&dir.join(first), e.to_string()))?;
    if width != height {
        return Err(Error::input(dir, format!("its tiles are {width}x{height}; they must be square")));
    }
    let tile = width as u32;
    if let Some(text) = properties {
        let (width, height) = (property(dir, text, "width")?, property(dir, text, "height")?);
        return Ok((plain(width, height, tile), None));
    }
    let places = names.iter().filter_map(|name| {
        let mut parts = name.split('.').next()?.splitn(3, '/').map(|n| n.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??, parts.next()??))
    });
    let places: Vec<_> = places.collect();
    let finest = places.iter().map(|place| place.0).max().ok_or_else(no_tiles)?;
    let count = |of: fn(&(u32, u32, u32)) -> u32| {
        places.iter().filter(|p| p.0 == finest).map(of).max().unwrap_or(0).saturating_add(1)
    };
    let (columns, rows) = (count(|place| place.2), count(|place| place.1));
    let descriptor = plain(columns.saturating_mul(tile), rows.saturating_mul(tile), tile);
    let note = "it does not say its size, which is taken to end with its last tiles: the right and lower edge may be padding";
    Ok((descriptor, Some(note.into())))
}

/// A number in libvips' properties.
fn property(dir: &Path, text: &str, name: &str) -> Result<u32> {
    let path = dir.join("vips-properties.xml");
    let doc = roxmltree::Document::parse(text).map_err(|e| Error::damaged(&path, e.to_string()))?;
    let child = |node: roxmltree::Node<'_, '_>, tag: &str| {
        node.children()
            .find(|child| child.tag_name().name() == tag)
            .and_then(|child| child.text())
            .map(str::to_string)
    };
    let properties = doc.descendants().filter(|node| node.tag_name().name() == "property");
    let value = properties
        .filter(|node| child(*node, "name").as_deref() == Some(name))
        .find_map(|node| child(node, "value"));
    number(&path, name, value.as_deref())
}

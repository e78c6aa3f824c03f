//! The `.dzi` descriptor: its XML and its numbers. Knows no tiles.

use std::path::Path;

use serde_json::{Value, json};

use crate::pyramid::error::{Error, Refusal, Result};

/// The contents of a `.dzi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Full width in pixels.
    pub width: u32,
    /// Full height in pixels.
    pub height: u32,
    /// Tile side in pixels, without overlap.
    pub tile: u32,
    /// Pixels by which a tile overlaps each neighbour.
    pub overlap: u32,
    /// File name extension of the tiles, exactly as written.
    pub format: String,
}

impl Descriptor {
    /// Parses the XML of Deep Zoom (either namespace, or none).
    ///
    /// # Errors
    /// An element or attribute that is missing or not a number; the message names it.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let bad = |problem: String| Error::damaged(path, problem);
        if !text.is_empty() && !text.trim_start().starts_with('<') {
            return Err(Error::refused(path, Refusal::NotADescriptor));
        }
        let doc =
            roxmltree::Document::parse(text).map_err(|e| bad(format!("not a Deep Zoom descriptor: {e}")))?;
        let image = doc.root_element();
        if image.tag_name().name() != "Image" {
            let advice = if image.tag_name().name() == "Collection" {
                "; Deep Zoom collections are not supported"
            } else {
                ""
            };
            let name = image.tag_name().name();
            return Err(Error::input(path, format!("the root element is <{name}>, not <Image>{advice}")));
        }
        let size = image
            .children()
            .find(|n| n.tag_name().name() == "Size")
            .ok_or_else(|| bad("no <Size> element".into()))?;
        let number = |node: roxmltree::Node<'_, '_>, name: &str| {
            let text = node.attribute(name).ok_or_else(|| bad(format!("no {name} attribute")))?;
            text.trim().parse::<u32>().map_err(|_| bad(format!("{name}=\"{text}\" is not a whole number")))
        };
        let format = image.attribute("Format").ok_or_else(|| bad("no Format attribute".into()))?.to_string();
        if !matches!(format.as_str(), "jpg" | "jpeg" | "png" | "JPG" | "JPEG" | "PNG") {
            return Err(Error::input(path, format!("Format=\"{format}\": tiles must be jpg, jpeg or png")));
        }
        let descriptor = Self {
            width: number(size, "Width")?,
            height: number(size, "Height")?,
            tile: number(image, "TileSize")?,
            overlap: number(image, "Overlap")?,
            format,
        };
        if descriptor.overlap > descriptor.tile {
            return Err(bad(format!(
                "Overlap={} is larger than TileSize={}",
                descriptor.overlap, descriptor.tile
            )));
        }
        Ok(descriptor)
    }

    /// The descriptor as JSON, with the address below which the levels lie.
    pub fn to_json(&self, tiles: &str) -> Value {
        let text = |number: u32| number.to_string();
        json!({"Image": {
            "xmlns": "http://schemas.microsoft.com/deepzoom/2008", "Url": tiles,
            "Format": self.format, "Overlap": text(self.overlap), "TileSize": text(self.tile),
            "Size": {"Width": text(self.width), "Height": text(self.height)},
        }})
    }

    /// The descriptor as XML.
    pub fn to_xml(&self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" Format=\"{}\" Overlap=\"{}\" TileSize=\"{}\">\n  <Size Width=\"{}\" Height=\"{}\"/>\n</Image>\n",
            self.format, self.overlap, self.tile, self.width, self.height
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_descriptor_is_read_back() {
        let d = Descriptor { width: 2220, height: 2967, tile: 254, overlap: 1, format: "jpeg".into() };
        assert_eq!(Descriptor::parse(Path::new("a.dzi"), &d.to_xml()).unwrap(), d);
    }

    #[test]
    fn errors_name_the_missing_or_invalid_attribute() {
        let parse = |text: &str| Descriptor::parse(Path::new("a.dzi"), text).unwrap_err().to_string();
        assert!(parse("no xml").contains("not a Deep Zoom descriptor"));
        assert!(parse("<Images/>").contains("<Images>"));
        assert!(parse("<Image Format='jpg' Overlap='0' TileSize='256'/>").contains("<Size>"));
        assert!(
            parse("<Image Format='jpg' Overlap='0'><Size Width='1' Height='1'/></Image>")
                .contains("TileSize")
        );
        assert!(
            parse("<Image Format='jpg' Overlap='x' TileSize='256'><Size Width='1' Height='1'/></Image>")
                .contains("Overlap=\"x\"")
        );
        assert!(
            parse("<Image Format='gif' Overlap='0' TileSize='256'><Size Width='1' Height='1'/></Image>")
                .contains("gif")
        );
        assert!(
            parse("<Image Format='jpg' Overlap='9' TileSize='4'><Size Width='1' Height='1'/></Image>")
                .contains("larger")
        );
    }
}

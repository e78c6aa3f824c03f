//! A Deep Zoom tree in a zip file without compression (SZI), as `vips dzsave` lays it out. Files over 4 GiB and of more than 65,535 entries are in
//! Zip64.
//!
//! Source: APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3.

use std::path::Path;

use super::about::escaped;
use super::options::TILE_EXTENSION;
use super::out_file::OutFile;
use crate::error::{Error, Result};
use crate::image::geometry::{Geometry, TileId};
use crate::pyramid::dzi::Descriptor;
use crate::pyramid::write::Existing;
use crate::pyramid::{self, SlideMetadata};

/// 1 January 1980, the first day that a zip knows: the same tree makes the same file.
const DATE: u16 = 0x21;
/// Names are UTF-8.
const FLAGS: u16 = 0x800;
/// The version that reads a field of Zip64.
const ZIP64_VERSION: u16 = 45;
const VERSION: u16 = 20;

/// Writes a zip file.
pub struct SziWriter {
    file: OutFile,
    /// Name of the tree, without extension.
    name: String,
    geometry: Geometry,
    entries: Vec<Entry>,
}

/// A file in it.
struct Entry {
    name: Name,
    crc: u32,
    bytes: u32,
    offset: u64,
}

/// The name of a file, which is long only where it is no tile's.
enum Name {
    Tile(TileId),
    /// What follows the name of the tree.
    Other(&'static str),
    /// In the directory of the tree.
    Beside(&'static str),
}

impl SziWriter {
    /// Begins `out`.
    ///
    /// # Errors
    /// As of [`OutFile::create`]; a name that is no text.
    pub fn create(out: &Path, geometry: Geometry, existing: Existing) -> Result<Self> {
        let name = out.file_stem().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::input(out, "its name is no text; give another"))?.to_string();
        Ok(Self { file: OutFile::create(out, existing)?, name, geometry, entries: Vec::new() })
    }

    /// Adds a tile.
    ///
    /// # Errors
    /// A full disk or another file error.
    pub fn tile(&mut self, id: TileId, bytes: &[u8]) -> Result<()> {
        self.add(Name::Tile(id), bytes)
    }

    /// Adds what describes the tree and gives the file its name.
    ///
    /// # Errors
    /// As of [`Self::tile`].
    pub fn finish(mut self, metadata: &SlideMetadata, icc: Option<&[u8]>) -> Result<()> {
        let descriptor = Descriptor {
            width: self.geometry.width(),
            height: self.geometry.height(),
            tile: self.geometry.tile(),
            overlap: 0,
            format: TILE_EXTENSION.into(),
        };
        self.add(Name::Other(".dzi"), descriptor.to_xml().as_bytes())?;
        self.add(Name::Beside("scan-properties.xml"), properties(metadata).as_bytes())?;
        // As beside a tree, for our own reader.
        let icc_profile = icc.map(|_| format!("{}.icc", self.name));
        let sidecar = serde_json::to_vec_pretty(&SlideMetadata { icc_profile, ..metadata.clone() });
        self.add(Name::Other(".json"), &sidecar.map_err(pyramid::Error::Sidecar)?)?;
        if let Some(icc) = icc {
            self.add(Name::Other(".icc"), icc)?;
        }
        self.directory()?;
        self.file.publish()
    }

    fn text(&self, name: &Name) -> String {
        let tree = &self.name;
        match name {
            Name::Tile(TileId { level, x, y }) => {
                format!("{tree}/{tree}_files/{level}/{x}_{y}.{TILE_EXTENSION}")
            }
            Name::Other(end) => format!("{tree}/{tree}{end}"),
            Name::Beside(file) => format!("{tree}/{file}"),
        }
    }

    fn add(&mut self, name: Name, bytes: &[u8]) -> Result<()> {
        let text = self.text(&name);
        let too_long =
            |_| Error::input(self.file.path(), format!("{text} has more bytes than a zip file takes"));
        let length = u32::try_from(bytes.len()).map_err(too_long)?;
        let entry = Entry { name, crc: rawzip::crc32(bytes), bytes: length, offset: self.file.end() };
        let mut header = 0x0403_4B50_u32.to_le_bytes().to_vec();
        header.extend(entry.fields(VERSION, &text));
        header.extend(0_u16.to_le_bytes());
        header.extend(text.as_bytes());
        self.file.append(&header)?;
        self.file.append(bytes)?;
        self.entries.push(entry);
        Ok(())
    }

    /// The central directory and what ends the file.
    fn directory(&mut self) -> Result<()> {
        let start = self.file.end();
        let entries = std::mem::take(&mut self.entries);
        for entry in &entries {
            let text = self.text(&entry.name);
            let short = u32::try_from(entry.offset).ok().filter(|&offset| offset != u32::MAX);
            let version = if short.is_some() { VERSION } else { ZIP64_VERSION };
            let mut header = 0x0201_4B50_u32.to_le_bytes().to_vec();
            header.extend(version.to_le_bytes());
            header.extend(entry.fields(version, &text));
            let extra: u16 = if short.is_some() { 0 } else { 12 };
            header.extend(extra.to_le_bytes());
            // Of its comment, its disk and its attributes there are none.
            header.extend([0; 10]);
            header.extend(short.unwrap_or(u32::MAX).to_le_bytes());
            header.extend(text.as_bytes());
            if short.is_none() {
                header.extend([1, 0, 8, 0]);
                header.extend(entry.offset.to_le_bytes());
            }
            self.file.append(&header)?;
        }
        let end = self.file.end();
        self.file.append(&end_of_zip(entries.len() as u64, start, end)).map(drop)
    }
}

impl Entry {
    /// The fields from the version that is needed to the length of the name, which both headers have.
    fn fields(&self, version: u16, text: &str) -> Vec<u8> {
        // The second 0: stored without compression. The third: midnight.
        let mut fields: Vec<u8> =
            [version, FLAGS, 0, 0, DATE].into_iter().flat_map(u16::to_le_bytes).collect();
        fields.extend([self.crc, self.bytes, self.bytes].into_iter().flat_map(u32::to_le_bytes));
        fields.extend((text.len() as u16).to_le_bytes());
        fields
    }
}

/// What follows the directory, which lies from `start` to `end`.
fn end_of_zip(entries: u64, start: u64, end: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let count = u16::try_from(entries).ok().filter(|&count| count != u16::MAX);
    let offset = u32::try_from(start).ok().filter(|&offset| offset != u32::MAX);
    let length = u32::try_from(end - start).ok().filter(|&length| length != u32::MAX);
    if count.is_none() || offset.is_none() || length.is_none() {
        out.extend(0x0606_4B50_u32.to_le_bytes());
        // The bytes that follow this number.
        out.extend(44_u64.to_le_bytes());
        out.extend([ZIP64_VERSION, ZIP64_VERSION].into_iter().flat_map(u16::to_le_bytes));
        out.extend([0; 8]);
        out.extend([entries, entries, end - start, start].into_iter().flat_map(u64::to_le_bytes));
        // Where it lies, and how many disks there are.
        out.extend([0x0706_4B50_u32, 0].into_iter().flat_map(u32::to_le_bytes));
        out.extend(end.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
    }
    let count = count.unwrap_or(u16::MAX);
    out.extend(0x0605_4B50_u32.to_le_bytes());
    out.extend([0, 0, count, count].into_iter().flat_map(u16::to_le_bytes));
    out.extend(
        [length.unwrap_or(u32::MAX), offset.unwrap_or(u32::MAX)].into_iter().flat_map(u32::to_le_bytes),
    );
    out.extend(0_u16.to_le_bytes());
    out
}

/// The slide's properties, by the names that `vips dzsave` gives them.
fn properties(metadata: &SlideMetadata) -> String {
    let mut known = vec![("Vendor", metadata.generator.clone()), ("Name", metadata.source.clone())];
    if let Some((x, y)) = metadata.microns_per_pixel {
        known.push(("MicronsPerPixelX", x.to_string()));
        known.push(("MicronsPerPixelY", y.to_string()));
    }
    known.extend(metadata.objective_power.map(|power| ("ObjectiveMagnification", power.to_string())));
    let mut xml = "<?xml version=\"1.0\"?>\n<image xmlns=\"http://www.pathozoom.com/szi\" version=\"1.0\">\n  <properties>\n".to_string();
    for (name, value) in known {
        let value = escaped(&value);
        xml += &format!(
            "    <property>\n      <name>{name}</name>\n      <value type=\"VipsRefString\">{value}</value>\n    </property>\n"
        );
    }
    xml + "  </properties>\n</image>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_entries_and_far_directories_are_in_zip64() {
        let short = end_of_zip(3, 100, 300);
        assert_eq!(short.len(), 22);
        assert_eq!(short[8..20], [3, 0, 3, 0, 200, 0, 0, 0, 100, 0, 0, 0]);
        for (entries, start) in [(65_535, 100), (3, 1 << 33)] {
            let long = end_of_zip(entries, start, start + 200);
            assert_eq!(long.len(), 56 + 20 + 22);
            assert_eq!(long[24..32], entries.to_le_bytes());
            assert_eq!(long[48..56], start.to_le_bytes());
            // The locator points at the first of these bytes.
            assert_eq!(long[64..72], (start + 200).to_le_bytes());
        }
    }
}

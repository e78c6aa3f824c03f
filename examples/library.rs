//! The calls of docs/library.md: one family of a bundle to planes, and one family of an image to payloads.

use std::error::Error;
use std::path::Path;

use origami::archive::Archive;
use origami::backend::{Backend, CpuBackend};
use origami::image::family::{Pixels, Proof, SourceFamily, Want};
use origami::image::geometry::Geometry;
use origami::image::plane::Plane;
use origami::image::ycc::{Sampling, Ycc};
use origami::params::EncodeParams;
use origami::residual::{FamilyDecoder, encode_family};
use pollster::block_on;

/// Decodes family 1_1 of a bundle; returns the width and height of its L0 in pixels.
pub fn decode_one(bundle: &Path) -> Result<(usize, usize), Box<dyn Error>> {
    let archive = Archive::open(bundle)?;
    let (geometry, coding) = (archive.geometry(), &archive.meta().coding);
    let id = geometry.family(1, 1).ok_or("the slide has no family 1_1")?;
    let entry = archive.find(id).ok_or("the bundle does not hold family 1_1")?;
    let record = archive.read_family(entry)?;
    let decoded = FamilyDecoder { geometry, coding, id, record: &record }.decode()?;
    let made = block_on(CpuBackend::new().reconstruct(coding, &decoded, Want::Planes(Sampling::S420)))?;
    Ok((made.l0.width(), made.l0.height()))
}

/// Encodes a gray image of 1000x700 pixels, which is one family of tiles of 256; returns the bytes of its payloads.
pub fn encode_one() -> Result<usize, Box<dyn Error>> {
    let geometry = Geometry::new(1000, 700, 256)?;
    let id = geometry.family(0, 0).ok_or("the image has no family")?;
    let image = Pixels::Ycc(Ycc::gray(Plane::filled(1000, 700, 200)));
    let source = SourceFamily { id, tile: 256, image, tile_bytes: Vec::new() };
    let encoded = block_on(encode_family(&CpuBackend::new(), &EncodeParams::default(), source))?;
    assert_eq!(encoded.record.proof, Proof::new(&encoded.corrected, &encoded.baseline));
    Ok(encoded.record.payloads.iter().map(|payload| payload.bytes.len()).sum())
}

#[allow(dead_code, reason = "a test takes the functions alone")]
fn main() -> Result<(), Box<dyn Error>> {
    let bundle = std::env::args().nth(1).ok_or("usage: library BUNDLE")?;
    let (width, height) = decode_one(Path::new(&bundle))?;
    println!("L0 of family 1_1: {width}x{height}");
    println!("a gray family: {} bytes", encode_one()?);
    Ok(())
}

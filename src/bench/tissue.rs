//! Synthetic tissue of any size, row by row, for benches without a slide.

use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result};
use origami::backend::Cancel;
use origami::store::create;

/// Writes a PNG of `width` x `height` pixels; holds one row in memory. The file gets its name when it is whole.
pub fn write_slide(path: &Path, width: u32, height: u32, cancel: &Cancel) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    let written = write_png(&part, width, height, cancel).and_then(|()| {
        std::fs::rename(&part, path).with_context(|| format!("cannot rename to {}", path.display()))
    });
    if written.is_err() {
        // The first failure is the one to report.
        drop(std::fs::remove_file(&part));
    }
    written
}

fn write_png(path: &Path, width: u32, height: u32, cancel: &Cancel) -> Result<()> {
    let file = create(path, true).with_context(|| format!("cannot create {}", path.display()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    let mut row = vec![0u8; 3 * width as usize];
    for y in 0..height {
        cancel.check()?;
        for (x, px) in row.chunks_exact_mut(3).enumerate() {
            px.copy_from_slice(&pixel(x as u32, y));
        }
        std::io::Write::write_all(&mut stream, &row)?;
    }
    stream.finish()?;
    // Dropped, the writer would end the file without a word of an error.
    writer.finish()?;
    Ok(())
}

/// A hash of a lattice point, 0 to 255.
fn lattice(x: u32, y: u32, seed: u32) -> i32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    ((h ^ (h >> 13)) >> 24) as i32
}

/// Value noise with cells of `1 << shift` pixels, 0 to 255.
fn noise(x: u32, y: u32, shift: u32, seed: u32) -> i32 {
    let (cx, cy, mask) = (x >> shift, y >> shift, (1 << shift) - 1);
    let (fx, fy) = ((x & mask) as i32, (y & mask) as i32);
    let mix = |a: i32, b: i32, f: i32| a + (((b - a) * f) >> shift);
    let top = mix(lattice(cx, cy, seed), lattice(cx + 1, cy, seed), fx);
    let bottom = mix(lattice(cx, cy + 1, seed), lattice(cx + 1, cy + 1, seed), fx);
    mix(top, bottom, fy)
}

/// A pixel of pink tissue with dark nuclei on glass; about half of the slide is empty.
pub fn pixel(x: u32, y: u32) -> [u8; 3] {
    if noise(x, y, 11, 1) < 120 {
        return [243, 242, 244];
    }
    let fibre = noise(x, y, 6, 2) + noise(x, y, 3, 3) / 2 + noise(x, y, 1, 4) / 8;
    let nucleus = noise(x, y, 4, 5) > 190;
    let clamp = |v: i32| v.clamp(0, 255) as u8;
    if nucleus {
        return [clamp(70 + fibre / 6), clamp(45 + fibre / 7), clamp(120 + fibre / 6)];
    }
    [clamp(255 - fibre / 6), clamp(215 - fibre / 2), clamp(235 - fibre / 4)]
}

//! What the JPEG encoders have in common, whoever's library they are.

pub mod stripes;
#[cfg(test)]
mod tests;

pub use stripes::restart_rows;

/// Largest side that JPEG codes.
pub const MAX_SIDE: usize = 65_500;
/// Step of the flat table at quality 50. It gives a residual the luma error that the photographic table gives it there (measured on
/// stained tissue, see `benches/RESULTS.md`), so that a quality means the same whatever the encoder.
#[cfg(any(feature = "jpegli", feature = "mozjpeg"))]
pub const FLAT_STEP: u32 = 22;

/// One step for all frequencies: what the prediction missed is noise, which has no shape that a photographic table could know.
/// Scaled with quality as libjpeg scales its tables.
#[cfg(any(feature = "jpegli", feature = "mozjpeg"))]
pub fn flat_step(quality: u8) -> u16 {
    let quality = u32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    ((FLAT_STEP * percent + 50) / 100).clamp(1, 255) as u16
}

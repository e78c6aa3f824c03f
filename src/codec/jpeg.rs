//! What the JPEG codecs have in common, whichever library they call.

pub mod frame;
#[cfg(test)]
mod second_decoder;
pub mod segments;
pub mod stripes;
#[cfg(test)]
mod tests;

pub use stripes::restart_rows;

/// Largest side that JPEG codes, in pixels.
pub const MAX_SIDE: usize = 65_500;
/// Step of the flat table at quality 50. With it a residual has the luma error that the photographic table gives it at that quality
/// (measured on stained tissue, see `benches/RESULTS.md`), so that a quality means the same for every encoder.
pub const FLAT_STEP: u32 = 22;

/// One step for all frequencies: a residual is noise, and a photographic table would spare frequencies that noise has as often as all
/// others. Scaled with quality as libjpeg scales its tables.
pub fn flat_step(quality: u8) -> u8 {
    let quality = u32::from(quality.clamp(1, 100));
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    ((FLAT_STEP * percent + 50) / 100).clamp(1, 255) as u8
}

/// Most bytes of a JPEG file of this size that is stored repacked; a reader unpacks no more. Enough for three planes that are no smaller
/// coded than plain, and headers.
pub fn max_repacked_bytes(width: usize, height: usize) -> usize {
    let padded = |n: usize| n.next_multiple_of(16);
    6 * padded(width) * padded(height) + (1 << 20)
}

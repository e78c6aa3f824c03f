//! JPEG-LS frames (ITU-T T.87), by CharLS. Sizes are checked before it decodes.
//!
//! Where its input ends without a marker, CharLS 2.4 may count zeros until 32 bits overflow, for many seconds: at the end of the input it
//! looks for exactly 0 bits left, and there may be fewer (`fill_read_cache`). At a marker it looks for 0 or fewer. So a frame must end with
//! its end marker, which no damage before it can hide, and CharLS gets nothing behind that: its time is bounded by the frame's size.

use super::format::Format;
use charls::CharLS;

/// A decoded frame.
pub(super) struct Decoded {
    pub samples: Vec<u8>,
    /// Samples of a colour lie in separate planes.
    pub in_planes: bool,
}

/// Decodes a frame.
pub(super) fn decode(format: &Format, stored: &[u8]) -> Result<Decoded, String> {
    // Padding may follow the end.
    let last = stored.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    let image = stored.get(..last).filter(|image| image.ends_with(b"\xFF\xD9"));
    let stored = image.ok_or("JPEG-LS: it was cut, the marker at its end is missing")?;
    let failed = |error: charls::Error| format!("JPEG-LS: {error}");
    let info = CharLS::default().get_frame_info(stored).map_err(failed)?;
    let found = (info.width, info.height, info.component_count, info.bits_per_sample);
    let wanted = (format.width, format.height, i32::from(format.channels()), format.bits as i32);
    if found != wanted {
        let text = |(width, height, count, bits)| {
            format!("{width}x{height} pixels of {count} samples at {bits} bits")
        };
        return Err(format!("a JPEG-LS image of {}, expected {}", text(found), text(wanted)));
    }
    // A decoder reads one header.
    let samples = CharLS::default().decode(stored).map_err(failed)?;
    let in_planes = info.component_count == 3 && first_scan_components(stored) == Some(1);
    Ok(Decoded { samples, in_planes })
}

/// Components of the first scan: 1 where each has a scan of its own.
fn first_scan_components(stream: &[u8]) -> Option<u8> {
    let mut rest = stream.get(2..)?;
    while let [0xFF, marker, high, low, segment @ ..] = rest {
        if *marker == 0xDA {
            return segment.first().copied();
        }
        rest = rest.get(2 + usize::from(u16::from_be_bytes([*high, *low]))..)?;
    }
    None
}

//! JPEG frames of 12 bits (extended, process 4).

use super::super::fault::Fault;
use super::super::jpeg::header::Header;
use super::format::Format;
use crate::codec::decode_deep_jpeg;

/// The values of a gray frame.
pub(super) fn decode(format: &Format, stored: &[u8], limit_bytes: u64) -> Result<Vec<u16>, Fault> {
    let header = Header::parse(stored)?;
    if header.precision == 8 {
        return Err(format!("a JPEG of 8 bits, expected {}", format.bits).into());
    }
    if header.multi_scan() && header.coefficient_bytes() > limit_bytes {
        return Err("a progressive JPEG that needs more memory than allowed".into());
    }
    let size = (format.width as usize, format.height as usize);
    let (bits, values) = decode_deep_jpeg(stored, size, limit_bytes)?;
    match bits >= format.bits {
        true => Ok(values),
        false => Err(format!("a JPEG of {bits} bits, expected {}", format.bits).into()),
    }
}

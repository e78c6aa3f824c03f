//! The orientation in EXIF data, as JPEG and PNG embed it: a small TIFF in memory.
//!
//! Source: Exif 2.3, section 4.6. It deliberately reads no other tag.

/// The tag of the orientation.
const ORIENTATION: u64 = 274;

/// The value of the orientation tag; `None` without it, or where the data is broken.
pub(super) fn orientation(exif: &[u8]) -> Option<u64> {
    let little = match exif.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let number = |at: usize, length: usize| {
        let bytes = exif.get(at..at.checked_add(length)?)?;
        let push = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if little { bytes.iter().rev().fold(0, push) } else { bytes.iter().fold(0, push) })
    };
    if number(2, 2)? != 42 {
        return None;
    }
    let start = usize::try_from(number(4, 4)?).ok()?;
    let count = number(start, 2)? as usize;
    let entries = (0..count).map_while(|index| start.checked_add(2 + index * 12));
    for entry in entries {
        if number(entry, 2)? == ORIENTATION {
            // A short, or, against the standard, a long.
            let length = if number(entry + 2, 2)? == 4 { 4 } else { 2 };
            return number(entry + 8, length);
        }
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// EXIF data with an orientation alone.
    pub fn exif(value: u8) -> Vec<u8> {
        [b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[value][..], b"\0\0\0\0\0\0"].concat()
    }

    #[test]
    fn the_orientation_is_found_in_both_byte_orders() {
        assert_eq!(orientation(&exif(6)), Some(6));
        let little =
            b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0abc\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";
        assert_eq!(orientation(little), Some(8));
        assert_eq!(orientation(&exif(6)[..18]), None, "cut short");
        assert_eq!(orientation(b"MM\0*\xff\xff\xff\xff"), None);
        assert_eq!(orientation(b""), None);
    }
}

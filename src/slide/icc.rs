//! Checks of embedded colour profiles by their header (ICC.1:2022, section 7.2).
//!
//! A profile that is none, or that belongs to other pixels, would turn right colours into wrong ones: it is dropped, with a
//! warning. It deliberately does not convert colours.

/// Bytes of the header.
const HEADER_BYTES: usize = 128;
/// Classes of profiles that describe pixels: scanners and cameras, displays, printers, colour spaces.
const CLASSES: [&[u8]; 4] = [b"scnr", b"mntr", b"prtr", b"spac"];

/// The profile, if it is one for pixels of `channels` channels (1 gray, 3 RGB). Else a warning is added.
pub(super) fn checked(profile: Option<Vec<u8>>, channels: u8, warnings: &mut Vec<String>) -> Option<Vec<u8>> {
    let profile = profile?;
    match fault(&profile, channels) {
        None => Some(profile),
        Some(fault) => {
            warnings.push(left_out(&fault));
            None
        }
    }
}

/// The warning of a profile that is not taken.
pub(super) fn left_out(fault: &str) -> String {
    format!("its colour profile was left out: {fault}")
}

/// What is wrong with a profile.
fn fault(profile: &[u8], channels: u8) -> Option<String> {
    let Some(header) = profile.first_chunk::<HEADER_BYTES>() else {
        return Some(format!("it has {} bytes and no whole header", profile.len()));
    };
    let field = |from: usize| header.get(from..from + 4).unwrap_or_default();
    let name = |from: usize| String::from_utf8_lossy(field(from)).trim().to_string();
    let size = field(0).iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    let (space, pixels): (&[u8], _) = if channels == 1 { (b"GRAY", "gray") } else { (b"RGB ", "RGB") };
    if field(36) != b"acsp" {
        Some("it is no ICC profile".into())
    } else if size < HEADER_BYTES as u64 || size > profile.len() as u64 {
        Some(format!("it says that it has {size} bytes, and there are {}", profile.len()))
    } else if !CLASSES.contains(&field(12)) {
        Some(format!("it is of the class {:?}, which does not describe pixels", name(12)))
    } else if field(16) != space {
        Some(format!("it is for {}, and the pixels are {pixels}", name(16)))
    } else {
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The smallest profile that passes.
    pub fn profile(class: &[u8; 4], space: &[u8; 4]) -> Vec<u8> {
        let mut profile = vec![0; 132];
        profile[3] = 132;
        profile[12..16].copy_from_slice(class);
        profile[16..20].copy_from_slice(space);
        profile[36..40].copy_from_slice(b"acsp");
        profile
    }

    #[test]
    fn a_profile_belongs_to_pixels_of_its_colour_space() {
        for (class, space, channels, right) in [
            (b"mntr", b"RGB ", 3, true),
            (b"scnr", b"RGB ", 3, true),
            (b"mntr", b"GRAY", 1, true),
            (b"prtr", b"CMYK", 3, false),
            (b"mntr", b"GRAY", 3, false),
            (b"mntr", b"RGB ", 1, false),
            (b"link", b"RGB ", 3, false),
            (b"mntr", b"Lab ", 3, false),
        ] {
            let mut warnings = Vec::new();
            let kept = checked(Some(profile(class, space)), channels, &mut warnings);
            assert_eq!(
                (kept.is_some(), warnings.is_empty()),
                (right, right),
                "{class:?} {space:?} {channels}"
            );
        }
    }

    #[test]
    fn broken_profiles_are_dropped_with_the_reason() {
        let good = profile(b"mntr", b"RGB ");
        let mut long = good.clone();
        long[2] = 1;
        let mut unsigned = good.clone();
        unsigned[36] = b'b';
        for (bytes, reason) in [
            (good[..127].to_vec(), "whole header"),
            (long, "388 bytes"),
            (unsigned, "no ICC"),
            (vec![], "0 bytes"),
        ] {
            let mut warnings = Vec::new();
            assert_eq!(checked(Some(bytes), 3, &mut warnings), None);
            assert!(warnings[0].contains(reason), "{warnings:?}");
        }
        assert_eq!(checked(None, 3, &mut Vec::new()), None);
    }
}

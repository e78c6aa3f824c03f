//! Sizes in bytes: `800000`, `1.5M`, `64MiB`.

use std::ops::RangeInclusive;

/// One byte.
pub const BYTE: u64 = 1;
/// Bytes of a MiB.
pub const MIB: u64 = 1 << 20;
/// Bytes of a TiB.
pub const TIB: u64 = 1 << 40;

/// Units in lower case, and their bytes. A letter alone and one with `B` are powers of 1000; `KiB` and those after it of 1024.
const UNITS: [(&str, u64); 13] = [
    ("b", BYTE),
    ("k", 1000),
    ("kb", 1000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", MIB),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("tib", TIB),
];

/// A size of a range in bytes. A number without a unit counts in units of `bare` bytes, [`BYTE`] or [`MIB`]. Fractions of a byte
/// are cut off. The case of a unit means nothing.
pub fn size(bare: u64, range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |text| {
        let Some(bytes) = bytes(text, bare) else {
            let unit = if bare == MIB { "MiB" } else { "bytes" };
            return Err(format!(
                "a size is a number and a unit, such as 1.5GB (powers of 1000: k, M, G, T) or 64MiB (of 1024: KiB, MiB, \
                 GiB, TiB); without a unit it is in {unit}"
            ));
        };
        match range.contains(&bytes) {
            true => Ok(bytes),
            false => {
                Err(format!("it must be a size from {} to {}", name(*range.start()), name(*range.end())))
            }
        }
    }
}

/// `None` for what is no size.
fn bytes(text: &str, bare: u64) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" => bare,
        unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    let number = number.trim_end();
    // Only digits and a point: no sign, no exponent.
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match number.parse::<u64>() {
        Ok(whole) => Some(whole.saturating_mul(factor)),
        // A product beyond 64 bits becomes the largest size.
        Err(_) => Some((number.parse::<f64>().ok()? * factor as f64) as u64),
    }
}

/// A size in the largest binary unit in which it is whole: `128MiB`.
fn name(bytes: u64) -> String {
    let units = [("TiB", TIB), ("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1000_or_of_1024() {
        let size = size(BYTE, 1..=u64::MAX);
        let cases = [
            ("800000", 800_000),
            ("800000B", 800_000),
            ("800k", 800_000),
            ("800K", 800_000),
            ("800kB", 800_000),
            ("800 kB", 800_000),
            ("800KiB", 819_200),
            ("1.5M", 1_500_000),
            ("1.5MB", 1_500_000),
            ("1.5MiB", 1_572_864),
            ("0.5mib", 524_288),
            ("2G", 2_000_000_000),
            ("2GB", 2_000_000_000),
            ("2GiB", 2_147_483_648),
            ("1T", 1_000_000_000_000),
            ("1TB", 1_000_000_000_000),
            ("1TiB", 1_099_511_627_776),
            ("1.9999999B", 1),
            ("9007199254740993", 9_007_199_254_740_993),
            ("99999999T", u64::MAX),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_the_units() {
        let size = size(BYTE, 1..=u64::MAX);
        for text in ["", "k", "-1", "+1", ".5M", "1P", "1kiB!", "1e6", "inf", "nan", "much", "1,5M", "1 000"]
        {
            let refused = size(text).unwrap_err();
            assert!(refused.contains("64MiB") && refused.ends_with("it is in bytes"), "{text}: {refused}");
        }
    }

    #[test]
    fn a_bare_number_has_the_unit_of_its_flag_and_the_range_is_named() {
        let size = size(MIB, 128 * MIB..=TIB);
        assert_eq!(size("256"), Ok(256 << 20));
        assert_eq!(size("1.5G"), Ok(1_500_000_000));
        for text in ["127", "0", "1048577", "2TiB", "128000k"] {
            assert_eq!(size(text), Err("it must be a size from 128MiB to 1TiB".into()), "{text}");
        }
        assert!(size("much").unwrap_err().ends_with("it is in MiB"));
        assert_eq!([0, 1, 1000, 1 << 10, 3 << 29].map(name), ["0B", "1B", "1000B", "1KiB", "1536MiB"]);
    }
}

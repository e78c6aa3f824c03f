//! Numbers without a unit.

use std::ops::RangeInclusive;

/// A whole number of a range, which must lie within `T`.
pub fn whole<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let value = text.parse().ok().filter(|value| range.contains(value));
        let value = value.and_then(|value| T::try_from(value).ok());
        value.ok_or_else(|| match range.end() {
            &u64::MAX => format!("it must be a whole number from {} on", range.start()),
            end => format!("it must be a whole number from {} to {end}", range.start()),
        })
    }
}

/// A finite number of a range.
pub fn real(range: RangeInclusive<f64>) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text| {
        // A range contains no NaN.
        let value = text.parse().ok().filter(|value| range.contains(value));
        value.ok_or_else(|| format!("it must be a number from {} to {}", range.start(), range.end()))
    }
}

/// Two values of samples, `LOW,HIGH`.
pub fn window(text: &str) -> Result<(u32, u32), String> {
    let pair = text.split_once(',').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    let pair = pair.filter(|(low, high)| low < high && *high <= u32::from(u16::MAX));
    pair.ok_or_else(|| {
        "it must be two whole numbers from 0 to 65535, as 100,4000, the smaller one first".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_within_their_range() {
        let quality = whole::<u8>(1..=100);
        assert_eq!((quality("1"), quality("100")), (Ok(1), Ok(100)));
        for text in ["", "0", "101", "257", "-1", "1.0", "1e1", "q", "99999999999999999999"] {
            assert_eq!(quality(text), Err("it must be a whole number from 1 to 100".into()), "{text}");
        }
        let count = whole::<u64>(1..=u64::MAX);
        assert_eq!(count("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(count("0"), Err("it must be a whole number from 1 on".into()));
    }

    #[test]
    fn a_window_has_two_values_in_order() {
        assert_eq!((window("100,4000"), window("0,65535")), (Ok((100, 4000)), Ok((0, 65535))));
        for text in ["", "1", "5,5", "9,5", "0,65536", "-1,5", "1,2,3", "a,b"] {
            assert!(window(text).is_err(), "{text}");
        }
    }

    #[test]
    fn real_numbers_are_read_within_their_range() {
        let strength = real(0.0..=16.0);
        for (text, value) in [("0", 0.0), ("0.5", 0.5), ("16", 16.0), ("1e-1", 0.1)] {
            assert_eq!(strength(text), Ok(value), "{text}");
        }
        for text in ["", "-0.1", "16.1", "nan", "inf", "much"] {
            assert_eq!(strength(text), Err("it must be a number from 0 to 16".into()), "{text}");
        }
    }
}

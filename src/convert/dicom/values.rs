//! Data elements of DICOM by their values, and what values of each representation look like (PS3.5, section 6.2).

use chrono::{DateTime, NaiveDate};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_object::InMemDicomObject;

/// Most characters of a decimal string.
const DECIMAL_LENGTH: usize = 16;
/// Most characters of a value of LO.
const LONG_STRING_LENGTH: usize = 64;

/// Puts texts, or numbers that are written as texts; without one the element is empty.
pub fn put(data: &mut InMemDicomObject, tag: Tag, vr: VR, values: &[String]) {
    let value = match values {
        [] => PrimitiveValue::Empty,
        [one] => PrimitiveValue::Str(one.clone()),
        more => PrimitiveValue::Strs(more.iter().cloned().collect()),
    };
    data.put(DataElement::new(tag, vr, value));
}

/// Puts a number or bytes.
pub fn put_value(data: &mut InMemDicomObject, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) {
    data.put(DataElement::new(tag, vr, value.into()));
}

/// Puts a sequence.
pub fn put_items(data: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    data.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

/// A number as a decimal string.
pub fn decimal(value: f64) -> String {
    let whole = format!("{value}");
    if whole.len() <= DECIMAL_LENGTH {
        return whole;
    }
    let shorter = (0..=DECIMAL_LENGTH).rev().map(|digits| format!("{value:.digits$e}"));
    shorter.into_iter().find(|text| text.len() <= DECIMAL_LENGTH).unwrap_or(whole)
}

/// A text as a value of LO: a backslash would divide it, and it has no more than 64 characters.
pub fn long_string(text: &str) -> String {
    text.replace('\\', "/").chars().take(LONG_STRING_LENGTH).collect()
}

/// A date (YYYYMMDD) and a time (HHMMSS), in UTC, of seconds since 1970.
pub fn date_and_time(seconds: u64) -> [String; 2] {
    let time = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let time = time.unwrap_or(DateTime::UNIX_EPOCH);
    [time.format("%Y%m%d").to_string(), time.format("%H%M%S").to_string()]
}

/// What is wrong with a value of this representation; `None` where it is right.
pub fn fault(vr: VR, value: &str) -> Option<&'static str> {
    let all = |allowed: fn(char) -> bool| value.chars().all(allowed);
    let is_number = || value.trim().parse::<f64>().is_ok_and(f64::is_finite);
    let starts_with_date = |text: &str| {
        // Years and months that are given alone begin a date.
        let whole = format!("{text}{}", "00000101".get(text.len().min(8)..).unwrap_or_default());
        whole.get(..8).is_some_and(|day| NaiveDate::parse_from_str(day, "%Y%m%d").is_ok())
    };
    let starts_with_time = |text: &str| {
        let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
        // A leap second is the sixty-first.
        pairs.zip(["23", "59", "60"]).all(|(pair, most)| pair <= most)
    };
    let digits = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let most = match vr {
        VR::SH | VR::CS | VR::DS => 16,
        VR::LO => LONG_STRING_LENGTH,
        VR::UI => 64,
        VR::ST => 1024,
        VR::PN => 3 * 64 + 2,
        _ => 10_240,
    };
    let (main, fraction) = value.split_once('.').unwrap_or((value, ""));
    match vr {
        _ if value.chars().count() > most => Some("is too long"),
        _ if value.contains('\\') => Some("has a backslash; give several values as a list"),
        VR::ST | VR::LT | VR::UT | VR::UC => None,
        _ if value.chars().any(char::is_control) => Some("has control characters"),
        VR::DA if !digits(value, &[8]) || !starts_with_date(value) => Some("is no date; give YYYYMMDD"),
        VR::TM
            if !digits(main, &[2, 4, 6])
                || !starts_with_time(main)
                || !fraction.chars().all(|c| c.is_ascii_digit()) =>
        {
            Some("is no time; give HHMMSS")
        }
        VR::DT
            if !digits(main, &[4, 6, 8, 10, 12, 14])
                || !starts_with_date(main)
                || !starts_with_time(main.get(8..).unwrap_or_default()) =>
        {
            Some("is no date and time; give YYYYMMDDHHMMSS")
        }
        VR::AS if !is_age(value) => Some("is no age; give three digits and D, W, M or Y, as in 018M"),
        VR::DS | VR::FD | VR::FL if !is_number() => Some("is no number"),
        VR::IS | VR::SL if value.parse::<i32>().is_err() => Some("is no whole number"),
        VR::SS if value.parse::<i16>().is_err() => Some("is no whole number of 16 bits"),
        VR::US if value.parse::<u16>().is_err() => Some("is no whole number from 0 to 65535"),
        VR::UL if value.parse::<u32>().is_err() => Some("is no whole number from 0 to 4294967295"),
        VR::UI if !is_uid(value) => Some("is no UID; give numbers with dots between them"),
        VR::CS if !all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ' || c == '_') => {
            Some("has other characters than capitals, digits, spaces and _")
        }
        _ => None,
    }
}

/// Whether a text is an age.
fn is_age(text: &str) -> bool {
    text.strip_suffix(['D', 'W', 'M', 'Y'])
        .is_some_and(|number| number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a text is a UID.
fn is_uid(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_strings_have_sixteen_characters_at_most() {
        for (value, text) in
            [(0.0005, "0.0005"), (0.000_499, "0.000499"), (2.0 / 3.0, "6.66666666667e-1"), (40.0, "40")]
        {
            assert_eq!(decimal(value), text);
            assert!((decimal(value).parse::<f64>().unwrap() / value - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn any_text_becomes_a_value_of_a_long_string() {
        let text = format!("a\\b {}", "ü".repeat(99));
        assert!(fault(VR::LO, &text).is_some());
        let value = long_string(&text);
        assert!(value.starts_with("a/b ü") && fault(VR::LO, &value).is_none(), "{value}");
    }

    #[test]
    fn dates_and_times_are_in_utc() {
        assert_eq!(date_and_time(951_827_696), ["20000229", "123456"]);
        assert_eq!(date_and_time(u64::MAX), ["19700101", "000000"]);
    }

    #[test]
    fn values_that_are_none_of_their_kind_are_told() {
        for (vr, good, bad) in [
            (VR::DA, "20240131", "2024-01-31"),
            (VR::DA, "20240229", "20230229"),
            (VR::TM, "101500.25", "10:15"),
            (VR::TM, "2359", "2460"),
            (VR::DT, "202402", "202413"),
            (VR::DT, "20240131101500.5", "20240131251500"),
            (VR::AS, "018M", "18"),
            (VR::US, "65535", "-5"),
            (VR::UI, "1.2.840.0", "1.02"),
            (VR::CS, "BRIGHT_1", "bright"),
            (VR::DS, "0.25", "a quarter"),
            (VR::IS, "12", "1.5"),
            (VR::SH, "S24-1", "a name of more than 16 letters"),
            (VR::PN, "DOE^JANE", "a\u{7}b"),
            (VR::LO, "Müller", "a\\b"),
        ] {
            assert_eq!(fault(vr, good), None, "{vr:?} {good}");
            assert!(fault(vr, bad).is_some(), "{vr:?} {bad}");
        }
    }
}

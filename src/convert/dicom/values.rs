//! Data elements of DICOM by their values, and what values of each representation look like (PS3.5, section 6.2).

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_object::InMemDicomObject;

/// Most characters of a decimal string.
const DECIMAL_LENGTH: usize = 16;

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

/// A date (YYYYMMDD) and a time (HHMMSS), in UTC, of seconds since 1970.
pub fn date_and_time(seconds: u64) -> [String; 2] {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days from 1 March of year 0, in cycles of 400 years (Hinnant, "chrono-compatible low-level date algorithms", 2013).
    let from_march = days + 719_468;
    let (cycle, day) = (from_march / 146_097, from_march % 146_097);
    let year_of_cycle = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 400 * cycle + year_of_cycle + u64::from(month <= 2);
    let (hours, minutes) = (of_day / 3600, of_day / 60 % 60);
    [format!("{year:04}{month:02}{day_of_month:02}"), format!("{hours:02}{minutes:02}{:02}", of_day % 60)]
}

/// What is wrong with a value of this representation; `None` where it is right.
pub fn fault(vr: VR, value: &str) -> Option<&'static str> {
    let all = |allowed: fn(char) -> bool| value.chars().all(allowed);
    let is_number = || value.trim().parse::<f64>().is_ok_and(f64::is_finite);
    let digits = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let most = match vr {
        VR::SH | VR::CS | VR::DS => 16,
        VR::LO | VR::UI => 64,
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
        VR::DA if !digits(value, &[8]) => Some("is no date; give YYYYMMDD"),
        VR::TM if !digits(main, &[2, 4, 6]) || !fraction.chars().all(|c| c.is_ascii_digit()) => {
            Some("is no time; give HHMMSS")
        }
        VR::DT if !digits(main, &[4, 6, 8, 10, 12, 14]) => Some("is no date and time; give YYYYMMDDHHMMSS"),
        VR::DS | VR::FD | VR::FL if !is_number() => Some("is no number"),
        VR::IS | VR::US | VR::UL if value.parse::<i32>().is_err() => Some("is no whole number"),
        VR::UI if !is_uid(value) => Some("is no UID; give numbers with dots between them"),
        VR::CS if !all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ' || c == '_') => {
            Some("has other characters than capitals, digits, spaces and _")
        }
        _ => None,
    }
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
    fn dates_are_those_of_the_calendar() {
        for (seconds, want) in [
            (0, ["19700101", "000000"]),
            (951_782_399, ["20000228", "235959"]),
            (951_782_400, ["20000229", "000000"]),
            (1_732_968_000, ["20241130", "120000"]),
            (4_107_542_400, ["21000301", "000000"]),
        ] {
            assert_eq!(date_and_time(seconds), want);
        }
    }

    #[test]
    fn values_that_are_none_of_their_kind_are_told() {
        for (vr, good, bad) in [
            (VR::DA, "20240131", "2024-01-31"),
            (VR::TM, "101500.25", "10:15"),
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

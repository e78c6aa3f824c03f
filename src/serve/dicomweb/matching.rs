//! Whether the values of an attribute are what a search asks for (PS3.4, C.2.2.2).

use dicom_core::VR;

/// Whether one of an attribute's values is `wanted`: a UID of a list, a range of dates or times, a number, or a text with wildcards. Nothing
/// and `*` match every value, and none.
pub fn matches(vr: VR, wanted: &str, values: &[String]) -> bool {
    if wanted.is_empty() || (has_wildcards(vr) && wanted.bytes().all(|byte| byte == b'*')) {
        return true;
    }
    values.iter().any(|value| matches_one(vr, wanted, value))
}

fn matches_one(vr: VR, wanted: &str, value: &str) -> bool {
    match vr {
        VR::UI => wanted.split([',', '\\']).any(|uid| uid.trim() == value),
        VR::DA | VR::TM | VR::DT => in_range(wanted, value),
        VR::DS | VR::IS | VR::US | VR::UL | VR::FL | VR::FD => {
            let number = |text: &str| text.trim().parse::<f64>().ok();
            number(wanted).is_some() && number(wanted) == number(value)
        }
        // Names of persons are compared without regard to case (PS3.4, C.2.2.2.1), and without empty components at their end.
        VR::PN => {
            let plain = |text: &str| text.trim_end_matches(['^', '=']).to_lowercase();
            has_pattern(&plain(wanted), &plain(value))
        }
        _ => has_pattern(wanted, value),
    }
}

/// Whether `*` and `?` stand for other characters in values of this kind.
pub fn has_wildcards(vr: VR) -> bool {
    matches!(vr, VR::AE | VR::CS | VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UR | VR::UT)
}

/// A date or time, or one from, up to or between two with `-` between them. A time that is less exact stands for all that begin so.
fn in_range(wanted: &str, value: &str) -> bool {
    let Some((from, to)) = wanted.split_once('-') else { return value.starts_with(wanted) };
    let (from, to) = (from.trim(), to.trim());
    // Digits compare as texts; the end of a range is as exact as it is written.
    let start = value.get(..to.len().min(value.len())).unwrap_or(value);
    (from.is_empty() || value >= from) && (to.is_empty() || start <= to)
}

/// Whether a text is the pattern, in which `*` stands for any characters and `?` for one.
fn has_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The last star, and up to where it reaches.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&letter) if letter == '?' || letter == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, reach)) => {
                    star = Some((at, reach + 1));
                    p = at + 1;
                    t = reach + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&letter| letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_match_by_their_kind() {
        for (vr, wanted, value, want) in [
            (VR::LO, "S24*", "S24-1001", true),
            (VR::LO, "*1001", "S24-1001", true),
            (VR::LO, "S??-1*", "S24-1001", true),
            (VR::LO, "S24", "S24-1001", false),
            (VR::LO, "s24*", "S24-1001", false),
            (VR::LO, "a*b*c", "aXbYbZc", true),
            (VR::LO, "a*b*c", "aXcYb", false),
            (VR::LO, "?", "", false),
            (VR::PN, "doe^j*", "DOE^JANE", true),
            (VR::PN, "DOE^JANE^^", "Doe^Jane", true),
            (VR::PN, "m?ller*", "Müller^A", true),
            (VR::UI, "1.2,1.3", "1.3", true),
            (VR::UI, r"1.2\1.4", "1.3", false),
            (VR::UI, "1.*", "1.3", false),
            (VR::DA, "20240131", "20240131", true),
            (VR::DA, "20240101-20240131", "20240131", true),
            (VR::DA, "20240201-", "20240131", false),
            (VR::DA, "-20240131", "20240131", true),
            (VR::TM, "10-12", "121500", true),
            (VR::TM, "10-12", "130000", false),
            (VR::IS, "01", "1", true),
            (VR::US, "x", "1", false),
            (VR::CS, "S?", "SM", true),
        ] {
            assert_eq!(matches(vr, wanted, &[value.to_string()]), want, "{vr:?} {wanted} {value}");
        }
        assert!(matches(VR::LO, "", &[]) && matches(VR::LO, "*", &[]) && !matches(VR::LO, "a", &[]));
        assert!(matches(VR::LO, "b", &["a".into(), "b".into()]), "one of several");
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_time() {
        let (pattern, text) = ("*a".repeat(500), "a".repeat(5000) + "b");
        assert!(!matches(VR::LT, &pattern, &[text]));
    }
}

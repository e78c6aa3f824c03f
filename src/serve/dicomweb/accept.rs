//! Which of what there is a client takes: `Accept`, with the parameters that DICOMweb adds to it (PS3.18, 8.7).

use std::cmp::Ordering;

use crate::serve::iiif::Format;
use crate::web::error::ServeError;

/// Most media ranges that are looked at.
const MAX_RANGES: usize = 64;
const OCTETS: &str = "application/octet-stream";
const MULTIPART: &str = "multipart/related";
const DICOM: &str = "application/dicom";

/// A media range.
#[derive(Debug, PartialEq)]
struct Range {
    /// Type and subtype, in lower case.
    kind: String,
    /// `type` of a multipart range.
    of: Option<String>,
    transfer_syntax: Option<String>,
    weight: f32,
}

/// The media ranges that a client takes, the dearest first.
#[derive(Debug, PartialEq)]
pub struct Accepted(Vec<Range>);

/// How an answer is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// In parts, of which there may be one.
    Multipart,
    /// As it is.
    Single,
}

impl Accepted {
    /// Reads the values of `Accept`, or of the parameter `accept` of a query. None stands for everything.
    ///
    /// # Errors
    /// A value that is no list of media ranges.
    pub fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Self, ServeError> {
        let mut ranges = Vec::new();
        for value in values {
            for text in split(value, ',').into_iter().filter(|text| !text.trim().is_empty()) {
                let range = range(text).ok_or_else(|| {
                    ServeError::Bad(format!("Accept: \"{}\" is no media range", text.trim()))
                })?;
                ranges.push(range);
            }
        }
        if ranges.len() > MAX_RANGES {
            return Err(ServeError::Bad(format!("Accept: more than {MAX_RANGES} media ranges")));
        }
        if ranges.is_empty() {
            ranges.extend(range("*/*"));
        }
        ranges.retain(|range| range.weight > 0.0);
        // A stable sort: of equal weights the first.
        ranges.sort_by(|a, b| b.weight.partial_cmp(&a.weight).unwrap_or(Ordering::Equal));
        Ok(Self(ranges))
    }

    /// The first of what `choose` takes; else what there is.
    fn first<T>(
        &self,
        choose: impl Fn(&Range) -> Option<T>,
        available: impl FnOnce() -> Vec<String>,
    ) -> Result<T, ServeError> {
        self.0.iter().find_map(choose).ok_or_else(|| ServeError::NotAcceptable(available().join(", ")))
    }
}

impl Range {
    fn is(&self, kind: &str) -> bool {
        is(&self.kind, kind)
    }

    /// Whether parts of this type are taken.
    fn of(&self, kind: &str) -> bool {
        self.kind == MULTIPART && self.of.as_deref().is_none_or(|of| is(of, kind))
    }

    fn takes(&self, syntax: &str) -> bool {
        self.transfer_syntax.as_deref().is_none_or(|asked| asked == "*" || asked == syntax)
    }
}

/// Whether a range of types, as `image/*`, has this one.
fn is(range: &str, kind: &str) -> bool {
    let whole = |range: &str| range.strip_suffix('*').is_some_and(|start| kind.starts_with(start));
    range == "*/*" || range == kind || (range.ends_with("/*") && whole(range))
}

/// Splits a text, but not within quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|letter: char| {
        quoted ^= letter == '"';
        letter == at && !quoted
    })
    .collect()
}

fn range(text: &str) -> Option<Range> {
    let mut parts = split(text, ';').into_iter();
    let kind = parts.next()?.trim().to_ascii_lowercase();
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-*".contains(&byte))
    };
    let (left, right) = kind.split_once('/')?;
    if !token(left) || !token(right) {
        return None;
    }
    let mut range = Range { kind, of: None, transfer_syntax: None, weight: 1.0 };
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=')?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => range.weight = value.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
            "type" => range.of = Some(value.to_ascii_lowercase()),
            "transfer-syntax" => range.transfer_syntax = Some(value.into()),
            _ => {}
        }
    }
    Some(range)
}

/// How `count` frames of the media type `native` in a transfer syntax are sent: framing, and the media type of each.
///
/// # Errors
/// None of what there is.
pub fn of_frames(
    accepted: &Accepted,
    native: &'static str,
    syntax: &str,
    count: usize,
) -> Result<(Framing, &'static str), ServeError> {
    // Octets without a transfer syntax are uncompressed pixels (PS3.18, 8.7.3), which there are none of.
    let octets = |range: &Range| range.transfer_syntax.is_some() && range.takes(syntax);
    let choose = |range: &Range| {
        if range.kind == "*/*" || (range.of(native) && range.takes(syntax)) {
            return Some((Framing::Multipart, native));
        }
        if range.of(OCTETS) && octets(range) {
            return Some((Framing::Multipart, OCTETS));
        }
        match count {
            1 if range.is(native) && range.takes(syntax) => Some((Framing::Single, native)),
            1 if range.is(OCTETS) && octets(range) => Some((Framing::Single, OCTETS)),
            _ => None,
        }
    };
    accepted.first(choose, || {
        let kinds = [native, OCTETS];
        let parts = kinds.map(|kind| format!("{MULTIPART}; type=\"{kind}\"; transfer-syntax={syntax}"));
        let alone = kinds.map(|kind| format!("{kind}; transfer-syntax={syntax}"));
        if count == 1 { [parts, alone].concat() } else { parts.to_vec() }
    })
}

/// How instances are sent, which are in these transfer syntaxes. A file of DICOM says in which it is: it need not be asked for.
///
/// # Errors
/// None of what there is.
pub fn of_instance(accepted: &Accepted, syntaxes: &[&str]) -> Result<Framing, ServeError> {
    let takes = |range: &Range| syntaxes.iter().all(|syntax| range.takes(syntax));
    let choose = |range: &Range| match () {
        () if range.kind == "*/*" || (range.of(DICOM) && takes(range)) => Some(Framing::Multipart),
        () if syntaxes.len() == 1 && range.is(DICOM) && takes(range) => Some(Framing::Single),
        () => None,
    };
    accepted.first(choose, || {
        let syntax = if let [one] = syntaxes { one } else { "*" };
        let mut available = vec![format!("{MULTIPART}; type=\"{DICOM}\"; transfer-syntax={syntax}")];
        available.extend((syntaxes.len() == 1).then(|| format!("{DICOM}; transfer-syntax={syntax}")));
        available
    })
}

/// How a value of bytes is sent.
///
/// # Errors
/// None of what there is.
pub fn of_bulk(accepted: &Accepted) -> Result<Framing, ServeError> {
    let choose = |range: &Range| match () {
        () if range.kind == "*/*" || range.of(OCTETS) => Some(Framing::Multipart),
        () => range.is(OCTETS).then_some(Framing::Single),
    };
    accepted.first(choose, || vec![format!("{MULTIPART}; type=\"{OCTETS}\""), OCTETS.into()])
}

/// Whether attributes as JSON are taken: there is nothing else.
///
/// # Errors
/// They are not.
pub fn of_json(accepted: &Accepted) -> Result<(), ServeError> {
    let json = ["application/dicom+json", "application/json"];
    accepted
        .first(|range| json.iter().any(|kind| range.is(kind)).then_some(()), || json.map(String::from).into())
}

/// The format of an image.
///
/// # Errors
/// None of what there is.
pub fn of_image(accepted: &Accepted) -> Result<Format, ServeError> {
    let choose = |range: &Range| match () {
        () if range.is("image/jpeg") => Some(Format::Jpg),
        () => range.is("image/png").then_some(Format::Png),
    };
    accepted.first(choose, || vec!["image/jpeg".into(), "image/png".into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: &str = "1.2.840.10008.1.2.4.50";

    fn accepted(text: &str) -> Accepted {
        Accepted::parse([text].into_iter()).unwrap()
    }

    #[test]
    fn frames_are_sent_as_the_client_takes_them() {
        use Framing::{Multipart, Single};
        let of = |text: &str, count| of_frames(&accepted(text), "image/jpeg", SYNTAX, count).ok();
        for (text, one, two) in [
            ("", Some((Multipart, "image/jpeg")), true),
            ("*/*", Some((Multipart, "image/jpeg")), true),
            ("multipart/related", Some((Multipart, "image/jpeg")), true),
            (r#"multipart/related; type="image/jpeg""#, Some((Multipart, "image/jpeg")), true),
            (r#"Multipart/Related;type=image/*; transfer-syntax=*"#, Some((Multipart, "image/jpeg")), true),
            (
                r#"multipart/related; type="application/octet-stream"; transfer-syntax=*"#,
                Some((Multipart, OCTETS)),
                true,
            ),
            (
                r#"multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.4.50"#,
                Some((Multipart, OCTETS)),
                true,
            ),
            (r#"multipart/related; type="application/octet-stream""#, None, false),
            (
                r#"multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1"#,
                None,
                false,
            ),
            (r#"multipart/related; type="image/jp2""#, None, false),
            ("image/jpeg", Some((Single, "image/jpeg")), false),
            ("image/*;q=0.5", Some((Single, "image/jpeg")), false),
            ("application/octet-stream; transfer-syntax=*", Some((Single, OCTETS)), false),
            ("application/octet-stream", None, false),
            ("image/png", None, false),
            ("text/html, image/jpeg;q=0.1, */*;q=0.9", Some((Multipart, "image/jpeg")), true),
            ("image/jpeg;q=0, */*;q=0", None, false),
        ] {
            assert_eq!(of(text, 1), one, "{text}");
            assert_eq!(of(text, 2).is_some(), two, "{text}");
        }
        let Err(ServeError::NotAcceptable(told)) = of_frames(&accepted("image/png"), "image/jpeg", SYNTAX, 1)
        else {
            panic!("a PNG")
        };
        assert!(told.contains("image/jpeg") && told.contains(OCTETS) && told.contains(SYNTAX), "{told}");
    }

    #[test]
    fn what_is_no_media_range_is_told() {
        for text in [
            "image",
            "/",
            "image/",
            "a b/c",
            "image/jpeg;q=2",
            "image/jpeg;q=x",
            "image/jpeg;type",
            "\"a\"/b",
        ] {
            let error = Accepted::parse([text].into_iter()).unwrap_err().to_string();
            assert!(error.contains("media range"), "{text}: {error}");
        }
        let many = vec!["a/b"; 65].join(",");
        assert!(Accepted::parse([many.as_str()].into_iter()).is_err());
    }

    #[test]
    fn instances_images_and_attributes_have_their_own_types() {
        let of = |text: &str, syntaxes: &[&str]| of_instance(&accepted(text), syntaxes).ok();
        let parts = r#"multipart/related; type="application/dicom""#;
        assert_eq!(of(parts, &[SYNTAX]), Some(Framing::Multipart));
        assert_eq!(of(&format!("{parts}; transfer-syntax={SYNTAX}"), &[SYNTAX]), Some(Framing::Multipart));
        assert_eq!(of(&format!("{parts}; transfer-syntax=1.2.840.10008.1.2.1"), &[SYNTAX]), None);
        assert_eq!(of("application/dicom", &[SYNTAX]), Some(Framing::Single));
        assert_eq!(of("application/dicom", &[SYNTAX, "1.2"]), None);
        assert_eq!(of("image/jpeg", &[SYNTAX]), None);
        assert_eq!(of_image(&accepted("image/png, image/jpeg;q=0.9")).ok(), Some(Format::Png));
        assert_eq!(of_image(&accepted("*/*")).ok(), Some(Format::Jpg));
        assert!(of_image(&accepted("image/gif")).is_err());
        assert!(of_json(&accepted("application/dicom+json")).is_ok());
        assert!(of_json(&accepted("application/json;q=0.2")).is_ok());
        assert!(of_json(&accepted("application/dicom+xml")).is_err());
        assert_eq!(of_bulk(&accepted(OCTETS)).ok(), Some(Framing::Single));
        assert_eq!(of_bulk(&accepted("")).ok(), Some(Framing::Multipart));
    }
}

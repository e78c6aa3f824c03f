//! Ranges of bytes (RFC 9110, 14): what `Range` asks for.

use std::ops::Range;

/// What a request asks for of a body.
#[derive(Debug, PartialEq)]
pub enum Asked {
    /// All of it.
    Everything,
    /// These bytes, at least one.
    Range(Range<u64>),
    /// Bytes that it does not have.
    Nothing,
}

impl Asked {
    /// Reads `bytes=FIRST-LAST`, `bytes=FIRST-` and `bytes=-COUNT` for a body of `size` bytes. What is not understood, and several ranges, are
    /// answered with everything.
    pub fn parse(text: &str, size: u64) -> Self {
        let range = text.strip_prefix("bytes=").filter(|range| !range.contains(','));
        let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
            return Self::Everything;
        };
        let parsed = match (first.trim().parse::<u64>(), last.trim()) {
            (Ok(first), "") => first..size,
            (Ok(first), last) => match last.parse::<u64>() {
                Ok(last) if last >= first => first..last.saturating_add(1).min(size),
                _ => return Self::Everything,
            },
            (Err(_), last) => match last.parse::<u64>() {
                Ok(count) if first.trim().is_empty() => size.saturating_sub(count)..size,
                _ => return Self::Everything,
            },
        };
        if parsed.start < parsed.end { Self::Range(parsed) } else { Self::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_body() {
        let parse = |text| Asked::parse(text, 10);
        assert_eq!(parse("bytes=0-"), Asked::Range(0..10));
        assert_eq!(parse("bytes=2-3"), Asked::Range(2..4));
        assert_eq!(parse("bytes=2-99"), Asked::Range(2..10));
        assert_eq!(parse("bytes=-3"), Asked::Range(7..10));
        assert_eq!(parse("bytes=10-"), Asked::Nothing);
        assert_eq!(parse("bytes=-0"), Asked::Nothing);
        for text in
            ["bytes=3-2", "bytes=a-b", "bytes=0-1,3-4", "pages=1-2", "bytes=", "bytes=18446744073709551616-"]
        {
            assert_eq!(parse(text), Asked::Everything, "{text}");
        }
        assert_eq!(parse("bytes=0-18446744073709551615"), Asked::Range(0..10));
    }
}

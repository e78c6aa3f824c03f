//! The comments in the main header of a codestream (marker segment COM, ITU-T T.800, A.9.2).

use std::ops::Range;

/// How the comments of encoders begin, which name their program and nothing of the slide.
const OF_ENCODERS: [&[u8]; 6] =
    [b"Kakadu-", b"Kdu-", b"Created by OpenJPEG", b"Created by: Open", b"Creator: ", b"Lurawave"];

/// The comments of a codestream, each the bytes of its marker segment, but for those of encoders. What follows a broken
/// segment is not looked at.
pub fn comments(stream: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    super::main_header(stream, |marker, range| {
        let text = stream.get(range.start + 6..range.end).unwrap_or_default();
        if marker == 0x64 && !OF_ENCODERS.iter().any(|name| text.starts_with(name)) {
            found.push(range);
        }
        true
    });
    found
}

/// The codestream without its [`comments`], which decodes to the same samples.
pub fn without_comments(stream: &[u8]) -> Vec<u8> {
    let mut at = 0;
    let mut out = Vec::with_capacity(stream.len());
    for Range { start, end } in comments(stream) {
        out.extend_from_slice(stream.get(at..start).unwrap_or_default());
        at = end;
    }
    out.extend_from_slice(stream.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jpeg2000::tests::gray;

    #[test]
    fn comments_are_found_and_taken_out() {
        let plain = gray();
        let with = |text: &[u8]| {
            let length = (text.len() as u16 + 4).to_be_bytes();
            [&plain[..45], b"\xFF\x64", &length, b"\0\x01", text, &plain[45..]].concat()
        };
        assert!(comments(&plain).is_empty());
        let named = with(b"Jane Doe");
        assert_eq!(comments(&named).first(), Some(&(45..59)));
        assert_eq!(without_comments(&named), plain);
        assert!(comments(&with(b"Kakadu-v5.2.1")).is_empty(), "an encoder names itself");
        for cut in 0..named.len() {
            let _ = without_comments(&named[..cut]);
        }
    }
}

//! The parts of a `multipart/related` answer (RFC 2387, PS3.18, 8.6.1).

/// An answer in parts, all of one media type.
pub struct Multipart {
    /// Of what is sent.
    hash: u128,
    /// Media type of a part, without parameters.
    kind: &'static str,
    /// Transfer syntax of its parts, where all have one.
    syntax: Option<&'static str>,
}

impl Multipart {
    /// `hash` of what is sent makes the boundary, so that the same answer has the same bytes. Of its 128 bits no image holds the digits by chance.
    pub fn new(hash: u128, kind: &'static str, syntax: Option<&'static str>) -> Self {
        Self { hash, kind, syntax }
    }

    fn boundary(&self) -> String {
        format!("origami-{:032x}", self.hash)
    }

    /// `Content-Type` of the answer.
    pub fn content_type(&self) -> String {
        format!("multipart/related; type=\"{}\"; boundary={}", self.kind, self.boundary())
    }

    /// What comes before a part, whose length may be known.
    pub fn head(&self, is_first: bool, bytes: Option<usize>) -> String {
        let line = if is_first { "" } else { "\r\n" };
        let mut head = format!("{line}--{}\r\nContent-Type: {}", self.boundary(), self.part_type());
        if let Some(bytes) = bytes {
            head += &format!("\r\nContent-Length: {bytes}");
        }
        head + "\r\n\r\n"
    }

    /// `Content-Type` of a part.
    pub fn part_type(&self) -> String {
        self.syntax
            .map_or_else(|| self.kind.into(), |syntax| format!("{}; transfer-syntax={syntax}", self.kind))
    }

    /// An answer of one part.
    pub fn whole(&self, part: &[u8]) -> Vec<u8> {
        let (head, end) = (self.head(true, Some(part.len())), self.end());
        [head.as_bytes(), part, end.as_bytes()].concat()
    }

    /// What comes after the last part.
    pub fn end(&self) -> String {
        format!("\r\n--{}--\r\n", self.boundary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_heads_and_lines_between_them() {
        let parts = Multipart::new(0x2a, "image/jpeg", Some("1.2"));
        let boundary = "origami-0000000000000000000000000000002a";
        assert_eq!(
            parts.content_type(),
            format!("multipart/related; type=\"image/jpeg\"; boundary={boundary}")
        );
        assert_eq!(
            parts.head(true, Some(5)),
            format!(
                "--{boundary}\r\nContent-Type: image/jpeg; transfer-syntax=1.2\r\nContent-Length: 5\r\n\r\n"
            )
        );
        assert!(parts.whole(b"abc").ends_with(format!("\r\n\r\nabc\r\n--{boundary}--\r\n").as_bytes()));
        assert!(parts.head(false, None).starts_with("\r\n--") && parts.end().ends_with("--\r\n"));
    }
}

//! A strict reader of `multipart/related`.

use std::collections::HashMap;

use crate::running::Reply;

/// A part: its headers by lower-case name, and its bytes.
pub struct Part {
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Part {
    pub fn kind(&self) -> &str {
        &self.headers["content-type"]
    }
}

/// The parts of an answer, all of the media type that it names. Anything that RFC 2046 does not have there fails.
#[track_caller]
pub fn parts(reply: &Reply) -> Vec<Part> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let kind = reply.header("content-type");
    let rest = kind.strip_prefix("multipart/related; type=\"").unwrap_or_else(|| panic!("{kind}"));
    let (of, boundary) = rest.split_once("\"; boundary=").unwrap();
    assert!(!boundary.is_empty() && boundary.len() <= 70, "{kind}");
    assert!(boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{kind}");
    let (line, mut at, mut found) = (format!("--{boundary}"), 0, Vec::new());
    loop {
        at += expect(&reply.body, at, line.as_bytes());
        if reply.body[at..] == *b"--\r\n" {
            return found;
        }
        at += expect(&reply.body, at, b"\r\n");
        let end = at + find(&reply.body[at..], b"\r\n\r\n").expect("headers that do not end");
        let head = std::str::from_utf8(&reply.body[at..end]).unwrap();
        let pair = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"));
            (name.to_lowercase(), value.to_string())
        };
        let headers: HashMap<_, _> = head.split("\r\n").map(pair).collect();
        let own = headers["content-type"].split(';').next().unwrap();
        assert_eq!(own, of, "a part of another type");
        at = end + 4;
        let length =
            find(&reply.body[at..], format!("\r\n{line}").as_bytes()).expect("a part that does not end");
        if let Some(told) = headers.get("content-length") {
            assert_eq!(*told, length.to_string());
        }
        found.push(Part { headers, body: reply.body[at..at + length].to_vec() });
        at += length + 2;
    }
}

fn expect(body: &[u8], at: usize, what: &[u8]) -> usize {
    let got = &body[at..(at + what.len()).min(body.len())];
    assert_eq!(String::from_utf8_lossy(got), String::from_utf8_lossy(what), "at byte {at}");
    what.len()
}

pub fn find(body: &[u8], what: &[u8]) -> Option<usize> {
    body.windows(what.len()).position(|window| window == what)
}

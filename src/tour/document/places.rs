//! Where the values of a JSON text stand, by line and column; keys that are given twice.

use std::collections::HashMap;

/// The places of a valid JSON text.
#[derive(Debug, Default)]
pub struct Places {
    /// Offset in bytes of a value by its path, such as `cues[2].start`.
    offsets: HashMap<String, usize>,
    /// Paths of keys that an object has more than once, of which a parser keeps one.
    pub repeated: Vec<String>,
}

impl Places {
    /// Walks a text that a parser has accepted.
    pub fn of(text: &str) -> Self {
        let mut walk = Walk { bytes: text.as_bytes(), at: 0, places: Self::default() };
        walk.value("");
        walk.places
    }

    /// Line and column of a value, both from 1; the column counts characters. `None` for one that is not there.
    pub fn find(&self, text: &str, path: &str) -> Option<(usize, usize)> {
        let before = text.get(..*self.offsets.get(path)?)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }
}

/// The path of a field of an object.
pub fn field(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}

/// The path of an element of a list.
pub fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    places: Places,
}

impl Walk<'_> {
    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes a comma or colon and what is around it. `false` at the end of a list or object, which it passes.
    fn goes_on(&mut self) -> bool {
        self.space();
        let end = matches!(self.peek(), Some(b'}' | b']') | None);
        self.at += 1;
        if !end {
            self.space();
        }
        !end
    }

    /// Calls `each` at the start of every member of a list or object, and passes its end.
    fn members(&mut self, mut each: impl FnMut(&mut Self)) {
        self.at += 1;
        self.space();
        if matches!(self.peek(), Some(b'}' | b']') | None) {
            self.at += 1;
            return;
        }
        each(self);
        while self.goes_on() {
            each(self);
        }
    }

    /// As deep as the parser goes, which has a limit.
    fn value(&mut self, path: &str) {
        self.space();
        self.places.offsets.insert(path.into(), self.at);
        match self.peek() {
            Some(b'{') => self.members(|walk| {
                let inner = field(path, &walk.string());
                walk.goes_on();
                if walk.places.offsets.contains_key(&inner) {
                    walk.places.repeated.push(inner.clone());
                }
                walk.value(&inner);
            }),
            Some(b'[') => {
                let mut index = 0;
                self.members(|walk| {
                    walk.value(&element(path, index));
                    index += 1;
                });
            }
            Some(b'"') => {
                self.string();
            }
            _ => {
                while self.peek().is_some_and(|byte| !b",]} \t\r\n".contains(&byte)) {
                    self.at += 1;
                }
            }
        }
    }

    /// A string, with its escapes undone.
    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.bytes.get(start..self.at).and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_line_and_column() {
        let text = "{\n  \"a\": [1, {\"b c\": \"x\\\"]\"}],\n  \"é\": {}, \"last\" : null\n}";
        let _: serde_json::Value = serde_json::from_str(text).unwrap();
        let places = Places::of(text);
        let at = |path| places.find(text, path);
        assert_eq!(at("a"), Some((2, 8)));
        assert_eq!(at("a[0]"), Some((2, 9)));
        assert_eq!(at("a[1].b c"), Some((2, 20)));
        assert_eq!(at("é"), Some((3, 8)));
        assert_eq!(at("last"), Some((3, 21)));
        assert_eq!(at("nowhere"), None);
        assert!(places.repeated.is_empty());
    }

    #[test]
    fn a_key_that_is_given_twice_is_named() {
        assert_eq!(Places::of(r#"{"a": {"x": [], "x": {}}, "b": [{"x": 1}, {"x": 2}]}"#).repeated, ["a.x"]);
    }
}
